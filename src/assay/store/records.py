"""Verdicts on record: written with their spend, alias move and lineage at once, or not at all."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, exists, func, insert, select

from assay.core.fingerprint import bytes_digest
from assay.core.verdict import Verdict
from assay.errors import StoreError
from assay.store import recording
from assay.store.aliases import AliasMove, move_alias
from assay.store.edges import Edge, add_edges
from assay.store.ledger import Ledger
from assay.store.notices import leave
from assay.store.schema import ledger as entries
from assay.store.schema import now, owner_notes
from assay.store.schema import verdicts as table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from assay.core.check import Stage
    from assay.store.database import Store
    from assay.store.ledger import Reservation

__all__ = ["AliasMove", "StoredVerdict", "find", "get", "history", "latest", "newest", "record", "since"]

_SHORTEST_PREFIX = 4


class StoredVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with the circumstances of its recording.

    Parameters
    ----------
    verdict : Verdict
    created : int
        When it was recorded, in milliseconds since 1970 in UTC.
    run_id : str or None
    model : str
        The version that it is about, as ``name/version``; empty when it is about none.
    fingerprints : dict of str to str
        Content fingerprint of each dataset that it is about.
    cache_key : str or None
    """

    verdict: Verdict
    created: int
    run_id: str | None
    model: str
    fingerprints: dict[str, str]
    cache_key: str | None


def record(
    store: Store,
    *,
    verdicts: Sequence[Verdict],
    cache_key: str | None = None,
    settle: Iterable[tuple[Reservation, float]] = (),
    detail: Mapping[str, Any] | None = None,
    edges: Iterable[Edge | tuple[str, str, str, str, str]] = (),
    alias: AliasMove | None = None,
    run_id: str | None = None,
    model: str = "",
    datasets: Mapping[str, str] | None = None,
    refunded: bool = False,
    notes: Mapping[str, bytes] | None = None,
    tell: Iterable[str] = (),
) -> list[str]:
    """Commit verdicts, what they spent, the alias that they move and their lineage, in one transaction.

    Either all of it is on record or nothing is, whenever the process dies.

    Parameters
    ----------
    store : Store
    verdicts : sequence of Verdict
    cache_key : str or None
        Digest of all inputs of the evaluation, to find these verdicts by. When the same verdicts are on record under it
        already, nothing new was learned: they are recorded again, as the newest, and what was reserved is given back.
    settle : iterable of (Reservation, float)
        What was reserved, and how much of it was spent.
    detail : dict, optional
        Kept with each of these settlements.
    edges : iterable of Edge or of tuples like it
        More lineage. Edges from ``run_id``, ``model`` and ``datasets`` to each verdict are added by themselves.
    alias : AliasMove or None
        The alias that the first of these verdicts moves. Without a verdict its ``detail`` must say why it moves.
    run_id : str or None
    model : str
        The version that the verdicts are about, as ``name/version``.
    datasets : dict of str to str, optional
        Name and content fingerprint of the datasets that were read; by default what the evidence of each verdict says.
    refunded : bool
        Whether the verdicts decide nothing, so that most of the error probability came back; kept with what was spent.
    notes : dict of str to bytes, optional
        By verdict id, what only the judge can read: the numbers that were withheld, sealed. Where the ledger is shared
        they go with it.
    tell : iterable of str
        Addresses of the owner, who is told of verdicts that are new.

    Returns
    -------
    list of str
        Id of each verdict.

    Raises
    ------
    Conflict
        If somebody moved the alias meanwhile; nothing is written then.
    LedgerError
        If a reservation is not open; nothing is written then.
    ValueError
        If an alias is to move without a verdict and without a reason.
    """
    if alias is not None and not verdicts and not alias.detail:
        raise ValueError(
            f"{alias.name}@{alias.alias}: an alias moves with the verdict that allows it, or with a reason"
        )
    ids = [verdict.id for verdict in verdicts]
    first = ids[0] if ids else None
    ledger, tell = Ledger(store), tuple(tell)
    spends, lineage = list(settle), [*recording.edges_of(verdicts, run_id, model, datasets), *edges]
    rows = recording.rows_of(
        verdicts,
        recording=secrets.token_hex(16),
        cache_key=cache_key,
        created=now(),
        model=model,
        run_id=run_id,
        datasets=datasets,
    )
    # What was paid for is named by its content, so that an entry without its verdict shows, as does a changed verdict.
    named = {"recording": rows[0]["recording"], "body": bytes_digest(recording.encode(rows))} if rows else {}
    shared: dict[str, Any] = {}
    if notes and store.shared is not None:
        kept = {identity: store.artifacts.put(sealed) for identity, sealed in notes.items()}
        shared = {"notes": kept, "artifacts": list(kept.values())}

    def work(connection: Connection) -> None:
        repeated = cache_key is not None and ids == [row.id for row in _recorded(connection, cache_key)]
        if rows:
            connection.execute(insert(table), rows)
        for reservation, amount in spends:
            if repeated:
                ledger.release_in(connection, reservation.id, f"verdict {first} was on record already")
            else:
                extra: dict[str, Any] = shared | ({"verdicts": ids} if len(ids) > 1 else {})
                if refunded:
                    extra["refunded"] = reservation.amount - amount
                ledger.settle(connection, reservation, amount, first, {**named, **extra, **(detail or {})})
        for identity, sealed in (notes or {}).items():
            connection.execute(delete(owner_notes).where(owner_notes.c.verdict_id == identity))
            connection.execute(insert(owner_notes).values(verdict_id=identity, note=sealed, created=now()))
        if not repeated:
            leave(connection, tell, "verdict", {"verdicts": ids})
        if alias is not None:
            move_alias(connection, msgspec.structs.replace(alias, detail={**alias.detail, **named}), first)
        add_edges(connection, lineage)

    if spends or alias is not None:
        store.write(work)
    else:
        with store.transaction() as connection:
            work(connection)
    return ids


