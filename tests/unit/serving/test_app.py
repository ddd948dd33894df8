"""What the application does around a model: limits, failures, and an event loop that stays free."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from assay.errors import ModelError
from assay.serving import create_app
from assay.serving.hot_swap import Served
from assay.serving.protocol import metadata
from assay.tracking.formats import load, save

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from assay.serving.request_log import Answer

BODY = {"inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": [1, 2.5]}]}


class Model:
    format = "skops"
    signature: dict[str, Any] = {"inputs": {"x": "float"}, "output": "float", "classes": None}  # noqa: RUF012
    classes = None
    error: Exception | None = None
    seconds = 0.0

    def answer(self, rows: dict[str, list[float]]) -> tuple[np.ndarray, None]:
        time.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return np.array(rows["x"]) * 2, None


class Log:
    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def record(self, answer: Answer) -> bool:
        self.answers.append(answer)
        return False

    def status(self) -> dict[str, int]:
        return {"dropped": 3}


def app(model: Model, log: Log | None = None, **options: Any) -> Starlette:
    return create_app(lambda _: Served("7", 1, model), name="m", log=log, **options)  # type: ignore[arg-type]


def client(application: Starlette) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30)


def post(application: Starlette, **request: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        async with client(application) as each:
            return await each.post("/v2/models/m/infer", **request)

    return asyncio.run(run())


def test_a_regression_answers_and_is_logged_even_when_the_log_drops_it() -> None:
    log = Log()
    response = post(app(Model(), log), json=BODY | {"id": "r"})
    assert response.status_code == 200
    assert response.json() == {
        "model_name": "m",
        "model_version": "7",
        "id": "r",
        "outputs": [{"name": "predict", "shape": [2], "datatype": "FP64", "data": [2.0, 5.0]}],
        "parameters": {"revision": 1},
    }
    [answer] = log.answers
    assert (answer.model, answer.version, answer.ids) == ("m", "7", ["r-0", "r-1"])
    assert (answer.columns, answer.prediction, answer.score) == ({"x": [1.0, 2.5]}, [2.0, 5.0], [None, None])


def test_a_matrix_is_taken_in_the_order_of_the_signature() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 3))
    fitted = LogisticRegression().fit(rows, np.where(rows[:, 0] > rows[:, 2], "left", "right"))
    application = app(load(save(fitted, rows).content))  # type: ignore[arg-type]
    tensor = {"name": "rows", "shape": [50, 3], "datatype": "FP64", "data": rows.ravel().tolist()}
    columns = [{"name": f"x{j}", "shape": [50], "datatype": "FP64", "data": rows[:, j].tolist()} for j in (2, 0, 1)]
    for inputs in ([tensor], [tensor | {"data": rows.tolist()}], columns):
        predict, probability = post(application, json={"inputs": inputs}).json()["outputs"]
        assert predict["datatype"] == "BYTES"
        assert predict["data"] == fitted.predict(rows).tolist()
        assert np.allclose(np.reshape(probability["data"], (50, 2)), fitted.predict_proba(rows))
        assert probability["parameters"] == {"classes": ["left", "right"]}
    refused = post(application, json={"inputs": [tensor | {"shape": [75, 2]}]})
    assert refused.status_code == 400
    assert refused.json() == {"error": "input 'rows' has 2 columns, the model takes 3: x0, x1, x2"}


def test_scores_of_many_classes_are_the_probability_of_the_answer() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 2))
    fitted = LogisticRegression().fit(rows, np.arange(60) % 3)
    log = Log()
    tensor = {"name": "rows", "shape": [60, 2], "datatype": "FP64", "data": rows.tolist()}
    assert post(app(load(save(fitted, rows).content), log), json={"inputs": [tensor]}).status_code == 200  # type: ignore[arg-type]
    assert np.allclose(log.answers[0].score, fitted.predict_proba(rows).max(axis=1))  # type: ignore[arg-type]


def test_a_classifier_without_probabilities_does_not_announce_them() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2))
    model = load(save(LinearSVC().fit(rows, rows[:, 0] > 0), rows).content)
    assert [output["name"] for output in metadata("m", "1", model)["outputs"]] == ["predict"]
    [predict] = post(
        app(model),  # type: ignore[arg-type]
        json={"inputs": [{"name": "rows", "shape": [50, 2], "datatype": "FP64", "data": rows.tolist()}]},
    ).json()["outputs"]
    assert predict["datatype"] == "BOOL"
    assert predict["data"] == (model.predict(rows) == 1).tolist()


def test_a_slow_prediction_does_not_hold_up_the_others() -> None:
    model = Model()
    model.seconds = 1.0

    async def run() -> tuple[float, int]:
        async with client(app(model)) as each:
            slow = asyncio.create_task(each.post("/v2/models/m/infer", json=BODY))
            await asyncio.sleep(0.05)
            start = time.perf_counter()
            assert (await each.get("/v2/health/live")).json() == {"live": True}
            waited = time.perf_counter() - start
            return waited, (await slow).status_code

    waited, status = asyncio.run(run())
    assert waited < 0.5
    assert status == 200


@pytest.mark.parametrize(
    ("error", "message"),
    [(ModelError("the model is damaged"), "the model is damaged"), (KeyError("x"), "the model failed: KeyError")],
)
def test_a_failing_model_is_an_error_of_the_server(error: Exception, message: str) -> None:
    model = Model()
    model.error = error
    response = post(app(model), json=BODY)
    assert response.status_code == 500
    assert response.json() == {"error": message}


def test_a_body_beyond_the_limit_is_refused_with_or_without_its_length() -> None:
    async def parts() -> Any:
        for _ in range(20):
            yield b" " * 10

    for request in ({"content": b" " * 200}, {"content": parts()}):
        response = post(app(Model(), body_limit=100), **request)
        assert response.status_code == 413
        assert response.json() == {"error": "the request is larger than 100 bytes: send fewer rows at a time"}


def test_health_tells_what_the_log_lost_and_what_is_wrong() -> None:
    async def run() -> Any:
        async with client(app(Model(), Log(), status=lambda: {"problem": "broken"})) as each:
            return (await each.get("/v2/health/ready")).json()

    facts = asyncio.run(run())
    assert facts == {
        "ready": True,
        "model": "m",
        "version": "7",
        "revision": 1,
        "problem": "broken",
        "log": {"dropped": 3},
    }
