r"""Which of several embeddings has the least error of one nearest neighbor, at the cost of embedding few rows.

Each embedding takes training rows in the same order, ever more of them, and all are judged on the same held-out rows, so
that a gap between two is a paired difference. An embedding is dropped after a round if the error of some other with the same
training rows is certainly less: McNemar's exact one-sided test rejects the opposite at alpha / (M (M - 1) T) for
M embeddings and T rounds. So P(some embedding is dropped whose error at that many rows is not the larger of the two) <= alpha.
It could still have been the best with all rows: curves may cross, and nothing is promised about that.

What is left with all rows has an error whose upper limit is Clopper-Pearson's at alpha / M. The price M is that of all
embeddings, not of those left: with all rows each is a classifier that was fixed before the held-out labels were seen. The
limit of the least error without that price is below the truth far more often than alpha.

References
----------
Jamieson, K. and Talwalkar, A. "Non-stochastic best arm identification and hyperparameter optimization." AISTATS 2016.
Renggli, C. et al. "Automatic feasibility study via data quality analysis for ML: a case-study on label noise." ICDE 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.errors import DataError, UsageError
from assay.feasibility.inequalities import cover_hart
from assay.stats import binomial
from assay.stats.neighbors import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Race:
    """Embeddings side by side.

    Attributes
    ----------
    best : str
        The embedding with the least error among those that took all training rows.
    error : float
        Of one nearest neighbor, held out.
    estimate : float
        The Cover-Hart number of that error: an estimate, and the least of several, so that it is too small on average.
    upper : float
        Exact upper limit of the error of the best, and so of the Bayes error, at ``alpha`` over all embeddings.
    curves : dict of str to tuple of (int, float)
        Training rows and error after each round.
    dropped : dict of str to int
        Embeddings that were dropped, and after how many training rows.
    embedded : int
        Rows that were embedded, over all embeddings.
    """

    best: str
    error: float
    estimate: float
    upper: float
    curves: Mapping[str, tuple[tuple[int, float], ...]]
    dropped: Mapping[str, int]
    embedded: int


class _Arm:
    """One embedding, with the nearest training row so far of each held-out row."""

    def __init__(self, embed: Callable[[NDArray[np.intp]], Any], test: NDArray[np.intp], metric: Any) -> None:
        self.embed, self.metric = embed, metric
        self.test = _matrix(embed(test), test.size)
        self.distances = np.full(test.size, np.inf)
        self.labels = np.full(test.size, -1, dtype=np.int64)
        self.curve: list[tuple[int, float]] = []

    def take(self, rows: NDArray[np.intp], labels: NDArray[np.int64], truth: NDArray[np.int64], total: int) -> None:
        try:
            distances, indices = nearest(self.test, _matrix(self.embed(rows), rows.size), 1, self.metric)
        except ValueError as problem:
            raise DataError(f"an embedding cannot be used: {problem}") from problem
        closer = distances[:, 0] < self.distances
        self.distances[closer] = distances[closer, 0]
        self.labels[closer] = labels[indices[closer, 0]]
        self.curve.append((total, float(np.mean(self.labels != truth))))


def best_embedding(
    embeddings: Mapping[str, Any],
    y: ArrayLike,
    *,
    test: ArrayLike | None = None,
    first: int = 1000,
    drop: Literal["paired", "halving", "none"] = "paired",
    alpha: float = 0.05,
    metric: Any = "euclidean",
    seed: int = 0,
) -> Race:
    """Find the embedding in which one nearest neighbor errs least.

    Parameters
    ----------
    embeddings : mapping of str to array of shape (rows, features), or to callable
        A callable takes indices of rows and gives their embedding; it is asked for as few rows as it takes.
    y : array, shape (rows,)
        Classes.
    test : array of int, optional
        Indices of the rows to hold out; by default half of them at random.
    first : int, at least 1
        Training rows of the first round; each round doubles them.
    drop : {"paired", "halving", "none"}
        ``paired`` drops what is certainly worse at the same number of rows; ``halving`` the worse half after each round,
        whatever the gap, as successive halving does, with nothing promised; ``none`` drops nothing.
    alpha : float, in (0, 1)
        Error probability of ``upper``, and another of what is dropped by ``paired``.
    metric : {"euclidean", "cosine"}
    seed : int

    Returns
    -------
    Race

    Raises
    ------
    DataError, UsageError
        If an embedding, the labels or an argument cannot be used.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, size=4000)
    >>> signal = 2.0 * y + rng.normal(size=4000)
    >>> noise = rng.normal(size=(4000, 30))
    >>> race = best_embedding({"signal": signal[:, None], "drowned": np.column_stack([signal, 3 * noise])}, y, first=250)
    >>> race.best, race.dropped
    ('signal', {'drowned': 250})
    """
    labels, names = _labels(y, embeddings, alpha, first, drop)
    count = labels.size
    order = np.random.default_rng(seed).permutation(count)
    held = order[: count // 2] if test is None else np.unique(np.asarray(test, dtype=np.intp))
    if not held.size or held.min() < 0 or held.max() >= count or held.size == count:
        raise UsageError(f"test must hold out some of the {count} rows, and leave some to train on")
    free = np.ones(count, dtype=bool)
    free[held] = False
    train = order[free[order]]
    arms = {name: _Arm(_callable(name, given, count), held, metric) for name, given in embeddings.items()}
    rounds = _rounds(train.size, first)
    level = alpha / max(1, len(arms) * (len(arms) - 1) * len(rounds))
    left, dropped, done = dict(arms), {}, 0
    truth = labels[held]
    for total in rounds:
        rows = train[done:total]
        for arm in left.values():
            arm.take(rows, labels[rows], truth, total)
        done = total
        if total == train.size:
            break
        for name in _worse(left, truth, drop, level):
            del left[name]
            dropped[name] = total
    wrong = {name: int(np.count_nonzero(arm.labels != truth)) for name, arm in left.items()}
    best = min(wrong, key=lambda name: wrong[name])
    error = wrong[best] / held.size
    return Race(
        best,
        error,
        cover_hart(error, names),
        binomial.upper(wrong[best], held.size, alpha / len(arms)),
        {name: tuple(arm.curve) for name, arm in arms.items()},
        dropped,
        sum(held.size + arm.curve[-1][0] for arm in arms.values()),
    )


def _worse(left: dict[str, _Arm], truth: NDArray[np.int64], drop: str, level: float) -> list[str]:
    if drop == "none" or len(left) == 1:
        return []
    wrong = {name: arm.labels != truth for name, arm in left.items()}
    ordered = sorted(left, key=lambda name: int(wrong[name].sum()))
    if drop == "halving":
        return ordered[-(-len(ordered) // 2) :]
    best = wrong[ordered[0]]
    worse = []
    for name in ordered[1:]:
        lost, won = int(np.sum(wrong[name] & ~best)), int(np.sum(best & ~wrong[name]))
        # McNemar's test: of the rows on which one of two alone is wrong.
        if binomial.p_value_greater(lost, lost + won, 0.5) <= level:
            worse.append(name)
    return worse


def _rounds(rows: int, first: int) -> list[int]:
    sizes = []
    while first < rows:
        sizes.append(first)
        first *= 2
    return [*sizes, rows]


def _labels(
    y: ArrayLike, embeddings: Mapping[str, Any], alpha: float, first: int, drop: str
) -> tuple[NDArray[np.int64], int]:
    if not embeddings:
        raise UsageError("there is no embedding: give one or more by name")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie in (0, 1), got {alpha}")
    if first < 1:
        raise UsageError(f"first must be at least 1, got {first}")
    if drop not in ("paired", "halving", "none"):
        raise UsageError(f'drop must be "paired", "halving" or "none", got {drop!r}')
    given = np.asarray(y)
    if given.ndim != 1 or given.size < 2:
        raise DataError(f"y must have one label for each of two rows or more, got shape {given.shape}")
    names, codes = np.unique(given, return_inverse=True)
    if names.size < 2:
        raise DataError(f"the label has one class, {names[0]}: there is nothing to predict")
    return codes.astype(np.int64), int(names.size)


def _callable(name: str, given: Any, rows: int) -> Callable[[NDArray[np.intp]], Any]:
    if callable(given):
        return given  # type: ignore[no-any-return]
    matrix = np.asarray(given)
    if matrix.ndim != 2 or len(matrix) != rows:
        raise DataError(f"embedding {name!r} must have one row for each of the {rows} labels, got shape {matrix.shape}")
    return lambda places: matrix[places]


def _matrix(given: Any, rows: int) -> NDArray[Any]:
    matrix = np.asarray(given)
    if matrix.ndim != 2 or len(matrix) != rows:
        raise DataError(f"an embedding of {rows} rows must have as many, got shape {matrix.shape}")
    return matrix
