"""The Parquet files of a log: written whole, merged when they are many, each row read once.

Small files are merged in the order of their names into one that says in its footer which it replaces. From the moment
that it is there, readers pass over what it replaces, so that a merge is one rename: killed before it nothing happened,
killed after it the replaced files are only not removed yet. They stay for a minute, for readers that listed them before.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time as clock
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

MANY = 64
"""Files side by side that are merged."""

MOST_ROWS = 1_000_000
"""Rows of a merged file at most, so that a merge fits into memory."""

TIERS = 2
"""How often a row is merged at most: 64 small files, then 64 of those."""

GRACE_SECONDS = 60.0
"""Age at which a file may be merged, and one that was replaced removed: longer than anybody takes to list a folder."""

_REPLACES = b"assay.replaces"


def write(table: pa.Table, folder: Path) -> Path:
    """Write rows to a new file of a folder, flushed to the disk.

    Raises
    ------
    StoreError
        If it cannot be written; nothing is left then.
    """
    name = f"part-{clock.time_ns():020d}-{secrets.token_hex(4)}.parquet"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _put(table, folder / name)
    except OSError as error:
        raise StoreError(
            f"cannot write to {folder}: {error.strerror or error}; make it writable or free space"
        ) from error
    # The rows are safe. That files stay many is no reason to say that they are not, and have them written twice.
    with contextlib.suppress(OSError, pa.ArrowException, msgspec.DecodeError):
        merge(folder)
    return folder / name


def files(root: Path, pattern: str, deep: bool = False) -> list[str]:
    """List the files of a log that hold its rows; checks their ends, or every page when ``deep``.

    Raises
    ------
    StoreError
        Naming a file that is corrupt.
    FileNotFoundError
        If one was merged into another meanwhile: list again.
    """
    found = sorted(root.glob(pattern))
    replaced: set[Path] = set()
    for file in found:
        try:
            if deep:
                pq.ParquetFile(file).read()
            replaced |= {file.with_name(name) for name in _replaced_by(file)}
        except FileNotFoundError:
            if not file.is_symlink():
                raise
            raise StoreError(f"{file} is a link to nowhere: take it out of the log") from None
        except (pa.ArrowException, OSError, msgspec.DecodeError) as error:
            raise StoreError(f"{file} is corrupt: move it out of the log to go on without its rows") from error
    return [str(file) for file in found if file not in replaced]


def merge(folder: Path) -> None:
    """Merge files of a folder where many small ones lie side by side, and remove what was replaced long enough ago.

    Of several processes one does it; the others go on. The order of the rows stays that of the names: a merged file
    has the name of its last. Files with other columns are not merged with each other.

    Raises
    ------
    OSError, pyarrow.ArrowException
        If a file cannot be read or written; the folder holds the same rows then.
    """
    if sum(1 for _ in folder.glob("part-*.parquet")) < MANY:
        return
    with _alone(folder) as alone:
        if not alone:
            return
        # Listed now, for whoever was alone before may have merged what was there a moment ago.
        names = sorted(file.name for file in folder.glob("part-*.parquet"))
        replaces = {name: _replaced_by(folder / name) for name in names if _tier(name)}
        gone = {name for listed in replaces.values() for name in listed}
        cutoff = clock.time_ns() - round(GRACE_SECONDS * 1e9)
        live = [name for name in names if name not in gone and _written(name) < cutoff]
        for name, listed in replaces.items():
            if (folder / name).stat().st_mtime_ns < cutoff:
                for old in listed:
                    (folder / old).unlink(missing_ok=True)
        for tier in range(TIERS):
            groups = [group for run in _runs(live, tier) for group in _alike(folder, run)]
            for group in groups:
                _merge(folder, group, tier + 1, {old for name in group for old in replaces.get(name, ())})
            if groups:
                # What was merged is not live any more: the next tier waits for the next time.
                return


def _runs(live: Sequence[str], tier: int) -> Iterator[list[str]]:
    """Sequences of at least :data:`MANY` files of this tier or below it."""
    run: list[str] = []
    for name in [*live, ""]:
        if name and _tier(name) <= tier:
            run.append(name)
            continue
        if len(run) >= MANY:
            yield run
        run = []


def _alike(folder: Path, run: Sequence[str]) -> Iterator[list[str]]:
    """Cut a run where the columns change or the rows become too many; a file alone is left as it is."""
    group: list[str] = []
    rows, schema = 0, None
    for name in run:
        footer = pq.ParquetFile(folder / name)
        if group and (schema != footer.schema_arrow.remove_metadata() or rows + footer.metadata.num_rows > MOST_ROWS):
            if len(group) > 1:
                yield group
            group, rows = [], 0
        group.append(name)
        rows, schema = rows + footer.metadata.num_rows, footer.schema_arrow.remove_metadata()
    if len(group) > 1:
        yield group


def _merge(folder: Path, group: Sequence[str], tier: int, older: Collection[str]) -> None:
    tables = [pq.ParquetFile(folder / name).read().replace_schema_metadata() for name in group]
    # What a merged file had replaced and is still there would come back with its removal.
    replaced = [*group, *(name for name in older if (folder / name).exists())]
    table = pa.concat_tables(tables).replace_schema_metadata({_REPLACES: msgspec.json.encode(replaced)})
    last = group[-1].partition(".")[0]
    _put(table, folder / f"{last}.t{tier}.parquet")


def _put(table: pa.Table, path: Path) -> None:
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        with unfinished.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        _sync(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def _replaced_by(file: Path) -> list[str]:
    metadata = pq.read_metadata(file).metadata or {}
    return msgspec.json.decode(metadata.get(_REPLACES, b"[]"), type=list[str])


def _tier(name: str) -> int:
    mark = name.removesuffix(".parquet").partition(".t")[2]
    return int(mark) if mark.isdigit() else 0


def _written(name: str) -> int:
    """When a file was written, in nanoseconds; a name that says nothing is of no age."""
    stamp = name.split("-")[1]
    return int(stamp) if stamp.isdigit() else clock.time_ns()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    with (folder / ".merging").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _sync(folder: Path) -> None:
    # Without it a power cut may lose the name of a file whose content is safe.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
