"""Means of bounded values, by betting on rows or on units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.gate.quantity import PLENTY, more
from assay.stats import betting, clustered

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


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
        return more(bets_needed(abs(gap), float(self.values.var()), loss, alpha), self.values.size)


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
    max_size : int or None
        Most rows that any unit of the population has, where that is declared.
    variance : float
        Of the rows' values; 0 where it is not known.
    """

    totals: Floats
    sizes: Floats
    least: Floats
    most: Floats
    low: float
    high: float
    max_size: int | None = None
    variance: float = 0.0

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
    def _terms(self) -> dict[str, Any]:
        terms: dict[str, Any] = {"low": self.low, "high": self.high, "max_size": self.max_size}
        least, most = self._reach
        # Limits that say no more than the range of a row are left out: without them the bound is found faster.
        if np.any(least > self.low * self.sizes) or np.any(most < self.high * self.sizes):
            terms |= {"least": least, "most": most}
        return terms

    @property
    def statistic(self) -> dict[str, float | int]:
        """Spread and size of the units."""
        means = self.totals / self.sizes
        effect = clustered.design_effect(self.totals, self.sizes, variance=self.variance)
        seen: dict[str, float | int] = {} if math.isnan(effect) else {"design_effect": effect}
        return {
            "units": int(self.sizes.size),
            "rows": int(self.sizes.sum()),
            "largest_unit": int(self.sizes.max()),
            "largest_move": float(np.maximum(np.abs(self.least), np.abs(self.most)).max()),
            "sd_of_units": float(means.std()),
        } | seen

    def lower(self, alpha: float) -> float:
        """Bound from below."""
        return clustered.lower(self.totals, self.sizes, alpha, **self._terms)

    def upper(self, alpha: float) -> float:
        """Bound from above."""
        return clustered.upper(self.totals, self.sizes, alpha, **self._terms)

    def p_greater(self, limit: float) -> float:
        """Test against "at most"."""
        return self._p(clustered.e_value_greater, limit, above=True)

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        return self._p(clustered.e_value_less, limit, above=False)

    def _p(self, e_value: Callable[..., float], limit: float, *, above: bool) -> float:
        if self.low < limit < self.high:
            return _p(e_value(self.totals, self.sizes, limit, **self._terms))
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
        return more(bets_needed(abs(gap), float(moves.var()), float(stake.max()), alpha), self.sizes.size)


def _p(e_value: float) -> float:
    return min(1.0, 1.0 / e_value) if e_value > 0 else 1.0


def bets_needed(gap: float, variance: float, loss: float, alpha: float) -> int | None:
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
    return math.ceil(root * root) if root < PLENTY else None
