"""One comment on a pull request, kept up to date through the API of GitHub or GitLab."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from assay.core.plain import plain
from assay.report.markdown import unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TIMEOUT_SECONDS = 10.0
PAUSES_SECONDS = (1.0, 3.0, 9.0)
"""Before the second, third and last try."""
LONGEST_PAUSE_SECONDS = 30.0
PAGE = 100
MOST_PAGES = 50
_BUSY = frozenset({429, 500, 502, 503, 504})


class HostError(Exception):
    """The host refused, or could not be reached; the message says why, and holds no token."""


class HostBusy(HostError):
    """The host may answer a little later."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would carry the token to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Api:
    """JSON over HTTP with a token.

    Parameters
    ----------
    base : str
        Address that paths are added to.
    headers : mapping of str to str
        Sent with each request.
    """

    def __init__(self, base: str, headers: Mapping[str, str]) -> None:
        if not base.startswith(("https://", "http://")):
            raise HostError(f"{plain(base)!r} is not the address of an API")
        self._base = base.rstrip("/")
        self._headers = {"User-Agent": "assay", "Content-Type": "application/json", **headers}
        self._opener = urllib.request.build_opener(_Stay)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request and return the decoded answer.

        Raises
        ------
        HostBusy
            If it may succeed later: status 429 or 5xx, a rate limit, no connection, no answer in ten seconds.
        HostError
            If the host refuses it, or answers with something else than JSON.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, self._headers, method=method)
        where = f"{method} {path.partition('?')[0]}"
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            with problem:
                told = f"{where}: {problem.code} {_message(problem)}"
                pause = problem.headers.get("Retry-After", "")
                limited = problem.code == 403 and (pause or problem.headers.get("X-RateLimit-Remaining") == "0")
            if problem.code in _BUSY or limited:
                raise HostBusy(told, float(pause) if pause.isdigit() else 0.0) from problem
            raise HostError(told) from problem
        except (OSError, http.client.HTTPException) as problem:
            raise HostBusy(f"{where}: {plain(str(getattr(problem, 'reason', problem)))}") from problem
        except ValueError as problem:
            raise HostError(f"{where}: the answer is not JSON") from problem

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """List items, page after page."""
        for page in range(1, MOST_PAGES + 1):
            found = self.call("GET", f"{path}?per_page={PAGE}&page={page}")
            if not isinstance(found, list):
                raise HostError(f"GET {path}: the answer is not a list")
            yield from found
            if len(found) < PAGE:
                return


def keep_comment(
    api: Api,
    body: str,
    *,
    path: str,
    edit: Callable[[Any], tuple[str, str]],
    mine: Callable[[dict[str, Any]], bool],
) -> str:
    """Make the comment, or edit the one that is there; leave it alone when it says the same already.

    The whole of it is tried again while the host is busy, from the search on: a request that was carried out before
    its answer was lost makes no second comment.

    Parameters
    ----------
    api : Api
    body : str
        Its first line is the marker by which the comment is found.
    path : str
        Where comments are listed and made.
    edit : callable
        Method and path that edit the comment with a given id.
    mine : callable
        Whether a comment was written by somebody who may speak for the gate.

    Returns
    -------
    str
        ``"created"``, ``"edited"`` or ``"unchanged"``.

    Raises
    ------
    HostError
        If the host refuses, or is still busy at the fourth try.
    """
    mark = body.partition("\n")[0]

    def once() -> str:
        for comment in api.pages(path):
            said = str(comment.get("body") or "")
            if said.partition("\n")[0].strip() == mark and mine(comment):
                if unchanged(said, body):
                    return "unchanged"
                method, place = edit(comment.get("id"))
                api.call(method, place, {"body": body})
                return "edited"
        api.call("POST", path, {"body": body})
        return "created"

    for pause in PAUSES_SECONDS:
        try:
            return once()
        except HostBusy as problem:
            time.sleep(min(LONGEST_PAUSE_SECONDS, max(pause, problem.pause)))
    return once()


def _message(problem: urllib.error.HTTPError) -> str:
    """What the host says is wrong, on one short line."""
    try:
        told = json.loads(problem.read(10_000))
        said = told.get("message") or told.get("error") if isinstance(told, dict) else ""
    except (OSError, ValueError):
        said = ""
    return plain(str(said or problem.reason))[:200]
