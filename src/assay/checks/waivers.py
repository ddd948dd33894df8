"""Waivers of a project: which hold today, and what they let through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from assay.core.fingerprint import digest
from assay.core.waiver import Waiver, waiver_of
from assay.errors import ProjectError
from assay.store import chain
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from assay.checks.project import Project
    from assay.core.verdict import Verdict


def in_force(project: Project, checks: Collection[str]) -> tuple[Waiver, ...]:
    """Return the waivers of these checks.

    Raises
    ------
    ProjectError
        If one of them has expired: what was let through for a while would otherwise be let through for ever, or stop
        without a word.
    """
    for place, waiver in enumerate(project.file.waivers):
        if waiver.check in checks and waiver.expired():
            with project.at("waivers", place, "expires"):
                raise ProjectError(
                    f"the waiver of {waiver.check!r} ({waiver.owner}: {waiver.reason}) expired on {waiver.expires}: take it "
                    "out, or have its owner give it another date"
                )
    return tuple(waiver for waiver in project.file.waivers if waiver.check in checks)


def enter(project: Project, verdicts: Sequence[Verdict], waivers: Sequence[Waiver]) -> None:
    """Put on the ledger what the waivers let through; the same waiver of the same verdict once."""
    let_through = [(verdict, waiver) for verdict in verdicts if (waiver := waiver_of(verdict, waivers)) is not None]
    if not let_through:
        return
    ledger = Ledger(project.store)

    def work(connection: Connection) -> None:
        known = {(entry.key, entry.verdict_id) for entry in chain.entries(connection, 1) if entry.kind == "waiver"}
        for verdict, waiver in let_through:
            detail = msgspec.to_builtins(waiver)
            key = digest(detail)
            if (key, verdict.id) not in known:
                ledger.append(
                    connection, "waiver", key, 1, check=verdict.check, verdict_id=verdict.id,
                    detail={**detail, "status": verdict.status},
                )  # fmt: skip

    project.store.write(work)
