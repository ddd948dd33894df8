"""Deequ's rules for the newest values of a metric, by their names and exact definitions. None has an error bound.

Each is a value with a method ``detect(values, start, end)`` that gives the anomalies among ``values[start:end]``; all
values are in time order and finite.

References
----------
Schelter, S. et al. "Automating large-scale data quality verification." PVLDB 11(12), 2018; definitions as in the source of
Deequ 2.0 (awslabs/deequ, ``anomalydetection``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from assay.core import Guarantee
from assay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Anomaly(msgspec.Struct, frozen=True):
    """A value that a rule refuses.

    Attributes
    ----------
    place : int
        Its index.
    value : float
    reason : str
    """

    place: int
    value: float
    reason: str


class Strategy(msgspec.Struct, frozen=True):
    """A rule that says which values of a series are anomalies."""

    @property
    def guarantee(self) -> Guarantee:
        """What an alarm of it promises: by default nothing."""
        return Guarantee.none("a limit that a person chose: how often it alarms without a fault is not known")

    def doubt(self, values: Sequence[float]) -> str:
        """Say what in the values before the newest makes its guarantee void, or nothing."""
        return ""

    def ordinary(self, values: Sequence[float]) -> tuple[float, float] | None:
        """Give the bounds of a newest value that is no anomaly, where there are any."""
        return None

    def detect(self, values: Sequence[float], start: int = 0, end: int | None = None) -> list[Anomaly]:
        """Give the anomalies among ``values[start:end]``."""
        raise NotImplementedError

    def hindrance(self, values: Sequence[float]) -> str:
        """Say why no newest value could be an anomaly, or nothing."""
        return ""


class SimpleThreshold(Strategy, frozen=True):
    """Anomaly: a value below ``lower`` or above ``upper``."""

    lower: float = -math.inf
    upper: float = math.inf

    def __post_init__(self) -> None:
        _ordered(type(self).__name__, self.lower, self.upper)

    def detect(self, values: Sequence[float], start: int = 0, end: int | None = None) -> list[Anomaly]:
        """Compare each value with the bounds."""
        x = series_of(values)
        return _outside(x, range(*interval_of(x, start, end)), x, self.lower, self.upper, "value")


class AbsoluteChange(Strategy, frozen=True):
    """Anomaly: the difference of order ``order`` is below ``lower`` or above ``upper``.

    Order 0 is the value, 1 its change, 2 the change of its change. Deequ's ``maxRateDecrease`` and ``maxRateIncrease`` are
    ``lower`` (a negative number, for a fall) and ``upper``.
    """

    lower: float = -math.inf
    upper: float = math.inf
    order: int = 1

    def __post_init__(self) -> None:
        _ordered(type(self).__name__, self.lower, self.upper)
        _some_bound(type(self).__name__, self.lower, self.upper)
        if self.order < 0:
            raise UsageError(f"{type(self).__name__}: order is {self.order}: give at least 0")

    def detect(self, values: Sequence[float], start: int = 0, end: int | None = None) -> list[Anomaly]:
        """Compare each difference with the bounds; values that have none are no anomalies."""
        x = series_of(values)
        start, end = interval_of(x, start, end)
        changes = np.concatenate([np.full(min(self.order, x.size), np.nan), np.diff(x, n=self.order)])
        places = range(max(start, self.order), end)
        return _outside(x, places, changes, self.lower, self.upper, f"change (order {self.order})")


# Deequ's older name of the same rule.
RateOfChange = AbsoluteChange


class RelativeRateOfChange(Strategy, frozen=True):
    """Anomaly: the value divided by the one ``order`` places before is below ``lower`` or above ``upper``.

    A ratio of 0/0 is none; x/0 is infinite.
    """

    lower: float = -math.inf
    upper: float = math.inf
    order: int = 1

    def __post_init__(self) -> None:
        _ordered(type(self).__name__, self.lower, self.upper)
        _some_bound(type(self).__name__, self.lower, self.upper)
        if self.order < 1:
            raise UsageError(f"{type(self).__name__}: order is {self.order}: give at least 1")

    def detect(self, values: Sequence[float], start: int = 0, end: int | None = None) -> list[Anomaly]:
        """Compare each ratio with the bounds."""
        x = series_of(values)
        start, end = interval_of(x, start, end)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.concatenate([np.full(min(self.order, x.size), np.nan), x[self.order :] / x[: -self.order]])
        places = range(max(start, self.order), end)
        return _outside(x, places, ratios, self.lower, self.upper, f"ratio (order {self.order})")


class BatchNormal(Strategy, frozen=True):
    """Anomaly: a value further than some standard deviations from the mean of the other values.

    ``include_interval`` counts the values under test among those that the mean and (sample) standard deviation come from.
    ``None`` for a factor leaves that side open.
    """

    lower_deviations: float | None = 3.0
    upper_deviations: float | None = 3.0
    include_interval: bool = False

    def __post_init__(self) -> None:
        _factors(type(self).__name__, self.lower_deviations, self.upper_deviations)

    @property
    def guarantee(self) -> Guarantee:
        """An estimate."""
        return Guarantee.estimate(
            "it takes the mean and deviation of a short history for the truth: of normal values without a fault, 12% are "
            "called anomalies after 3 values of history, 1.9% after 10 and 0.6% after 30"
        )

    def hindrance(self, values: Sequence[float]) -> str:
        """One value has no deviation, and of n values one cannot lie further out than (n - 1) / sqrt(n) of theirs."""
        n = len(values)
        if not self.include_interval:
            return "" if n > 2 else f"{n - 1} earlier values have no standard deviation"
        least = min(f for f in (self.lower_deviations, self.upper_deviations) if f is not None)
        return "" if (n - 1) / math.sqrt(n) > least else _cannot(n, (n - 1) / math.sqrt(n), least)

    def detect(self, values: Sequence[float], start: int = 0, end: int | None = None) -> list[Anomaly]:
        """Compare values with the bounds.

        Raises
        ------
        UsageError
            If no value is left outside of the interval.
        """
        x = series_of(values)
        start, end = interval_of(x, start, end)
        known = x if self.include_interval else np.concatenate([x[:start], x[end:]])
        if not known.size:
            raise UsageError("BatchNormal: no value is left to take the mean of: choose a later start")
        mean, deviation = float(known.mean()), float(known.std(ddof=1)) if known.size > 1 else 0.0
        low, high = _limits(mean, deviation, self.lower_deviations, self.upper_deviations)
        return _outside(x, range(start, end), x, low, high, "value")


class OnlineNormal(Strategy, frozen=True):
    """Anomaly: a value further than some standard deviations from the running mean, which it is part of itself.

    The running (population) deviation takes the value in before it is tested. So among the first n values no deviation
    from the mean is above sqrt(n - 1): with 3 deviations nothing whatever is an anomaly up to the tenth value.
    ``ignore_start`` is the share of all values at the start that are no anomalies; with ``ignore_anomalies`` an anomaly
    leaves mean and deviation as they were (but is counted in the length).
    """

    lower_deviations: float | None = 3.0
    upper_deviations: float | None = 3.0
    ignore_start: float = 0.1
    ignore_anomalies: bool = True

    def __post_init__(self) -> None:
        _factors(type(self).__name__, self.lower_deviations, self.upper_deviations)
        if not 0 <= self.ignore_start <= 1:
            raise UsageError(f"OnlineNormal: ignore_start is {self.ignore_start}: give a share from 0 to 1")

    @property
    def guarantee(self) -> Guarantee:
        """An estimate."""
        return Guarantee.estimate("the value under test is part of the mean and deviation that it is held against")

    def hindrance(self, values: Sequence[float]) -> str:
        """Of n values one cannot lie further out than sqrt(n - 1) of their deviations."""
        n = len(values)
        least = min(f for f in (self.lower_deviations, self.upper_deviations) if f is not None)
        return "" if math.sqrt(max(n - 1, 0)) > least else _cannot(n, math.sqrt(max(n - 1, 0)), least)

    def detect(self, values: Sequence[float], start: int = 0, end: int | None = None) -> list[Anomaly]:
        """Run through the values in order."""
        x = series_of(values)
        start, end = interval_of(x, start, end)
        mean = total = 0.0
        found = []
        for place, value in enumerate(x.tolist()):
            before = mean, total
            mean = value if place == 0 else mean + (value - mean) / (place + 1)
            total += (value - before[0]) * (value - mean)
            low, high = _limits(
                mean, math.sqrt(max(total, 0.0) / (place + 1)), self.lower_deviations, self.upper_deviations
            )
            if place < x.size * self.ignore_start or not start <= place < end or low <= value <= high:
                continue
            # The bounds that are told are those that it was held against.
            found.append(Anomaly(place, value, f"value {value:.6g} is not in [{low:.6g}, {high:.6g}]"))
            if self.ignore_anomalies:
                mean, total = before
        return found


def series_of(values: Sequence[float]) -> Floats:
    """Give a series as an array."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.all(np.isfinite(x)):
        raise UsageError("values must be one row of finite numbers, in time order")
    return x


