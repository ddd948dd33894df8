r"""Exact comparison of two models on the same rows, from their disagreements.

A win is a row where only the new model is right, a loss one where only the old is. With d the probability of a
win or loss and pi that of a win among them, the difference of the accuracies is d (2 pi - 1). Given D = wins +
losses, the wins are Bin(D, pi), whatever d is.

The test against "difference <= 0" is the sign test on these, with no nuisance. Any other margin m needs to know d.
Two constructions spend a share of the level a on an exact bound of d from D of n rows; either that bound fails, or the
test does (Berger and Boos):

* trinomial, share 0.05: reject if the largest probability that wins - losses reaches what was seen, over all rates up to
  the upper bound of d and all differences up to m (:mod:`assay.stats.trinomial`), is at most 0.95 a;
* conditional, share 0.1: reject if P(Bin(D, pi0) >= wins) <= 0.9 a with pi0 = (1 + m / d) / 2, the largest probability
  of a win under the hypothesis, at the lower bound of d for m > 0 and at the upper one for m < 0.

From 500 rows on it is the trinomial one, below that the conditional one, whatever the counts. Shares of 400 trials that
reject at a = 0.05 (at 0.01), with the true difference 2.9 (3.6) standard deviations beyond m, on average over m =
+-0.01, +-0.02 and +-0.05. "Bets" are those on scores -1, 0 and 1; "normal" is the test with the variance seen, which is
not exact:

======  ====  ===========  ===========  ===========  ===========
n       d     trinomial    conditional  bets         normal
======  ====  ===========  ===========  ===========  ===========
200     0.05  0.67 (0.37)  0.69 (0.73)  0.50 (0.66)  0.93 (0.96)
200     0.20  0.81 (0.75)  0.79 (0.78)  0.54 (0.58)  0.92 (0.92)
200     0.50  0.84 (0.81)  0.86 (0.85)  0.52 (0.60)  0.91 (0.92)
1,000   0.05  0.83 (0.74)  0.67 (0.62)  0.51 (0.54)  0.91 (0.92)
1,000   0.20  0.86 (0.84)  0.79 (0.80)  0.52 (0.56)  0.90 (0.91)
1,000   0.50  0.86 (0.86)  0.86 (0.86)  0.51 (0.56)  0.89 (0.90)
5,000   0.05  0.86 (0.85)  0.69 (0.67)  0.47 (0.51)  0.91 (0.91)
5,000   0.20  0.88 (0.88)  0.80 (0.81)  0.50 (0.55)  0.90 (0.90)
5,000   0.50  0.89 (0.87)  0.87 (0.85)  0.51 (0.56)  0.91 (0.89)
20,000  0.05  0.88 (0.87)  0.68 (0.66)  0.46 (0.49)  0.91 (0.90)
20,000  0.20  0.87 (0.88)  0.81 (0.80)  0.50 (0.53)  0.89 (0.89)
20,000  0.50  0.89 (0.89)  0.87 (0.87)  0.52 (0.56)  0.89 (0.90)
======  ====  ===========  ===========  ===========  ===========

References
----------
McNemar, Q. "Note on the sampling error of the difference between correlated proportions." Psychometrika 12(2),
1947. Berger, R. L. and Boos, D. D. "P values maximized over a confidence set for the nuisance parameter."
Journal of the American Statistical Association 89(427), 1994.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

from assay.stats import binomial, trinomial

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# From so many rows on the trinomial test is used.
_MANY = 500
# Shares of the error probability spent on the rate of disagreement.
_SHARE, _SHARE_OF_FEW = 0.05, 0.1
# Rates above 1/2 are rounded up to one of these, at which the largest probability is bounded, not attained.
_HIGH_RATES = (0.6, 0.7, 0.8, 0.9, 1.0)
# Smaller p-values are reported as this one; the inverse beta function loses its footing soon below.
_SMALLEST = 1e-250


def p_value(wins: int, losses: int) -> float:
    """Give the exact one-sided p-value against "a disagreement is won with probability at most 1/2".

    Guarantee (exact): P(p_value <= a) <= a if the new model is not more accurate, for every rate of
    disagreement and number of classes. Assumes that rows are independent.

    Parameters
    ----------
    wins, losses : int, at least 0

    Returns
    -------
    float

    Examples
    --------
    >>> round(p_value(15, 5), 4)
    0.0207
    """
    return float(binomial.p_value_greater(wins, _disagreements(wins, losses), 0.5))


def p_value_shifted(wins: int, losses: int, n: int, margin: float) -> float:
    """Give an exact one-sided p-value against "the difference of the accuracies is at most ``margin``".

    Guarantee (exact): P(p_value <= a) <= a under the hypothesis, for every rate of disagreement; the proof is at
    the top of this module. It is the smallest level at which the test there rejects.

    Parameters
    ----------
    wins, losses : int, at least 0
    n : int, at least wins + losses
        Rows compared, agreements included.
    margin : float, in [-1, 1]
        With 0 it is :func:`p_value`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(p_value_shifted(60, 20, 1000, 0.01), 4)
    0.0032
    """
    _check_rows(wins, losses, n)
    if not -1 <= margin <= 1:
        raise ValueError(f"margin must lie in [-1, 1], got {margin}")
    if margin == 0:
        return p_value(wins, losses)
    if n == 0:
        return 1.0

    # Rejecting gets easier as the level grows.
    end = _crossing(
        lambda log_level: _excess(wins, losses, n, margin, math.exp(log_level)), math.log(_SMALLEST), 0.0, rising=False
    )
    return 1.0 if end is None else math.exp(end)


def difference_interval(wins: int, losses: int, n: int, alpha: float) -> tuple[float, float]:
    """Give a two-sided interval for the difference of the accuracies, alpha/2 on each side.

    Guarantee (exact): P(difference outside) <= alpha. Each end is where the test of :func:`p_value_shifted` at level
    alpha/2 stops to reject; the margins that it rejects are all below those that it does not, as its probabilities
    grow with the margin.

    Parameters
    ----------
    wins, losses : int, at least 0
    n : int, at least wins + losses
    alpha : float, in (0, 1)

    Returns
    -------
    tuple of float
        For wins/n - losses/n.

    Notes
    -----
    At the border :func:`p_value` is a little sharper than "the interval excludes 0", because it spends
    nothing on d.

    Examples
    --------
    >>> low, high = difference_interval(60, 20, 1000, 0.05)
    >>> round(low, 4), round(high, 4)
    (0.0188, 0.0607)
    """
    _check_rows(wins, losses, n)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
    return _lower(wins, losses, n, alpha / 2), -_lower(losses, wins, n, alpha / 2)


def labels_needed(
    difference: float,
    disagreement: float,
    alpha: float,
    margin: float = 0.0,
    power: float = 0.8,
) -> int | None:
    """Give how many rows decide "difference > margin" with the asked power.

    A plan, not a verdict: the power of :func:`p_value_shifted` at level ``alpha``, averaged over the number of
    disagreements, if the true difference and rate of disagreement are as given. The smallest n is found by
    bisection; as power is slightly ragged in n, a larger n may fall a little short. Only
    ``disagreement * n`` of these rows need a label, if the predictions are known beforehand.

    Parameters
    ----------
    difference : float, in [-disagreement, disagreement]
        The difference of accuracies to plan for.
    disagreement : float, in (0, 1]
        Probability that exactly one of the two models is right.
    alpha, power : float, in (0, 1)
    margin : float, in (-1, 1)

    Returns
    -------
    int or None
        None if ``difference`` does not exceed ``margin``.

    Examples
    --------
    >>> labels_needed(0.03, 0.1, alpha=0.05)
    739
    """
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie in (0, 1), got {value}")
    if not 0 < disagreement <= 1:
        raise ValueError(f"disagreement must lie in (0, 1], got {disagreement}")
    if abs(difference) > disagreement:
        raise ValueError(f"difference must lie within the disagreement {disagreement}, got {difference}")
    if difference <= margin:
        return None
    enough = 16
    while _power(enough, difference, disagreement, alpha, margin) < power:
        enough *= 2
    short = enough // 2 if enough > 16 else 0
    while enough - short > 1:
        middle = (short + enough) // 2
        if _power(middle, difference, disagreement, alpha, margin) >= power:
            enough = middle
        else:
            short = middle
    return enough


def _lower(wins: int, losses: int, n: int, level: float) -> float:
    if n == 0:
        return -1.0
    # No margin at or above the estimate is rejected.
    end = _crossing(lambda margin: _excess(wins, losses, n, margin, level), -1.0, (wins - losses) / n, rising=True)
    return -1.0 if end is None else end


def _excess(wins: int, losses: int, n: int, margin: float, level: float) -> float:
    """Give by how much the logarithm of the largest probability exceeds its allowance; the test rejects up to 0.

    It grows with the margin and falls with the level.
    """
    discordant = wins + losses
    if n >= _MANY:
        rate = float(binomial.upper(discordant, n, _SHARE * level))
        return _log_worst(n, wins - losses, margin, rate) - math.log((1 - _SHARE) * level)
    bound = binomial.lower if margin > 0 else binomial.upper
    rate = float(bound(discordant, n, _SHARE_OF_FEW * level))
    pi0 = 0.5 if margin == 0 else min(0.5 * (1 + margin / rate), 1.0) if rate > 0 else 1.0
    # Below 0 the hypothesis needs more disagreement than the bound of d leaves, and is refuted by it alone.
    tail = float(binomial.p_value_greater(wins, discordant, pi0)) if pi0 >= 0 else 0.0
    return _log(tail) - math.log((1 - _SHARE_OF_FEW) * level)


def _log(tail: float) -> float:
    return math.log(tail) if tail > 0 else -math.inf


def _log_worst(n: int, s: int, margin: float, rate: float) -> float:
    """Give the logarithm of a bound for P(wins - losses >= s), which grows with ``margin`` and with ``rate``."""
    if margin < -rate:
        return -math.inf  # the hypothesis needs more disagreement than there is
    if s < (n - 1) * margin + 1:
        return 0.0
    # The bound for rates up to each of these holds for all below it; the largest of them grows with the rate.
    rates = [rate] if rate <= 0.5 else [r for r in (0.5, *_HIGH_RATES) if r < rate or r == _rounded(rate)]
    return _log(max(trinomial.p_value(max(s, 0), max(-s, 0), n, margin, r) for r in rates if margin >= -r))


def _rounded(rate: float) -> float:
    return next(r for r in _HIGH_RATES if r >= rate)


def _crossing(f: Callable[[float], float], low: float, high: float, *, rising: bool) -> float | None:
    """Find where a monotone f crosses 0, on the side where it is not above 0; ``None`` if it is above 0 everywhere.

    Where f rises that is the largest argument, else the smallest.
    """
    held = {x: max(min(f(x), 1e3), -1e3) for x in (low, high)}
    good, bad = (low, high) if rising else (high, low)
    if held[good] > 0:
        return None
    if held[bad] <= 0:
        return bad
    root = float(optimize.brentq(lambda x: max(min(f(x), 1e3), -1e3), low, high, xtol=1e-10, rtol=1e-10))
    step = -1e-10 if rising else 1e-10
    while (root - good) * step < 0 and f(root) > 0:
        root, step = root + step, 2 * step
    return root if (root - good) * step < 0 else good


def _power(n: int, difference: float, disagreement: float, alpha: float, margin: float) -> float:
    center, reach = n * disagreement, 8 * np.sqrt(n * disagreement) + 8
    first, last = max(0, int(center - reach)), min(n, int(center + reach))
    # A few hundred numbers of disagreements carry the average to three digits.
    discordant = np.unique(np.linspace(first, last, 401).astype(np.int64))
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.exp(
            special.gammaln(n + 1)
            - special.gammaln(discordant + 1)
            - special.gammaln(n - discordant + 1)
            + special.xlogy(discordant, disagreement)
            + special.xlog1py(n - discordant, -disagreement)
        )
    weights /= weights.sum()
    enough = _wins_at_0(discordant, alpha) if margin == 0 else _wins_at(discordant, n, margin, alpha)
    pi = 0.5 * (1 + difference / disagreement)
    reached = binomial.p_value_greater(np.minimum(enough, discordant), discordant, min(max(pi, 0.0), 1.0))
    return float(weights @ np.where(enough > discordant, 0.0, reached))


def _wins_at_0(discordant: NDArray[np.int_], alpha: float) -> NDArray[np.int_]:
    """Give the smallest number of wins at which the sign test rejects; one more than there can be stands for none."""
    short, enough = np.full(discordant.size, -1), discordant + 1
    while np.any(enough - short > 1):
        middle = (short + enough) // 2
        rejects = binomial.p_value_greater(np.maximum(middle, 0), discordant, 0.5) <= alpha
        open_ = enough - short > 1
        enough = np.where(open_ & rejects, middle, enough)
        short = np.where(open_ & ~rejects, middle, short)
    return np.asarray(enough)


def _wins_at(discordant: NDArray[np.int_], n: int, margin: float, alpha: float) -> NDArray[np.int_]:
    """Give the smallest number of wins at which the shifted test rejects, interpolated between a few of them."""
    chosen = np.unique(discordant[np.linspace(0, discordant.size - 1, 9).astype(np.int64)])
    needed = []
    for count in chosen.tolist():
        short, enough = -1, count + 1
        while enough - short > 1:
            middle = (short + enough) // 2
            if _excess(middle, count - middle, n, margin, alpha) <= 0:
                enough = middle
            else:
                short = middle
        needed.append(enough)
    return np.ceil(np.interp(discordant, chosen, np.array(needed, dtype=np.float64))).astype(np.int64)


def _disagreements(wins: int, losses: int) -> int:
    for name, value in (("wins", wins), ("losses", losses)):
        if value < 0 or value != int(value):
            raise ValueError(f"{name} must be a whole number that is not negative, got {value}")
    return int(wins) + int(losses)


def _check_rows(wins: int, losses: int, n: int) -> None:
    if _disagreements(wins, losses) > n or n != int(n):
        raise ValueError(f"n must be a whole number of at least wins + losses, got {n}")
