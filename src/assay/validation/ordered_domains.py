"""Values in an order, with a next one: numbers, dates, timestamps and times of day."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from assay.errors import DataError
from assay.validation.choices import between, chance, one_of
from assay.validation.domain import Domain, First, Point, absent
from assay.validation.texts import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.validation.choices import Choices
    from assay.validation.column import Column

INT64 = (-(2**63), 2**63 - 1)
DAY = 86_400_000_000


class Whole(Domain):
    """Whole numbers, and what is counted as they are: dates, timestamps and times of day."""

    widest = INT64

    def __init__(self, name: str, column: Column) -> None:
        self.bounds = self.widest
        self.edge = self.widest
        limit = column.range
        if limit is not None:
            first, last = self.widest
            self.edge = (
                first if limit.min is None else max(math.ceil(self.parse(limit.min, name)), first),
                last if limit.max is None else min(math.floor(self.parse(limit.max, name)), last),
            )
            if limit.never:
                self.bounds = self.edge
            if self.edge[0] > self.edge[1]:
                raise DataError(f"[columns.{name}] range: min is above max, so that no value is legal")
        self.low, self.high = self.decode(self.bounds[0]), self.decode(self.bounds[1])
        super().__init__(name, column)

    def parse(self, end: Any, name: str) -> float:
        """Read an end of a range as a count."""
        if isinstance(end, str):
            raise DataError(f"[columns.{name}] range: {end!r} is no number")
        return float(end) if isinstance(end, float) else int(end)

    def encode(self, value: Any) -> int:
        """Count a value."""
        return int(value)

    def decode(self, number: int) -> Any:
        """Give the value of a count."""
        return number

    def usual(self) -> tuple[int, int]:
        """Ends between which a value is drawn when the schema does not bound it."""
        return -1000, 1000

    def typical(self, choices: Choices) -> Any:
        """Draw a value of the range, or of a few usual ones where the range is open."""
        low, high = self.edge
        tails = self.column.tails
        if tails is not None and self.column.type == "integer":
            low, high = max(low, math.ceil(tails.low)), max(low, min(high, math.floor(tails.high)))
        first, last = self.usual()
        if low == self.widest[0] and high == self.widest[1]:
            low, high = first, last
        elif low == self.widest[0]:
            low = max(low, high - (last - first))
        elif high == self.widest[1]:
            high = min(high, low + (last - first))
        return self.decode(choices.integer(low, max(low, high)))

    def middle(self, first: Any, second: Any) -> Any:
        """Give the value half way."""
        return self.decode((self.encode(first) + self.encode(second)) // 2)

    def step(self, value: Any, up: bool = True) -> Any:
        """Give the next value; after the last comes the first."""
        number, (low, high) = self.encode(value) + (1 if up else -1), self.bounds
        return self.decode(low if number > high else high if number < low else number)

    def _edges(self) -> list[Point]:
        (low, high), own = self.edge, self.column.range is not None
        found = [Point("minimum", low, "range"), Point("maximum", high, "range")]
        found += [Point("minimum + 1", low + 1, "range"), Point("maximum - 1", high - 1, "range")] if own else []
        named = [
            Point(point.label, self.decode(point.value), point.family) for point in found if low <= point.value <= high
        ]
        return [*named, *self._special()]

    def _special(self) -> list[Point]:
        return [Point(str(value), value, "range") for value in (0, 1, -1, 2**31, 2**53 + 1)]

    def _outside(self) -> list[Point]:
        (low, high), (first, last) = self.edge, self.widest
        found = [Point("below the minimum", low - 1, "range")] if low > first else []
        found += [Point("above the maximum", high + 1, "range")] if high < last else []
        return [Point(point.label, self.decode(point.value), "range") for point in found]

    def _faults(self, value: Any) -> list[str]:
        return [] if self.bounds[0] <= self.encode(value) <= self.bounds[1] else ["range"]


class Days(Whole):
    """Dates."""

    widest = (date(1700, 1, 1).toordinal(), date(2200, 12, 31).toordinal())

    def parse(self, end: Any, name: str) -> int:
        """Read an ISO date."""
        return self.encode(_iso(date.fromisoformat, str(end)[:10], name))

    def encode(self, value: Any) -> int:
        """Count days."""
        return int(value.toordinal())

    def decode(self, number: int) -> Any:
        """Give the date."""
        return date.fromordinal(number)

    def usual(self) -> tuple[int, int]:
        """The years 2015 to 2030."""
        return date(2015, 1, 1).toordinal(), date(2030, 12, 31).toordinal()

    def _special(self) -> list[Point]:
        days = {"leap day": (2024, 2, 29), "last day of a year": (2023, 12, 31), "no leap year": (1900, 2, 28)}
        return [Point(label, date(*day), "range") for label, day in days.items()]


class Instants(Whole):
    """Timestamps, to the microsecond."""

    widest = (
        (datetime(1700, 1, 1) - EPOCH) // timedelta(microseconds=1),
        (datetime(2200, 12, 31) - EPOCH) // timedelta(microseconds=1),
    )

    def parse(self, end: Any, name: str) -> int:
        """Read an ISO timestamp."""
        return self.encode(_iso(datetime.fromisoformat, end, name).replace(tzinfo=None))

    def encode(self, value: Any) -> int:
        """Count microseconds."""
        return int((value - EPOCH) // timedelta(microseconds=1))

    def decode(self, number: int) -> Any:
        """Give the timestamp."""
        return EPOCH + timedelta(microseconds=number)

    def usual(self) -> tuple[int, int]:
        """The years 2015 to 2030."""
        return self.encode(datetime(2015, 1, 1)), self.encode(datetime(2030, 12, 31))

    def _special(self) -> list[Point]:
        moments = {
            "leap day": datetime(2024, 2, 29, 12),
            "hour that a clock leaves out": datetime(2024, 3, 10, 2, 30),
            "hour that a clock repeats": datetime(2024, 11, 3, 1, 30),
            "last microsecond of a year": datetime(2023, 12, 31, 23, 59, 59, 999999),
            "epoch": EPOCH,
        }
        return [Point(label, moment, "range") for label, moment in moments.items()]


class Clock(Whole):
    """Times of day."""

    widest = (0, DAY - 1)

    def parse(self, end: Any, name: str) -> int:
        """Read an ISO time."""
        return self.encode(_iso(time.fromisoformat, end, name))

    def encode(self, value: Any) -> int:
        """Count microseconds of the day."""
        moment: time = value
        return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 10**6 + moment.microsecond

    def decode(self, number: int) -> Any:
        """Give the time."""
        return (EPOCH + timedelta(microseconds=number)).time()

    def usual(self) -> tuple[int, int]:
        """The whole day."""
        return self.widest

    def _special(self) -> list[Point]:
        return [Point("noon", time(12), "range")]


class Number(Domain):
    """Numbers with fractions."""

    def __init__(self, name: str, column: Column) -> None:
        limit = column.range
        self.edge = (-math.inf, math.inf)
        if limit is not None:
            self.edge = (
                -math.inf if limit.min is None else float(limit.min),
                math.inf if limit.max is None else float(limit.max),
            )
            if self.edge[0] > self.edge[1]:
                raise DataError(f"[columns.{name}] range: min is above max, so that no value is legal")
        self.bounds = self.edge if limit is not None and limit.never else (-math.inf, math.inf)
        self.low, self.high = (end if math.isfinite(end) else None for end in self.bounds)
        super().__init__(name, column)

    def typical(self, choices: Choices) -> float:
        """Draw from between the tails, else from the range, else a number of any usual size."""
        low, high = self.edge
        if self.column.tails is not None:
            low, high = max(low, self.column.tails.low), min(high, self.column.tails.high)
            if low > high:
                low, high = self.edge
        if math.isfinite(low) and math.isfinite(high):
            return min(max(0.0, low), high) if isinstance(choices, First) else between(choices, low, high)
        size = choices.integer(0, 10**6) / 1000 * 10.0 ** one_of(choices, [0, -3, 3, 6])
        if math.isfinite(low):
            return max(low + size, low)
        if math.isfinite(high):
            return min(high - size, high)
        return -size if chance(choices, 50) else size

    def middle(self, first: Any, second: Any) -> Any:
        """Give the number half way, whole where it can be."""
        if not (math.isfinite(first) and math.isfinite(second)):
            return None
        half = first / 2 + second / 2
        return float(round(half)) if abs(first - second) > 2 else half

    def step(self, value: Any, up: bool = True) -> Any:
        """Give the next float; after the last comes the first."""
        if absent(value):
            return None
        nearest = math.nextafter(value, math.inf if up else -math.inf)
        if self.permits(nearest):
            return nearest
        return self.low if up else self.high

    def _edges(self) -> list[Point]:
        low, high = self.edge
        found = []
        if math.isfinite(low):
            found += [Point("minimum", low, "range"), Point("minimum + 1 ulp", math.nextafter(low, math.inf), "range")]
        if math.isfinite(high):
            found += [
                Point("maximum", high, "range"),
                Point("maximum - 1 ulp", math.nextafter(high, -math.inf), "range"),
            ]
        found += [Point("zero", 0.0, "range"), Point("minus zero", -0.0, "range"), Point("denormal", 5e-324, "range")]
        return [*found, Point("largest float", 1.7976931348623157e308, "range"), Point("-1", -1.0, "range")]

    def _outside(self) -> list[Point]:
        low, high = self.edge
        found = [Point("below the minimum", math.nextafter(low, -math.inf), "range")] if math.isfinite(low) else []
        found += [Point("above the maximum", math.nextafter(high, math.inf), "range")] if math.isfinite(high) else []
        found += [Point("infinity", math.inf, "infinite"), Point("minus infinity", -math.inf, "infinite")]
        return [*found, Point("NaN", math.nan, "nan")]

    def _faults(self, value: Any) -> list[str]:
        if math.isnan(value):
            found = [] if self.allows("nan") else ["nan"]
            return found if self.can_miss else [*found, "nulls"]
        found = ["infinite"] if math.isinf(value) and not self.allows("infinite") else []
        return found if self.bounds[0] <= value <= self.bounds[1] else [*found, "range"]


def _iso(read: Callable[[str], Any], end: Any, name: str) -> Any:
    try:
        return read(str(end))
    except ValueError as problem:
        raise DataError(f"[columns.{name}] range: {end!r} is no ISO date or time") from problem