def interval_of(x: Floats, start: int, end: int | None) -> tuple[int, int]:
    """Give the places to test."""
    last = x.size if end is None else end
    if not 0 <= start <= last:
        raise UsageError(f"the interval from {start} to {last} is none: start must be at least 0 and at most end")
    return start, min(last, x.size)


def _outside(x: Floats, places: range, tested: Floats, low: float, high: float, what: str) -> list[Anomaly]:
    return [
        Anomaly(place, float(x[place]), f"{what} {tested[place]:.6g} is not in [{low:.6g}, {high:.6g}]")
        for place in places
        if tested[place] < low or tested[place] > high
    ]


def _limits(mean: float, deviation: float, lower: float | None, upper: float | None) -> tuple[float, float]:
    return (
        -math.inf if lower is None else mean - lower * deviation,
        math.inf if upper is None else mean + upper * deviation,
    )


def _ordered(name: str, lower: float, upper: float) -> None:
    if not lower <= upper:
        raise UsageError(f"{name}: lower ({lower}) must be at most upper ({upper})")


def _some_bound(name: str, lower: float, upper: float) -> None:
    if lower == -math.inf and upper == math.inf:
        raise UsageError(f"{name}: give lower, upper, or both")


def _factors(name: str, lower: float | None, upper: float | None) -> None:
    given = [factor for factor in (lower, upper) if factor is not None]
    if not given or not all(factor >= 0 for factor in given):
        raise UsageError(f"{name}: give lower_deviations, upper_deviations or both, at least 0")


def _cannot(n: int, most: float, least: float) -> str:
    return f"none of {n} values can lie further than {most:.3g} of their deviations out, and {least:g} are asked for"
