"""Columns of two tables as counts of the same cells, from one group-by a table and some columns.

Numbers are rounded to 12 binary digits (a relative step of at most 0.05%) and keep their order; texts and truth values
are their own cells. Missing values, NaN and the two infinities have cells of their own. The cells depend on no row, so
counts of rows that are independent are multinomial, which is what the bounds of :mod:`assay.stats.twosample` need.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.data.connection import quote, session
from assay.data.facts import row_count
from assay.validation.profiling import NESTED, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis
    import pyarrow as pa
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

Scale = Literal["ordered", "unordered"]
Measure = Literal["number", "text", "length"]
MISSING, NAN = "missing", "NaN"
DIGITS = 12
# Texts of more different values are compared by their length: names and notes have no distribution of values.
MOST_TEXTS = 10_000
_SMALLEST_EXPONENT = -1000
# Columns of one query: planning it costs more than reading them, until there are this many values.
_COLUMNS, _VALUES = 100, 2_000_000


@dataclass(frozen=True)
class Cells:
    """Rows of two tables in the same cells.

    Attributes
    ----------
    measure : str
        What was counted: the column's name, or ``"length of NAME"``.
    scale : {"ordered", "unordered"}
        Ordered cells run from missing over -inf, numbers and +inf to NaN.
    keys : tuple
        Floats, texts, or the words ``"missing"`` and ``"NaN"`` for cells that are no value.
    special : ndarray of bool, shape (cells,)
        Which keys are such words.
    reference, current : ndarray of int64, shape (cells,)
    """

    measure: str
    scale: Scale
    keys: tuple[Any, ...]
    special: NDArray[np.bool_]
    reference: Counts
    current: Counts


def comparable(table: ibis.Table, column: str) -> str:
    """Say why a column cannot be compared, or nothing."""
    kind = kind_of(table.schema()[column])
    if kind in ("date", "timestamp", "time"):
        return "time moves on in every batch"
    return "its type has no order and no set of values" if kind in NESTED else ""


def cells(reference: ibis.Table, current: ibis.Table, columns: Sequence[str]) -> list[Cells]:
    """Count the cells of columns in both tables.

    Parameters
    ----------
    reference, current : ibis.Table
        Both with the columns, of kinds that :func:`comparable` allows and that are alike.
    columns : sequence of str

    Returns
    -------
    list of Cells
        In the order of `columns`.
    """
    tables = (reference, current)
    kinds = [{kind_of(t.schema()[column]) for t in tables} for column in columns]
    numbers = [c for c, kind in zip(columns, kinds, strict=True) if kind <= {"integer", "number"}]
    texts = {c: kind == {"string"} for c, kind in zip(columns, kinds, strict=True) if c not in numbers}
    rows = max(row_count(t) for t in tables) if columns else 0
    found = {c: _ordered(c, *sides) for c, sides in _counted(tables, numbers, rows, "number").items()}
    long = []
    for column, sides in _counted(tables, list(texts), rows, "text").items():
        if texts[column] and max(len(side.cells) for side in sides) > MOST_TEXTS:
            long.append(column)
        else:
            found[column] = _unordered(column, *sides)
    lengths = _counted(tables, long, rows, "length")
    found |= {column: _ordered(f"length of {column}", *sides) for column, sides in lengths.items()}
    return [found[column] for column in columns]


def rounded(value: ibis.Value) -> ibis.Value:
    """Round numbers towards minus infinity to 12 binary digits; 0 and infinities stay."""
    import ibis

    number = value.cast("float64")
    size = number.abs()
    plain = (size > 0) & (size < math.inf)
    exponent = ibis.greatest(plain.ifelse(size, 1.0).log2().floor(), _SMALLEST_EXPONENT)
    step = ibis.literal(2.0) ** (exponent - (DIGITS - 1))
    return plain.ifelse((plain.ifelse(number, 1.0) / step).floor() * step, number)


def rounded_sql(value: str) -> str:
    """Write :func:`rounded` of a DOUBLE in DuckDB's SQL, which costs far less than an expression for each of many columns."""
    step = f"pow(2.0, greatest(floor(log2(abs({value}))), {_SMALLEST_EXPONENT}) - {DIGITS - 1})"
    return (
        f"CASE WHEN abs({value}) > 0 AND abs({value}) < 'inf'::DOUBLE THEN floor({value} / {step}) * {step} "
        f"ELSE {value} END"
    )


@dataclass(frozen=True)
class _Side:
    """Rows by cell of a column in one table: ``None`` is a missing value, or NaN where ``nan``."""

    cells: pa.Array
    nan: NDArray[np.bool_]
    rows: Counts

    @property
    def missing(self) -> NDArray[np.bool_]:
        absent: NDArray[np.bool_] = self.cells.is_null().to_numpy(zero_copy_only=False)
        return absent & ~self.nan


