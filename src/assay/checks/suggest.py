"""The rows to label next, and the labels that came back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assay.checks.budget import alpha_of
from assay.checks.inputs import Inputs, texts_of
from assay.checks.job import Job
from assay.checks.sequential import Case, case_of, texts
from assay.core.nearest import did_you_mean
from assay.data import columns_present, require_rows, table, to_pandas
from assay.errors import BudgetSpent, DataError, UsageError
from assay.gate.interim import labels_expected, labels_needed
from assay.gate.sequential import split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.checks.project import Project


@dataclass(frozen=True)
class Suggestion:
    """What is handed out.

    Attributes
    ----------
    rows : DataFrame
        Ids and inputs, without predictions, and an empty column for the label.
    label : str
        That column.
    bought : int
        How many of them were not handed out before.
    needed : str
        How many labels are still needed.
    expected : int or None
        As a number, if the truth is the estimate.
    spent, limit : float
        Of the budget of labels.
    reason : str
        Why there is nothing to label, if that is so.
    """

    rows: pd.DataFrame
    label: str
    bought: int
    needed: str
    expected: int | None
    spent: float
    limit: int
    reason: str


@dataclass(frozen=True)
class Returned:
    """How many labels came back: new ones, such as were there before, and rows without one."""

    added: int
    known: int
    empty: int


def suggest(project: Project, check_id: str, limit: int) -> Suggestion:
    """Hand out the next rows of a check, and enter them in the ledger.

    Raises
    ------
    BudgetSpent
        If no label is left to buy, or no answer to buy it for.
    UsageError
        If the check is none that labels, or its models are not all there.
    """
    case = _case(project, check_id)
    case.require_answer()
    budget = project.file.budget.labels
    chosen = case.gate.next(limit)
    asked = case.queue.asked(case.owner)
    spent = case.queue.spent()
    fresh = np.array([case.ids[row] not in asked for row in chosen], dtype=np.bool_)
    left = max(0, int(budget - spent))
    if fresh.sum() > left:
        # Only whole beginnings of the order count, so that it is cut where the money ends.
        chosen = chosen[: int(np.flatnonzero(fresh)[left])]
        if not chosen.size:
            way = "raise it in the project file" if budget else "say how many may be bought: [budget] labels = 500"
            raise BudgetSpent(f"{check_id}: {spent:,.0f} of the {budget:,} labels of [budget] labels are bought: {way}")
        fresh = fresh[: chosen.size]
    label = str(case.dataset.declared.label)
    if chosen.size:
        last = int(np.flatnonzero(case.order == chosen[-1])[0]) + 1
        new = [str(case.ids[row]) for row in chosen[fresh]]
        case.take(max(last, case.gate.looked), new)
    inputs = case.dataset.inputs().to_pandas()
    shown = inputs.iloc[chosen].reset_index(drop=True)
    shown = shown[[case.dataset.declared.id, *(name for name in shown if name != case.dataset.declared.id)]]
    shown[label] = pd.Series([None] * len(shown), dtype=object)
    bought = int(fresh.sum())
    verdict = case.gate.verdict()
    tracks = case.gate.tracks
    needed, expected = labels_needed(tracks), labels_expected(tracks)
    return Suggestion(shown, label, bought, needed, expected, spent + bought, budget, verdict.reason)


def take_back(
    project: Project, check_id: str, source: str, id_column: str | None, label_column: str | None
) -> Returned:
    """Keep labels that came back for rows that were handed out.

    Raises
    ------
    DataError
        If an id is not in the dataset or was never handed out, labels contradict each other or what is known, or they
        are of another kind than the predictions. Nothing is kept then.
    UsageError
        If several checks label different datasets and none is named.
    """
    case = _case(project, check_id)
    declared = case.dataset.declared
    id_column, label_column = id_column or str(declared.id), label_column or str(declared.label)
    numeric = _numeric(case)
    as_text = [column for column in texts_of(case.dataset, label_column) if column != label_column]
    ids, values = _read(source, id_column, label_column, as_text if numeric else [*as_text, label_column])
    place = {one: row for row, one in enumerate(case.ids)}
    asked = case.queue.asked()
    rows, known = case.known
    before = dict(zip(rows.tolist(), known, strict=True))
    found: dict[str, Any] = {}
    empty = repeated = 0
    for number, (one, value) in enumerate(zip(ids, values, strict=True)):
        where = f"{source}: row {number}"
        if one not in place:
            raise DataError(f"{where}: dataset {case.dataset.name!r} has no row with the id {one!r}")
        if value is None:
            empty += 1
            continue
        value = _as_number(value, where) if numeric else str(value)
        if one in found and found[one] != value:
            raise DataError(
                f"{where}: the id {one!r} has the label {found[one]!r} in an earlier row, and {value!r} here"
            )
        if place[one] in before:
            if before[place[one]] != value:
                raise DataError(
                    f"{where}: the id {one!r} has the label {before[place[one]]!r} already, not {value!r}: "
                    "a label that may have counted stays"
                )
            repeated += 1
            continue
        if one not in asked:
            raise DataError(
                f"{where}: nobody asked for a label of the id {one!r}; import rows of `assay labels suggest` alone"
            )
        found[one] = value
    if found:
        # Refused here, before it is written, what the gate could not read.
        case.gate.add(np.array([place[one] for one in found]), list(found.values()))
        case.queue.add_labels(list(found), list(found.values()))
    return Returned(len(found), repeated, empty)


def _case(project: Project, check_id: str) -> Case:
    checks = {check.name: check for check in project.file.checks if check.method == "sequential"}
    if check_id not in checks:
        if not check_id and checks:
            inputs = Inputs(project, {})
            cases = [_open(project, name, checks, inputs) for name in checks]
            if len({case.dataset.name for case in cases}) == 1:
                return cases[0]
            raise UsageError(f"say which check asked for these labels: --check {' or --check '.join(checks)}")
        named = {check.name for check in project.file.checks}
        if check_id in named:
            raise UsageError(f'check {check_id!r} does not label: add method = "sequential" to it in the project file')
        raise UsageError(f"no check {check_id!r}; {did_you_mean(check_id, checks or named, 'declared')}")
    return _open(project, check_id, checks, Inputs(project, {}))


def _open(project: Project, name: str, checks: dict[str, Any], inputs: Inputs) -> Case:
    case = case_of(checks[name], inputs, alpha_of(checks[name], project.file))
    if isinstance(case, Job):
        raise UsageError(f"check {name!r}: {case.evaluate()[0].reason}, so that there is nothing to label for it")
    return case


def _read(source: str, id_column: str, label_column: str, text: Sequence[str]) -> tuple[list[str], list[Any]]:
    if Path(source).suffix.lower() == ".json":
        from assay.labeling import label_studio

        return label_studio.read(Path(source), id_column, label_column)
    opened = table(source, text=text)
    require_rows(opened, source)
    columns_present(opened, [id_column, label_column], source)
    frame = to_pandas(opened.select(id_column, label_column))
    missing = frame[id_column].isna().to_numpy()
    if missing.any():
        raise DataError(f"{source}: row {int(missing.argmax())} has no {id_column!r}")
    labelled, values = split(frame[label_column])
    labels: list[Any] = [None] * len(frame)
    for row, value in zip(labelled.tolist(), [] if values is None else values.tolist(), strict=True):
        labels[row] = value
    return texts(frame[id_column]).tolist(), labels


def _numeric(case: Case) -> bool:
    return bool(np.asarray(case.new.predict(case.dataset).values).dtype.kind in "biuf")


def _as_number(value: Any, where: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DataError(f"{where}: the label {value!r} is no number, but predictions are numbers") from None
