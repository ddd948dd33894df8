"""What every HTTP server of assay does: listen, say when it is ready, read bodies up to a limit, end gently."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from starlette.exceptions import HTTPException

from assay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette
    from starlette.requests import Request


def run(app: Starlette, listener: socket.socket, ready: str) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way; ``ready`` is said on stderr at the start."""
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=10)
    with _quiet_end():
        _Server(config, ready).run([listener])


def address_of(listener: socket.socket, host: str) -> str:
    """The URL at which a socket listens."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address; port 0 takes a free one.

    Raises
    ------
    UsageError
        If it cannot be listened on.
    """
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


async def read_body(request: Request, limit: int) -> bytes:
    """Read the body of a request, at most ``limit`` bytes of it.

    Raises
    ------
    HTTPException
        413 if it is larger.
    """
    too_large = HTTPException(413, f"the request is larger than {limit} bytes: send fewer rows at a time")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    return b"".join(parts)


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
