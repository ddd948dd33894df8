r"""Bounds for the mean of bounded variables by betting, for a fixed sample and for every look.

Wealth that bets on "the mean is larger than m" is 1 on average at most while the mean is m or less. If it
reached 1/alpha, then either the mean is larger, or an event of probability alpha happened (Markov; Ville at
every look). The lower bound is the largest m that is refuted so. How the bets are laid: :mod:`assay.stats.bets`.

What the values must satisfy:

* a fixed sample: independent, each in [low, high]. They need not be equally distributed; the bound then
  holds for the average of their means (the wealth of a fixed bet has expectation prod(1 + l (mu_i - m)),
  which by the inequality of the arithmetic and geometric mean is at most (1 + l (mean(mu) - m))^n);
* at every look: E[x_t | past] is one number, for all t.

References
----------
Waudby-Smith, I. and Ramdas, A. "Estimating means of bounded random variables by betting." Journal of the
Royal Statistical Society B 86(1), 2024, Theorem 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.stats import bets

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# More distinct values than this are spread over as many evenly spaced points.
POINTS = 4096
_CHUNK = 1 << 16


def lower(x: ArrayLike, alpha: float, *, low: float = 0.0, high: float = 1.0) -> float:
    """Give a lower bound for the mean of independent values in [low, high].

    Guarantee (exact): P(mean < lower(X, alpha)) <= alpha for every n and every law on [low, high]. The
    order of the values does not matter.

    Parameters
    ----------
    x : array of float, shape (n,), each in [low, high]
        With n = 0 the bound is ``low``.
    alpha : float, in (0, 1)
    low, high : float
        The range, known before the values are seen. Taken from the sample it makes the bound false.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Naming the argument and the first value out of range.

    Notes
    -----
    Misleads if rows come in dependent groups: use :mod:`assay.stats.clustered`. Beyond 4096 distinct
    values each one is split between the two nearest of 4096 even points in proportion; the logarithm of
    each bet is concave, so this only lowers the wealth and the guarantee stands.
    Cost: about 0.2 s for a million values.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> round(lower(rng.beta(2, 6, size=400), 0.05), 4)
    0.226
    """
    values = _unit(x, alpha, low, high)
    return low + (high - low) * _bound(*_points(values), alpha, bets.for_sample(values.size))


def upper(x: ArrayLike, alpha: float, *, low: float = 0.0, high: float = 1.0) -> float:
    """Give an upper bound for the mean of independent values in [low, high].

    Guarantee (exact): P(mean > upper(X, alpha)) <= alpha. The mirror image of :func:`lower` under
    x -> low + high - x, with the same parameters, errors and notes.

    Examples
    --------
    >>> round(upper([0.0] * 100, 0.05), 4)
    0.0295
    """
    values = 1.0 - _unit(x, alpha, low, high)
    return high - (high - low) * _bound(*_points(values), alpha, bets.for_sample(values.size))


def interval(x: ArrayLike, alpha: float, *, low: float = 0.0, high: float = 1.0) -> tuple[float, float]:
    """Give a two-sided interval for the mean, alpha/2 on each side.

    Guarantee (exact): P(mean outside) <= alpha, by the union of :func:`lower` and :func:`upper`.
    """
    return lower(x, alpha / 2, low=low, high=high), upper(x, alpha / 2, low=low, high=high)


def log_wealth_greater(x: ArrayLike, mean: float, *, low: float = 0.0, high: float = 1.0) -> Floats:
    """Give the running log wealth against the hypothesis that the mean is at most ``mean``.

    Guarantee (anytime): if E[x_t | past] <= mean for all t, then P(some entry >= ln(1/alpha)) <= alpha
    (Ville). The last entry alone needs only independent values whose means average to at most ``mean``.
    The bets are laid for n = len(x), which must not have been chosen by looking.

    Parameters
    ----------
    x : array of float, shape (n,), in time order
    mean : float, strictly between low and high

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    values = _unit(x, 0.5, low, high)
    return running(values, np.ones_like(values), _inside(mean, low, high), bets.for_sample(values.size))


