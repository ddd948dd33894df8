"""What the owner of a test set is told, kept until it is delivered."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import insert, select, update

from assay.core.fingerprint import canonical_json, digest
from assay.store.schema import notices, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from assay.store.database import Store

MOST_ATTEMPTS = 12
LEASE_MILLISECONDS = 120_000
LONGEST_WAIT_MILLISECONDS = 3_600_000


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell one address.

    Parameters
    ----------
    id : str
    kind : str
        ``"verdict"`` or ``"alarm"``.
    target : str
        :func:`name_of` the address; the address itself, which may hold a secret, is not kept.
    body : dict
        What it speaks of: ids of verdicts, a reason.
    attempts : int
        Which attempt this is, from 1.
    """

    id: str
    kind: str
    target: str
    body: dict[str, Any]
    attempts: int


def name_of(address: str) -> str:
    """What stands for an address in the store."""
    return digest(address)[:16]


def leave(
    connection: Connection, targets: Iterable[str], kind: str, body: Mapping[str, Any], once: str | None = None
) -> None:
    """Leave a notice for each target, inside the transaction that it tells of.

    Parameters
    ----------
    connection : Connection
        Of ``store.transaction()``.
    targets : iterable of str
    kind : {"verdict", "alarm"}
    body : mapping
    once : str, optional
        What it is about: a second notice of the same is not left.
    """
    time = now()
    for target in map(name_of, targets):
        identity = digest([kind, once, target]) if once else secrets.token_hex(32)
        if once and connection.execute(select(notices.c.id).where(notices.c.id == identity)).first():
            continue
        connection.execute(
            insert(notices).values(
                id=identity,
                created=time,
                kind=kind,
                target=target,
                body=canonical_json(dict(body)).decode(),
                attempts=0,
                due=time,
                error="",
            )
        )


def claim(store: Store) -> Notice | None:
    """Take the notice that has waited longest, so that no other process delivers it too; ``None`` when none is due.

    Who takes one and dies leaves it to be taken again after two minutes: a notice can come twice, it cannot get lost.
    """
    time = now()
    query = select(notices).where(notices.c.due <= time).order_by(notices.c.due).limit(1)
    with store.read() as connection:
        # Who looks every second must not take the writers' lock every second.
        if connection.execute(query).one_or_none() is None:
            return None
    with store.transaction() as connection:
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        taken = {"due": time + LEASE_MILLISECONDS, "attempts": row.attempts + 1}
        connection.execute(update(notices).where(notices.c.id == row.id).values(taken))
    body = msgspec.json.decode(row.body)
    return Notice(id=row.id, kind=row.kind, target=row.target, body=body, attempts=row.attempts + 1)


def close(store: Store, notice: Notice, error: str = "") -> None:
    """Note that a notice was delivered, or why not; it is tried again ever later, and given up after 12 attempts."""
    wait = min(1_000 * 4 ** (notice.attempts - 1), LONGEST_WAIT_MILLISECONDS)
    due = now() + wait if error and notice.attempts < MOST_ATTEMPTS else None
    with store.transaction() as connection:
        connection.execute(update(notices).where(notices.c.id == notice.id).values(due=due, error=error))
