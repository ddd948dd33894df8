"""Train a candidate on what came so far, and let what comes after judge it."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd

from assay.checks.holdout import HOLDOUT
from assay.checks.inputs import Inputs, Series
from assay.checks.promote import Promotion, promote
from assay.checks.stream import LABEL, PREDICTION, SCORE, VERSION, read_stream
from assay.core.action import Action
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.guarantee import Guarantee
from assay.core.project import stage_of
from assay.core.verdict import Verdict
from assay.data import fingerprint, table
from assay.errors import ModelError, ProjectError, shown
from assay.store import records
from assay.tracking.registry import Registry
from assay.tracking.run_record import get_run
from assay.tracking.runs import resume, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.checks.dataset import Dataset
    from assay.checks.project import Project
    from assay.core.project import ModelTable

UNITS = "units.json"
CHAMPION_TAG = "assay.adapt.champion"
LOOKED_TAG = "assay.adapt.looks"


@dataclass(frozen=True)
class Adaptation:
    """What came of adapting: the summary first, then the gate's verdicts."""

    verdicts: list[Verdict]
    promoted: bool
    version: int | None


@dataclass(frozen=True)
class Candidate:
    """A retrained version that waits for judgment, and the units that were known when it was trained."""

    version: int
    run_id: str
    known: frozenset[str]
    looked: int


