r"""Exact test of a difference of accuracies from wins and losses, when the rate of disagreement is bounded.

A win is a row where only the new model is right, a loss one where only the old is; S = wins - losses over n independent
rows. With q = P(win) + P(loss) <= p and v = P(win) - P(loss) the difference of the accuracies, the p-value against
"v <= A" is the supremum of P(S >= s) over v <= A and q <= p, or a number above it. It needs no search over q:

1. *v.* More wins at the cost of losses push S up, so v = A (v = q = p where A exceeds p) is worst.
2. *q, p <= 1/2.* Write S' for the sum of n - 1 rows. As the law of a row is linear in q,
   d/dq P(S >= s) = n/2 [P(S' = s - 1) - P(S' = s)]. For q <= 1/2 the polynomial of a row has real roots, so n - 1 + S'
   is a sum of independent Bernoulli variables: log-concave, with a mode at most its mean rounded up (Darroch, 1964).
   For s >= ceil((n - 1) A) + 1 the derivative is therefore not negative: the supremum is at q = p, and is exact.
3. *q, p > 1/2, or s below that.* Near q = 1 the parity of S makes P(S >= s) ripple. A row is sign(A) with probability
   |A|, else symmetric; let K be the number of the former and t = s - sign(A) K what the M = n - K symmetric rows
   have to reach. Of D rows that are +-1, P(sum >= t) grows with D along the parity of t, and is at odd
   parity no larger than at D - 1; with sum(D - 1) >= t implying sum(D) >= t - 1, the running maximum over D is at
   most P(sum(D) >= t - 1), and its mean over D ~ Bin(M, r) grows with r. So for t >= 1 each q <= p has
   P(sum >= t) <= P_p(sum >= t - 1), and otherwise P <= 1 <= 2 P_p(sum >= t - 1). Together
   sup P(S >= s) <= P_p(S >= s - 1) + P(t <= 0)/2, which costs one row of S; Chernoff's bound at p, which grows with q
   and v as E exp(u X) does, is taken where it is smaller.

References
----------
Darroch, J. N. "On the distribution of the number of successes in independent trials." Annals of Mathematical
Statistics 35(3), 1964, Theorem 4. Chernoff, H. "A measure of asymptotic efficiency for tests of a hypothesis based on
the sum of observations." Annals of Mathematical Statistics 23(4), 1952.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Below this size all sizes are tried; above it the candidates come from a saddlepoint approximation.
_SMALL = 200
# Relative error up to which the approximation, brought into line at one size, is trusted to rank sizes.
_LOOSE = 1e-3


def p_value(wins: int, losses: int, n: int, margin: float = 0.0, rate: float = 1.0) -> float:
    """Give the exact one-sided p-value against "the difference of the accuracies is at most ``margin``".

    Guarantee (exact): P(p_value <= a) <= a if the difference is at most ``margin`` and the rate of disagreement at most
    ``rate``, for every n; the proof is at the top of this module. Where it is not known that the rate is that
    small, ``rate`` is part of the claim. Assumes that rows are independent and alike.

    Parameters
    ----------
    wins, losses : int, at least 0
        Rows where only the new, only the old model is right.
    n : int, at least wins + losses
        Rows compared, agreements included.
    margin : float, in [-1, 1]
    rate : float, in (0, 1]
        Bound on the probability that a row is a win or a loss; a bound on the share of changed predictions is one.

    Returns
    -------
    float
        0 if the margin is below ``-rate``, which the bound on the rate excludes by itself.

    Raises
    ------
    ValueError
        Naming the argument that is out of range.

    Notes
    -----
    Weak where the true rate is far below ``rate``: the test is planned for the worst. The conditional tests of
    :mod:`assay.stats.paired` look at the rate instead.

    Examples
    --------
    >>> round(p_value(60, 20, 1000, margin=0.01, rate=0.1), 4)
    0.0016
    """
    for name, count in (("wins", wins), ("losses", losses)):
        if count < 0 or count != int(count):
            raise ValueError(f"{name} must be a whole number that is not negative, got {count}")
    if n != int(n) or wins + losses > n:
        raise ValueError(f"n must be a whole number of at least wins + losses, got {n}")
    _check_margin(margin, rate)
    return _tail(int(n), int(wins) - int(losses), margin, rate)


def rows_needed(
    margin: float,
    alternative: float,
    rate: float,
    alpha: float,
    miss: float,
    *,
    alternative_rate: float | None = None,
    at_least: int = 1,
) -> int:
    """Give a number of rows at which :func:`p_value` tells two differences apart with two stated errors.

    At the n returned, with the test that passes if ``p_value(wins, losses, n, margin, rate) <= alpha``:

    * difference <= ``margin`` and disagreement <= ``rate`` imply P(pass) <= alpha, as at every n, and
    * difference >= ``alternative`` and disagreement <= ``alternative_rate`` imply P(no pass) <= miss.

    Both are verified at that n by the exact tails. The second holds in a sawtooth of n: at a slightly larger n it can
    fail by a hair, so ask again with ``at_least``. Up to 200 rows every size is tried. Beyond, sizes are tried in the
    order of a saddlepoint approximation (relative error below 0.001), so that a smaller n can at most be missed where
    the contract holds by less than that.

    Parameters
    ----------
    margin, alternative : float, margin < alternative <= alternative_rate, margin < rate
    rate : float, in (0, 1]
    alpha, miss : float, in (0, 1/2)
    alternative_rate : float, in (0, 1], optional
        By default ``rate``.
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
    >>> rows_needed(0.02, 0.06, rate=0.1, alpha=0.002 / 7, miss=0.002 / 7)
    2887
    """
    other = rate if alternative_rate is None else alternative_rate
    _check_margin(margin, rate)
    for name, value in (("alpha", alpha), ("miss", miss)):
        if not 0 < value < 0.5:
            raise ValueError(f"{name} must lie in (0, 1/2), got {value}")
    if not (margin < alternative <= other <= 1 and margin < rate):
        raise ValueError(
            f"margin must lie below alternative and rate, alternative in reach of its rate; got {margin}, "
            f"{alternative}, {rate}, {other}"
        )
    if margin < -rate:
        return at_least
    spread = -special.ndtri(alpha) * math.sqrt(rate - margin**2)
    spread -= special.ndtri(miss) * math.sqrt(max(other - alternative**2, 0.0))
    center = max((spread / (alternative - margin)) ** 2, math.log(1 / alpha) / 40)
    pass_ = _Side(margin, rate, math.log(alpha))
    miss_ = _Side(-alternative, other, math.log(miss))
    if center < _SMALL:
        n = at_least
        while not miss_.holds(n, 1 - pass_.critical(n)):
            n += 1
        return n
    return _search(pass_, miss_, center, at_least)


class _Side:
    """The tail P(S >= s) at a worst case, held against its allowance, and an approximation of it."""

    def __init__(self, margin: float, rate: float, allowed: float) -> None:
        self.margin = margin
        self.rate = rate
        self.allowed = allowed
        self.offset = 0.0
        # Without ties S moves in steps of 2.
        self.step = 2 if rate == 1 else 1

    def log_tail(self, n: int, s: int) -> float:
        tail = _tail(n, s, self.margin, self.rate)
        return math.log(tail) if tail > 0 else -math.inf

    def holds(self, n: int, s: int) -> bool:
        return self.log_tail(n, s) <= self.allowed

    def critical(self, n: int) -> int:
        """Smallest s at which the tail holds; n + 1 if there is none."""
        low, high = -n - 1, n + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.holds(n, middle) else (middle, high)
        return high

    def calibrate(self, n: int, s: int) -> None:
        """Bring the approximation into line with the exact tail at one place."""
        self.offset = self.log_tail(n, s) - float(self.approximate(np.array([n]), np.array([s]))[0])

    def approximate(self, n: Floats, s: Floats) -> Floats:
        """Lugannani and Rice's approximation of the log tail, for lattices (Daniels, 1987)."""
        a, c = (self.rate - self.margin) / 2, (self.rate + self.margin) / 2
        s = np.minimum(s, (n if c > 0 else 0.0) - 0.5)
        x = _tilt(n, s, a, c)
        level = 1 - self.rate + c * x + a / x
        mean = (c * x - a / x) / level
        sd = np.sqrt(n * np.maximum((c * x + a / x) / level - mean**2, 1e-300))
        w = np.sqrt(np.maximum(2 * (s * np.log(x) - n * np.log(level)), 1e-12))
        u = -np.expm1(-self.step * np.log(x)) * sd / self.step
        mills = math.sqrt(math.pi / 2) * special.erfcx(w / math.sqrt(2))
        bracket = np.maximum(mills + 1 / np.maximum(u, 1e-12) - 1 / w, 1e-300)
        return np.asarray(-(w**2) / 2 - math.log(2 * math.pi) / 2 + np.log(bracket) + self.offset)

    def critical_approximate(self, n: Floats) -> Floats:
        low = np.floor(n * self.margin) + 1
        high = n - 1.0
        if self.step == 2:
            low += (low - n) % 2
            high = n.copy()
        while np.any(high - low > self.step):
            middle = low + self.step * np.floor((high - low) / (2 * self.step))
            holds = self.approximate(n, middle) <= self.allowed
            high, low = np.where(holds, middle, high), np.where(holds, low, middle)
        return high