def log_wealth_less(x: ArrayLike, mean: float, *, low: float = 0.0, high: float = 1.0) -> Floats:
    """Give the running log wealth against the hypothesis that the mean is at least ``mean``.

    The mirror image of :func:`log_wealth_greater`.
    """
    values = 1.0 - _unit(x, 0.5, low, high)
    return running(values, np.ones_like(values), 1.0 - _inside(mean, low, high), bets.for_sample(values.size))


def e_value_greater(x: ArrayLike, mean: float, *, low: float = 0.0, high: float = 1.0) -> float:
    """Give an e-value against the hypothesis that the mean is at most ``mean``.

    Guarantee (exact): E[e] <= 1 under the hypothesis, so min(1, 1/e) is a p-value, and
    ``lower(x, alpha) >= mean`` exactly when e >= 1/alpha (up to the rounding of the bound).

    Examples
    --------
    >>> round(e_value_greater([1.0, 0.8, 0.9, 1.0, 0.7, 0.9], 0.5), 2)
    29.03
    """
    values = _unit(x, 0.5, low, high)
    wealth = _log_wealth(*_points(values), _inside(mean, low, high), bets.for_sample(values.size))
    return _exp(wealth)


def e_value_less(x: ArrayLike, mean: float, *, low: float = 0.0, high: float = 1.0) -> float:
    """Give an e-value against the hypothesis that the mean is at least ``mean``.

    The mirror image of :func:`e_value_greater`.
    """
    values = 1.0 - _unit(x, 0.5, low, high)
    wealth = _log_wealth(*_points(values), 1.0 - _inside(mean, low, high), bets.for_sample(values.size))
    return _exp(wealth)


class ConfidenceSequence:
    """An interval for the mean that holds at every look at once.

    Guarantee (anytime): if E[x_t | past] is one number mu for all t, P(mu outside at some look) <= alpha.
    Each side holds wealth at alpha/2 and Ville's inequality bounds its whole path; the interval is the
    intersection of those of all looks so far, so it never widens.

    Parameters
    ----------
    alpha : float, in (0, 1)
    low, high : float
        The range, known before the values are seen.

    Attributes
    ----------
    bounds : tuple of float
        The present interval; (low, high) before the first value.
    count : int
        Values seen.

    Notes
    -----
    It looks once a call of :meth:`update`, however many values that brings. The state is a histogram of
    4096 even points on [low, high] over which each value is split in proportion (see :func:`lower`);
    values much less spread than (high - low) / 4096 are bounded less tightly than they could be.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sequence = ConfidenceSequence(0.05)
    >>> for _ in range(10):
    ...     bounds = sequence.update(rng.random(100) < 0.2)
    >>> [round(b, 3) for b in bounds]
    [0.152, 0.24]
    """

    def __init__(self, alpha: float, *, low: float = 0.0, high: float = 1.0) -> None:
        _unit([], alpha, low, high)
        self.alpha = alpha
        self.low = low
        self.high = high
        self.count = 0
        self.bounds = (low, high)
        self._mass = np.zeros(POINTS + 1)
        self._bets = bets.for_any_time()

    def update(self, batch: ArrayLike) -> tuple[float, float]:
        """Take in new values, in order of arrival, and give the interval."""
        values = _unit(batch, self.alpha, self.low, self.high)
        self.count += values.size
        place = values * POINTS
        left = np.minimum(np.floor(place), POINTS - 1).astype(np.intp)
        share = place - left
        self._mass += np.bincount(left, 1.0 - share, POINTS + 1)
        self._mass += np.bincount(left + 1, share, POINTS + 1)

        kept = np.flatnonzero(self._mass)
        points, mass = kept / POINTS, self._mass[kept]
        width = self.high - self.low
        start, end = self.bounds
        below = _bound(points, mass, self.alpha / 2, self._bets, floor=(start - self.low) / width)
        above = _bound(1.0 - points, mass, self.alpha / 2, self._bets, floor=(self.high - end) / width)
        self.bounds = (max(start, self.low + width * below), min(end, self.high - width * above))
        return self.bounds