def adapt(project: Project, model: str = "", *, progress: Callable[[str], None] = lambda _: None) -> Adaptation:
    """Retrain a model, and promote the candidate once units that came later show that it is better.

    The first call trains a candidate on all labelled units (or the ``window`` newest). Later calls judge it on units
    that came after its training: the first of them, as many as ``looks`` says. Earlier units judge nobody: the candidate
    has seen them, and an alarm that asked for it was raised by the champion's bad luck on them as much as by its errors.
    The error probability is shared equally by the looks, so that P(a false promotion over all looks) <= alpha. After
    the last look an undecided candidate is dropped, and the next call trains a new one.

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
    if declared.train is None:
        with project.at("models", name):
            raise ProjectError(f'[models.{name}] needs train = "module:callable" to be retrained')
    inputs = Inputs(project, {})
    champion = Registry(project.store).alias(name, "champion") if project.has_store else None
    if champion is None:
        raise ProjectError(f"{name} has no champion to adapt: `assay models promote {name}` makes the first one")
    progress("reading what was served")
    served = read_stream(inputs, name).of_version(champion.version)
    test = _test_name(project, name)
    unit, label = _unit_and_label(project, test)
    recent = served.drop(columns=[PREDICTION, SCORE, VERSION]).rename(columns={LABEL: label})
    if not len(recent):
        raise ProjectError(f"no labelled prediction of {name}/{champion.version} yet: `assay labels import FILE`")
    candidate = _waiting(project, name, champion.version, len(declared.adapt.looks))
    if candidate is None:
        train = _training_rows(inputs, recent, unit, declared)
        progress(f"training on {train[unit].nunique()} units, {len(train):,} rows")
        candidate = _train(project, name, declared, train, recent, unit, label, champion.version)
    later = recent[~recent[unit].astype(str).isin(candidate.known)]
    units = later[unit].dropna().drop_duplicates()
    due = declared.adapt.looks[candidate.looked]
    if len(units) < due:
        return _wait(project, name, candidate, champion.version, len(units), due)
    # The planned number, however many came: whoever waits for a better moment must not choose the sample.
    later = later[later[unit].isin(units.iloc[:due])]
    progress(f"gating on the first {due} units that came after its training")
    # Before the alias can move: whatever happens then, the new champion has the units that judged it.
    _keep(project, candidate, later)
    key = f"{name}/{candidate.version}"
    promotion = promote(
        project,
        name,
        side=str(candidate.version),
        datasets={test: later.reset_index(drop=True)},
        series=Series(key, len(declared.adapt.looks)),
    )
    with resume(project.store, candidate.run_id) as record:
        record.set_tag(LOOKED_TAG, str(candidate.looked + 1))
    left = declared.adapt.looks[candidate.looked + 1 :]
    summary = _summary(name, candidate.version, champion.version, promotion, len(later), due, left, len(units))
    records.record(project.store, verdicts=[summary], cache_key=None)
    return Adaptation([summary, *promotion.verdicts], promotion.moved, candidate.version)


def _test_name(project: Project, model: str) -> str:
    for check in project.file.checks:
        if stage_of(check) == "gate" and check.datasets and check.model in ("", model):
            return check.datasets[0]
    name = project.dataset_of_role("test")
    if name is None:
        raise ProjectError(f"{shown(project.path)}: adapting needs a gate check on a dataset with the role 'test'")
    return name


def _unit_and_label(project: Project, test: str) -> tuple[str, str]:
    live, judge = project.dataset_of_role("live"), project.dataset(test)
    unit = (project.dataset(live).unit if live else None) or judge.unit
    label = (project.dataset(live).label if live else None) or judge.label
    if unit is None or label is None:
        raise ProjectError(
            f"{shown(project.path)}: adapting needs unit and label in [datasets.{test}], to tell earlier units from later ones"
        )
    return unit, label


def _waiting(project: Project, name: str, champion: int, looks: int) -> Candidate | None:
    """Find the newest candidate that was trained against this champion and has looks left."""
    for version in reversed(Registry(project.store).versions(name)):
        if version.run_id is None:
            continue
        record = get_run(project.store, version.run_id)
        if record.tags.get(CHAMPION_TAG) != str(champion):
            continue
        looked = int(record.tags.get(LOOKED_TAG, "0"))
        if looked >= looks:
            return None
        known = msgspec.json.decode(project.store.artifacts.get(record.artifacts[UNITS]), type=list[str])
        return Candidate(version.version, version.run_id, frozenset(known), looked)
    return None


def _training_rows(inputs: Inputs, recent: pd.DataFrame, unit: str, declared: ModelTable) -> pd.DataFrame:
    """The training set and the served rows; of these the newest ``window`` units, if that is declared."""
    rows = recent
    name = inputs.project.dataset_of_role("train")
    if name is not None:
        first: Dataset = inputs.dataset(name)
        common = [column for column in recent.columns if column in first.frame.columns]
        rows = pd.concat([first.frame[common], recent[common]], ignore_index=True)
    if declared.adapt.window:
        # In order of appearance: the newest units are the last to come.
        newest = rows[unit].drop_duplicates(keep="last").iloc[-declared.adapt.window :]
        rows = rows[rows[unit].isin(newest)]
    return rows.reset_index(drop=True)


def _train(
    project: Project,
    name: str,
    declared: ModelTable,
    train: pd.DataFrame,
    recent: pd.DataFrame,
    unit: str,
    label: str,
    champion: int,
) -> Candidate:
    assert declared.train is not None
    fit = _callable(project, declared.train)
    # A unit of the first training set may come again: whoever trained the candidate must not judge it.
    known = sorted({*recent[unit].astype(str), *train[unit].dropna().astype(str)})
    with run(f"adapt-{name}", store=project.store) as record:
        record.log_params({"rows": len(train), "units": train[unit].nunique(), "train": declared.train})
        record.log_dataset("train", fingerprint(table(train)), rows=len(train))
        try:
            estimator = fit(train)
        except Exception as problem:
            raise ModelError(f"{declared.train} failed: {_said(problem)}") from problem
        if not hasattr(estimator, "predict"):
            raise ModelError(f"{declared.train} returned {type(estimator).__name__}, which has no predict")
        record.log_artifact(msgspec.json.encode(known), UNITS)
        record.set_tag(CHAMPION_TAG, str(champion))
        version = record.log_model(estimator, name=name, example=_example(train, label, estimator))
    return Candidate(int(version.version), record.id, frozenset(known), 0)


def _example(train: pd.DataFrame, label: str, estimator: Any) -> pd.DataFrame:
    """A few rows with the columns that the estimator was fitted on."""
    features = list(getattr(estimator, "feature_names_in_", [column for column in train if column != label]))
    return train[features].head(20)


def _keep(project: Project, candidate: Candidate, judges: pd.DataFrame) -> None:
    """Keep the units that judge with the candidate's run: once it is champion, monitors start from them."""
    buffer = io.BytesIO()
    judges.to_parquet(buffer, index=False)
    with resume(project.store, candidate.run_id) as record:
        record.log_artifact(buffer.getvalue(), HOLDOUT)


