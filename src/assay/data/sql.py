"""A query, put to a database through SQLAlchemy, as Arrow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from assay.errors import DataError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import URL

BATCH = 50_000


def read_query(query: str, url: str, root: Path | None = None) -> pa.Table:
    """Read the rows of a query in batches of columns.

    DuckDB's own readers of other databases are extensions fetched from the network, so they are not used. Rows pass
    through the database's driver one batch of 50,000 at a time: for hundreds of millions of rows, give
    :func:`assay.data.table` an Ibis table of that database instead, which is computed where it is.

    Parameters
    ----------
    query : str
        One ``SELECT``.
    url : str
        SQLAlchemy URL: ``postgresql://user@host/db``, ``sqlite:///file.db``.
    root : Path, optional
        Folder that a relative SQLite file starts from.

    Raises
    ------
    DataError
        If the URL or the query is wrong; a password in the URL is not shown.
    MissingExtra
        If the database's driver is not installed.
    """
    address = _address(url, root)
    shown = address.render_as_string(hide_password=True)
    try:
        engine = create_engine(address)
    except (NoSuchModuleError, ArgumentError) as problem:
        raise DataError(f"{shown}: SQLAlchemy knows no such database: {problem}") from problem
    except ModuleNotFoundError as problem:
        raise MissingExtra(str(problem.name), "postgres", f"reading from {address.get_backend_name()}") from problem
    try:
        with engine.connect().execution_options(stream_results=True, max_row_buffer=BATCH) as connection:
            result = connection.execute(text(query))
            if not result.returns_rows:
                raise DataError(f"{shown}: the query returns no rows: give a SELECT")
            names = list(result.keys())
            if len({name.lower() for name in names}) < len(names):
                raise DataError(f"{shown}: the query repeats a column name: rename one with AS")
            batches = [_columns(rows, names) for rows in result.partitions(BATCH)]
    except SQLAlchemyError as problem:
        said = str(getattr(problem, "orig", None) or problem).strip().splitlines()[0]
        raise DataError(f"{shown}: {said}") from problem
    finally:
        engine.dispose()
    if not batches:
        return pa.table({name: pa.array([], pa.null()) for name in names})
    try:
        return pa.concat_tables(batches, promote_options="permissive")
    except pa.ArrowException as problem:
        raise DataError(
            f"{shown}: a column changes its type between rows: cast it in the query ({problem})"
        ) from problem


def _address(url: str, root: Path | None) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as problem:
        raise DataError('the url is not a database URL: write it as "postgresql://user@host/database"') from problem
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    file = address.database
    if address.get_backend_name() == "sqlite" and file and file != ":memory:":
        path = root / file if root else None
        if path is not None:
            address = address.set(database=str(path))
        # SQLite creates the file that is not there, and then says that it has no such table.
        if not Path(str(address.database)).is_file():
            raise DataError(f"there is no file {address.database}")
    return address


def _columns(rows: Iterable[Sequence[Any]], names: list[str]) -> pa.Table:
    columns = []
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        try:
            columns.append(pa.array(values))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
            kinds = sorted({type(value).__name__ for value in values if value is not None})
            raise DataError(f"column {name!r} mixes types ({', '.join(kinds)}): cast it in the query") from problem
    return pa.table(columns, names=names)
