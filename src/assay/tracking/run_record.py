"""What a run left on record."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import select

from assay.errors import StoreError
from assay.store.schema import (
    artifacts,
    bits_float,
    experiments,
    latest_metrics,
    metrics,
    params,
    run_inputs,
    runs,
    tags,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from assay.store.database import Store


class Point(NamedTuple):
    """One value of a metric."""

    step: int
    timestamp: int
    value: float


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run.

    Parameters
    ----------
    id, name, experiment : str
    status : {"RUNNING", "FINISHED", "FAILED"}
    user : str
    started, ended : int
        Milliseconds since 1970 in UTC; ``ended`` is ``None`` while it runs, and for ever if its process was killed.
    error : str or None
        What ended a failed run.
    commit : str or None
        Commit of the git checkout, and in ``dirty`` whether files differed from it.
    environment : dict
        Python, platform and packages with their versions.
    params, tags : dict of str to str
    metrics : dict of str to float
        Newest value of each.
    artifacts : dict of str to str
        Path to digest.
    inputs : list of (name, fingerprint, context)
        Datasets.
    """

    id: str
    name: str
    experiment: str
    status: str
    user: str
    started: int
    ended: int | None
    error: str | None
    commit: str | None
    dirty: bool | None
    environment: dict[str, Any]
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    artifacts: dict[str, str]
    inputs: list[tuple[str, str, str]]


def get_run(store: Store, identity: str) -> RunRecord:
    """One run, by its id or the first digits of it.

    Raises
    ------
    StoreError
        If no run has it, or several have.
    """
    if not identity or not set(identity) <= set("0123456789abcdef"):
        raise StoreError(f"{identity!r} is not the id of a run: `assay runs list` shows them")
    with store.read() as connection:
        query = select(runs.c.id).where(runs.c.id.startswith(identity)).limit(3)
        found = list(connection.scalars(query))
        if not found:
            raise StoreError(f"no run {identity!r} in this store: `assay runs list` shows them")
        if len(found) > 1:
            raise StoreError(f"{identity!r} could be any of {', '.join(name[:12] for name in found)}: give more digits")
        return _records(connection, found)[0]


def list_runs(store: Store, experiment: str | None = None, limit: int | None = None) -> list[RunRecord]:
    """Runs, newest first; of one experiment, if asked."""
    query = select(runs.c.id).join(experiments).order_by(runs.c.started.desc(), runs.c.id).limit(limit)
    if experiment is not None:
        query = query.where(experiments.c.name == experiment)
    with store.read() as connection:
        return _records(connection, list(connection.scalars(query)))


def metric_history(store: Store, run_id: str, key: str) -> list[Point]:
    """All values of a metric of a run, in the order of step and time."""
    query = select(metrics.c.step, metrics.c.timestamp, metrics.c.bits).where(
        metrics.c.run_id == run_id, metrics.c.key == key
    )
    with store.read() as connection:
        rows = connection.execute(query.order_by(metrics.c.step, metrics.c.timestamp))
        return [Point(row.step, row.timestamp, bits_float(row.bits)) for row in rows]


def _records(connection: Connection, ids: list[str]) -> list[RunRecord]:
    if not ids:
        return []
    query = select(runs, experiments.c.name.label("experiment")).join(experiments).where(runs.c.id.in_(ids))
    rows = {row.id: row for row in connection.execute(query)}
    parts = {
        "params": _by_run(connection, params, params.c.key, params.c.value, ids),
        "artifacts": _by_run(connection, artifacts, artifacts.c.path, artifacts.c.blake3, ids),
        "metrics": _by_run(connection, latest_metrics, latest_metrics.c.key, latest_metrics.c.bits, ids),
    }
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    for row in connection.execute(select(tags).where(tags.c.kind == "run", tags.c.subject.in_(ids))):
        labels[row.subject][row.key] = row.value
    inputs: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for row in connection.execute(select(run_inputs).where(run_inputs.c.run_id.in_(ids)).order_by(run_inputs.c.name)):
        inputs[row.run_id].append((row.name, row.fingerprint, row.context))
    return [
        _record(
            rows[run],
            params=parts["params"][run],
            artifacts=parts["artifacts"][run],
            metrics={key: bits_float(bits) for key, bits in parts["metrics"][run].items()},
            tags=labels[run],
            inputs=inputs[run],
        )
        for run in ids
    ]


def _by_run(connection: Connection, table: Any, key: Any, value: Any, ids: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for run, name, content in connection.execute(select(table.c.run_id, key, value).where(table.c.run_id.in_(ids))):
        found[run][name] = content
    return found


def _record(row: Row[Any], **parts: Any) -> RunRecord:
    return RunRecord(
        id=row.id,
        name=row.name,
        experiment=row.experiment,
        status=row.status,
        user=row.user_name,
        started=row.started,
        ended=row.ended,
        error=row.error,
        commit=row.git_commit,
        dirty=row.git_dirty,
        environment=msgspec.json.decode(row.environment),
        **parts,
    )
