"""``/api/v1``: judge predictions against the owner's own test sets."""

from __future__ import annotations

import asyncio
import io
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

import assay
from assay.checks.inputs import Inputs
from assay.checks.run import run_checks
from assay.core.fingerprint import bytes_digest, digest
from assay.core.project import stage_of
from assay.core.waiver import waiver_of
from assay.errors import (
    AssayError,
    BudgetSpent,
    ClaimError,
    Conflict,
    DataError,
    LedgerError,
    ModelError,
    ProjectError,
    StoreError,
    UsageError,
)
from assay.server import auth, repeats, submission
from assay.server.notify import numbers
from assay.server.openapi import DOCUMENT
from assay.serving.http import read_body
from assay.store import records

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from assay.checks.dataset import Dataset
    from assay.checks.project import Project
    from assay.core.project import CheckTable
    from assay.core.verdict import Verdict
    from assay.server.auth import Token

logger = logging.getLogger(__name__)

BODY_LIMIT = 64 * 2**20
WORKERS, MOST_WAITING = 2, 32
PARQUET = "application/vnd.apache.parquet"


class Api:
    """The routes, on one project.

    Nothing is kept here from one request to the next but the opened store, so that any number of servers may stand
    on one store.

    Parameters
    ----------
    project : Project
        With the test sets; the judge's key is in the environment where they are sealed.
    told : callable
        Called after each answer, when there may be something to tell the owner.
    body_limit : int, default 64 MiB
        Largest body in bytes.
    """

    def __init__(
        self, project: Project, *, told: Callable[[], None] = lambda: None, body_limit: int = BODY_LIMIT
    ) -> None:
        self.project = project
        self._told = told
        self._limit = body_limit
        self._judges = ThreadPoolExecutor(WORKERS, "assay-judge")
        self._waiting = 0

    def rehearse(self) -> None:
        """Open every test set once, so that what is not in order is said at the start.

        Raises
        ------
        UsageError
            If one cannot be opened.
        """
        for check in self._gate():
            self._open(check)

    def routes(self) -> list[Route]:
        """All routes with their methods."""
        return [
            Route("/api/v1/health", self.health),
            Route("/api/v1/openapi.json", self.openapi),
            Route("/api/v1/gate", self.checks),
            Route("/api/v1/gate/{check}", self.judge, methods=["POST"]),
            Route("/api/v1/gate/{check}/inputs", self.inputs),
            Route("/api/v1/verdicts/{id}", self.verdict),
            Route("/api/v1/verdicts/{id}/numbers", self.numbers),
        ]

    async def health(self, _: Request) -> Response:
        """Whether it answers and its store can be read; needs no token."""
        await self._in_thread(lambda: auth.tokens(self.project.store))
        return answer({"ready": True, "version": assay.__version__})

    async def openapi(self, _: Request) -> Response:
        """Describe the interface; needs no token."""
        return answer(DOCUMENT)

    async def checks(self, request: Request) -> Response:
        """List the checks that can be asked."""
        await self._who(request)
        disclosed = self.project.file.budget.disclose
        found = [
            {"check": check.name, "claim": check.claim, "blocking": check.blocking, "disclose": disclosed}
            for check in self._gate()
        ]
        return answer({"checks": found})

    async def inputs(self, request: Request) -> Response:
        """Give the rows to predict, without labels."""
        await self._who(request)
        check = self._check(request)

        def rows() -> bytes:
            from pyarrow import parquet

            content = io.BytesIO()
            # Compressed or not, these columns do not depend on the labels.
            parquet.write_table(self._dataset(check).inputs(), content)
            return content.getvalue()

        return Response(await self._in_thread(rows, judging=True), media_type=PARQUET, headers=_PRIVATE)

    async def judge(self, request: Request) -> Response:
        """Judge predictions, once for each key."""
        token = await self._who(request)
        check = self._check(request)
        key = request.headers.get("idempotency-key")
        if key is not None and not (0 < len(key) <= 200 and key.isprintable()):
            raise HTTPException(400, "Idempotency-Key: 1 to 200 printable characters, for example a UUID")
        body = await read_body(request, self._limit)
        kind = request.headers.get("content-type", "")
        if self._waiting >= MOST_WAITING:
            raise HTTPException(503, "many predictions wait to be judged: send these again later", {"Retry-After": "5"})
        self._waiting += 1
        try:
            said, replayed = await self._in_thread(lambda: self._once(token, key, check, body, kind), judging=True)
        finally:
            self._waiting -= 1
        self._told()
        headers = {"Idempotency-Replayed": "true"} if replayed else {}
        if token.role == "owner":
            said = await self._in_thread(lambda: self._with_numbers(said))
        return Response(said, media_type="application/json", headers=_PRIVATE | headers)

    async def verdict(self, request: Request) -> Response:
        """Show a verdict of the gate, as it was disclosed."""
        await self._who(request)
        return answer(msgspec.to_builtins(await self._find(request)))

    async def numbers(self, request: Request) -> Response:
        """Show the owner a verdict with its numbers."""
        token = await self._who(request)
        if token.role != "owner":
            raise HTTPException(403, f"{token.name!r} is a developer, and the numbers are for owners")
        verdict = await self._find(request)
        full = await self._in_thread(lambda: self._numbers(verdict))
        if full is None:
            raise HTTPException(404, "no numbers were kept: the judge had no key, or it was sealed to another one")
        return answer(msgspec.to_builtins(full))

    def _once(self, token: Token, key: str | None, check: CheckTable, body: bytes, kind: str) -> tuple[bytes, bool]:
        if key is None:
            return self._judged(check, body, kind), False
        store = self.project.store
        asked = digest([check.name, kind, bytes_digest(body)])
        try:
            before = repeats.begin(store, token.name, key, asked)
        except repeats.Reused as problem:
            raise HTTPException(
                422, f"Idempotency-Key {key!r} came before with another body: use a new one"
            ) from problem
        except repeats.UnderWay as problem:
            raise HTTPException(409, "the same request is being answered: ask again", {"Retry-After": "2"}) from problem
        if before is not None:
            return before, True
        try:
            said = self._judged(check, body, kind)
        except BaseException:
            repeats.forget(store, token.name, key)
            raise
        repeats.finish(store, token.name, key, said)
        return said, False

    def _judged(self, check: CheckTable, body: bytes, kind: str) -> bytes:
        """The answer as a developer sees it."""
        dataset = self._dataset(check)
        try:
            sent = submission.read(body, kind, rows=len(dataset.frame), keep=dataset.declared.id)
            run = run_checks(self.project, check.name, submitted=sent)
        except submission.UnknownType as problem:
            raise HTTPException(415, str(problem)) from problem
        except submission.Unreadable as problem:
            raise HTTPException(400, str(problem)) from problem
        except ProjectError as problem:
            # An expired waiver, for one. The message names the judge's files.
            logger.error("refused: %s", problem)
            raise HTTPException(503, "the judge's project file has to be mended first: its log says where") from problem
        except (submission.Unfitting, ModelError, DataError, ClaimError) as problem:
            raise HTTPException(422, problem.message if isinstance(problem, AssayError) else str(problem)) from problem
        if run.waiting:
            raise HTTPException(409, f"{run.unpaid[0] if run.unpaid else 'held'}", {"Retry-After": "2"})
        said: dict[str, Any] = {
            "check": check.name,
            "passed": all(verdict.passed for verdict in run.results),
            "exit_code": int(run.exit_code),
            "verdicts": [msgspec.to_builtins(verdict) for verdict in run.results],
            "ids": [verdict.id for verdict in run.results],
        }
        if run.unpaid:
            said["alarm"] = run.unpaid[0]
        waived = {waiver for verdict in run.results if (waiver := waiver_of(verdict, run.waivers)) is not None}
        if waived:
            said["waivers"] = [msgspec.to_builtins(waiver) for waiver in waived]
        return msgspec.json.encode(said)

    def _with_numbers(self, said: bytes) -> bytes:
        content = msgspec.json.decode(said)
        found = []
        for identity in content["ids"]:
            try:
                found.append(self._numbers(records.get(self.project.store, identity)))
            except StoreError:
                # An answer that could not be paid for is on no record, and has no numbers.
                found.append(None)
        content["numbers"] = [None if full is None else msgspec.to_builtins(full) for full in found]
        return msgspec.json.encode(content)

    def _numbers(self, verdict: Verdict) -> Verdict | None:
        return verdict if verdict.evidence.estimate is not None else numbers(self.project, verdict)

    def _gate(self) -> list[CheckTable]:
        """Checks that predictions can be sent to; one that buys labels judges declared models alone."""
        return [c for c in self.project.file.checks if stage_of(c) == "gate" and c.method != "sequential"]

    def _check(self, request: Request) -> CheckTable:
        name = request.path_params["check"]
        for check in self._gate():
            if check.name == name:
                return check
        raise HTTPException(404, f"there is no gate check {name!r}: GET /api/v1/gate lists them")

    def _open(self, check: CheckTable) -> Dataset:
        name = check.datasets[0] if check.datasets else self.project.dataset_of_role("test", "dev")
        if name is None:
            raise UsageError(f"check {check.name!r} has no test set: declare one with role = 'test'")
        return Inputs(self.project, {}).dataset(name, judge=True)

    def _dataset(self, check: CheckTable) -> Dataset:
        """The test set of a check, opened."""
        try:
            return self._open(check)
        except UsageError as problem:
            logger.error("the test set of check %r cannot be opened: %s", check.name, problem)
            raise HTTPException(503, "the judge cannot open its test set: its owner has to mend that") from problem

    async def _find(self, request: Request) -> Verdict:
        identity = request.path_params["id"]

        def read() -> Verdict | None:
            try:
                found = records.get(self.project.store, identity)
            except StoreError:
                return None
            return found if found.stage == "gate" else None

        found: Verdict | None = await self._in_thread(read)
        if found is None:
            raise HTTPException(404, f"there is no verdict {identity!r} of the gate")
        return found

    async def _who(self, request: Request) -> Token:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise HTTPException(401, "send a token: Authorization: Bearer assay_...", _CHALLENGE)
        token: Token | None = await self._in_thread(lambda: auth.find(self.project.store, given.strip()))
        if token is None:
            raise HTTPException(401, "this token is unknown, or was taken back", _CHALLENGE)
        return token

    async def _in_thread(self, work: Callable[[], Any], *, judging: bool = False) -> Any:
        # Judging has threads of its own, so that a long evaluation holds up neither health nor a refusal.
        pool = self._judges if judging else None
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except BudgetSpent as problem:
            raise HTTPException(409, str(problem)) from problem
        except (Conflict, LedgerError, StoreError) as problem:
            logger.error("%s", problem)
            raise HTTPException(503, "the judge's store does not answer: ask again", {"Retry-After": "5"}) from problem
        except UsageError as problem:
            logger.error("%s", problem)
            raise HTTPException(503, "the judge is not in order: its owner has to mend that") from problem


_PRIVATE = {"Cache-Control": "no-store"}
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON that no cache keeps."""
    return Response(msgspec.json.encode(content), status, _PRIVATE | (headers or {}), "application/json")


async def refuse(request: Request, error: Exception) -> Response:
    """Say in JSON why a request was refused."""
    assert isinstance(error, HTTPException)
    words = error.detail
    if words in {"Not Found", "Method Not Allowed"}:
        words = f"{words.lower()}: {request.method} {request.url.path}"
    return answer({"error": words}, error.status_code, dict(error.headers or {}))


async def broken(_: Request, error: Exception) -> Response:
    """Say that something is broken, and nothing of what: it may hang on the labels."""
    logger.error("internal error", exc_info=error)
    return answer({"error": "internal error: the judge's log has more"}, 500)
