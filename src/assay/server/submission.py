"""Predictions as a client sends them: Parquet, Arrow or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMN = "prediction"
MOST_CELL_BYTES = 4096
PARQUET = ("application/vnd.apache.parquet", "application/parquet", "application/x-parquet")
ARROW = (
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.arrow.file",
    "application/x-apache-arrow-stream",
    "application/arrow",
)
JSON = ("application/json",)


class Unreadable(Exception):
    """The body is not what its content type says: 400."""


class Unfitting(Exception):
    """The body can be read, and is no table of predictions: 422."""


class UnknownType(Exception):
    """A content type that nobody reads: 415."""


def read(body: bytes, content_type: str, *, rows: int, keep: str | None) -> pa.Table:
    """Read a table with the column ``prediction``, and the id where there is one.

    Parameters
    ----------
    body : bytes
    content_type : str
    rows : int
        Rows of the test set: a table with another number is refused before it is unpacked.
    keep : str or None
        Name of the id column.

    Returns
    -------
    pyarrow.Table
    """
    kind = content_type.partition(";")[0].strip().lower()
    wanted = [COLUMN, *([keep] if keep else [])]
    try:
        if kind in PARQUET:
            table = _parquet(body, rows, wanted)
        elif kind in ARROW:
            table = _arrow(body, rows)
        elif kind in JSON:
            table = _json(body)
        else:
            known = ", ".join((PARQUET[0], ARROW[0], ARROW[1], JSON[0]))
            raise UnknownType(f"content type {kind or 'none'!r} is not read: send {known}")
    except (pa.ArrowException, OSError, msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Unreadable(f"the body is not {kind}: {str(problem).splitlines()[0][:200]}") from problem
    if COLUMN not in table.column_names:
        raise Unfitting(
            f"there is no column {COLUMN!r}: the columns are {', '.join(table.column_names[:12]) or 'none'}"
        )
    _same_rows(table.num_rows, rows)
    return pa.table({name: _plain(table[name], name) for name in wanted if name in table.column_names})


def _parquet(body: bytes, rows: int, wanted: list[str]) -> pa.Table:
    metadata = parquet.read_metadata(pa.BufferReader(body))
    _same_rows(metadata.num_rows, rows)
    names = metadata.schema.to_arrow_schema().names
    if COLUMN not in names:
        return pa.table({name: pa.nulls(0) for name in names})
    found = [name for name in wanted if name in names]
    # A text that fills a dictionary once can stand in every row: it is not unpacked before its length is known.
    return parquet.ParquetFile(pa.BufferReader(body), read_dictionary=found).read(columns=found)


def _arrow(body: bytes, rows: int) -> pa.Table:
    source = pa.BufferReader(body)
    batches, count = [], 0
    if body[:6] == b"ARROW1":
        file = pa.ipc.open_file(source)
        found: Iterator[Any] = (file.get_batch(index) for index in range(file.num_record_batches))
        schema = file.schema
    else:
        stream = pa.ipc.open_stream(source)
        found, schema = iter(stream), stream.schema
    for batch in found:
        count += batch.num_rows
        if count > rows:
            _same_rows(count, rows)
        batches.append(batch)
    return pa.Table.from_batches(batches, schema)


def _json(body: bytes) -> pa.Table:
    """Read ``{"prediction": [...], "id": [...]}``, ``[{"prediction": 1, "id": 7}, ...]`` or ``[1, 0, ...]``."""
    content = msgspec.json.decode(body)
    if isinstance(content, dict) and "predictions" in content and COLUMN not in content:
        content = content["predictions"]
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        names = list(content[0])
        if any(row.keys() != content[0].keys() for row in content):
            raise Unfitting("the rows have different keys: give every row the same")
        content = {name: [row[name] for row in content] for name in names}
    elif isinstance(content, list):
        content = {COLUMN: content}
    if not isinstance(content, dict):
        raise Unfitting('send {"prediction": [...]}, a list of such rows, or a list of predictions')
    if not all(isinstance(values, list) for values in content.values()):
        raise Unfitting("each column is a list, with one value for each row")
    if len({len(values) for values in content.values()}) > 1:
        raise Unfitting("the columns have different lengths: give one value for each row")
    columns = {}
    for name, values in content.items():
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, TypeError, OverflowError) as problem:
            raise Unfitting(
                f"column {name!r} mixes types, or holds what is no number, text or truth value"
            ) from problem
    return pa.table(columns)


def _plain(column: Any, name: str) -> Any:
    """Numbers, texts or truth values, with texts of bounded length; a dictionary is unpacked only then."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not (text or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise Unfitting(f"column {name!r} is of type {kind}: send numbers, texts or truth values")
    if text:
        import pyarrow.compute as pc

        parts = [chunk.dictionary if pa.types.is_dictionary(column.type) else chunk for chunk in column.chunks]
        if any((pc.max(pc.binary_length(part)).as_py() or 0) > MOST_CELL_BYTES for part in parts):
            raise Unfitting(f"column {name!r} has a text of more than {MOST_CELL_BYTES} bytes")
    return column.cast(kind)


def _same_rows(found: int, rows: int) -> None:
    if found != rows:
        raise Unfitting(f"{found} predictions for the {rows} rows of the test set: send one for each row")
