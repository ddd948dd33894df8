"""Rates and differences of rates, by exact tests on counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from assay.gate.quantity import more
from assay.stats import binomial, paired

# Beyond this the normal approximation of a sample size is as good as the exact one, and instant.
_MANY = 500


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
        reach = -special.ndtri(alpha) * math.sqrt(limit * (1 - limit)) + 0.84 * math.sqrt(guess * (1 - guess))
        rough = math.ceil((reach / (guess - limit)) ** 2)
        if rough > _MANY:
            return more(rough, self.n)
        needed = binomial.units_needed(guess, limit, alpha, 0.8, "greater" if guess > limit else "less")
        return more(needed, self.n)


@dataclass(frozen=True)
class Difference:
    """Accuracy of one model minus another's on the same independent rows, from their disagreements.

    Guarantee (exact): against "the difference is at most A", for A = 0 wins among the rows that exactly one model
    gets right are Bin(D, at most 1/2) given their number D. For other A a share of the level bounds the rate of such
    rows, and the rest is spent on the trinomial test at that bound, or on the conditional one below 500 rows
    (:func:`assay.stats.paired.p_value_shifted`, with the figures by which it was chosen).
    """

    wins: int
    losses: int
    n: int

    source = "McNemar, Psychometrika 12(2), 1947; Berger and Boos, JASA 89(427), 1994"
    method = "exact test on disagreements"

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
            return more(math.ceil(((0.84 - special.ndtri(alpha)) * spread / gap) ** 2), self.n)
        reach = (0.84 - special.ndtri(0.9 * alpha)) * spread
        # Without disagreements the bound of their rate decides, at a share of the level.
        return more(math.ceil(max(math.log(20 / alpha) / gap, (reach / gap) ** 2)), self.n)
