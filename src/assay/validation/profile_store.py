"""The state of a profile as a Parquet file: one row a number, so that any engine can read and add them up."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from assay.errors import DataError
from assay.validation.profile_state import ColumnState, Comoments, Moments
from assay.validation.profiling import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

VERSION = 1
_KEY = b"assay_profile"
_SCHEMA = pa.schema(
    [
        ("slice", pa.string()),
        ("column", pa.string()),
        ("kind", pa.string()),
        ("key", pa.string()),
        ("n", pa.int64()),
        ("value", pa.float64()),
        ("text", pa.string()),
    ]
)
Row = tuple[str, str, "int | None", "float | None", "str | None"]
_WHOLE = ("rows", "present", "nan", "up", "down", "zeros")


def save(states: Mapping[str, Table], path: Path) -> None:
    """Write the states of a table and its slices, whole or not at all."""
    rows: list[tuple[str, str, str, str, int | None, float | None, str | None]] = []
    for slice_, table in states.items():
        for name, state in table.columns.items():
            rows += [(slice_, name, *row) for row in _rows(state)]
        for (x, y), pair in table.pairs.items():
            key = json.dumps([y, "n"])
            rows += [(slice_, x, "comoment", key, int(pair.n), None, None)]
            rows += [
                (slice_, x, "comoment", json.dumps([y, part]), None, value, None)
                for part, value in zip(Comoments._fields[1:], pair[1:], strict=True)
            ]
    whole = states[""]
    facts = {
        "version": VERSION,
        "names": {slice_: table.name for slice_, table in states.items()},
        "by": whole.by,
        "weight": whole.weight,
        "label": whole.label,
    }
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True))
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, _SCHEMA, strict=True)]
    table = pa.table(arrays, schema=_SCHEMA.with_metadata({_KEY: json.dumps(facts).encode()}))
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        parquet.write_table(table, beside, compression="zstd")
        beside.replace(path)
    except OSError as problem:
        beside.unlink(missing_ok=True)
        raise DataError(f"{path}: the profile cannot be written: {problem.strerror or problem}") from problem


def load(path: Path) -> dict[str, Table]:
    """Read the states that :func:`save` wrote.

    Raises
    ------
    DataError
        If there is no such file, or it is not one of these.
    """
    if not path.is_file():
        raise DataError(f"there is no profile {path}: write one with assay profile SOURCE --save {path}")
    try:
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError) as problem:
        raise DataError(f"{path} is not a profile, or is damaged: write it again with --save") from problem
    facts = json.loads((table.schema.metadata or {}).get(_KEY, b"null"))
    if facts is None:
        raise DataError(f"{path} is a Parquet file but not a profile: write one with assay profile {path} --save FILE")
    if facts["version"] != VERSION:
        raise DataError(
            f"{path} is a profile of version {facts['version']}, this assay reads {VERSION}: write it again, or upgrade"
        )
    sides: dict[str, Any] = {"by": tuple(facts["by"]), "weight": facts["weight"], "label": facts["label"]}
    found = {slice_: Table(name=name, columns={}, **sides) for slice_, name in facts["names"].items()}
    moments: dict[tuple[str, str, str], dict[str, float]] = {}
    pairs: dict[tuple[str, str, str], dict[str, float]] = {}
    for slice_, column, kind, key, n, value, text in zip(*(c.to_pylist() for c in table.columns), strict=True):
        if kind == "comoment":
            other, part = json.loads(key)
            pairs.setdefault((slice_, column, other), {})[part] = value if n is None else n
        elif kind in ("moments", "lengths", "weighted"):
            moments.setdefault((slice_, column, kind), {})[key] = value if n is None else n
        else:
            state = found[slice_].columns.setdefault(column, ColumnState(""))
            _read(state, kind, key, n, value, text)
    for (slice_, column, kind), parts in moments.items():
        setattr(found[slice_].columns[column], kind, Moments(**parts))
    for (slice_, x, y), parts in pairs.items():
        found[slice_].pairs[x, y] = Comoments(**parts)  # type: ignore[arg-type]
    return found


def is_profile(path: Path) -> bool:
    """Tell whether a file is a saved profile."""
    try:
        return path.is_file() and _KEY in (parquet.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError):
        return False


def _rows(state: ColumnState) -> Iterator[Row]:
    yield "type", "", None, None, state.type
    for key, count in state.counts.items():
        yield "count", key, int(count) if key in _WHOLE else None, None if key in _WHOLE else float(count), None
    for key, end in (("low", state.low), ("high", state.high)):
        if end is not None:
            yield key, type(end).__name__, None, None, repr(end) if isinstance(end, float) else str(end)
    for key, whole in (("length_low", state.length_low), ("length_high", state.length_high), ("cut", state.cut)):
        if whole is not None:
            yield key, "", whole, None, None
    for kind, moments in (("moments", state.moments), ("lengths", state.lengths), ("weighted", state.weighted)):
        if moments.n:
            whole_n = None if kind == "weighted" else int(moments.n)
            yield kind, "n", whole_n, None if whole_n is not None else float(moments.n), None
            for key, value in zip(Moments._fields[1:], moments[1:], strict=True):
                yield kind, key, None, value, None
    for bucket, count in state.buckets.items():
        yield "bucket", f"{bucket[0]}:{bucket[1]}", count, state.bucket_weights.get(bucket), None
    for text, count in state.values.items():
        yield "value", text, count, state.value_weights.get(text), None
    if state.family:
        yield "family", "", None, None, state.family
    for hash_, text in state.hashes.items():
        yield "hash", "", hash_, None, text
    for q, value in state.quantiles.items():
        yield "quantile", repr(q), None, value, None
    for pair, count in state.joint.items():
        yield "joint", json.dumps(pair), count, None, None


def _read(state: ColumnState, kind: str, key: str, n: int | None, value: float | None, text: str | None) -> None:
    if kind == "count":
        state.counts[key] = n if n is not None else value  # type: ignore[assignment]
    elif kind in ("low", "high"):
        assert text is not None
        setattr(state, kind, int(text) if key == "int" else float(text) if key == "float" else text)
    elif kind in ("length_low", "length_high", "cut"):
        setattr(state, kind, n)
    elif kind in ("type", "family"):
        setattr(state, kind, text)
    elif kind == "bucket":
        sign, _, place = key.partition(":")
        state.buckets[int(sign), int(place)] = n or 0
        if value is not None:
            state.bucket_weights[int(sign), int(place)] = value
    elif kind == "value":
        state.values[key] = n or 0
        if value is not None:
            state.value_weights[key] = value
    elif kind == "hash":
        state.hashes[n or 0] = text or ""
    elif kind == "quantile" and value is not None:
        state.quantiles[float(key)] = value
    elif kind == "joint":
        x, y = json.loads(key)
        state.joint[x, y] = n or 0
