"""A test for clustering: do rows of one unit resemble each other more than rows of different units?

References
----------
Donner, A. "A review of inference procedures for the intraclass correlation coefficient in the one-way random
effects model." International Statistical Review 54(1), 1986. Phipson, B. and Smyth, G. K. "Permutation
p-values should never be zero." Statistical Applications in Genetics and Molecular Biology 9(1), 2010.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from assay.stats.clustered import design_effect
from assay.stats.clustering_power import detectable_correlation
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
    detectable : float
        The smallest design effect that the test finds at the level asked for with probability 0.8; where that is more
        than these units can have, the most that they can. An estimate; nan if no level was given, or it is found.
    """

    icc: float
    design_effect: float
    p_value: float
    units: int
    rows: int
    detectable: float = math.nan


def test(  # not one of pytest's
    values: ArrayLike,
    units: ArrayLike,
    *,
    permutations: int = 999,  # noqa: PT028
    seed: int = 0,  # noqa: PT028
    level: float | None = None,  # noqa: PT028
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
    level : float in (0, 0.5], optional
        At which clustering will be claimed, not below the smallest possible p-value: gives ``detectable``.

    Returns
    -------
    ClusteringTest

    Raises
    ------
    ValueError
        As :func:`assay.stats.clustered.by_unit`, or if ``permutations`` is less than 1 or too few for ``level``.

    Notes
    -----
    Beyond 30,000 rows the p-value is computed on fewer: each unit keeps at most q of its rows, drawn at
    random, with q >= 2 as large as fits; if even q = 2 is too much, units are drawn at random.
    The deals depend on the values and on who shares a unit, not on the order of rows or the names of units.
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
    if level is not None and not 1 / (1 + permutations) <= level <= 0.5:
        raise ValueError(
            f"level must lie between the smallest p-value, {1 / (1 + permutations):.2g}, and 0.5, got {level}"
        )
    by_unit(values, units)
    numbers = np.asarray(values, dtype=np.float64)
    codes, _ = encode(units)
    order, codes = canonical(numbers[:, None], codes)
    numbers = numbers[order]
    sums = by_unit(numbers, codes)
    count, rows = sums.sizes.size, numbers.size
    sizes = sums.sizes.astype(np.float64)
    mean = float(numbers.mean()) if rows else 0.0
    centered = numbers - mean
    within_all = float(centered @ centered)
    if count < 2 or rows == count or within_all <= 1e-15 * rows * max(mean * mean, 1e-300):
        unseen = math.nan if level is None else 1.0 if rows == count > 1 else math.inf
        return ClusteringTest(float("nan"), float("nan"), 1.0, count, rows, unseen)

    between = float(np.sum((sums.totals - mean * sizes) ** 2 / sizes))
    between_mean = between / (count - 1)
    within_mean = max(within_all - between, 0.0) / (rows - count)
    typical = (rows - float(sizes @ sizes) / rows) / (count - 1)
    icc = (between_mean - within_mean) / (between_mean + (typical - 1) * within_mean)
    effect = design_effect(sums.totals, sums.sizes, variance=within_all / rows)

    rng = np.random.default_rng(seed)
    kept = _thinned(codes, sums.sizes, rng)
    values_kept, codes_kept = centered[kept], np.unique(codes[kept], return_inverse=True)[1]
    observed, dealt = _dealt(values_kept, codes_kept, permutations, rng)
    p_value = (1 + int((dealt >= observed).sum())) / (1 + permutations)
    unseen = math.nan
    if level is not None and p_value > level:
        correlation = detectable_correlation(values_kept, codes_kept, dealt, level, rng)
        unseen = 1.0 + (_most(sizes) - 1.0) * correlation
    return ClusteringTest(icc, effect, p_value, count, rows, unseen)


def coarser(groups: ArrayLike, units: ArrayLike) -> bool:
    """Tell whether each unit lies in one group, and some group has several units; groups and units are of rows."""
    codes = np.asarray(groups)
    _, first, place = np.unique(units, return_index=True, return_inverse=True)
    return bool((codes[first][place] == codes).all()) and np.unique(codes).size < first.size


def of_units(values: ArrayLike, groups: ArrayLike, units: ArrayLike | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give a value and the group of each thing that is taken for independent: of rows, or of the units declared.

    The value of a unit is its total less the mean of all rows times its size, which is what bounds on units bet on. If
    units are exchangeable, so are these, whatever their sizes: the mean is the same function of all units.

    Parameters
    ----------
    values : array of float, shape (rows,)
    groups : array, shape (rows,)
        One for all rows of a unit (:func:`coarser`).
    units : array, shape (rows,), or None
        ``None`` if rows are independent: then nothing changes.

    Examples
    --------
    >>> of_units([1, 0, 0, 0], ["a", "a", "b", "b"], [1, 1, 2, 3])
    (array([ 0.5 , -0.25, -0.25]), array(['a', 'b', 'b'], dtype='<U1'))
    """
    numbers, codes = np.asarray(values), np.asarray(groups)
    if units is None:
        return numbers, codes
    _, first, place = np.unique(units, return_index=True, return_inverse=True)
    return np.bincount(place, numbers - numbers.mean()), codes[first]


def screen(
    values: ArrayLike, units: ArrayLike, *, level: float, permutations: int = 999, seed: int = 0
) -> tuple[Floats, float]:
    """Test many values of the same rows for clustering by unit at once.

    Guarantee (exact): if the rows are exchangeable, all values of a row together, P(any p-value <= a) <= a. Whole rows
    are dealt anew at random; each test's spread between units is held against the largest of all tests in each deal
    (Westfall, P. H. and Young, S. S. Resampling-Based Multiple Testing, 1993, maxT).

    Parameters
    ----------
    values : array of float, shape (rows, tests)
    units : array of hashable values, shape (rows,)
    level : float in (0, 1)
        At which clustering will be claimed.
    permutations : int, at least 1
    seed : int

    Returns
    -------
    adjusted : ndarray of float64, shape (tests,)
        1 where the values are constant, or each row is a unit of its own.
    detectable : float
        The smallest intraclass correlation that is found with probability 0.8 in the values in which it is hardest to
        see. An estimate; 1 where not even that is, infinite with one unit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> days = np.repeat(np.arange(30), 50)
    >>> errors = rng.random(1500) < np.repeat(rng.beta(2, 6, size=30), 50)
    >>> adjusted, detectable = screen(np.column_stack([errors, rng.random(1500)]), days, level=0.01)
    >>> adjusted.round(2).tolist(), round(detectable, 2)
    ([0.0, 0.43], 0.03)
    """
    codes, _ = encode(units)
    x = np.asarray(values, dtype=np.float64)
    order, codes = canonical(x, codes)
    x = x[order]
    x = x - x.mean(axis=0)
    spread = np.sqrt((x * x).mean(axis=0))
    varies = spread > 1e-12
    count = int(codes.max(initial=-1)) + 1
    adjusted = np.ones(x.shape[1])
    sizes = np.bincount(codes).astype(np.float64)
    if count < 2:
        return adjusted, float("inf")
    if count == codes.size or not varies.any():
        return adjusted, 1.0
    x = x[:, varies] / spread[varies]
    weights = 1.0 / sizes

    def between(dealt: Codes) -> Floats:
        of_unit = sparse.csr_matrix((np.ones(dealt.size), dealt, np.arange(dealt.size + 1)), (dealt.size, count))
        totals = np.asarray(of_unit.T @ x)
        spreads: Floats = weights @ (totals * totals)
        return spreads

    rng = np.random.default_rng(seed)
    observed = between(codes) * (1 - 1e-9)
    reached, largest = np.zeros(observed.size), np.empty(permutations)
    for k in range(permutations):
        largest[k] = between(rng.permutation(codes)).max()
        reached += largest[k] >= observed
    adjusted[varies] = (1 + reached) / (1 + permutations)
    # The rarer an event is, the harder is it to see; a constant has no variance that could be larger.
    rarest = x[:, np.argmax((x**4).sum(axis=0))]
    return adjusted, detectable_correlation(rarest, codes, largest, level, rng)


def canonical(values: Floats, codes: Codes) -> tuple[Codes, Codes]:
    """Put rows in an order that hangs on what they hold alone, and number units by it.

    Parameters
    ----------
    values : ndarray of float64, shape (rows, tests)
    codes : ndarray of int, shape (rows,)

    Returns
    -------
    order, codes : ndarray of int, shape (rows,)
        Which row comes where; and the unit of each row in that order. Units with the same values are interchangeable.
    """
    # Sums of the same numbers in another order differ by rounding.
    bits = (values + 0.0).astype(np.float32).view(np.uint32).astype(np.uint64)
    row = np.full(codes.size, 0x9E3779B97F4A7C15, dtype=np.uint64)
    for column in bits.T:
        row = mixed(row ^ column)
    unit = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.uint64)
    np.add.at(unit, codes, mixed(row))
    order = np.lexsort((row, codes, unit[codes]))
    ordered = codes[order]
    return order, np.cumsum(np.append(0, ordered[1:] != ordered[:-1])) if codes.size else codes


def mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter 64 bits (the finalizer of splitmix64; Steele, Lea and Flood, OOPSLA 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


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


def _dealt(values: Floats, codes: Codes, permutations: int, rng: np.random.Generator) -> tuple[float, Floats]:
    """Give the spread between units, and that of each deal of the values to the rows."""
    weights = 1.0 / np.bincount(codes)
    values = values - values.mean()

    def spread(dealt: Floats) -> float:
        totals = np.bincount(codes, dealt)
        # Threads of a matrix product would only wait for each other.
        return float(np.einsum("i,i,i", totals, totals, weights))

    # Equal sums in another order may differ by rounding; a deal that ties must count.
    observed = spread(values) * (1 - 1e-9)
    dealt = values.copy()
    spreads = np.empty(permutations)
    for k in range(permutations):
        rng.shuffle(dealt)
        spreads[k] = spread(dealt)
    return observed, spreads


def _most(sizes: Floats) -> float:
    """Give the design effect of units whose rows are all alike."""
    return float(sizes @ sizes / sizes.sum())
