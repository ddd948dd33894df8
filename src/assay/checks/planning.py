"""What each declared check needs before it can decide, beside what is there; nothing is asked, nothing is spent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from assay.checks import testsets
from assay.checks.answers import LEAST, history, reckon
from assay.checks.budget import alpha_of
from assay.checks.inputs import Inputs
from assay.checks.question import sharing
from assay.checks.select import datasets_of, select
from assay.checks.sequential import queue_of
from assay.core.project import stage_of
from assay.data import row_count
from assay.data.slice import mask
from assay.errors import AssayError, ClaimError, ExitCode, ModelError
from assay.gate import parse, plan
from assay.gate.condition import TEMPLATE
from assay.gate.forms import forms_of
from assay.stats import binomial
from assay.store import records
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.checks.dataset import Dataset
    from assay.checks.project import Project
    from assay.core.project import CheckTable
    from assay.core.verdict import Verdict
    from assay.gate.condition import Clause, Condition

State = Literal["enough", "short", "spent", "open"]

# Error of the bound on the share of changed predictions, as a part of that of the test.
_SHARE = 1e-3


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What one check needs, on all rows or on one slice.

    Parameters
    ----------
    check : str
    stage : str
    blocking : bool
    subject : str
        The slice, if it is one of several.
    dataset : str
        Whose rows and answers are meant.
    labels : int or None
        Labelled rows that decide; ``None`` where no number is known.
    rows : int or None
        Labelled rows that are there; ``None`` where that cannot be told.
    units : int or None
        Units that hold ``labels``, where a unit is declared.
    answers : int
        Answers of the dataset that it takes: all checks about one candidate share one.
    answers_left : int or None
        ``None`` where answers are not counted. Of labelling one by one: candidates that have not begun.
    error : float or None
        Error probability of this one answer.
    state : {"enough", "short", "spent", "open"}
        ``short`` of rows or labels, answers all ``spent``, or ``open``: not known beforehand.
    note : str
    """

    check: str
    stage: str
    blocking: bool
    subject: str = ""
    dataset: str = ""
    labels: int | None = None
    rows: int | None = None
    units: int | None = None
    answers: int = 0
    answers_left: int | None = None
    error: float | None = None
    state: State = "open"
    note: str = ""


def needs(project: Project, selection: str = "") -> list[Need]:
    """Plan the selected checks.

    Parameters
    ----------
    project : Project
    selection : str
        As for :meth:`Project.check`.

    Raises
    ------
    UsageError
        If the selection, a claim or an input is wrong.
    """
    inputs = Inputs(project, {})
    found: list[Need] = []
    for check in select(project.file, selection):
        if stage_of(check) == "gate" and check.claim:
            found += _gate(check, inputs)
        else:
            found.append(_other(check, inputs))
    return found


def exit_code(found: list[Need]) -> ExitCode:
    """Say whether every blocking check can be decided with what is there, as far as that is known."""
    if not found:
        return ExitCode.NOTHING_SELECTED
    stuck = any(need.blocking and need.state in ("short", "spent") for need in found)
    return ExitCode.INCONCLUSIVE if stuck else ExitCode.OK


def _other(check: CheckTable, inputs: Inputs) -> Need:
    stage = stage_of(check)
    note = {
        "data": "reads the rows that there are; no labels",
        "feasibility": "no size is known beforehand: the verdict says what is missing",
        "monitor": "watches labels as they arrive; its budget is false pages",
    }.get(stage, "no size is known beforehand")
    rows = None
    for name in sorted(datasets_of(check, inputs.project.file)):
        if stage == "feasibility" and inputs.project.dataset(name).label:
            rows = row_count(inputs.dataset(name).table)
    error = alpha_of(check, inputs.project.file) if stage != "monitor" else None
    return Need(
        check=check.name,
        stage=stage,
        blocking=check.blocking,
        dataset=", ".join(sorted(datasets_of(check, inputs.project.file))),
        labels=0 if stage == "data" else None,
        rows=rows,
        error=error,
        state="enough" if stage == "data" else "open",
        note=note,
    )


