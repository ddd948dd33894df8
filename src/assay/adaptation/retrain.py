"""Train a candidate on recent units, and let newer ones judge it."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd

from assay.checks.holdout import HOLDOUT
from assay.checks.inputs import Dataset, Inputs
from assay.checks.promote import promote
from assay.checks.run import exit_code
from assay.checks.stream import LABEL, PREDICTION, SCORE, VERSION, read_stream
from assay.core.action import Action
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.guarantee import Guarantee
from assay.core.project import stage_of
from assay.core.verdict import Verdict
from assay.data import fingerprint, table
from assay.errors import ModelError, ProjectError
from assay.store import records
from assay.tracking.registry import Registry
from assay.tracking.runs import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.checks.project import Project
    from assay.core.project import ModelTable


@dataclass(frozen=True)
class Adaptation:
    """What came of retraining: the summary first, then the gate's verdicts."""

    verdicts: list[Verdict]
    promoted: bool
    version: int | None


def adapt(project: Project, model: str = "", *, progress: Callable[[str], None] = lambda _: None) -> Adaptation:
    """Retrain a model and promote the candidate if every blocking gate check passes on newer units.

    The ``holdout`` newest units that the champion predicted judge candidate and champion: neither was trained on them.
    The candidate is trained on all earlier units (or the ``window`` newest of these). Units are ordered by their first
    row; without a declared unit, the days of the timestamp are the units.

    Parameters
    ----------
    project : Project
    model : str
        Name of the model; may be left out when the project has one.
    progress : callable
        Called with a few words before each step.

    Returns
    -------
    Adaptation

    Raises
    ------
    ProjectError
        If the model declares no ``train``, or no dataset says what a unit is.
    ModelError
        If the training callable cannot be imported or returns no estimator.
    """
    name, declared = project.model(model)
    inputs = Inputs(project, {})
    champion = Registry(project.store).alias(name, "champion")
    if champion is None:
        raise ProjectError(f"{name} has no champion to adapt: `assay models promote {name}` makes the first one")
    progress("reading what was served")
    served = read_stream(inputs, name).of_version(champion.version)
    test = _test_name(project)
    live = project.dataset(project.dataset_of_role("live") or test)
    unit, label = _unit_and_label(project, live, test)
    if not len(served):
        return _refuse(project, name, f"no labelled prediction of {name}/{champion.version} yet", 0, declared)
    recent = served.drop(columns=[PREDICTION, SCORE, VERSION]).rename(columns={LABEL: label})
    order = recent.groupby(unit, sort=False).size()
    newest = sorted(order.index)[-declared.adapt.holdout :]
    if len(order) < 2 * declared.adapt.holdout:
        return _refuse(project, name, f"{len(order)} units have labels since the promotion", len(order), declared)
    holdout = recent[recent[unit].isin(newest)]
    train = _training_rows(inputs, recent[~recent[unit].isin(newest)], unit, declared)
    progress(f"training on {train[unit].nunique()} units, {len(train):,} rows")
    version = _train(project, name, declared, train, holdout, label)
    progress(f"gating on {len(newest)} newer units")
    promotion = promote(project, name, side=str(version), datasets={test: holdout.reset_index(drop=True)})
    summary = _summary(name, version, champion.version, promotion.moved, promotion.verdicts, len(holdout), len(newest))
    records.record(project.store, verdicts=[summary], cache_key=None)
    return Adaptation([summary, *promotion.verdicts], promotion.moved, version)


def _test_name(project: Project) -> str:
    for check in project.file.checks:
        if stage_of(check) == "gate" and check.datasets:
            return check.datasets[0]
    name = project.dataset_of_role("test")
    if name is None:
        raise ProjectError(f"{project.path}: adapting needs a gate check on a dataset with the role 'test'")
    return name


def _unit_and_label(project: Project, live: Any, test: str) -> tuple[str, str]:
    judge = project.dataset(test)
    unit = live.unit or judge.unit
    label = live.label or judge.label
    if unit is None or label is None:
        raise ProjectError(f"{project.path}: adapting needs a unit and a label in [datasets.{test}], to split by unit")
    return unit, label


