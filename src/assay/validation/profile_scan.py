"""Ask an engine for the state of each column: few statements, put together from expressions that Ibis compiled once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot
from sqlglot import exp

from assay.errors import DataError
from assay.validation.profile_measures import fill, from_values, measures
from assay.validation.profile_state import UNKNOWN, VALUES, ColumnState, Comoments
from assay.validation.profiling import QUANTILES
from assay.validation.sketch import HEX, SMALLEST, SPAN, smallest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

EXPRESSIONS = 500
"""Of one statement; a wider one takes longer to plan than its columns take to read."""
PROBE = 10_000
"""Rows whose mean is the shift of the power sums."""
CORRELATED = 16
"""Numeric columns up to which every pair is measured; of more, each one with the label."""
CLASSES = 50
"""Values of a label that are cells of their own; a number with more goes by its power of two."""
NATIVE = 2**12
"""Of 64 bits, the ones that are dropped to leave 52."""
WIDE = 50
"""Columns from which on a table is copied to narrower ones, if a copy of that width has at most CELLS values."""
CELLS = 10_000_000
LEAST = 10
SLICES = 1000
APART = ("mean", "quantiles")
"""Aggregates that are asked for by themselves."""


_TEMPLATES: dict[tuple[str, str, bool], dict[str, str]] = {}
"""SQL of every expression of a column, by engine, type and whether rows have weights."""


@dataclass
class Source:
    """Rows to scan: a subquery and the columns in it, each by the SQL that reads it."""

    rows: str
    columns: dict[str, tuple[str, dt.DataType]] = field(default_factory=dict)


State = dict[str, ColumnState]
Pairs = dict[tuple[str, str], Comoments]


class Scan:
    """One pass of queries over a table and, where it is told, over the elements of its lists.

    Parameters
    ----------
    table : ibis.Table
        Of any backend.
    columns : sequence of str
    by : str, optional
        Column whose values are the slices.
    weight, label : str, optional
    step : callable, optional
        Is told after each query which share of them is done.
    """

    def __init__(
        self,
        table: ibis.Table,
        columns: Sequence[str],
        *,
        by: str | None = None,
        weight: str | None = None,
        label: str | None = None,
        step: Callable[[float], None] | None = None,
    ) -> None:
        self.backend = table.get_backend()
        self.dialect = self.backend.dialect
        self.by, self.weight, self.label = by, weight, label
        self.step = step
        self.done, self.due = 0, 1
        self.t0 = exp.to_identifier("t0", quoted=True).sql(self.dialect)
        self.sources = list(self._sources(table, columns))
        self.plain = list(self.sources[0].columns) == list(columns) and len(self.sources) == 1
        self.states: dict[str, State] = {}
        self.pairs: dict[str, Pairs] = {}
        self._shifts: dict[str, float] = {}

    def run(self) -> None:
        """Fill :attr:`states` and :attr:`pairs`, by slice; without `by` the one slice is ``""``."""
        self.due = sum(1 + 2 * len(source.columns) for source in self.sources)
        for source in self.sources:
            self._find_shifts(source)
            self._aggregates(source)
            for part in self._narrow(source):
                for name, (sql, kind) in part.columns.items():
                    self._column(part, name, sql, kind)
                    self._tick()
        main = self.sources[0]
        self._comoments(main)
        if self.label is not None:
            for name in main.columns:
                self._joint(main, name)
                self._tick()

    # What to read

    def _sources(self, table: ibis.Table, columns: Sequence[str]) -> Iterable[Source]:
        """The table with the fields of its structs, then a source for the elements of each list."""
        main = Source(self._rows(table))
        # By another name, so that what reads a column knows the rows as t0, whatever query they come from.
        like = ibis.table(table.schema(), name="assay_rows")
        waiting = [(name, (like[name], table[name])) for name in columns]
        lists = []
        while waiting:
            name, (alike, value) = waiting.pop(0)
            kind = value.type()
            main.columns[name] = (self._reference(like, alike) if "." in name else self._column_sql(name), kind)
            if kind.is_struct():
                waiting = [(f"{name}.{part}", (alike[part], value[part])) for part in kind.names] + waiting
            elif kind.is_array():
                lists.append((name, value))
        yield main
        for name, value in lists:
            extra = {side: table[side] for side in {self.by, self.weight} if side is not None}
            inner = table.select(assay_element=value.unnest(), **extra)
            for source in self._sources(inner, ["assay_element"]):
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

    # How to ask

    def _parts(self, kind: dt.DataType, sql: str, name: str = "") -> dict[str, str]:
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
        puts = {"assay_value": sql, "assay_weight": self._column_sql(self.weight), "assay_shift": self._number(name)}
        for part, text in _TEMPLATES[key].items():
            for word, put in puts.items():
                if word in text:
                    text = text.replace(self._column_sql(word), put)
            made[part] = text
        return made

    def _column_sql(self, name: str | None) -> str:
        return f"{self.t0}.{exp.to_identifier(name, quoted=True).sql(self.dialect)}" if name else "NULL"

    def _number(self, name: str) -> str:
        return exp.cast(exp.Literal.number(repr(self._shifts.get(name, 0.0))), "double").sql(self.dialect)

    def _group(self, *places: int) -> str:
        """Group by the slice, which comes first, and by the expressions at some places."""
        keys = [str(place) for place in ([] if self.by is None else [1]) + list(places)]
        return f" GROUP BY {', '.join(keys)}" if keys else ""

    def _slice(self) -> str:
        """The value of the slice as text, which is empty for all rows."""
        if self.by is None:
            return "''"
        return exp.cast(sqlglot.parse_one(self._column_sql(self.by), dialect=self.dialect), "text").sql(self.dialect)

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        return fetch(self.backend, sql)

    def _tick(self) -> None:
        self.done += 1
        if self.step is not None:
            self.step(min(1.0, self.done / self.due))

    def _where(self, slice_: str | None) -> str:
        return "" if self.by is None else f"{self.by}={'(missing)' if slice_ is None else slice_}"

    def _state(self, slice_: str | None, name: str, kind: dt.DataType) -> ColumnState:
        columns = self.states.setdefault(self._where(slice_), {})
        if len(self.states) > SLICES:
            raise DataError(f"{self.by} has more than {SLICES} values: slice by a column with fewer")
        if name not in columns:
            columns[name] = ColumnState(_type(kind))
        return columns[name]

    def _narrow(self, source: Source) -> Iterable[Source]:
        """Copy a wide table some columns at a time: DuckDB resolves all its columns anew for each statement."""
        names = list(source.columns)
        rows = sum(next(iter(state.values())).counts["rows"] for state in self.states.values())
        size = CELLS // max(rows, 1)
        if not self.plain or self.backend.name != "duckdb" or len(names) <= WIDE or size < LEAST:
            yield source
            return
        name = exp.to_identifier("assay_narrow", quoted=True).sql(self.dialect)
        sides = [self._column_sql(side) for side in (self.by, self.weight) if side is not None]
        for start in range(0, len(names), min(size, WIDE)):
            part = {name: source.columns[name] for name in names[start : start + min(size, WIDE)]}
            taken = dict.fromkeys([*(sql for sql, _ in part.values()), *sides])
            self.backend.raw_sql(f"CREATE TEMP TABLE {name} AS SELECT {', '.join(taken)} FROM {source.rows}")
            try:
                yield Source(f"{name} AS {self.t0}", part)
            finally:
                self.backend.raw_sql(f"DROP TABLE {name}")

    # What is asked

    def _find_shifts(self, source: Source) -> None:
        """A number near the middle of each column, so that sums of powers keep their digits."""
        numbers = [(name, *pair) for name, pair in source.columns.items() if pair[1].is_numeric()]
        for start in range(0, len(numbers), EXPRESSIONS):
            some = numbers[start : start + EXPRESSIONS]
            wanted = ", ".join(self._parts(kind, sql)["mean"] for _, sql, kind in some)
            head = source.rows.rpartition(" AS ")[0]
            near = f"(SELECT * FROM {head} AS {self.t0} LIMIT {PROBE}) AS {self.t0}"
            found = self._ask(f"SELECT {wanted} FROM {near}")[0]
            late = [each for each, mean in zip(some, found, strict=True) if mean is None]
            self._shifts |= {
                name: float(mean) for (name, _, _), mean in zip(some, found, strict=True) if mean is not None
            }
            if late:
                wanted = ", ".join(self._parts(kind, sql)["mean"] for _, sql, kind in late)
                again = self._ask(f"SELECT {wanted} FROM {source.rows}")[0]
                self._shifts |= {name: float(mean or 0.0) for (name, _, _), mean in zip(late, again, strict=True)}

    def _aggregates(self, source: Source) -> None:
        """Counts, extremes and sums of all columns, many in a statement."""
        batch: list[tuple[str, dt.DataType, dict[str, str]]] = []
        weight = "" if self.weight is None else f", SUM({self._column_sql(self.weight)})"

        def flush() -> None:
            wanted = [text for _, _, parts in batch for text in parts.values()]
            found = self._ask(
                f"SELECT {self._slice()}, COUNT(*){weight or ', NULL'}{''.join(f', {text}' for text in wanted)} "
                f"FROM {source.rows}{self._group()}"
            )
            for slice_, rows, weights, *values in found:
                place = 0
                for name, kind, parts in batch:
                    mine = dict(zip(parts, values[place : place + len(parts)], strict=True))
                    place += len(parts)
                    state = self._state(slice_, name, kind)
                    state.counts["rows"] = int(rows)
                    if self.weight is not None:
                        state.counts["weight"] = weights
                    fill(state, mine, self._shifts.get(name, 0.0))
            batch.clear()

        for name, (sql, kind) in source.columns.items():
            parts = {k: v for k, v in self._parts(kind, sql, name).items() if k[0] != "_" and k not in APART}
            if sum(len(each[2]) for each in batch) + len(parts) > EXPRESSIONS:
                flush()
            batch.append((name, kind, parts))
        flush()
        self._tick()

    def _column(self, source: Source, name: str, sql: str, kind: dt.DataType) -> None:
        """What needs a statement of its own: buckets, values and hashes."""
        parts = self._parts(kind, sql, name)
        if "_value" in parts:
            self._values(source, name, kind, parts)
        elif "_hash" in parts:
            self._hashes(source, name, kind, parts, None)
        if "_key" in parts:
            states = [each[name] for each in self.states.values() if name in each]
            if "_value" in parts and not any(state.cut for state in states):
                for state in states:
                    from_values(state)
            else:
                self._buckets(source, name, kind, parts)
        self._tick()

    def _weighed(self) -> str:
        return "NULL" if self.weight is None else f"SUM({self._column_sql(self.weight)})"

    def _buckets(self, source: Source, name: str, kind: dt.DataType, parts: Mapping[str, str]) -> None:
        found = self._ask(
            f"SELECT {self._slice()}, {parts['_sign']}, {parts['_key']}, COUNT(*), {self._weighed()} "
            f"FROM {source.rows} WHERE {parts['_finite']}{self._group(2, 3)}"
        )
        for slice_, sign, key, count, weight in found:
            state = self._state(slice_, name, kind)
            bucket = (int(sign), 0 if key is None else int(key))
            state.buckets[bucket] = int(count)
            if self.weight is not None:
                state.bucket_weights[bucket] = float(weight)
        if "quantiles" in parts and found:
            # Elsewhere exact quantiles sort the whole column in one task.
            for slice_, values in self._ask(
                f"SELECT {self._slice()}, {parts['quantiles']} FROM {source.rows}{self._group()}"
            ):
                pairs = zip(QUANTILES, values or (), strict=False)
                self._state(slice_, name, kind).quantiles = {q: float(v) for q, v in pairs if v is not None}

    def _values(self, source: Source, name: str, kind: dt.DataType, parts: Mapping[str, str]) -> None:
        text = exp.cast(exp.column("v", quoted=True), "text").sql(self.dialect)
        v, s, k = (exp.to_identifier(word, quoted=True).sql(self.dialect) for word in "vsk")
        counted = (
            f"SELECT {self._slice()} AS {s}, {parts['_value']} AS {v}, COUNT(*) AS {k}, {self._weighed()} AS w "
            f"FROM {source.rows} WHERE {parts['_value']} IS NOT NULL{self._group(2)}"
        )
        if self.by is None:
            # Spark brings all groups to one task to count them.
            groups = "NULL" if self.backend.name == "pyspark" else "COUNT(*) OVER ()"
            sql = (
                f"SELECT {s}, {v}, {k}, w, {groups} FROM ({counted}) AS g ORDER BY {k} DESC, {text} LIMIT {VALUES + 1}"
            )
        else:
            sql = (
                f"SELECT {s}, {v}, {k}, w, d FROM (SELECT {s}, {v}, {k}, w, COUNT(*) OVER (PARTITION BY {s}) AS d, "
                f"ROW_NUMBER() OVER (PARTITION BY {s} ORDER BY {k} DESC, {text}) AS r FROM ({counted}) AS g) AS h "
                f"WHERE r <= {VALUES + 1} ORDER BY r"
            )
        many: dict[str | None, int] = {}
        for slice_, value, count, weight, distinct in self._ask(sql):
            state = self._state(slice_, name, kind)
            state.family = "md5"
            if len(state.values) == VALUES:
                state.cut, many[slice_] = int(count), int(distinct or state.counts["present"])
                continue
            key = plain_text(value)
            state.values[key] = int(count)
            if self.weight is not None:
                state.value_weights[key] = float(weight)
        if many:
            self._hashes(source, name, kind, parts, many)

    def _hashes(
        self, source: Source, name: str, kind: dt.DataType, parts: Mapping[str, str], many: dict[str | None, int] | None
    ) -> None:
        """The smallest hashes of each slice; `many` tells how many different values those of interest have.

        Only hashes below a threshold leave the engine: about twice as many as are kept.
        """
        mine = {key: state[name] for key, state in self.states.items() if name in state}
        sizes = [state.counts["present"] for state in mine.values()] if many is None else list(many.values())
        share = max((2 * SMALLEST / size for size in sizes if size), default=1.0)
        native = kind.is_floating() and self.backend.name == "duckdb"
        own = f"hash {self.backend.name} {self.backend.version}" if native else f"md5 {self.backend.name}"
        text = "NULL" if not kind.is_string() else f"MIN({parts['_value']})"
        while True:
            limit = str(int(share * SPAN) * NATIVE) if native else f"'{int(share * SPAN):0{HEX}x}'"
            below = "" if share >= 1 else f" AND {parts['_hash']} < {limit}"
            found = self._ask(
                f"SELECT {self._slice()}, {parts['_hash']}, {text} FROM {source.rows} "
                f"WHERE {parts['_present']} IS NOT NULL{below}{self._group(2)}"
            )
            hashes: dict[str | None, dict[int, str]] = {}
            for slice_, key, value in found:
                hashes.setdefault(slice_, {})[key // NATIVE if native else int(key[:HEX], 16)] = value or ""
            slices = hashes.keys() if many is None else many.keys()
            enough = all(len(hashes.get(slice_, ())) >= SMALLEST for slice_ in slices) and hashes
            if enough or share >= 1:
                break
            share = min(1.0, 64 * share)
        for slice_, some in hashes.items():
            state = self._state(slice_, name, kind)
            if many is None or slice_ in many:
                state.family = "md5" if "_value" in parts else own
                state.hashes = {key: some[key] for key in smallest(some)}

    def _comoments(self, source: Source) -> None:
        numbers = [name for name, (_, kind) in source.columns.items() if kind.is_numeric() and not kind.is_boolean()]
        if len(numbers) <= CORRELATED:
            pairs = [(x, y) for i, x in enumerate(numbers) for y in numbers[i + 1 :]]
        else:
            pairs = [(x, self.label) for x in numbers if self.label in numbers and x != self.label]
        full = {
            name
            for name in numbers
            if all(name in each and each[name].moments.n == each[name].counts["rows"] for each in self.states.values())
        }
        terms = {name: f"c{i}" for i, name in enumerate(numbers)}
        inner = ", ".join(
            f"{self._parts(source.columns[name][1], source.columns[name][0], name)['_term']} AS {alias}"
            for name, alias in terms.items()
        )
        side = "" if self.by is None else f"{self._slice()} AS s, "
        for start in range(0, len(pairs), EXPRESSIONS // 6):
            some = pairs[start : start + EXPRESSIONS // 6]
            asked: dict[str, int] = {}
            for a, b in some:
                for text in self._products(terms[a], terms[b], a in full, b in full):
                    asked.setdefault(text, len(asked))
            rows = self._ask(
                f"SELECT {'NULL' if self.by is None else 's'}, {', '.join(asked)} "
                f"FROM (SELECT {side}{inner} FROM {source.rows}) AS p{self._group()}"
            )
            for slice_, *values in rows:
                where = self._where(slice_)
                for a, b in some:
                    texts = self._products(terms[a], terms[b], a in full, b in full)
                    n, *sums = (float(values[asked[text]] or 0) for text in texts)
                    shifts = (self._shifts.get(a, 0.0), self._shifts.get(b, 0.0))
                    self.pairs.setdefault(where, {})[a, b] = Comoments.of_sums(shifts, int(n), *sums)

    @staticmethod
    def _products(x: str, y: str, x_full: bool, y_full: bool) -> tuple[str, ...]:
        """Number and sums over the rows that have both; a column that has every row needs no condition."""
        if_y = "{}" if y_full else f"CASE WHEN {y} IS NOT NULL THEN {{}} END"
        if_x = "{}" if x_full else f"CASE WHEN {x} IS NOT NULL THEN {{}} END"
        several = [if_y.format(x), if_x.format(y), if_y.format(f"{x} * {x}"), if_x.format(f"{y} * {y}")]
        number = f"COUNT({y if x_full else x if y_full else f'{x} * {y}'})"
        return (number, *(f"SUM({each})" for each in several), f"SUM({x} * {y})")

    def _joint(self, source: Source, name: str) -> None:
        """Count rows by the cell of a column and that of the label."""
        if name == self.label:
            return
        assert self.label is not None
        x, y = self._cell(source, name), self._cell(source, self.label)
        if x is None or y is None:
            return
        sides = [f"{sql} AS {alias}{i}" for alias, cell in (("x", x), ("y", y)) for i, sql in enumerate(cell[0])]
        found = self._ask(
            f"SELECT {self._slice()}, {', '.join(sides)}, COUNT(*) FROM {source.rows} "
            f"WHERE ({x[1]}) AND ({y[1]}){self._group(*range(2, 2 + len(sides)))}"
        )
        width = len(x[0])
        for slice_, *values, count in found:
            state = self._state(slice_, name, source.columns[name][1])
            pair = tuple(
                plain_text(side[0]) if len(side) == 1 else json.dumps([int(part or 0) for part in side])
                for side in (values[:width], values[width:])
            )
            state.joint[pair[0], pair[1]] = int(count)

    def _cell(self, source: Source, name: str) -> tuple[list[str], str] | None:
        """SQL of what a value counts as, and of when it counts: itself if its values are few, else its bucket."""
        sql, kind = source.columns[name]
        parts = self._parts(kind, sql, name)
        most = CLASSES if name == self.label else VALUES
        states = [state[name] for state in self.states.values() if name in state]
        if "_value" in parts and all(not state.cut and len(state.values) <= most for state in states):
            return [parts["_value"]], f"{parts['_value']} IS NOT NULL"
        if "_key" in parts:
            return [parts["_sign"], parts["_octave" if name == self.label else "_key"]], parts["_finite"]
        return None


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
