"""What is spent of a budget, and what is held."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import exists, select

from assay.errors import LedgerError
from assay.store import chain
from assay.store.holder import lives, me
from assay.store.schema import ledger

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from assay.store.chain import Entry


class Balance(msgspec.Struct, frozen=True):
    """Where a budget stands: ``spent`` is gone, ``held`` may yet come back."""

    spent: float
    held: float


def balance_of(connection: Connection, kind: str, key: str, time: int) -> Balance:
    """Sum up a budget as it stands at a time.

    A reservation counts until it is settled or released, dead or alive. Only what was put by, for an evaluation that
    has not begun, comes back by itself.
    """
    settled = connection.scalars(
        select(ledger.c.amount).where(ledger.c.kind == kind, ledger.c.key == key, ledger.c.state == "settle")
    ).all()
    opened = open_reservations(connection, kind, key)
    dead = [held.amount for held in opened if is_dead(held, time) and not is_put_by(held)]
    live = [held.amount for held in opened if not is_dead(held, time)]
    return Balance(spent=math.fsum((*settled, *dead)), held=math.fsum(live))


def is_dead(held: Entry, time: int) -> bool:
    """Whether the process that made a reservation has died, or forgotten it.

    On its machine that can be seen. Elsewhere, and by itself, a process is believed to have lost what it held when the
    lease is over. What was put by waits out its lease without a process.
    """
    holder = "" if is_put_by(held) else held.detail.get("holder", "")
    alive = lives(holder) if holder and holder != me() else None
    if alive is not None:
        return not alive
    return held.expires is not None and held.expires <= time


def is_put_by(held: Entry) -> bool:
    """Whether a reservation waits for an evaluation that has not begun: nothing can have been seen."""
    return bool(held.detail.get("put_by"))


def open_reservations(connection: Connection, kind: str | None = None, key: str | None = None) -> list[Entry]:
    """Reservations that were neither settled nor released, oldest first."""
    end = ledger.alias("end")
    closed = exists().where(end.c.reservation == ledger.c.reservation, end.c.state != "reserve")
    query = select(ledger).where(ledger.c.state == "reserve", ~closed)
    if kind is not None:
        query = query.where(ledger.c.kind == kind, ledger.c.key == key)
    return [chain.entry(row) for row in connection.execute(query.order_by(ledger.c.seq))]


def find_open(connection: Connection, reservation: str) -> Entry:
    """An open reservation by its id, which stays open until this transaction closes it.

    Raises
    ------
    LedgerError
        If it is unknown or closed.
    """
    # The head is the lock that makes this answer last until the commit.
    chain.head(connection, lock=True)
    found = [
        chain.entry(row)
        for row in connection.execute(select(ledger).where(ledger.c.reservation == reservation).order_by(ledger.c.seq))
    ]
    if not found:
        raise LedgerError(f"ledger: there is no reservation {reservation}: reserve before settling or releasing")
    if len(found) > 1:
        raise LedgerError(
            f"ledger: reservation {reservation} was closed by entry {found[-1].seq} ({found[-1].state}): reserve again"
        )
    return found[0]
