"""A schema in the making: limits are added one by one, and one that does not fit beside another is refused."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from assay.validation import limits
from assay.validation.column import Column
from assay.validation.interop.reading import Reader, Unmapped, shown
from assay.validation.relations import Metric, Relation, Rows
from assay.validation.schema import Schema

Limit = limits.Limit


class Draft:
    """A schema in the making, with the report of what does not fit into it."""

    def __init__(self) -> None:
        self.columns: dict[str, dict[str, Any]] = {}
        self.top: dict[str, Any] = {}
        self.rows: dict[str, Any] = {}
        self.relations: list[Relation] = []
        self.metrics: list[Metric] = []
        self.report: list[Unmapped] = []

    def reader(self, fields: dict[str, Any]) -> Reader:
        """Read a mapping into this draft."""
        return Reader(fields, "", self.report)

    def column(self, name: str, **fields: Any) -> dict[str, Any]:
        """Return the fields of a column, and set some."""
        found = self.columns.setdefault(name, {"type": "any"})
        found.update(fields)
        return found

    def limit(self, name: str, family: str, limit: Limit, place: str) -> None:
        """Add a limit to a column: both hold if the column has one already, or the new one is reported."""
        column = self.column(name)
        had = column.get(family)
        joined = limit if had is None else _both(had, limit)
        if joined is None:
            why = f"{name} has a limit on {family} already, and a schema holds one"
            self.report.append(Unmapped(place, _said(limit), why))
        else:
            column[family] = joined

    def pattern(self, name: str, regex: str, place: str, *, whole: bool, at_most: float = 0.0) -> None:
        """Add a pattern, of which a tool asks that it matches the whole text or (``whole=False``) is found in it."""
        full = regex if whole else searched(regex)
        problem = re2_problem(full)
        if problem:
            self.report.append(Unmapped(place, shown(regex), problem))
        else:
            self.limit(name, "pattern", limits.Pattern(regex=full, at_most=at_most), place)

    def above(
        self, name: str, low: float | int | str, place: str, *, below: bool = False, at_most: float = 0.0
    ) -> None:
        """Add an end that is itself outside: the next whole number, or a relation for others."""
        if self.column(name)["type"] == "integer" and isinstance(low, (int, float)):
            end = math.ceil(low) - 1 if below else math.floor(low) + 1
            self.limit(name, "range", limits.Range(**{"max" if below else "min": end}, at_most=at_most), place)
            return
        sign = "<" if below else ">"
        self.relations.append(Relation(sql=f"{quoted(name)} {sign} {literal(low)}", at_most=at_most))

    def one_of(self, reader: Reader, key: str, name: str, at_most: float = 0.0) -> None:
        """Take a list of the values that a column may have: texts as categories, numbers as a relation."""
        found = reader.fields.get(key)
        if found is None:
            reader.ignore(key)
            return
        values = [v for v in found if v is not None] if isinstance(found, list) else []
        if not values or any(isinstance(v, (dict, list)) for v in values):
            reader.refuse(key, "expected a list of values")
        elif all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
            reader.ignore(key)
            members = ", ".join(repr(v) for v in values)
            self.relations.append(Relation(sql=f"{quoted(name)} IN ({members})", at_most=at_most))
        elif all(isinstance(v, str) for v in values):
            reader.ignore(key)
            self.limit(name, "categories", limits.Categories(values=tuple(values), at_most=at_most), reader.at(key))
        else:
            reader.refuse(key, "neither all texts nor all numbers")

    def none_of(self, reader: Reader, key: str, name: str, at_most: float = 0.0) -> None:
        """Take a list of the values that a column may not have."""
        found = reader.fields.get(key)
        if found is None:
            reader.ignore(key)
            return
        if not isinstance(found, list) or not found or not all(type(v) in (str, int, float) for v in found):
            reader.refuse(key, "expected a list of texts or numbers")
            return
        reader.ignore(key)
        members = ", ".join(literal(v) for v in found)
        self.relations.append(Relation(sql=f"{quoted(name)} NOT IN ({members})", at_most=at_most))

    def rows_between(self, low: int | None, high: int | None) -> None:
        """Bound the number of rows, within bounds that are there already."""
        if low is not None:
            self.rows["min"] = max(low, self.rows.get("min", low))
        if high is not None:
            self.rows["max"] = min(high, self.rows.get("max", high))

    def finish(self) -> tuple[Schema, list[Unmapped]]:
        """Build the schema, and hold it against its own rules.

        Raises
        ------
        DataError
            If the source contradicts itself.
        """
        columns = {name: Column(**fields) for name, fields in self.columns.items()}
        schema = Schema(
            columns=columns,
            rows=Rows(**self.rows) if self.rows else None,
            relations=tuple(self.relations),
            metrics=tuple(self.metrics),
            **self.top,
        )
        return Schema.from_toml(schema.to_toml(), "the imported schema"), self.report


def share_of(mostly: float) -> float:
    """Turn a share of rows that must hold into one that may break, without the dust of subtraction."""
    return round(1 - mostly, 12)


def quoted(name: str) -> str:
    """Write a column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: float | int | str) -> str:
    """Write a value in SQL."""
    return repr(value) if isinstance(value, (int, float)) else "'" + value.replace("'", "''") + "'"


def searched(regex: str) -> str:
    """Turn a pattern that is searched for into one that matches from end to end, anchors kept."""
    if regex.startswith("^(?:") and regex.endswith(")$") and not re2_problem(regex[4:-2]):
        return regex[4:-2]
    if regex.startswith("^") and regex.endswith("$") and not regex.endswith("\\$") and "|" not in regex:
        return regex[1:-1]
    return f"(?s:.*)(?:{regex})(?s:.*)"


@lru_cache(1000)
def re2_problem(regex: str) -> str:
    """Tell why RE2 cannot read a pattern; empty if it can."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        try:
            connection.execute("SELECT regexp_full_match('', ?)", [regex]).fetchall()
        except duckdb.Error as problem:
            return f"RE2 cannot read this pattern: {shown(str(problem))}"
    return ""


def _said(limit: Limit) -> str:
    import msgspec

    return shown(msgspec.to_builtins(limit))


def _both(had: Any, new: Any) -> Any:
    """Return one limit that says what both say, ``None`` if there is none."""
    if had == new or had == "never":
        return had if isinstance(had, Limit) else type(new)()
    if type(had) is not type(new) or (had.at_most != new.at_most):
        return None
    if isinstance(new, (limits.Range, limits.Length)):
        if had.at_most > 0:
            return None
        try:
            low: Any = max((v for v in (had.min, new.min) if v is not None), default=None)
            high: Any = min((v for v in (had.max, new.max) if v is not None), default=None)
        except TypeError:
            return None
        return type(new)(min=low, max=high)
    if isinstance(new, limits.Categories) and had.at_most == 0:
        return limits.Categories(values=tuple(v for v in had.values if v in new.values))
    return None
