"""Many small files become few, and no row is lost, doubled or moved."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.errors import StoreError
from assay.store import parts
from assay.store.events import LabelLog, PredictionLog, maturity, outcomes

NOON = datetime(2013, 4, 1, 12)
ROWS = 5


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MANY", 4)
    monkeypatch.setattr(parts, "GRACE_SECONDS", 0.0)


def rows_of(number: int, rows: int = ROWS, **more: list[object]) -> pa.Table:
    ids = [f"{number}-{row}" for row in range(rows)]
    plain = {"id": ids, "time": [NOON] * rows, "model": ["m"] * rows, "version": ["1"] * rows}
    return pa.table({**plain, "prediction": [number] * rows, **more})


def stored(root: Path) -> list[str]:
    """Every id that a reader sees, as often as it sees it."""
    found = parts.files(root, "model=*/version=*/date=*/part-*.parquet")
    return sorted(name for file in found for name in pq.ParquetFile(file).read()["id"].to_pylist())


def names(root: Path) -> list[Path]:
    return sorted(root.rglob("part-*.parquet"))


def child(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def test_many_files_become_few_with_the_same_rows(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    for number in range(60):
        log.append(rows_of(number))
    assert stored(tmp_path) == sorted(f"{number}-{row}" for number in range(60) for row in range(ROWS))
    assert len(parts.files(tmp_path, "**/part-*.parquet")) <= 12
    assert len(names(tmp_path)) <= 20
    assert any(".t2." in path.name for path in names(tmp_path))
    assert maturity(tmp_path).predictions == 60 * ROWS


def test_young_files_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "GRACE_SECONDS", 60.0)
    for number in range(12):
        PredictionLog(tmp_path).append(rows_of(number))
    assert len(names(tmp_path)) == 12


def test_of_labels_of_one_moment_the_last_written_still_counts(tmp_path: Path) -> None:
    PredictionLog(tmp_path).append(rows_of(0))
    for number in range(30):
        LabelLog(tmp_path).append(["0-0", "0-1"], [number, number], NOON)
        assert outcomes(tmp_path)["label"].to_pylist() == [number, number]
    assert len(names(tmp_path / "labels")) < 15
    assert maturity(tmp_path).corrected == 58


def test_files_with_other_columns_and_large_ones_stay_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = PredictionLog(tmp_path)
    monkeypatch.setattr(parts, "MOST_ROWS", 3 * ROWS)
    for number in range(12):
        more = {"hour": [number] * ROWS} if number < 6 else {"wind": [0.5] * ROWS}
        log.append(rows_of(number, **more))
    assert len(stored(tmp_path)) == len(set(stored(tmp_path))) == 12 * ROWS
    live = [pq.read_metadata(file) for file in parts.files(tmp_path, "**/part-*.parquet")]
    assert max(one.num_rows for one in live) == 3 * ROWS
    assert {"hour", "wind"} & {*live[0].schema.names} == {"hour"}
    assert {"hour", "wind"} & {*live[-1].schema.names} == {"wind"}


def test_killed_at_each_step_of_a_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MANY", 10**6)
    for number in range(9):
        PredictionLog(tmp_path / "0").append(rows_of(number))
    monkeypatch.setattr(parts, "MANY", 4)
    expected = sorted(f"{number}-{row}" for number in range(9) for row in range(ROWS))

    def until(folder: Path, fatal: int) -> None:
        left = fatal

        def counted(what: Callable[..., object]) -> Callable[..., object]:
            def step(*words: object, **more: object) -> object:
                nonlocal left
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
                return what(*words, **more)

            return step

        for place, name in ((os, "fsync"), (Path, "rename"), (Path, "unlink"), (pq, "write_table")):
            setattr(place, name, counted(getattr(place, name)))
        # The first merges, the second removes what the first replaced.
        parts.merge(folder)
        parts.merge(folder)

    killed, doubled = 0, 0
    for fatal in range(1, 100):
        root = tmp_path / str(fatal)
        shutil.copytree(tmp_path / "0", root)
        [folder] = root.glob("model=m/version=1/date=*")
        _, status = os.waitpid(child(partial(until, folder, fatal)), 0)
        assert stored(root) == expected
        plain = [name for path in names(root) for name in pq.ParquetFile(path).read()["id"].to_pylist()]
        doubled += len(plain) > len(expected)
        # Whoever comes next ends what was begun.
        parts.merge(folder)
        parts.merge(folder)
        assert stored(root) == expected
        assert len(names(root)) < 5
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        killed += 1
    # To write, to flush and to rename the merged file, to flush its name, and to remove nine.
    assert killed == 13
    # Who reads every file, as a reader that knows of no merging would, sees rows twice: the test would notice.
    assert doubled == 10


def writer(root: Path, start: int, count: int) -> Callable[[], None]:
    def work() -> None:
        for number in range(start, start + count):
            PredictionLog(root).append(rows_of(number))

    return work


def test_readers_see_whole_batches_while_two_write_and_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough to list a folder, short enough that files vanish under the reader.
    monkeypatch.setattr(parts, "GRACE_SECONDS", 0.5)
    PredictionLog(tmp_path).append(rows_of(0))
    writers = [child(writer(tmp_path, start, 120)) for start in (1000, 2000)]
    seen, readings = 0, 0
    while writers:
        found = maturity(tmp_path)
        assert found.repeated == 0
        assert found.predictions % ROWS == 0
        assert found.predictions >= seen
        seen, readings = found.predictions, readings + 1
        for pid in list(writers):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                assert status == 0
                writers.remove(pid)
    assert readings > 1
    monkeypatch.setattr(parts, "GRACE_SECONDS", 0.0)
    [folder] = tmp_path.glob("model=m/version=1/date=*")
    for _ in range(3):
        parts.merge(folder)
    assert maturity(tmp_path).predictions == 241 * ROWS
    assert len(names(tmp_path)) < 150


@pytest.fixture
def vanishing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A listing that names a file which is gone by the time it is read, once."""
    told: list[str] = []
    listed = parts.files

    def once(root: Path, pattern: str, deep: bool = False) -> list[str]:
        found = listed(root, pattern, deep)
        if not told and found:
            told.append(found[0])
            return [*found, f"{found[0]}.gone"]
        return found

    monkeypatch.setattr(parts, "files", once)
    return told


def test_a_file_that_vanishes_under_the_reader_is_looked_for_again(tmp_path: Path, vanishing: list[str]) -> None:
    PredictionLog(tmp_path).append(rows_of(0))
    assert maturity(tmp_path).predictions == ROWS
    assert vanishing


def test_a_link_to_nowhere_is_no_endless_search(tmp_path: Path) -> None:
    [path] = PredictionLog(tmp_path).append(rows_of(0))
    path.with_name("part-1-x.parquet").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=r"part-1-x\.parquet is a link to nowhere"):
        maturity(tmp_path)


def test_rows_are_kept_when_a_merge_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(parts, "_merge", full)
    for number in range(8):
        PredictionLog(tmp_path).append(rows_of(number))
    assert len(stored(tmp_path)) == 8 * ROWS
