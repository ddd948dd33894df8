"""The bytes of a model package: zip files, skops files and Arrow files that are the same for the same content."""

from __future__ import annotations

import io
import json
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import pyarrow as pa
import skops.io

from assay.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

# A zip can claim to unpack to anything; no model of this size is served by one process.
UNPACKED_LIMIT = 8 * 2**30


def pack(files: dict[str, bytes], compression: int) -> bytes:
    """Zip file of these files, dated 1980."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(ZipInfo(name), data, compression)
    return buffer.getvalue()


@contextmanager
def open_zip(content: bytes) -> Iterator[ZipFile]:
    """Open a zip file that unpacks to a size that memory can hold.

    Raises
    ------
    ModelError
        It is damaged or too large.
    """
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > UNPACKED_LIMIT:
                raise ModelError(f"the model package unpacks to more than {UNPACKED_LIMIT // 2**30} GiB")
            yield archive
    except (BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, zlib.error) as error:
        raise ModelError(f"the model package is damaged: {error}") from error


def unpack(content: bytes) -> dict[str, bytes]:
    """Files of a zip file.

    Raises
    ------
    ModelError
        It is damaged or too large.
    """
    with open_zip(content) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def skops_file(model: Any) -> bytes:
    """Model as a skops file whose bytes do not depend on memory addresses or the clock."""
    try:
        content = skops.io.dumps(model)
    except Exception as error:
        raise ModelError(f"skops cannot store {type(model).__name__}: {error}") from error
    files = unpack(content)
    schema = json.loads(files.pop("schema.json"))
    ids: dict[int, int] = {}
    names: dict[str, str] = {}
    _renumber(schema, ids, names)
    renamed = {names[name]: files[name] for name in names}
    return pack({**renamed, "schema.json": json.dumps(schema).encode()}, ZIP_STORED)


def arrow_file(table: pa.Table) -> bytes:
    """Table as an Arrow file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def read_arrow(data: bytes) -> pa.Table:
    """Table in an Arrow file."""
    return pa.ipc.open_file(pa.BufferReader(data)).read_all()


def _renumber(node: Any, ids: dict[int, int], names: dict[str, str]) -> None:
    # skops names objects by their address and writes each array to a file of that name.
    if isinstance(node, list):
        for child in node:
            _renumber(child, ids, names)
    elif isinstance(node, dict):
        if isinstance(node.get("__id__"), int):
            node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        if isinstance(node.get("file"), str):
            extension = node["file"].rpartition(".")[2]
            node["file"] = names.setdefault(node["file"], f"{len(names)}.{extension}")
        for child in node.values():
            _renumber(child, ids, names)
