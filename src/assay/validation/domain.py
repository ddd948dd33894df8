"""The values that one column of a schema may have: typical ones, boundaries, rare ones, and those just outside."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.validation.choices import chance, one_of

if TYPE_CHECKING:
    from assay.validation.choices import Choices
    from assay.validation.column import Column
    from assay.validation.limits import Limit


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
        return self.typical(First())

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


class First:
    """Choices that are always the first, or the nearest to zero."""

    def integer(self, low: int, high: int) -> int:
        """Give the number nearest to zero, or else the first."""
        return min(max(low, 0), high)
