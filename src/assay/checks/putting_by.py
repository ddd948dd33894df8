"""Putting by what a check will spend, before its turn comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.checks.inputs import Inputs
from assay.checks.run import prepare, reserve, stored_verdicts
from assay.checks.select import select
from assay.store.balance import is_put_by, open_reservations
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from assay.checks.project import Project
    from assay.store.ledger import Reservation


def put_by(
    project: Project, selection: str, minutes: float, datasets: Mapping[str, Any] | None = None
) -> list[Reservation]:
    """Hold all that the selected checks may spend on their inputs of now: for all of them, or for none.

    Nothing of the data is judged. The check takes over what is held when it is asked with the same inputs, by whichever
    process or clone. When the time is over it comes back by itself, for nothing was seen.

    Parameters
    ----------
    project : Project
    selection : str
        See :func:`assay.checks.select.select`.
    minutes : float > 0
        How long it is held. What was put by for the same question before is held that long from now.
    datasets : mapping of str to source
        Sources that stand in for declared ones.

    Raises
    ------
    BudgetSpent
        If it does not fit; nothing is held then.
    UsageError
        If an input cannot be judged.
    """
    if project.shared_ledger:
        project.store.sync()
    inputs = Inputs(project, datasets or {})
    jobs = [(check, prepare(check, inputs)) for check in select(project.file, selection)]
    asked = [(check, job) for check, job in jobs if not stored_verdicts(project, check, job)]
    for _, job in asked:
        job.look()

    def work(connection: Connection) -> list[Reservation]:
        return [
            reservation
            for check, job in asked
            for reservation, _ in reserve(connection, project, check, job, lease_seconds=60 * minutes, put_by=True)
        ]

    return project.store.write(work)


def give_back(project: Project, selection: str) -> int:
    """Give back what was put by for the selected checks, and return how many reservations it was."""
    names = {check.name for check in select(project.file, selection)}
    if not project.has_store:
        return 0
    ledger = Ledger(project.store)

    def work(connection: Connection) -> int:
        held = [entry for entry in open_reservations(connection) if is_put_by(entry) and entry.check_id in names]
        for entry in held:
            ledger.release_in(connection, str(entry.reservation), "given back before it was asked")
        return len(held)

    return project.store.write(work)
