"""The routes of the Open Inference Protocol, version 2, for one model."""

from __future__ import annotations

import asyncio
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response as HttpResponse
from starlette.routing import Route
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

import assay
from assay.errors import DataError, UsageError
from assay.serving import protocol
from assay.serving.http import read_body
from assay.serving.request_log import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from starlette.requests import Request as HttpRequest

    from assay.serving.hot_swap import Served
    from assay.serving.request_log import RequestLog

BODY_LIMIT = 16 * 2**20


def create_app(
    resolve: Callable[[str | None], Served],
    *,
    name: str,
    log: RequestLog | None,
    status: Callable[[], dict[str, Any]] | None = None,
    body_limit: int = BODY_LIMIT,
) -> Starlette:
    """Build the web application of one model.

    Routes: ``GET /v2``, ``/v2/health/live``, ``/v2/health/ready``, ``/v2/models/NAME`` and ``/v2/models/NAME/ready``,
    ``POST /v2/models/NAME/infer``, the last three also under ``/v2/models/NAME/versions/V``. Errors are
    ``{"error": "..."}`` with status 400, 404, 405, 413 or 500.

    Parameters
    ----------
    resolve : callable, version or None -> Served
        Model in service; LookupError for another version. Called once a request, so that no
        request sees two models.
    name : str
        Name under which the model is served.
    log : RequestLog or None
        Where answers are recorded; None records nothing.
    status : callable, optional
        More facts for ``/v2/health/ready``, such as :meth:`ModelHolder.status`.
    body_limit : int, default 16 MiB
        Largest request body in bytes.
    """
    # Predictions run here, so the event loop stays free. One OpenMP thread each: many threads that share the
    # processors make small predictions slower, not faster.
    workers = ThreadPoolExecutor(
        os.cpu_count() or 1, "assay-predict", initializer=lambda: threadpool_limits(1, user_api="openmp")
    )

    def find(request: HttpRequest) -> Served:
        asked = request.path_params["name"]
        if asked != name:
            raise HTTPException(404, f"model {asked!r} is not served here, {name!r} is")
        try:
            return resolve(request.path_params.get("version"))
        except LookupError as error:
            raise HTTPException(404, f"model {name!r}: {error.args[0]}") from error

    async def server(_: HttpRequest) -> HttpResponse:
        return _json({"name": "assay", "version": assay.__version__, "extensions": []})

    async def live(_: HttpRequest) -> HttpResponse:
        return _json({"live": True})

    async def ready(_: HttpRequest) -> HttpResponse:
        served = resolve(None)
        facts = {"ready": True, "model": name, "version": served.version, "revision": served.revision}
        return _json(facts | (status() if status else {}) | ({"log": log.status()} if log else {}))

    async def model_ready(request: HttpRequest) -> HttpResponse:
        find(request)
        return _json({"name": name, "ready": True})

    async def model(request: HttpRequest) -> HttpResponse:
        served = find(request)
        return _json(protocol.metadata(name, served.version, served.model))

    async def infer(request: HttpRequest) -> HttpResponse:
        served = find(request)
        body = await read_body(request, body_limit)
        answer = await asyncio.get_running_loop().run_in_executor(workers, _infer, served, name, body, log)
        return HttpResponse(answer, media_type="application/json")

    routes = [Route("/v2", server), Route("/v2/health/live", live), Route("/v2/health/ready", ready)]
    for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        routes += [
            Route(f"{path}/infer", infer, methods=["POST"]),
            Route(f"{path}/ready", model_ready),
            Route(path, model),
        ]
    return Starlette(
        routes=routes, exception_handlers={HTTPException: _http_error, UsageError: _refuse, Exception: _unexpected}
    )


def _infer(served: Served, name: str, body: bytes, log: RequestLog | None) -> bytes:
    request = protocol.decode(body)
    columns = protocol.columns_of(request, served.model.signature)
    rows = len(next(iter(columns.values())))
    request_id = request.id or uuid.uuid4().hex
    ids = protocol.row_ids(request, request_id, rows)
    predicted, probability = served.model.answer(columns)
    outputs = protocol.outputs_of(request, predicted, probability, served.model.classes)
    if log is not None:
        now = datetime.now(UTC).replace(tzinfo=None)
        log.record(Answer(name, served.version, now, ids, columns, predicted.tolist(), _scores(probability, rows)))
    answer = protocol.Response(name, served.version, request_id, outputs, {"revision": served.revision})
    return msgspec.json.encode(answer)


def _scores(probability: NDArray[np.float64] | None, rows: int) -> list[float | None]:
    """Probability of a binary model's second class, else of the likeliest class."""
    if probability is None:
        return [None] * rows
    scores: list[float | None] = (probability[:, 1] if probability.shape[1] == 2 else probability.max(axis=1)).tolist()
    return scores


def _json(value: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(value), status, media_type="application/json")


async def _http_error(request: HttpRequest, error: Exception) -> HttpResponse:
    assert isinstance(error, HTTPException)
    known = error.detail if error.detail not in {"Not Found", "Method Not Allowed"} else None
    return _json({"error": known or f"{error.detail.lower()}: {request.method} {request.url.path}"}, error.status_code)


async def _refuse(_: HttpRequest, error: Exception) -> HttpResponse:
    return _json({"error": str(error)}, 400 if isinstance(error, DataError) else 500)


async def _unexpected(_: HttpRequest, error: Exception) -> HttpResponse:
    return _json({"error": f"the model failed: {type(error).__name__}"}, 500)
