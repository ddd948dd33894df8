r"""The error of one nearest neighbor while labels are being mended, and which to mend first.

Neighbors depend on features alone. Let a training row be nearest to the held-out rows J. Given the counts of labels in J, a
new label for that row moves the number of errors by count[old] - count[new], and a new label for a held-out row moves it by
one at most. Each edit is a few additions of whole numbers, so the number of errors is what counting anew would give.

Training rows share no held-out row, so the changes that mending several of them makes add up: the best k to mend are the k
best ones.

References
----------
Renggli, C. et al. "Automatic feasibility study via data quality analysis for ML: a case-study on label noise." ICDE 2023.
Jia, R. et al. "Efficient task-specific data valuation for nearest neighbor algorithms." VLDB 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from assay.errors import DataError, UsageError
from assay.feasibility.inequalities import cover_hart
from assay.stats.neighbors import nearest

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from assay.feasibility.estimates import Codes, Floats

# Other rows whose labels say what a training row's label may be.
NEIGHBORS = 10


class CleaningOrder(NamedTuple):
    """Which rows to mend first, and what it is expected to bring.

    Attributes
    ----------
    rows : ndarray of int
        Training rows, the best first.
    drop : ndarray of float
        How much the Cover-Hart number is expected to be lower after the first, the first two, and so on: an estimate.
    """

    rows: NDArray[np.intp]
    drop: Floats


class NeighborLabels:
    """Labels that can be mended, with the error of one nearest neighbor kept up to date.

    Parameters
    ----------
    train : array of float, shape (rows, features)
    train_y : array of int, shape (rows,)
        Codes of the classes, from 0 to classes - 1.
    test, test_y : likewise
    classes : int, optional
        By default one more than the largest code.
    metric : {"euclidean", "cosine"}

    Attributes
    ----------
    errors : int
        Held-out rows whose nearest training row has another label.

    Raises
    ------
    DataError
        If features or labels cannot be used.

    Examples
    --------
    >>> labels = NeighborLabels([[0.0], [1.0]], [0, 0], [[0.1], [0.9], [1.1]], [0, 1, 1])
    >>> labels.errors, labels.error
    (2, 0.6666666666666666)
    >>> labels.mend_train(1, 1)
    >>> labels.errors
    0
    """

    def __init__(
        self,
        train: ArrayLike,
        train_y: ArrayLike,
        test: ArrayLike,
        test_y: ArrayLike,
        *,
        classes: int | None = None,
        metric: Any = "euclidean",
    ) -> None:
        given, held = np.asarray(train_y), np.asarray(test_y)
        most = 1 + max((int(part.max()) for part in (given, held) if part.size and part.dtype.kind in "iu"), default=1)
        self.classes = max(2, most) if classes is None else int(classes)
        self._train_y = _codes("train_y", given, self.classes)
        self._test_y = _codes("test_y", held, self.classes)
        self._train, self._metric = np.asarray(train), metric
        for name, rows, labels in (("train", self._train, given), ("test", np.asarray(test), held)):
            if len(rows) != labels.size or not labels.size:
                raise DataError(
                    f"{name} has {len(rows)} rows and {labels.size} labels: give one label for each, and some rows"
                )
        try:
            self._nearest = nearest(test, self._train, 1, metric)[1][:, 0]
        except ValueError as problem:
            raise DataError(str(problem)) from problem
        # Only rows that are nearest to something have counts.
        used, place = np.unique(self._nearest, return_inverse=True)
        self._slot = np.full(len(self._train), -1, dtype=np.intp)
        self._slot[used] = np.arange(used.size)
        self._used = used
        self._counts = np.zeros((used.size, self.classes), dtype=np.int64)
        np.add.at(self._counts, (place, self._test_y), 1)
        self.errors = self.recount()

    @property
    def error(self) -> float:
        """Share of held-out rows whose nearest training row has another label."""
        return self.errors / self._test_y.size

    @property
    def bayes_error(self) -> float:
        """The Cover-Hart number of that error: an estimate."""
        return float(cover_hart(self.error, self.classes))

    def mend_train(self, row: int, label: int) -> None:
        """Give a training row another label."""
        self._check(row, label, self._train_y)
        slot = self._slot[row]
        if slot >= 0:
            self.errors += int(self._counts[slot, self._train_y[row]] - self._counts[slot, label])
        self._train_y[row] = label

    def mend_test(self, row: int, label: int) -> None:
        """Give a held-out row another label."""
        self._check(row, label, self._test_y)
        old, neighbor = self._test_y[row], self._nearest[row]
        said = self._train_y[neighbor]
        self.errors += int(said != label) - int(said != old)
        slot = self._slot[neighbor]
        self._counts[slot, old] -= 1
        self._counts[slot, label] += 1
        self._test_y[row] = label

    def recount(self) -> int:
        """Count the errors anew."""
        return int(np.count_nonzero(self._train_y[self._nearest] != self._test_y))

    def clean_first(self, k: int, *, probabilities: ArrayLike | None = None) -> CleaningOrder:
        """Give the k training rows whose labels to mend first, by how much it is expected to lower the Bayes error.

        A row whose true label is c with probability p(c) is expected to cause sum_c p(c) (|J| - count[c]) errors once
        mended, against |J| - count[label] now. An estimate: as good as the probabilities.

        Parameters
        ----------
        k : int, at least 1
            Fewer come back if fewer rows are expected to lower the error.
        probabilities : array of float, shape (rows, classes), optional
            What the true label of each training row may be, from a model that did not learn from that row's label. By
            default the share of each class among the ten nearest other training rows.

        Returns
        -------
        CleaningOrder
        """
        if k < 1:
            raise UsageError(f"k must be at least 1, got {k}")
        shares = self._shares() if probabilities is None else np.asarray(probabilities, dtype=np.float64)
        if shares.shape != (len(self._train), self.classes):
            raise DataError(f"probabilities must have shape {(len(self._train), self.classes)}, got {shares.shape}")
        counts = self._counts
        gain = (shares[self._used] * counts).sum(axis=1) - counts[np.arange(len(counts)), self._train_y[self._used]]
        order = np.argsort(-gain, kind="stable")[:k]
        order = order[gain[order] > 0]
        errors = np.maximum(self.errors - np.cumsum(gain[order]), 0)
        drop = self.bayes_error - cover_hart(errors / self._test_y.size, self.classes)
        return CleaningOrder(self._used[order], np.asarray(drop, dtype=np.float64))

    def _shares(self) -> Floats:
        most = min(NEIGHBORS + 1, len(self._train))
        near = nearest(self._train[self._used], self._train, most, self._metric)[1]
        shares = np.zeros((len(self._train), self.classes))
        for column in near.T:
            others = column != self._used
            np.add.at(shares, (self._used[others], self._train_y[column[others]]), 1.0)
        total = shares.sum(axis=1, keepdims=True)
        found: Floats = np.divide(shares, total, out=np.full_like(shares, 1 / self.classes), where=total > 0)
        return found

    def _check(self, row: int, label: int, labels: Codes) -> None:
        if not (0 <= row < labels.size and 0 <= label < self.classes):
            raise UsageError(
                f"row and label must be from 0 to {labels.size - 1} and from 0 to {self.classes - 1}, got {row} and {label}"
            )


def _codes(name: str, labels: NDArray[Any], classes: int) -> Codes:
    if (
        labels.ndim != 1
        or labels.dtype.kind not in "iu"
        or (labels.size and not 0 <= labels.min() <= labels.max() < classes)
    ):
        raise DataError(f"{name} must be whole numbers from 0 to {classes - 1}, one for each row")
    return labels.astype(np.int64)
