"""Ask an engine for the state of each column: few statements, or on DuckDB arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from assay.validation import profile_arrays
from assay.validation.profile_measures import fill, from_values
from assay.validation.profile_pairs import CORRELATED, comoments, correlated, joint, numeric
from assay.validation.profile_query import Query, Slices, Source, plain_text
from assay.validation.profile_state import VALUES
from assay.validation.profiling import QUANTILES
from assay.validation.sketch import HEX, SMALLEST, SPAN, smallest, text_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import ibis
    import ibis.expr.datatypes as dt

EXPRESSIONS = 500
"""Of one statement; a wider one takes longer to plan than its columns take to read."""
PROBE = 10_000
"""Rows whose mean is the shift of the power sums."""
NATIVE = 2**12
"""Of 64 bits, the ones that are dropped to leave 52."""
WIDE = 50
"""Columns from which on a table is copied to narrower ones, if a copy of that width has at most CELLS values."""
CELLS = 10_000_000
LEAST = 10
APART = ("mean", "quantiles")
"""Aggregates that are asked for by themselves."""


class Scan:
    """One pass over a table and, where it is told, over the elements of its lists.

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
        self.query = Query(table.get_backend(), by, weight)
        self.slices = Slices(by)
        self.label = label
        self.step = step
        self.done, self.due = 0, 1
        self.sources = list(self.query.sources(table, columns))
        self.plain = list(self.sources[0].columns) == list(columns) and len(self.sources) == 1

    def run(self) -> None:
        """Fill the states and pairs of :attr:`slices`."""
        self.due = sum(1 + 2 * len(source.columns) for source in self.sources)
        main = self.sources[0]
        pairs = correlated(main, self.label)
        for source in self.sources:
            rest = self._arrays(source)
            if source is main and all(pair in self.slices.pairs.get("", {}) for pair in pairs):
                pairs = []
            self._find_shifts(rest)
            self._aggregates(rest)
            for part in self._narrow(rest):
                for name, (sql, kind) in part.columns.items():
                    self._column(part, name, sql, kind)
                    self._tick()
        if pairs:
            self._find_shifts(main)
            comoments(self.query, self.slices, main, pairs)
        if self.label is not None:
            for name in main.columns:
                joint(self.query, self.slices, main, name, self.label)
                self._tick()

    def _tick(self) -> None:
        self.done += 1
        if self.step is not None:
            self.step(min(1.0, self.done / self.due))

    def _arrays(self, source: Source) -> Source:
        """Fill the states of numeric columns from arrays where that is how it is done; gives what is left."""
        backend = self.query.backend
        if backend.name != "duckdb" or self.query.by is not None or self.query.weight is not None:
            return source
        [(rows,)] = self.query.ask(f"SELECT COUNT(*) FROM {source.rows}")
        waiting = {name: pair for name, pair in source.columns.items() if profile_arrays.fits(pair[1], rows)}
        if not (rows and waiting and profile_arrays.hashes_alike(backend)):
            return source
        # Columns keep the order of the table.
        states = {name: self.slices.of(None, name, kind) for name, (_, kind) in source.columns.items()}
        together = numeric(source)
        pairs = source is self.sources[0] and 1 < len(together) <= CORRELATED
        for some in profile_arrays.portions(waiting, rows, together=pairs):
            loaded = profile_arrays.load(backend, source.rows, some, rows)
            if pairs and list(loaded) == together:
                self.slices.pairs[""] = profile_arrays.comoments(loaded)
            # Whole numbers take the most room, so what is of doubles makes way for them.
            for name in sorted(some, key=lambda name: not loaded[name].floating):
                profile_arrays.fill(states[name], loaded.pop(name), backend)
                self._tick()
        return Source(source.rows, {name: pair for name, pair in source.columns.items() if name not in waiting})

    def _narrow(self, source: Source) -> Iterable[Source]:
        """Copy a wide table some columns at a time: DuckDB resolves all its columns anew for each statement."""
        names = list(source.columns)
        rows = sum(next(iter(state.values())).counts["rows"] for state in self.slices.states.values())
        size = CELLS // max(rows, 1)
        if not self.plain or self.query.backend.name != "duckdb" or len(names) <= WIDE or size < LEAST:
            yield source
            return
        name = exp.to_identifier("assay_narrow", quoted=True).sql(self.query.dialect)
        sides = [self.query.column(side) for side in (self.query.by, self.query.weight) if side is not None]
        for start in range(0, len(names), min(size, WIDE)):
            part = {name: source.columns[name] for name in names[start : start + min(size, WIDE)]}
            taken = dict.fromkeys([*(sql for sql, _ in part.values()), *sides])
            self.query.backend.raw_sql(f"CREATE TEMP TABLE {name} AS SELECT {', '.join(taken)} FROM {source.rows}")
            try:
                yield Source(f"{name} AS {self.query.t0}", part)
            finally:
                self.query.backend.raw_sql(f"DROP TABLE {name}")

    def _find_shifts(self, source: Source) -> None:
        """A number near the middle of each column, so that sums of powers keep their digits."""
        numbers = [(name, *pair) for name, pair in source.columns.items() if pair[1].is_numeric()]
        for start in range(0, len(numbers), EXPRESSIONS):
            some = numbers[start : start + EXPRESSIONS]
            wanted = ", ".join(self.query.parts(kind, sql)["mean"] for _, sql, kind in some)
            head = source.rows.rpartition(" AS ")[0]
            near = f"(SELECT * FROM {head} AS {self.query.t0} LIMIT {PROBE}) AS {self.query.t0}"
            found = self.query.ask(f"SELECT {wanted} FROM {near}")[0]
            late = [each for each, mean in zip(some, found, strict=True) if mean is None]
            self.query.shifts |= {
                name: float(mean) for (name, _, _), mean in zip(some, found, strict=True) if mean is not None
            }
            if late:
                wanted = ", ".join(self.query.parts(kind, sql)["mean"] for _, sql, kind in late)
                again = self.query.ask(f"SELECT {wanted} FROM {source.rows}")[0]
                self.query.shifts |= {name: float(mean or 0.0) for (name, _, _), mean in zip(late, again, strict=True)}

    def _aggregates(self, source: Source) -> None:
        """Counts, extremes and sums of all columns, many in a statement."""
        batch: list[tuple[str, dt.DataType, dict[str, str]]] = []
        weight = "" if self.query.weight is None else f", SUM({self.query.column(self.query.weight)})"

        def flush() -> None:
            if not batch:
                return
            wanted = [text for _, _, parts in batch for text in parts.values()]
            found = self.query.ask(
                f"SELECT {self.query.slice()}, COUNT(*){weight or ', NULL'}{''.join(f', {text}' for text in wanted)} "
                f"FROM {source.rows}{self.query.group()}"
            )
            for slice_, rows, weights, *values in found:
                place = 0
                for name, kind, parts in batch:
                    mine = dict(zip(parts, values[place : place + len(parts)], strict=True))
                    place += len(parts)
                    state = self.slices.of(slice_, name, kind)
                    state.counts["rows"] = int(rows)
                    if self.query.weight is not None:
                        state.counts["weight"] = weights
                    fill(state, mine, self.query.shifts.get(name, 0.0))
            batch.clear()

        for name, (sql, kind) in source.columns.items():
            parts = {k: v for k, v in self.query.parts(kind, sql, name).items() if k[0] != "_" and k not in APART}
            if sum(len(each[2]) for each in batch) + len(parts) > EXPRESSIONS:
                flush()
            batch.append((name, kind, parts))
        flush()
        self._tick()

    def _column(self, source: Source, name: str, sql: str, kind: dt.DataType) -> None:
        """What needs a statement of its own: buckets, values and hashes."""
        parts = self.query.parts(kind, sql, name)
        if "_value" in parts:
            self._values(source, name, kind, parts)
        elif "_hash" in parts:
            self._hashes(source, name, kind, parts, None)
        if "_key" in parts:
            states = [each[name] for each in self.slices.states.values() if name in each]
            if "_value" in parts and not any(state.cut for state in states):
                for state in states:
                    from_values(state)
            else:
                self._buckets(source, name, kind, parts)
        self._tick()

    def _buckets(self, source: Source, name: str, kind: dt.DataType, parts: Mapping[str, str]) -> None:
        found = self.query.ask(
            f"SELECT {self.query.slice()}, {parts['_sign']}, {parts['_key']}, COUNT(*), {self.query.weighed()} "
            f"FROM {source.rows} WHERE {parts['_finite']}{self.query.group(2, 3)}"
        )
        for slice_, sign, key, count, weight in found:
            state = self.slices.of(slice_, name, kind)
            bucket = (int(sign), 0 if key is None else int(key))
            state.buckets[bucket] = int(count)
            if self.query.weight is not None:
                state.bucket_weights[bucket] = float(weight)
        if "quantiles" in parts and found:
            # Elsewhere exact quantiles sort the whole column in one task.
            for slice_, values in self.query.ask(
                f"SELECT {self.query.slice()}, {parts['quantiles']} FROM {source.rows}{self.query.group()}"
            ):
                pairs = zip(QUANTILES, values or (), strict=False)
                self.slices.of(slice_, name, kind).quantiles = {q: float(v) for q, v in pairs if v is not None}

    def _values(self, source: Source, name: str, kind: dt.DataType, parts: Mapping[str, str]) -> None:
        if self.query.backend.name == "duckdb" and self.query.by is None and self.query.weight is None:
            self._at_once(source, name, kind, parts)
            return
        text = exp.cast(exp.column("v", quoted=True), "text").sql(self.query.dialect)
        v, s, k = (exp.to_identifier(word, quoted=True).sql(self.query.dialect) for word in "vsk")
        counted = (
            f"SELECT {self.query.slice()} AS {s}, {parts['_value']} AS {v}, COUNT(*) AS {k}, {self.query.weighed()} AS w "
            f"FROM {source.rows} WHERE {parts['_value']} IS NOT NULL{self.query.group(2)}"
        )
        if self.query.by is None:
            # Spark brings all groups to one task to count them.
            groups = "NULL" if self.query.backend.name == "pyspark" else "COUNT(*) OVER ()"
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
        for slice_, value, count, weight, distinct in self.query.ask(sql):
            state = self.slices.of(slice_, name, kind)
            state.family = "md5"
            if len(state.values) == VALUES:
                state.cut, many[slice_] = int(count), int(distinct or state.counts["present"])
                continue
            key = plain_text(value)
            state.values[key] = int(count)
            if self.query.weight is not None:
                state.value_weights[key] = float(weight)
        if many:
            self._hashes(source, name, kind, parts, many)

    def _at_once(self, source: Source, name: str, kind: dt.DataType, parts: Mapping[str, str]) -> None:
        """The most frequent values and the smallest hashes in one pass over the different values, none of them sorted."""
        text = exp.cast(exp.column("v", quoted=True), "text").sql(self.query.dialect)
        sketched = f"ARG_MIN({text}, MD5({text}), {SMALLEST})" if "_hash" in parts else "NULL"
        [(first, smallest_)] = self.query.ask(
            f"SELECT MIN({{'k': -k, 'v': {text}}}, {VALUES + 1}), {sketched} FROM "
            f'(SELECT {parts["_value"]} AS "v", COUNT(*) AS k FROM {source.rows} '
            f"WHERE {parts['_value']} IS NOT NULL GROUP BY 1) AS g"
        )
        state = self.slices.of(None, name, kind)
        if first:
            state.family = "md5"
            state.values.update({each["v"]: -each["k"] for each in first[:VALUES]})
        if first and len(first) > VALUES:
            state.cut = -first[VALUES]["k"]
            pairs = {text_hash(value): value if kind.is_string() else "" for value in smallest_ or ()}
            state.hashes = {key: pairs[key] for key in smallest(pairs)}

    def _hashes(
        self, source: Source, name: str, kind: dt.DataType, parts: Mapping[str, str], many: dict[str | None, int] | None
    ) -> None:
        """The smallest hashes of each slice; `many` tells how many different values those of interest have.

        Only hashes below a threshold leave the engine: about twice as many as are kept.
        """
        mine = {key: state[name] for key, state in self.slices.states.items() if name in state}
        sizes = [state.counts["present"] for state in mine.values()] if many is None else list(many.values())
        share = max((2 * SMALLEST / size for size in sizes if size), default=1.0)
        native = kind.is_floating() and self.query.backend.name == "duckdb"
        own = (
            f"hash {self.query.backend.name} {self.query.backend.version}"
            if native
            else f"md5 {self.query.backend.name}"
        )
        text = "NULL" if not kind.is_string() else f"MIN({parts['_value']})"
        while True:
            limit = str(int(share * SPAN) * NATIVE) if native else f"'{int(share * SPAN):0{HEX}x}'"
            below = "" if share >= 1 else f" AND {parts['_hash']} < {limit}"
            found = self.query.ask(
                f"SELECT {self.query.slice()}, {parts['_hash']}, {text} FROM {source.rows} "
                f"WHERE {parts['_present']} IS NOT NULL{below}{self.query.group(2)}"
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
            state = self.slices.of(slice_, name, kind)
            if many is None or slice_ in many:
                state.family = "md5" if "_value" in parts else own
                state.hashes = {key: some[key] for key in smallest(some)}
