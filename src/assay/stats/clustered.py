r"""Bounds for a row-weighted mean when only whole units (customers, days, machines) are independent.

The estimand is E[total of a unit] / E[rows of a unit]. It is at most m exactly when Z = total - m rows has
E[Z] <= 0, and Z is one independent bounded number for each unit, so the bets of :mod:`assay.stats.bets`
run over units: the wealth of one bet is the product of 1 + theta Z / B, with B the largest loss of any unit.
Theta and B are fixed before the labels are seen and are the same for all units; a bet that looked at the size
of its own unit would weight units by it, and change the estimand.

The guarantee reads in two ways.

* Given the units (their sizes and ``least``, ``most`` are taken as they are): exact, with no bound on size
  to assume, for the mean sum(E[total]) / sum(rows) over those units. Units must be independent given
  their sizes, and need not be alike: prod(1 + l E[Z_u]) <= (1 + l mean(E[Z_u]))^n <= 1.
* For the population from which units are drawn: exact if no unit of it has more than ``max_size`` rows.
  By default that is the largest size seen, which is then an assumption to print.

If it is known before labels are seen how far each unit's total can go (``least``, ``most``: two models can
differ only where their predictions do), B is the largest loss possible under these limits, often ten
times smaller, and the bound that much tighter. Wealth is then not always monotone in m, so the bound is
certified cell by cell: on [a, b] each factor is at least 1 + l Z(b) with l the smallest bet of the cell
if Z(b) >= 0 and the largest otherwise, because Z falls with m. The reported bound ends the last cell up to
which all m are refuted.

References
----------
Waudby-Smith, I. and Ramdas, A. "Estimating means of bounded random variables by betting." Journal of the
Royal Statistical Society B 86(1), 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.stats import bets

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class UnitSums:
    """Values summed by unit.

    Attributes
    ----------
    totals : ndarray of float64, shape (units,)
    sizes : ndarray of int64, shape (units,)
        Rows of each unit, at least 1.
    labels : ndarray, shape (units,)
        The units, sorted.
    """

    totals: Floats
    sizes: NDArray[np.int64]
    labels: NDArray[Any]


def by_unit(values: ArrayLike, units: ArrayLike) -> UnitSums:
    """Sum the values of each unit.

    Parameters
    ----------
    values : array of float, shape (rows,)
    units : array of str, int, date, datetime64 or other hashable values, shape (rows,)

    Returns
    -------
    UnitSums
        In the order of the sorted labels, whatever the order of the rows.

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, or a row has no unit.

    Examples
    --------
    >>> by_unit([1, 0, 1], ["b", "a", "b"])
    UnitSums(totals=array([0., 2.]), sizes=array([1, 2]), labels=array(['a', 'b'], dtype='<U1'))
    """
    numbers = np.asarray(values, dtype=np.float64)
    codes, labels = encode(units)
    if numbers.shape != codes.shape:
        raise ValueError(f"values and units must have one length, got {numbers.shape} and {codes.shape}")
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"values must be finite, but row {int(np.argmin(np.isfinite(numbers)))} is not")
    sizes = np.bincount(codes, minlength=labels.size).astype(np.int64)
    return UnitSums(np.bincount(codes, numbers, labels.size), sizes, labels)


def encode(units: ArrayLike) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Give each row the position of its unit among the sorted labels, and the labels."""
    raw = np.asarray(units)
    if raw.ndim != 1:
        raise ValueError(f"units must have one dimension, got shape {raw.shape}")
    if raw.dtype.kind not in "OUS":
        missing = raw != raw
        if np.any(missing):
            raise ValueError(f"units: row {int(np.argmax(missing))} has no unit")
        labels, codes = np.unique(raw, return_inverse=True)
        return codes.astype(np.intp, copy=False), labels

    # A dictionary is several times faster than sorting a million strings.
    seen: dict[Any, int] = {}
    first = np.fromiter((seen.setdefault(unit, len(seen)) for unit in raw.tolist()), np.intp, raw.size)
    names = list(seen)
    for name, code in seen.items():
        # NaN, NaT and their like differ from themselves or refuse to compare.
        if name is None or (name != name) is not False:
            raise ValueError(f"units: row {int(np.argmax(first == code))} has no unit")
    try:
        order = sorted(range(len(names)), key=names.__getitem__)
    except TypeError:
        order = sorted(range(len(names)), key=lambda i: (type(names[i]).__name__, str(names[i])))
    labels = np.empty(len(names), dtype=raw.dtype)
    labels[:] = [names[i] for i in order]
    place = np.empty(len(names), dtype=np.intp)
    place[order] = np.arange(len(names))
    return place[first], labels


