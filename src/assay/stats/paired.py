r"""Exact comparison of two models on the same rows, from their disagreements.

A win is a row where only the new model is right, a loss one where only the old is. With d the probability of a
win or loss and pi that of a win among them, the difference of the accuracies is d (2 pi - 1). Given D = wins +
losses, the wins are Bin(D, pi), whatever d is.

The test against "difference <= margin" at level a spends 0.9 a on pi and 0.1 a on d: under the hypothesis pi
is at most (1 + margin / d) / 2, which for margin > 0 is largest at the smallest d, for margin < 0 at the largest. So it
takes the exact one-sided bound of d at 0.1 a (lower or upper, from D of n rows), and rejects if P(Bin(D, pi0) >= wins)
<= 0.9 a there. Either the bound of d fails (probability 0.1 a at most), or pi <= pi0 and the binomial test
fails given D (0.9 a). At margin 0 no bound of d is needed and the test is the sign test at the full a.

Of the valid constructions (this one; bets on scores -1, 0, 1; a trinomial tail maximised over d) this one is used
throughout: it is fixed in advance, needs no search over d, and is the tightest where wins and losses are within a
few to one.

References
----------
McNemar, Q. "Note on the sampling error of the difference between correlated proportions." Psychometrika 12(2),
1947. Berger, R. L. and Boos, D. D. "P values maximized over a confidence set for the nuisance parameter."
Journal of the American Statistical Association 89(427), 1994.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from assay.stats import binomial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Share of the error probability spent on the rate of disagreement.
_SHARE = 0.1
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
    0.0028
    """
    _check_rows(wins, losses, n)
    if not -1 <= margin <= 1:
        raise ValueError(f"margin must lie in [-1, 1], got {margin}")
    if margin == 0:
        return p_value(wins, losses)
    # Rejecting gets easier as the level grows: bisect on its logarithm, and report the end that rejects.
    if not _rejects(wins, losses, n, margin, 1.0):
        return 1.0
    refused, rejects = np.log(_SMALLEST), 0.0
    if _rejects(wins, losses, n, margin, _SMALLEST):
        return _SMALLEST
    for _ in range(60):
        middle = 0.5 * (refused + rejects)
        if _rejects(wins, losses, n, margin, float(np.exp(middle))):
            rejects = middle
        else:
            refused = middle
    return float(np.exp(rejects))


def difference_interval(wins: int, losses: int, n: int, alpha: float) -> tuple[float, float]:
    """Give a two-sided interval for the difference of the accuracies, alpha/2 on each side.

    Guarantee (exact): P(difference outside) <= alpha. Each end is the bound of pi at 0.9 alpha/2 times
    the bound of d at 0.1 alpha/2 that moves it outwards: with pi >= pi_low, d (2 pi - 1) is at
    least d_low (2 pi_low - 1) if pi_low >= 1/2, else d_high (2 pi_low - 1). For a true difference >= 0 the lower
    end can fail only if pi_low or d_low does, for a negative one only if pi_low or d_high does.

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
    (0.016, 0.0731)
    """
    _check_rows(wins, losses, n)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
    discordant = _disagreements(wins, losses)
    on_pi, on_d = (1 - _SHARE) * alpha / 2, _SHARE * alpha / 2
    d_low = binomial.lower(discordant, n, on_d)
    d_high = binomial.upper(discordant, n, on_d)
    tilt_low = 2 * binomial.lower(wins, discordant, on_pi) - 1
    tilt_high = 2 * binomial.upper(wins, discordant, on_pi) - 1
    low = (d_low if tilt_low >= 0 else d_high) * tilt_low
    high = (d_high if tilt_high >= 0 else d_low) * tilt_high
    return float(low), float(high)


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


def _rejects(wins: int, losses: int, n: int, margin: float, level: float) -> bool:
    discordant = wins + losses
    pi0 = _largest_pi(np.array([discordant]), n, margin, _SHARE * level)
    return bool(_tail(np.array([wins]), np.array([discordant]), pi0)[0] <= (1 - _SHARE) * level)


def _largest_pi(discordant: NDArray[np.int_], n: int, margin: float, share: float) -> Floats:
    """Give the largest pi under "difference <= margin" within the bound of d."""
    if margin > 0:
        rate = np.asarray(binomial.lower(discordant, n, share), dtype=np.float64)
    else:
        rate = np.asarray(binomial.upper(discordant, n, share), dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.minimum(0.5 * (1 + margin / rate), 1.0)


def _tail(wins: NDArray[np.int_], discordant: NDArray[np.int_], pi0: Floats) -> Floats:
    """Give P(Bin(discordant, pi0) >= wins); 0 where pi0 < 0.

    There the hypothesis needs more disagreement than the bound of d leaves, and is refuted by it alone.
    """
    tail = np.asarray(binomial.p_value_greater(wins, discordant, np.maximum(pi0, 0.0)), dtype=np.float64)
    return np.where(pi0 < 0, 0.0, tail)


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

    if margin == 0:
        limit, level = np.full(discordant.size, 0.5), alpha
    else:
        limit, level = _largest_pi(discordant, n, margin, _SHARE * alpha), (1 - _SHARE) * alpha
    # Smallest number of wins that rejects, by bisection; discordant + 1 stands for none.
    short, enough = np.full(discordant.size, -1), discordant + 1
    while np.any(enough - short > 1):
        middle = (short + enough) // 2
        rejects = _tail(np.maximum(middle, 0), discordant, limit) <= level
        open_ = enough - short > 1
        enough = np.where(open_ & rejects, middle, enough)
        short = np.where(open_ & ~rejects, middle, short)
    pi = 0.5 * (1 + difference / disagreement)
    reached = binomial.p_value_greater(np.minimum(enough, discordant), discordant, min(max(pi, 0.0), 1.0))
    return float(weights @ np.where(enough > discordant, 0.0, reached))


def _disagreements(wins: int, losses: int) -> int:
    for name, value in (("wins", wins), ("losses", losses)):
        if value < 0 or value != int(value):
            raise ValueError(f"{name} must be a whole number that is not negative, got {value}")
    return int(wins) + int(losses)


def _check_rows(wins: int, losses: int, n: int) -> None:
    if _disagreements(wins, losses) > n or n != int(n):
        raise ValueError(f"n must be a whole number of at least wins + losses, got {n}")
