"""The Open Inference Protocol, asked of a real server."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from assay.tracking.formats import load

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    import pandas as pd

INFER = "/v2/models/flights/infer"


@pytest.fixture(scope="module")
def client(start: Callable[[], Any]) -> httpx.Client:
    server = start()
    assert server.ready.startswith("assay serve: flights version 1 is ready at http://127.0.0.1:")
    return server.client  # type: ignore[no-any-return]


def request(**changed: Any) -> dict[str, Any]:
    """Request of two rows, with parts of named inputs changed; None leaves an input out."""
    inputs: dict[str, Any] = {
        "delay": {"shape": [2], "datatype": "FP64", "data": [0.5, -1]},
        "hour": {"shape": [2, 1], "datatype": "INT32", "data": [[22], [3]]},
        "origin": {"shape": [2, 1], "datatype": "BYTES", "data": ["EWR", "JFK"]},
        "holiday": {"shape": [2], "datatype": "BOOL", "data": [True, False]},
    }
    for name, change in changed.items():
        if change is None:
            del inputs[name]
        else:
            inputs[name] = inputs.get(name, {}) | change
    return {"inputs": [{"name": name} | tensor for name, tensor in inputs.items()]}


def test_server_and_model_describe_themselves(client: httpx.Client) -> None:
    assert client.get("/v2").json()["name"] == "assay"
    assert client.get("/v2/health/live").json() == {"live": True}
    ready = client.get("/v2/health/ready").json()
    assert ready["ready"] is True
    assert ready["problem"] is None
    assert ready["log"]["dropped"] == 0
    for path in ("/v2/models/flights", "/v2/models/flights/versions/1"):
        assert client.get(f"{path}/ready").json() == {"name": "flights", "ready": True}
        assert client.get(path).json() == {
            "name": "flights",
            "versions": ["1"],
            "platform": "skops",
            "inputs": [
                {"name": "delay", "datatype": "FP64", "shape": [-1]},
                {"name": "hour", "datatype": "INT64", "shape": [-1]},
                {"name": "origin", "datatype": "BYTES", "shape": [-1]},
                {"name": "holiday", "datatype": "BOOL", "shape": [-1]},
            ],
            "outputs": [
                {"name": "predict", "datatype": "INT64", "shape": [-1]},
                {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]},
            ],
        }


def test_answers_equal_the_model(client: httpx.Client, packages: dict[str, bytes], frame: pd.DataFrame) -> None:
    model = load(packages["1"])
    columns = {"delay": "FP32", "hour": "INT64", "origin": "BYTES", "holiday": "BOOL"}
    body = {
        "id": "batch",
        "inputs": [
            {"name": name, "shape": [len(frame)], "datatype": datatype, "data": frame[name].tolist()}
            for name, datatype in columns.items()
        ],
    }
    for path in (INFER, "/v2/models/flights/versions/1/infer"):
        answer = client.post(path, json=body).json()
        assert (answer["model_name"], answer["model_version"], answer["id"]) == ("flights", "1", "batch")
        predict, probability = answer["outputs"]
        assert predict["datatype"] == "INT64"
        assert predict["shape"] == [200]
        assert predict["data"] == model.predict(frame).tolist()
        assert probability["shape"] == [200, 2]
        assert probability["parameters"] == {"classes": [0, 1]}
        assert np.array_equal(np.reshape(probability["data"], (200, 2)), model.predict_proba(frame))


def test_only_the_outputs_asked_for(client: httpx.Client) -> None:
    answer = client.post(INFER, json=request() | {"outputs": [{"name": "predict_proba"}]}).json()
    assert [output["name"] for output in answer["outputs"]] == ["predict_proba"]
    refused = client.post(INFER, json=request() | {"outputs": [{"name": "shap"}]})
    assert refused.status_code == 400
    assert refused.json() == {"error": "output 'shap' does not exist: the model gives predict, predict_proba"}


def test_an_id_is_made_when_none_is_given(client: httpx.Client) -> None:
    first, second = (client.post(INFER, json=request()).json()["id"] for _ in range(2))
    assert first
    assert first != second


def test_answers_are_not_held_back_by_the_network_stack(client: httpx.Client) -> None:
    times = []
    for _ in range(30):
        begin = time.perf_counter()
        client.post(INFER, json=request())
        times.append(time.perf_counter() - begin)
    # With Nagle's algorithm on, every answer waits 40 ms for an acknowledgement.
    assert min(times) < 0.035


def test_json_null_is_a_missing_value(client: httpx.Client) -> None:
    refused = client.post(INFER, json=request(delay={"data": [None, 1]}))
    assert refused.status_code == 400
    assert "Input X contains NaN" in refused.json()["error"]
    refused = client.post(INFER, json=request(holiday={"data": [None, True]}))
    assert refused.json() == {"error": "column 'holiday' misses a truth value in row 0"}


BAD: list[tuple[dict[str, Any], str]] = [
    (request(hour=None), "column 'hour' is missing: the model takes delay, hour, origin, holiday"),
    (request(wind={"shape": [2], "datatype": "FP64", "data": [1, 2]}), "column 'wind' is not in the signature"),
    (request(delay={"shape": [3]}), "input 'delay' has shape [3], but 2 values"),
    (request(delay={"shape": [1], "data": [1]}), "input 'hour' has 2 rows, 'delay' has 1"),
    (request(delay={"shape": [2, 2], "data": [1, 2, 3, 4]}), "input 'delay' has shape [2, 2]: give one column"),
    (request(hour={"data": [[1], [2, 3]]}), "input 'hour' has shape [2, 1], but its data are not nested so"),
    (request(hour={"data": [[1], 2]}), "input 'hour' has shape [2, 1], but its data are not nested so"),
    (request(delay={"shape": [0], "data": []}), "input 'delay' has shape [0]: give at least one row"),
    (request(delay={"shape": [-1], "data": []}), "input 'delay' has shape [-1]: give at least one row"),
    (request(delay={"datatype": "FLOAT"}), "input 'delay' has datatype 'FLOAT': give one of"),
    (request(delay={"data": [1, "2"]}), "input 'delay' has datatype FP64, but value 1 is text"),
    (request(delay={"data": [1, True]}), "input 'delay' has datatype FP64, but value 1 is a truth value"),
    (request(hour={"data": [1, 2.5]}), "input 'hour' has datatype INT32, but value 1 is a number"),
    (request(hour={"datatype": "FP64", "data": [1, 2.5]}), "column 'hour' must be int, got 2.5 in row 1"),
    (request(hour={"data": [1, 2**70]}), "column 'hour'"),
    (request(delay={"data": [1, 10**400]}), "input 'delay' has a number beyond FP64"),
    (request(delay={"datatype": "BYTES", "data": ["1", "2"]}), "column 'delay' must be float, got string"),
    (request(origin={"datatype": "INT64", "data": [1, 2]}), "column 'origin' must be str, got int64"),
    (request(origin={"data": ["EWR", "MARS"]}), "the model refused the rows: Found unknown categories"),
    ({"inputs": []}, "no inputs: the model takes delay, hour, origin, holiday"),
    ({"inputs": request()["inputs"][:1] * 2}, "input 'delay' is given twice"),
    (
        {"inputs": [{"name": "rows", "shape": [1, 4], "datatype": "FP64", "data": [1, 2, 3, 4]}]},
        "input 'rows' is a matrix, but the model takes columns: delay, hour, origin, holiday",
    ),
    (request() | {"parameters": {"ids": ["a"]}}, "parameters.ids must be 2 distinct texts, one a row"),
    (request() | {"parameters": {"ids": ["a", "a"]}}, "parameters.ids must be 2 distinct texts, one a row"),
    (request() | {"parameters": {"ids": [1, 2]}}, "parameters.ids must be 2 distinct texts, one a row"),
    ({"id": "x"}, "not an inference request: Object missing required field `inputs`"),
    ({"inputs": [{"name": "delay"}]}, "not an inference request: Object missing required field `shape`"),
    (request() | {"id": 3}, "not an inference request: Expected `str | null`, got `int` - at `$.id`"),
]


@pytest.mark.parametrize(("body", "message"), BAD, ids=range(len(BAD)))
def test_bad_requests_name_the_input_at_fault(client: httpx.Client, body: dict[str, Any], message: str) -> None:
    before = copy.deepcopy(body)
    response = client.post(INFER, json=body)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert response.json()["error"].startswith(message)
    assert body == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"inputs": [NaN]}'])
def test_what_is_no_json_request_is_refused(client: httpx.Client, content: bytes) -> None:
    response = client.post(INFER, content=content)
    assert response.status_code == 400
    assert response.json()["error"].startswith("not an inference request: ")


def test_unknown_names_are_not_found(client: httpx.Client) -> None:
    for method, path, message in (
        ("POST", "/v2/models/trains/infer", "model 'trains' is not served here, 'flights' is"),
        ("GET", "/v2/models/trains", "model 'trains' is not served here, 'flights' is"),
        ("GET", "/v2/models/trains/ready", "model 'trains' is not served here, 'flights' is"),
        ("POST", "/v2/models/flights/versions/9/infer", "model 'flights': version '9' is not in service, '1' is"),
        ("GET", "/v3", "not found: GET /v3"),
    ):
        response = client.request(method, path, json=request())
        assert response.status_code == 404
        assert response.json() == {"error": message}
    response = client.get(INFER)
    assert response.status_code == 405
    assert response.json() == {"error": f"method not allowed: GET {INFER}"}


def test_a_huge_request_is_refused(client: httpx.Client) -> None:
    response = client.post(INFER, content=b" " * (16 * 2**20 + 1))
    assert response.status_code == 413
    assert response.json()["error"].startswith("the request is larger than 16777216 bytes")
