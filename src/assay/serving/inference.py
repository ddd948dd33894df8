"""One process that serves one model by the Open Inference Protocol, version 2."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from assay.errors import UsageError
from assay.serving.app import create_app
from assay.serving.hot_swap import ModelHolder
from assay.serving.request_log import RequestLog
from assay.store.events import DEFAULT_ROOT, PredictionLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ModelHolder", "create_app", "serve"]


def serve(
    holder: ModelHolder,
    name: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    log_root: str | Path | None = DEFAULT_ROOT,
) -> None:
    """Serve a model until SIGTERM or SIGINT, then finish the requests under way and write the log.

    One line on stderr says when the server is ready and at which address.

    Parameters
    ----------
    holder : ModelHolder
        The model, and the watch on its alias; closed at the end.
    name : str
        Name under which it is served.
    host : str, default "127.0.0.1"
        Address to listen on.
    port : int, default 8080
        Port to listen on; 0 takes a free one.
    log_root : path or None
        Root of the prediction log; None keeps no log.

    Raises
    ------
    UsageError
        The address cannot be listened on.
    """
    try:
        listener = _listen(host, port)
    except UsageError:
        holder.close()
        raise
    log = RequestLog(PredictionLog(log_root)) if log_root is not None else None
    app = create_app(holder.resolve, name=name, log=log, status=holder.status)
    served = holder.served
    place = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    ready = f"assay serve: {name} version {served.version} is ready at {place}/v2/models/{name}/infer"
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=10)
    try:
        with _quiet_end():
            _Server(config, ready).run([listener])
    finally:
        holder.close()
        if log is not None:
            log.close()


class _Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._ready, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def _quiet_end() -> Iterator[None]:
    """Let the signals that ended the server not end the process before the log is written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # uvicorn puts the handlers it found back and raises the signal again when it has shut down.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off Nagle's delay only on sockets that name their protocol; without it each answer takes 40 ms more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = error.strerror or error
        raise UsageError(f"cannot listen on {host}:{port}: {reason}; choose another with --port, 0 for any") from error
    return listener
