"""The logs keep every row they were given, whole, and join it to its label."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.errors import DataError, StoreError
from assay.store.events import LabelLog, Maturity, PredictionLog, answered, maturity, outcomes

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2013, 4, 1, 12)
DAY = timedelta(days=1)


def predictions(ids: list[str], when: Any = NOON, version: str = "1", **columns: Any) -> pa.Table:
    n = len(ids)
    given = {
        "id": ids,
        "time": when if isinstance(when, list) else [when] * n,
        "model": ["flights"] * n,
        "version": [version] * n,
        "prediction": [1] * n,
    }
    return pa.table(given | columns)


def test_rows_go_to_a_file_by_model_version_and_day(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    written = log.append(
        predictions(["a", "b", "c"], [NOON, NOON + DAY, NOON], score=[0.5, None, 0.25], hour=[1, 2, 3])
    )
    written += log.append(predictions(["d"], version="2"))
    assert [str(path.parent.relative_to(tmp_path)) for path in sorted(written)] == [
        "model=flights/version=1/date=2013-04-01",
        "model=flights/version=1/date=2013-04-02",
        "model=flights/version=2/date=2013-04-01",
    ]
    first = pq.ParquetFile(min(written)).read()
    assert first.schema.names == ["id", "time", "model", "version", "prediction", "score", "hour"]
    assert first.schema.field("time").type == pa.timestamp("us")
    assert first.to_pydict()["id"] == ["a", "c"]
    assert first.to_pydict()["score"] == [0.5, 0.25]
    assert pq.ParquetFile(max(written)).read()["score"].to_pylist() == [None]


def test_outcomes_come_in_the_order_of_their_labels(tmp_path: Path) -> None:
    PredictionLog(tmp_path).append(predictions(["a", "b", "c", "d"], hour=[1, 2, 3, 4]))
    labels = LabelLog(tmp_path)
    labels.append(["c"], [0], NOON + DAY)
    labels.append(["b", "a"], [1, 0], NOON + 2 * DAY)
    table = outcomes(tmp_path)
    assert table.schema.names[-2:] == ["label", "label_time"]
    assert table.to_pydict()["id"] == ["c", "a", "b"]
    assert table.to_pydict()["label"] == [0, 0, 1]
    assert table.to_pydict()["hour"] == [3, 1, 2]
    assert table.schema.field("label_time").type == pa.timestamp("us")
    assert outcomes(tmp_path, since=NOON + 2 * DAY).to_pydict()["id"] == ["a", "b"]
    assert maturity(tmp_path) == Maturity(4, 3, 1, 0, 0, 0)
    assert maturity(tmp_path).share == 0.75


def test_the_latest_label_and_the_first_answer_count(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    log.append(predictions(["a", "b"]))
    log.append(predictions(["a"], NOON + timedelta(minutes=1), prediction=[0]))
    labels = LabelLog(tmp_path)
    labels.append(["a", "b", "ghost"], [1, 1, 1], NOON + DAY)
    labels.append(["a"], [0], NOON + 2 * DAY)
    labels.append(["b", "b"], [3, 2], NOON + DAY)
    table = outcomes(tmp_path).to_pydict()
    assert table["id"] == ["b", "a"]
    assert table["label"] == [2, 0]
    assert table["prediction"] == [1, 1]
    assert maturity(tmp_path) == Maturity(2, 2, 0, 3, 1, 1)


def test_one_model_among_several(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    log.append(predictions(["a"]))
    log.append(predictions(["a", "z"], model=["odd name/../é"] * 2, prediction=["late", "late"]))
    LabelLog(tmp_path).append(["a", "z"], ["late", "late"], NOON)
    assert outcomes(tmp_path, "odd name/../é").to_pydict()["prediction"] == ["late", "late"]
    assert outcomes(tmp_path, "flights").num_rows == 1
    assert outcomes(tmp_path).to_pydict()["model"] == ["flights", "odd name/../é", "odd name/../é"]
    assert maturity(tmp_path, "flights") == Maturity(1, 1, 0, 0, 0, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "labels",
        "model=flights",
        "model=odd%20name%2F..%2F%C3%A9",
    ]
    with pytest.raises(StoreError, match="no predictions of 'other'"):
        outcomes(tmp_path, "other")


def test_versions_with_other_features_share_a_table(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    log.append(predictions(["a"], hour=[3]))
    log.append(predictions(["b"], version="2", wind=[4.5], origin=pa.array(["EWR"]).dictionary_encode()))
    LabelLog(tmp_path).append(["a", "b"], [1, 1], NOON)
    table = outcomes(tmp_path).to_pydict()
    assert (table["hour"], table["wind"], table["origin"]) == ([3, None], [None, 4.5], [None, "EWR"])


def test_times_with_a_zone_are_kept_as_utc(tmp_path: Path) -> None:
    east = timezone(timedelta(hours=5))
    PredictionLog(tmp_path).append(predictions(["a", "b"], NOON.replace(tzinfo=east)))
    LabelLog(tmp_path).append(["a"], [1], NOON.replace(tzinfo=east))
    LabelLog(tmp_path).append(["b"], [1], [NOON.replace(tzinfo=UTC)])
    table = outcomes(tmp_path).to_pydict()
    assert table["time"] == [datetime(2013, 4, 1, 7)] * 2
    assert table["label_time"] == [datetime(2013, 4, 1, 7), NOON]
    assert outcomes(tmp_path, since=NOON.replace(tzinfo=UTC)).num_rows == 1


def test_zones_are_kept_where_pyspark_told_pyarrow_to_forget_them(tmp_path: Path, monkeypatch) -> None:
    PredictionLog(tmp_path).append(predictions(["a", "b"]))
    monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", "1")
    east = NOON.replace(tzinfo=timezone(timedelta(hours=5)))
    LabelLog(tmp_path).append(["a"], [1], east)
    LabelLog(tmp_path).append(["b"], [1], [east])
    assert outcomes(tmp_path).to_pydict()["label_time"] == [datetime(2013, 4, 1, 7)] * 2
    assert outcomes(tmp_path, since=east).num_rows == 2
    assert outcomes(tmp_path, since=NOON.replace(tzinfo=UTC)).num_rows == 0


def test_words_are_no_times(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the times cannot be read"):
        LabelLog(tmp_path).append(["a"], [1], ["yesterday"])


def test_a_model_with_a_space_in_its_name_has_answered(tmp_path: Path) -> None:
    assert not answered(tmp_path, "late flights")
    PredictionLog(tmp_path).append(predictions(["a"], model=["late flights"]))
    assert answered(tmp_path, "late flights")


def test_no_labels_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no predictions in .*serve the model first"):
        outcomes(tmp_path)
    PredictionLog(tmp_path).append(predictions(["a"]))
    assert outcomes(tmp_path).num_rows == 0
    assert maturity(tmp_path) == Maturity(1, 0, 1, 0, 0, 0)
    assert maturity(tmp_path).share == 0


def test_unfinished_files_are_passed_over_and_corrupt_ones_named(tmp_path: Path) -> None:
    [path] = PredictionLog(tmp_path).append(predictions(["a"]))
    LabelLog(tmp_path).append(["a"], [1], NOON)
    (path.parent / ".part-9.parquet.tmp").write_bytes(b"PAR1 half")
    assert outcomes(tmp_path).num_rows == 1
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match=rf"{path.name} is corrupt: move it out"):
        outcomes(tmp_path)
    path.write_bytes(whole[:4] + b"\xff" * 60 + whole[64:])
    with pytest.raises(StoreError, match=rf"{path.name} is corrupt: move it out"):
        outcomes(tmp_path)


def test_wrong_rows_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    log, labels = PredictionLog(tmp_path), LabelLog(tmp_path)
    with pytest.raises(DataError, match="lack column 'version'"):
        log.append(predictions(["a"]).drop_columns("version"))
    with pytest.raises(DataError, match="column 'id' of the predictions holds nulls"):
        log.append(predictions(["a", None]))  # type: ignore[list-item]
    with pytest.raises(DataError, match="column 'time' must be timestamp"):
        log.append(predictions(["a"], ["noon"]))
    with pytest.raises(DataError, match="2 ids, 1 labels and 1 times"):
        labels.append(["a", "b"], [1], NOON)
    with pytest.raises(DataError, match="column 'label' of the labels holds nulls"):
        labels.append(["a", "b"], [1, None], NOON)
    with pytest.raises(DataError, match="column 'label' must be of one type"):
        labels.append(["a", "b"], [1, "x"], NOON)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file in the way")
    with pytest.raises(StoreError, match=r"cannot write to .*log/model=flights.*make it writable"):
        PredictionLog(tmp_path / "log").append(predictions(["a"]))


def test_no_rows_write_no_file(tmp_path: Path) -> None:
    assert PredictionLog(tmp_path).append(predictions(["a"]).slice(0, 0)) == []
    assert list(tmp_path.iterdir()) == []


def test_kill_leaves_whole_files_only(tmp_path: Path) -> None:
    script = (
        "import sys, itertools, datetime, pyarrow as pa\nfrom assay.store.events import PredictionLog\n"
        "log, rows = PredictionLog(sys.argv[1]), 2000\n"
        "for i in itertools.count():\n"
        "    ids = [f'{i}-{j}' for j in range(rows)]\n"
        "    log.append(pa.table({'id': ids, 'time': [datetime.datetime(2013, 1, 1)] * rows, 'model': ['m'] * rows,\n"
        "        'version': ['1'] * rows, 'prediction': [i] * rows}))\n"
        "    print(i, flush=True)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], env=environment, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        for _ in range(5):
            finished = int(writer.stdout.readline())
        time.sleep(0.01)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
    finished = int(rest[-1]) if rest else finished
    LabelLog(tmp_path).append([f"{finished}-0"], [1], NOON)
    assert outcomes(tmp_path).num_rows == 1
    assert maturity(tmp_path).predictions in {2000 * (finished + 1), 2000 * (finished + 2)}
