"""Do two tables share more rows than tables of one population do by chance?

References
----------
Phipson, B. and Smyth, G. K. "Permutation p-values should never be zero." Statistical Applications in Genetics and
Molecular Biology 9(1), 2010.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Rows that are dealt anew; beyond it values are thinned.
DEALT_ROWS = 20_000


@dataclass(frozen=True)
class Shared:
    """What two tables have in common.

    Attributes
    ----------
    rows : int
        Rows of the first table whose value is in the second.
    share : float
        Of all rows of the first.
    first : int or None
        The first of these rows.
    p_value : float
        Exact: P(p_value <= a) <= a if the rows of both tables are exchangeable.
    """

    rows: int
    share: float
    first: int | None
    p_value: float


def shared(here: ArrayLike, there: ArrayLike, *, permutations: int = 999, seed: int = 0) -> Shared:
    """Test whether values of one table are in another more often than chance explains.

    Guarantee (exact): if the rows of both tables together are exchangeable (so in particular if all are independent
    draws from one population, whatever the number of values that it has), P(p_value <= a) <= a for every a. Values that
    come at least twice in both tables together are looked at; their rows are dealt to the tables anew at random, each
    table getting as many as it had; the p-value is (1 + deals in which at least as many values are in both) / (1 +
    permutations). Which values come how often, and how many of their rows each table has, is thereby given, and a deal
    has the same distribution as what was seen (Phipson and Smyth, 2010). Of more than 20,000 such rows, values are drawn
    by the seed without a look at which table has them.

    Rows that were copied from one table into the other are in both in every case, and rows that agree by chance are as
    often twice in one of the tables. Where few values are possible every value is in both whatever the deal, so that
    nothing can be told.

    Parameters
    ----------
    here, there : array, shape (rows,) each
        A value, or a hash, of each row.
    permutations : int, at least 1
        The smallest possible p-value is 1 / (1 + permutations).
    seed : int

    Notes
    -----
    Misleads where copies were dropped in each table by itself: chance cannot put a value twice into one of them then, so
    that every value in common counts as copied. Misses a few copies beside rows that were repeated within one table on
    purpose, such as a rare class that was doubled for training: these make repeats within a table look common.

    Examples
    --------
    >>> found = shared([1, 2, 3, 4], [1, 2, 3, 9, 10, 11, 12])
    >>> found.rows, found.share, found.first
    (3, 0.75, 0)
    """
    first, second = np.asarray(here), np.asarray(there)
    common = np.isin(first, second)
    rows = int(common.sum())
    if not rows:
        return Shared(0, 0.0, None, 1.0)
    rng = np.random.default_rng(seed)
    values, codes, counts = np.unique(np.concatenate([first, second]), return_inverse=True, return_counts=True)
    kept = np.flatnonzero(counts > 1)
    rng.shuffle(kept)
    kept = kept[: max(1, int(np.searchsorted(np.cumsum(counts[kept]), DEALT_ROWS, side="right")))]
    chosen = np.zeros(values.size, dtype=bool)
    chosen[kept] = True
    looked = np.flatnonzero(chosen[codes])
    order = looked[np.argsort(codes[looked], kind="stable")]
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    sizes = np.diff(np.append(starts, order.size))

    def in_both(mine: np.ndarray) -> int:
        count = np.add.reduceat(mine, starts)
        return int(((count > 0) & (count < sizes)).sum())

    mine = (order < first.size).astype(np.intp)
    seen = in_both(mine)
    as_many = sum(in_both(rng.permutation(mine)) >= seen for _ in range(permutations))
    return Shared(rows, rows / first.size, int(common.argmax()), (1 + as_many) / (1 + permutations))
