"""Two runs, model versions or git revisions side by side; nothing is asked of a test set."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assay.checks.compare_data import data_changes
from assay.checks.inputs import Inputs
from assay.core.comparison import Change, Comparison, Measure, Measured, Metric, Side
from assay.data.slice import mask
from assay.errors import StoreError, UsageError
from assay.gate import decide, decide_slices
from assay.store import records
from assay.tracking.registry import Registry
from assay.tracking.run_record import get_run, list_runs, metric_history

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.checks.dataset import Dataset
    from assay.checks.predictor import Predictions
    from assay.checks.project import Project
    from assay.core.verdict import Verdict
    from assay.tracking.registry import ModelVersion
    from assay.tracking.run_record import RunRecord

LEVEL = 0.95


def compare(project: Project, base: str, head: str) -> Comparison:
    """Put two sides beside each other.

    Intervals come from labelled rows with the role ``dev``, on which both models predict: exact, at 95% each, and over
    slices together. They hold if the models were neither trained nor chosen on these rows. A test set is not asked: its
    recorded verdicts are shown as they were disclosed.

    Parameters
    ----------
    project : Project
    base, head : str
        ``NAME/3`` or ``NAME@champion``, the first digits of a run's id, or a git revision at which a run is recorded.

    Raises
    ------
    UsageError
        If a side cannot be found.
    """
    (left, old), (right, new) = _find(project, base), _find(project, head)
    notes: list[str] = []
    dataset, measures = _measures(project, old, new, notes)
    return Comparison(
        project=project.name,
        base=_side(base, left, old),
        head=_side(head, right, new),
        params=_changes(left.params, right.params),
        same_params=len([name for name, value in left.params.items() if right.params.get(name) == value]),
        metrics=_metrics(project, left, right),
        dataset=dataset,
        measures=measures,
        data=data_changes(project, left, right),
        base_verdicts=_verdicts(project, old),
        head_verdicts=_verdicts(project, new),
        packages=_changes(_packages(left), _packages(right)),
        notes=tuple(notes),
    )


def _find(project: Project, asked: str) -> tuple[RunRecord, ModelVersion | None]:
    """Find the run that a side names, and the newest model that it registered."""
    store, registry = project.records, Registry(project.records)
    name = asked.partition("@")[0].rpartition("/")[0] or asked.partition("@")[0]
    if name != asked and registry.versions(name):
        version = registry.get(asked)
        if version.run_id is None:
            raise UsageError(f"{asked}: {version} was registered by no run, so there is nothing recorded to compare")
        return get_run(store, version.run_id), version
    try:
        run = get_run(store, asked)
    except StoreError as problem:
        commit = _commit(project, asked)
        if commit is None:
            raise UsageError(f"{asked!r} is no model version, no run and no git revision: {problem}") from problem
        runs = [run for run in list_runs(store) if run.commit == commit]
        if not runs:
            raise UsageError(
                f"{asked!r} is commit {commit[:12]}, at which no run is recorded: train there, or see `assay runs list`"
            ) from problem
        run = next((run for run in runs if run.status == "FINISHED"), runs[0])
    made = [version for name in registry.names() for version in registry.versions(name) if version.run_id == run.id]
    return run, max(made, key=lambda version: version.created, default=None)


def _commit(project: Project, revision: str) -> str | None:
    if revision.startswith("-"):
        return None
    command = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    try:
        done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _side(asked: str, run: RunRecord, version: ModelVersion | None) -> Side:
    return Side(
        asked=asked,
        run=run.id,
        name=run.name,
        model=version.reference if version else "",
        commit=run.commit or "",
        dirty=bool(run.dirty),
        started=datetime.fromtimestamp(run.started / 1000, UTC).isoformat(timespec="seconds"),
    )


def _changes(base: Mapping[str, Any], head: Mapping[str, Any]) -> tuple[Change, ...]:
    names = sorted(base.keys() | head.keys())
    return tuple(Change(n, base.get(n), head.get(n)) for n in names if base.get(n) != head.get(n))


def _packages(run: RunRecord) -> dict[str, str]:
    found: dict[str, str] = dict(run.environment.get("packages", {}))
    return found | {"python": str(run.environment.get("python", ""))}


def _metrics(project: Project, base: RunRecord, head: RunRecord) -> tuple[Metric, ...]:
    def steps(run: RunRecord, name: str) -> tuple[tuple[int, float], ...]:
        points = metric_history(project.records, run.id, name) if name in run.metrics else []
        return tuple((point.step, point.value) for point in points) if len(points) > 1 else ()

    return tuple(
        Metric(
            name=name,
            base=base.metrics.get(name),
            head=head.metrics.get(name),
            base_steps=steps(base, name),
            head_steps=steps(head, name),
        )
        for name in sorted(base.metrics.keys() | head.metrics.keys())
    )


def _verdicts(project: Project, version: ModelVersion | None) -> tuple[Verdict, ...]:
    if version is None:
        return ()
    newest: dict[str, Verdict] = {}
    for entry in records.history(project.records, stage="gate"):
        if entry.verdict.evidence.fingerprints.get("new") == version.digest:
            newest.setdefault(entry.verdict.name, entry.verdict)
    return tuple(newest[name] for name in sorted(newest))


def _measures(
    project: Project, old: ModelVersion | None, new: ModelVersion | None, notes: list[str]
) -> tuple[str, tuple[Measure, ...]]:
    """Measure both models on labelled rows that are nobody's test set; say in ``notes`` why where it cannot be."""
    names = [name for name, table in project.file.datasets.items() if table.role == "dev" and table.label]
    if project.file.project.task != "classification":
        notes.append("metrics have no intervals: accuracy and Brier score are of classes")
    elif not names:
        notes.append("metrics have no intervals: no labelled dataset has the role 'dev', and a test set is not asked")
    elif old is None or new is None:
        side = "base" if old is None else "head"
        notes.append(f"metrics have no intervals: the run of the {side} registered no model that could predict")
    else:
        dataset, found = Inputs(project, {}).dataset(names[0]), []
        said = [_answers(project, dataset, version) for version in (old, new)]
        for name in ("accuracy", "brier") if all(each.scores is not None for each in said) else ("accuracy",):
            found += _measure(project, dataset, name, *said)
        return names[0], tuple(found)
    return "", ()


