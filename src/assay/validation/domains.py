"""The values that one column of a schema may have: typical ones, boundaries, rare ones, and those just outside."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.errors import DataError
from assay.validation.choices import between, chance, one_of
from assay.validation.texts import EPOCH, FORMATS, Shaped, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.validation.choices import Choices
    from assay.validation.column import Column
    from assay.validation.limits import Limit

INT64 = (-(2**63), 2**63 - 1)
LONG = 1000
DAY = 86_400_000_000
UNSEEN = "never seen before"


class Point(NamedTuple):
    """A value with a name, and the key of the column that permits or forbids it."""

    label: str
    value: Any
    family: str


def absent(value: Any) -> bool:
    """Tell whether a value is missing: NULL or NaN, as the limit ``nulls`` counts them."""
    return value is None or (isinstance(value, float) and math.isnan(value))


class Domain:
    """Values of one column.

    A value is legal when the schema permits it in some row: what ``at_most`` above 0 tolerates in a few rows of a batch
    is legal here in any row, as any few rows may be what a function is given.

    Attributes
    ----------
    points : list of Point
        Legal boundary values and rare but legal ones.
    illegal : list of Point
        Values that break one limit which no row may break, and that one alone.
    """

    low: Any = None
    high: Any = None

    def __init__(self, name: str, column: Column) -> None:
        self.name, self.column = name, column
        self.can_miss = self.allows("nulls")
        candidates = [*self._edges(), *self._outside()]
        if self.can_miss:
            candidates.append(Point("null", None, "nulls"))
        seen: dict[str, Point] = {}
        for point in candidates:
            if self.permits(point.value):
                seen.setdefault(repr(point.value), point)
        self.points = list(seen.values())
        self.illegal = [point for point in self._outside() if self._broken(point.value) == [point.family]]
        if not self.can_miss:
            self.illegal.append(Point("null", None, "nulls"))

    def limit(self, family: str) -> Limit | None:
        """Return a limit that no row may break; ``None`` where there is none, or some rows may."""
        found = self.column.limit(family)
        return found if found is not None and found.never else None

    def allows(self, family: str) -> bool:
        """Tell whether some row may break a limit."""
        return self.limit(family) is None

    def permits(self, value: Any) -> bool:
        """Tell whether a value is legal."""
        return not self._broken(value)

    def typical(self, choices: Choices) -> Any:
        """Draw a value as one expects it."""
        raise NotImplementedError

    def simplest(self) -> Any:
        """Give the value that a reader has the least to think about."""
        return self.typical(_First())

    def middle(self, first: Any, second: Any) -> Any:
        """Give a value between two, nearer to both; ``None`` where there is none."""
        del first, second

    def step(self, value: Any, up: bool = True) -> Any:
        """Give the next legal value; ``None`` where there is none."""
        del value, up

    def draw(self, choices: Choices, mixed: bool) -> Any:
        """Draw a value; with ``mixed``, a named one half of the time."""
        if mixed and self.points and chance(choices, 50):
            return one_of(choices, self.points).value
        return self.typical(choices)

    def _edges(self) -> list[Point]:
        return []

    def _outside(self) -> list[Point]:
        return []

    def _broken(self, value: Any) -> list[str]:
        if value is None:
            return [] if self.can_miss else ["nulls"]
        return self._faults(value)

    def _faults(self, value: Any) -> list[str]:
        del value
        return []


class _First:
    def integer(self, low: int, high: int) -> int:
        """Give the number nearest to zero, or else the first."""
        return min(max(low, 0), high)


class Truth(Domain):
    """Truth values."""

    def typical(self, choices: Choices) -> bool:
        """Draw a truth value."""
        return one_of(choices, [False, True])

    def _edges(self) -> list[Point]:
        return [Point("false", False, "type"), Point("true", True, "type")]

    def step(self, value: Any, up: bool = True) -> Any:
        """Give the other one."""
        del up
        return not value


class Listed(Domain):
    """Values that the schema lists."""

    def __init__(self, name: str, column: Column) -> None:
        assert column.categories is not None
        readers: dict[str, Callable[[str], Any]] = {
            "integer": int,
            "number": float,
            "boolean": lambda text: text == "true",
        }
        read = readers.get(column.type, str)
        try:
            self.values = [read(value) for value in column.categories.values]
        except ValueError as problem:
            raise DataError(f"[columns.{name}] categories: a value is no {column.type}: {problem}") from problem
        if not self.values and not column.categories.at_most:
            raise DataError(f"[columns.{name}] categories: no value is listed, so that no row is legal; list one")
        super().__init__(name, column)

    def typical(self, choices: Choices) -> Any:
        """Draw a listed value, each as likely as the others."""
        return one_of(choices, self.values or [self._unseen()])

    def step(self, value: Any, up: bool = True) -> Any:
        """Give the next value of the list."""
        place = self.values.index(value) if value in self.values else -1
        return self.values[(place + (1 if up else -1)) % len(self.values)] if self.values else None

    def _unseen(self) -> Any:
        if self.column.type in ("integer", "number"):
            return max([*self.values, 0]) + 1
        return UNSEEN

    def _edges(self) -> list[Point]:
        return [Point(f"category {value!r}", value, "categories") for value in self.values[:8]]

    def _outside(self) -> list[Point]:
        return [] if self.column.type == "boolean" else [Point("unseen category", self._unseen(), "categories")]

    def _faults(self, value: Any) -> list[str]:
        return ["categories"] if not self.allows("categories") and value not in self.values else []


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
            return min(max(0.0, low), high) if isinstance(choices, _First) else between(choices, low, high)
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


class Text(Domain):
    """Texts: free ones, and those of a length, a pattern, a format or a type to be read as."""

    def __init__(self, name: str, column: Column) -> None:
        place = f"[columns.{name}]"
        shapes = [family for family in ("pattern", "format", "parses") if getattr(column, family) is not None]
        if len(shapes) > 1:
            raise DataError(f"{place}: texts cannot be made to {' and '.join(shapes)} at once; keep one of them")
        self.shape = shapes[0] if shapes else ""
        self.pattern = Shaped(column.pattern.regex, f"{place} pattern") if column.pattern is not None else None
        limit = column.length
        self.least = limit.min or 0 if limit is not None else 0
        self.most = limit.max if limit is not None and limit.max is not None else None
        if self.most is not None and self.most < self.least:
            raise DataError(f"{place} length: min is above max, so that no text is legal")
        bound = limit is not None and limit.never
        shortest, longest = self.pattern.widths if self.pattern is not None else (0, 0)
        if (
            bound
            and self.shape
            and not (
                self.pattern is not None
                and self.least <= shortest
                and (self.most is None or min(longest, len(self.pattern.longest())) <= self.most)
            )
        ):
            raise DataError(
                f"{place}: texts cannot be made to length and {self.shape} at once; say the length in the pattern"
            )
        super().__init__(name, column)

    def typical(self, choices: Choices) -> str:
        """Draw a text of its shape, else a few small letters."""
        if self.pattern is not None:
            return self.pattern.text(choices)
        if self.column.format is not None:
            return FORMATS[self.column.format.kind](choices)
        if self.column.parses is not None:
            return readable(self.column.parses.to, self.column.parses.format, choices)
        most = self.least + 12 if self.most is None else min(self.most, self.least + 12)
        length = choices.integer(min(max(self.least, 1), most), most)
        return "".join(chr(choices.integer(97, 122)) for _ in range(length))

    def simplest(self) -> str:
        """Give letters ``a``."""
        return self.typical(_First()) if self.shape else "a" * max(self.least, min(1, self.most or 1))

    def middle(self, first: Any, second: Any) -> Any:
        """Give the first half of a text."""
        return second[: (len(first) + len(second)) // 2] if not self.shape and len(second) > len(first) else None

    def step(self, value: Any, up: bool = True) -> Any:
        """Count up in the last places; a shaped text has no next one."""
        if self.shape or self.most == 0:
            return None
        digits = value.lstrip("abcdefghijklmnopqrstuvwxyz")
        number = str(int(digits) + (1 if up else -1)) if digits.isdecimal() else "0"
        width = max(len(value), len(number), self.least, 1)
        return number.rjust(width if self.most is None else min(width, self.most), "a")

    def _edges(self) -> list[Point]:
        if self.pattern is not None:
            return [
                Point("shortest match", self.pattern.shortest(), "pattern"),
                Point("longest match", self.pattern.longest(), "pattern"),
            ]
        if self.shape:
            return []
        longest = LONG if self.most is None else self.most
        found = [Point("shortest", "a" * self.least, "length"), Point("longest", "z" * longest, "length")]
        fill = max(self.least - 1, 0)
        for label, sign in {
            "space": " ", "composed letter": "\u00e9", "decomposed letter": "e\u0301", "sign beyond 16 bits": "\U0001f600",
            "right to left": "\u05d0", "upper case": "A", "line feed": "\n", "quote": "'", "word for missing": "NA",
        }.items():  # fmt: skip
            found.append(Point(label, sign + "a" * max(fill - len(sign) + 1, 0), "length"))
        return found

    def _outside(self) -> list[Point]:
        found = []
        if not self.shape and self.column.length is not None:
            found += [Point("one sign too few", "a" * (self.least - 1), "length")] if self.least else []
            found += [Point("one sign too many", "a" * (self.most + 1), "length")] if self.most is not None else []
        if self.pattern is not None:
            broken = [self.pattern.shortest() + "\u0001", self.pattern.shortest()[:-1]]
            found += [
                Point("one sign beside the pattern", text, "pattern")
                for text in broken[:1]
                if not self.pattern.matches(text)
            ]
        elif self.shape:
            found.append(Point(f"no {self.shape}", "?", self.shape))
        return found

    def _faults(self, value: Any) -> list[str]:
        found = []
        if not self.allows("length") and not (
            self.least <= len(value) and (self.most is None or len(value) <= self.most)
        ):
            found.append("length")
        if self.pattern is not None and not self.allows("pattern") and not self.pattern.matches(value):
            found.append("pattern")
        # What is made to a format or a type is legal by construction; beside it only "?" is ever made.
        if self.shape in ("format", "parses") and not self.allows(self.shape) and value == "?":
            found.append(self.shape)
        return found


class Sequence(Domain):
    """Lists whose elements are a column of their own."""

    def __init__(self, name: str, column: Column, element: Domain) -> None:
        self.element = element
        limit = column.values
        self.least = column.shape[0] if column.shape else limit.min if limit is not None else 0
        self.most = column.shape[0] if column.shape else limit.max if limit is not None else None
        super().__init__(name, column)

    def typical(self, choices: Choices) -> list[Any]:
        """Draw a list of up to three values more than the fewest."""
        most = self.least + 3 if self.most is None else min(self.most, self.least + 3)
        return [self.element.draw(choices, False) for _ in range(choices.integer(self.least, most))]

    def _filled(self, length: int) -> list[Any]:
        return [self.element.simplest()] * length

    def _edges(self) -> list[Point]:
        longest = self.least + 20 if self.most is None else self.most
        found = [
            Point("fewest values", self._filled(self.least), "values"),
            Point("most values", self._filled(longest), "values"),
        ]
        return [
            *found,
            *(Point(f"values of {p.label}", [p.value] * max(self.least, 1), "values") for p in self.element.points),
        ]

    def _outside(self) -> list[Point]:
        found = [Point("a value too few", self._filled(self.least - 1), "values")] if self.least else []
        return found + (
            [Point("a value too many", self._filled(self.most + 1), "values")] if self.most is not None else []
        )

    def _faults(self, value: Any) -> list[str]:
        bound = bool(self.column.shape) or not self.allows("values")
        wrong = bound and not (self.least <= len(value) and (self.most is None or len(value) <= self.most))
        return ["values"] if wrong else ["type"] if not all(map(self.element.permits, value)) else []


class Record(Domain):
    """Structs whose fields are columns of their own."""

    def __init__(self, name: str, column: Column, fields: Mapping[str, Domain]) -> None:
        self.fields = fields
        super().__init__(name, column)

    def typical(self, choices: Choices) -> dict[str, Any]:
        """Draw each field."""
        return {key: domain.draw(choices, False) for key, domain in self.fields.items()}

    def _edges(self) -> list[Point]:
        plain = {key: domain.simplest() for key, domain in self.fields.items()}
        return [
            Point(f"{key}: {point.label}", {**plain, key: point.value}, "type")
            for key, domain in self.fields.items()
            for point in domain.points
        ]

    def _faults(self, value: Any) -> list[str]:
        return [] if all(domain.permits(value[key]) for key, domain in self.fields.items()) else ["type"]


SCALARS: dict[str, type[Domain]] = {
    "boolean": Truth,
    "date": Days,
    "integer": Whole,
    "number": Number,
    "string": Text,
    "time": Clock,
    "timestamp": Instants,
}


def domain_of(name: str, columns: Mapping[str, Column]) -> Domain:
    """Compile a column, with those of its elements or fields.

    Raises
    ------
    DataError
        If no value can be made to what the column says; names the key.
    """
    column = columns[name]
    if column.categories is not None:
        return Listed(name, column)
    if column.type in SCALARS:
        return SCALARS[column.type](name, column)
    if f"{name}.[]" in columns:
        return Sequence(name, column, domain_of(f"{name}.[]", columns))
    inner = [other for other in columns if other.startswith(f"{name}.") and "." not in other[len(name) + 1 :]]
    if inner:
        return Record(name, column, {other[len(name) + 1 :]: domain_of(other, columns) for other in inner})
    raise DataError(
        f"[columns.{name}] has type {column.type!r}, of which no value can be made: describe its elements in "
        f'[columns."{name}.[]"] or its fields in [columns."{name}.FIELD"]'
    )


def is_inner(name: str, columns: Mapping[str, Column]) -> bool:
    """Tell whether a column is an element or a field of another one."""
    return any(
        columns[name[:place]].type not in SCALARS
        for place, sign in enumerate(name)
        if sign == "." and name[:place] in columns
    )


def _iso(read: Callable[[str], Any], end: Any, name: str) -> Any:
    try:
        return read(str(end))
    except ValueError as problem:
        raise DataError(f"[columns.{name}] range: {end!r} is no ISO date or time") from problem
