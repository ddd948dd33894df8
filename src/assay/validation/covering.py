"""Arrays of few rows in which every two levels of every two factors meet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def pairwise(levels: Sequence[int]) -> list[tuple[int, ...]]:
    """Cover all pairs of levels, greedily.

    Each row starts from a pair that no row has yet; every other factor takes the level that covers the most new pairs.
    A row covers at least the pair that it starts from, so that the end comes, with every pair covered.

    Parameters
    ----------
    levels : sequence of int
        Number of levels of each factor, each at least 1.

    Returns
    -------
    list of tuple of int
        One level for each factor.

    Examples
    --------
    >>> len(pairwise([3, 3, 3, 3])) < 3**4
    True

    References
    ----------
    D. M. Cohen, S. R. Dalal, M. L. Fredman, G. C. Patton, "The AETG system: an approach to testing based on
    combinatorial design", IEEE Transactions on Software Engineering 23, 1997.
    """
    factors, most = len(levels), max(levels, default=0)
    if factors == 1:
        return [(level,) for level in range(levels[0])]
    counts = np.asarray(levels)
    there = np.arange(most) < counts[:, None]
    missing = there[:, :, None, None] & there[None, None]
    missing[np.arange(factors), :, np.arange(factors), :] = False
    rows: list[tuple[int, ...]] = []
    while True:
        first = np.flatnonzero(missing)
        if not first.size:
            return rows
        i, a, j, b = (int(x) for x in np.unravel_index(first[0], missing.shape))
        row = np.full(factors, -1)
        row[i], row[j] = a, b
        for k in [k for k in range(factors) if k not in (i, j)]:
            fixed = np.flatnonzero(row >= 0)
            gain = missing[fixed, row[fixed], k, :].sum(axis=0)
            # Equal gains are given in turn, so that no level is always the one that fills up.
            order = (np.arange(levels[k]) + len(rows)) % levels[k]
            row[k] = order[np.argmax(gain[order])]
        for k in range(factors):
            missing[k, row[k], np.arange(factors), row] = False
        rows.append(tuple(int(level) for level in row))