def _search(pass_: _Side, miss_: _Side, center: float, at_least: int) -> int:
    """Try sizes in the order in which the approximation, brought into line near by, lets the contract hold."""
    width = 0.06
    while True:
        sizes, counts, slack = _ranked(pass_, miss_, center, width, at_least, 256)
        found = np.flatnonzero(slack >= 0)
        if found.size and (found[0] > 0 or sizes[0] == at_least):
            break
        width *= 2  # the normal approximation was that far off
    center, count = float(sizes[found[0]]), int(counts[found[0]])
    pass_.calibrate(int(center), count)
    miss_.calibrate(int(center), 1 - count)
    # One step of S moves the log tails by about sqrt(2 ln(1/alpha) / (n rate)), and n by that over ln(1/alpha).
    width = 0.002 + 4 / math.sqrt(-center * pass_.rate * max(pass_.allowed, miss_.allowed))
    while True:
        sizes, counts, slack = _ranked(pass_, miss_, center, width, at_least, 0)
        for i in np.flatnonzero(slack >= -_LOOSE):
            n, s = int(sizes[i]), int(counts[i])
            # The approximation may put the critical count on the wrong side of a tie.
            s = s if pass_.holds(n, s) else s + pass_.step
            if miss_.holds(n, 1 - s) and pass_.holds(n, s):
                return n
        center, at_least = float(sizes[-1]) / (1 - width), max(at_least, int(sizes[-1]) + 1)