def _gate(check: CheckTable, inputs: Inputs) -> list[Need]:
    project = inputs.project
    condition = parse(check.claim)
    roles = ("pool", "test") if check.method == "sequential" else ("test", "dev")
    name = check.datasets[0] if check.datasets else project.dataset_of_role(*roles) or ""
    about: dict[str, Any] = {"check": check.name, "stage": "gate", "blocking": check.blocking, "dataset": name}
    if condition.everywhere is not None:
        return [Need(**about, note="rows are not planned for a claim on every slice")]
    try:
        dataset = inputs.dataset(name, judge=True)
    except AssayError as problem:
        return [Need(**about, note=str(problem))]
    try:
        changed, answer = _changes(check, inputs, dataset), _next_answer(check, inputs, dataset)
    except ModelError as problem:
        # However many labels there are: the champion is to be scored first.
        return [Need(**about, note=str(problem))]
    slices = project.slices_of(check.slices)
    error = answer.error / max(1, len(slices))
    shelf = _Shelf(
        dataset,
        answer.rows,
        project.file.slices,
        changed,
        _labels_left(project),
        alpha_of(check, project.file),
        error,
        check.method == "sequential",
    )
    last = _last(project, check)
    found = []
    for subject in slices or ("",):
        need = _sized(check, condition, subject, shelf, last.get(subject))
        # Of labelling one by one, the present candidate may be the last that took rows of its own.
        if answer.left < 1 and check.method != "sequential":
            need |= {"state": "spent", "note": f"{answer.why}: collect new rows"}
        found.append(Need(**about, subject=subject, answers=1, answers_left=answer.left, error=error, **need))
    return found


@dataclass(frozen=True)
class _Shelf:
    """What is there to decide with: rows, where predictions change, labels that may be bought; and the error."""

    dataset: Dataset
    chosen: NDArray[np.intp] | None
    slices: dict[str, str]
    changes: NDArray[np.bool_] | None
    labels_left: float
    alpha: float
    error: float
    one_by_one: bool

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """Which rows have a label, shape (n,)."""
        frame, label = self.dataset.frame, self.dataset.declared.label
        if label is None or label not in frame:
            return np.zeros(len(frame), dtype=np.bool_)
        return np.asarray(frame[label].notna().to_numpy(), dtype=np.bool_)

    def inside(self, name: str) -> NDArray[np.bool_]:
        """Which rows of this answer lie in a slice, shape (n,)."""
        here = np.zeros(len(self.labelled), dtype=np.bool_)
        here[slice(None) if self.chosen is None else self.chosen] = True
        if not name:
            return here
        return here & np.asarray(mask(self.dataset.frame, self.slices.get(name, name), name), dtype=np.bool_)

    def count(self, clause: Clause, subject: str) -> tuple[int, int] | None:
        """Count the rows, and the labelled rows, of a clause; ``None`` where the count would tell of labels."""
        counts = []
        for form in forms_of(clause)[0]:
            if form.kind:
                return None
            rows = self.inside(subject) & self.inside(form.slice)
            if self.one_by_one and form.paired and self.changes is not None:
                rows &= self.changes
            counts.append((int(rows.sum()), int((rows & self.labelled).sum())))
        return min(counts)

    def changed(self, subject: str) -> float | None:
        """Bound the share of changed predictions.

        The bound is exact, and needs no label; that it holds for the next candidate too is the plan's guess.
        """
        if self.changes is None:
            return None
        here = self.changes[self.inside(subject)]
        differ = int(here.sum())
        return float(binomial.upper(differ, here.size, _SHARE * self.error)) if differ else None

    @property
    def unit_size(self) -> float | None:
        """Mean rows of a unit, where one is declared."""
        unit = self.dataset.declared.unit
        return len(self.dataset.frame) / self.dataset.frame[unit].nunique() if unit else None


def _sized(
    check: CheckTable, condition: Condition, subject: str, shelf: _Shelf, last: Verdict | None
) -> dict[str, Any]:
    """Hold what a condition needs against what is there."""
    effect = last.evidence.statistic.get("design_effect") if last is not None else None
    effect = max(1.0, float(effect)) if isinstance(effect, (int, float)) and math.isfinite(effect) else None
    within = subject
    if all(term.slice == TEMPLATE for term in condition.terms):
        condition = condition.on("")  # of the rows of the slice
    elif subject:
        condition, within = condition.on(subject), ""
    changed = shelf.changed(within) if "old" in condition.models else None
    try:
        planned = plan(
            condition,
            reliability=1 - shelf.alpha,
            level=shelf.error,
            mode=check.mode,
            method=check.method,
            disagreement=changed,
            design_effect=effect or 1.0,
            unit_size=shelf.unit_size,
        )
    except ClaimError as problem:
        return _from_last(last, str(problem), int((shelf.inside(subject) & shelf.labelled).sum()))
    notes = []
    if changed is not None:
        notes.append(f"at most {changed:.1%} of the predictions change")
    if unit := shelf.dataset.declared.unit:
        unseen = f"rows of one {unit} counted as independent, for want of a verdict"
        notes.append(f"design effect {effect:.3g} by the last verdict" if effect else unseen)
    for one in planned.clauses:
        if edges := [each.mean for each in one.expected if each.edge]:
            notes.append(f"one by one: about {max(edges):,.0f} expected at the edge of the tolerance")
    state: State = "enough"
    there = None
    for clause, one in zip(condition.clauses, planned.clauses, strict=True):
        counted = shelf.count(clause, within)
        if counted is None:
            notes.append(f"{one.labels:,} {one.rows} are needed; how many there are is not counted here")
            continue
        rows, labelled = counted
        if one.labels:
            there = labelled if there is None else min(there, labelled)
            can_be_bought = rows >= one.labels and one.labels - labelled <= shelf.labels_left
            if labelled < one.labels:
                state = state if can_be_bought else "short"
                notes += ["the labels can be bought"] if can_be_bought else []
        elif rows < one.unlabelled:
            state = "short"
            notes.append(f"{one.unlabelled:,} rows with predictions are needed, {rows:,} are there")
    return {
        "labels": planned.labels_per_commit if shelf.one_by_one else planned.labels,
        "rows": int((shelf.inside(within) & shelf.labelled).sum()) if there is None else there,
        "units": planned.units,
        "state": state,
        "note": "; ".join(notes),
    }


