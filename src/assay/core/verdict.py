"""The answer of one check, with its guarantee."""

from __future__ import annotations

from typing import Any, Literal, NoReturn

import msgspec

from assay.core.action import Action
from assay.core.check import Severity, Stage
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.fingerprint import digest
from assay.core.guarantee import Guarantee
from assay.errors import CheckFailed, CheckInconclusive, StoreError

Status = Literal["pass", "fail", "inconclusive", "skipped", "error"]
SCHEMA_VERSION = 1


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found: three outcomes, never two.

    A verdict cannot be built without a guarantee, and one whose guarantee is ``estimate`` or ``none`` can neither
    block nor page.

    Parameters
    ----------
    status : {"pass", "fail", "inconclusive", "skipped", "error"}
        ``pass``: the claim is shown, as the guarantee says. ``fail``: it is refuted. ``inconclusive``: the data
        decide neither; ``actions`` say what would. ``skipped``: an input that it needs is not there yet.
        ``error``: the check itself broke.
    guarantee : Guarantee
        The error rate, its scope and its assumptions.
    check, code, stage : str
        Which check, of which kind, for which question.
    claim : Claim
        The sentence that was tested.
    evidence : Evidence
        The numbers.
    actions : tuple of Action
        At most three next steps, best first.
    reason : str
        One sentence: why this status.
    subject : str
        What it is about when a check has many verdicts: a column, a slice.
    severity : {"error", "warn"}
    blocking : bool
        Whether what depends on this check stops unless it passes.
    pages : bool
        Whether a failure calls somebody.
    schema_version : int

    Raises
    ------
    ValueError
        If a verdict without an error bound is to block or page.

    Examples
    --------
    >>> verdict = Verdict(status="pass", guarantee=Guarantee.none("an example"), check="demo", code="VAL101",
    ...                   stage="data", claim=Claim("there are rows"), reason="3 rows")
    >>> verdict.passed
    True
    >>> bool(verdict)
    Traceback (most recent call last):
        ...
    TypeError: a verdict has three outcomes: use .passed, .failed, .inconclusive or .require()
    """

    status: Status
    guarantee: Guarantee
    check: str
    code: str
    stage: Stage
    claim: Claim
    evidence: Evidence = msgspec.field(default_factory=Evidence)
    actions: tuple[Action, ...] = ()
    reason: str = ""
    subject: str = ""
    severity: Severity = "error"
    blocking: bool = False
    pages: bool = False
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if not isinstance(self.guarantee, Guarantee):
            raise TypeError("a verdict needs a Guarantee; say Guarantee.none(reason) when there is none")
        decided = self.status in ("pass", "fail")
        unfounded = self.guarantee.kind == "estimate" or (self.guarantee.kind == "none" and decided)
        if (self.blocking or self.pages) and unfounded:
            raise ValueError(
                f"{self.check}: a verdict whose guarantee is {self.guarantee.kind!r} can neither block nor page"
            )

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict has three outcomes: use .passed, .failed, .inconclusive or .require()")

    @property
    def id(self) -> str:
        """Twelve hex digits that depend on all but the time taken."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        content.get("evidence", {}).pop("seconds", None)
        return digest(content)[:12]

    @property
    def name(self) -> str:
        """The check's id, with the subject in brackets when there is one."""
        return f"{self.check}[{self.subject}]" if self.subject else self.check

    @property
    def passed(self) -> bool:
        """Whether the claim is shown."""
        return self.status == "pass"

    @property
    def failed(self) -> bool:
        """Whether the claim is refuted."""
        return self.status == "fail"

    @property
    def inconclusive(self) -> bool:
        """Whether the data decide neither way."""
        return self.status == "inconclusive"

    def require(self) -> Verdict:
        """Return the verdict if it passed, else raise.

        Raises
        ------
        CheckFailed
            If the claim is refuted.
        CheckInconclusive
            If nothing was decided: inconclusive, skipped or error.
        """
        if self.passed:
            return self
        raise (CheckFailed if self.failed else CheckInconclusive)(self)

    def to_json(self) -> bytes:
        """Encode as JSON with sorted keys."""
        return msgspec.json.encode(self, order="sorted")

    @classmethod
    def from_json(cls, data: bytes | str) -> Verdict:
        """Decode what :meth:`to_json` wrote.

        Raises
        ------
        StoreError
            If it is not a verdict, or one of a newer version of assay.
        """
        try:
            verdict = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, ValueError, TypeError) as problem:
            raise StoreError(f"not a verdict: {problem}") from problem
        if verdict.schema_version > SCHEMA_VERSION:
            raise StoreError(
                f"verdict of schema version {verdict.schema_version}, this assay reads up to {SCHEMA_VERSION}: "
                "upgrade assay"
            )
        return verdict
