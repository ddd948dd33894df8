"""Named parts of a table, declared as SQL predicates."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from assay.data.connection import quote, session
from assay.data.engines import viewed
from assay.data.facts import nearest
from assay.data.sources import table as open_table
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import ibis
    from numpy.typing import NDArray

_PARTS = ("kind", "hint", "distinct", "expressions", "limit", "operation_modifiers", "where")


def where(table: ibis.Table, predicate: str, name: str = "") -> ibis.Table:
    """Keep the rows for which a predicate is true; NULL is not true.

    Parameters
    ----------
    table : ibis.Table
    predicate : str
        An SQL expression over the columns: ``"origin = 'EWR' AND hour >= 17"``.
    name : str, optional
        The slice's name, for messages.

    Raises
    ------
    DataError
        If the predicate cannot be read, names an unknown column, or is not a truth value.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay import data
    >>> flights = data.table(pa.table({"origin": ["EWR", "JFK"], "delay": [3, 40]}))
    >>> data.where(flights, "delay > 15").origin.to_pyarrow().to_pylist()
    ['JFK']
    """
    what = _what(predicate, name)
    _verify(predicate, list(table.columns), what)
    here = session()
    if table.get_backend() is not here.backend:
        table = here.register(table.to_pyarrow())
    rows = f"({here.backend.compile(table)}) AS rows"
    kept = here.name()
    try:
        [kind] = here.run(f"DESCRIBE SELECT ({predicate}) AS answer FROM {rows}")
        _require_truth(kind[1], what)
        here.run(f"CREATE VIEW {quote(kept)} AS SELECT * FROM {rows} WHERE {predicate}")
    except duckdb.Error as problem:
        raise DataError(f"{what}: {_first_line(problem)}") from problem
    return here.expression(kept, reads=table)


def mask(rows: Any, predicate: str, name: str = "") -> NDArray[np.bool_]:
    """Tell for each row whether a predicate is true, in the order of the rows.

    Parameters
    ----------
    rows : pandas, polars or Arrow table, or ibis.Table
    predicate : str
        An SQL expression over the columns.
    name : str, optional
        The slice's name, for messages.

    Returns
    -------
    ndarray of bool, shape (rows,)

    Raises
    ------
    DataError
        If the predicate cannot be read, names an unknown column, or is not a truth value.

    Examples
    --------
    >>> import pyarrow as pa
    >>> mask(pa.table({"hour": [5, 17, None]}), "hour >= 17").tolist()
    [False, True, False]
    """
    what = _what(predicate, name)
    here = session()
    opened = open_table(rows)
    columns = list(opened.columns)
    named = _verify(predicate, columns, what)
    number = "row"
    while number.lower() in {column.lower() for column in columns}:
        number += "_"
    data: pa.Table = opened.select(*(named or columns[:1])).to_pyarrow()
    kept = np.zeros(data.num_rows, dtype=np.bool_)
    # The row's number travels with it: the answer does not lean on the order in which threads finish.
    numbered = data.append_column(number, pa.array(np.arange(data.num_rows)))
    here.backend.con.register("assay_mask", numbered)
    try:
        [kind] = here.run(f"DESCRIBE SELECT ({predicate}) AS answer FROM assay_mask")
        _require_truth(kind[1], what)
        found = here.backend.con.sql(f"SELECT {quote(number)} FROM assay_mask WHERE {predicate}").to_arrow_table()
    except duckdb.Error as problem:
        raise DataError(f"{what}: {_first_line(problem)}") from problem
    finally:
        here.backend.con.unregister("assay_mask")
    kept[found.column(0).to_numpy()] = True
    return kept


def flags(table: ibis.Table, predicates: Mapping[str, str]) -> ibis.Table:
    """Add a column for each predicate that says of each row whether it is true; NULL is not true.

    The predicates are put to the engine that holds the table, translated from DuckDB's SQL.

    Parameters
    ----------
    table : ibis.Table
    predicates : mapping of str to str
        Name of the new column, and an SQL expression over the others.

    Raises
    ------
    DataError
        As :func:`where`.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay import data
    >>> flags(data.table(pa.table({"hour": [5, 17, None]})), {"late": "hour >= 17"}).late.to_pyarrow().to_pylist()
    [False, True, False]
    """
    if not predicates:
        return table
    columns = list(table.columns)
    parts = ["*"]
    for name, predicate in predicates.items():
        columns_known(predicate, columns)
        parts.append(f"COALESCE({predicate}, FALSE) AS {quote(name)}")
    try:
        return _query(table, f"SELECT {', '.join(parts)} FROM rows")
    except (duckdb.Error, SqlglotError) as problem:
        raise refused(predicates.values(), problem) from problem


def refused(predicates: Iterable[str], problem: Exception) -> DataError:
    """Say that the engine cannot evaluate predicates, in the first line of its own words."""
    return DataError(f"predicates {', '.join(predicates)}: {_first_line(problem)}")


def query(table: ibis.Table, sql: str) -> ibis.Table:
    """Put an SQL query over a table called ``rows`` to the engine that holds it, translated from DuckDB's SQL.

    Raises
    ------
    DataError
        If it is not one query, or the engine refuses it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay import data
    >>> query(data.table(pa.table({"hour": [5, 17]})), "SELECT max(hour) AS last FROM rows").to_pyarrow().to_pylist()
    [{'last': 17}]
    """
    try:
        statements = sqlglot.parse(sql, dialect="duckdb")
        if len(statements) != 1 or not isinstance(statements[0], exp.Query):
            raise DataError(f"{sql!r} is not one query: write SELECT ... FROM rows")
        return _query(table, sql)
    except (duckdb.Error, SqlglotError) as problem:
        raise DataError(f"query {sql!r}: {_first_line(problem)}") from problem


def _query(table: ibis.Table, sql: str) -> ibis.Table:
    here, there = session(), table.get_backend()
    if there.name == "postgres":
        [written] = sqlglot.transpile(sql, read="duckdb", write="postgres")
        return viewed(there, f"WITH rows AS ({there.compile(table)}) {written}")
    if there is not here.backend:
        return table.alias("rows").sql(sql, dialect="duckdb")
    view = here.name()
    here.run(f"CREATE VIEW {quote(view)} AS WITH rows AS ({here.backend.compile(table)}) {sql}")
    return here.expression(view, reads=table)


def columns_of(predicate: str) -> list[str]:
    """List the columns that a predicate names, as it writes them.

    Examples
    --------
    >>> columns_of("paid_at >= created_at AND amount > 0")
    ['paid_at', 'created_at', 'amount']

    Raises
    ------
    DataError
        If it cannot be read.
    """
    condition = _condition(predicate, _what(predicate, ""))
    return list(dict.fromkeys(column.name for column in condition.find_all(exp.Column)))


def columns_known(predicate: str, columns: Sequence[str]) -> None:
    """Refuse a predicate that is not one expression over columns of a table.

    Raises
    ------
    DataError
        As :func:`where`.
    """
    _verify(predicate, columns, _what(predicate, ""))


def _what(predicate: str, name: str) -> str:
    return f"slice {name!r} ({predicate})" if name else f"predicate {predicate!r}"


@lru_cache(1024)
def _condition(predicate: str, what: str) -> exp.Expression:
    try:
        # In a WHERE clause of its own, nothing can be smuggled past the expression.
        statements = sqlglot.parse(f"SELECT 1 WHERE {predicate}", dialect="duckdb")
    except SqlglotError as problem:
        raise DataError(f"{what} is not an SQL expression: {_first_line(problem)}") from problem
    first = statements[0] if len(statements) == 1 else None
    condition: exp.Expression | None = first.args.get("where") if first else None
    if first is None or condition is None or any(part for key, part in first.args.items() if key not in _PARTS):
        raise DataError(f"{what} is not one SQL expression: write only what would follow WHERE")
    if condition.find(exp.Select, exp.AggFunc, exp.Window):
        raise DataError(f"{what} holds a query or an aggregate: a slice speaks of one row at a time")
    return condition


def _verify(predicate: str, columns: Sequence[str], what: str) -> list[str]:
    """Parse the predicate; return the columns that it names."""
    known = {column.lower(): column for column in columns}
    named: list[str] = []
    for column in _condition(predicate, what).find_all(exp.Column):
        if column.name.lower() not in known:
            raise DataError(f"{what} names the unknown column {column.name!r}{nearest(column.name, columns)}")
        named.append(known[column.name.lower()])
    return list(dict.fromkeys(named))


def _require_truth(kind: str, what: str) -> None:
    # WHERE would cast a number to a truth value without a word.
    if kind not in ("BOOLEAN", '"NULL"'):
        raise DataError(f"{what} gives {kind}, not true or false: compare it with something")


def _first_line(problem: Exception) -> str:
    return str(problem).strip().splitlines()[0][:200]
