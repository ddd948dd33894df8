r"""Is the mean error of some rows above that of the others, and by what factor?

Two ways, by what the rows are.

* Independent rows of the errors 0 and 1: Fisher's exact test (:mod:`assay.stats.hypergeometric`), and for the factor
  Clopper-Pearson bounds of both rates, half of the error probability on each.
* Weights, units, or losses in [0, B]: for a slice S with the share f of the weight W, the sum over the rows of a unit of
  w (1_S - f) e, and bets on its mean over units (:mod:`assay.stats.clustered`). Its expectations sum to
  W f (1 - f) (mean of S - mean of the rest), so that the hypothesis is that their mean is at most 0. It is known
  beforehand that a unit's sum lies between -f B and (1 - f) B times its weights outside of and inside S. Given the features
  this asks for nothing but that units are independent: they need not be alike. For the factor, betting bounds of both means.

A rise of the error from one model to another is held against 0, in the slice alone: by the sign test on the rows that one
model gets right and the other wrong (:mod:`assay.stats.paired`), else by bets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.stats import binomial, clustered, hypergeometric, paired

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """Rows that slices are tested on.

    Attributes
    ----------
    values : ndarray of float64, shape (rows,)
        Losses, or rises of the loss.
    weights : ndarray of float64, shape (rows,), or None
    units : ndarray of int, shape (rows,), or None
        Codes of the independent units; without, each row is one.
    limit : float
        The largest loss that counts, fixed without these rows; larger ones are cut to it. Rises lie within +-limit.
    compared : bool
        Whether values are rises.
    """

    values: Floats
    weights: Floats | None
    units: NDArray[np.intp] | None
    limit: float
    compared: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.clip(self.values, -self.limit, self.limit))

    @property
    def plain(self) -> bool:
        """Whether counts say all: independent rows that are right or wrong."""
        return self.weights is None and self.units is None and self.limit == 1 and bool(np.all(self.values % 1 == 0))

    def share(self, inside: Mask) -> float:
        """Give the share of the rows, or of their weights, that is inside."""
        each = self._each
        return float(each[inside].sum() / each.sum())

    def p_value(self, inside: Mask) -> float:
        """Give a p-value against "the mean inside is at most that outside", or "the rise inside is at most 0"."""
        inner = self.values[inside]
        if not inner.size or (not self.compared and inner.size == inside.size):
            return 1.0
        if self.plain:
            if self.compared:
                return paired.p_value(int((inner > 0).sum()), int((inner < 0).sum()))
            return hypergeometric.p_value_greater(
                int(inner.sum()), inner.size, int(self.values.sum()), self.values.size
            )
        if self.compared:
            totals, sizes = self._sums(inside)
            e = clustered.e_value_greater(totals, sizes, 0.0, low=-self.limit, high=self.limit)
            return min(1.0, 1.0 / max(e, 1e-300))
        share = self.share(inside)
        each = self._each / self._each.mean()
        most = self._by_unit(each * inside) * (1 - share) * self.limit
        least = -self._by_unit(each * ~inside) * share * self.limit
        totals = self._by_unit(each * (inside - share) * self.values)
        e = clustered.e_value_greater(
            totals, np.ones_like(totals), 0.0, low=float(least.min()), high=float(most.max()), least=least, most=most
        )
        return min(1.0, 1.0 / max(e, 1e-300))

    def lower(self, inside: Mask, alpha: float) -> float:
        """Give a lower bound of the factor between the means, or of the rise."""
        if self.compared:
            return self._rise(inside, alpha)[0]
        high = self._mean_bound(~inside, alpha / 2, upper=True)
        return self._mean_bound(inside, alpha / 2, upper=False) / high if high > 0 else float("inf")

    def upper(self, inside: Mask, alpha: float) -> float:
        """Give an upper bound of the factor between the means, or of the rise."""
        if self.compared:
            return self._rise(inside, alpha)[1]
        low = self._mean_bound(~inside, alpha / 2, upper=False)
        return self._mean_bound(inside, alpha / 2, upper=True) / low if low > 0 else float("inf")

    def _rise(self, inside: Mask, alpha: float) -> tuple[float, float]:
        inner = self.values[inside]
        level = min(2 * alpha, 0.999)
        if self.plain:
            return paired.difference_interval(int((inner > 0).sum()), int((inner < 0).sum()), inner.size, level)
        return clustered.interval(*self._sums(inside), level, low=-self.limit, high=self.limit)

    def _mean_bound(self, inside: Mask, alpha: float, *, upper: bool) -> float:
        inner = self.values[inside]
        if self.plain:
            bound = binomial.upper if upper else binomial.lower
            return float(bound(int(inner.sum()), inner.size, alpha))
        if not inner.size:
            return self.limit if upper else 0.0
        one_sided = clustered.upper if upper else clustered.lower
        return one_sided(*self._sums(inside), alpha, low=0.0, high=self.limit)

    def _sums(self, inside: Mask) -> tuple[Floats, Floats]:
        each = self._each[inside]
        if self.units is None:
            return each * self.values[inside], each
        own = self.units[inside]
        sizes: Floats = np.bincount(own, each).astype(np.float64, copy=False)
        totals: Floats = np.bincount(own, each * self.values[inside]).astype(np.float64, copy=False)
        return totals[sizes > 0], sizes[sizes > 0]

    def _by_unit(self, values: Floats) -> Floats:
        return values if self.units is None else np.bincount(self.units, values).astype(np.float64, copy=False)

    @property
    def _each(self) -> Floats:
        return np.ones_like(self.values) if self.weights is None else self.weights
