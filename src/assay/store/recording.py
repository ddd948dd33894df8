"""Verdicts of one transaction as bytes: what a shared ledger carries beside its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import insert, select

from assay.core.fingerprint import canonical_json
from assay.core.verdict import Verdict
from assay.errors import LedgerError
from assay.store.edges import Edge, add_edges
from assay.store.schema import verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

# Fingerprints in the evidence that are those of models.
MODELS = ("new", "old")


class _Said(msgspec.Struct, frozen=True):
    datasets: dict[str, str]
    verdict: msgspec.Raw


class _Recording(msgspec.Struct, frozen=True, kw_only=True):
    recording: str
    cache_key: str | None
    created: int
    model: str
    run_id: str | None
    verdicts: list[_Said]


def rows_of(
    found: Sequence[Verdict],
    *,
    recording: str,
    cache_key: str | None,
    created: int,
    model: str,
    run_id: str | None,
    datasets: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Rows of the table ``verdicts``; without ``datasets`` each has those that its evidence names."""
    return [
        {
            "id": verdict.id,
            "recording": recording,
            "cache_key": cache_key,
            "check_id": verdict.check,
            "code": verdict.code,
            "stage": verdict.stage,
            "status": verdict.status,
            "subject": verdict.subject,
            "model": model,
            "datasets": canonical_json(verdict.evidence.fingerprints if datasets is None else datasets).decode(),
            "run_id": run_id,
            "created": created,
            "body": verdict.to_json().decode(),
        }
        for verdict in found
    ]


def edges_of(
    found: Sequence[Verdict], run_id: str | None, model: str, datasets: Mapping[str, str] | None
) -> list[Edge]:
    """What verdicts came from: their data, model and run."""
    edges = []
    for verdict in found:
        said = verdict.evidence.fingerprints
        read = {name: said[name] for name in said if name not in MODELS} if datasets is None else datasets
        edges += [Edge("dataset", fingerprint, "verdict", verdict.id, "read") for fingerprint in read.values()]
        if model:
            edges.append(Edge("model_version", model, "verdict", verdict.id, "judged"))
        if run_id:
            edges.append(Edge("run", run_id, "verdict", verdict.id, "produced"))
    return edges


def encode(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows of one recording as one line of JSON, the same whenever it is made."""
    first = rows[0]
    said = [
        _Said(msgspec.json.decode(row["datasets"], type=dict[str, str]), msgspec.Raw(row["body"].encode()))
        for row in rows
    ]
    whole = _Recording(**{name: first[name] for name in _Recording.__struct_fields__[:-1]}, verdicts=said)
    return canonical_json(whole) + b"\n"


def body(connection: Connection, recording: str) -> bytes:
    """Read the verdicts of a recording as bytes.

    Raises
    ------
    LedgerError
        If they are not in the store any more.
    """
    query = select(verdicts).where(verdicts.c.recording == recording).order_by(verdicts.c.seq)
    rows = [dict(row._mapping) for row in connection.execute(query)]
    if not rows:
        raise LedgerError(f"ledger: the verdicts of recording {recording} are gone: restore the store from a backup")
    return encode(rows)


def adopt(connection: Connection, data: bytes) -> None:
    """Take in what :func:`body` gave in another store; what is known already stays as it is."""
    whole = msgspec.json.decode(data, type=_Recording)
    if connection.execute(select(verdicts.c.seq).where(verdicts.c.recording == whole.recording)).first():
        return
    for said in whole.verdicts:
        verdict = Verdict.from_json(bytes(said.verdict))
        (row,) = rows_of(
            [verdict],
            recording=whole.recording,
            cache_key=whole.cache_key,
            created=whole.created,
            model=whole.model,
            run_id=whole.run_id,
            datasets=said.datasets,
        )
        # As it was written: another version of assay would write it otherwise.
        connection.execute(insert(verdicts).values({**row, "body": bytes(said.verdict).decode()}))
        read = {name: seal for name, seal in said.datasets.items() if name not in MODELS}
        add_edges(connection, edges_of([verdict], whole.run_id, whole.model, read))
