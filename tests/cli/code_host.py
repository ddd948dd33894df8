"""GitHub and GitLab played by a server on this machine, which keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Sent:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class CodeHost:
    """Comments, every request in order, and the statuses with which the next requests are refused."""

    url: str = ""
    bot: dict[str, Any] = field(default_factory=lambda: {"id": 5, "type": "Bot"})
    comments: list[dict[str, Any]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    refuse: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    keep_then_fail: bool = False

    def calls(self) -> list[str]:
        return [f"{each.method} {urlsplit(each.path).path}" for each in self.sent]

    def answer(self, sent: Sent) -> tuple[int, dict[str, str], Any]:
        self.sent.append(sent)
        if self.refuse:
            status, headers = self.refuse.pop(0)
            return status, headers, {"message": "refused for the test"}
        place = urlsplit(sent.path)
        parts = place.path.strip("/").split("/")
        if place.path == "/user":
            return 200, {}, self.bot
        if sent.method == "GET":
            asked = parse_qs(place.query)
            size, page = int(asked["per_page"][0]), int(asked["page"][0])
            return 200, {}, self.comments[(page - 1) * size : page * size]
        if sent.method == "POST":
            said = {"id": 100 + len(self.comments), "body": sent.body["body"], "user": self.bot, "author": self.bot}
            self.comments.append(said)
            if self.keep_then_fail:
                self.keep_then_fail = False
                return 502, {}, {"message": "the answer was lost"}
            return 201, {}, said
        comment = next(each for each in self.comments if each["id"] == int(parts[-1]))
        comment["body"] = sent.body["body"]
        return 200, {}, comment


@contextmanager
def playing() -> Iterator[CodeHost]:
    """Serve on a free port of the loopback address."""
    host = CodeHost()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, told = host.answer(Sent(self.command, self.path, headers, body))
            content = json.dumps(told).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
