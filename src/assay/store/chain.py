"""The hash chain of the ledger: how an entry is added, and how a change is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from sqlalchemy import insert, select, update

from assay.core.fingerprint import canonical_json, digest
from assay.errors import LedgerError
from assay.store.schema import ledger, ledger_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, Row

State = Literal["reserve", "settle", "release"]

BACKUP = "restore the store from a backup"
"""The way out when the chain of this store is broken."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the ledger.

    Parameters
    ----------
    seq : int
        1, 2, 3, ... without gaps.
    created : int
        Milliseconds since 1970 in UTC.
    kind : str
        What was spent: alpha, answers, labels, pages or promotion.
    key : str
        Fingerprint of the content that it was spent on.
    amount : float
    state : {"reserve", "settle", "release"}
    reservation : str or None
        Joins a settlement or release to its reservation; ``None`` for what was appended at once.
    expires : int or None
        When the lease of a reservation ends.
    check_id, verdict_id : str
        Who spent it, and on which verdict.
    detail : dict
    previous, hash : str
        BLAKE3-256 of the entry before, and of this one with it.
    """

    seq: int
    created: int
    kind: str
    key: str
    amount: float
    state: State
    reservation: str | None
    expires: int | None
    check_id: str
    verdict_id: str | None
    detail: dict[str, Any]
    previous: str
    hash: str


def entry(row: Row[Any]) -> Entry:
    """Read a row as an entry."""
    try:
        detail = msgspec.json.decode(row.detail)
    except msgspec.DecodeError as problem:
        raise _broken(row.seq, "is not as it was written", "its detail is not JSON") from problem
    return Entry(**{**row._asdict(), "detail": detail})


def entries(connection: Connection, first: int) -> list[Entry]:
    """Entries from a number on."""
    query = select(ledger).where(ledger.c.seq >= first).order_by(ledger.c.seq)
    return [entry(row) for row in connection.execute(query)]


def add(
    connection: Connection,
    *,
    created: int,
    kind: str,
    key: str,
    amount: float,
    state: State,
    check: str,
    reservation: str | None = None,
    expires: int | None = None,
    verdict_id: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Append one entry to the chain and return its number.

    The head is locked first, so that entries of different processes follow each other; on SQLite the transaction is
    the only writer anyway.
    """
    seq, last = head(connection, lock=True)
    row: dict[str, Any] = {
        "seq": seq + 1,
        "created": created,
        "kind": kind,
        "key": key,
        "amount": float(amount),
        "state": state,
        "reservation": reservation,
        "expires": expires,
        "check_id": check,
        "verdict_id": verdict_id,
        "detail": canonical_json(detail or {}).decode(),
        "previous": last,
    }
    row["hash"] = digest(row)
    connection.execute(insert(ledger).values(row))
    connection.execute(update(ledger_head).values(seq=row["seq"], hash=row["hash"]))
    return int(row["seq"])


def head(connection: Connection, *, lock: bool = False) -> tuple[int, str]:
    """Number and hash of the newest entry; ``(0, "")`` for an empty ledger."""
    query = select(ledger_head.c.seq, ledger_head.c.hash)
    found = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise LedgerError("ledger: the record of its newest entry is gone: restore the store from a backup")
    return int(found.seq), str(found.hash)


def content(found: Entry) -> dict[str, Any]:
    """Give an entry as a row of the table: what its hash covers, and the hash.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pathlib import Path
    >>> from assay.store import Ledger, Store
    >>> with TemporaryDirectory() as folder, Store.open(root=Path(folder)) as store:
    ...     _ = Ledger(store).reserve("answers", "f00d", 1, limit=1, check="better")
    ...     row = content(Ledger(store).entries()[0])
    >>> row.pop("hash") == digest(row)
    True
    """
    return {**msgspec.structs.asdict(found), "detail": canonical_json(found.detail).decode()}


def verify(connection: Connection) -> int:
    """Walk the chain and return the number of entries, or name the first that is not as it was written."""
    length, last = head(connection)
    rows = connection.execute(select(ledger).order_by(ledger.c.seq))
    check((dict(row._mapping) for row in rows), length, last)
    return length


def check(
    rows: Iterable[dict[str, Any]], length: int, last: str, *, where: str = "ledger", way_out: str = BACKUP
) -> None:
    """Walk rows in the order of their numbers and see that they are the chain that was written.

    Parameters
    ----------
    rows : iterable of dict
        Columns of each entry.
    length, last : int and str
        Number and hash of the newest entry.
    where, way_out : str
        Whose chain it is, and how to mend it, for messages.

    Raises
    ------
    LedgerError
        Naming the first entry that was changed, deleted, inserted or moved.
    """

    def broken(seq: int, what: str, how: str) -> LedgerError:
        return _broken(seq, what, how, where, way_out)

    previous, expected = "", 1
    for row in rows:
        seal, seq = row.pop("hash"), row["seq"]
        if seq != expected:
            raise broken(expected, "is missing", "it was deleted, or moved")
        if digest(row) != seal:
            raise broken(expected, "is not as it was written", _moved(row, seal, max(length, expected)))
        if row["previous"] != previous:
            raise broken(max(expected - 1, 1), f"is not the one that entry {expected} followed", "it was replaced")
        previous, expected = seal, expected + 1
    if expected - 1 < length:
        raise broken(expected, "is missing", f"the newest {length - expected + 1} were deleted")
    if expected - 1 > length:
        raise broken(length + 1, "was never written by assay", f"the ledger ends at entry {length}")
    if previous != last:
        raise broken(length, "is not the one that was written", "it was replaced")


def _moved(content: dict[str, Any], seal: str, length: int) -> str:
    for seq in range(1, length + 1):
        if digest({**content, "seq": seq}) == seal:
            return f"it was written as entry {seq}, and moved"
    return "it was changed"


def _broken(seq: int, what: str, how: str, where: str = "ledger", way_out: str = BACKUP) -> LedgerError:
    return LedgerError(f"{where}: entry {seq} {what}: {how}: {way_out}")