def _training_rows(inputs: Inputs, recent: pd.DataFrame, unit: str, declared: ModelTable) -> pd.DataFrame:
    """All that is known before the holdout: the training set and the served rows, the newest ``window`` units."""
    parts = []
    name = inputs.project.dataset_of_role("train")
    if name is not None:
        opened: Dataset = inputs.dataset(name)
        parts.append(opened.frame)
    common = [column for column in recent.columns if not parts or column in parts[0].columns]
    rows = pd.concat([*(part[common] for part in parts), recent[common]], ignore_index=True)
    if declared.adapt.window:
        kept = sorted(rows[unit].unique())[-declared.adapt.window :]
        rows = rows[rows[unit].isin(kept)]
    return rows.reset_index(drop=True)


def _train(
    project: Project, name: str, declared: ModelTable, train: pd.DataFrame, holdout: pd.DataFrame, label: str
) -> int:
    fit = _callable(project, name, declared)
    with run(f"adapt-{name}", store=project.store) as record:
        record.log_params({"rows": len(train), "train": declared.train, "reason": "adapt"})
        record.log_dataset("train", fingerprint(table(train)), rows=len(train))
        estimator = fit(train)
        if not hasattr(estimator, "predict"):
            raise ModelError(f"{declared.train} returned {type(estimator).__name__}, which has no predict")
        buffer = io.BytesIO()
        holdout.to_parquet(buffer, index=False)
        record.log_artifact(buffer.getvalue(), HOLDOUT)
        example = train.drop(columns=[label]).head(20)
        version = record.log_model(estimator, name=name, example=example)
    return int(version.version)


def _callable(project: Project, name: str, declared: ModelTable) -> Callable[[pd.DataFrame], Any]:
    """Import ``module:callable`` from the project's folder."""
    if declared.train is None:
        raise ProjectError(f'{project.path}: [models.{name}] needs train = "module:callable" to be retrained')
    module_name, _, function_name = declared.train.partition(":")
    sys.path.insert(0, str(project.root))
    try:
        module = import_module(module_name)
    except ImportError as problem:
        raise ModelError(f"{declared.train}: cannot be imported from {project.root}: {problem}") from problem
    finally:
        sys.path.remove(str(project.root))
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ModelError(f"{declared.train}: {module_name}.py has no function {function_name!r}")
    found: Callable[[pd.DataFrame], Any] = function
    return found


def _refuse(project: Project, name: str, why: str, units: int, declared: ModelTable) -> Adaptation:
    """Too few units to train and to judge: say how many more it takes."""
    missing = 2 * declared.adapt.holdout - units
    verdict = Verdict(
        status="inconclusive",
        guarantee=Guarantee.none("nothing was tested"),
        check=f"{name}-adapt",
        code="ADP101",
        stage="adapt",
        claim=Claim(f"a retrained {name} is better than the champion"),
        evidence=Evidence(units=units),
        reason=f"{why}; {declared.adapt.holdout} newer ones have to judge what as many earlier ones changed",
        actions=(Action(f"wait for {missing} more labelled units", f"assay adapt {name}", units=missing),),
    )
    records.record(project.store, verdicts=[verdict], cache_key=None)
    return Adaptation([verdict], False, None)


def _summary(
    name: str, version: int, champion: int, moved: bool, verdicts: list[Verdict], rows: int, units: int
) -> Verdict:
    """One verdict for the retraining as a whole: that of the worst blocking gate check."""
    gate = [verdict for verdict in verdicts if verdict.stage == "gate"]
    blocking = [verdict for verdict in gate if verdict.blocking]
    worst = exit_code(blocking)
    status: Any = "pass" if moved else "fail" if worst == 1 else "inconclusive"
    errors = [verdict.guarantee.error or 0.0 for verdict in blocking if verdict.guarantee.promises]
    guarantee = (
        Guarantee.exact(
            max(errors),
            "false promotion",
            blocking[0].guarantee.assumptions,
            "intersection-union: all claims have to pass, so a false one has to pass falsely",
        )
        if errors
        else Guarantee.none("no blocking gate check judged the candidate")
    )
    outcome = f"{name}/{version} replaces {name}/{champion}" if moved else f"{name}/{champion} stays"
    details = ", ".join(f"{verdict.name} {verdict.status}" for verdict in gate)
    open_actions = [action for verdict in gate if not verdict.passed for action in verdict.actions]
    return Verdict(
        status=status,
        guarantee=guarantee,
        check=f"{name}-adapt",
        code="ADP101",
        stage="adapt",
        claim=Claim(f"{name}/{version}, retrained, is better than {name}/{champion}"),
        evidence=msgspec.structs.replace(blocking[0].evidence if blocking else Evidence(), n=rows, units=units),
        reason=f"{outcome}: {details}",
        actions=tuple(open_actions[:2]),
        subject=str(version),
    )
