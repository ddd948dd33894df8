"""Exact bounds, tests and sample sizes for a rate counted over independent rows.

References
----------
Clopper, C. J. and Pearson, E. S. "The use of confidence or fiducial limits illustrated in the case of
the binomial." Biometrika 26(4), 1934.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def upper(k: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> Any:
    """Give the one-sided upper Clopper-Pearson bound on a rate.

    Guarantee (exact): P(p > upper(K, n, alpha)) <= alpha for every n and p. The bound is the largest p
    with P(Bin(n, p) <= k) >= alpha, so p lies above it only if K fell into a lower tail of probability
    at most alpha.

    Assumes that the n rows are independent with one common rate. Rows that come in groups (days,
    customers) break it: use :mod:`assay.stats.clustered`.

    Parameters
    ----------
    k : int or array of int, 0 <= k <= n
        Events counted.
    n : int or array of int, n >= 0
        Rows looked at; with n = 0 the bound is 1.
    alpha : float or array of float, in (0, 1)
        Error probability of this one bound.

    Returns
    -------
    float, or ndarray of float64 of the broadcast shape

    Raises
    ------
    ValueError
        Naming the argument that is out of range or not a whole number.

    Examples
    --------
    >>> round(upper(0, 100, 0.05), 6)
    0.029513
    """
    counts, rows, level = _checked(k, n, alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The closed form keeps its relative precision where 1 - alpha**(1/n) would cancel.
        none = -np.expm1(np.log(level) / rows)
        some = _beyond_inverse(
            special.betainccinv(counts + 1, np.maximum(rows - counts, 1), level), rows - counts, rows, level, 1.0
        )
    bound = np.where(counts == rows, 1.0, np.where(counts == 0, none, some))
    return _plain(bound)


def lower(k: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> Any:
    """Give the one-sided lower Clopper-Pearson bound on a rate.

    Guarantee (exact): P(p < lower(K, n, alpha)) <= alpha for every n and p; see :func:`upper`, of which
    it is the mirror image in k -> n - k. Parameters, errors and assumptions are the same; with n = 0 the
    bound is 0.

    Examples
    --------
    >>> round(lower(100, 100, 0.05), 6)
    0.970487
    """
    counts, rows, level = _checked(k, n, alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        every = np.exp(np.log(level) / rows)
        some = _beyond_inverse(
            special.betaincinv(np.maximum(counts, 1), rows - counts + 1, level), counts, rows, level, 0.0
        )
    bound = np.where(counts == 0, 0.0, np.where(counts == rows, every, some))
    return _plain(bound)


def interval(k: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> tuple[Any, Any]:
    """Give the two-sided Clopper-Pearson interval, alpha/2 on each side.

    Guarantee (exact): P(p outside) <= alpha, by the union of the two one-sided bounds.

    Examples
    --------
    >>> low, high = interval(5, 100, 0.05)
    >>> round(low, 4), round(high, 4)
    (0.0164, 0.1128)
    """
    half = np.asarray(alpha, dtype=np.float64) / 2
    _checked(k, n, alpha)
    return lower(k, n, half), upper(k, n, half)


def p_value_greater(k: ArrayLike, n: ArrayLike, p0: ArrayLike) -> Any:
    """Give P(Bin(n, p0) >= k), the exact p-value against the hypothesis that the rate is at most p0.

    Guarantee (exact): under p <= p0, P(p-value <= alpha) <= alpha, because the tail grows with p.

    Parameters
    ----------
    k, n : int or array of int
        Events and rows, as in :func:`upper`.
    p0 : float or array of float, in [0, 1]
        The limit.

    Returns
    -------
    float, or ndarray of float64 of the broadcast shape

    Examples
    --------
    >>> round(p_value_greater(9, 10, 0.5), 6)
    0.010742
    """
    counts, rows, limit = _checked(k, n, p0, name="p0", closed=True)
    tail = special.betainc(np.maximum(counts, 1), rows - counts + 1, limit)
    return _plain(np.where(counts == 0, 1.0, tail))


def p_value_less(k: ArrayLike, n: ArrayLike, p0: ArrayLike) -> Any:
    """Give P(Bin(n, p0) <= k), the exact p-value against the hypothesis that the rate is at least p0.

    The mirror image of :func:`p_value_greater`.

    Examples
    --------
    >>> round(p_value_less(1, 10, 0.5), 6)
    0.010742
    """
    counts, rows, limit = _checked(k, n, p0, name="p0", closed=True)
    tail = special.betaincc(counts + 1, np.maximum(rows - counts, 1), limit)
    return _plain(np.where(counts == rows, 1.0, tail))


def units_needed(
    p_true: float,
    p0: float,
    alpha: float,
    power: float = 0.8,
    alternative: Literal["greater", "less"] = "greater",
) -> int | None:
    """Give the smallest number of rows at which the exact test decides with the asked power.

    The test rejects "rate <= p0" (or ">= p0") when its exact p-value is at most alpha. The number is the
    smallest n with P(reject | rate = p_true) >= power. Power rises with n in a sawtooth, so a slightly larger n
    can fall just short of it. It is a plan, not a verdict: it is as good as the guess ``p_true``.

    Parameters
    ----------
    p_true : float, in [0, 1]
        The rate to plan for.
    p0 : float, in (0, 1)
        The limit under test.
    alpha, power : float, in (0, 1)
    alternative : {"greater", "less"}
        On which side of the limit the rate is hoped to lie.

    Returns
    -------
    int or None
        None if ``p_true`` lies on the wrong side of the limit, or on it: no number of rows decides.

    Examples
    --------
    >>> units_needed(0.9, 0.8, alpha=0.05)
    82
    """
    for name, value in (("p0", p0), ("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie in (0, 1), got {value}")
    if not 0 <= p_true <= 1:
        raise ValueError(f"p_true must lie in [0, 1], got {p_true}")
    if alternative == "less":
        p_true, p0 = 1 - p_true, 1 - p0
    elif alternative != "greater":
        raise ValueError(f'alternative must be "greater" or "less", got {alternative!r}')
    return None if p_true <= p0 else rows_needed(p0, p_true, alpha, 1 - power)


def rows_needed(p0: float, p1: float, alpha: float, miss: float, *, at_least: int = 1) -> int:
    """Give the smallest number of rows that tells the rates ``p0`` and ``p1`` apart with two stated errors.

    The test passes if its exact p-value against "rate <= p0" is at most ``alpha``. The number n is the smallest from
    ``at_least`` on at which

    * rate <= p0 implies P(pass) <= alpha, as at every n, and
    * rate >= p1 implies P(no pass) <= miss.

    The second holds in a sawtooth of n: at a slightly larger n it can fail by a hair, so ask again with ``at_least``.
    Both tails are monotone in the rate, so the edges are the worst cases.

    Parameters
    ----------
    p0, p1 : float, 0 <= p0 < p1 <= 1
    alpha, miss : float, in (0, 1)
    at_least : int, at least 1

    Returns
    -------
    int

    Raises
    ------
    ValueError
        Naming the argument that is out of range.

    Examples
    --------
    >>> rows_needed(0.9, 0.92, alpha=0.01 / 32, miss=0.01 / 32)
    9554
    """
    for name, value in (("alpha", alpha), ("miss", miss)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie in (0, 1), got {value}")
    if not 0 <= p0 < p1 <= 1:
        raise ValueError(f"p0 and p1 must satisfy 0 <= p0 < p1 <= 1, got {p0} and {p1}")
    if p0 == 0:  # one event refutes it
        return max(at_least, 1, math.ceil(math.log(miss) / math.log1p(-p1)) if p1 < 1 else 1)
    first = _first_size(p0, p1, alpha, miss)
    while first < at_least:
        sizes = np.arange(at_least, at_least + 256, dtype=np.float64)
        counts = _critical(sizes, p0, alpha)
        missed = special.betainc(np.maximum(sizes - counts + 1, 1), np.maximum(counts, 1), 1 - p1)
        good = (counts <= sizes) & (missed <= miss)
        if good.any():
            return int(sizes[np.argmax(good)])
        at_least += 256
    return first


def critical(n: int, p0: float, alpha: float) -> int:
    """Give the smallest number of events at which the exact test rejects "rate <= p0"; n + 1 if none does.

    Examples
    --------
    >>> critical(100, 0.5, 0.05)
    59
    """
    return int(_critical(np.array([float(n)]), p0, alpha)[0])


def _first_size(p0: float, p1: float, alpha: float, miss: float) -> int:
    # With k the critical count, the test misses rarely enough from n = least(k) on and keeps its level below
    # n = past(k). Both grow with k, so the first k with least(k) < past(k) gives the answer.
    def least(k: Floats) -> Floats:
        return _until(lambda n, k: special.betainc(n - k + 1, k, 1 - p1) <= miss, k, p1, -special.ndtri(miss))

    def past(k: Floats) -> Floats:
        return _until(lambda n, k: special.betainc(k, n - k + 1, p0) > alpha, k, p0, special.ndtri(alpha))

    spread = special.ndtri(alpha) * math.sqrt(p0 * (1 - p0)) + special.ndtri(miss) * math.sqrt(p1 * (1 - p1))
    end = max(4.0, math.ceil((spread / (p1 - p0)) ** 2 * (p0 + p1) / 2))
    while not (least(np.array([end])) < past(np.array([end])))[0]:
        end *= 2
    # Branch and bound: as both are monotone, a block [first, last] with least(first) >= past(last) holds
    # no feasible k, and a feasible `last` makes every later block needless.
    first, last = np.array([1.0]), np.array([end])
    while np.any(last > first):
        width = np.ceil((last - first + 1) / 16)
        starts = first[:, None] + width[:, None] * np.arange(16)
        ends = np.minimum(starts + width[:, None] - 1, last[:, None])
        inside = starts <= last[:, None]
        first, last = starts[inside], ends[inside]
        rows_least, rows_past = least(first), past(last)
        keep = rows_least < rows_past
        feasible = np.flatnonzero(least(last) < rows_past)
        if feasible.size:
            keep[feasible[0] + 1 :] = False
        first, last = first[keep], last[keep]
    return int(least(first[:1])[0])


def _critical(n: Floats, p0: float, alpha: float) -> Floats:
    """Give the smallest k with P(Bin(n, p0) >= k) <= alpha, n + 1 if there is none."""
    low, high = np.zeros_like(n), n + 1
    while np.any(high - low > 1):
        middle = np.floor((low + high) / 2)
        rejects = special.betainc(np.maximum(middle, 1), n - middle + 1, p0) <= alpha
        rejects &= middle >= 1
        high = np.where(rejects, middle, high)
        low = np.where(rejects, low, middle)
    return high


def _until(reached: Callable[[Floats, Floats], NDArray[np.bool_]], k: Floats, p: float, z: float) -> Floats:
    """Give the smallest n >= k at which a condition that stays once it holds is met, by bisection.

    The search begins where k lies z standard deviations below the mean, by the normal approximation.
    """
    sd = math.sqrt(1 - p)
    guess = ((z * sd + np.sqrt(z * z * sd * sd + 4 * k)) ** 2) / (4 * p)
    width = 2 + 0.02 * (np.abs(guess - k / p) + z * z / p)
    low, high = np.maximum(np.floor(guess - width), k - 1), np.maximum(np.ceil(guess + width), k + 1)
    while np.any(short := ~reached(high, k)):
        low = np.where(short, high, low)
        high = np.where(short, 2 * high - k + 2, high)
    while np.any(early := reached(np.maximum(low, k), k) & (low >= k)):
        high = np.where(early, low, high)
        low = np.where(early, np.maximum(2 * low - high - 8, k - 1), low)
    while np.any(high - low > 1):
        middle = np.floor((low + high) / 2)
        there = reached(np.maximum(middle, k), k) & (middle >= k)
        high = np.where(there, middle, high)
        low = np.where(there, low, middle)
    return high


def _beyond_inverse(bound: Floats, k: Floats, n: Floats, alpha: Floats, end: float) -> Floats:
    """Fill in where the inverse beta function gives up, which it does for alpha below about 1e-100.

    P(Bin(n, p) >= k) <= C(n, k) p^k, so the p at which the right side is alpha lies on the safe side of the
    bound, and so close to it at such alpha that the difference does not show.
    """
    log_ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    safe = np.exp((np.log(alpha) - log_ways) / np.maximum(k, 1))
    return np.where(np.isnan(bound), np.abs(end - safe), bound)


def _checked(
    k: ArrayLike, n: ArrayLike, share: ArrayLike, *, name: str = "alpha", closed: bool = False
) -> tuple[Floats, Floats, Floats]:
    counts = _whole("k", k)
    rows = _whole("n", n)
    values = np.asarray(share, dtype=np.float64)
    inside = (values >= 0) & (values <= 1) if closed else (values > 0) & (values < 1)
    if not np.all(inside):
        bounds = "[0, 1]" if closed else "(0, 1)"
        raise ValueError(f"{name} must lie in {bounds}, got {values[~inside].flat[0]}")
    if np.any(counts > rows):
        raise ValueError("k must not exceed n: more events were counted than rows")
    counts, rows, values = np.broadcast_arrays(counts, rows, values)
    return counts, rows, values


def _whole(name: str, value: ArrayLike) -> Floats:
    numbers = np.asarray(value, dtype=np.float64)
    if not np.all(np.isfinite(numbers)) or np.any(numbers != np.floor(numbers)):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    if np.any(numbers < 0):
        raise ValueError(f"{name} must not be negative, got {value!r}")
    return numbers


def _plain(values: Floats) -> Any:
    return float(values) if values.ndim == 0 else values
