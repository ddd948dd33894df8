"""What a clause measures: the tests and bounds that every quantity offers, and sums and multiples of quantities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

# Beyond this nobody labels or waits.
PLENTY = 10**8


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
        return smallest_level(lambda alpha: self.lower(alpha) > limit)

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        return smallest_level(lambda alpha: self.upper(alpha) < limit)

    def further(self, limit: float, alpha: float) -> int | None:
        """Rows or units still needed: the half-width shrinks like one over the square root of the rows."""
        gap = abs(self.estimate - limit)
        rows = sum(int(part.statistic.get("units", part.statistic["rows"])) for _, part in self.parts)
        if gap < 1e-4 or alpha >= 0.5:
            return None
        width = self.estimate - self.lower(alpha) if self.estimate > limit else self.upper(alpha) - self.estimate
        # 0.8 power asks for 0.84 standard errors beyond the bound.
        spread = 1 + 0.84 / math.sqrt(2 * math.log(1 / alpha))
        return more(math.ceil(rows * (spread * width / gap) ** 2), rows)


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


def more(needed: int | None, have: int) -> int | None:
    """Give how many are still needed, or ``None`` beyond what anybody labels or waits for."""
    return None if needed is None or needed > PLENTY else max(1, needed - have)


def smallest_level(clears: Callable[[float], bool]) -> float:
    """Give the smallest level that clears, by bisection on its logarithm; 1 if not even 1/2 does."""
    refused, cleared = math.log(1e-12), math.log(0.499)
    if not clears(math.exp(cleared)):
        return 1.0
    if clears(math.exp(refused)):
        return math.exp(refused)
    # To a thousandth of itself, on the safe side.
    for _ in range(16):
        middle = (refused + cleared) / 2
        if clears(math.exp(middle)):
            cleared = middle
        else:
            refused = middle
    return math.exp(cleared)