def _answers(project: Project, dataset: Dataset, version: ModelVersion) -> Predictions:
    from assay.checks.predictor import answers, load

    return answers(load(project.records.artifacts.get(version.digest)), dataset.frame)


def _measure(project: Project, dataset: Dataset, name: str, base: Predictions, head: Predictions) -> list[Measure]:
    """One measure in all rows and in each slice: of the base, of the head, and their paired difference."""
    rows: dict[str, Any] = {
        "labels": dataset.labels,
        "new": head.values,
        "old": base.values,
        "new_scores": head.scores,
        "old_scores": base.scores,
        "positive": head.positive,
        "unit": dataset.unit,
        "unit_name": dataset.declared.unit or "",
        "timestamp": dataset.timestamp,
        "columns": dataset.repeated_columns(),
        "reliability": (1 + LEVEL) / 2,
    }
    whole = [decide(f"{claim} > 0", **rows) for claim in (f"{name}(old)", f"{name}(new)", f"{name}(new) - {name}(old)")]
    found = [_joined(name, "", *whole)]
    slices = {each: mask(dataset.frame, predicate) for each, predicate in project.file.slices.items()}
    if slices:
        inside = [f"{name}({model} | {{slice}})" for model in ("old", "new")]
        claims = (*inside, f"{inside[1]} - {inside[0]}")
        columns = [decide_slices(f"{claim} > 0", slices=slices, **rows) for claim in claims]
        found += [_joined(name, each[0].subject, *each) for each in zip(*columns, strict=True)]
    return found


def _joined(name: str, slice_: str, base: Verdict, head: Verdict, difference: Verdict) -> Measure:
    refuted = [each for each in difference.guarantee.assumptions if each.detail.startswith("refuted")]
    note = f"no interval: {refuted[0].text} is {refuted[0].detail}; declare the unit" if refuted else ""

    def of(verdict: Verdict) -> Measured:
        evidence = verdict.evidence
        ends = (None, None) if refuted else (evidence.lower, evidence.upper)
        return Measured(estimate=evidence.estimate, lower=ends[0], upper=ends[1])

    return Measure(
        name=name,
        slice=slice_,
        rows=difference.evidence.n,
        units=difference.evidence.units,
        base=of(base),
        head=of(head),
        difference=of(difference),
        level=LEVEL,
        note=note,
    )
