"""A domain for each type of column; truth values, listed values, lists and structs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.errors import DataError
from assay.validation.choices import one_of
from assay.validation.domain import Domain, Point
from assay.validation.ordered_domains import Clock, Days, Instants, Number, Whole
from assay.validation.text_domain import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.validation.choices import Choices
    from assay.validation.column import Column

UNSEEN = "never seen before"


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