def _ranked(
    pass_: _Side, miss_: _Side, center: float, width: float, at_least: int, most: int
) -> tuple[Floats, Floats, Floats]:
    """Give sizes around a center (at most so many), their critical counts, and by how much they hold."""
    first = max(at_least, math.floor(center * (1 - width)))
    last = max(first + 64, math.ceil(center * (1 + width)))
    sizes = np.arange(first, last, max(1, (last - first) // most) if most else 1, dtype=np.float64)
    counts = pass_.critical_approximate(sizes)
    return sizes, counts, miss_.allowed - miss_.approximate(sizes, 1 - counts)


def _tail(n: int, s: int, margin: float, rate: float) -> float:
    """Give the supremum of P(S >= s), or a bound of it, over differences <= margin and rates <= rate."""
    if margin < -rate or s > n:
        return 0.0
    v = min(margin, rate)
    if s <= -n:
        return 1.0
    if rate <= 0.5 and s >= math.ceil((n - 1) * v - 1e-9) + 1:
        return _at(n, s, v, rate)
    k = float(s if v > 0 else -s)
    if v > 0:
        rare = float(special.betainc(k, n - k + 1, v)) if k >= 1 else 1.0
    elif v < 0:
        rare = float(special.betainc(n - k, k + 1, 1 + v)) if k >= 0 else 0.0
    else:
        rare = float(s <= 0)
    return min(1.0, _at(n, s - 1, v, rate) + rare / 2, _chernoff(n, s, v, rate))


def _at(n: int, s: int, v: float, q: float) -> float:
    """Give P(S >= s) for rows that are +1 with probability (q + v)/2 and -1 with (q - v)/2."""
    if s <= -n:
        return 1.0
    if v == q:
        return float(special.betainc(s, n - s + 1, q)) if s >= 1 else 1.0
    if v == -q:
        return float(special.betainc(n + s, 1 - s, 1 - q)) if s <= 0 else 0.0
    if s >= n:
        return float(((q + v) / 2) ** n) if s == n else 0.0
    if q == 1:
        counts = np.array([n], dtype=np.float64)
        weights = np.ones(1)
    else:
        # Under the law tilted to mean s the number of rows that are not 0 is Bin(n, tilted). What lies outside of
        # 10 standard deviations and 40 around it has there, by Bernstein, probability below 1e-20, and here at most
        # that times Chernoff's bound of the whole tail.
        a, c = (q - v) / 2, (q + v) / 2
        x = float(_tilt(np.array([float(n)]), np.array([float(s)]), a, c)[0])
        tilted = 1 - (1 - q) / (1 - q + c * x + a / x)
        reach = 10 * math.sqrt(n * tilted * (1 - tilted)) + 40
        least, most = max(0.0, math.floor(n * tilted - reach)), min(float(n), math.ceil(n * tilted + reach))
        counts = np.arange(least, most + 1)
        weights = np.exp(
            math.lgamma(n + 1)
            - special.gammaln(counts + 1)
            - special.gammaln(n - counts + 1)
            + counts * math.log(q)
            + (n - counts) * math.log1p(-q)
        )
    needed = np.ceil((s + counts) / 2)
    inside = (needed >= 1) & (needed <= counts)
    tails = special.betainc(np.maximum(needed, 1), np.maximum(counts - needed + 1, 1), (1 + v / q) / 2)
    return min(1.0, float(weights @ np.where(inside, tails, needed < 1)))


def _tilt(n: Floats, s: Floats, a: float, c: float) -> Floats:
    """Give x = exp(u), at least 1, for which the law with weights a/x, 1 - a - c, c x has the mean s/n."""
    b = 1 - a - c
    up, down = (n - s) * c, (n + s) * a
    root = np.sqrt((s * b) ** 2 + 4 * up * down)
    # The one of the two forms of the positive root in which nothing cancels.
    x = np.where(s > 0, (s * b + root) / np.where(s > 0, 2 * up, 1), 2 * down / np.where(s > 0, 1, root - s * b))
    return np.maximum(x, 1.0)


def _chernoff(n: int, s: int, v: float, q: float) -> float:
    a, c = (q - v) / 2, (q + v) / 2
    if s >= n:
        return c**n if s == n else 0.0
    if a == 0 or c == 0:
        return 1.0
    x = float(_tilt(np.array([float(n)]), np.array([float(s)]), a, c)[0])
    return math.exp(min(0.0, n * math.log(1 - q + c * x + a / x) - s * math.log(x)))


def _check_margin(margin: float, rate: float) -> None:
    if not 0 < rate <= 1:
        raise ValueError(f"rate must lie in (0, 1], got {rate}")
    if not -1 <= margin <= 1:
        raise ValueError(f"margin must lie in [-1, 1], got {margin}")
