r"""Exact Shapley values of nearest-neighbor games, for one query.

A game has points, ordered from the nearest on, and players who own them. A coalition has the points whose owners are all in
it, and its worth is the sum of the gains of its k nearest points, over k. A game of many queries is the sum of their
games, and so are its values (Shapley's additivity).

With X the set in which each player is with probability x, independently, the value of a player is the integral over x
from 0 to 1 of how much it adds to the expected worth (Owen, 1972). A point counts if its owners are in and fewer than k
points that are nearer are; so only counts of nearer points matter, and the integrals are those of Beta functions, or of
polynomials.

References
----------
Jia, R. et al. "Efficient task-specific data valuation for nearest neighbor algorithms." PVLDB 12(11), 2019. Theorem 1.
Owen, G. "Multilinear extensions of games." Management Science 18(5), 1972.
Karlaš, B. et al. "Data debugging with Shapley importance over machine learning pipelines." ICLR 2024.
"""

from __future__ import annotations

from functools import cache
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import roots_legendre

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

# Sets of counts that sum to less than k: 2,086 at k = 20.
MOST_NEIGHBORS = 20


def values_of_points(gains: Floats, k: int) -> Floats:
    r"""Give the values where each point has an owner of its own.

    .. math:: s_i = c_i g_i - \sum_{j > i} (c_{j-1} - c_j) g_j, \qquad c_i = \frac{\min(k, i)}{k i},

    which is Theorem 1 of Jia et al. (2019) summed by parts, for any gains.

    Parameters
    ----------
    gains : ndarray of float64, shape (points,)
        Nearest first.
    k : int, at least 1

    Returns
    -------
    ndarray of float64, shape (points,)
    """
    weight, fall = _weights(gains.size, k)
    later = np.cumsum((fall * gains)[::-1])[::-1]
    values: Floats = weight * gains
    values[:-1] -= later[1:]
    return values


@cache
def _weights(points: int, k: int) -> tuple[Floats, Floats]:
    place = np.arange(1, points + 1, dtype=np.float64)
    weight = np.minimum(k, place) / (k * place)
    return weight, np.r_[0.0, weight[:-1] - weight[1:]]


def values_of_owners(owners: Places, gains: Floats, k: int, players: int) -> Floats:
    r"""Give the values where a player owns any number of points.

    A point counts for coalitions of its owner, who has a nearer points, and of others with fewer than k - a points in
    all that are nearer. With :math:`m_j` of the others having j nearer points, :math:`D = \sum_j m_j`, the point adds to
    the value of its owner

    .. math:: \frac{g}{k} \sum_{i : \sum_j j i_j < k - a} \prod_j \binom{m_j}{i_j} \frac{1}{(D + 1) \binom{D}{|i|}}

    and takes from that of a player with c nearer points

    .. math:: \frac{g}{k} \sum_{i : k - a - c \le \sum_j j i_j < k - a} \prod_j \binom{m_j - [j = c]}{i_j}
              \frac{1}{(D + 1) \binom{D}{|i| + 1}}.

    Both are integrals of :math:`x^u (1 - x)^v` over the counts of others who are in. The loss is the same for all players
    with the same count, so that sums over the points between two of a player's own give all of its losses. A player's
    points behind its k nearest never count.

    Parameters
    ----------
    owners : ndarray of int, shape (points,)
        From 0 to players - 1; nearest first.
    gains : ndarray of float64, shape (points,)
    k : int, from 1 to :data:`MOST_NEIGHBORS`
    players : int

    Returns
    -------
    ndarray of float64, shape (players,)

    Notes
    -----
    Cost: points log points, and (k x players) x k x (partitions of numbers below k): 1, 12 and 97 at k = 1, 5 and 10.
    """
    nearer = _occurrence(owners)
    kept = np.flatnonzero(nearer < k)
    owners, nearer, gains = owners[kept], nearer[kept], gains[kept] / k
    count = owners.size
    others = np.empty((k + 1, count))
    for j in range(1, k + 1):
        change = (nearer == j - 1).astype(np.float64) - (nearer == j)
        others[j] = np.cumsum(change) - change - (nearer == j)
    total = others[1:].sum(axis=0)
    wins, losses = np.zeros(count), np.zeros((k + 1, count))
    for counts, size, chosen in _below(k):
        ways = np.full(count, 1.0 / np.prod([factorial(i) for i in counts]))
        for j, i in enumerate(counts, 1):
            for less in range(i):
                ways *= np.maximum(others[j] - less, 0)
        falling = total + 1.0
        for less in range(chosen):
            falling *= np.maximum(total - less, 1)
        ways *= factorial(chosen)
        wins += np.where(size < k - nearer, ways / falling, 0)
        ways *= (chosen + 1) / (falling * np.maximum(total - chosen, 1))
        for c in range(1, k + 1):
            taken = counts[c - 1] if c < k else 0
            lost = ways * (1 - taken / np.maximum(others[c], 1)) if taken else ways
            # Where nobody has c nearer points, nobody loses.
            losses[c] += np.where((size < k - nearer) & (size >= k - nearer - c) & (others[c] > 0), lost, 0)
    # What players with c nearer points have lost before each point.
    before = np.zeros((k + 1, count + 1))
    np.cumsum(losses * gains, axis=1, out=before[:, 1:])
    place = np.arange(count)
    parts = gains * wins + before[nearer + 1, place + 1] - np.where(nearer > 0, before[nearer, place], 0)
    last = np.zeros(players, dtype=np.intp)
    last[owners] = place  # The last of equal indices stays.
    final = last[owners] == place
    parts[final] -= before[nearer[final] + 1, -1]
    values = np.zeros(players)
    np.add.at(values, owners, parts)
    return values