def find(store: Store, cache_key: str) -> list[Verdict]:
    """Verdicts that were recorded last for these inputs, in their order; none if there are none."""
    with store.read() as connection:
        return [Verdict.from_json(row.body) for row in _recorded(connection, cache_key)]


def get(store: Store, id_prefix: str) -> Verdict:
    """One verdict, by its id or the first four or more digits of it.

    Raises
    ------
    StoreError
        If no verdict has it, or several have.
    """
    prefix = id_prefix.lower()
    if len(prefix) < _SHORTEST_PREFIX or not set(prefix) <= set("0123456789abcdef"):
        raise StoreError(f"{id_prefix!r} is not a verdict: give four or more hex digits of its id")
    with store.read() as connection:
        query = select(table.c.id, table.c.body).where(table.c.id.startswith(prefix))
        found = {row.id: row.body for row in connection.execute(query.order_by(table.c.seq))}
    if not found:
        raise StoreError(f"no verdict {id_prefix!r} in this store: `assay status` lists the newest")
    if len(found) > 1:
        raise StoreError(f"{id_prefix!r} could be any of {', '.join(sorted(found)[:5])}: give more digits")
    return Verdict.from_json(next(iter(found.values())))


def note(store: Store, identity: str) -> bytes | None:
    """What was sealed for the judge beside a verdict, here or in another clone.

    Raises
    ------
    StoreError
        If it is on the shared ledger's remote, and cannot be had.
    """
    with store.read() as connection:
        found = connection.execute(select(owner_notes.c.note).where(owner_notes.c.verdict_id == identity)).scalar()
        if found is not None:
            return bytes(found)
        told = connection.scalars(select(entries.c.detail).where(entries.c.detail.contains(f'"{identity}":"'))).all()
    digests = [msgspec.json.decode(detail).get("notes", {}).get(identity) for detail in told]
    return next((store.content(digest) for digest in reversed(digests) if digest), None)


def latest(store: Store, stage: Stage | None = None, check: str | None = None) -> list[StoredVerdict]:
    """Newest verdicts of each check and subject, newest first: those of one recording, of whatever code or dataset."""
    newest = select(func.max(table.c.seq)).group_by(table.c.check_id, table.c.subject)
    last = table.alias()
    together = (
        (last.c.recording == table.c.recording)
        & (last.c.check_id == table.c.check_id)
        & (last.c.subject == table.c.subject)
    )
    with store.read() as connection:
        query = _selected(stage, check).where(exists().where(together, last.c.seq.in_(newest)))
        return [_stored(row) for row in connection.execute(query.order_by(table.c.seq.desc()))]


def newest(store: Store, check: str) -> list[str]:
    """Ids of the verdicts that were recorded last of a check, in their order."""
    last = select(table.c.recording).where(table.c.check_id == check).order_by(table.c.seq.desc()).limit(1)
    query = select(table.c.id).where(table.c.recording == last.scalar_subquery(), table.c.check_id == check)
    with store.read() as connection:
        return list(connection.scalars(query.order_by(table.c.seq)))


def history(
    store: Store,
    stage: Stage | None = None,
    check: str | None = None,
    subject: str | None = None,
    limit: int | None = None,
) -> list[StoredVerdict]:
    """All verdicts, newest first."""
    query = _selected(stage, check).order_by(table.c.seq.desc()).limit(limit)
    if subject is not None:
        query = query.where(table.c.subject == subject)
    with store.read() as connection:
        return [_stored(row) for row in connection.execute(query)]


def since(store: Store, seen: Collection[str]) -> list[StoredVerdict]:
    """Verdicts whose ids are not among those that were seen, oldest first."""
    with store.read() as connection:
        known = connection.execute(select(table.c.seq, table.c.id).order_by(table.c.seq))
        fresh = [row.seq for row in known if row.id not in seen]
        query = select(table).where(table.c.seq.in_(fresh)).order_by(table.c.seq)
        return [_stored(row) for row in connection.execute(query)]


def _recorded(connection: Connection, cache_key: str) -> list[Row[Any]]:
    last = select(table.c.recording).where(table.c.cache_key == cache_key).order_by(table.c.seq.desc()).limit(1)
    query = select(table.c.id, table.c.body).where(table.c.recording == last.scalar_subquery())
    return list(connection.execute(query.where(table.c.cache_key == cache_key).order_by(table.c.seq)))


def _selected(stage: str | None, check: str | None) -> Any:
    query = select(table)
    if stage is not None:
        query = query.where(table.c.stage == stage)
    if check is not None:
        query = query.where(table.c.check_id == check)
    return query


def _stored(row: Row[Any]) -> StoredVerdict:
    return StoredVerdict(
        verdict=Verdict.from_json(row.body),
        created=row.created,
        run_id=row.run_id,
        model=row.model,
        fingerprints=msgspec.json.decode(row.datasets),
        cache_key=row.cache_key,
    )
