"""Declared monitors: the champion's loss on what was served, against what it was when it was judged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd

from assay.checks.dataset import Dataset
from assay.checks.holdout import holdout_of
from assay.checks.job import Job
from assay.checks.predictor import Predictor, answers, load
from assay.checks.stream import LABEL, PREDICTION, SCORE, read_stream
from assay.core.action import Action
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.fingerprint import digest
from assay.core.guarantee import Assumption, Guarantee
from assay.core.verdict import Verdict
from assay.data import fingerprint, table
from assay.data.slice import mask
from assay.errors import ProjectError
from assay.monitoring import HarmMonitor, parse_false_pages

if TYPE_CHECKING:
    from assay.checks.inputs import Inputs
    from assay.core.project import CheckTable


def prepare(check: CheckTable, inputs: Inputs, alpha: float) -> Job:
    """Open the log of the champion's labelled predictions and the rows on which it was judged.

    ``alpha`` is not used: monitors live on ``[budget] false_pages``, all of them together.
    """
    project = inputs.project
    model, _ = project.model(check.model)
    champion = inputs.predictor(model, "champion")
    if champion is None:
        return Job({"missing": "champion"}, lambda: [_skipped(check, f"{model} has no champion yet")])
    served = read_stream(inputs, model).of_version(champion.version.version)
    if not len(served):
        why = f"no labelled prediction of {champion.title} yet"
        return Job({"missing": "labels", "new": champion.identity}, lambda: [_skipped(check, why)])
    reference = _reference(check, inputs, champion)
    depends = {
        "new": champion.identity,
        "reference": reference.fingerprint,
        "stream": fingerprint(table(served)),
        "slices": digest(project.slices_of(check.slices)),
        "false_pages": project.file.budget.false_pages,
        "declared": repr([msgspec.structs.astuple(dataset) for dataset in project.file.datasets.values()]),
        "monitors": str(sum(other.use.upper().startswith("MON") for other in project.file.checks)),
    }
    read = {"new": champion.identity, reference.key: reference.fingerprint, "served": depends["stream"]}
    return Job(depends, lambda: [_watch(check, inputs, model, champion, reference, served, read)])


def _reference(check: CheckTable, inputs: Inputs, champion: Predictor) -> Dataset:
    """Rows that the champion was judged on: its holdout when it was adapted, else the declared test set."""
    project = inputs.project
    name = check.reference or project.dataset_of_role("test", "dev")
    if name is None:
        raise ProjectError("it needs reference = a dataset that no model was trained on")
    holdout = holdout_of(project, champion.version)
    if holdout is None:
        return inputs.dataset(name)
    return Dataset(name, project.dataset(name), table(holdout))


def _watch(
    check: CheckTable,
    inputs: Inputs,
    model: str,
    champion: Predictor,
    reference: Dataset,
    served: pd.DataFrame,
    read: dict[str, str],
) -> Verdict:
    project = inputs.project
    live = project.dataset_of_role("live")
    unit = (project.dataset(live).unit if live else None) or reference.declared.unit
    time = (project.dataset(live).timestamp if live else None) or reference.declared.timestamp
    slices = project.slices_of(check.slices)
    allowance = parse_false_pages(project.file.budget.false_pages)
    monitors = sum(other.use.upper().startswith("MON") for other in project.file.checks)
    horizon, pace = _horizon(allowance.days, reference, unit, time)
    assert champion.content is not None
    said = answers(load(champion.content), reference.frame)
    judged = reference.frame.assign(**{LABEL: reference.labels, PREDICTION: said.values, SCORE: said.scores})
    monitor = HarmMonitor(
        reference=_rows(judged, unit, time, slices),
        horizon=horizon,
        false_pages=allowance.rate / monitors,
        tolerance=check.tolerance,
        slices=tuple(slices),
        unit=unit or "row",
        max_unit_size=reference.declared.max_unit_size,
        loss=check.loss,
        time=None if unit else time,
        check=check.name,
        model=model,
    )
    verdict = monitor.update(_rows(served, unit, time, slices))
    evidence = msgspec.structs.replace(verdict.evidence, fingerprints=read)
    if pace is not None and verdict.guarantee.promises:
        listed = (*verdict.guarantee.assumptions, pace)
        verdict = msgspec.structs.replace(
            verdict, guarantee=msgspec.structs.replace(verdict.guarantee, assumptions=listed)
        )
    return msgspec.structs.replace(verdict, evidence=evidence, severity=check.severity, blocking=check.blocking)


def _horizon(days: int, reference: Dataset, unit: str | None, time: str | None) -> tuple[int, Assumption | None]:
    """Count the units that the period of the allowance brings, and say what that rests on.

    Units that are days need no count. Rows or customers come at the pace of the reference: were each of them taken for
    a day, an allowance for a quarter would be spent on the first 92 rows.
    """
    frame = reference.frame
    many = f"units of {unit}" if unit else "rows"
    if unit and _are_days(frame[unit]):
        return days, None
    if time is None or time not in frame:
        why = f"declare a timestamp in [datasets.{reference.name}], so that their pace is known"
        return days, Assumption(f"{days} days bring at most {days} {many}", "unverifiable", why)
    came = frame[unit].nunique() if unit else len(frame)
    pace = came / pd.to_datetime(frame[time]).dt.date.nunique()
    horizon = math.ceil(days * pace)
    detail = f"{pace:.3g} a day in the reference"
    return horizon, Assumption(f"{days} days bring at most {horizon:,} {many}", "unverifiable", detail)


def _are_days(units: pd.Series) -> bool:
    """Whether a unit is a date or a time, which stands for its day."""
    if pd.api.types.is_datetime64_any_dtype(units):
        return True
    return bool(units.dropna().astype(str).str.fullmatch(r"\d{4}-\d\d-\d\d.*").all())


def _rows(frame: pd.DataFrame, unit: str | None, time: str | None, slices: dict[str, str]) -> dict[str, Any]:
    """The columns that a monitor reads."""
    columns = {"label": frame[LABEL], "prediction": frame[PREDICTION], "score": frame[SCORE]}
    columns |= {name: frame[name] for name in (unit, time) if name}
    columns |= {name: mask(frame, predicate) for name, predicate in slices.items()}
    return {name: pd.Series(values).to_numpy() for name, values in columns.items()}


def _skipped(check: CheckTable, why: str) -> Verdict:
    return Verdict(
        status="skipped",
        guarantee=Guarantee.none("nothing was watched"),
        check=check.name,
        code="MON101",
        stage="monitor",
        claim=Claim(f"the {check.loss} of the served model has not risen"),
        evidence=Evidence(),
        reason=why,
        actions=(Action("serve the champion and import labels as they come", "assay labels import FILE"),),
        severity=check.severity,
        blocking=check.blocking,
    )
