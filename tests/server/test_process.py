"""A serving process through its life: models change under load, and it ends gently or not."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import create_autospec

import httpx
import pyarrow.parquet as pq
import pytest

from assay.errors import UsageError
from assay.serving import ModelHolder, serve
from assay.store.events import LabelLog, maturity, outcomes
from assay.tracking.formats import load

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

INFER = "/v2/models/flights/infer"
DATATYPES = {"delay": "FP64", "hour": "INT64", "origin": "BYTES", "holiday": "BOOL"}


def body(frame: pd.DataFrame, request_id: str) -> dict[str, Any]:
    inputs = [
        {"name": name, "shape": [len(frame)], "datatype": datatype, "data": frame[name].tolist()}
        for name, datatype in DATATYPES.items()
    ]
    return {"id": request_id, "inputs": inputs}


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited thirty seconds in vain"
        time.sleep(0.02)


def test_models_swap_under_load_without_a_failed_or_mixed_answer(
    start: Callable[[], Any], packages: dict[str, bytes], frame: pd.DataFrame
) -> None:
    rows = frame.head(3)
    expected = {version: load(content).predict_proba(rows).ravel().tolist() for version, content in packages.items()}
    server = start()
    (server.folder / "9.model").write_bytes(packages["2"][:-100])
    stop = threading.Event()
    seen: Counter[str] = Counter()
    failures: list[str] = []
    lock = threading.Lock()

    def ask(name: int) -> None:
        last_revision, count = 0, 0
        with httpx.Client(base_url=server.client.base_url, timeout=30) as client:
            while not stop.is_set():
                try:
                    response = client.post(INFER, json=body(rows, f"{name}-{count}"))
                    answer = response.json()
                    version, revision = answer["model_version"], answer["parameters"]["revision"]
                    right = answer["outputs"][1]["data"] == expected[version] and revision >= last_revision
                except (httpx.HTTPError, KeyError) as error:
                    right, answer = False, repr(error)
                with lock:
                    count += 1
                    seen[version] += 1
                    if not right:
                        failures.append(json.dumps(answer))
                last_revision = revision

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()

    def ready() -> dict[str, Any]:
        return server.client.get("/v2/health/ready").json()  # type: ignore[no-any-return]

    def enough(version: str) -> bool:
        with lock:
            return seen[version] >= 20

    wait_until(lambda: enough("1"))
    server.point("2", 2)
    wait_until(lambda: enough("2"))
    server.point("9", 3)
    wait_until(lambda: ready()["problem"] is not None)
    facts = ready()
    assert facts["ready"] is True
    assert facts["version"] == "2"
    assert facts["problem"].startswith("version 9 (revision 3) cannot be served: the model package is damaged")
    server.point("3", 4)
    wait_until(lambda: enough("3"))
    server.point("1", 5)
    wait_until(lambda: ready()["revision"] == 5)
    assert ready()["swaps"] == 3
    assert ready()["problem"] is None
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert server.stop() == 0
    assert maturity(server.log_root, "flights").predictions == 3 * seen.total()
    assert {path.name for path in (server.log_root / "model=flights").iterdir()} == {f"version={v}" for v in "123"}


def test_rows_are_logged_with_their_ids_and_join_their_labels(start: Callable[[], Any], frame: pd.DataFrame) -> None:
    server = start()
    rows = frame.head(2)
    named = body(rows, "a") | {"parameters": {"ids": ["flight 1", "flight 2"]}}
    answers = [server.client.post(INFER, json=each).json() for each in (named, body(rows, "b"))]
    server.client.post(INFER, json=body(rows.drop(columns="hour").assign(hour=["x", "y"]), "bad"))
    assert server.stop(signal.SIGINT) == 0
    ids = ["flight 1", "flight 2", "b-0", "b-1"]
    LabelLog(server.log_root).append(ids, [1, 0, 1, 0], datetime(2013, 4, 2))
    table = outcomes(server.log_root, "flights").to_pylist()
    by_id = {row["id"]: row for row in table}
    assert set(by_id) == set(ids)
    assert maturity(server.log_root).unlabelled == 0
    for row, source in zip((by_id["flight 1"], by_id["flight 2"]), rows.to_dict("records"), strict=True):
        assert {name: row[name] for name in DATATYPES} == source
        assert row["version"] == "1"
    probability = answers[0]["outputs"][1]["data"]
    assert [by_id["flight 1"]["score"], by_id["flight 2"]["score"]] == [probability[1], probability[3]]
    assert [by_id[name]["prediction"] for name in ids[:2]] == answers[0]["outputs"][0]["data"]


def test_kill_loses_only_what_was_not_written_and_leaves_no_half_file(
    start: Callable[[], Any], frame: pd.DataFrame
) -> None:
    server = start()
    rows = frame.head(5)
    for i in range(40):
        server.client.post(INFER, json=body(rows, f"early-{i}"))
    wait_until(lambda: server.client.get("/v2/health/ready").json()["log"]["written"] == 200)
    for i in range(20):
        server.client.post(INFER, json=body(rows, f"late-{i}"))
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    files = list(server.log_root.rglob("part-*.parquet"))
    logged = [value for file in files for value in pq.ParquetFile(file).read()["id"].to_pylist()]
    assert len(logged) == len(set(logged))
    assert {f"early-{i}-{row}" for i in range(40) for row in range(5)} <= set(logged)
    assert maturity(server.log_root).predictions == len(logged) <= 300


def test_predictions_go_on_when_the_log_cannot_be_written(start: Callable[[], Any], frame: pd.DataFrame) -> None:
    server = start()
    server.log_root.write_text("a file where the folder should be")
    for i in range(5):
        assert server.client.post(INFER, json=body(frame.head(1), str(i))).status_code == 200
    wait_until(lambda: server.client.get("/v2/health/ready").json()["log"]["failures"] >= 1)
    assert server.client.post(INFER, json=body(frame.head(1), "after")).status_code == 200
    server.log_root.unlink()
    wait_until(lambda: server.client.get("/v2/health/ready").json()["log"]["written"] == 6)
    assert server.stop() == 0
    assert maturity(server.log_root).predictions == 6


def test_a_port_in_use_is_said_to_be_so() -> None:
    holder = create_autospec(ModelHolder, instance=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .* in use; choose another"):
            serve(holder, "flights", port=port)
    holder.close.assert_called_once()
