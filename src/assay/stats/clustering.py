"""A test for clustering: do rows of one unit resemble each other more than rows of different units?

References
----------
Donner, A. "A review of inference procedures for the intraclass correlation coefficient in the one-way random
effects model." International Statistical Review 54(1), 1986. Phipson, B. and Smyth, G. K. "Permutation
p-values should never be zero." Statistical Applications in Genetics and Molecular Biology 9(1), 2010.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse, special

from assay.stats.clustered import design_effect
from assay.stats.unit_sums import by_unit, encode

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

# Rows that are permuted; beyond it units are thinned.
PERMUTED_ROWS = 30_000


@dataclass(frozen=True)
class ClusteringTest:
    """What the test for clustering found.

    Attributes
    ----------
    icc : float
        Intraclass correlation by analysis of variance, over all rows; 0 for independent rows in
        expectation. An estimate; nan if no unit has two rows, if there is one unit, or if the values are constant.
    design_effect : float
        How many times the variance of the mean exceeds that of independent rows. An estimate; nan like ``icc``.
    p_value : float
        Exact: P(p_value <= a) <= a if the values are exchangeable over rows.
    units, rows : int
    """

    icc: float
    design_effect: float
    p_value: float
    units: int
    rows: int


def test(  # not one of pytest's
    values: ArrayLike,
    units: ArrayLike,
    *,
    permutations: int = 999,  # noqa: PT028
    seed: int = 0,  # noqa: PT028
) -> ClusteringTest:
    """Test whether values cluster by unit.

    Guarantee (exact): if the values are exchangeable over rows (so in particular if rows are independent and
    alike), P(p_value <= a) <= a for every a, number of permutations and sizes of units. The values
    are dealt to the rows anew at random; the p-value is (1 + deals that vary between units at least as much) /
    (1 + permutations).

    Parameters
    ----------
    values : array of float, shape (rows,)
        Losses, scores or labels; finite.
    units : array of hashable values, shape (rows,)
    permutations : int, at least 1
        The smallest possible p-value is 1 / (1 + permutations).
    seed : int

    Returns
    -------
    ClusteringTest

    Raises
    ------
    ValueError
        As :func:`assay.stats.clustered.by_unit`, or if ``permutations`` is less than 1.

    Notes
    -----
    Beyond 30,000 rows the p-value is computed on fewer: each unit keeps at most q of its rows, drawn at
    random, with q >= 2 as large as fits; if even q = 2 is too much, units are drawn at random.
    A large p-value does not prove independence: with few rows a unit the test sees little, and
    dependence that leaves the units' means alike (a trend within each day) is not what it looks for.
    Cost: about half a second, whatever the number of rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> days = np.repeat(np.arange(30), 50)
    >>> errors = rng.random(1500) < np.repeat(rng.beta(2, 6, size=30), 50)
    >>> found = test(errors, days)
    >>> round(found.icc, 2), found.p_value
    (0.08, 0.001)
    """
    if permutations < 1:
        raise ValueError(f"permutations must be at least 1, got {permutations}")
    sums = by_unit(values, units)
    numbers = np.asarray(values, dtype=np.float64)
    codes, _ = encode(units)
    count, rows = sums.sizes.size, numbers.size
    sizes = sums.sizes.astype(np.float64)
    mean = float(numbers.mean()) if rows else 0.0
    centered = numbers - mean
    within_all = float(centered @ centered)
    if count < 2 or rows == count or within_all <= 1e-15 * rows * max(mean * mean, 1e-300):
        return ClusteringTest(float("nan"), float("nan"), 1.0, count, rows)

    between = float(np.sum((sums.totals - mean * sizes) ** 2 / sizes))
    between_mean = between / (count - 1)
    within_mean = max(within_all - between, 0.0) / (rows - count)
    typical = (rows - float(sizes @ sizes) / rows) / (count - 1)
    icc = (between_mean - within_mean) / (between_mean + (typical - 1) * within_mean)
    effect = design_effect(sums.totals, sums.sizes, variance=within_all / rows)

    rng = np.random.default_rng(seed)
    kept = _thinned(codes, sums.sizes, rng)
    p_value = _p_value(centered[kept], codes[kept], permutations, rng)
    return ClusteringTest(icc, effect, p_value, count, rows)


def detectable_effect(sizes: ArrayLike, level: float, power: float = 0.8) -> float:
    r"""Give the smallest design effect that :func:`test` finds with some power.

    An estimate. For normal values with intraclass correlation rho, the ratio of the mean squares between and within
    units is 1 + m rho / (1 - rho) times an F variable with (units - 1, rows - units) degrees of freedom (Searle,
    Casella and McCulloch 1992, section 3.6; m is the typical size of a unit, exact for units of one size), and the
    permutation test agrees with the F test in the limit. So the test at ``level`` has ``power`` once

    .. math:: 1 + m \rho / (1 - \rho) \ge F_{1 - level} / F_{1 - power},

    and the design effect is 1 + (sum of squared sizes / rows - 1) rho.

    Parameters
    ----------
    sizes : array of int, shape (units,)
        Rows of each unit.
    level : float in (0, 1)
        At which clustering is claimed.
    power : float in (0, 1)

    Returns
    -------
    float
        At least 1. Where rows hardly share a unit it is near 1 whatever the power: there, clustering does no harm.
        Infinite with one unit, of which nothing can be learned.

    Examples
    --------
    >>> round(detectable_effect([20] * 60, 0.01), 2)
    1.71
    >>> round(detectable_effect([300] * 4, 0.01), 1)
    11.0
    """
    n = np.asarray(sizes, dtype=np.float64)
    units, rows = n.size, float(n.sum())
    if units < 2:
        return float("inf")
    if rows <= units:
        return 1.0
    typical = (rows - float(n @ n) / rows) / (units - 1)
    high, low = special.fdtri(units - 1, rows - units, [1 - level, 1 - power])
    ratio = float(high / low)
    odds = max(ratio - 1.0, 0.0) / typical
    return float(1.0 + (float(n @ n) / rows - 1.0) * odds / (1.0 + odds))


def screen(values: ArrayLike, units: ArrayLike, *, permutations: int = 999, seed: int = 0) -> Floats:
    """Test many values of the same rows for clustering by unit at once.

    Guarantee (exact): if the rows are exchangeable, all values of a row together, P(any p-value <= a) <= a. Whole rows
    are dealt anew at random; each test's spread between units is held against the largest of all tests in each deal
    (Westfall, P. H. and Young, S. S. Resampling-Based Multiple Testing, 1993, maxT).

    Parameters
    ----------
    values : array of float, shape (rows, tests)
    units : array of hashable values, shape (rows,)
    permutations : int, at least 1
    seed : int

    Returns
    -------
    ndarray of float64, shape (tests,)
        1 where the values are constant, or each row is a unit of its own.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> days = np.repeat(np.arange(30), 50)
    >>> errors = rng.random(1500) < np.repeat(rng.beta(2, 6, size=30), 50)
    >>> screen(np.column_stack([errors, rng.random(1500)]), days).round(2).tolist()
    [0.0, 0.45]
    """
    codes, _ = encode(units)
    x = np.asarray(values, dtype=np.float64)
    x = x - x.mean(axis=0)
    spread = np.sqrt((x * x).mean(axis=0))
    varies = spread > 1e-12
    count = int(codes.max(initial=-1)) + 1
    adjusted = np.ones(x.shape[1])
    if count < 2 or count == codes.size or not varies.any():
        return adjusted
    x = x[:, varies] / spread[varies]
    weights = 1.0 / np.bincount(codes)

    def between(dealt: Codes) -> Floats:
        of_unit = sparse.csr_matrix((np.ones(dealt.size), dealt, np.arange(dealt.size + 1)), (dealt.size, count))
        totals = np.asarray(of_unit.T @ x)
        spreads: Floats = weights @ (totals * totals)
        return spreads

    rng = np.random.default_rng(seed)
    observed = between(codes) * (1 - 1e-9)
    reached = np.zeros(observed.size)
    for _ in range(permutations):
        reached += between(rng.permutation(codes)).max() >= observed
    adjusted[varies] = (1 + reached) / (1 + permutations)
    return adjusted


def _thinned(codes: Codes, sizes: NDArray[np.int64], rng: np.random.Generator) -> Codes:
    """Choose the rows to permute, without a look at their values."""
    rows = codes.size
    if rows <= PERMUTED_ROWS:
        return np.arange(rows)
    shuffled = rng.permutation(rows)
    by_code = shuffled[np.argsort(codes[shuffled], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    rank = np.arange(rows) - np.repeat(starts, sizes)
    most = PERMUTED_ROWS
    while most > 2 and int(np.minimum(sizes, most).sum()) > PERMUTED_ROWS:
        most = max(2, int(0.9 * most))
    kept = by_code[rank < most]
    if kept.size > PERMUTED_ROWS:
        pairs = rng.permutation(np.flatnonzero(sizes > 1))[: PERMUTED_ROWS // 2]
        kept = kept[np.isin(codes[kept], pairs)]
    return kept


def _p_value(values: Floats, codes: Codes, permutations: int, rng: np.random.Generator) -> float:
    _, codes = np.unique(codes, return_inverse=True)
    weights = 1.0 / np.bincount(codes)
    values = values - values.mean()

    def spread(dealt: Floats) -> float:
        totals = np.bincount(codes, dealt)
        return float((totals * totals) @ weights)

    # Equal sums in another order may differ by rounding; a deal that ties must count.
    observed = spread(values) * (1 - 1e-9)
    dealt = values.copy()
    reached = 0
    for _ in range(permutations):
        rng.shuffle(dealt)
        reached += spread(dealt) >= observed
    return (1 + reached) / (1 + permutations)
