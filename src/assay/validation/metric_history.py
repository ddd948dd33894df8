"""What a table measured in the past: metrics of each batch, by time and tags."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from assay.errors import StoreError, UsageError
from assay.validation.analyzers import Analyzer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from assay.core import Verdict
    from assay.validation.anomaly_rules import Strategy


class Recorded(msgspec.Struct, frozen=True):
    """The metrics of one batch.

    Attributes
    ----------
    time : datetime
        With a time zone.
    tags : dict of str to str
    metrics : dict of Analyzer to value
        As :func:`assay.validation.measure` gave them; what is no number or text comes back from a file as plain values.
    """

    time: datetime
    tags: dict[str, str]
    metrics: dict[Analyzer, Any]


class MetricHistory:
    """Metrics of batch after batch, kept in a file or in memory.

    What :func:`assay.validation.measure` gave is put in under a time and tags, and comes out by time, tags and analyzer.
    Metrics that are put in again under the same time and tags take the place of the earlier ones of the same analyzers.

    Parameters
    ----------
    path : path, optional
        A file of JSON lines, to which each batch adds one; it may be kept in version control or shared. By default
        the history lives in memory.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay.validation import Completeness, Size, measure
    >>> history = MetricHistory()
    >>> for day in (1, 2, 3):
    ...     batch = pa.table({"a": [1, None, *range(day)]})
    ...     history.append(measure(batch, [Size(), Completeness("a")]), f"2013-01-0{day}", source="east")
    >>> history.series(Size(), after="2013-01-02")[1]
    [4, 5]
    >>> history.frame(analyzers=[Completeness("a")])[["time", "value", "source"]].to_dict("list")["value"]
    [0.6666666666666666, 0.75, 0.8]
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path) if path is not None else None
        self._kept: list[Recorded] = []

    def append(self, metrics: Mapping[Analyzer, Any], time: datetime | date | str, **tags: str) -> None:
        """Put in the metrics of a batch.

        Parameters
        ----------
        metrics : dict of Analyzer to value
        time : datetime, date or ISO 8601 text
            Of the batch; without a time zone it is read as UTC.
        **tags : str

        Raises
        ------
        UsageError
            If a key is no analyzer, an analyzer cannot be written down (it holds a function), or a time cannot be read.
        StoreError
            If the file cannot be written.
        """
        for analyzer in metrics:
            if not isinstance(analyzer, Analyzer):
                raise UsageError(f"{analyzer!r} is no analyzer: give what assay.validation.measure returned")
        recorded = Recorded(_instant(time), {key: str(value) for key, value in tags.items()}, dict(metrics))
        line = _written(recorded)
        if self.path is None:
            self._kept.append(recorded)
            return
        try:
            # One write of a whole line at the end of the file: two processes cannot mix theirs.
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(handle, line)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as problem:
            raise StoreError(f"{self.path}: the history cannot be written: {problem.strerror}") from problem

    def load(
        self,
        *,
        analyzers: Iterable[Analyzer] | None = None,
        after: datetime | date | str | None = None,
        before: datetime | date | str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> list[Recorded]:
        """Give what was put in, in time order.

        Parameters
        ----------
        analyzers : iterable of Analyzer, optional
            Only these metrics.
        after, before : datetime, date or ISO 8601 text, optional
            Only batches of these times, both ends included.
        tags : dict of str to str, optional
            Only batches that have all of these tags.

        Raises
        ------
        StoreError
            If a line of the file cannot be read: names the file and the line.
        """
        wanted = None if analyzers is None else set(analyzers)
        start = None if after is None else _instant(after)
        end = None if before is None else _instant(before)
        merged: dict[tuple[datetime, tuple[tuple[str, str], ...]], Recorded] = {}
        for each in self._all():
            if (start is not None and each.time < start) or (end is not None and each.time > end):
                continue
            if any(each.tags.get(key) != str(value) for key, value in (tags or {}).items()):
                continue
            key = (each.time, tuple(sorted(each.tags.items())))
            known = merged[key].metrics if key in merged else {}
            fresh = {a: v for a, v in each.metrics.items() if wanted is None or a in wanted}
            merged[key] = Recorded(each.time, each.tags, known | fresh)
        return sorted((each for each in merged.values() if each.metrics), key=lambda each: each.time)

    def series(self, analyzer: Analyzer, **where: Any) -> tuple[list[datetime], list[Any]]:
        """Give the times and values of one metric; batches where it has no value are left out.

        ``where`` is as in :meth:`load`, without ``analyzers``.
        """
        found = [each for each in self.load(analyzers=[analyzer], **where) if each.metrics[analyzer] is not None]
        return [each.time for each in found], [each.metrics[analyzer] for each in found]

    def newest(self, analyzer: Analyzer, strategy: Strategy, *, check: str = "history", **where: Any) -> Verdict:
        """Ask a strategy whether the newest value of a metric is an anomaly: :func:`assay.validation.newest_value`.

        ``where`` is as in :meth:`load`, without ``analyzers``.

        Raises
        ------
        DataError
            If the metric has no value at all, or is no number.
        """
        from assay.validation.anomalies import newest_value

        times, values = self.series(analyzer, **where)
        return newest_value(values, strategy, times=times, check=check, subject=_title(analyzer))

    def frame(self, **where: Any) -> pd.DataFrame:
        """Give a row for each metric: time, analyzer, columns, part, value, and a column for each tag.

        ``where`` is as in :meth:`load`. A metric of several numbers has a row for each, named in ``part``.
        """
        import pandas as pd

        rows = []
        for each in self.load(**where):
            for analyzer, value in each.metrics.items():
                terms = {
                    "time": each.time,
                    "analyzer": type(analyzer).__name__,
                    "columns": ", ".join(analyzer.columns),
                    "metric": _title(analyzer),
                }
                rows += [{**terms, "part": part, "value": number, **each.tags} for part, number in _numbers(value)]
        named = ["time", "analyzer", "columns", "metric", "part", "value"]
        tags = sorted({key for row in rows for key in row} - set(named))
        return pd.DataFrame(rows, columns=[*named, *tags])

    def json(self, **where: Any) -> str:
        """Give the same batches as one JSON list; ``where`` is as in :meth:`load`."""
        return "[" + ",".join(_written(each).decode().strip() for each in self.load(**where)) + "]"

    def _all(self) -> list[Recorded]:
        if self.path is None:
            return self._kept
        try:
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        except (OSError, UnicodeDecodeError) as problem:
            raise StoreError(f"{self.path}: the history cannot be read: {problem}") from problem
        return [self._read(line, number) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]

    def _read(self, line: str, number: int) -> Recorded:
        try:
            found = msgspec.json.decode(line)
            metrics = {_analyzer(metric["analyzer"], metric["terms"]): metric["value"] for metric in found["metrics"]}
            return Recorded(_instant(found["time"]), dict(found["tags"]), metrics)
        except (
            msgspec.DecodeError,
            msgspec.ValidationError,
            KeyError,
            TypeError,
            AttributeError,
            UsageError,
        ) as problem:
            raise StoreError(
                f"{self.path}, line {number}: no metrics of a batch ({problem}); remove the line, or mend it"
            ) from problem


def _instant(time: datetime | date | str) -> datetime:
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time)
        except ValueError as problem:
            raise UsageError(f"time: {time!r} is no date or time; write for example 2013-01-31") from problem
    if not isinstance(time, datetime):
        if not isinstance(time, date):
            raise UsageError(f"time: {time!r} is no date or time; write for example 2013-01-31")
        time = datetime(time.year, time.month, time.day)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _written(recorded: Recorded) -> bytes:
    metrics = []
    for analyzer, value in recorded.metrics.items():
        name = type(analyzer).__name__
        try:
            terms = msgspec.to_builtins(analyzer)
            msgspec.json.encode(terms)
        except TypeError as problem:
            raise UsageError(f"{name} holds a function, which a history cannot keep: {problem}") from problem
        metrics.append({"analyzer": name, "terms": terms, "value": msgspec.to_builtins(value, str_keys=True)})
    line = {"time": recorded.time.isoformat(), "tags": recorded.tags, "metrics": metrics}
    return msgspec.json.encode(line) + b"\n"


def _analyzer(name: str, terms: Mapping[str, Any]) -> Analyzer:
    from assay import validation

    kind = getattr(validation, name)
    if not (isinstance(kind, type) and issubclass(kind, Analyzer)):
        raise TypeError(f"{name} is no analyzer")
    # JSON has no tuples, and an analyzer that holds a list could be no key.
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in terms.items()})


def _title(analyzer: Analyzer) -> str:
    terms = [value for value in msgspec.structs.astuple(analyzer) if value not in ("", (), None)]
    told = ", ".join(", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value) for value in terms)
    return f"{type(analyzer).__name__}({told})"


def _numbers(value: Any) -> list[tuple[str, Any]]:
    """Split a metric into its parts: a number or text has one, without a name."""
    plain = msgspec.to_builtins(value, str_keys=True)
    if isinstance(plain, dict):
        return [
            (f"{key}.{part}" if part else str(key), number)
            for key, inner in plain.items()
            for part, number in _numbers(inner)
        ]
    if isinstance(plain, (list, tuple)):
        return [
            (f"{place}.{part}" if part else str(place), number)
            for place, inner in enumerate(plain)
            for part, number in _numbers(inner)
        ]
    return [("", plain)]
