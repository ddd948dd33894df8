"""Where each question of a model's life stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay.core.action import Action
from assay.core.project import stage_of
from assay.errors import LedgerError
from assay.store import records
from assay.store.ledger import Ledger
from assay.tracking.registry import Registry

if TYPE_CHECKING:
    from assay.checks.project import Project
    from assay.core.verdict import Verdict

MOST_ACTIONS = 3
# Which question a stage of checks answers, and the command that asks it.
QUESTIONS = (
    ("feasibility", "Is it worth starting?", "assay feasibility"),
    ("data", "Is my data fit?", "assay check stage:data"),
    ("gate", "May I merge this model?", "assay gate"),
    ("serving", "May I ship it?", "assay models promote"),
    ("monitor", "Is it still right?", "assay monitor"),
    ("adapt", "Retrain or not?", "assay adapt"),
)
CLAIMS = "assay explain GAT101"
ORDER = {"fail": 0, "error": 1, "inconclusive": 2, "skipped": 3, "pass": 4}


@dataclass(frozen=True)
class Answer:
    """One question in one line, with the id of the verdict that says so."""

    question: str
    answer: str
    verdict: str | None = None


@dataclass(frozen=True)
class Budget:
    """How much of a declared budget is gone."""

    name: str
    spent: float
    limit: float
    unit: str = ""


@dataclass(frozen=True)
class Status:
    """Every question with its newest verdict, what is left of the budgets, at most three next actions."""

    answers: tuple[Answer, ...]
    budgets: tuple[Budget, ...]
    actions: tuple[Action, ...]
    ledger: str
    verdicts: tuple[Verdict, ...]


def status(project: Project) -> Status:
    """Read the store and say where the project stands."""
    stored = records.latest(project.store)
    by_stage: dict[str, list[Verdict]] = {}
    for entry in stored:
        by_stage.setdefault(entry.verdict.stage, []).append(entry.verdict)
    answers = [_answer(project, stage, question, by_stage.get(stage, [])) for stage, question, _ in QUESTIONS]
    ledger, ledger_line = Ledger(project.store), ""
    try:
        ledger_line = f"{ledger.verify()} entries, chain verified"
    except LedgerError as problem:
        ledger_line = str(problem).removeprefix("ledger: ")
    answers.append(Answer("What happened, and who said so?", f"ledger: {ledger_line}"))
    verdicts = tuple(entry.verdict for entry in stored)
    return Status(tuple(answers), tuple(_budgets(project, ledger)), _actions(project, by_stage), ledger_line, verdicts)


def _answer(project: Project, stage: str, question: str, verdicts: list[Verdict]) -> Answer:
    if stage == "serving":
        return _shipped(project, question)
    if not verdicts:
        declared = any(stage_of(check) == stage for check in project.file.checks)
        return Answer(question, "not asked yet" if declared or stage == "adapt" else "no check declared")
    worst = min(verdicts, key=lambda verdict: ORDER[verdict.status])
    counts = {status: sum(v.status == status for v in verdicts) for status in ORDER}
    if worst.passed:
        words = "yes" if len(verdicts) == 1 else f"yes: all {len(verdicts)} verdicts pass"
    else:
        words = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    detail = f"; {worst.name}: {worst.reason}" if not worst.passed and worst.reason else ""
    return Answer(question, words + detail, worst.id)


def _shipped(project: Project, question: str) -> Answer:
    registry = Registry(project.store)
    parts = []
    for name in project.file.models:
        champion = registry.alias(name, "champion")
        if champion is not None:
            since = datetime.fromtimestamp(registry.get(f"{name}@champion").created / 1000, UTC).date()
            parts.append(f"{name}/{champion.version} is champion (trained {since})")
        elif registry.versions(name):
            parts.append(f"{name} has a candidate, no champion yet")
    return Answer(question, "; ".join(parts) or "no model yet")


def _budgets(project: Project, ledger: Ledger) -> list[Budget]:
    budget = project.file.budget
    found = []
    if budget.labels:
        found.append(Budget("labels", ledger.spent("labels", project.name), budget.labels, "labels"))
    for key, spent in ledger.totals("answers").items():
        limits = [entry.detail.get("limit") for entry in ledger.entries(kind="answers", key=key)]
        limit = next((value for value in reversed(limits) if value), None)
        if limit:
            found.append(Budget(f"answers of {key[:8]}", spent, float(limit), "answers"))
    return found


def _actions(project: Project, by_stage: dict[str, list[Verdict]]) -> tuple[Action, ...]:
    open_ = [v for verdicts in by_stage.values() for v in verdicts if not v.passed]
    open_.sort(key=lambda v: (not v.blocking, ORDER[v.status]))
    actions = list(dict.fromkeys(action for verdict in open_ for action in verdict.actions))
    for stage, question, command in QUESTIONS:
        declared = any(stage_of(check) == stage for check in project.file.checks)
        if declared and stage not in by_stage:
            actions.append(Action(f"ask: {question}", command))
    if not actions and not any(stage_of(check) == "gate" for check in project.file.checks):
        actions.append(Action('say what a model has to show: [[checks]] with a claim such as "n > 0.8"', CLAIMS))
    return tuple(actions[:MOST_ACTIONS])
