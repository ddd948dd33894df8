"""A test for clustering across units: do rows of one group resemble each other although they are of different units?

Units that are declared (customers) can be crossed by what makes them alike (days). Their sums then lie in no group, so that
:mod:`.clustering` cannot test them. What is tested here are cells: what a unit has in one group.

References
----------
Lehmann, E. L. and Romano, J. P. *Testing Statistical Hypotheses*, 3rd ed., 2005, section 15.2 (randomization tests).
Cameron, A. C., Gelbach, J. B. and Miller, D. L. "Robust inference with multiway clustering." Journal of Business and
Economic Statistics 29(2), 2011 (the variance of a mean where two groupings cross).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.stats.clustering import PERMUTED_ROWS, ClusteringTest, mixed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

# Most cells of one unit that are dealt; units are compared with those that have as many.
_CELLS = 8


def crosses(groups: ArrayLike, units: ArrayLike) -> bool:
    """Tell whether some unit lies in several groups, and some group has several units; groups and units are of rows."""
    pairs = np.unique(np.stack([_codes(units), _codes(groups)]), axis=1)
    return all(np.unique(side).size < side.size for side in pairs)


def test(  # not one of pytest's
    values: ArrayLike,
    groups: ArrayLike,
    units: ArrayLike,
    *,
    permutations: int = 999,  # noqa: PT028
    seed: int = 0,  # noqa: PT028
) -> ClusteringTest:
    """Test whether values cluster by group beside the units that they are known to cluster by.

    Guarantee (exact): if units are independent and alike, and what they hold does not depend on its group, then
    P(p_value <= a) <= a, whatever rows of one unit have to do with each other. Proof: of each unit up to 8 cells are drawn,
    in random order, and a row of each. The values of these rows are then independent of their groups, and alike over units
    with as many cells: to deal whole lists of values to such units anew changes no probability.

    Parameters
    ----------
    values : array of float, shape (rows,)
    groups, units : array, shape (rows,)
    permutations : int, at least 1
    seed : int

    Returns
    -------
    ClusteringTest
        ``design_effect`` is how many times the variance of the mean exceeds that of independent units, an estimate;
        ``icc`` what two cells of one group have in common, an estimate; ``units`` the groups, ``rows`` the cells.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> customers, days = np.repeat(np.arange(300), 4), rng.integers(0, 20, 1200)
    >>> found = test(rng.normal(size=20)[days] + rng.normal(size=1200), days, customers)
    >>> found.p_value, found.design_effect > 10
    (0.001, True)
    """
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers - (numbers.mean() if numbers.size else 0.0)
    unit, group = _codes(units), _codes(groups)
    pairs, cell = np.unique(np.stack([unit, group]), axis=1, return_inverse=True)
    total = np.bincount(cell.ravel(), numbers)
    of_unit = np.bincount(unit, numbers)
    together = np.bincount(group, numbers)
    count = together.size
    alone = float(of_unit @ of_unit)
    inside = float(total @ total)
    across = float(together @ together) - inside
    if count < 2 or alone <= 1e-15 * numbers.size:
        return ClusteringTest(float("nan"), float("nan"), 1.0, count, total.size)
    sizes = np.bincount(pairs[1]).astype(np.float64)
    icc = across / max(float(sizes @ (sizes - 1)), 1.0) / (inside / total.size)

    rng = np.random.default_rng(seed)
    stretches, value, place = _drawn(numbers, unit, group, rng)
    weights = 1.0 / np.maximum(np.bincount(place, minlength=count), 1)

    def spread(dealt: Floats) -> float:
        sums = np.bincount(place, dealt, minlength=count)
        return float(np.einsum("i,i,i", sums, sums, weights))

    # Equal sums in another order may differ by rounding; a deal that ties must count.
    observed = spread(value) * (1 - 1e-9)
    dealt, reached = value.copy(), 0
    for _ in range(permutations):
        for begin, end, cells in stretches:
            dealt[begin:end] = rng.permutation(value[begin:end].reshape(-1, cells)).ravel()
        reached += spread(dealt) >= observed
    return ClusteringTest(icc, 1.0 + across / alone, (1 + reached) / (1 + permutations), count, total.size)


def _drawn(
    values: Floats, unit: Codes, group: Codes, rng: np.random.Generator
) -> tuple[list[tuple[int, int, int]], Floats, Codes]:
    """Draw cells of each unit and a row of each: stretches of units with as many cells, and the values and groups.

    A row, for the sum of a cell has a variance that hangs on its size, and so may hang on its group. What is drawn does not
    hang on how units and groups are called or come.
    """
    row = mixed((values + 0.0).astype(np.float32).view(np.uint32).astype(np.uint64))
    of_unit, of_group = _held(unit, row), _held(group, row)
    # What it holds, of whom: units that hold the same values hold them in other groups.
    of_unit, of_group = _held(unit, mixed(row ^ of_group[group])), _held(group, mixed(row ^ of_unit[unit]))
    order = np.lexsort((values, group, of_group[group], unit, of_unit[unit]))
    unit, group = unit[order], group[order]
    begins = np.flatnonzero(np.append(True, (unit[1:] != unit[:-1]) | (group[1:] != group[:-1])))
    lengths = np.diff(np.append(begins, unit.size))
    chosen = begins + (rng.random(begins.size) * lengths).astype(np.intp)
    # Units keep their order, their cells get a random one.
    owner = np.cumsum(np.append(0, unit[begins][1:] != unit[begins][:-1]))
    mixed_up = np.lexsort((rng.random(begins.size), owner))
    cells = np.bincount(owner)
    most = int(np.clip(PERMUTED_ROWS // cells.size, 1, _CELLS))
    rank = np.arange(owner.size) - np.repeat(np.cumsum(cells) - cells, cells)
    taken = np.minimum(cells, most)
    kept = np.flatnonzero(rank < most)
    kept = kept[np.argsort(taken[owner[kept]], kind="stable")]
    drawn = order[chosen[mixed_up[kept]]]
    held = np.bincount(taken, minlength=most + 1) * np.arange(most + 1)
    ends = np.cumsum(held)
    stretches = [(int(ends[m] - held[m]), int(ends[m]), m) for m in range(1, most + 1) if held[m]]
    return stretches, values[drawn], group[chosen[mixed_up[kept]]]


def _held(codes: Codes, rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Give 64 bits that hang on the rows of each code, in whatever order."""
    sums = np.zeros(int(codes.max()) + 1, dtype=np.uint64)
    np.add.at(sums, codes, rows)
    return mixed(sums)


def _codes(values: ArrayLike) -> Codes:
    return np.unique(np.asarray(values), return_inverse=True)[1].astype(np.intp).ravel()
