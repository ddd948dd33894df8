"""Tables that refute an oracle: made small, kept as files, read again."""

from __future__ import annotations

import json
import math
import os
import re
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.core.fingerprint import digest
from assay.errors import DataError
from assay.validation.choices import Seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from assay.validation.generation import Data, Generator

VERSION = 1
ASKED_ROWS = 3
"""Rows of the smallest table whose values are tried for whether another one would do as well."""
CALLS = 500
"""Most tables that are tried to make a counter-example smaller."""


class Counterexample(NamedTuple):
    """A table that refutes an oracle; ``needed`` are the values that it hangs on."""

    oracle: str
    reason: str
    data: Data
    needed: tuple[tuple[str, Any], ...] = ()
    found_by: str = ""


def shrink(generator: Generator, data: Data, fails: Callable[[Data], bool]) -> tuple[Data, tuple[tuple[str, Any], ...]]:
    """Make a failing table smaller: fewer rows, then plain values, then values nearer to plain ones.

    Each table that is tried is legal, and the one that is returned fails. At most 500 are tried.

    Returns
    -------
    data : dict of str to list
    needed : tuple of (column, value)
        Values in whose place another legal one was seen not to fail.
    """
    left = CALLS

    def still(other: Data) -> bool:
        nonlocal left
        if left <= 0 or not generator.legal(other):
            return False
        left -= 1
        return fails(other)

    size = len(next(iter(data.values())))
    step = max(size // 2, 1)
    while size > 0 and step:
        start = 0
        while start < size:
            kept = [i for i in range(size) if not start <= i < start + step]
            smaller = {name: [values[i] for i in kept] for name, values in data.items()}
            if still(smaller):
                data, size = smaller, len(kept)
            else:
                start += step
        step //= 2
    for name, domain in generator.domains.items():
        other = {**data, name: [domain.simplest()] * size}
        if data[name] != other[name] and still(other):
            data = other
            continue
        for i in range(size):
            data = _plainer(generator, data, name, i, still)
    needed = [
        (name, data[name][i])
        for name, domain in generator.domains.items()
        for i in range(min(size, ASKED_ROWS))
        if _is_needed(generator, data, name, i, fails)
    ]
    return data, tuple(needed)


def _is_needed(generator: Generator, data: Data, name: str, i: int, fails: Callable[[Data], bool]) -> bool:
    """Tell whether some other legal value in this place makes the failure go away."""
    domain = generator.domains[name]
    others = [domain.typical(Seeded(i, number)) for number in range(3)] + [domain.step(data[name][i])]
    for value in others:
        other = {**data, name: [*data[name][:i], value, *data[name][i + 1 :]]}
        if repr(value) != repr(data[name][i]) and generator.legal(other) and not fails(other):
            return True
    return False


def _plainer(generator: Generator, data: Data, name: str, i: int, still: Callable[[Data], bool]) -> Data:
    domain = generator.domains[name]

    def with_value(value: Any) -> Data:
        return {**data, name: [*data[name][:i], value, *data[name][i + 1 :]]}

    plain, value = domain.simplest(), data[name][i]
    if repr(plain) == repr(value):
        return data
    if still(with_value(plain)):
        return with_value(plain)
    if value is None:
        return data
    low = plain
    for _ in range(64):
        half = domain.middle(low, value)
        if half is None or repr(half) in (repr(low), repr(value)):
            break
        if still(with_value(half)):
            value = half
        else:
            low = half
    return with_value(value)


def save(folder: Path, function: str, found: Counterexample, types: Mapping[str, str]) -> Path:
    """Write a counter-example to a file of its own, whole or not at all.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    rows = [[_written(value) for value in row] for row in zip(*found.data.values(), strict=True)]
    content = {
        "version": VERSION,
        "function": function,
        "oracle": found.oracle,
        "reason": found.reason,
        "columns": dict(types),
        "rows": rows,
    }
    place = folder / re.sub(r"[^\w.-]", ".", function)
    path = place / f"{found.oracle}-{digest([types, rows])[:12]}.json"
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        place.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as problem:
        raise DataError(f"{path}: cannot be written: {problem.strerror}; name another folder") from problem
    return path


def load(folder: Path, function: str) -> Iterator[tuple[Path, str, Data]]:
    """Read the counter-examples of a function: file, oracle, table.

    Raises
    ------
    DataError
        If a file is no counter-example; names it.
    """
    place = folder / re.sub(r"[^\w.-]", ".", function)
    for path in sorted(place.glob("*.json")) if place.is_dir() else ():
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            version = content["version"]
            rows = [[_read(value) for value in row] for row in content["rows"]]
            names = list(content["columns"])
            if any(len(row) != len(names) for row in rows):
                raise ValueError("a row has not one value for each column")
            data = {name: [row[i] for row in rows] for i, name in enumerate(names)}
            oracle = str(content["oracle"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise DataError(f"{path}: no counter-example ({problem}); remove the file, or restore it") from problem
        if version > VERSION:
            raise DataError(f"{path} has version {version}, this assay reads up to {VERSION}: upgrade assay")
        yield path, oracle, data


def shown(data: Data) -> str:
    """Write a small table in one line."""
    rows = list(zip(*data.values(), strict=True))
    if not rows:
        return "a table without rows"
    lines = [", ".join(f"{name}={short(value)}" for name, value in zip(data, row, strict=True)) for row in rows[:3]]
    return "; ".join(lines) + (f"; ... ({len(rows)} rows)" if len(rows) > 3 else "")


def short(value: Any) -> str:
    """Write a value in few signs."""
    text = str(value) if isinstance(value, (date, time)) else repr(value)
    return text if len(text) <= 40 else f"{text[:30]}...({len(text)} signs)"


def _written(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, datetime):
        return {"timestamp": value.isoformat()}
    if isinstance(value, (date, time)):
        return {type(value).__name__: value.isoformat()}
    if isinstance(value, list):
        return [_written(item) for item in value]
    if isinstance(value, dict):
        return {"struct": {key: _written(item) for key, item in value.items()}}
    return value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(item) for item in value]
    if isinstance(value, dict):
        ((kind, text),) = value.items()
        if kind == "struct":
            return {key: _read(item) for key, item in text.items()}
        read: dict[str, Callable[[str], Any]] = {
            "float": float,
            "timestamp": datetime.fromisoformat,
            "date": date.fromisoformat,
            "time": time.fromisoformat,
        }
        return read[kind](text)
    return value
