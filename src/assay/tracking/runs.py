"""Runs: what was tried, with what, and what came of it."""

from __future__ import annotations

import math
import os
import secrets
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from sqlalchemy import bindparam, insert, select, update

from assay.core import project as project_file
from assay.core.fingerprint import canonical_json
from assay.errors import StoreError, UsageError
from assay.store.database import Store
from assay.store.edges import Edge, add_edges
from assay.store.schema import (
    artifacts,
    datasets,
    experiments,
    float_bits,
    latest_metrics,
    metrics,
    now,
    params,
    run_inputs,
    runs,
    tags,
)
from assay.tracking import circumstances
from assay.tracking.registry import ModelVersion, Registry
from assay.tracking.run_record import RunRecord, get_run, list_runs, metric_history

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import ColumnElement, Connection

__all__ = ["Run", "RunRecord", "get_run", "list_runs", "metric_history", "resume", "run"]

_LONGEST_KEY = 250


class HasStore(Protocol):
    """A project, or anything else that has a store."""

    @property
    def store(self) -> Store:
        """The store."""


class Run:
    """One execution, on record from its start to its end; see :func:`run`.

    Attributes
    ----------
    id : str
        32 hex digits.
    store : Store
        Where it is recorded.
    """

    def __init__(self, store: Store, identity: str) -> None:
        self.id = identity
        self.store = store

    def log_param(self, key: str, value: object) -> None:
        """Record a parameter, as text.

        Raises
        ------
        UsageError
            If it was logged with another value before: a parameter has one value a run.
        """
        self.log_params({key: value})

    def log_params(self, values: Mapping[str, object]) -> None:
        """Record several parameters, or none if one of them has another value already."""
        with self.store.append() as connection:
            query = select(params.c.key, params.c.value).where(params.c.run_id == self.id)
            known = {row.key: row.value for row in connection.execute(query)}
            fresh = []
            for key, value in values.items():
                _require_key("parameter", key)
                if key not in known:
                    fresh.append({"run_id": self.id, "key": key, "value": str(value)})
                elif known[key] != str(value):
                    raise UsageError(
                        f"parameter {key!r} of this run is {known[key]!r} and cannot become {str(value)!r}: "
                        "log it under another name, or start a new run"
                    )
            if fresh:
                connection.execute(insert(params), fresh)

    def log_metric(self, key: str, value: float, step: int = 0) -> None:
        """Record a value of a metric; ``nan`` and ``inf`` stay what they are."""
        self.log_metrics({key: value}, step)

    def log_metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Record a value of each of several metrics."""
        time = now()
        points = []
        for key, value in values.items():
            _require_key("metric", key)
            number = float(value)
            bits, plain = float_bits(number), None if math.isnan(number) else number
            points.append({"key": key, "step": int(step), "timestamp": time, "bits": bits, "value": plain})
        with self.store.append() as connection:
            _add_points(connection, self.id, points, int(step), time)

    def set_tag(self, key: str, value: object) -> None:
        """Set a tag; unlike a parameter it can change."""
        _require_key("tag", key)
        where = (tags.c.kind == "run", tags.c.subject == self.id, tags.c.key == key)
        with self.store.append() as connection:
            if connection.execute(update(tags).where(*where).values(value=str(value))).rowcount == 0:
                connection.execute(insert(tags).values(kind="run", subject=self.id, key=key, value=str(value)))

    def log_artifact(self, content: bytes | str | Path, name: str = "") -> str:
        """Keep a file with the run.

        Parameters
        ----------
        content : bytes, str or Path
            The content, or the path of a file.
        name : str
            Its path among the run's artifacts; by default the name of the file. The same name again replaces it.

        Returns
        -------
        str
            BLAKE3-256 of the content: ``store.artifacts.get(digest)`` gives it back.
        """
        if isinstance(content, str):
            content = Path(content)
        name = name or (content.name if isinstance(content, Path) else "")
        place = PurePosixPath(name)
        if not name or place.is_absolute() or ".." in place.parts or "\\" in name or "\0" in name:
            raise UsageError(f"artifact {name!r}: give a relative path such as plots/roc.png")
        digest = self.store.artifacts.put(content)
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        where = (artifacts.c.run_id == self.id, artifacts.c.path == str(place))
        with self.store.append() as connection:
            if connection.execute(update(artifacts).where(*where).values(blake3=digest, size=size)).rowcount == 0:
                connection.execute(insert(artifacts).values(run_id=self.id, path=str(place), blake3=digest, size=size))
        return digest

    def log_dataset(
        self,
        name: str,
        data: Any,
        *,
        role: str = "train",
        source: str = "",
        rows: int | None = None,
        schema: Mapping[str, str] | None = None,
    ) -> str:
        """Record which version of a dataset the run read.

        Parameters
        ----------
        name : str
        data : str or table
            The content fingerprint, or anything that :func:`assay.data.table` opens except a path; its fingerprint,
            rows and schema are then read from it.
        role : str
            What the run used it for: train, dev, test, live, pool.
        source : str
            Where it came from.
        rows : int, optional
        schema : dict of str to str, optional
            Column to type.

        Returns
        -------
        str
            The fingerprint, which is the version of the dataset.
        """
        if isinstance(data, str):
            fingerprint = data
        else:
            from assay import data as reading

            opened = reading.table(data)
            fingerprint, rows = reading.fingerprint(opened), reading.row_count(opened)
            schema = reading.schema(opened)
        known = select(datasets.c.created).where(datasets.c.name == name, datasets.c.fingerprint == fingerprint)
        use = {"run_id": self.id, "name": name, "fingerprint": fingerprint, "context": role}
        used = select(run_inputs.c.run_id).where(*(run_inputs.c[key] == value for key, value in use.items()))
        # Two runs may meet the same new version at once.
        with self.store.transaction() as connection:
            if connection.execute(known).first() is None:
                connection.execute(
                    insert(datasets).values(
                        name=name,
                        fingerprint=fingerprint,
                        role=role,
                        source=source,
                        rows=rows,
                        schema=None if schema is None else canonical_json(dict(schema)).decode(),
                        created=now(),
                    )
                )
            if connection.execute(used).first() is None:
                connection.execute(insert(run_inputs).values(use))
            add_edges(connection, [Edge("dataset", fingerprint, "run", self.id, "read")])
        return fingerprint

    def log_model(self, model: Any, name: str, example: Any) -> ModelVersion:
        """Keep a fitted model as data, as the next version of a name.

        Parameters
        ----------
        model : fitted estimator
        name : str
        example : DataFrame or ndarray of shape (n, d)
            A few rows of features; with the model's answer to them they are checked each time it is loaded.

        Raises
        ------
        ModelError
            If the model cannot be stored without a pickle.
        """
        from assay.tracking.formats import save

        return Registry(self.store).register(name, save(model, example), run_id=self.id)


@contextmanager
def run(
    name: str | None = None,
    *,
    experiment: str = "default",
    project: HasStore | None = None,
    store: Store | None = None,
) -> Iterator[Run]:
    """Record what happens inside: commit, user, versions, time, and all that is logged.

    Leaving by an exception marks the run ``FAILED`` and lets the exception pass; a killed process leaves it ``RUNNING``.

    Parameters
    ----------
    name : str, optional
    experiment : str
        The series that it belongs to; made when it is new.
    project : Project, optional
        Whose store to use. Without it and without ``store``, that of the project at or above the working directory, or
        else of the working directory itself; the environment variable ``ASSAY_STORE`` can name another database.
    store : Store, optional

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Store.open(root=Path(folder)) as store:
    ...     with run("first", store=store) as record:
    ...         record.log_param("depth", 3)
    ...         record.log_metric("error", 0.25)
    ...     get_run(store, record.id).metrics
    {'error': 0.25}
    """
    given = store if store is not None else (project.store if project is not None else None)
    used = given if given is not None else _store_here()
    try:
        made = _start(used, name, experiment)
        try:
            yield made
        except BaseException as problem:
            message = str(problem).partition("\n")[0]
            _end(made, "FAILED", f"{type(problem).__name__}: {message}" if message else type(problem).__name__)
            raise
        _end(made, "FINISHED", None)
    finally:
        if given is None:
            used.close()


@contextmanager
def resume(store: Store, identity: str) -> Iterator[Run]:
    """Log more to a run that is over; its status and its times stay as they are.

    Raises
    ------
    StoreError
        If there is no such run.
    """
    yield Run(store, get_run(store, identity).id)


def _store_here() -> Store:
    found = project_file.find(Path.cwd())
    return Store.open(os.environ.get("ASSAY_STORE"), root=Path.cwd() if found is None else found.parent)


def _start(store: Store, name: str | None, experiment: str) -> Run:
    if not experiment or len(experiment) > 500:
        raise UsageError(f"experiment {experiment[:20]!r}: its name has 1 to 500 characters")
    made = Run(store, secrets.token_hex(16))
    commit, dirty = circumstances.commit(store.root)
    time = now()
    with store.transaction() as connection:
        number = connection.execute(select(experiments.c.id).where(experiments.c.name == experiment)).scalar()
        if number is None:
            row = {"name": experiment, "lifecycle": "active", "created": time, "updated": time}
            number = connection.execute(insert(experiments).values(row).returning(experiments.c.id)).scalar()
        connection.execute(
            insert(runs).values(
                id=made.id,
                experiment_id=number,
                name=name or f"{experiment}-{made.id[:6]}",
                status="RUNNING",
                lifecycle="active",
                user_name=circumstances.user(),
                started=time,
                git_commit=commit,
                git_dirty=dirty,
                environment=msgspec.json.encode(circumstances.environment()).decode(),
            )
        )
    return made


def _end(made: Run, status: str, error: str | None) -> None:
    # Packages are often loaded inside the run, so that they are listed again at its end.
    environment = msgspec.json.encode(circumstances.environment()).decode()
    values = {"status": status, "error": error, "ended": now(), "environment": environment}
    with made.store.append() as connection:
        if connection.execute(update(runs).where(runs.c.id == made.id).values(values)).rowcount != 1:
            raise StoreError(f"run {made.id} is not in the store any more: its end cannot be recorded")


def _add_points(connection: Connection, run_id: str, points: list[dict[str, Any]], step: int, time: int) -> None:
    """Add points of one step and time; one that is there already, because it was sent twice, is left out."""
    here = select(metrics.c.key, metrics.c.bits).where(
        metrics.c.run_id == run_id, metrics.c.step == step, metrics.c.timestamp == time
    )
    known = {(row.key, row.bits) for row in connection.execute(here)}
    fresh = [{"run_id": run_id, **point} for point in points if (point["key"], point["bits"]) not in known]
    newest = select(latest_metrics.c.key, latest_metrics.c.step, latest_metrics.c.timestamp)
    latest = {row.key: (row.step, row.timestamp) for row in connection.execute(newest.where(_of(run_id)))}
    first = [point for point in fresh if point["key"] not in latest]
    later = [point for point in fresh if point["key"] in latest and (step, time) >= latest[point["key"]]]
    if fresh:
        connection.execute(insert(metrics), fresh)
    if first:
        connection.execute(insert(latest_metrics), first)
    if later:
        replaced = update(latest_metrics).where(_of(run_id), latest_metrics.c.key == bindparam("which"))
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("step", "timestamp", "bits", "value")}
        rows = [{"which": point["key"], **{f"new_{name}": point[name] for name in values}} for point in later]
        connection.execute(replaced.values(values), rows)


def _of(run_id: str) -> ColumnElement[bool]:
    return latest_metrics.c.run_id == run_id


def _require_key(what: str, key: str) -> None:
    if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY:
        raise UsageError(f"{what} {str(key)[:20]!r}: its name is text of 1 to {_LONGEST_KEY} characters")
