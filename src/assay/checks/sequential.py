"""Claims that are decided label by label: whose rows they take, and what their labels say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd

from assay.checks import gate
from assay.checks.budget import shown
from assay.checks.disclosure import withhold
from assay.checks.job import Job, Spend
from assay.checks.overlap import unseen
from assay.core.action import Action
from assay.core.fingerprint import digest
from assay.core.guarantee import Assumption
from assay.core.project import stage_of
from assay.errors import BudgetSpent, DataError, ProjectError
from assay.gate import Sequential, parse
from assay.gate.sequential import positions, split
from assay.labeling.queue import START, Queue
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.checks.dataset import Dataset
    from assay.checks.inputs import Inputs
    from assay.checks.predictor import Predictor
    from assay.checks.project import Project
    from assay.core.project import CheckTable
    from assay.core.verdict import Verdict

FOLDER = "bought"
"""Where labels that came back are kept, below ``.assay``."""


@dataclass(frozen=True)
class Case:
    """A sequential check of the present candidate: the rows that are its own, their labels, and how it stands.

    Attributes
    ----------
    alpha : float
        Error probability of this answer. Each answer has rows that no other looked at, so that it is the check's over
        the number of answers, whatever developers see of them (Renggli et al., MLSys 2019, for the union bound).
    rivals : tuple of Predictor
        What the candidate is compared with, in all checks of the gate.
    owner : str
        The answer that the rows belong to: the candidate, its rivals, and what the gate ceased to ask.
    """

    check: CheckTable
    inputs: Inputs
    dataset: Dataset
    new: Predictor
    old: Predictor | None
    rivals: tuple[Predictor, ...]
    alpha: float
    queue: Queue

    @cached_property
    def owner(self) -> str:
        """The answer that the rows belong to."""
        project = self.inputs.project
        parts = [self.identity(self.new), *sorted(map(self.identity, self.rivals))]
        gone = gate.dropped(project, self.queue.key)
        return digest([*parts, "without", *gone] if gone else parts)

    def identity(self, model: Predictor) -> str:
        """What tells a model from others: a stored one itself, any other its predictions by id."""
        if model.given is None:
            return model.identity
        values = np.asarray(model.predict(self.dataset).values)
        order = np.argsort(self.ids.astype(str), kind="stable")
        return digest([[str(self.ids[row]), str(values[row])] for row in order.tolist()])

    @cached_property
    def ids(self) -> NDArray[Any]:
        """Ids of the rows, as texts.

        Raises
        ------
        DataError
            If the dataset declares none, one is missing, or two rows have the same.
        """
        name, column = self.dataset.name, self.dataset.declared.id
        if column is None:
            raise DataError(
                f"dataset {name!r} declares no id, by which labels are joined; add id = ... to [datasets.{name}]"
            )
        values = self.dataset.frame[column]
        if values.isna().any():
            raise DataError(f"dataset {name!r}: row {int(values.isna().to_numpy().argmax())} has no {column!r}")
        ids = texts(values)
        again = ids.duplicated().to_numpy()
        if again.any():
            raise DataError(
                f"dataset {name!r}: row {int(again.argmax())} has an {column!r} that an earlier row has too"
            )
        found: NDArray[Any] = ids.to_numpy(dtype=object)
        return found

    @cached_property
    def places(self) -> NDArray[np.uint64]:
        """Place of each row in the order; rows of a unit share one."""
        unit = self.dataset.declared.unit
        return positions(self.ids if unit is None else texts(self.dataset.frame[unit]))

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Rows that this answer may look at: the stretches that it took, then what nobody took."""
        rows = np.lexsort((positions(self.ids), self.places))
        places = self.places[rows]
        found = [
            rows[_beyond(places, one.first) & ~_beyond(places, one.last)]
            for one in self.queue.stretches
            if one.owner == self.owner
        ]
        return np.concatenate([*found, rows[_beyond(places, self.queue.end)]])

    @cached_property
    def known(self) -> tuple[NDArray[np.intp], list[Any]]:
        """Rows with a label, and the labels: those of the table, and those that came back.

        Raises
        ------
        DataError
            If a row has one label in the table and another that came back.
        """
        label = str(self.dataset.declared.label)
        rows, values = np.empty(0, dtype=np.intp), None
        if label in self.dataset.frame:
            rows, values = split(self.dataset.frame[label])
        found = dict(zip(rows.tolist(), [] if values is None else values.tolist(), strict=True))
        place = {one: row for row, one in enumerate(self.ids)}
        for one, value in self.queue.labels().items():
            row = place.get(one)
            if row is None:
                continue
            if row in found and found[row] != value:
                raise DataError(
                    f"dataset {self.dataset.name!r}: the row with id {one!r} has the label {found[row]!r}, and "
                    f"{value!r} came back for it; settle it in the table"
                )
            found[row] = value
        chosen = np.sort(np.fromiter(found, dtype=np.intp, count=len(found)))
        return chosen, [found[row] for row in chosen.tolist()]

    @cached_property
    def gate(self) -> Sequential:
        """The gate with the labels that there are."""
        if not self.order.size:
            raise DataError(
                f"dataset {self.dataset.name!r}: earlier answers looked at all {len(self.dataset.frame):,} rows; add rows, "
                "which no candidate was judged on"
            )
        condition = parse(self.check.claim)
        dataset = self.dataset
        said, before = self.new.predict(self.dataset), self.old.predict(self.dataset) if self.old else None
        predicates = gate.predicates_of(condition, self.inputs.project, dataset)
        found = Sequential(
            condition,
            new=said.values,
            new_scores=said.scores,
            old=before.values if before else None,
            old_scores=before.scores if before else None,
            positive=said.positive,
            unit=dataset.unit,
            unit_name=dataset.declared.unit or "",
            max_unit_size=dataset.declared.max_unit_size if dataset.declared.unit else None,
            slices=gate.masks_of(predicates, dataset),
            timestamp=dataset.timestamp,
            columns=dataset.repeated_columns(),
            content=None if dataset.declared.unit else dataset.content,
            order=self.order,
            plans=self.queue.plans(self.owner, self.check.claim),
            reliability=1 - self.alpha,
            mode=self.check.mode,
            check=self.check.name,
            blocking=self.check.blocking,
            severity=self.check.severity,
        )
        rows, labels = self.known
        if rows.size:
            found.add(rows, labels)
        return found

    def take(self, upto: int, rows: list[str] | None = None) -> None:
        """Enter that the answer has the first ``upto`` rows of its order, before anybody sees what they say."""
        self.queue.take(
            self.inputs.project.store,
            self.owner,
            self.check.name,
            self._last(upto),
            rows=rows or [],
            limit=self.inputs.project.file.budget.labels,
            plans={self.check.claim: self.gate.plans},
        )

    def require_answer(self) -> None:
        """See that the pool has an answer left for this candidate, before labels are bought for it.

        Raises
        ------
        BudgetSpent
            If it has not.
        """
        if not self.inputs.project.has_store:
            return
        ledger, key = Ledger(self.inputs.project.store), self.queue.key
        given = {entry.detail.get("once") for entry in ledger.entries(kind="answers", key=key)}
        answers = self.dataset.declared.queries
        if self.owner not in given and ledger.spent("answers", key) >= answers:
            raise BudgetSpent(
                f"{self.check.name}: all {answers} answers of {self.dataset.name!r} are given; "
                "declare another pool, of fresh rows"
            )

    def enter(self) -> None:
        """Enter what the verdict looks at, and the plan, unless that is done."""
        begun = self.queue.plans(self.owner, self.check.claim) is not None
        if not begun or self._last(self.gate.looked) > self.queue.end:
            self.take(self.gate.looked)

    def _last(self, upto: int) -> str:
        mine = self.places[self.order[:upto]]
        return f"{int(mine.max()):016x}" if mine.size else START


