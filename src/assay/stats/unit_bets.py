r"""Bets on sums by unit, the machine under :mod:`assay.stats.clustered`.

With a range of one row only, the wealth falls as the mean grows (proof in :mod:`assay.stats.bets`), and the
bound is found by bisection. With tighter limits of each unit it need not, so the bound is certified cell by
cell: on [a, b] each factor is at least 1 + l Z(b), with l the smallest bet of the cell if Z(b) >= 0 and the
largest otherwise, because Z = total - m rows falls with m. The reported bound ends the last cell up to which
all m are refuted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assay.stats import bets

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# More distinct units than the square of this are spread over a grid with as many lines each way.
_CELLS = 128


@dataclass(frozen=True)
class UnitBets:
    """Checked sums, and the bets against "the mean is at most m".

    Attributes
    ----------
    totals, sizes, mass : ndarray of float64
        Sums and rows of each distinct unit, and how many units are equal to it.
    low, high : float
        Range of one row's value.
    largest : float
        The largest size seen.
    limits : tuple of ndarray, optional
        Sizes, least and most of all units, if totals are known to be limited further.
    stretch : float
        The declared largest size over ``largest``.
    """

    totals: Floats
    sizes: Floats
    mass: Floats
    low: float
    high: float
    largest: float
    limits: tuple[Floats, Floats, Floats] | None
    stretch: float

    @classmethod
    def from_sums(
        cls,
        totals: ArrayLike,
        sizes: ArrayLike,
        alpha: float,
        low: float,
        high: float,
        least: ArrayLike | None,
        most: ArrayLike | None,
        max_size: float | None,
    ) -> UnitBets:
        """Check the arguments of :mod:`assay.stats.clustered` and lay the bets."""
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ValueError(f"low and high must be finite with low < high, got {low} and {high}")
        sums, rows = np.asarray(totals, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
        if sums.ndim != 1 or sums.shape != rows.shape:
            raise ValueError(f"totals and sizes must have one length, got shapes {sums.shape} and {rows.shape}")
        _at_fault("sizes", ~(np.isfinite(rows) & (rows > 0)), rows, "must be positive")
        floor, ceiling = low * rows, high * rows
        limits = None
        if least is not None or most is not None:
            floor = floor if least is None else np.maximum(_limits("least", least, rows), floor)
            ceiling = ceiling if most is None else np.minimum(_limits("most", most, rows), ceiling)
            _at_fault("least", floor > ceiling, floor, "must not exceed most")
            # Where no unit can vary the total is known beforehand, and the plain limits do.
            if np.any(floor < ceiling):
                limits = (rows, floor, ceiling)
        # Sums of many rows are rounded; a total this little outside its limits is moved back to them.
        slack = 1e-9 * (1 + np.abs(floor) + np.abs(ceiling))
        outside = ~((sums >= floor - slack) & (sums <= ceiling + slack))
        _at_fault("totals", outside, sums, "must lie within the limits of the unit (low * size to high * size)")
        largest, stretch = float(rows.max(initial=0.0)), 1.0
        if max_size is not None and rows.size:
            _at_fault("sizes", rows > max_size, rows, f"must not exceed max_size = {max_size}")
            stretch = max_size / largest
        sums = np.clip(sums, floor, ceiling)
        return cls(sums, rows, np.ones_like(sums), float(low), float(high), largest, limits, stretch)

    def negated(self) -> UnitBets:
        """Give the bets against "the mean is at least -m"."""
        limits = self.limits and (self.limits[0], -self.limits[2], -self.limits[1])
        return replace(self, totals=-self.totals, low=-self.high, high=-self.low, limits=limits)

    @property
    def mixture(self) -> bets.Bets:
        """Give the fixed bets for this number of units."""
        return bets.for_sample(round(float(self.mass.sum())))

    def loss(self, mean: float) -> float:
        """Give the largest loss of a unit; it grows with the mean."""
        if self.limits is None:
            return self.stretch * self.largest * (mean - self.low)
        sizes, least, most = self.limits
        worst = float(np.max(mean * sizes - least))
        # Below this floor the smallest possible mean is near, and a smaller bet than allowed is harmless.
        floor = float(np.max(float(np.max(most / sizes)) * sizes - least)) * 2.0**-10
        return self.stretch * max(worst, floor)

    def gain(self, mean: float) -> float:
        """Give the largest gain of a unit; it falls as the mean grows."""
        if self.limits is None:
            return self.stretch * self.largest * (self.high - mean)
        sizes, least, most = self.limits
        best = float(np.max(most - mean * sizes))
        floor = float(np.max(most - float(np.min(least / sizes)) * sizes)) * 2.0**-10
        return self.stretch * max(best, floor)

    def path(self, mean: float) -> Floats:
        """Give the running log wealth, unit by unit in the order given."""
        if not self.totals.size:
            return np.empty(0)
        return self.mixture.mix(np.cumsum(self._log_factors(mean), axis=1))

    def log_wealth(self, mean: float) -> float:
        """Give the log wealth after all units."""
        if not self.totals.size:
            return 0.0
        return float(self.mixture.mix(self._log_factors(mean) @ self.mass))

    def _log_factors(self, mean: float) -> Floats:
        loss = self.loss(mean)
        fractions = self.mixture.fractions(loss, self.gain(mean))
        return _log1p(fractions[:, None] * ((self.totals - mean * self.sizes) / loss))

    def log_wealth_between(self, start: float, end: float) -> float:
        """Give a lower limit of the log wealth over all means in [start, end]."""
        mixture = self.mixture
        loss, gain = (self.loss(start), self.loss(end)), (self.gain(end), self.gain(start))
        largest = np.minimum(1 / loss[0], mixture.scales / np.sqrt(loss[0] * gain[0]))
        smallest = np.minimum(1 / loss[1], mixture.scales / np.sqrt(loss[1] * gain[1]))
        sums = self.totals - end * self.sizes
        up = sums >= 0
        wealth = np.zeros(smallest.size)
        for bet, chosen in ((smallest, up), (largest, ~up)):
            wealth += _log1p(np.multiply.outer(bet, sums[chosen])) @ self.mass[chosen]
        return float(mixture.mix(wealth))

    def merged(self) -> UnitBets:
        """Count equal units once, and spread very many over a grid; neither raises the wealth.

        The logarithm of each factor is concave in (total, size). A unit that is split between the corners of
        its cell in proportion keeps its total and size on average, so its mean logarithm can only fall. No corner
        loses more than the largest unit can, as totals and sizes of the grid stay within the extremes.
        """
        if not self.totals.size:
            return self
        pairs, counts = np.unique(np.stack([self.totals, self.sizes]), axis=1, return_counts=True)
        merged = replace(self, totals=pairs[0], sizes=pairs[1], mass=counts.astype(np.float64))
        if counts.size <= _CELLS**2 or self.limits is not None:
            return merged
        # In (total - low size, size), where every total from 0 is possible for every size.
        totals, at_total = _grid(merged.totals - self.low * merged.sizes)
        sizes, at_size = _grid(merged.sizes)
        mass = np.zeros(_CELLS * _CELLS)
        for i, share_i in at_total:
            for j, share_j in at_size:
                mass += np.bincount(i * _CELLS + j, merged.mass * share_i * share_j, mass.size)
        kept = np.flatnonzero(mass)
        rows = sizes[kept % _CELLS]
        return replace(merged, totals=totals[kept // _CELLS] + self.low * rows, sizes=rows, mass=mass[kept])

    def bound(self, alpha: float) -> float:
        """Give a mean up to which every m is refuted at level alpha."""
        if not self.totals.size:
            return self.low
        goal = -np.log(alpha)
        # At the observed mean no bet has gained (geometric <= arithmetic mean), so it ends the search.
        end = float(self.totals @ self.mass) / float(self.sizes @ self.mass)
        if self.limits is None:
            return self._bisected(goal, end)
        return self._certified(goal, float(np.min(self.limits[1] / self.limits[0])), end)

    def _bisected(self, goal: float, end: float) -> float:
        refuted = self.low
        for _ in range(60):
            middle = 0.5 * (refuted + end)
            if not refuted < middle < end or end - refuted < 1e-10 * (self.high - self.low):
                break
            if self.log_wealth(middle) >= goal:
                refuted = middle
            else:
                end = middle
        return refuted

    def _certified(self, goal: float, start: float, end: float) -> float:
        refuted, step = start, end - start
        smallest = 1e-7 * step
        while step > smallest:
            ahead = min(refuted + step, end)
            if ahead > refuted and self.log_wealth_between(refuted, ahead) >= goal:
                refuted, step = ahead, 2 * step
            else:
                step /= 2
        return refuted


def _limits(name: str, values: ArrayLike, rows: Floats) -> Floats:
    limits = np.asarray(values, dtype=np.float64)
    if limits.shape != rows.shape:
        raise ValueError(f"{name} must have one entry a unit, got shape {limits.shape}")
    _at_fault(name, ~np.isfinite(limits), limits, "must be finite")
    return limits


def _at_fault(name: str, wrong: NDArray[np.bool_], values: Floats, rule: str) -> None:
    if np.any(wrong):
        unit = int(np.argmax(wrong))
        raise ValueError(f"{name} {rule}, but unit {unit} has {values[unit]}")


def _grid(values: Floats) -> tuple[Floats, list[tuple[NDArray[np.intp], Floats]]]:
    """Give an even grid over the values, and for each its two neighbors with their shares."""
    first, width = float(values.min()), float(np.ptp(values))
    place = (values - first) / width * (_CELLS - 1) if width > 0 else np.zeros_like(values)
    left = np.minimum(np.floor(place), _CELLS - 2).astype(np.intp)
    share = place - left
    return first + width * (np.arange(_CELLS) / (_CELLS - 1)), [(left, 1 - share), (left + 1, share)]


def _log1p(gains: Floats) -> Floats:
    # Rounding may push a total loss a hair below -1.
    with np.errstate(divide="ignore"):
        np.maximum(gains, -1.0, out=gains)
        return np.log1p(gains, out=gains)