def lower(
    totals: ArrayLike,
    sizes: ArrayLike,
    alpha: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> float:
    """Give a lower bound for the row-weighted mean, from sums by unit.

    Guarantee (exact): P(mean < lower) <= alpha, for every dependence of rows inside a unit and every
    relation between the size of a unit and its values; the two readings are at the top of this module.

    Parameters
    ----------
    totals : array of float, shape (units,)
        Sum of the values of each unit.
    sizes : array of float, shape (units,), positive
        Rows of each unit.
    alpha : float, in (0, 1)
    low, high : float
        Range of one row's value, known before the values are seen.
    least, most : array of float, shape (units,), optional
        Limits of each unit's total, known before the labels are seen; by default ``low * sizes`` and
        ``high * sizes``.
    max_size : float, optional
        Declared largest size of any unit; by default the largest seen. With ``least`` or ``most`` it
        scales the largest possible loss and gain by ``max_size / max(sizes)``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Naming the argument and the first unit at fault.

    Notes
    -----
    Misleads if units are not independent either (days with seasons, customers of one household), or if one
    huge unit dwarfs the rest: then B is its size and the bound is wide, which is honest.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sizes = rng.integers(50, 100, size=40)
    >>> totals = rng.binomial(sizes, rng.beta(8, 2, size=40))
    >>> round(lower(totals, sizes, 0.05), 3), round(float(totals.sum() / sizes.sum()), 3)
    (0.699, 0.784)
    """
    units = _units(totals, sizes, alpha, low, high, least, most, max_size)
    return units.bound(alpha)


def upper(
    totals: ArrayLike,
    sizes: ArrayLike,
    alpha: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> float:
    """Give an upper bound for the row-weighted mean, from sums by unit.

    Guarantee (exact): P(mean > upper) <= alpha. The mirror image of :func:`lower` under a change of sign,
    with the same parameters, errors and notes.
    """
    units = _units(totals, sizes, alpha, low, high, least, most, max_size)
    return -units.negated().bound(alpha)


def interval(
    totals: ArrayLike,
    sizes: ArrayLike,
    alpha: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> tuple[float, float]:
    """Give a two-sided interval for the row-weighted mean, alpha/2 on each side.

    Guarantee (exact): P(mean outside) <= alpha, by the union of :func:`lower` and :func:`upper`.
    """
    units = _units(totals, sizes, alpha, low, high, least, most, max_size)
    return units.bound(alpha / 2), -units.negated().bound(alpha / 2)


def log_wealth_greater(
    totals: ArrayLike,
    sizes: ArrayLike,
    mean: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> Floats:
    """Give the running log wealth against the hypothesis that the row-weighted mean is at most ``mean``.

    Guarantee (anytime, units in time order): if E[total - mean rows | past units] <= 0 for each unit and no unit
    exceeds the declared limits, P(some entry >= ln(1/alpha)) <= alpha. The last entry alone needs only
    independent units. Limits taken from the sample itself (no ``max_size``) look ahead, so the running
    entries are then exact given the sizes only.

    Returns
    -------
    ndarray of float64, shape (units,)
    """
    return _units(totals, sizes, 0.5, low, high, least, most, max_size).path(mean)


def log_wealth_less(
    totals: ArrayLike,
    sizes: ArrayLike,
    mean: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> Floats:
    """Give the running log wealth against the hypothesis that the row-weighted mean is at least ``mean``.

    The mirror image of :func:`log_wealth_greater`.
    """
    return _units(totals, sizes, 0.5, low, high, least, most, max_size).negated().path(-mean)


def e_value_greater(
    totals: ArrayLike,
    sizes: ArrayLike,
    mean: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> float:
    """Give an e-value against the hypothesis that the row-weighted mean is at most ``mean``.

    Guarantee (exact): E[e] <= 1 under the hypothesis, so min(1, 1/e) is a p-value. ``lower(alpha)`` lies
    above ``mean`` only if e >= 1/alpha.
    """
    units = _units(totals, sizes, 0.5, low, high, least, most, max_size)
    with np.errstate(over="ignore"):
        return float(np.exp(units.log_wealth(units.inside(mean))))


def e_value_less(
    totals: ArrayLike,
    sizes: ArrayLike,
    mean: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> float:
    """Give an e-value against the hypothesis that the row-weighted mean is at least ``mean``.

    The mirror image of :func:`e_value_greater`.
    """
    units = _units(totals, sizes, 0.5, low, high, least, most, max_size).negated()
    with np.errstate(over="ignore"):
        return float(np.exp(units.log_wealth(units.inside(-mean))))


def design_effect(totals: ArrayLike, sizes: ArrayLike, *, variance: float | None = None) -> float:
    """Give how many times the variance of the mean exceeds that of as many independent rows.

    This is an estimate, not a bound: the linearised variance of the ratio sum(totals) / sum(sizes) over units,
    divided by ``variance / rows``.

    Parameters
    ----------
    totals, sizes : array of float, shape (units,)
    variance : float, optional
        Variance of the rows' values; by default p (1 - p), which is right for values 0 and 1.

    Returns
    -------
    float
        1 for independent rows in expectation; nan with fewer than two units or without variance.
    """
    sums, rows = np.asarray(totals, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    mean = float(sums.sum() / rows.sum()) if rows.size else 0.0
    spread = mean * (1 - mean) if variance is None else variance
    if rows.size < 2 or spread <= 0:
        return float("nan")
    residual = sums - mean * rows
    between = float(residual @ residual) * rows.size / (rows.size - 1)
    return between / (spread * float(rows.sum()))


@dataclass(frozen=True)
class _Units:
    """Checked sums, and the bets against "the mean is at most m"."""

    totals: Floats
    sizes: Floats
    low: float
    high: float
    least: Floats | None
    most: Floats | None
    stretch: float  # max_size over the largest size seen

    def negated(self) -> _Units:
        return _Units(
            -self.totals,
            self.sizes,
            -self.high,
            -self.low,
            None if self.most is None else -self.most,
            None if self.least is None else -self.least,
            self.stretch,
        )

    def inside(self, mean: float) -> float:
        if not self.low < mean < self.high:
            raise ValueError(f"mean must lie strictly inside the range of one row, got {abs(mean)}")
        return mean

    def loss(self, mean: float) -> float:
        """Give the largest loss of a unit; it grows with the mean."""
        if self.least is None or self.most is None:
            return self.stretch * float(self.sizes.max()) * (mean - self.low)
        worst = float(np.max(mean * self.sizes - self.least))
        # Below this floor the smallest possible mean is near, and a smaller bet than allowed is harmless.
        end = float(np.max(self.most / self.sizes))
        floor = float(np.max(end * self.sizes - self.least)) * 2.0**-10
        return self.stretch * max(worst, floor)

    def gain(self, mean: float) -> float:
        """Give the largest gain of a unit; it falls as the mean grows."""
        if self.least is None or self.most is None:
            return self.stretch * float(self.sizes.max()) * (self.high - mean)
        best = float(np.max(self.most - mean * self.sizes))
        return self.stretch * max(best, 2.0**-10 * self.loss(mean) / self.stretch)

    def path(self, mean: float) -> Floats:
        self.inside(mean)
        if not self.totals.size:
            return np.empty(0)
        mixture = bets.for_sample(self.totals.size)
        loss = self.loss(mean)
        fractions = mixture.fractions(loss, self.gain(mean))[:, None]
        gains = (self.totals - mean * self.sizes) / loss
        return mixture.mix(np.cumsum(_log1p(fractions * gains), axis=1))

    def log_wealth(self, mean: float) -> float:
        if not self.totals.size:
            return 0.0
        mixture = bets.for_sample(self.totals.size)
        loss = self.loss(mean)
        fractions = mixture.fractions(loss, self.gain(mean))[:, None]
        gains = (self.totals - mean * self.sizes) / loss
        return float(mixture.mix(_log1p(fractions * gains).sum(axis=1)))

    def log_wealth_between(self, start: float, end: float) -> float:
        """Give a lower limit of the log wealth over all means in [start, end]."""
        mixture = bets.for_sample(self.totals.size)
        loss, gain = (self.loss(start), self.loss(end)), (self.gain(end), self.gain(start))
        largest = np.minimum(1 / loss[0], mixture.scales / np.sqrt(loss[0] * gain[0]))
        smallest = np.minimum(1 / loss[1], mixture.scales / np.sqrt(loss[1] * gain[1]))
        sums = self.totals - end * self.sizes
        gains = np.where(sums >= 0, smallest[:, None] * sums, largest[:, None] * sums)
        return float(mixture.mix(_log1p(gains).sum(axis=1)))

    def bound(self, alpha: float) -> float:
        if not self.totals.size:
            return self.low
        goal = -np.log(alpha)
        # At the observed mean no bet has gained (geometric <= arithmetic mean), so it ends the search.
        middle = float(self.totals.sum() / self.sizes.sum())
        if self.least is None:
            return self._bisected(goal, middle)
        return self._certified(goal, float(np.min(self.least / self.sizes)), middle)

    def _bisected(self, goal: float, end: float) -> float:
        refuted = self.low
        for _ in range(60):
            middle = 0.5 * (refuted + end)
            if not refuted < middle < end or end - refuted < 1e-12 * (self.high - self.low):
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


def _units(
    totals: ArrayLike,
    sizes: ArrayLike,
    alpha: float,
    low: float,
    high: float,
    least: ArrayLike | None,
    most: ArrayLike | None,
    max_size: float | None,
) -> _Units:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"low and high must be finite with low < high, got {low} and {high}")
    sums, rows = np.asarray(totals, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if sums.ndim != 1 or sums.shape != rows.shape:
        raise ValueError(f"totals and sizes must have one length, got shapes {sums.shape} and {rows.shape}")
    _at_fault("sizes", ~(np.isfinite(rows) & (rows > 0)), rows, "must be positive")
    floor, ceiling = low * rows, high * rows
    tight = least is not None or most is not None
    if tight:
        floor = floor if least is None else np.maximum(_limits("least", least, rows), floor)
        ceiling = ceiling if most is None else np.minimum(_limits("most", most, rows), ceiling)
        _at_fault("least", floor > ceiling, floor, "must not exceed most")
    # Sums of many rows are rounded; a total this little outside its limits is moved back to them.
    slack = 1e-9 * (1 + np.abs(floor) + np.abs(ceiling))
    outside = ~((sums >= floor - slack) & (sums <= ceiling + slack))
    _at_fault("totals", outside, sums, "must lie within the limits of the unit (low * size to high * size)")
    stretch = 1.0
    if max_size is not None and rows.size:
        _at_fault("sizes", rows > max_size, rows, f"must not exceed max_size = {max_size}")
        stretch = max_size / float(rows.max())
    return _Units(
        np.clip(sums, floor, ceiling),
        rows,
        low,
        high,
        floor if tight else None,
        ceiling if tight else None,
        stretch,
    )


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


def _log1p(gains: Floats) -> Floats:
    # Rounding may push a total loss a hair below -1.
    with np.errstate(divide="ignore"):
        return np.log1p(np.maximum(gains, -1.0))
