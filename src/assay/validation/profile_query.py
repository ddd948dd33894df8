"""How an engine is asked about a column: SQL put together from expressions that Ibis compiled once for each type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot
from sqlglot import exp

from assay.errors import DataError
from assay.validation.profile_measures import measures
from assay.validation.profile_state import UNKNOWN, ColumnState, Comoments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SLICES = 1000
_TEMPLATES: dict[tuple[str, str, bool], dict[str, str]] = {}
"""SQL of every expression of a column, by engine, type and whether rows have weights."""


@dataclass
class Source:
    """Rows to scan: a subquery and the columns in it, each by the SQL that reads it."""

    rows: str
    columns: dict[str, tuple[str, dt.DataType]] = field(default_factory=dict)


class Slices:
    """What is known of each slice: the states of its columns, and of its pairs; without `by` the one slice is ``""``."""

    def __init__(self, by: str | None) -> None:
        self.by = by
        self.states: dict[str, dict[str, ColumnState]] = {}
        self.pairs: dict[str, dict[tuple[str, str], Comoments]] = {}

    def where(self, value: str | None) -> str:
        """Name the slice of a value."""
        return "" if self.by is None else f"{self.by}={'(missing)' if value is None else value}"

    def of(self, value: str | None, name: str, kind: dt.DataType) -> ColumnState:
        """Give the state of a column in the slice of a value, a new one if there is none."""
        columns = self.states.setdefault(self.where(value), {})
        if len(self.states) > SLICES:
            raise DataError(f"{self.by} has more than {SLICES} values: slice by a column with fewer")
        if name not in columns:
            columns[name] = ColumnState(_type(kind))
        return columns[name]


class Query:
    """Writes SQL for the engine of a table, by slice and by weight where these are given."""

    def __init__(self, backend: Any, by: str | None, weight: str | None) -> None:
        self.backend = backend
        self.dialect = backend.dialect
        self.by, self.weight = by, weight
        self.shifts: dict[str, float] = {}
        """A number near the middle of each column, so that sums of powers keep their digits."""
        self._columns: dict[str | None, str] = {None: "NULL"}
        self.t0 = self.name("t0")

    def name(self, word: str) -> str:
        """Write a name."""
        quoted: str = exp.to_identifier(word, quoted=True).sql(self.dialect)
        return quoted

    def sources(self, table: ibis.Table, columns: Sequence[str]) -> Iterable[Source]:
        """The table with the fields of its structs, then a source for the elements of each list."""
        main = Source(self._rows(table))
        # By another name, so that what reads a column knows the rows as t0, whatever query they come from.
        like = ibis.table(table.schema(), name="assay_rows")
        waiting = [(name, (like[name], table[name])) for name in columns]
        lists = []
        while waiting:
            name, (alike, value) = waiting.pop(0)
            kind = value.type()
            main.columns[name] = (self._reference(like, alike) if "." in name else self.column(name), kind)
            if kind.is_struct():
                waiting = [(f"{name}.{part}", (alike[part], value[part])) for part in kind.names] + waiting
            elif kind.is_array():
                lists.append((name, value))
        yield main
        for name, value in lists:
            extra = {side: table[side] for side in {self.by, self.weight} if side is not None}
            inner = table.select(assay_element=value.unnest(), **extra)
            for source in self.sources(inner, ["assay_element"]):
                found = {f"{name}.[]{key.removeprefix('assay_element')}": pair for key, pair in source.columns.items()}
                yield Source(source.rows, found)

    def _rows(self, table: ibis.Table) -> str:
        # By name where it has one: an engine resolves every column of a subquery anew for each statement.
        query = self.backend.compile(table)
        parsed = sqlglot.parse_one(query, dialect=self.dialect)
        if isinstance(table.op(), ops.DatabaseTable) and isinstance(found := parsed.find(exp.Table), exp.Table):
            found.set("alias", None)
            return f"{found.sql(self.dialect)} AS {self.t0}"
        return f"({query}) AS {self.t0}"

    def _reference(self, table: ibis.Table, value: ibis.Value) -> str:
        [column] = self._compiled(table.select(assay_value=value)).values()
        return column

    def _compiled(self, query: ibis.Expr) -> dict[str, str]:
        """SQL of each column of a query over one table, which is called t0."""
        parsed = sqlglot.parse_one(self.backend.compile(query), dialect=self.dialect)
        return {each.alias_or_name: each.unalias().sql(self.dialect) for each in parsed.expressions}

    def parts(self, kind: dt.DataType, sql: str, name: str = "") -> dict[str, str]:
        """Every expression of a column: compiled once for each type, then its names put in."""
        key = (self.backend.name, str(kind.copy(nullable=True)), self.weight is not None)
        if key not in _TEMPLATES:
            rows = ibis.table(
                {"assay_value": kind, "assay_shift": "float64", "assay_weight": "float64"}, name="assay_rows"
            )
            wanted = measures(rows, weighted=self.weight is not None, engine=self.backend.name)
            plain = rows.aggregate(**{k: v for k, v in wanted.items() if k[0] != "_"})
            _TEMPLATES[key] = self._compiled(plain)
            if keys := {k: v for k, v in wanted.items() if k[0] == "_"}:
                _TEMPLATES[key] |= self._compiled(rows.select(**keys))
        made = {}
        puts = {"assay_value": sql, "assay_weight": self.column(self.weight), "assay_shift": self._number(name)}
        for part, text in _TEMPLATES[key].items():
            for word, put in puts.items():
                if word in text:
                    text = text.replace(self.column(word), put)
            made[part] = text
        return made

    def column(self, name: str | None) -> str:
        """Write a column of the rows; NULL for none."""
        if name not in self._columns:
            assert name is not None
            self._columns[name] = f"{self.t0}.{self.name(name)}"
        return self._columns[name]

    def _number(self, name: str) -> str:
        return exp.cast(exp.Literal.number(repr(self.shifts.get(name, 0.0))), "double").sql(self.dialect)

    def group(self, *places: int) -> str:
        """Group by the slice, which comes first, and by the expressions at some places."""
        keys = [str(place) for place in ([] if self.by is None else [1]) + list(places)]
        return f" GROUP BY {', '.join(keys)}" if keys else ""

    def slice(self) -> str:
        """The value of the slice as text, which is empty for all rows."""
        if self.by is None:
            return "''"
        return exp.cast(sqlglot.parse_one(self.column(self.by), dialect=self.dialect), "text").sql(self.dialect)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement and fetch its rows."""
        return fetch(self.backend, sql)

    def weighed(self) -> str:
        """Sum the weights of rows; NULL where they have none."""
        return "NULL" if self.weight is None else f"SUM({self.column(self.weight)})"


def fetch(backend: Any, sql: str) -> list[tuple[Any, ...]]:
    """Run SQL on an Ibis backend and fetch its rows as tuples, without the frame that Ibis would make."""
    found = backend.raw_sql(sql)
    if hasattr(found, "fetchall"):
        rows = [tuple(row) for row in found.fetchall()]
        # DuckDB's cursor is its connection.
        if found is not backend.con:
            found.close()
        return rows
    return [tuple(row) for row in found.collect()]


def _type(kind: dt.DataType) -> str:
    text = str(kind.copy(nullable=True))
    # DuckDB calls the type of a pandas column without a value "NULL", which Ibis does not know.
    return text if not kind.is_unknown() else "null" if '"NULL"' in text else UNKNOWN


def plain_text(value: Any) -> str:
    """Write a value as the engines cast it to text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