def _counted(
    tables: tuple[ibis.Table, ibis.Table], columns: Sequence[str], rows: int, measure: Measure
) -> dict[str, list[_Side]]:
    chunk = min(max(_VALUES // max(rows, 1), 1), _COLUMNS)
    found: dict[str, list[_Side]] = {}
    for start in range(0, len(columns), chunk):
        part = columns[start : start + chunk]
        sides = [_counter(table)(table, part, measure) for table in tables]
        found |= {column: [side[i] for side in sides] for i, column in enumerate(part)}
    return found


def _counter(table: ibis.Table) -> Callable[[ibis.Table, Sequence[str], Measure], list[_Side]]:
    return _count_here if table.get_backend() is session().backend else _count


def _count(table: ibis.Table, columns: Sequence[str], measure: Measure) -> list[_Side]:
    """Count the rows of each column by cell, in one query where the engine can turn columns into rows."""
    import ibis
    from ibis import selectors

    kind = "string" if measure == "text" else "float64"
    values = {
        f"{i}": (table[name].length() if measure == "length" else table[name]).cast(kind)
        for i, name in enumerate(columns)
    }
    if len(values) == 1:
        [value] = values.values()
        long = table.select(value=value).mutate(column=ibis.literal(0))
    elif table.get_backend().name == "postgres" or not table.get_backend().has_operation(ibis.expr.operations.Unnest):
        # To PostgreSQL Ibis writes rows as JSON, whose null is no number.
        return [_count(table, [name], measure)[0] for name in columns]
    else:
        wide = table.select(**values)
        long = wide.pivot_longer(selectors.all(), names_to="column", names_transform=int, values_to="value")
    nan, cell = long.value.isnull() & False, long.value
    if measure == "number":
        # NaN is counted apart: engines do not agree on what it equals.
        nan = long.value.isnan().fill_null(False)
        cell = nan.ifelse(None, rounded(long.value))
    narrow = long.select("column", cell=cell, nan=nan)
    counted = narrow.group_by("column", "cell", "nan").aggregate(rows=narrow.count()).to_pyarrow()
    return _sides(counted, len(columns))


def _count_here(table: ibis.Table, columns: Sequence[str], measure: Measure) -> list[_Side]:
    """Count as :func:`_count` does, by DuckDB's SQL."""
    import pyarrow as pa

    here = session()
    kind = "VARCHAR" if measure == "text" else "DOUBLE"
    values = ", ".join(
        f"CAST({f'length({quote(name)})' if measure == 'length' else quote(name)} AS {kind})" for name in columns
    )
    cell, nan = "value", "FALSE"
    if measure == "number":
        nan = "coalesce(isnan(value), FALSE)"
        cell = f"CASE WHEN isnan(value) THEN NULL ELSE {rounded_sql('value')} END"
    counted = here.backend.con.sql(
        f'SELECT "column", {cell} AS cell, {nan} AS nan, count(*) AS rows FROM (SELECT unnest(range({len(columns)})) AS '
        f'"column", unnest([{values}]) AS value FROM ({here.backend.compile(table)})) GROUP BY ALL'
    ).to_arrow_table()
    cells = pa.string() if measure == "text" else pa.float64()
    schema = pa.schema([("column", pa.int64()), ("cell", cells), ("nan", pa.bool_()), ("rows", pa.int64())])
    return _sides(counted.cast(schema), len(columns))


def _sides(counted: pa.Table, columns: int) -> list[_Side]:
    counted = counted.combine_chunks().sort_by("column")
    ends = np.searchsorted(counted["column"].to_numpy(), np.arange(columns + 1))
    sides = []
    for low, high in itertools.pairwise(ends.tolist()):
        part = counted.slice(low, high - low)
        flags = part["nan"].to_numpy(zero_copy_only=False).astype(bool)
        sides.append(_Side(part["cell"].combine_chunks(), flags, part["rows"].to_numpy().astype(np.int64)))
    return sides


def _ordered(measure: str, before: _Side, after: _Side) -> Cells:
    plain = [~(side.missing | side.nan) for side in (before, after)]
    # The sum turns the negative zero into the other.
    numbers = [side.cells.drop_null().to_numpy() + 0.0 for side in (before, after)]
    values, place = np.unique(np.concatenate(numbers), return_inverse=True)
    places = np.split(place, [numbers[0].size])
    counts = [
        np.bincount(where, side.rows[keep], minlength=values.size).astype(np.int64)
        for where, side, keep in zip(places, (before, after), plain, strict=True)
    ]
    return _with_words(measure, "ordered", values.tolist(), counts, (before, after))


def _unordered(measure: str, before: _Side, after: _Side) -> Cells:
    sides = [
        {key: rows for key, rows in zip(side.cells.to_pylist(), side.rows.tolist(), strict=True) if key is not None}
        for side in (before, after)
    ]
    values = sorted({*sides[0], *sides[1]})
    counts = [np.array([side.get(key, 0) for key in values], dtype=np.int64) for side in sides]
    return _with_words(measure, "unordered", values, counts, (before, after))


def _with_words(
    measure: str, scale: Scale, values: list[Any], counts: list[Counts], sides: tuple[_Side, _Side]
) -> Cells:
    """Put missing values before the others and NaN behind them, where there are any."""
    missing = [int(side.rows[side.missing].sum()) for side in sides]
    nan = [int(side.rows[side.nan].sum()) for side in sides]
    first, last = any(missing), any(nan)
    before, after = (
        np.concatenate([[absent] * first, count, [none] * last]).astype(np.int64)
        for absent, count, none in zip(missing, counts, nan, strict=True)
    )
    special = np.zeros(before.size, dtype=bool)
    special[: int(first)] = True
    special[before.size - int(last) :] = True
    return Cells(measure, scale, (*[MISSING] * first, *values, *[NAN] * last), special, before, after)
