"""Do the rows that moved cluster by day or by something that looks like an id?"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.data.connection import literal, quote
from assay.data.facts import row_count
from assay.stats import clustering
from assay.validation.cells import MISSING, NAN, rounded, rounded_sql
from assay.validation.clusters import candidates
from assay.validation.profile_measures import md5

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis
    import ibis.expr.datatypes as dt
    from numpy.typing import NDArray

    from assay.validation.cells import Cells
    from assay.validation.witness import Witness

LEVEL = 0.01
# Values that are permuted in each test, over all columns; beyond that tables are thinned by whole units, as long as so
# many are left, and by rows then.
_VALUES = 800_000
_MOST_ROWS, _LEAST_ROWS = 20_000, 2_000
_FEWEST_UNITS = 200
_HEX = 16**6


@dataclass(frozen=True)
class Found:
    """Rows of one value of ``unit`` resemble each other."""

    unit: str
    where: str
    p_value: float

    def __str__(self) -> str:
        return f"rows of {self.where} cluster by {self.unit} (p = {self.p_value:.2g})"


def found(
    before: ibis.Table, after: ibis.Table, decided: Sequence[tuple[str, Witness, Cells]]
) -> tuple[dict[str, Found], tuple[tuple[str, float], ...]]:
    """Test the rows under each decision for clustering in each table.

    Guarantee (exact): P(anything is found) <= 1% if the rows of each table are exchangeable: one test a table and
    candidate column, over all decided columns together (:func:`assay.stats.clustering.screen`), Bonferroni over these.

    Parameters
    ----------
    before, after : ibis.Table
    decided : sequence of (column, Witness, Cells)

    Returns
    -------
    found : dict of column to Found
        The one with the smallest p-value.
    looked : tuple of (str, float)
        By what rows were grouped, but for columns that group none; and the design effect of all rows at the correlation
        that is found, on the rows that are looked at, with probability 0.8 where it is hardest to see (an estimate).
    """
    columns = _shared(before, after)
    worst: dict[str, Found] = {}
    looked: list[tuple[str, float]] = []
    if not columns or not decided:
        return worst, ()
    level = LEVEL / (2 * len(columns))
    for table, where in ((before, "the reference"), (after, "the current table")):
        rows = row_count(table)
        for name, by_day in columns:
            units, values = _rows(table, rows, name, by_day, decided)
            if units.size < 10:
                looked.append((_words(name, by_day), math.inf))
                continue
            p_values, correlation = clustering.screen(values, units, level=level, permutations=int(2 / level))
            if (rows_of_a_unit := _typical(table, name, by_day)) > 1:
                looked.append((_words(name, by_day), 1 + (rows_of_a_unit - 1) * correlation))
            for (column, _, _), p in zip(decided, p_values, strict=True):
                # That a column clusters by itself says nothing.
                if p <= level and column != name and (column not in worst or p < worst[column].p_value):
                    worst[column] = Found(_words(name, by_day), where, float(p))
    return worst, tuple(looked)


def _shared(before: ibis.Table, after: ibis.Table) -> list[tuple[str, bool]]:
    there = dict(candidates(after))
    return [(name, by_day) for name, by_day in candidates(before) if there.get(name) == by_day]


def _unit(table: ibis.Table, name: str, by_day: bool) -> ibis.Value:
    return table[name].cast("date") if by_day and table[name].type().is_timestamp() else table[name]


def _typical(table: ibis.Table, name: str, by_day: bool) -> float:
    """Give the rows of the unit of a row, on average: the design effect of units whose rows are all alike."""
    unit = _unit(table, name, by_day)
    sizes = table.filter(unit.notnull()).group_by(unit=unit).aggregate(rows=lambda t: t.count().cast("float64"))
    return float(((sizes.rows * sizes.rows).sum() / sizes.rows.sum()).to_pyarrow().as_py())


def _words(name: str, by_day: bool) -> str:
    return f"the day of {name}" if by_day else name


def _rows(
    table: ibis.Table, rows: int, name: str, by_day: bool, decided: Sequence[tuple[str, Witness, Cells]]
) -> tuple[Any, Any]:
    """Read the unit of each row, and whether the row is among those that moved, of rows drawn without a look at them."""
    import ibis

    unit = _unit(table, name, by_day)
    values = {f"c{i}": _plain(table, column, cells) for i, (column, _, cells) in enumerate(decided)}
    narrow = table.select(unit=unit.cast("string"), **values).filter(lambda t: t.unit.notnull())
    most = _most(len(decided))
    if rows > most:
        units, each = _shares(rows, int(narrow.unit.nunique().to_pyarrow().as_py()), most)
        narrow = narrow.filter(_drawn(narrow.unit, units))
        if each < 1:
            # By its place alone, so that what a row says has no part in it.
            narrow = narrow.mutate(place=ibis.row_number())
            narrow = narrow.filter(_drawn(narrow.place.cast("string"), each))
    read = narrow.to_pyarrow().combine_chunks()
    marks = [marked(read[f"c{i}"], seen, cells) for i, (_, seen, cells) in enumerate(decided)]
    return read["unit"].to_numpy(zero_copy_only=False), np.column_stack(marks).astype(np.float64)


def _plain(table: ibis.Table, column: str, cells: Cells) -> ibis.Value:
    value = table[column]
    if cells.scale == "unordered":
        return value.cast("string")
    return (value.length() if cells.measure != column else value).cast("float64")


def marked(values: pa.ChunkedArray, witness: Witness, cells: Cells) -> NDArray[np.bool_]:
    """Tell as :func:`inside` does, but here, of rows that `cells` has counted: a query of many columns takes long to plan.

    Parameters
    ----------
    values : ChunkedArray of float64 or string, shape (rows,)
        Numbers need no rounding: a cell reaches from its key up to the next one that some row has.
    witness : Witness
    cells : Cells
    """
    words = {key: bool(witness.inside[i]) for i, key in enumerate(cells.keys) if cells.special[i]}
    absent = values.is_null().to_numpy()
    chosen = witness.inside & ~cells.special
    if cells.scale == "unordered":
        keys = pa.array(list(itertools.compress(cells.keys, chosen)), values.type)
        return np.where(absent, words.get(MISSING, False), pc.is_in(values, keys).to_numpy())
    numbers = values.to_numpy()
    among = np.zeros(numbers.size, dtype=bool)
    at = np.flatnonzero(chosen)
    if at.size:
        among = numbers >= cells.keys[at[0]]
        beyond = at[-1] + 1
        if beyond < len(cells.keys) and not cells.special[beyond]:
            among &= numbers < cells.keys[beyond]
    marks = np.where(np.isnan(numbers), words.get(NAN, False), among)
    return np.where(absent, words.get(MISSING, False), marks)


def _most(tests: int) -> int:
    return min(max(_VALUES // max(tests, 1), _LEAST_ROWS), _MOST_ROWS)


def _shares(rows: int, units: int, most: int) -> tuple[float, float]:
    """Give the share of units to look at, and that of their rows: of few large units some rows each tell more than one."""
    of_units = min(1.0, max(most / rows, _FEWEST_UNITS / max(units, 1)))
    return of_units, min(1.0, most / (rows * of_units))


def _drawn(words: ibis.Value, share: float) -> ibis.Value:
    return md5(words).substr(0, 6) < f"{min(int(_HEX * share), _HEX - 1):06x}" if share < 1 else words.notnull()


def inside(table: ibis.Table, column: str, witness: Witness, cells: Cells) -> ibis.Value:
    """Tell for each row whether it is in the set of cells."""
    value = table[column]
    floating = value.type().is_floating()
    nan = value.isnan().fill_null(False) if floating else value.isnull() & False
    words = {key: bool(witness.inside[i]) for i, key in enumerate(cells.keys) if cells.special[i]}
    plain = [
        (key, bool(chosen))
        for key, chosen, word in zip(cells.keys, witness.inside, cells.special, strict=True)
        if not word
    ]
    if cells.scale == "unordered":
        text = value.cast("string")
        chosen = [key for key, is_in in plain if is_in]
        others = [key for key, is_in in plain if not is_in]
        among = text.isin(chosen) if len(chosen) <= len(others) else ~text.isin(others)
    else:
        number = value.length().cast("float64") if cells.measure != column else rounded(value)
        ins = [key for key, is_in in plain if is_in]
        among = (number >= min(ins)) & (number <= max(ins)) if ins else value.isnull() & False
    # NaN first: on Spark it is missing too.
    held = value.isnull().ifelse(words.get(MISSING, False), among.fill_null(False))
    return nan.ifelse(words.get(NAN, False), held)


def inside_sql(kind: dt.DataType, column: str, witness: Witness, cells: Cells) -> str:
    """Write :func:`inside` in DuckDB's SQL, which costs far less than an expression for each of many columns."""
    name = quote(column)
    words = {key: bool(witness.inside[i]) for i, key in enumerate(cells.keys) if cells.special[i]}
    plain = [
        (key, bool(chosen))
        for key, chosen, word in zip(cells.keys, witness.inside, cells.special, strict=True)
        if not word
    ]
    ins = [key for key, is_in in plain if is_in]
    if cells.scale == "unordered":
        others = [key for key, is_in in plain if not is_in]
        listed, sign = (ins, "") if len(ins) <= len(others) else (others, "NOT ")
        among = f"CAST({name} AS VARCHAR) {sign}IN ({', '.join(map(literal, listed))})" if listed else str(bool(sign))
    elif ins:
        number = (
            f"CAST(length({name}) AS DOUBLE)" if cells.measure != column else rounded_sql(f"CAST({name} AS DOUBLE)")
        )
        among = f"{number} BETWEEN '{min(ins)!r}'::DOUBLE AND '{max(ins)!r}'::DOUBLE"
    else:
        among = "FALSE"
    held = f"CASE WHEN {name} IS NULL THEN {words.get(MISSING, False)} ELSE coalesce({among}, FALSE) END"
    return f"CASE WHEN isnan({name}) THEN {words.get(NAN, False)} ELSE {held} END" if kind.is_floating() else held