def texts(values: pd.Series) -> pd.Series:
    """Write ids as texts that are the same whatever the table is stored as: 7 and 7.0, a date and its midnight."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str.removesuffix("T00:00:00.000000")
    if pd.api.types.is_float_dtype(values.dtype) and np.array_equal(values, np.floor(values)):
        return values.astype("int64").astype(str)
    return values.astype(str)


def _beyond(places: NDArray[np.uint64], place: str) -> NDArray[np.bool_]:
    return np.ones(places.size, dtype=np.bool_) if place == START else places > np.uint64(int(place, 16))


def case_of(check: CheckTable, inputs: Inputs, alpha: float) -> Case | Job:
    """Open the pool and the models of a sequential check; a job that is skipped, if they are not all there."""
    project = inputs.project
    condition = parse(check.claim)
    model = project.model(check.model)[0] if check.new not in project.file.models else check.new
    name = check.datasets[0] if check.datasets else project.dataset_of_role("pool", "test")
    if name is None:
        raise ProjectError("it needs a dataset with the role 'pool' or 'test'")
    dataset = inputs.dataset(name, judge=True)
    if dataset.declared.label is None:
        raise ProjectError(f"[datasets.{name}] names no label, which it needs; add label = 'COLUMN' there")
    new = inputs.predictor(model, check.new, dataset)
    old = inputs.predictor(model, check.old, dataset) if "old" in condition.models else None
    unready = gate.without_models(check, project, model, new, old)
    if unready is not None:
        return unready
    assert new is not None
    rivals = {
        rival.identity: rival
        for other in project.file.checks
        if stage_of(other) == "gate" and other.new == check.new
        for rival in [inputs.predictor(model, other.old, dataset)]
        if rival
    }
    alpha_each = alpha / dataset.declared.queries
    return Case(check, inputs, dataset, new, old, tuple(rivals.values()), alpha_each, queue_of(project, dataset))


def queue_of(project: Project, dataset: Dataset) -> Queue:
    """Open the queue of a pool."""
    return Queue(
        project.store if project.has_store else None,
        project=project.name,
        dataset=dataset.name,
        content=dataset.inputs_fingerprint,
        root=project.root / ".assay" / FOLDER,
    )


def prepare(check: CheckTable, inputs: Inputs, alpha: float) -> Job:
    """Judge by the labels that there are; the answer and its error are paid for once, however often one looks."""
    case = case_of(check, inputs, alpha)
    if isinstance(case, Job):
        return case
    project, dataset, key = inputs.project, case.dataset, case.queue.key
    answers = dataset.declared.queries
    models = {"new": case.identity(case.new)} | ({"old": case.identity(case.old)} if case.old else {})
    rows, labels = case.known
    depends = {
        f"dataset:{dataset.name}": dataset.inputs_fingerprint,
        "labels": digest([[str(case.ids[row]), str(label)] for row, label in zip(rows.tolist(), labels, strict=True)]),
        "others": digest([[one.first, one.last] for one in case.queue.stretches if one.owner != case.owner]),
        "owner": case.owner,
        "slices": repr(sorted(project.file.slices.items())),
        "declared": repr(msgspec.structs.astuple(dataset.declared)),
    } | models
    asked = digest([case.owner, check.claim, check.mode, dataset.declared.unit])
    spends = (
        Spend("answers", key, 1, answers, once=case.owner, about=dataset.name),
        Spend("alpha", f"{key}:{check.name}", case.alpha, alpha, once=asked),
    )
    # Each answer has rows of its own, so that an estimate need not be rounded.
    disclosed = shown(project.file.budget, dataset.declared, planned=True)
    command = f"assay labels suggest --check {check.name}"
    seen = gate.identified(check, project, case.old)
    if answers > 1:
        text = f"each of the {answers} answers of {dataset.name} is given on rows that none before it looked at"
        seen = (*seen, Assumption(text, "checked"))

    def evaluate() -> list[Verdict]:
        # First entered, then shown: whoever kills it in between has used the rows up.
        case.enter()
        return [finish(case.gate.verdict())]

    def finish(verdict: Verdict) -> Verdict:
        fingerprints = {dataset.key: dataset.inputs_fingerprint} | models
        evidence = msgspec.structs.replace(verdict.evidence, fingerprints=fingerprints)
        compared = unseen(verdict.guarantee, inputs.unseen(dataset))
        guarantee = msgspec.structs.replace(compared, assumptions=(*compared.assumptions, *seen))
        actions = tuple(
            msgspec.structs.replace(action, command=command) if action.labels else action for action in verdict.actions
        )
        return msgspec.structs.replace(verdict, guarantee=guarantee, evidence=evidence, actions=actions)

    def show(verdict: Verdict) -> Verdict:
        bit = withhold(verdict, disclosed, check, dataset, error=case.alpha, assumptions=seen, models=models)
        # Which rows are asked for next is no secret: no other answer gets them.
        guarantee = unseen(bit.guarantee, inputs.unseen(dataset))
        actions = () if bit.passed else (Action("label further rows", command),)
        return msgspec.structs.replace(bit, guarantee=guarantee, actions=actions)

    def look() -> None:
        inputs.unseen(dataset)
        _ = case.gate

    withheld = disclosed != "full"
    return Job(depends, evaluate, spends, look, show if withheld else None)