def running(totals: Floats, sizes: Floats, mean: float, mixture: bets.Bets) -> Floats:
    """Give the running log wealth on sums ``totals - mean * sizes`` with 0 <= totals <= sizes <= 1."""
    fractions = mixture.fractions(mean, 1.0 - mean)[:, None]
    wealth = np.zeros((fractions.size, 1))
    out = np.empty(totals.size)
    for start in range(0, totals.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        gains = (totals[part] - mean * sizes[part]) / mean
        path = wealth + np.cumsum(_log1p(fractions * gains), axis=1)
        out[part] = mixture.mix(path)
        wealth = path[:, -1:]
    return out


def _bound(points: Floats, mass: Floats, alpha: float, mixture: bets.Bets, floor: float = 0.0) -> float:
    """Give the largest m in [floor, 1] that the wealth refutes, rounded down; ``floor`` if there is none."""
    total = float(mass.sum())
    if total == 0:
        return floor
    goal = -np.log(alpha)
    # At the mean of the points no bet has gained (geometric <= arithmetic mean), so it ends the search.
    refuted, end = floor, min(1.0, float(mass @ points) / total)
    if end <= floor or (floor > 0 and _log_wealth(points, mass, floor, mixture) < goal):
        return floor
    for _ in range(60):
        middle = 0.5 * (refuted + end)
        if not refuted < middle < end:
            break
        if _log_wealth(points, mass, middle, mixture) >= goal:
            refuted = middle
        else:
            end = middle
        if end - refuted < 1e-10 * end:
            break
    return refuted


def _log_wealth(points: Floats, mass: Floats, mean: float, mixture: bets.Bets) -> float:
    if not points.size:
        return 0.0
    fractions = mixture.fractions(mean, 1.0 - mean)[:, None]
    return float(mixture.mix(_log1p(fractions * ((points - mean) / mean)) @ mass))


def _log1p(gains: Floats) -> Floats:
    # Rounding may push a total loss a hair below -1.
    with np.errstate(divide="ignore"):
        return np.log1p(np.maximum(gains, -1.0))


def _exp(log_value: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.exp(log_value))


def _points(values: Floats) -> tuple[Floats, Floats]:
    """Give at most 4096 points with masses whose wealth is at most that of the values."""
    distinct, counts = np.unique(values, return_counts=True)
    points: Floats = np.asarray(distinct, dtype=np.float64)
    mass = counts.astype(np.float64)
    if points.size <= POINTS:
        return points, mass
    first, last = points[0], points[-1]
    place = (points - first) / (last - first) * (POINTS - 1)
    left = np.minimum(np.floor(place), POINTS - 2).astype(np.intp)
    share = place - left
    spread = np.bincount(left, mass * (1.0 - share), POINTS) + np.bincount(left + 1, mass * share, POINTS)
    even = first + (last - first) * (np.arange(POINTS) / (POINTS - 1))
    kept = spread > 0
    return even[kept], np.asarray(spread[kept], dtype=np.float64)


def _unit(x: ArrayLike, alpha: float, low: float, high: float) -> Floats:
    """Check the arguments and give the values moved to [0, 1]."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"low and high must be finite with low < high, got {low} and {high}")
    values = np.asarray(x, dtype=np.float64)
    if values.ndim == 0:
        values = values[None]
    if values.ndim != 1:
        raise ValueError(f"x must have one dimension, got shape {values.shape}")
    outside = ~((values >= low) & (values <= high))
    if np.any(outside):
        row = int(np.argmax(outside))
        raise ValueError(f"x must lie in [{low}, {high}], but row {row} is {values[row]}")
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _inside(mean: float, low: float, high: float) -> float:
    if not low < mean < high:
        raise ValueError(f"mean must lie strictly between {low} and {high}, got {mean}")
    return (mean - low) / (high - low)
