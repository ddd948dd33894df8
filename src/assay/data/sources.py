"""One door for every kind of table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from glob import iglob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import pyarrow as pa
from pyarrow import feather

from assay.core.nearest import nearest as nearest_word
from assay.data.connection import Session, literal, quote, session
from assay.data.delimited import read_csv
from assay.data.facts import nearest
from assay.errors import DataError, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls the number of a row where it writes one; nobody measured it."""
_KEYS = ("path", "text", "url", "query")


def table(source: Any, *, root: Path | None = None, url: str | None = None, text: Sequence[str] = ()) -> ibis.Table:
    """Open a table, whatever it is kept in.

    Nothing is read before it is needed, but for CSV, whose types depend on every row, and for SQL through a URL.

    Parameters
    ----------
    source : path, mapping, frame or ibis.Table
        - a Parquet, CSV (``.csv``, ``.tsv``, also ``.gz``) or Arrow IPC (``.arrow``, ``.feather``) file, a folder of
          such files of one format, or a glob; ``str`` or ``Path``;
        - a pyarrow ``Table``, a pandas or polars ``DataFrame``, a polars ``LazyFrame``;
        - an Ibis table of any backend, which is returned as it is; of an engine without NaN (SQLite, MySQL) it is read
          into memory;
        - an SQL query, with `url`;
        - a mapping, as a project file has it: ``{"path": "codes.csv", "text": ["code"]}``, where the columns in
          ``text`` are read as text whatever they look like, or ``{"url": "postgresql://...", "query": "SELECT ..."}``.
    root : Path, optional
        Folder that relative paths (and relative ``sqlite:///`` URLs) start from; the working directory by default.
    url : str, optional
        SQLAlchemy URL of the database that `source`, a query, is put to.
    text : sequence of str
        Columns that are read as text, whatever they look like, where a CSV has them; other formats know their types.

    Returns
    -------
    ibis.Table

    Raises
    ------
    DataError
        If there is no such file, if it cannot be read, has no columns, repeats a column name, or mixes types in a
        column.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table(pa.table({"late": [True, False]})).count().to_pyarrow().as_py()
    2
    """
    if url is not None:
        from assay.data.sql import read_query

        if not isinstance(source, str):
            raise DataError(f"with a url, the source is an SQL query, not {type(source).__name__}")
        return session().register(read_query(source, url, root))
    if isinstance(source, ibis.Table):
        return source if _knows_nan(source) else session().register(source.to_pyarrow())
    if isinstance(source, Mapping):
        return _mapping(source, root, text)
    if isinstance(source, (str, Path)):
        return _files(source, root, wanted=text)
    return session().register(_arrow(source))


def _knows_nan(source: ibis.Table) -> bool:
    """Whether the engine can tell NaN, which every count of missing values asks."""
    return bool(source.get_backend().has_operation(ibis.expr.operations.IsNan))


def file_in_sql(source: Any) -> str:
    """Write a Parquet or CSV file, or a glob of such, as DuckDB's SQL names it after FROM; empty for other sources.

    Examples
    --------
    >>> file_in_sql("data/new.parquet")
    "'data/new.parquet'"
    """
    if not isinstance(source, (str, Path)) or _format(Path(source)) not in ("parquet", "csv"):
        return ""
    return literal(str(source))


def _mapping(source: Mapping[str, Any], root: Path | None, wanted: Sequence[str]) -> ibis.Table:
    for key in source:
        if key not in _KEYS:
            raise DataError(f"source has the unknown key {key!r}{nearest(str(key), _KEYS)}")
    if "url" in source or "query" in source:
        if not ("url" in source and "query" in source):
            raise DataError(
                'a source in a database needs both: source = {url = "postgresql://...", query = "SELECT ..."}'
            )
        return table(source["query"], root=root, url=str(source["url"]))
    if "path" not in source:
        raise DataError('source needs a path: source = {path = "data/train.csv"}')
    return _files(source["path"], root, source.get("text", ()), wanted)


def _arrow(source: Any) -> pa.Table:
    """Bring a frame into Arrow."""
    library = type(source).__module__.partition(".")[0]
    if isinstance(source, pa.RecordBatch):
        found = pa.Table.from_batches([source])
    elif isinstance(source, pa.Table):
        found = source
    elif library == "polars":
        frame = source.collect() if hasattr(source, "collect") else source
        found = (frame.to_frame() if not hasattr(frame, "columns") else frame).to_arrow()
    elif library == "pandas" and hasattr(source, "columns"):
        found = _from_pandas(source)
    else:
        raise DataError(
            f"cannot read a table from {type(source).__module__}.{type(source).__name__}: give a path, "
            "a pandas, polars or Arrow table, an Ibis table, or a query with its url"
        )
    found = found.drop_columns([name for name in found.column_names if _INDEX.fullmatch(name)])
    if not found.column_names:
        raise DataError("the table has no columns")
    seen: set[str] = set()
    for name in found.column_names:
        # DuckDB's names do not tell cases apart, so a table with both would lose one of them.
        if name.lower() in seen:
            raise DataError(f"the column name {name!r} appears twice: rename one")
        seen.add(name.lower())
    return found


