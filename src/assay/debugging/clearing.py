r"""How bad can any slice of the lattice be? And which part of the error probability each slice has to itself.

All slices at once. The largest upper bound of any slice bounds them all: if each slice's bound is wrong with probability
at most a, the largest is below the worst slice's true value only if the bound of that one slice is, which has probability
at most a. Nothing has to be divided among the slices (Berger's intersection-union test).

Each slice by itself, when slices are picked for what they show. A slice S of the level l and the weight W_S gets

.. math:: a_S = a \, s_l \, W_S / (W \, M_l), \qquad s_l = \frac{1}{l (l + 1)} \frac{L + 1}{L},

with M_l the most slices of that level that a row can be in. Over all slices, the empty ones too, these sum to at most a,
because the weights of the slices of a level sum to at most W M_l, and the shares of levels 1 to L to 1. A slice's part
depends on how many rows it has, and on nothing else: not on which other slices reach the support, so nothing has to be
counted, and a test that is valid given the rows of its slice needs no more.

References
----------
Berger, R. L. "Multiparameter hypothesis testing and acceptance sampling." Technometrics 24(4), 1982. Hoeffding, W. "On
the distribution of the number of successes in independent trials." Annals of Mathematical Statistics 27(3), 1956: the
bounds of Clopper and Pearson hold for independent rows of different rates too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from assay.debugging.lattice import Lattice
from assay.stats import binomial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.debugging.lattice import Coded, Counts

    Floats = NDArray[np.float64]

# Lattices that may hold more slices than this are not gone through.
MOST_SLICES = 500_000
# At which a difference is said to be detectable.
POWER = 0.8


@dataclass(frozen=True)
class Shares:
    """The error probability of each slice.

    Attributes
    ----------
    size : float
        Rows, or the sum of their weights.
    members : tuple of float
        The most slices that a row can be in, of level 1, 2, ...
    """

    size: float
    members: tuple[float, ...]

    @classmethod
    def of(cls, coded: Coded, size: float, max_level: int) -> Shares:
        """Count for slices of up to ``max_level`` conditions."""
        return cls(size, tuple(coded.memberships(level) for level in range(1, max_level + 1)))

    def __call__(self, level: int, size: Floats | float) -> Floats:
        """Give the part of the error probability of slices of a level."""
        last = len(self.members)
        share = (last + 1) / last / (level * (level + 1))
        return np.asarray(share * np.asarray(size) / (self.size * self.members[level - 1]))

    def slices(self, support: float) -> float:
        """Bound the number of slices that have the support."""
        return sum(self.members) * self.size / support


@dataclass
class Spread:
    """A visitor that estimates how much the true means of slices of a level vary, by the method of moments.

    Attributes
    ----------
    mean, variance : float
        Of the values; the variance of a row of weight 1.
    support : float
    """

    mean: float
    variance: float
    support: float
    floor: float = 0.0
    _sums: dict[int, tuple[float, int, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Floats, weights: Floats | None, independent: float, support: float) -> Spread:
        """Start from all values."""
        mean = float(np.average(values, weights=weights))
        variance = float(np.average((values - mean) ** 2, weights=weights))
        return cls(mean, variance * independent, support)

    def see(self, counts: Counts) -> Floats:
        """Take in the slices that have the support, and look into them."""
        wanted = counts.size >= self.support
        self.add(len(counts.columns) + 1, counts.size[wanted], counts.total[wanted])
        return np.where(wanted, np.inf, -np.inf)

    @property
    def seen(self) -> bool:
        """Whether any slices were."""
        return bool(self._sums)

    def add(self, level: int, size: Floats, total: Floats) -> None:
        """Take in slices."""
        between, number, rows = self._sums.get(level, (0.0, 0, 0.0))
        between += float(np.sum((total - size * self.mean) ** 2 / size))
        self._sums[level] = between, number + size.size, rows + float(size.sum())

    def keep(self, level: int) -> None:
        """Forget the levels beyond one, of which only some slices were seen."""
        self._sums = {seen: sums for seen, sums in self._sums.items() if seen <= level}

    def shrunk(self, level: int, size: float, mean: float) -> float:
        """Draw a slice's mean to that of all rows, as far as chance explains the difference.

        An estimate: between ``mean`` and the overall mean in the ratio of the estimated variance of true means to that of
        chance. Levels that were not gone through are taken to vary as the last one that was.
        """
        between, number, rows = self._sums[max(seen for seen in self._sums if seen <= level)]
        true = max(0.0, between - number * self.variance) / rows if rows else 0.0
        chance = self.variance / size
        return self.mean + (mean - self.mean) * (true / (true + chance) if true > 0 else 0.0)


@dataclass
class Bounds:
    """A visitor that bounds each slice's factor between its mean error and that of the other rows.

    Attributes
    ----------
    size : float
        Weight of all rows.
    alpha : float
    spread : Spread
        Is shown the same slices.
    total : float
        Sum of all losses.
    independent : float
        The largest weight of an independent unit.
    counted : bool
        Whether rows are independent, of weight 1 and with errors of 0 and 1.
    max_level : int
    most : float
        The largest bound; at least 1.
    complete : int
        The last level of which every slice was seen.
    """

    size: float
    alpha: float
    spread: Spread
    total: float
    independent: float
    counted: bool
    max_level: int
    floor: float = 0.0
    most: float = 1.0
    complete: int = field(init=False)

    def __post_init__(self) -> None:
        self.complete = self.max_level

    def see(self, counts: Counts) -> Floats:
        """Take in all slices that have the support, and look into those whose parts may have a larger bound."""
        most = self.spread.see(counts)
        wanted = (counts.size >= self.spread.support) & (counts.size < self.size * (1 - 1e-12))
        size, total = counts.size[wanted], counts.total[wanted]
        if size.size:
            self.most = max(self.most, float(np.max(self._factor(size, total))))
            level = len(counts.columns) + 1
            if level < self.max_level:
                # No part has more errors than the slice, or fewer rows than the support. A bound of a rate rises with the
                # errors and falls with the rows, so that no part has a larger factor than one with all errors and the
                # fewest rows.
                fewest = np.full_like(size, np.ceil(self.spread.support) if self.counted else self.spread.support)
                inside = self._factor(fewest, np.minimum(total, fewest), total) > self.most
                if not inside.all():
                    self.complete = min(self.complete, level)
                    most[wanted] = np.where(inside, np.inf, -np.inf)
        return most

    def _factor(self, size: Floats, total: Floats, outside: Floats | None = None) -> Floats:
        """Bound the factor of slices; ``outside`` are the errors that the other rows lack, if not ``total``."""
        alpha = np.full_like(size, self.alpha / 2)
        rest = self.size - size
        high = self._upper(total, size, alpha)
        low = 1 - self._upper(rest - (self.total - (total if outside is None else outside)), rest, alpha)
        factor: Floats = high / np.maximum(low, 1e-300)
        return factor

    @property
    def cleared(self) -> float | None:
        """The largest bound, if it says anything."""
        return self.most if self.most < 1e6 else None

    def _upper(self, total: Floats, size: Floats, alpha: Floats) -> Floats:
        if self.counted:
            return np.asarray(binomial.upper(np.round(total), np.round(size), alpha))
        return chernoff_upper(np.clip(total / size, 0.0, 1.0), size / self.independent, alpha)


def chernoff_upper(mean: Floats, units: Floats, alpha: Floats) -> Floats:
    r"""Give an upper bound of a mean of values in [0, 1] by Chernoff's inequality.

    Guarantee (exact): P(true mean > bound) <= alpha, for independent values that need not be alike, and for sums over
    independent units, where ``units`` is the weight of the slice over the largest weight B of a unit. Proof of the
    latter: for a sum Y in [0, D] with mean q D, E[exp(-t Y)] <= 1 - q + q exp(-t D), as exp is convex. The logarithm of
    the right side is convex in D and 0 at D = 0, so that for D <= B it is at most D / B times that at B; and as the
    logarithm is concave, these sum over units to at most ``units`` ln(1 - m + m exp(-t B)), with m the mean of the
    slice: Chernoff's bound for ``units`` values in [0, 1]. The bound is the largest q with
    units * kl(mean, q) <= ln(1 / alpha).
    """
    goal = -np.log(alpha) / units
    low, high = mean.copy(), np.ones_like(mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(50):
            middle = 0.5 * (low + high)
            divergence = np.where(mean > 0, mean * np.log(mean / middle), 0.0)
            divergence += np.where(mean < 1, (1 - mean) * np.log((1 - mean) / (1 - middle)), 0.0)
            inside = divergence <= goal
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return high


def bounds(
    coded: Coded,
    values: Floats,
    *,
    weights: Floats | None,
    independent: float,
    max_level: int,
    alpha: float,
    spread: Spread,
) -> Bounds:
    """Go through all slices that have the support; losses are in [0, 1]."""
    counted = weights is None and independent == 1 and bool(np.all((values == 0) | (values == 1)))
    total = float(values.sum() if weights is None else weights @ values)
    visitor = Bounds(
        float(values.size if weights is None else weights.sum()), alpha, spread, total, independent, counted, max_level
    )
    Lattice(coded, values, weights).walk(visitor, max_level)
    spread.keep(visitor.complete)
    return visitor


def detectable(mean: float, units: float, alpha: float) -> float | None:
    """Give the factor at which a slice of so many independent rows is found with probability 0.8; None if none is.

    An estimate by the normal approximation, for errors 0 and 1 and a slice that is small beside the rest.
    """
    if not 0 < mean < 1:
        return None
    at, power = float(-ndtri(alpha)), float(ndtri(POWER))

    def found(factor: float) -> bool:
        rate = min(1.0, factor * mean)
        needed = at * np.sqrt(mean * (1 - mean)) + power * np.sqrt(rate * (1 - rate))
        return bool((rate - mean) * np.sqrt(units) >= needed)

    low, high = 1.0, 1.0 / mean
    if not found(high):
        return None
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if found(middle) else (middle, high)
    return high
