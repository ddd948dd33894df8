"""Who may ask: tokens with a role, of which the store has only hashes."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Literal

import msgspec
from sqlalchemy import delete, insert, select

from assay.core.fingerprint import bytes_digest
from assay.errors import Conflict, UsageError
from assay.store.schema import now
from assay.store.schema import tokens as table

if TYPE_CHECKING:
    from assay.store.database import Store

Role = Literal["developer", "owner"]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may ask.

    Parameters
    ----------
    name : str
    role : {"developer", "owner"}
        A developer sees what is disclosed; the owner of the test sets sees the numbers too.
    created : int
        Milliseconds since 1970 in UTC.
    """

    name: str
    role: Role
    created: int


def add(store: Store, name: str, role: Role) -> str:
    """Make a token of 256 random bits and return it; it is kept nowhere, and cannot be shown again.

    Raises
    ------
    UsageError
        If the name is taken or cannot be one.
    """
    if not name or len(name) > 100 or not name.isprintable():
        raise UsageError(f"{name!r} cannot be the name of a token: use 1 to 100 printable characters")
    token = f"assay_{secrets.token_urlsafe(32)}"
    try:
        with store.transaction() as connection:
            row = {"name": name, "role": role, "hash": _hash(token), "created": now()}
            connection.execute(insert(table).values(row))
    except Conflict as problem:
        raise UsageError(f"there is a token {name!r} already: revoke it first, or choose another name") from problem
    return token


def revoke(store: Store, name: str) -> None:
    """Take a token back; from now on it opens nothing.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    with store.transaction() as connection:
        if connection.execute(delete(table).where(table.c.name == name)).rowcount == 0:
            raise UsageError(f"there is no token {name!r}: `assay server token list` shows all")


def tokens(store: Store) -> list[Token]:
    """All tokens, by name."""
    with store.read() as connection:
        rows = connection.execute(select(table.c.name, table.c.role, table.c.created).order_by(table.c.name))
        return [Token(name=row.name, role=row.role, created=row.created) for row in rows]


def find(store: Store, token: str) -> Token | None:
    """Who holds a token; ``None`` for one that is unknown or was taken back.

    Every stored hash is compared in full, whether or not one before it fitted, so that the time says nothing.
    """
    asked, found = _hash(token), None
    with store.read() as connection:
        for row in connection.execute(select(table)):
            if hmac.compare_digest(row.hash, asked):
                found = Token(name=row.name, role=row.role, created=row.created)
    return found


def _hash(token: str) -> str:
    # 256 random bits need no slow hash: nobody can try them all.
    return bytes_digest(token.encode())
