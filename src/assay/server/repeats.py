"""Requests that a client may repeat: the same key with the same content gives the same answer, and spends once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from assay.errors import Conflict
from assay.store.schema import gate_requests as table
from assay.store.schema import now

if TYPE_CHECKING:
    from assay.store.database import Store

LEASE_MILLISECONDS = 600_000


class Reused(Exception):
    """The key came before, with another content."""


class UnderWay(Exception):
    """The same request is being answered right now."""


def begin(store: Store, token: str, key: str, digest: str) -> bytes | None:
    """Claim a key, or give the answer that it got before.

    A claim whose process died may be taken over after ten minutes; the evaluation itself then finds what it had reserved.

    Parameters
    ----------
    store : Store
    token : str
        Name of the token; each has keys of its own.
    key : str
        What the client sent.
    digest : str
        Digest of all that was asked.

    Raises
    ------
    Reused
        If the key stands for another request.
    UnderWay
        If the same request has no answer yet.
    """
    this = (table.c.token == token) & (table.c.key == key)
    try:
        with store.transaction() as connection:
            time = now()
            row = connection.execute(select(table).where(this)).one_or_none()
            if row is None:
                values = {"token": token, "key": key, "digest": digest, "created": time}
                connection.execute(insert(table).values(**values, expires=time + LEASE_MILLISECONDS))
                return None
            if row.digest != digest:
                raise Reused
            if row.response is not None:
                return str(row.response).encode()
            if row.expires > time:
                raise UnderWay
            claimed = update(table).where(this, table.c.expires == row.expires)
            if connection.execute(claimed.values(expires=time + LEASE_MILLISECONDS)).rowcount == 0:
                raise UnderWay
    except Conflict as problem:
        raise UnderWay from problem
    return None


def finish(store: Store, token: str, key: str, response: bytes) -> None:
    """Keep the answer, as a developer sees it."""
    this = (table.c.token == token) & (table.c.key == key)
    with store.transaction() as connection:
        connection.execute(update(table).where(this).values(response=response.decode()))


def forget(store: Store, token: str, key: str) -> None:
    """Let go of a key whose request was refused before it was answered, so that it may be sent again."""
    this = (table.c.token == token) & (table.c.key == key) & table.c.response.is_(None)
    with store.transaction() as connection:
        connection.execute(delete(table).where(this))
