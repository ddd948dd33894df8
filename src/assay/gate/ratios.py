r"""F1 scores, and differences of ratios over the positive class.

One F1 score. F1 = 2 TP / (2 TP + FP + FN) is 2 t / (1 + t), where t is the share of true positives among the rows that
are positive or called so. So "F1 > A" is "t > A / (2 - A)", and t is a plain rate of those rows: the exact binomial
test (on units: the bets) of t serves, with nothing lost.

Two ratios R1 = E[N1] / E[M1] and R2 = E[N2] / E[M2] of the same rows, such as the F1 scores of two models (N = 2 TP,
M = 2 TP + FP + FN), precisions (N = TP, M = called positive) or a precision and a recall. Let c be the true R2. The
hypothesis ``c1 R1 + c2 R2 <= A`` says c1 E[N1] <= (A - c2 c) E[M1], and E[N2] = c E[M2]; adding c2 times the second
to the first,

    Z = c1 N1 + c2 N2 - A M1 + c2 c (M1 - M2)   has   E[Z] <= 0.

For two models Z is nearly 0 on every row on which they agree, so that the test is one of the disagreements. It bets
on Z at every c of an exact interval for R2 (error 0.1 a) and rejects if all wealths reach 1 / (0.9 a): if c lies in
the interval, the wealth at c does so with probability at most 0.9 a (Markov). Z is linear in c, so the logarithm of
each fixed bet is concave in c and least at an end of the interval: two evaluations bound all c, with no grid between.

Bets must not depend on labels. The stake is the largest loss over both labels and all c in [0, 1], of any row or,
on units, of any unit here by its predictions (with ``max_unit_size``: of any that has as many rows).

References
----------
Waudby-Smith, I. and Ramdas, A. "Estimating means of bounded random variables by betting." Journal of the Royal
Statistical Society B 86(1), 2024. Berger, R. L. and Boos, D. D. "P values maximized over a confidence set for the
nuisance parameter." Journal of the American Statistical Association 89(427), 1994. Fieller, E. C. "Some problems in
interval estimation." Journal of the Royal Statistical Society B 16(2), 1954.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay.gate.means import bets_needed
from assay.gate.quantity import more, smallest_level
from assay.stats import bets

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from assay.gate.quantity import Quantity

    Floats = NDArray[np.float64]

# Share of the error probability spent on the interval of the second ratio.
_SHARE = 0.1
# A kind of row is 4 (label is positive) + 2 (first model says so) + (second model says so).
_POSITIVE, _FIRST, _SECOND = (np.array([kind >> bit & 1 for kind in range(8)], dtype=np.float64) for bit in (2, 1, 0))


@dataclass(frozen=True)
class F1:
    """F1 score, from the share of true positives among rows that are positive or called so.

    Guarantee (exact): that of the share, as the score grows with it.
    """

    share: Quantity

    @property
    def method(self) -> str:
        """Method of the share."""
        return f"{self.share.method} of the share of true positives"

    @property
    def source(self) -> str:
        """Source of the share."""
        return self.share.source

    @property
    def estimate(self) -> float:
        """Score observed."""
        return _score(self.share.estimate)

    @property
    def statistic(self) -> dict[str, float | int]:
        """Counts of the share."""
        return self.share.statistic

    def lower(self, alpha: float) -> float:
        """Bound from below."""
        return _score(self.share.lower(alpha))

    def upper(self, alpha: float) -> float:
        """Bound from above."""
        return _score(self.share.upper(alpha))

    def p_greater(self, limit: float) -> float:
        """Test against "at most"."""
        return self.share.p_greater(_share(limit))

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        return self.share.p_less(_share(limit))

    def further(self, limit: float, alpha: float) -> int | None:
        """Rows (positive or called so) or units still needed."""
        return self.share.further(_share(limit), alpha)


def _score(share: float) -> float:
    return 2 * share / (1 + share)


def _share(score: float) -> float:
    return round(score / (2 - score), 15) if score < 1 else 1.0 if score == 1 else 2.0


class PositiveRatio(NamedTuple):
    """``coefficient * metric(model | slice)``, with one of the metrics over the positive class."""

    metric: str
    model: str
    slice: str
    coefficient: float

    def over(self, called: Floats) -> tuple[Floats, Floats]:
        """Give numerator and denominator of each kind of row, by whether its model calls it positive."""
        hit = _POSITIVE * called
        if self.metric == "f1":
            return 2 * hit, _POSITIVE + called
        return hit, called if self.metric == "precision" else _POSITIVE


@dataclass(frozen=True)
class Pair:
    """``c1 R1 + c2 R2``, two ratios over the positive class on the same rows.

    Guarantee (exact): at the top of this module.

    Attributes
    ----------
    ratios : tuple of PositiveRatio
    kinds : ndarray of float64, shape (k, 8)
        Rows of each kind in every distinct unit; without units each kind of row is one.
    mass : ndarray of float64, shape (k,)
        How many units are like it.
    patterns : ndarray of float64, shape (j, 4)
        Rows by what both models say of them, in every distinct unit that sets the stake.
    second : Quantity
        R2 times its coefficient.
    on_units : bool
    """

    ratios: tuple[PositiveRatio, PositiveRatio]
    kinds: Floats
    mass: Floats
    patterns: Floats
    second: Quantity
    on_units: bool

    source = "Waudby-Smith and Ramdas, JRSS B 86(1), 2024, Theorem 3; Berger and Boos, JASA 89(427), 1994"

    @classmethod
    def of_rows(cls, first: PositiveRatio, second: PositiveRatio, counts: NDArray[np.intp], base: Quantity) -> Pair:
        """Make one of independent rows, from the count of each kind."""
        seen = np.flatnonzero(counts)
        return cls((first, second), np.eye(8)[seen], counts[seen].astype(np.float64), np.eye(4), base, on_units=False)

    @classmethod
    def of_units(
        cls,
        first: PositiveRatio,
        second: PositiveRatio,
        counts: NDArray[np.intp],
        base: Quantity,
        max_unit_size: int | None,
    ) -> Pair:
        """Make one of independent units, from the counts of each kind in each unit, shape (units, 8)."""
        kinds, mass = np.unique(counts, axis=0, return_counts=True)
        if max_unit_size is None:
            patterns = np.unique(kinds[:, :4] + kinds[:, 4:], axis=0).astype(np.float64)
        else:
            patterns = max_unit_size * np.eye(4)
        return cls((first, second), kinds.astype(np.float64), mass.astype(np.float64), patterns, base, on_units=True)

    @property
    def method(self) -> str:
        """What it bets on."""
        return f"betting on {'units' if self.on_units else 'rows'}, second ratio in its exact interval"

    @cached_property
    def _row(self) -> tuple[Floats, Floats, Floats]:
        """c1 N1 + c2 N2, M1 and c2 (M1 - M2) of each kind of row."""
        (above, below), (above_2, below_2) = (
            ratio.over(called) for ratio, called in zip(self.ratios, (_FIRST, _SECOND), strict=True)
        )
        c1, c2 = (ratio.coefficient for ratio in self.ratios)
        return c1 * above + c2 * above_2, below, c2 * (below - below_2)

    @cached_property
    def _sums(self) -> tuple[Floats, Floats, Floats]:
        return tuple(self.kinds @ row for row in self._row)  # type: ignore[return-value]

    @property
    def estimate(self) -> float:
        """Sum observed."""
        total = self.mass @ self.kinds
        parts = (ratio.over(called) for ratio, called in zip(self.ratios, (_FIRST, _SECOND), strict=True))
        return float(
            sum(
                r.coefficient * (total @ above) / (total @ below)
                for r, (above, below) in zip(self.ratios, parts, strict=True)
            )
        )

    @property
    def statistic(self) -> dict[str, float | int]:
        """Rows, those on which the models differ, and units."""
        total = self.mass @ self.kinds
        found: dict[str, float | int] = {
            "rows": int(total.sum()),
            "differ": int(total[_FIRST != _SECOND].sum()),
        }
        if self.on_units:
            found |= {"units": int(self.mass.sum()), "largest_unit": int(self.kinds.sum(axis=1).max())}
        return found

    def lower(self, alpha: float) -> float:
        """Bound from below."""
        return self._bound(alpha, 1.0)

    def upper(self, alpha: float) -> float:
        """Bound from above."""
        return -self._bound(alpha, -1.0)

    def p_greater(self, limit: float) -> float:
        """Test against "at most"."""
        return smallest_level(lambda alpha: self._rejects(limit, alpha, 1.0))

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        return smallest_level(lambda alpha: self._rejects(limit, alpha, -1.0))

    def further(self, limit: float, alpha: float) -> int | None:
        """Rows or units still needed, by the growth of the best bet."""
        terms, below, slopes = self._sums
        sums = terms - limit * below + self._interval(0.5)[0] * slopes
        units = float(self.mass.sum())
        gap = float(self.mass @ sums) / units
        variance = float(self.mass @ (sums - gap) ** 2) / units
        sign = 1.0 if self.estimate > limit else -1.0
        needed = bets_needed(abs(gap), variance, self._loss(limit, sign), (1 - _SHARE) * alpha)
        return more(needed, round(units))

    @cached_property
    def _interval(self) -> Callable[[float], tuple[float, float]]:
        """Give an interval for R2, wrong with probability at most its argument; both sides ask at the same levels."""
        c2 = self.ratios[1].coefficient

        @cache
        def interval(share: float) -> tuple[float, float]:
            ends = self.second.lower(share / 2) / c2, self.second.upper(share / 2) / c2
            return max(0.0, min(ends)), min(1.0, max(ends))

        return interval

    def _ends(self, sign: float) -> tuple[float, ...]:
        """Give the least value of the form times ``sign``, and the ends of the cells in each of which one stake serves.

        The loss grows with the limit. With one stake over a cell the wealth falls as the limit grows, which makes a
        bound the end of a bisection.
        """
        values = [sign * ratio.coefficient for ratio in self.ratios]
        least, most = sum(min(c, 0.0) for c in values), sum(max(c, 0.0) for c in values)
        return (least, *sorted({0.0, 0.1 * most, most} - {least}))

    def _loss(self, limit: float, sign: float) -> float:
        """Give the most that a unit can lose, whatever its labels and R2."""
        terms, below, slopes = self._row
        most = 0.0
        for c in (0.0, 1.0):
            lost = (-sign * (terms - limit * below + c * slopes)).reshape(2, 4).max(axis=0)
            most = max(most, float((self.patterns @ lost).max()))
        return most

    def _clears(self, limit: float, alpha: float, sign: float, loss: float) -> bool:
        """Tell whether the wealth at every R2 of its interval reaches its goal, with the stake ``loss``."""
        if loss <= 0:  # what cannot be lost cannot be bet on
            return False
        terms, below, slopes = self._sums
        mixture = bets.for_sample(round(float(self.mass.sum())))
        fractions = mixture.fractions(loss, loss)[:, None]
        wealths = []
        for c in self._interval(_SHARE * alpha):
            gains = fractions * (sign * (terms - limit * below + c * slopes) / loss)
            with np.errstate(divide="ignore"):
                wealths.append(np.log1p(np.maximum(gains, -1.0)) @ self.mass)
        return bool(mixture.mix(np.minimum(*wealths)) >= -math.log((1 - _SHARE) * alpha))

    def _rejects(self, limit: float, alpha: float, sign: float) -> bool:
        ends = self._ends(sign)
        if sign * limit < ends[0]:
            return True  # nothing is as small as that
        top = next((end for end in ends[1:] if sign * limit <= end), None)
        return top is not None and self._clears(limit, alpha, sign, self._loss(sign * top, sign))

    def _bound(self, alpha: float, sign: float) -> float:
        """Give a bound from below of the form times ``sign``."""
        shown, *ends = self._ends(sign)
        for end in ends:
            loss = self._loss(sign * end, sign)
            if not self._clears(sign * shown, alpha, sign, loss):
                break
            short = end
            if not self._clears(sign * end, alpha, sign, loss):
                for _ in range(40):
                    middle = (shown + short) / 2
                    if self._clears(sign * middle, alpha, sign, loss):
                        shown = middle
                    else:
                        short = middle
                break
            shown = end
        return shown
