"""Where a thing came from, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from assay.store.edges import Edge
from assay.store.schema import lineage

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from assay.store.database import Store

_COLUMNS = (
    lineage.c.source_kind,
    lineage.c.source_id,
    lineage.c.target_kind,
    lineage.c.target_id,
    lineage.c.relation,
)


def edges_of(store: Store, kind: str, identity: str) -> list[Edge]:
    """Edges that start or end at a thing.

    Parameters
    ----------
    store : Store
    kind, identity : str
        ``("dataset", fingerprint)``, ``("run", id)``, ``("model_version", "name/3")``, ``("verdict", id)``,
        ``("alias", "name@alias")``.
    """
    starts = and_(lineage.c.source_kind == kind, lineage.c.source_id == identity)
    ends = and_(lineage.c.target_kind == kind, lineage.c.target_id == identity)
    with store.read() as connection:
        return _edges(connection, or_(starts, ends))


def trace(store: Store, kind: str, identity: str) -> list[Edge]:
    """All edges on the way back from a thing to what it was made of, nearest first.

    For the alias ``flights@champion``: the version that it points at and the verdict that allowed it, the run that
    trained that version, and the data that the run read.
    """
    found: dict[Edge, None] = {}
    seen = {(kind, identity)}
    waiting = [(kind, identity)]
    with store.read() as connection:
        while waiting:
            following = []
            for target_kind, target_id in waiting:
                into = and_(lineage.c.target_kind == target_kind, lineage.c.target_id == target_id)
                for edge in _edges(connection, into):
                    found[edge] = None
                    source = (edge.source_kind, edge.source_id)
                    if source not in seen:
                        seen.add(source)
                        following.append(source)
            waiting = following
    return list(found)


def _edges(connection: Connection, condition: ColumnElement[bool]) -> list[Edge]:
    rows = connection.execute(select(*_COLUMNS).where(condition).order_by(*_COLUMNS))
    return [Edge(*row) for row in rows]
