from __future__ import annotations

import doctest
import importlib
import json
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import DataError, StoreError, UsageError
from assay.validation import (
    ApproxQuantiles,
    BatchNormal,
    Completeness,
    Conformal,
    Histogram,
    Mean,
    MetricHistory,
    OnlineNormal,
    SimpleThreshold,
    Size,
    Uniqueness,
    measure,
    newest_value,
)

BATCH = pa.table({"a": [1, 2, 2, None], "b": ["x", "y", "y", "x"]})
ALL = [Size(), Completeness("a"), Uniqueness(["a", "b"]), Histogram("b"), ApproxQuantiles("a", (0.5, 0.9)), Mean("a")]


@pytest.mark.parametrize("module", ["anomalies", "conformal", "holt_winters", "metric_history"])
def test_examples_run(module):
    assert doctest.testmod(importlib.import_module(f"assay.validation.{module}")).failed == 0


def test_what_was_measured_comes_back_from_the_file(tmp_path):
    path = tmp_path / "history.jsonl"
    measured = measure(BATCH, ALL)
    MetricHistory(path).append(measured, "2013-01-02", source="east")
    MetricHistory(path).append(measure(BATCH, [Size()]), date(2013, 1, 1), source="west")
    first, second = MetricHistory(path).load()
    assert first.time == datetime(2013, 1, 1, tzinfo=UTC)
    assert second.tags == {"source": "east"}
    assert set(second.metrics) == set(ALL)
    for analyzer in (Size(), Completeness("a"), Uniqueness(["a", "b"]), Mean("a")):
        assert second.metrics[analyzer] == measured[analyzer]


def test_loads_by_time_tags_and_analyzer():
    history = MetricHistory()
    for day in range(1, 6):
        history.append({Size(): day, Mean("a"): None}, date(2013, 1, day), part="even" if day % 2 == 0 else "odd")
    assert history.series(Size(), after="2013-01-02", before="2013-01-04")[1] == [2, 3, 4]
    assert history.series(Size(), tags={"part": "even"})[1] == [2, 4]
    assert history.series(Mean("a")) == ([], [])
    assert history.load(analyzers=[Completeness("a")]) == []


def test_the_same_time_and_tags_replace_what_was_there():
    history = MetricHistory()
    history.append({Size(): 1, Mean("a"): 7.0}, "2013-01-01")
    history.append({Size(): 2}, "2013-01-01")
    history.append({Size(): 3}, "2013-01-01", source="east")
    assert [each.metrics for each in history.load()] == [{Size(): 2, Mean("a"): 7.0}, {Size(): 3}]


def test_frame_and_json_have_every_number():
    history = MetricHistory()
    history.append(measure(BATCH, ALL), "2013-01-01", source="east")
    frame = history.frame()
    assert list(frame.columns) == ["time", "analyzer", "columns", "metric", "part", "value", "source"]
    assert frame.set_index("metric")["value"]["Completeness(a)"] == 0.75
    assert len(frame[frame.analyzer == "ApproxQuantiles"]) == 2
    [told] = json.loads(history.json(analyzers=[Size()]))
    assert told["metrics"] == [{"analyzer": "Size", "terms": {"where": ""}, "value": 4}]


def test_refuses_what_it_could_not_give_back(tmp_path):
    history = MetricHistory(tmp_path / "h.jsonl")
    with pytest.raises(UsageError, match="no analyzer"):
        history.append({"Size": 4}, "2013-01-01")
    with pytest.raises(UsageError, match="function"):
        history.append({Histogram("b", binning=lambda value: value): {}}, "2013-01-01")
    with pytest.raises(UsageError, match="no date"):
        history.append({Size(): 4}, "soon")
    assert not (tmp_path / "h.jsonl").exists()


@pytest.mark.parametrize(
    "line", ["{", '{"time": 1}', '{"time":"2013-01-01","tags":{},"metrics":[{"analyzer":"Os","terms":{},"value":1}]}']
)
def test_names_the_line_that_cannot_be_read(tmp_path, line):
    path = tmp_path / "h.jsonl"
    history = MetricHistory(path)
    history.append({Size(): 4}, "2013-01-01")
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(StoreError, match=r"h\.jsonl, line 2"):
        history.load()


def test_the_newest_value_by_each_rule():
    history = MetricHistory()
    rows = np.random.default_rng(0).normal(1000, 10, 100).astype(int)
    for day, count in enumerate([*rows.tolist(), 700]):
        history.append({Size(): count}, date.fromordinal(date(2013, 1, 1).toordinal() + day))
    verdict = history.newest(Size(), Conformal(0.01))
    assert verdict.status == "fail"
    assert verdict.subject == "Size()"
    assert verdict.guarantee.error == 0.01
    assert verdict.evidence.lower > 900
    assert history.newest(Size(), Conformal(0.01), before="2013-04-10").status == "pass"
    assert history.newest(Size(), BatchNormal()).guarantee.kind == "estimate"
    assert history.newest(Size(), SimpleThreshold(upper=10)).guarantee.kind == "none"
    yearly = history.newest(Size(), Conformal(false_alarms="1/year"))
    assert yearly.inconclusive
    assert yearly.actions[0].units == 265
    assert "takes 365 earlier values" in yearly.reason
    assert newest_value(rows[:10], OnlineNormal()).inconclusive
    with pytest.raises(ValueError, match="block"):
        newest_value(rows.tolist(), BatchNormal(), blocking=True)
    with pytest.raises(DataError, match="no value yet"):
        history.newest(Mean("a"), Conformal())
    with pytest.raises(DataError, match="value 0"):
        newest_value(["x"], Conformal())


def test_dependence_takes_the_guarantee_away():
    rng = np.random.default_rng(1)
    week = np.tile([5, 5, 5, 5, 5, 0, 0], 30) + rng.normal(size=210)
    verdict = newest_value(week.tolist(), Conformal(0.05))
    assert verdict.inconclusive
    assert "season = 7" in verdict.reason
    assert verdict.guarantee.kind == "none"
    assert newest_value(week.tolist(), Conformal(0.05, season=7)).passed
    walk = np.cumsum(rng.normal(size=60))
    assert "the one before" in newest_value(walk.tolist(), Conformal(0.05)).reason