def _from_pandas(frame: Any) -> pa.Table:
    names = [str(name) for name in frame.columns]
    try:
        return pa.table([pa.Array.from_pandas(frame.iloc[:, i]) for i in range(len(names))], names=names)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError):
        for i, name in enumerate(names):
            try:
                pa.Array.from_pandas(frame.iloc[:, i])
            except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as problem:
                kinds = sorted({type(value).__name__ for value in frame.iloc[:, i].dropna().head(10_000)})
                raise DataError(
                    f"column {name!r} mixes types ({', '.join(kinds)}): convert it, as in frame[{name!r}].astype(str)"
                ) from problem
        raise


def _files(source: str | Path, root: Path | None, text: Sequence[str] = (), wanted: Sequence[str] = ()) -> ibis.Table:
    if isinstance(source, str) and "://" in source:
        raise DataError(f"{source.partition('://')[0]}://... is a database: give a query with it, as {{url, query}}")
    path = Path(source).expanduser()
    path = path if path.is_absolute() else (root or Path.cwd()) / path
    if path.is_dir():
        paths = sorted(p for p in path.rglob("*") if p.is_file() and _format(p) and not _hidden(p, path))
        if not paths:
            raise DataError(f"{shown(path)} holds no Parquet, CSV or Arrow file: give a folder that does")
    elif path.is_file():
        paths = [path]
    elif any(sign in str(source) for sign in "*?["):
        paths = sorted(found for found in map(Path, _expand(path)) if found.is_file())
        if not paths:
            raise DataError(f"no file matches {shown(path)}")
    else:
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = (
            _alike(path.name, siblings) if siblings else f"; the folder {shown(path.parent)} does not exist or is empty"
        )
        raise DataError(f"there is no file {shown(path)}{hint}")
    kinds = sorted({_format(p) or p.suffix or "no suffix" for p in paths})
    if len(kinds) > 1:
        raise DataError(
            f"{shown(path)} holds files of different formats ({', '.join(kinds)}): name one, as in a glob *.parquet"
        )
    here = session()
    if kinds == ["csv"]:
        return read_csv(here, paths, text, wanted)
    if text:
        raise DataError(f"{shown(path)}: text = [...] is for CSV; other formats know their types")
    if kinds == ["parquet"]:
        return _parquet(here, paths)
    if kinds == ["arrow"]:
        return here.register(_arrow(pa.concat_tables([_ipc(p) for p in paths], promote_options="permissive")))
    raise DataError(f"cannot tell the format of {shown(paths[0])}: use .parquet, .csv, .tsv, .arrow or .feather")


def _alike(name: str, siblings: Sequence[str]) -> str:
    """Propose the file that was meant: endings alone make no two names alike."""
    stems = {Path(sibling).stem: sibling for sibling in siblings}
    near = nearest_word(Path(name).stem, stems)
    if near:
        return f"; did you mean {stems[near]!r}?"
    tables = sorted(sibling for sibling in siblings if _format(Path(sibling)))
    return (
        f"; tables there: {', '.join(tables[:8])}{', ...' if len(tables) > 8 else ''}"
        if tables
        else "; no table is there"
    )


def _format(path: Path) -> str | None:
    name = path.name.removesuffix(".gz") if path.name.endswith((".csv.gz", ".tsv.gz")) else path.name
    return _FORMATS.get(Path(name).suffix.lower())


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)


def _parquet(here: Session, paths: Sequence[Path]) -> ibis.Table:
    from pyarrow import parquet

    first: list[str] | None = None
    for path in paths:
        try:
            names = [name for name in parquet.read_schema(path).names if not _INDEX.fullmatch(name)]
        except (pa.ArrowException, OSError) as problem:
            raise DataError(f"{shown(path)} is not a Parquet file, or is damaged: write it again") from problem
        if len({name.lower() for name in names}) < len(names):
            raise DataError(f"{shown(path)} repeats a column name: rename one")
        if first is not None and sorted(names) != sorted(first):
            odd = sorted(set(names) ^ set(first))
            raise DataError(
                f"{shown(path)} and {shown(paths[0])} differ in the columns {', '.join(odd)}: give files of one layout"
            )
        first = first or names
    if not first:
        raise DataError(f"{shown(paths[0])} has no columns")
    name = here.name()
    files = ", ".join(literal(str(path)) for path in paths)
    try:
        here.run(
            f"CREATE VIEW {quote(name)} AS SELECT {', '.join(map(quote, first))} FROM "
            f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
        )
    except duckdb.Error as problem:
        raise DataError(f"{shown(paths[0])} cannot be read: {str(problem).splitlines()[0][:160]}") from problem
    return here.expression(name)


def _ipc(path: Path) -> pa.Table:
    try:
        return feather.read_table(path, memory_map=True)
    except (pa.ArrowException, OSError):
        try:
            with pa.memory_map(str(path)) as file:
                return pa.ipc.open_stream(file).read_all()
        except (pa.ArrowException, OSError) as problem:
            raise DataError(f"{shown(path)} is not an Arrow file, or is damaged: write it again") from problem


def _expand(pattern: Path) -> Iterator[str]:
    return iglob(str(pattern), recursive=True)  # noqa: PTH207, Path.glob takes no absolute pattern
