"""Writing a schema for another tool: each key is written, or reported as what that tool has no words for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from assay.validation.column import NEVER
from assay.validation.interop.reading import Reader, Unmapped

if TYPE_CHECKING:
    from assay.validation.schema import Schema

NO_RATE = "the format knows no share of rows that may break a rule"
NO_WORDS = "the format has no words for it"


def columns_of(schema: Schema, report: list[Unmapped]) -> list[tuple[str, Reader]]:
    """Open each column for reading, ``type`` among its keys; the caller closes it."""
    found = []
    for name, column in schema.columns.items():
        plain = msgspec.to_builtins(column)
        for family in NEVER:
            if plain.get(family) == "never":
                plain[family] = {}
        found.append((name, Reader(plain, f"columns.{name}", report)))
    return found


def rest_of(schema: Schema, report: list[Unmapped]) -> Reader:
    """Open what is not a column: rows, relations, metrics, slices and names."""
    plain = msgspec.to_builtins(schema)
    for key in ("columns", "version", "reference"):
        plain.pop(key, None)
    return Reader(plain, "", report)


def strict(column: Reader, family: str) -> dict[str, Any] | None:
    """Take a limit that no row may break; one with a rate is reported."""
    found = column.fields.get(family)
    if found is None:
        return None
    if found.get("at_most"):
        column.refuse(family, NO_RATE)
        return None
    return dict(column.value(family))


def rated(column: Reader, family: str) -> tuple[dict[str, Any], float] | None:
    """Take a limit and the share of rows that may break it."""
    if not column.has(family):
        column.ignore(family)
        return None
    found = dict(column.value(family))
    return found, float(found.pop("at_most", 0.0))


def close(reader: Reader) -> None:
    """Report what was not written."""
    reader.close(NO_WORDS)
