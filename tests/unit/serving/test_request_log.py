"""The request log never makes a prediction wait, and counts every row that it loses."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from assay.errors import DataError, StoreError
from assay.serving.request_log import Answer, RequestLog
from assay.store.events import PredictionLog, maturity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

NOON = datetime(2013, 4, 1, 12)


def answer(start: int, rows: int = 1, version: str = "1", **columns: list[Any]) -> Answer:
    ids = [str(i) for i in range(start, start + rows)]
    return Answer("flights", version, NOON, ids, columns or {"hour": [3] * rows}, [1] * rows, [0.5] * rows)


class Tables:
    """A sink that keeps tables, or does what the test says first."""

    def __init__(self, first: Callable[[], None] = lambda: None) -> None:
        self.tables: list[pa.Table] = []
        self.first = first

    def append(self, table: pa.Table) -> None:
        self.first()
        self.tables.append(table)

    @property
    def ids(self) -> list[str]:
        return [value for table in self.tables for value in table["id"].to_pylist()]


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited ten seconds in vain"
        time.sleep(0.005)


def test_rows_reach_the_prediction_log(tmp_path: Path) -> None:
    log = RequestLog(PredictionLog(tmp_path))
    log.record(answer(0, 2, hour=[3, None], id=["x", "y"]))
    log.record(answer(2, 1, version="2"))
    log.close()
    assert maturity(tmp_path, "flights").predictions == 3
    assert (log.written, log.dropped, log.failures) == (3, 0, 0)
    tables = Tables()
    log = RequestLog(tables)
    log.record(answer(0, 2, hour=[3, None], id=["x", "y"]))
    log.close()
    [row, other] = tables.tables[0].to_pylist()
    assert row == {
        "id": "0",
        "time": NOON,
        "model": "flights",
        "version": "1",
        "prediction": 1,
        "score": 0.5,
        "hour": 3,
        "input_id": "x",
    }
    assert other["hour"] is None


def test_writes_after_the_given_time_or_rows() -> None:
    slow, quick = Tables(), Tables()
    with_time = RequestLog(quick, flush_seconds=0.02)
    with_time.record(answer(0))
    wait_until(lambda: quick.ids == ["0"])
    with_rows = RequestLog(slow, batch_rows=3, flush_seconds=3600)
    with_rows.record(answer(0, 2))
    time.sleep(0.05)
    assert slow.tables == []
    with_rows.record(answer(2))
    wait_until(lambda: slow.ids == ["0", "1", "2"])
    with_time.close()
    with_rows.close()


def test_a_stuck_writer_never_blocks_and_drops_are_counted() -> None:
    freed = threading.Event()
    sink = Tables(freed.wait)  # type: ignore[arg-type]
    log = RequestLog(sink, capacity=100, batch_rows=10, flush_seconds=0.01)
    slowest = 0.0
    for i in range(1000):
        start = time.perf_counter()
        log.record(answer(i))
        slowest = max(slowest, time.perf_counter() - start)
    assert slowest < 0.5
    assert log.dropped == 900
    assert log.status()["queued"] == 100
    freed.set()
    log.close()
    assert sink.ids == [str(i) for i in range(100)]
    assert (log.written, log.dropped) == (100, 900)


def test_close_gives_up_on_a_stuck_writer() -> None:
    freed = threading.Event()
    log = RequestLog(Tables(freed.wait), flush_seconds=0.01)  # type: ignore[arg-type]
    log.record(answer(0, 5))
    log.close(timeout=0.1)
    assert (log.written, log.dropped) == (0, 5)
    assert not log.record(answer(5))
    assert log.dropped == 6
    freed.set()


@pytest.mark.parametrize("error", [StoreError("disk full"), OSError("disk full")])
def test_rows_wait_for_a_failing_disk(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    left = [3]

    def fail() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise error

    sink = Tables(fail)
    log = RequestLog(sink, flush_seconds=0.01)
    with caplog.at_level(logging.WARNING):
        for i in range(10):
            assert log.record(answer(i))
            time.sleep(0.005)
        wait_until(lambda: log.written == 10)
    assert sorted(sink.ids) == sorted(map(str, range(10)))
    assert (log.dropped, log.failures) == (0, 3)
    assert [record.getMessage() for record in caplog.records] == [
        "request log: disk full; predictions go on, rows wait (failure 1)"
    ]
    log.close()


def test_a_disk_that_never_heals_loses_only_what_does_not_fit() -> None:
    def fail() -> None:
        raise StoreError("read-only")

    log = RequestLog(Tables(fail), capacity=20, flush_seconds=0.01)
    for i in range(30):
        log.record(answer(i))
    assert log.dropped == 10
    log.close()
    assert (log.written, log.dropped) == (0, 30)
    assert log.failures >= 1


def test_rows_that_cannot_be_stored_do_not_hold_up_the_rest() -> None:
    def refuse() -> None:
        if not sink.tables:
            sink.first = lambda: None
            raise DataError("column 'hour' mixes types")

    sink = Tables(refuse)
    log = RequestLog(sink, flush_seconds=0.01)
    log.record(answer(0, 2))
    wait_until(lambda: log.dropped == 2)
    log.record(answer(2, 2, hour=["noon", 3]))
    wait_until(lambda: log.dropped == 4)
    log.record(answer(4))
    log.close()
    assert sink.ids == ["4"]
    assert (log.written, log.dropped, log.failures) == (1, 4, 0)


def test_no_row_is_lost_or_doubled_by_many_threads() -> None:
    sink = Tables()
    log = RequestLog(sink, batch_rows=50, flush_seconds=0.001)
    threads = [
        threading.Thread(target=lambda k=k: [log.record(answer(1000 * k + i)) for i in range(500)]) for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert sorted(map(int, sink.ids)) == sorted(1000 * k + i for k in range(8) for i in range(500))
    assert log.written == 4000
