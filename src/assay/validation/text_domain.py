"""Texts that one column of a schema may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.errors import DataError
from assay.validation.domain import Domain, First, Point
from assay.validation.texts import FORMATS, Shaped, readable

if TYPE_CHECKING:
    from assay.validation.choices import Choices
    from assay.validation.column import Column

LONG = 1000


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
        return self.typical(First()) if self.shape else "a" * max(self.least, min(1, self.most or 1))

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
