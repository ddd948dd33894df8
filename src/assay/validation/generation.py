"""Tables that a schema permits, built and not filtered."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from assay.errors import DataError
from assay.validation import limits
from assay.validation.choices import one_of
from assay.validation.domain import Domain, Point, absent
from assay.validation.domains import Record, Sequence, domain_of, is_inner
from assay.validation.ordered_domains import Whole

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.validation.choices import Choices
    from assay.validation.column import Column
    from assay.validation.relations import Relation
    from assay.validation.schema import Schema

Data = dict[str, list[Any]]
Row = dict[str, Any]
_NAME = r'(?:"(?P<{0}q>[^"]+)"|(?P<{0}>[A-Za-z_]\w*))'
_ORDER = re.compile(rf"\s*{_NAME.format('a')}\s*(?P<op><=|>=|<|>)\s*{_NAME.format('b')}\s*")
_BOUND = re.compile(rf"\s*{_NAME.format('a')}\s*(?P<op><=|>=|<|>)\s*(?P<number>-?\d+(?:\.\d+)?)\s*")
FAR = 10**6
FEWEST, MOST = 1, 20


class Order(NamedTuple):
    """``low <= high``, or ``low < high`` where ``strict``."""

    low: str
    high: str
    strict: bool

    def holds(self, row: Row) -> bool:
        """Tell whether a row obeys; one where a value is missing does."""
        a, b = row[self.low], row[self.high]
        return absent(a) or absent(b) or (a < b if self.strict else a <= b)


class Generator:
    """Builds tables of a schema from choices.

    Attributes
    ----------
    domains : dict of str to Domain
        Values of each column that is expected in the environment, in the schema's order.
    notes : list of str
        What of the schema the tables do not obey by construction, and what is done about it.

    Raises
    ------
    DataError
        If no table can be built: names the key of the schema.
    """

    def __init__(self, schema: Schema, environment: str | None = None, rows: int = MOST) -> None:
        if environment is not None and environment not in schema.environments:
            known = ", ".join(schema.environments) or "none"
            raise DataError(f"the schema declares no environment {environment!r}; it has {known}")
        if rows < 1:
            raise ValueError(f"rows is {rows}: a table has at least one")
        self.schema, self.rows = schema, rows
        self.notes: list[str] = []
        here = {name: column for name, column in schema.columns.items() if column.expected(environment)}
        here = self._bounded(here)
        self.domains = {name: domain_of(name, here) for name in here if not is_inner(name, here)}
        if not self.domains:
            raise DataError("the schema describes no column that is expected here, so that no table can be built")
        self.orders: list[Order] = []
        self.sums: list[Relation] = []
        self.dependencies: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        self.keys: list[tuple[str, ...]] = [
            (name,)
            for name, domain in self.domains.items()
            if domain.column.unique or (domain.column.duplicates is not None and domain.column.duplicates.never)
        ]
        self.present: set[str] = set()
        self.foreign: list[tuple[tuple[str, ...], list[tuple[Any, ...]]]] = []
        self.predicates: list[str] = []
        for relation in schema.relations:
            self._relation(relation)
        self._say_what_is_left()
        self._engine: Any = None

    def _bounded(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """Put ``amount >= 0`` into the column's own range."""
        found = dict(columns)
        for relation in self.schema.relations:
            match = _BOUND.fullmatch(relation.sql or "")
            if match is None or relation.at_most > 0 or relation.where is not None:
                continue
            name, number = match["aq"] or match["a"], float(match["number"])
            column = found.get(name)
            if column is None or column.type not in ("integer", "number") or column.categories is not None:
                continue
            if column.range is not None and not column.range.never:
                continue
            low, high = (column.range.min, column.range.max) if column.range is not None else (None, None)
            strict = match["op"] in ("<", ">")
            if column.type == "integer":
                below, above = (
                    -(-number // 1) - 1 if strict else number // 1,
                    number // 1 + 1 if strict else -(-number // 1),
                )
            else:
                below = math.nextafter(number, -math.inf) if strict else number
                above = math.nextafter(number, math.inf) if strict else number
            if match["op"][0] == "<":
                high = below if high is None else min(float(high), below)
            else:
                low = above if low is None else max(float(low), above)
            found[name] = msgspec.structs.replace(column, range=limits.Range(min=low, max=high))
        return found

    def _relation(self, relation: Relation) -> None:
        named = {
            *relation.sum,
            *relation.key,
            *relation.foreign_key,
            *(n for side in relation.determines for n in side),
        }
        named |= {relation.equals} if isinstance(relation.equals, str) else set()
        gone = sorted(name for name in named if name not in self.domains)
        title = relation.name or relation.sql or "a relation"
        if gone:
            self.notes.append(f"{title} speaks of {', '.join(gone)}, not expected here: left out")
            return
        if relation.at_most > 0:
            self.notes.append(f"{title}: some rows may break it, so that tables do not obey it")
            return
        if relation.where is not None and relation.sql is None:
            self.notes.append(f"{title}: obeyed by all rows, not only where {relation.where}")
        if relation.sum:
            self.sums.append(relation)
        elif relation.key:
            self.keys.append(relation.key)
            self.present |= set(relation.key)
        elif relation.determines:
            self.dependencies.append((relation.determines[0], relation.determines[1]))
        elif relation.foreign_key:
            self.foreign.append((relation.foreign_key, self._referenced(relation)))
        elif relation.sql:
            self._predicate(relation)

    def _predicate(self, relation: Relation) -> None:
        assert relation.sql is not None
        match = _ORDER.fullmatch(relation.sql)
        if match is not None and relation.where is None:
            a, b = match["aq"] or match["a"], match["bq"] or match["b"]
            if a in self.domains and b in self.domains:
                a, b = (a, b) if match["op"][0] == "<" else (b, a)
                self.orders.append(Order(a, b, match["op"] in ("<", ">")))
                return
        bound = _BOUND.fullmatch(relation.sql)
        if bound is not None and relation.where is None and (bound["aq"] or bound["a"]) in self.domains:
            name = bound["aq"] or bound["a"]
            limit = self.domains[name].column.range
            if self.domains[name].column.type in ("integer", "number") and limit is not None and limit.never:
                return
        where = f"NOT coalesce(({relation.where}), false) OR " if relation.where else ""
        self.predicates.append(f"{where}coalesce(({relation.sql}), true)")
        self.notes.append(f"{relation.name or relation.sql}: cannot be built in; rows that break it are left out")

    def _referenced(self, relation: Relation) -> list[tuple[Any, ...]]:
        from assay.data.sources import table as open_table

        assert relation.references is not None
        source, _, columns = relation.references.rpartition(":")
        names = [name.strip() for name in columns.split(",")]
        if not source or len(names) != len(relation.foreign_key):
            raise DataError(f'foreign key: references = "{relation.references}" should be "customers.csv:id"')
        found = open_table(source)
        for name in names:
            if name not in found.columns:
                raise DataError(f"foreign key: {source} has no column {name!r}")
        held = found.select(*names).distinct().order_by(names).limit(1000).to_pyarrow().to_pylist()
        pool = [tuple(row[name] for name in names) for row in held]
        mine = [self.domains[name] for name in relation.foreign_key]
        pool = [row for row in pool if all(d.permits(value) for d, value in zip(mine, row, strict=True))]
        if not pool:
            raise DataError(f"foreign key: no value of {relation.references} is legal here")
        return pool

    def _say_what_is_left(self) -> None:
        rows = self.schema.rows
        if rows is not None and rows.min is not None and rows.min > self.rows:
            self.notes.append(f"tables are parts: they have up to {self.rows} rows, not the {rows.min:,} of [rows] min")
        for name, domain in self.domains.items():
            if domain.column.distinct is not None:
                self.notes.append(f"[columns.{name}] distinct: tables do not obey it")
        if self.schema.metrics:
            self.notes.append("[[metrics]]: tables do not obey them")

    @property
    def fewest(self) -> int:
        """Rows that a table has at least."""
        rows = self.schema.rows
        least = rows.min if rows is not None and rows.min is not None else 0
        return min(max(least, 0), self.rows)

    def distribution(self) -> str:
        """Say in one sentence how the tables of the independent trials are drawn."""
        return (
            f"tables of {max(self.fewest, FEWEST)} to {self.rows} rows, each size as likely; each column, by itself, is "
            "typical (5 of 10), half typical and half named boundary or rare values (4 of 10), or one named value "
            "throughout (1 of 10); then the relations are mended row by row"
        )

    def table(self, choices: Choices, least: int | None = None) -> Data:
        """Build a table."""
        low = max(self.fewest, FEWEST) if least is None else least
        size = choices.integer(low, self.rows)
        data: Data = {}
        for name, domain in self.domains.items():
            way = choices.integer(0, 9)
            if way == 9 and domain.points:
                data[name] = [one_of(choices, domain.points).value] * size
            else:
                data[name] = [domain.draw(choices, way >= 5) for _ in range(size)]
        return self.mend(data, choices)

    def plain(self, size: int = 1) -> Data:
        """Build the table that a reader has the least to think about."""
        return {name: [domain.simplest()] * size for name, domain in self.domains.items()}

    def mend(self, data: Data, choices: Choices) -> Data:
        """Make a table of legal values obey the relations; a row that cannot be made to is left out."""
        rows = list(self._rows(data))
        for row in rows:
            for names, pool in self.foreign:
                row.update(zip(names, one_of(choices, pool), strict=True))
            # What mends one relation can break another; twice settles a chain, and the rest is left out below.
            for _ in range(2):
                for relation in self.sums:
                    self._sum(row, relation)
                for order in self.orders:
                    self._order(row, order)
        for left, right in self.dependencies:
            known: dict[tuple[str, ...], list[Any]] = {}
            for row in rows:
                values = known.setdefault(_key(row, left), [row[name] for name in right])
                row.update(zip(right, values, strict=True))
        for names in self.keys:
            rows = self._distinct(rows, names)
        data = {name: [row[name] for row in rows] for name in self.domains}
        kept = set(range(len(rows))) - self.broken(data)
        return {name: [value for i, value in enumerate(values) if i in kept] for name, values in data.items()}

    def _rows(self, data: Data) -> Iterator[Row]:
        for values in zip(*data.values(), strict=True):
            yield dict(zip(data, values, strict=True))

    def _order(self, row: Row, order: Order) -> None:
        if order.holds(row):
            return
        one, two = self.domains[order.low], self.domains[order.high]
        a, b = row[order.low], row[order.high]
        ways = [(b, a), (b, b), (a, a), (one.step(b, False), b), (a, two.step(a)), (one.low, two.high)]
        for x, y in ways:
            if x is None or y is None:
                continue
            fits = one.permits(x) and two.permits(y)
            if fits and order.holds({order.low: x, order.high: y}):
                row[order.low], row[order.high] = x, y
                return

    def _sum(self, row: Row, relation: Relation) -> None:
        target = relation.equals
        if any(absent(row[name]) for name in relation.sum):
            return
        if isinstance(target, str):
            total = self._number(target, sum(row[name] for name in relation.sum))
            if absent(row[target]) or self.domains[target].permits(total):
                row[target] = row[target] if absent(row[target]) else total
                return
            goal = self.domains[target]
            low, high = self._ends(goal)
        else:
            assert target is not None
            low = high = float(target)
        ends = [self._ends(self.domains[name]) for name in relation.sum]
        left = min(
            max(sum(row[name] for name in relation.sum), low, sum(e[0] for e in ends)), high, sum(e[1] for e in ends)
        )
        for i, name in enumerate(relation.sum):
            after = ends[i + 1 :]
            least, most = left - sum(e[1] for e in after), left - sum(e[0] for e in after)
            value = min(max(row[name], ends[i][0], least), ends[i][1], most)
            row[name] = self._number(name, value)
            left -= row[name]
        if isinstance(target, str):
            row[target] = self._number(target, sum(row[name] for name in relation.sum))

    def _ends(self, domain: Domain) -> tuple[float, float]:
        return -FAR if domain.low is None else domain.low, FAR if domain.high is None else domain.high

    def _number(self, name: str, value: float) -> float | int:
        domain = self.domains[name]
        return int(value) if isinstance(domain, Whole) and value == value // 1 else value

    def _distinct(self, rows: list[Row], names: tuple[str, ...]) -> list[Row]:
        seen: set[tuple[str, ...]] = set()
        found = []
        for row in rows:
            for name in self.present & set(names):
                if absent(row[name]):
                    row[name] = self.domains[name].simplest()
            missing = any(absent(row[name]) for name in names)
            for _ in range(len(rows) + 1):
                if missing or _key(row, names) not in seen:
                    break
                following = self.domains[names[-1]].step(row[names[-1]])
                if following is None or not self.domains[names[-1]].permits(following):
                    break
                row[names[-1]] = following
            if missing or _key(row, names) not in seen:
                seen.add(_key(row, names))
                found.append(row)
        return found

    def broken(self, data: Data) -> set[int]:
        """Numbers of the rows that are not legal: of a duplicate the later one, as of a dependency."""
        found = {
            i
            for name, domain in self.domains.items()
            for i, value in enumerate(data[name])
            if not domain.permits(value)
        }
        known: list[dict[tuple[str, ...], Any]] = [{} for _ in range(len(self.keys) + len(self.dependencies))]
        for i, row in enumerate(self._rows(data)):
            if i in found:
                continue
            wrong = not all(order.holds(row) for order in self.orders)
            wrong |= not all(_adds_up(row, relation) for relation in self.sums)
            wrong |= any(absent(row[name]) for name in self.present)
            wrong |= any(tuple(row[name] for name in names) not in pool for names, pool in self.foreign)
            for place, names in enumerate(self.keys):
                if not any(absent(row[name]) for name in names):
                    wrong |= known[place].setdefault(_key(row, names), i) != i
            for place, (left, right) in enumerate(self.dependencies, len(self.keys)):
                wrong |= known[place].setdefault(_key(row, left), _key(row, right)) != _key(row, right)
            if wrong:
                found.add(i)
        if self.predicates and len(found) < len(next(iter(data.values()))):
            found |= self._asked(data)
        return found

    def _asked(self, data: Data) -> set[int]:
        import duckdb
        import pyarrow as pa

        if self._engine is None:
            self._engine = duckdb.connect()
        table = self.to_arrow(data)
        table = table.append_column("row number", pa.array(range(table.num_rows), pa.int64()))
        self._engine.register("fuzzed", table)
        rule = " AND ".join(f"({predicate})" for predicate in self.predicates)
        try:
            wrong = self._engine.execute(f'SELECT "row number" FROM fuzzed WHERE NOT ({rule})').fetchall()
        except duckdb.Error as problem:
            raise DataError(f"a relation of the schema cannot be asked: {str(problem).splitlines()[0]}") from problem
        return {int(number) for (number,) in wrong}

    def legal(self, data: Data) -> bool:
        """Tell whether the schema permits a table, as far as :attr:`notes` do not say otherwise."""
        return (
            list(data) == list(self.domains) and len(next(iter(data.values()))) >= self.fewest and not self.broken(data)
        )

    def to_arrow(self, data: Data) -> pa.Table:
        """Give the table as pyarrow, with the types of the schema."""
        import pyarrow as pa

        return pa.table({name: pa.array(data[name], arrow_type(domain)) for name, domain in self.domains.items()})

    def point_of(self, name: str, value: Any) -> Point | None:
        """Name a value of a column, if it has a name."""
        return next((p for p in self.domains[name].points if repr(p.value) == repr(value)), None)


def arrow_type(domain: Domain) -> pa.DataType:
    """Arrow's type of a column."""
    import pyarrow as pa

    if isinstance(domain, Sequence):
        return pa.list_(arrow_type(domain.element))
    if isinstance(domain, Record):
        return pa.struct([(key, arrow_type(inner)) for key, inner in domain.fields.items()])
    kinds: dict[str, Callable[[], pa.DataType]] = {
        "boolean": pa.bool_,
        "date": pa.date32,
        "integer": pa.int64,
        "number": pa.float64,
        "string": pa.string,
        "time": lambda: pa.time64("us"),
        "timestamp": lambda: pa.timestamp("us"),
    }
    return kinds[domain.column.type]()


def _key(row: Row, names: tuple[str, ...]) -> tuple[str, ...]:
    # 1 and True are equal, and NaN is not equal to itself; 0.0 and -0.0 are one value to an engine.
    return tuple(repr(row[name] + 0.0 if isinstance(row[name], float) else row[name]) for name in names)


def _adds_up(row: Row, relation: Relation) -> bool:
    parts = [row[name] for name in relation.sum]
    total = row[relation.equals] if isinstance(relation.equals, str) else relation.equals
    return absent(total) or any(map(absent, parts)) or abs(sum(parts) - total) <= relation.within
