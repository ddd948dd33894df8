"""Names that point at a version of a model, and move by compare-and-swap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import insert, select, update

from assay.errors import Conflict, ModelError
from assay.store import ledger
from assay.store.edges import Edge, add_edges
from assay.store.schema import aliases, model_versions, now

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from assay.store.chain import Entry

_ALIAS = re.compile(r"[\w\-]{1,255}", re.ASCII)
_LOOKS_LIKE_VERSION = re.compile(r"v\d+", re.IGNORECASE)


class AliasState(msgspec.Struct, frozen=True):
    """Where an alias points.

    Parameters
    ----------
    version : int
    revision : int
        Number of moves so far; never repeats, even when the alias is removed and set again.
    """

    version: int
    revision: int


class AliasMove(msgspec.Struct, frozen=True):
    """A move of an alias, to be made only if nobody has moved it meanwhile.

    Parameters
    ----------
    name, alias : str
    version : int or None
        Where it is to point; ``None`` removes it.
    expected_revision : int
        Revision at which the move was decided; 0 when the alias pointed nowhere.
    detail : dict
        Kept in the ledger: ``{"override": reason}``, ``{"rollback": "3"}``.
    """

    name: str
    alias: str
    version: int | None
    expected_revision: int
    detail: Mapping[str, Any] = msgspec.field(default_factory=dict)


def require_alias(alias: str) -> None:
    """Refuse a name that could be taken for a version.

    Raises
    ------
    ModelError
        Unless it has 1 to 255 letters, digits, ``_`` and ``-``, and is neither ``latest`` nor ``v`` with a number.
    """
    if not _ALIAS.fullmatch(alias):
        raise ModelError(f"alias {alias!r}: use 1 to 255 letters, digits, '_' and '-'")
    if alias.lower() == "latest" or _LOOKS_LIKE_VERSION.fullmatch(alias):
        raise ModelError(f"alias {alias!r} reads like a version: choose a name such as champion")


def read_alias(connection: Connection, name: str, alias: str) -> AliasState | None:
    """Where an alias points, or ``None`` if it points nowhere."""
    row = _row(connection, name, alias)
    return None if row is None or row.version is None else AliasState(row.version, row.revision)


def move_alias(connection: Connection, move: AliasMove, verdict_id: str | None = None) -> int:
    """Move an alias, and record the move in the ledger and in the lineage.

    Parameters
    ----------
    connection : Connection
        Of :meth:`Store.transaction`.
    move : AliasMove
    verdict_id : str or None
        The verdict that allows it; ``None`` for a move that a person orders.

    Returns
    -------
    int
        The new revision.

    Raises
    ------
    Conflict
        If the alias is at another revision than expected.
    ModelError
        If there is no such version, or the alias has a name that it cannot have.
    """
    require_alias(move.alias)
    label = f"{move.name}@{move.alias}"
    row = _row(connection, move.name, move.alias)
    before = None if row is None else row.version
    found = 0 if row is None or before is None else row.revision
    if found != move.expected_revision:
        raise Conflict(
            f"{label} is at revision {found}, not {move.expected_revision}: somebody moved it: look and retry"
        )
    digest = _digest(connection, move, before)
    revision = 1 if row is None else row.revision + 1
    values = {"version": move.version, "revision": revision, "updated": now()}
    if row is None:
        connection.execute(insert(aliases).values(name=move.name, alias=move.alias, **values))
    else:
        _swap(connection, move, row.revision, values)
    moved = {"name": move.name, "alias": move.alias, "from": before, "to": move.version, "revision": revision}
    ledger.append(connection, "promotion", digest, 1, verdict_id=verdict_id, detail={**move.detail, **moved})
    _add_lineage(connection, move.name, move.alias, move.version, verdict_id)
    return revision


def version_of(connection: Connection, entry: Entry) -> int | None:
    """The version here whose content a promotion is about: in another clone it may have another number."""
    query = select(model_versions.c.version).where(
        model_versions.c.name == entry.detail.get("name"), model_versions.c.digest == entry.key
    )
    found = connection.scalars(query.order_by(model_versions.c.version.desc())).all()
    told = entry.detail.get("to") or entry.detail.get("from")
    return told if told in found else next(iter(found), None)


def follow(connection: Connection, entry: Entry) -> None:
    """Move an alias as an entry of a shared ledger says, if the model's content is registered here."""
    version = version_of(connection, entry)
    if version is None:
        return
    name, alias = str(entry.detail["name"]), str(entry.detail["alias"])
    row = _row(connection, name, alias)
    target = None if entry.detail.get("to") is None else version
    if target is None and (row is None or row.version != version):
        return
    values = {"version": target, "revision": 1 if row is None else row.revision + 1, "updated": entry.created}
    if row is None:
        connection.execute(insert(aliases).values(name=name, alias=alias, **values))
    else:
        connection.execute(update(aliases).where(aliases.c.name == name, aliases.c.alias == alias).values(values))
    _add_lineage(connection, name, alias, target, entry.verdict_id)


def _add_lineage(connection: Connection, name: str, alias: str, version: int | None, verdict_id: str | None) -> None:
    label = f"{name}@{alias}"
    if version is not None:
        add_edges(connection, [Edge("model_version", f"{name}/{version}", "alias", label, "promoted")])
    if verdict_id is not None:
        add_edges(connection, [Edge("verdict", verdict_id, "alias", label, "allowed")])


def _row(connection: Connection, name: str, alias: str) -> Row[Any] | None:
    return connection.execute(select(aliases).where(aliases.c.name == name, aliases.c.alias == alias)).one_or_none()


def _swap(connection: Connection, move: AliasMove, revision: int, values: Mapping[str, Any]) -> None:
    swap = update(aliases).where(
        aliases.c.name == move.name, aliases.c.alias == move.alias, aliases.c.revision == revision
    )
    if connection.execute(swap.values(values)).rowcount != 1:
        raise Conflict(f"{move.name}@{move.alias}: somebody moved it: look and retry")


def _digest(connection: Connection, move: AliasMove, before: int | None) -> str:
    version = before if move.version is None else move.version
    query = select(model_versions.c.digest)
    found = connection.execute(
        query.where(model_versions.c.name == move.name, model_versions.c.version == version)
    ).scalar()
    if found is None:
        raise ModelError(f"{move.name}@{move.alias} cannot point at version {version}: there is no such version")
    return str(found)
