r"""The mixture of bets on which every betting bound here rests.

Let Z be a quantity with E[Z] <= 0 under the hypothesis, Z >= -loss and Z <= gain. Each bet multiplies its
wealth by 1 + theta Z / loss with a fixed fraction 0 < theta <= 1, which is never negative and has mean at
most 1. The weighted mean over several bets keeps both properties, and needs no guess of the variance: the
bet that suits the data soon outgrows the rest and costs only the logarithm of its weight.

A variable in [-loss, gain] with mean 0 has a standard deviation of at most sqrt(loss gain), reached by two
points. The bets are laid out downwards from there, theta = c sqrt(loss / gain), so the first suits counts of
events (which reach it) and the next suit ever calmer data.

Monotone in the mean. For values in [low, high] and Z = x - m: loss = m - low, gain = high - m. The wealth
of each bet falls as m grows, so a bound can be found by bisection. Proof: 1 + theta Z / loss is linear in x,
so it is enough to look at x = low, where it is 1 - theta, and theta grows with m; and at x = high, where it
is 1 + theta gain / loss = 1 + min(gain / loss, c sqrt(gain / loss)), which falls. For sums over a unit of
s <= S rows, Z = t - m s with low s <= t <= high s, loss = S (m - low), gain = S (high - m), the same proof
runs over the corners of the triangle of (t, s): (0, 0) gives 1, the other two give the values above.

References
----------
Waudby-Smith, I. and Ramdas, A. "Estimating means of bounded random variables by betting." Journal of the
Royal Statistical Society B 86(1), 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bets:
    """Fixed bets and the share of the wealth placed on each.

    Attributes
    ----------
    scales : ndarray of float64
        The multiples c in theta = min(1, c sqrt(loss / gain)); infinity stands for theta = 1.
    log_weights : ndarray of float64
        Logarithms of the shares, which sum to 1.
    """

    scales: Floats
    log_weights: Floats

    def fractions(self, loss: float, gain: float) -> Floats:
        """Give theta of each bet for a quantity in [-loss, gain]."""
        theta: Floats = np.minimum(1.0, self.scales * np.sqrt(loss / gain))
        return theta

    def mix(self, log_wealth: Floats) -> Floats:
        """Give the logarithm of the mixed wealth; the bets run along the first axis."""
        shape = (-1,) + (1,) * (log_wealth.ndim - 1)
        return np.asarray(np.logaddexp.reduce(log_wealth + self.log_weights.reshape(shape), axis=0))


def for_sample(n: int) -> Bets:
    """Give the bets for a sample whose size n is fixed before it is seen.

    With n values of standard deviation sd, the bet of greatest growth at the edge of a bound with error
    probability alpha is sqrt(2 ln(1/alpha) / n) / sd. The first scale takes alpha = 0.01 and the largest
    sd, each further one half the sd, with 0.7 of the share. The bounds come out 1.1 to
    1.3 times as wide as with the one best bet (alpha = 0.05, sd from the largest down to 1/16 of it), and closer
    for smaller alpha.
    """
    first = np.sqrt(2 * np.log(100) / max(n, 1))
    steps = 2 + max(0, int(np.ceil(np.log2(8 / first))))
    scales = np.append(first * 2.0 ** np.arange(steps), np.inf)
    shares = 0.7 ** np.arange(scales.size)
    return Bets(scales, np.log(shares / shares.sum()))


def for_any_time() -> Bets:
    """Give the bets for a sample of unknown size, from a handful of values to about 10^8; equal shares."""
    scales = np.append(2.0 ** np.arange(-12, 4), np.inf)
    return Bets(scales, np.full(scales.size, -np.log(scales.size)))
