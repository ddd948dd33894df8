"""Reading the file of another tool, so that no line of it is lost: each is used, known to be no constraint, or reported."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from assay.errors import DataError

LARGEST = 10_000_000
MOST_VALUES = 500_000
DEEPEST = 100
UNKNOWN = "assay knows no such constraint"


class Unmapped(msgspec.Struct, frozen=True):
    """A line of a schema that the other side has no words for.

    Parameters
    ----------
    place : str
        Where it stands: ``columns.amount.checks``.
    line : str
        What it says.
    why : str
        Why it was not carried over.
    """

    place: str
    line: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.line} ({self.why})"


class Reader:
    """A mapping of the source, of which each key is taken once; :meth:`close` reports the keys that nobody took.

    Parameters
    ----------
    fields : mapping of str to Any
    place : str
        Where the mapping stands in the source.
    report : list of Unmapped
        Shared by all readers of one import.
    """

    def __init__(self, fields: Mapping[str, Any], place: str, report: list[Unmapped]) -> None:
        self.fields = dict(fields)
        self.place = place
        self.report = report

    def at(self, key: str) -> str:
        """Name the place of a key."""
        return f"{self.place}.{key}" if self.place else key

    def has(self, key: str) -> bool:
        """Whether a key is still there with a value."""
        return self.fields.get(key) is not None

    def value(self, key: str) -> Any:
        """Take a value of any type; ``None`` if it is not there."""
        return self.fields.pop(key, None)

    def text(self, key: str) -> str | None:
        """Take a text."""
        found: str | None = self._typed(key, (str,), "a text")
        return found

    def flag(self, key: str, default: bool = False) -> bool:
        """Take a truth value."""
        found = self._typed(key, (bool,), "true or false")
        return default if found is None else found

    def number(self, key: str) -> float | int | None:
        """Take a finite number."""
        found = self.fields.get(key)
        if isinstance(found, bool) or (isinstance(found, float) and not math.isfinite(found)):
            self.refuse(key, "expected a finite number")
            return None
        number: float | int | None = self._typed(key, (int, float), "a number")
        return number

    def whole(self, key: str) -> int | None:
        """Take a whole number that is not negative."""
        found = self.number(key)
        if found is not None and (found != int(found) or found < 0):
            self.unmapped(key, found, "expected a whole number of 0 or more")
            return None
        return None if found is None else int(found)

    def share(self, key: str) -> float | None:
        """Take a number from 0 to 1."""
        found = self.number(key)
        if found is not None and not 0 <= found <= 1:
            self.unmapped(key, found, "expected a share from 0 to 1")
            return None
        return found

    def bound(self, key: str) -> float | int | str | None:
        """Take an end of a range: a finite number, or a date or time as ISO text."""
        found = self.fields.get(key)
        if found is not None and hasattr(found, "isoformat"):
            return str(self.fields.pop(key).isoformat())
        if isinstance(found, str):
            return self.text(key)
        return self.number(key)

    def values(self, key: str) -> tuple[str, ...] | None:
        """Take a list of plain values as texts."""
        found = self.fields.get(key)
        if found is None:
            self.fields.pop(key, None)
            return None
        if not isinstance(found, (list, tuple)) or any(isinstance(v, (dict, list)) or v is None for v in found):
            self.refuse(key, "expected a list of values")
            return None
        return tuple(as_text(v) for v in self.fields.pop(key))

    def reader(self, key: str) -> Reader | None:
        """Take a mapping."""
        found = self._typed(key, (dict,), "a mapping")
        return None if found is None else Reader(found, self.at(key), self.report)

    def readers(self, key: str, name: str = "name") -> list[Reader]:
        """Take a list of mappings (or one alone), each named by its ``name`` if it has one."""
        found = self.fields.pop(key, None)
        items = found if isinstance(found, list) else [] if found is None else [found]
        readers = []
        for i, item in enumerate(items):
            said = item.get(name) if isinstance(item, dict) else None
            place = f"{self.at(key)}[{said if isinstance(said, str) and said else i}]"
            if isinstance(item, dict):
                readers.append(Reader({str(k): v for k, v in item.items()}, place, self.report))
            else:
                self.report.append(Unmapped(place, shown(item), "expected a mapping"))
        return readers

    def ignore(self, *keys: str) -> None:
        """Pass over keys that are words for people or plumbing, and constrain no data."""
        for key in keys:
            self.fields.pop(key, None)

    def refuse(self, key: str, why: str) -> None:
        """Report a key that is still there."""
        if key in self.fields:
            self.unmapped(key, self.fields.pop(key), why)

    def unmapped(self, key: str, value: Any, why: str) -> None:
        """Report a value that was taken."""
        self.report.append(Unmapped(self.at(key), shown(value), why))

    def close(self, why: str = UNKNOWN) -> None:
        """Report what nobody took."""
        for key in list(self.fields):
            if self.fields[key] is None:
                del self.fields[key]
            else:
                self.refuse(key, why)

    def _typed(self, key: str, types: tuple[type, ...], name: str) -> Any:
        found = self.fields.get(key)
        if found is None:
            self.fields.pop(key, None)
            return None
        if not isinstance(found, types):
            self.refuse(key, f"expected {name}")
            return None
        return self.fields.pop(key)


def as_text(value: Any) -> str:
    """Write a plain value as a column of texts holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def shown(value: Any) -> str:
    """Write a value on one line, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= 120 else text[:117] + "..."


def load_json(text: str, path: str) -> dict[str, Any]:
    """Read a JSON object of bounded size.

    Raises
    ------
    DataError
        If it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{path} is no JSON: {problem}") from problem
    return _mapping(found, path)


def load_yaml(text: str, path: str) -> dict[str, Any]:
    """Read a YAML mapping of bounded size; tags that build objects are refused.

    Raises
    ------
    DataError
        If it is none.
    """
    import yaml

    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise DataError(f"{path} is no YAML that assay reads: {' '.join(str(problem).split())}") from problem
    return _mapping(found, path)


def _mapping(found: Any, path: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no mapping at its top: it is no schema of a format that assay reads")
    # Aliases of YAML let a short file stand for a huge or an endless one: count what a walk would meet.
    left = MOST_VALUES
    stack: list[tuple[Any, int]] = [(found, 0)]
    while stack:
        value, depth = stack.pop()
        left -= 1
        if left < 0 or depth > DEEPEST:
            limit = f"{MOST_VALUES} values" if left < 0 else f"{DEEPEST} levels"
            raise DataError(f"{path} holds more than {limit}: split it, one table a file")
        if isinstance(value, Mapping):
            stack += [(v, depth + 1) for v in value.values()]
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            stack += [(v, depth + 1) for v in value]
    return {str(key): value for key, value in found.items()}
