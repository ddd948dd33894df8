"""What a clause measures, with exact one-sided tests and bounds for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import special

from assay.stats import betting, binomial, clustered, paired

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Beyond this nobody labels or waits.
_PLENTY = 10**8
# Beyond this the normal approximation of a sample size is as good as the exact one, and instant.
_MANY = 500


class Quantity(Protocol):
    """A number of the population with tests that hold at every sample size.

    ``p_greater(limit)`` is a p-value against "it is at most ``limit``", ``p_less`` against "it is at least
    ``limit``"; ``lower`` and ``upper`` are one-sided bounds at the error probability given. ``further`` gives how
    many more rows (or units) decide on which side of the limit it lies with probability 0.8, if the truth is the
    estimate; ``None`` if no number that can be had does.
    """

    @property
    def estimate(self) -> float: ...  # noqa: D102
    @property
    def method(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def statistic(self) -> dict[str, float | int]: ...  # noqa: D102
    def lower(self, alpha: float) -> float: ...  # noqa: D102
    def upper(self, alpha: float) -> float: ...  # noqa: D102
    def p_greater(self, limit: float) -> float: ...  # noqa: D102
    def p_less(self, limit: float) -> float: ...  # noqa: D102
    def further(self, limit: float, alpha: float) -> int | None: ...  # noqa: D102


@dataclass(frozen=True)
class Rate:
    """A share of independent rows: exact binomial tests and Clopper-Pearson bounds.

    Guarantee (exact): P(p_greater(A) <= a) <= a while the rate is at most A, for every n; likewise ``p_less``.
    """

    hits: int
    n: int

    method = "exact binomial"
    source = "Clopper and Pearson, Biometrika 26(4), 1934"

    @property
    def estimate(self) -> float:
        """Share observed."""
        return self.hits / self.n

    @property
    def statistic(self) -> dict[str, float | int]:
        """Counts."""
        return {"hits": self.hits, "rows": self.n}

    def lower(self, alpha: float) -> float:
        """Bound from below."""
        return float(binomial.lower(self.hits, self.n, alpha))

    def upper(self, alpha: float) -> float:
        """Bound from above."""
        return float(binomial.upper(self.hits, self.n, alpha))

    def p_greater(self, limit: float) -> float:
        """Test against "at most"."""
        return 1.0 if limit >= 1 else float(binomial.p_value_greater(self.hits, self.n, max(limit, 0.0)))

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        return 1.0 if limit <= 0 else float(binomial.p_value_less(self.hits, self.n, min(limit, 1.0)))

    def further(self, limit: float, alpha: float) -> int | None:
        """Rows still needed: by exact power, or by its normal approximation where that is good."""
        guess = self.estimate
        if not 0 < limit < 1 or abs(guess - limit) < 1e-4:
            return None
        reach = special.ndtri(1 - alpha) * math.sqrt(limit * (1 - limit)) + 0.84 * math.sqrt(guess * (1 - guess))
        rough = math.ceil((reach / (guess - limit)) ** 2)
        if rough > _MANY:
            return _more(rough, self.n)
        needed = binomial.units_needed(guess, limit, alpha, 0.8, "greater" if guess > limit else "less")
        return _more(needed, self.n)


@dataclass(frozen=True)
class Difference:
    """Accuracy of one model minus another's on the same independent rows, from their disagreements.

    Guarantee (exact): against "the difference is at most A", for A = 0 wins among the rows that exactly one model
    gets right are Bin(D, at most 1/2) given their number D. For other A a share 0.1 of the level bounds the rate
    of such rows (:func:`assay.stats.paired.p_value_shifted`).
    """

    wins: int
    losses: int
    n: int

    source = "McNemar, Psychometrika 12(2), 1947; Berger and Boos, JASA 89(427), 1994"
    method = "exact conditional test on disagreements"

    @property
    def estimate(self) -> float:
        """Difference observed."""
        return (self.wins - self.losses) / self.n

    @property
    def statistic(self) -> dict[str, float | int]:
        """Counts."""
        return {"wins": self.wins, "losses": self.losses, "rows": self.n}

    def lower(self, alpha: float) -> float:
        """Bound from below."""
        return paired.difference_interval(self.wins, self.losses, self.n, 2 * alpha)[0] if alpha < 0.5 else -1.0

    def upper(self, alpha: float) -> float:
        """Bound from above."""
        return paired.difference_interval(self.wins, self.losses, self.n, 2 * alpha)[1] if alpha < 0.5 else 1.0

    def p_greater(self, limit: float) -> float:
        """Test against "at most"."""
        return self._p(self.wins, self.losses, limit)

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        return self._p(self.losses, self.wins, -limit)

    def _p(self, wins: int, losses: int, margin: float) -> float:
        if margin >= 1:
            return 1.0
        if margin <= -1:
            return 1.0 if losses == self.n else 0.0
        return paired.p_value_shifted(wins, losses, self.n, margin)

    def further(self, limit: float, alpha: float) -> int | None:
        """Rows still needed, by a normal approximation of the test."""
        gap = abs(self.estimate - limit)
        rate = (self.wins + self.losses) / self.n
        if gap < 1e-4:
            return None
        spread = math.sqrt(rate - self.estimate**2)
        if limit == 0:
            return _more(math.ceil(((special.ndtri(1 - alpha) + 0.84) * spread / gap) ** 2), self.n)
        reach = (special.ndtri(1 - 0.9 * alpha) + 0.84) * spread
        if rate > 0:
            reach += special.ndtri(1 - 0.1 * alpha) * abs(self.estimate) * math.sqrt((1 - rate) / rate)
        # Without disagreements the bound of their rate decides, at a tenth of the level.
        return _more(math.ceil(max(math.log(10 / alpha) / gap, (reach / gap) ** 2)), self.n)


@dataclass(frozen=True)
class Mean:
    """Mean of bounded values of independent rows: bets on rows.

    Guarantee (exact): the wealth of a bet against "the mean is at most A" has expectation at most 1 while that is
    so, and it reaches 1/a with probability at most a (Markov). The range is that of the form itself, known before
    any row is seen. The order of the rows does not matter.
    """

    values: Floats
    low: float
    high: float

    method = "betting on rows"
    source = "Waudby-Smith and Ramdas, JRSS B 86(1), 2024, Theorem 3"

    @property
    def estimate(self) -> float:
        """Mean observed."""
        return float(self.values.mean())

    @property
    def statistic(self) -> dict[str, float | int]:
        """Spread."""
        return {"rows": int(self.values.size), "sd": float(self.values.std())}

    def lower(self, alpha: float) -> float:
        """Bound from below."""
        return betting.lower(self.values, alpha, low=self.low, high=self.high)

    def upper(self, alpha: float) -> float:
        """Bound from above."""
        return betting.upper(self.values, alpha, low=self.low, high=self.high)

    def p_greater(self, limit: float) -> float:
        """Test against "at most"."""
        if limit >= self.high:
            return 1.0
        if limit <= self.low:
            return 0.0 if (self.values > limit).any() else 1.0
        return _p(betting.e_value_greater(self.values, limit, low=self.low, high=self.high))

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        if limit <= self.low:
            return 1.0
        if limit >= self.high:
            return 0.0 if (self.values < limit).any() else 1.0
        return _p(betting.e_value_less(self.values, limit, low=self.low, high=self.high))

    def further(self, limit: float, alpha: float) -> int | None:
        """Rows still needed, by the growth of the best bet."""
        gap = self.estimate - limit
        loss = limit - self.low if gap > 0 else self.high - limit
        return _more(_bets_needed(abs(gap), float(self.values.var()), loss, alpha), self.values.size)


@dataclass(frozen=True)
class UnitMean:
    """Row-weighted mean when only whole units are independent: bets on units.

    Guarantee (exact): as for :class:`Mean`, on the sums of (value - A) over a unit. How far a unit can move its sum
    is known before its labels are (models differ only where their predictions do), and the largest such move is
    the stake.

    Attributes
    ----------
    totals, sizes : ndarray of float64, shape (units,)
        Sum of the values and number of rows of each unit.
    least, most : ndarray of float64, shape (units,)
        Limits of the totals, from the predictions alone.
    low, high : float
        Range of one row's value.
    """

    totals: Floats
    sizes: Floats
    least: Floats
    most: Floats
    low: float
    high: float

    method = "betting on units"
    source = "Waudby-Smith and Ramdas, JRSS B 86(1), 2024, Theorem 3, on sums by unit"

    @property
    def estimate(self) -> float:
        """Mean over all rows."""
        return float(self.totals.sum() / self.sizes.sum())

    @cached_property
    def _reach(self) -> tuple[Floats, Floats]:
        # Totals that cannot move at all set no stake: fall back on the range of a row.
        if (self.most - self.least).max() > 1e-6:
            return self.least, self.most
        return self.low * self.sizes, self.high * self.sizes

    @property
    def statistic(self) -> dict[str, float | int]:
        """Spread and size of the units."""
        means = self.totals / self.sizes
        return {
            "units": int(self.sizes.size),
            "rows": int(self.sizes.sum()),
            "largest_unit": int(self.sizes.max()),
            "largest_move": float(np.maximum(np.abs(self.least), np.abs(self.most)).max()),
            "sd_of_units": float(means.std()),
        }

    def lower(self, alpha: float) -> float:
        """Bound from below."""
        least, most = self._reach
        return clustered.lower(self.totals, self.sizes, alpha, low=self.low, high=self.high, least=least, most=most)

    def upper(self, alpha: float) -> float:
        """Bound from above."""
        least, most = self._reach
        return clustered.upper(self.totals, self.sizes, alpha, low=self.low, high=self.high, least=least, most=most)

    def p_greater(self, limit: float) -> float:
        """Test against "at most"."""
        return self._p(clustered.e_value_greater, limit, above=True)

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        return self._p(clustered.e_value_less, limit, above=False)

    def _p(self, e_value: Callable[..., float], limit: float, *, above: bool) -> float:
        if self.low < limit < self.high:
            least, most = self._reach
            return _p(e_value(self.totals, self.sizes, limit, low=self.low, high=self.high, least=least, most=most))
        # A limit beyond the range holds of every unit, or of none that has moved off it.
        if (limit >= self.high) == above:
            return 1.0
        return 0.0 if np.any(self.totals != limit * self.sizes) else 1.0

    def further(self, limit: float, alpha: float) -> int | None:
        """Units still needed, by the growth of the best bet."""
        moves = self.totals - limit * self.sizes
        gap = float(moves.mean())
        least, most = self._reach
        stake = limit * self.sizes - least if gap > 0 else most - limit * self.sizes
        return _more(_bets_needed(abs(gap), float(moves.var()), float(stake.max()), alpha), self.sizes.size)


@dataclass(frozen=True)
class Combination:
    """Weighted sum of quantities of different rows, by a union bound over them.

    Guarantee (exact): each part's bound takes an equal share of the level, so all hold at once but for probability
    a, and then the sum of the outward ends bounds the sum. The p-value is the smallest level, searched from above,
    whose bound clears the limit.
    """

    parts: tuple[tuple[float, Quantity], ...]

    @property
    def method(self) -> str:
        """Methods of the parts."""
        return " and ".join(dict.fromkeys(part.method for _, part in self.parts)) + ", union bound"

    @property
    def source(self) -> str:
        """Sources of the parts."""
        return "; ".join(dict.fromkeys(part.source for _, part in self.parts)) + "; Bonferroni"

    @property
    def estimate(self) -> float:
        """Sum of the estimates."""
        return sum(c * part.estimate for c, part in self.parts)

    @property
    def statistic(self) -> dict[str, float | int]:
        """Number of parts."""
        return {"parts": len(self.parts)}

    def lower(self, alpha: float) -> float:
        """Bound from below."""
        share = alpha / len(self.parts)
        return sum(c * (part.lower(share) if c > 0 else part.upper(share)) for c, part in self.parts)

    def upper(self, alpha: float) -> float:
        """Bound from above."""
        share = alpha / len(self.parts)
        return sum(c * (part.upper(share) if c > 0 else part.lower(share)) for c, part in self.parts)

    def p_greater(self, limit: float) -> float:
        """Test against "at most"."""
        return _smallest_level(lambda alpha: self.lower(alpha) > limit)

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        return _smallest_level(lambda alpha: self.upper(alpha) < limit)

    def further(self, limit: float, alpha: float) -> int | None:
        """Rows or units still needed: the half-width shrinks like one over the square root of the rows."""
        gap = abs(self.estimate - limit)
        rows = sum(int(part.statistic.get("units", part.statistic["rows"])) for _, part in self.parts)
        if gap < 1e-4 or alpha >= 0.5:
            return None
        width = self.estimate - self.lower(alpha) if self.estimate > limit else self.upper(alpha) - self.estimate
        # 0.8 power asks for 0.84 standard errors beyond the bound.
        spread = 1 + 0.84 / math.sqrt(2 * math.log(1 / alpha))
        return _more(math.ceil(rows * (spread * width / gap) ** 2), rows)


@dataclass(frozen=True)
class Affine:
    """``scale * base + shift``, with scale not 0."""

    base: Quantity
    scale: float
    shift: float

    @property
    def method(self) -> str:
        """Method of the base."""
        return self.base.method

    @property
    def source(self) -> str:
        """Source of the base."""
        return self.base.source

    @property
    def estimate(self) -> float:
        """Image of the estimate."""
        return self.scale * self.base.estimate + self.shift

    @property
    def statistic(self) -> dict[str, float | int]:
        """Counts of the base."""
        return self.base.statistic

    def _back(self, limit: float) -> float:
        # 1 - 0.2 and its like leave a rounding error that a limit must not be off by.
        return float(round((limit - self.shift) / self.scale, 15))

    def lower(self, alpha: float) -> float:
        """Bound from below."""
        end = self.base.lower(alpha) if self.scale > 0 else self.base.upper(alpha)
        return self.scale * end + self.shift

    def upper(self, alpha: float) -> float:
        """Bound from above."""
        end = self.base.upper(alpha) if self.scale > 0 else self.base.lower(alpha)
        return self.scale * end + self.shift

    def p_greater(self, limit: float) -> float:
        """Test against "at most"."""
        limit = self._back(limit)
        return self.base.p_greater(limit) if self.scale > 0 else self.base.p_less(limit)

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        limit = self._back(limit)
        return self.base.p_less(limit) if self.scale > 0 else self.base.p_greater(limit)

    def further(self, limit: float, alpha: float) -> int | None:
        """Rows or units still needed."""
        return self.base.further(self._back(limit), alpha)


def _p(e_value: float) -> float:
    return min(1.0, 1.0 / e_value) if e_value > 0 else 1.0


def _more(needed: int | None, have: int) -> int | None:
    return None if needed is None or needed > _PLENTY else max(1, needed - have)


def _bets_needed(gap: float, variance: float, loss: float, alpha: float) -> int | None:
    """Give the number of bets until the wealth reaches 1/alpha with probability 0.8, by a normal approximation.

    A bet of the fraction f gains f gap - f^2 (variance + gap^2) / 2 in log wealth on average, with standard
    deviation f sd; f is at best gap / (variance + gap^2) and at most 1 / loss. The mixture of bets costs about
    log 12 on top.
    """
    if gap <= 0 or loss <= 0:
        return None
    second = variance + gap * gap
    fraction = min(gap / second, 1 / loss)
    growth = fraction * gap - fraction * fraction * second / 2
    swing = 0.84 * fraction * math.sqrt(variance)
    goal = math.log(12 / alpha)
    root = (swing + math.sqrt(swing * swing + 4 * growth * goal)) / (2 * growth)
    return math.ceil(root * root) if root < _PLENTY else None


def _smallest_level(clears: Callable[[float], bool]) -> float:
    """Give the smallest level that clears, by bisection on its logarithm; 1 if not even 1/2 does."""
    refused, cleared = math.log(1e-12), math.log(0.499)
    if not clears(math.exp(cleared)):
        return 1.0
    if clears(math.exp(refused)):
        return math.exp(refused)
    for _ in range(30):
        middle = (refused + cleared) / 2
        if clears(math.exp(middle)):
            cleared = middle
        else:
            refused = middle
    return math.exp(cleared)
