"""What a table holds: columns, rows and its values in other shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core.nearest import nearest as nearest_word
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import ibis
    import pandas as pd
    import pyarrow as pa


def schema(table: ibis.Table) -> dict[str, str]:
    """Name and Ibis type of each column, in the table's order.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay import data
    >>> data.schema(data.table(pa.table({"origin": ["EWR"], "delay": [3]})))
    {'origin': 'string', 'delay': 'int64'}
    """
    return {name: str(kind.copy(nullable=True)) for name, kind in table.schema().items()}


def row_count(table: ibis.Table) -> int:
    """Count the rows, where they are."""
    return int(to_arrow(table.aggregate(rows=table.count()))["rows"][0].as_py())


def require_rows(table: ibis.Table, what: str = "the table") -> int:
    """Count the rows and refuse none.

    Parameters
    ----------
    table : ibis.Table
    what : str
        How the message calls the table: ``"data/train.csv"``.

    Returns
    -------
    int
        Number of rows, at least 1.

    Raises
    ------
    DataError
        If there are no rows.
    """
    rows = row_count(table)
    if rows == 0:
        raise DataError(f"{what} has no rows: check the export or the query that wrote it")
    return rows


def columns_present(table: ibis.Table, names: Iterable[str], what: str = "the table") -> None:
    """Refuse a name that is not a column.

    Parameters
    ----------
    table : ibis.Table
    names : iterable of str
    what : str
        How the message calls the table.

    Raises
    ------
    DataError
        If a name is missing; the message proposes the nearest column.
    """
    have = list(table.columns)
    for name in names:
        if name not in have:
            raise DataError(f"{what} has no column {name!r}{nearest(name, have)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """End a message with the nearest known name, or with all of them when none is near."""
    known = list(known)
    near = nearest_word(name, known)
    if near:
        return f"; did you mean {near!r}?"
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"; it has {shown}" if known else "; it has none"


def to_arrow(table: ibis.Table) -> pa.Table:
    """Read the table into Arrow, rows in the source's order where it has one."""
    from ibis.formats.pyarrow import PyArrowData

    from assay.data.connection import session

    here = session()
    if table.get_backend() is not here.backend or any(kind.is_null() for kind in table.schema().values()):
        return table.to_pyarrow()
    # As Ibis does it, but for an import of pandas, which costs more than most queries.
    found = here.backend.con.sql(here.backend.compile(table)).to_arrow_table()
    read: pa.Table = PyArrowData.convert_table(found, table.schema())
    return read


def to_pandas(table: ibis.Table) -> pd.DataFrame:
    """Read the table into pandas, by way of Arrow."""
    return to_arrow(table).to_pandas()
