"""Which rows of its tables each row of a function's result came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

_MARK = "__row_of_{}"


def trace_rows(prepare: Callable[..., pd.DataFrame], **tables: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run a function on tables, and follow each row through what filters, repeats, sorts, concatenates or joins.

    Each table gets a column of row numbers before, which pandas carries along with the row.

    Parameters
    ----------
    prepare : callable
        Takes the tables by name and gives one frame. It must keep columns that it does not know.
    **tables : DataFrame
        One, or two that are joined.

    Returns
    -------
    rows : DataFrame
        What the function gave.
    groups : DataFrame
        For each of its rows the places of the rows that it came from, one column a table; the table with the most rows
        comes first. It is what :func:`importance` takes.

    Raises
    ------
    DataError
        If row numbers got lost, or a row came from no row of a table (an outer join).

    Notes
    -----
    A function that looks at many rows to make one (``groupby``, ``drop_duplicates``, a filter by a mean) gives other rows
    where some are not there. What is traced is what it did with all of them.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer": ["a", "b", "a"], "late": [0, 1, 1]})
    >>> customers = pd.DataFrame({"customer": ["a", "b"], "age": [31, 57]})
    >>> rows, groups = trace_rows(lambda orders, customers: orders.merge(customers), orders=orders, customers=customers)
    >>> groups.to_numpy().tolist()
    [[0, 0], [1, 1], [2, 0]]
    """
    if not 1 <= len(tables) <= 2:
        raise DataError(f"trace_rows follows one table, or two that are joined; got {len(tables)}")
    marks = {name: _MARK.format(name) for name in tables}
    marked = {name: table.assign(**{marks[name]: np.arange(len(table))}) for name, table in tables.items()}
    made: Any = prepare(**marked)
    if not isinstance(made, pd.DataFrame):
        raise DataError(f"the function must give a pandas DataFrame, not {type(made).__name__}")
    for name, mark in marks.items():
        if mark not in made:
            raise DataError(
                f"the rows of {name!r} got lost: the function dropped the column {mark!r}, which says where each row came from; "
                "keep all columns to its end"
            )
        if made[mark].isna().any():
            row = int(made[mark].isna().to_numpy().argmax())
            raise DataError(
                f"row {row} of the result came from no row of {name!r}: join so that each row has both sides"
            )
    order = sorted(tables, key=lambda name: -len(tables[name]))
    groups = pd.DataFrame({name: made[marks[name]].to_numpy().astype(np.int64) for name in order})
    return made.drop(columns=list(marks.values())), groups