def _callable(project: Project, train: str) -> Callable[[pd.DataFrame], Any]:
    """Import ``module:callable`` from the project's folder."""
    module_name, _, function_name = train.partition(":")
    sys.path.insert(0, str(project.root))
    try:
        module = import_module(module_name)
    except Exception as problem:
        raise ModelError(f"{train}: cannot be imported from {project.root}: {_said(problem)}") from problem
    finally:
        sys.path.remove(str(project.root))
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ModelError(f"{train}: {module_name}.py has no function {function_name!r}")
    found: Callable[[pd.DataFrame], Any] = function
    return found


def _said(problem: Exception) -> str:
    """What went wrong in the user's own code, in one line."""
    return f"{type(problem).__name__}: {str(problem).strip().partition(chr(10))[0]}; ASSAY_DEBUG=1 shows where"


def _wait(project: Project, name: str, candidate: Candidate, champion: int, came: int, due: int) -> Adaptation:
    """The candidate is trained, and too few units came after that to judge it."""
    missing = due - came
    verdict = Verdict(
        status="inconclusive",
        guarantee=Guarantee.none("nothing was tested yet"),
        check=f"{name}-adapt",
        code="ADP101",
        stage="adapt",
        claim=Claim(f"{name}/{candidate.version}, retrained, is better than {name}/{champion}"),
        evidence=Evidence(units=came),
        reason=f"{name}/{candidate.version} is trained; {came} of {due} units that judge it have come since",
        actions=(
            Action(
                f"wait for {missing} more labelled unit{'s' * (missing > 1)}",
                f"assay adapt {name}",
                units=missing,
                effect="the next look",
            ),
        ),
    )
    records.record(project.store, verdicts=[verdict], cache_key=None)
    return Adaptation([verdict], False, candidate.version)


def _summary(
    name: str,
    version: int,
    champion: int,
    promotion: Promotion,
    rows: int,
    units: int,
    left: tuple[int, ...],
    came: int,
) -> Verdict:
    """One verdict for the retraining as a whole: that of the worst blocking gate check."""
    gate = [verdict for verdict in promotion.verdicts if verdict.stage == "gate"]
    blocking = [verdict for verdict in gate if verdict.blocking]
    status: Any = "pass" if promotion.moved else "fail" if any(v.failed for v in blocking) else "inconclusive"
    promising = [verdict for verdict in blocking if verdict.guarantee.error is not None]
    guarantee = (
        Guarantee.exact(
            max(verdict.guarantee.error or 0.0 for verdict in promising),
            "false promotion at this look",
            promising[0].guarantee.assumptions,
            "Berger, Technometrics 1982 (intersection-union): all claims have to pass, so a false one passes falsely",
        )
        if promising
        else Guarantee.none("no blocking gate check judged the candidate")
    )
    outcome = f"{name}/{version} replaces {name}/{champion}" if promotion.moved else f"{name}/{champion} stays"
    details = ", ".join(f"{verdict.name} {verdict.status}" for verdict in blocking)
    actions: tuple[Action, ...] = ()
    if not promotion.moved:
        missing = max(0, left[0] - came) if left else None
        if missing is None:
            title = "train a new candidate on what came since"
        else:
            title = f"wait for {missing} more labelled units" if missing else f"look at all {left[0]} units that came"
        actions = (Action(title, f"assay adapt {name}", units=missing or None),)
    return Verdict(
        status=status,
        guarantee=guarantee,
        check=f"{name}-adapt",
        code="ADP101",
        stage="adapt",
        claim=Claim(f"{name}/{version}, retrained, is better than {name}/{champion}"),
        evidence=Evidence(n=rows, units=units, method="all blocking gate checks"),
        reason=f"{outcome}: {details}",
        actions=actions,
    )
