"""The request log: every answer on its way to Parquet, never in the way of an answer."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pyarrow as pa

from assay.errors import StoreError
from assay.store.events import RESERVED, TIME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

logger = logging.getLogger(__name__)
# Rows are written when no more came for this long: busy servers write large files, idle ones write at once.
IDLE_SECONDS = 0.1


class Sink(Protocol):
    """Where tables of predictions go, such as :class:`assay.store.events.PredictionLog`."""

    def append(self, table: pa.Table) -> object:
        """Keep the rows, or raise StoreError or OSError to be asked again."""


class Answer(NamedTuple):
    """One request and what was answered."""

    model: str
    version: str
    time: datetime
    ids: Sequence[str]
    columns: Mapping[str, Sequence[Any]]
    prediction: Sequence[Any]
    score: Sequence[float | None]


class RequestLog:
    """A bounded queue of answers and one thread that writes them.

    :meth:`record` never waits for the disk. When the disk fails, rows are kept and tried again; when the queue is full,
    new rows are dropped and counted, so the drop rate is known to whoever reads the log. After a crash at most the rows
    not yet written are lost: those of the last ``flush_seconds``, as long as the disk keeps up.

    Parameters
    ----------
    sink : Sink
        Where the rows go.
    capacity : int, default 100000
        Rows held at most, those being written included.
    batch_rows : int, default 4096
        Rows that start a write at once.
    flush_seconds : float, default 1
        Longest wait before rows are written.

    Attributes
    ----------
    written, dropped, failures : int
        Rows that reached the sink, rows that never will, and attempts to write that failed.
    """

    def __init__(
        self, sink: Sink, *, capacity: int = 100_000, batch_rows: int = 4096, flush_seconds: float = 1.0
    ) -> None:
        self.written = 0
        self.dropped = 0
        self.failures = 0
        self._sink = sink
        self._capacity = capacity
        self._batch_rows = batch_rows
        self._flush_seconds = flush_seconds
        self._answers: deque[Answer] = deque()
        self._rows = 0
        self._held = 0
        self._closing = False
        self._changed = threading.Condition()
        self._writer = threading.Thread(target=self._run, name="assay-request-log", daemon=True)
        self._writer.start()

    def record(self, answer: Answer) -> bool:
        """Queue an answer; False when it was dropped because the queue is full or closed."""
        rows = len(answer.ids)
        with self._changed:
            if self._closing or self._rows + rows > self._capacity:
                self.dropped += rows
                return False
            self._answers.append(answer)
            self._rows += rows
            if self._rows - self._held >= self._batch_rows:
                self._changed.notify()
            return True

    def status(self) -> dict[str, int]:
        """Counts for the health page."""
        return {
            "queued": self._rows,
            "written": self.written,
            "dropped": self.dropped,
            "failures": self.failures,
        }

    def close(self, timeout: float = 10.0) -> None:
        """Write what is queued and stop; rows not written after ``timeout`` seconds count as dropped."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._writer.join(timeout)
        with self._changed:
            if self._rows:
                logger.warning("request log: %d rows were not written before the end", self._rows)
            self.dropped += self._rows
            self._rows = 0

    def _run(self) -> None:
        while True:
            with self._changed:
                self._await_rows()
                closing = self._closing
                answers = list(self._answers)
                self._answers.clear()
                self._held = sum(len(answer.ids) for answer in answers)
            left = [group for group in _by_table(answers) if not self._write(group)]
            with self._changed:
                self._answers.extendleft(reversed([answer for group in left for answer in group]))
                self._held = 0
            if closing:
                return
            if left:
                # A failing disk is asked again after a pause, not in a loop.
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, self._flush_seconds)

    def _await_rows(self) -> None:
        """Wait until a write is due, the longest wait is over, or rows are there and no more came for a moment."""
        deadline = time.monotonic() + self._flush_seconds
        seen = -1
        while not self._is_due() and time.monotonic() < deadline and not 0 < self._rows == seen:
            seen = self._rows
            self._changed.wait(min(IDLE_SECONDS, self._flush_seconds))

    def _is_due(self) -> bool:
        return self._closing or self._rows >= self._batch_rows

    def _write(self, answers: list[Answer]) -> bool:
        """True when done with the rows, written or hopeless; False to try again."""
        rows = sum(len(answer.ids) for answer in answers)
        try:
            self._sink.append(_table(answers))
        except (StoreError, OSError) as error:
            self.failures += 1
            if self.failures == 1 or self.failures % 60 == 0:
                logger.warning("request log: %s; predictions go on, rows wait (failure %d)", error, self.failures)
            return False
        except Exception as error:
            logger.warning("request log: %d rows cannot be stored and are dropped: %s", rows, error)
            self._forget(rows, written=False)
            return True
        self._forget(rows, written=True)
        return True

    def _forget(self, rows: int, *, written: bool) -> None:
        with self._changed:
            # After close has given up on a stuck writer, its rows are counted already.
            rows = min(rows, self._rows)
            self._rows -= rows
            if written:
                self.written += rows
            else:
                self.dropped += rows


def _by_table(answers: Iterable[Answer]) -> list[list[Answer]]:
    """Answers that share their columns, so that each list becomes one table."""
    groups: dict[tuple[Any, ...], list[Answer]] = {}
    for answer in answers:
        groups.setdefault((answer.model, answer.version, *answer.columns), []).append(answer)
    return list(groups.values())


def _table(answers: list[Answer]) -> pa.Table:
    sizes = [len(answer.ids) for answer in answers]
    rows = sum(sizes)
    times = chain.from_iterable([answer.time] * size for answer, size in zip(answers, sizes, strict=True))
    columns = {
        "id": pa.array(chain.from_iterable(answer.ids for answer in answers), pa.string()),
        "time": pa.array(times, TIME),
        "model": pa.repeat(answers[0].model, rows),
        "version": pa.repeat(answers[0].version, rows),
        "prediction": pa.array(chain.from_iterable(answer.prediction for answer in answers)),
        "score": pa.array(chain.from_iterable(answer.score for answer in answers), pa.float64()),
    }
    for name in answers[0].columns:
        values = pa.array(chain.from_iterable(answer.columns[name] for answer in answers), from_pandas=True)
        columns[f"input_{name}" if name in RESERVED else name] = values
    return pa.table(columns)