def _from_last(last: Verdict | None, why: str, here: int) -> dict[str, Any]:
    """Fall back on what the last verdict said, where a claim has no tolerance to plan by."""
    if last is not None and last.status in ("pass", "fail"):
        return {"state": "enough", "rows": here, "note": f"no tolerance to plan by; the last verdict was {last.status}"}
    for action in last.actions if last is not None else ():
        if action.labels and last is not None:
            note = f"by the last verdict: {action.title}; {action.effect}"
            # Of rows on which two models agree no label is needed, but they are rows.
            rows = action.units if action.units and last.evidence.unit is None else action.labels
            return {"labels": here + rows, "rows": here, "state": "short", "note": note}
    return {"rows": here, "note": why}


@dataclass(frozen=True)
class _Answer:
    """The next answer of a test set: its error probability, how many are left, and which are its rows."""

    error: float
    left: int
    rows: NDArray[np.intp] | None
    why: str = ""


def _next_answer(check: CheckTable, inputs: Inputs, dataset: Dataset) -> _Answer:
    """Reckon the next answer from what the ledger has; nothing is entered."""
    project, queries = inputs.project, dataset.declared.queries
    alpha = alpha_of(check, project.file)
    if check.method == "sequential":  # each answer has rows of its own
        owners = {stretch.owner for stretch in queue_of(project, dataset).stretches}
        return _Answer(alpha / queries, max(0, queries - len(owners)), None)
    policy, words, required = sharing(check, inputs, dataset)
    past, state = [], ""
    if project.has_store:
        ledger = Ledger(project.store)
        key, _ = testsets.family(ledger, dataset)
        state, _ = testsets.closed(ledger.entries(kind="testset"), key)
        past = history(ledger.entries(kind="answers", key=key), ledger.entries(kind="alpha"), key)
    terms = reckon(past, policy, once="", words=words, required=required)
    error = alpha * terms.share
    if state or not terms.share:
        return _Answer(alpha, 0, None, "all its answers are given" if not state else f"it is {state}")
    if error < LEAST:
        return _Answer(alpha, 0, None, f"{queries} answers of {words:,} words each leave no error probability for one")
    rows = dataset.stretch(terms.number, queries) if policy.reuse == "fresh-slice" else None
    return _Answer(error, max(0, queries - len(past)), rows)


def _labels_left(project: Project) -> float:
    spent = Ledger(project.store).spent("labels", project.name) if project.has_store else 0
    return project.file.budget.labels - spent


def _last(project: Project, check: CheckTable) -> dict[str, Verdict]:
    """Newest verdicts of a check that judged something, by their subject."""
    found: dict[str, Verdict] = {}
    for stored in records.history(project.store, "gate", check.name) if project.has_store else ():
        if stored.verdict.guarantee.kind != "none":
            found.setdefault(stored.verdict.subject, stored.verdict)
    return found


def _changes(check: CheckTable, inputs: Inputs, dataset: Dataset) -> NDArray[np.bool_] | None:
    """Tell where predictions change from the champion to the candidate, if both are there."""
    if "old" not in parse(check.claim).models:
        return None
    model = check.new if check.new in inputs.project.file.models else inputs.project.model(check.model)[0]
    new, old = (inputs.predictor(model, side, dataset) for side in (check.new, check.old))
    if new is None or old is None:
        return None
    before, after = old.predict(dataset).values, new.predict(dataset).values
    if before.dtype.kind == "f" or after.dtype.kind == "f":
        return None  # probabilities: what they are called is the gate's to say
    return np.asarray(before != after, dtype=np.bool_)