def values_of_pairs(facts: Places, gains: Floats, dimensions: Places, count: int) -> tuple[Floats, Floats]:
    r"""Give the values of both sides of a one-to-many join, for the nearest neighbor alone.

    A point needs its fact and the dimension that this fact belongs to. No nearer point is there with probability
    :math:`\prod_d (1 - x + x (1 - x)^{a_d})`, where dimension d has :math:`a_d` nearer facts; each term of a value is a
    polynomial in x of a degree of at most facts + dimensions, which Gauss and Legendre's rule with half as many nodes
    integrates exactly.

    Parameters
    ----------
    facts : ndarray of int, shape (queries, facts)
        Facts by their nearest points, nearest first; each fact once.
    gains : ndarray of float64, shape (queries, facts)
        Of these points.
    dimensions : ndarray of int, shape (facts,)
        Of each fact.
    count : int
        Dimensions.

    Returns
    -------
    of_facts, of_dimensions : ndarray of float64, shape (facts,) and (count,)
        Sums over the queries.

    Notes
    -----
    Cost: queries x facts x (facts + dimensions).
    """
    queries, number = facts.shape
    nodes, weights = (each[:, None] for each in _nodes((number + count) // 2 + 2))
    nodes, weights = nodes.T, weights.T
    out = 1 - nodes
    every = np.arange(queries)
    # By query, dimension and node: chance that none of its nearer facts is in, and that none of them counts.
    free = np.ones((queries, count, nodes.size))
    quiet = np.ones((queries, count, nodes.size))
    seen = np.zeros((queries, count, nodes.size))
    none = np.ones((queries, nodes.size))
    mass = np.zeros((queries, nodes.size))
    of_facts, of_dimensions = np.zeros(number), np.zeros(count)
    lost, entered = np.zeros((queries, count)), np.zeros((queries, number))

    def settle(owner: Places) -> None:
        """Charge a dimension and its facts for the points of others since its last one."""
        there, still = free[every, owner], quiet[every, owner]
        more = (mass - seen[every, owner]) / still
        np.add.at(of_dimensions, owner, np.sum(more * (there - 1), axis=1))
        lost[every, owner] -= np.where(there[:, 0] < 1, np.sum(more * nodes * there / out, axis=1), 0)

    for place in range(number):
        fact, gain = facts[:, place], gains[:, place, None]
        owner = dimensions[fact]
        settle(owner)
        there = free[every, owner]
        rest = none / quiet[every, owner]
        alone = weights * gain * there * rest
        added = np.sum(alone * nodes, axis=1)
        np.add.at(of_facts, fact, added)
        np.add.at(of_dimensions, owner, added)
        # Where none of its facts is nearer, there is nobody to lose.
        lost[every, owner] -= np.where(there[:, 0] < 1, np.sum(alone * nodes**2 / out, axis=1), 0)
        entered[every, fact] = lost[every, owner]
        mass += alone * nodes**2
        there = there * out
        free[every, owner] = there
        quiet[every, owner] = out + nodes * there
        none = rest * quiet[every, owner]
        seen[every, owner] = mass
    for dimension in range(count):
        settle(np.full(queries, dimension))
    of_facts += (lost[:, dimensions] - entered).sum(axis=0)
    return of_facts, of_dimensions


@cache
def _nodes(number: int) -> tuple[Floats, Floats]:
    nodes, weights = roots_legendre(number)
    return (nodes + 1) / 2, weights / 2


def _occurrence(owners: Places) -> Places:
    """Give for each point how many nearer ones its owner has."""
    order = np.argsort(owners, kind="stable")
    ordered = owners[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    place = np.arange(owners.size)
    nearer = np.empty_like(place)
    nearer[order] = place - np.repeat(starts, np.diff(np.r_[starts, owners.size]))
    return nearer


def _below(k: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """List how many of the others have 1, 2, ... nearer points, where these are fewer than k; with points and players."""

    def rest(j: int, left: int) -> Iterator[tuple[int, ...]]:
        if j == k:
            yield ()
            return
        for i in range(left // j + 1):
            for more in rest(j + 1, left - i * j):
                yield (i, *more)

    for counts in rest(1, k - 1):
        yield counts, sum(j * i for j, i in enumerate(counts, 1)), sum(counts)
