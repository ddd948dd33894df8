"""Find the slices of a table on which a model fails most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import ndtri

from assay.debugging import features as columns_
from assay.debugging.objective import Excess, Score
from assay.debugging.search import search
from assay.debugging.slice_report import FoundSlice, SliceReport
from assay.errors import DataError, UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from assay.debugging.features import Binning
    from assay.debugging.search import Found, Objective

    Floats = NDArray[np.float64]

# The least support, unless it is given: a hundredth of the rows, and no fewer than this.
_FEWEST = 32


def find_slices(
    X: Any,
    errors: ArrayLike,
    *,
    k: int = 10,
    score_weight: float = 0.95,
    min_support: float | None = None,
    max_level: int | None = 3,
    bins: int | None = 10,
    binning: Binning = "quantile",
    ranges: bool = False,
    weights: ArrayLike | None = None,
    errors_old: ArrayLike | None = None,
    rank: Literal["score", "lcb"] = "score",
    alpha: float = 0.05,
) -> SliceReport:
    """Find the slices of a table on which a model fails most.

    A slice is the rows that meet up to ``max_level`` conditions, each on a column of its own: a value, a bin or, with
    ``ranges``, a range of neighboring bins; that a value is missing is a condition like any other. The best ``k`` of all
    slices with a positive score are found exactly, as by trying every one (:mod:`assay.debugging.search`).

    Guarantee: none for the errors of a slice as they are printed. They are those of the rows that were searched, and the
    worst of many slices looks bad in data where nothing is wrong.

    Parameters
    ----------
    X : DataFrame, Arrow table, mapping of columns, or ndarray of shape (rows, columns)
        What slices are described by. Whole numbers in an ndarray are codes, each a value of its own; everywhere else
        numbers and times of more than ``bins`` values are binned.
    errors : array of float, shape (rows,)
        Loss of each row, not negative: 1 for a mistake and 0 otherwise, or a squared error. Rows that are masked in a
        masked array do not count (:mod:`assay.debugging.losses`).
    k : int, at least 1
    score_weight : float, in (0, 1]
        Share of the error in SliceLine's score; the rest goes to the size.
    min_support : float, optional
        Smallest size of a slice: a share of the rows below 1, else a number of rows; by default a hundredth of them,
        and 32 at the least.
    max_level : int, optional
        Most conditions of a slice; ``None`` for no limit.
    bins : int, optional
        About so many bins for a number or a time; ``None`` for none, each value a condition.
    binning : {"quantile", "width"}
        Bins of as many rows (a value that fills a bin gets one of its own), or of the same width.
    ranges : bool
        Whether every range of neighboring bins is a condition too.
    weights : array of float, shape (rows,), optional
        How much a row counts; sizes and means are weighted.
    errors_old : array of float, shape (rows,), optional
        Loss of another model on the same rows: slices are those where the loss rose most.
    rank : {"score", "lcb"}
        By SliceLine's score, or by a lower bound of the errors of the slice beyond the rate of the other rows
        (:class:`assay.debugging.objective.Excess`), for which there is no weight to choose.
    alpha : float, in (0, 1)
        Error probability of all lower bounds together.

    Returns
    -------
    SliceReport
        Iterates over its slices, best first; a slice prints as its predicate in SQL.

    Raises
    ------
    DataError
        If lengths differ, or an error is missing or negative; it names the row.
    UsageError
        If an option is out of range.

    Notes
    -----
    Cost: 50,000 rows of 14 columns take about 0.05 s of CPU, a million about a second; it grows with the rows, with
    the square of the columns, and with each level.

    References
    ----------
    Sagadeeva, S. and Boehm, M. "SliceLine: fast, linear-algebra-based slice finding for ML model debugging." SIGMOD
    2021.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> hour, carrier = rng.integers(0, 24, 5000), rng.choice(["EV", "UA", "DL"], 5000)
    >>> wrong = rng.random(5000) < np.where((carrier == "EV") & (hour >= 17), 0.4, 0.1)
    >>> print(find_slices({"hour": hour, "carrier": carrier}, wrong, bins=None, ranges=True, rank="lcb")[0])
    hour >= 17 AND carrier = 'EV'
    """
    _options(k, score_weight, min_support, max_level, bins, binning, rank, alpha)
    held = columns_.columns_of(X)
    rows = _Rows.of(next(iter(held.values())).size, errors, errors_old, weights)
    if rows.kept is not None:
        held = {name: values[rows.kept] for name, values in held.items()}
    if isinstance(X, np.ndarray) and X.dtype.kind in "iu":
        bins = None
    features = columns_.learn(held, bins, binning)
    coded = columns_.encode(features, held, ranges=ranges)
    support = _support(min_support, rows.size)
    level = len(features) if max_level is None else min(max_level, len(features))
    found: list[Found] = []
    if np.any(rows.values):
        objective: Objective = Score(rows.size, rows.mean, rows.scale, score_weight)
        if rank == "lcb":
            # No more slices than this have the support.
            number = rows.size / support * sum(map(coded.memberships, range(1, level + 1)))
            objective = Excess(rows.size, rows.mean, rows.spread, float(ndtri(1 - alpha / number)))
        found = search(coded, rows.values, objective, k=k, support=support, max_level=level, weights=rows.weights)
    slices = tuple(_described(each, features, rows) for each in found)
    return SliceReport(slices, rows.values.size, rows.size, rows.mean, support, level, tuple(held))


@dataclass(frozen=True)
class _Rows:
    """Checked values and weights of the rows that count; ``kept`` says which those are, if not all."""

    values: Floats
    weights: Floats | None
    kept: NDArray[np.bool_] | None

    @classmethod
    def of(cls, rows: int, errors: ArrayLike, errors_old: ArrayLike | None, weights: ArrayLike | None) -> _Rows:
        values = _losses("errors", errors, rows)
        out = np.ma.getmaskarray(values).copy()
        if errors_old is not None:
            before = _losses("errors_old", errors_old, rows)
            out |= np.ma.getmaskarray(before)
            values = values - before
        each = None
        if weights is not None:
            each = np.asarray(weights, dtype=np.float64)
            if each.shape != (rows,):
                raise DataError(f"weights must have one entry for each of the {rows} rows, got shape {each.shape}")
            wrong = ~(np.isfinite(each) & (each >= 0))
            if wrong.any():
                row = int(np.argmax(wrong))
                raise DataError(f"weights must be finite and not negative: row {row} has {each[row]}")
            out |= each == 0
        if out.all():
            raise DataError("no row counts: all are masked or have the weight 0")
        kept = ~out if out.any() else None
        plain = np.asarray(np.ma.getdata(values), dtype=np.float64)
        if kept is None:
            return cls(plain, each, None)
        return cls(plain[kept], None if each is None else each[kept], kept)

    @property
    def size(self) -> float:
        return float(self.values.size if self.weights is None else self.weights.sum())

    @property
    def mean(self) -> float:
        return float(np.average(self.values, weights=self.weights))

    @property
    def scale(self) -> float:
        return float(np.average(np.abs(self.values), weights=self.weights))

    @property
    def spread(self) -> float:
        """Standard deviation of a weighted value, in units of the mean weight."""
        weights = np.ones_like(self.values) if self.weights is None else self.weights
        return float(np.sqrt(np.sum((weights * (self.values - self.mean)) ** 2) / weights.sum()))


def _losses(name: str, given: ArrayLike, rows: int) -> np.ma.MaskedArray[Any, Any]:
    try:
        values: np.ma.MaskedArray[Any, Any] = np.ma.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise DataError(f"{name} must be numbers or truth values: {problem}") from problem
    if values.shape != (rows,):
        raise DataError(f"{name} must have one entry for each of the {rows} rows, got shape {values.shape}")
    plain = np.ma.getdata(values)
    wrong = ~(np.isfinite(plain) & (plain >= 0)) & ~np.ma.getmaskarray(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{name} must be finite and not negative: row {row} has {plain[row]}")
    return values


def _support(given: float | None, size: float) -> float:
    if given is None:
        return float(max(_FEWEST, math.ceil(size / 100)))
    return float(given * size if given < 1 else given)


def _options(
    k: int,
    score_weight: float,
    min_support: float | None,
    max_level: int | None,
    bins: int | None,
    binning: str,
    rank: str,
    alpha: float,
) -> None:
    if k < 1:
        raise UsageError(f"k must be at least 1, got {k}")
    if not 0 < score_weight <= 1:
        raise UsageError(f"score_weight must lie in (0, 1], got {score_weight}: at 0 all rows are the best slice")
    if min_support is not None and not min_support > 0:
        raise UsageError(f"min_support must be positive, got {min_support}")
    if max_level is not None and max_level < 1:
        raise UsageError(f"max_level must be at least 1, got {max_level}; None is for no limit")
    if bins is not None and bins < 2:
        raise UsageError(f"bins must be at least 2, got {bins}; None is for no bins")
    if binning not in ("quantile", "width"):
        raise UsageError(f'binning must be "quantile" or "width", got {binning!r}')
    if rank not in ("score", "lcb"):
        raise UsageError(f'rank must be "score" or "lcb", got {rank!r}')
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie in (0, 1), got {alpha}")


def _described(found: Found, features: list[columns_.Feature], rows: _Rows) -> FoundSlice:
    left = rows.size - found.size
    rest = (rows.mean * rows.size - found.total) / left if left > 1e-9 * rows.size else float("nan")
    return FoundSlice(
        predicates=tuple(features[column].predicate(first, last) for column, first, last in found.conditions),
        score=found.score,
        size=found.size,
        total_error=found.total,
        mean_error=found.total / found.size,
        max_error=found.largest,
        rest_error=rest,
    )
