"""Lineage: which thing came from which."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert, select

from assay.store.schema import lineage, now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


class Edge(NamedTuple):
    """``target`` came from ``source``.

    Parameters
    ----------
    source_kind, source_id : str
        ``("dataset", fingerprint)``, ``("run", id)``, ``("model_version", "name/3")``, ``("verdict", id)``,
        ``("alias", "name@champion")``, ``("artifact", digest)``.
    target_kind, target_id : str
    relation : str
        What the source was to the target: ``"read"``, ``"produced"``, ``"judged"``, ``"promoted"``.
    """

    source_kind: str
    source_id: str
    target_kind: str
    target_id: str
    relation: str


def add_edges(connection: Connection, edges: Iterable[Edge | tuple[str, str, str, str, str]]) -> None:
    """Record edges; one that is known already stays as it is."""
    for edge in dict.fromkeys(Edge(*edge) for edge in edges):
        values = edge._asdict()
        known = select(lineage.c.created).where(*(lineage.c[name] == value for name, value in values.items()))
        if connection.execute(known).first() is None:
            connection.execute(insert(lineage).values(**values, created=now()))
