"""Where each question of a model's life stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from assay.core.action import Action
from assay.core.project import stage_of
from assay.errors import LedgerError, StoreError
from assay.guide.present import unjudged
from assay.store import records
from assay.store.ledger import Ledger
from assay.tracking.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Collection

    from assay.checks.project import Project
    from assay.core.verdict import Verdict
    from assay.store.chain import Entry

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
# Stages whose verdicts come from checks that a project file declares.
DECLARED = ("feasibility", "data", "gate", "monitor")
RENEW = "take it out of the project file, or have its owner give it another date"
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
    """How much of a declared budget is gone.

    ``here`` is what was spent on the verdicts that were asked about.
    """

    name: str
    spent: float
    limit: float
    unit: str = ""
    here: float | None = None


@dataclass(frozen=True)
class Status:
    """Every question with its newest verdict, what is left of the budgets, at most three next actions.

    ``verdicts`` are the newest of each check and subject, oldest first.
    """

    answers: tuple[Answer, ...]
    budgets: tuple[Budget, ...]
    actions: tuple[Action, ...]
    ledger: str
    verdicts: tuple[Verdict, ...]


def status(project: Project) -> Status:
    """Read the store and say where the project stands; a project without a store is left without one.

    What other clones wrote to a shared ledger is taken in first. Without a network the last known state is shown, and
    the line on the ledger says so.
    """
    last_known, broken = "", ""
    try:
        if project.shared_ledger:
            project.store.sync()
    except LedgerError as problem:
        broken = str(problem)
    except StoreError as problem:
        last_known = f"; last known state: {problem}"
    stored = _standing(project, records.latest(project.store)) if project.has_store else []
    by_stage: dict[str, list[Verdict]] = {}
    for entry in stored:
        by_stage.setdefault(entry.verdict.stage, []).append(entry.verdict)
    answers = [_answer(project, stage, question, by_stage.get(stage, [])) for stage, question, _ in QUESTIONS]
    try:
        count = Ledger(project.store).verify() if project.has_store else 0
        ledger_line = broken or f"{count} entries, chain verified{last_known}"
    except LedgerError as problem:
        ledger_line = str(problem).removeprefix("ledger: ")
    answers.append(Answer("What happened, and who said so?", f"ledger: {ledger_line}"))
    verdicts = tuple(entry.verdict for entry in reversed(stored))
    return Status(tuple(answers), tuple(budgets(project)), _actions(project, by_stage), ledger_line, verdicts)


def _standing(project: Project, stored: list[records.StoredVerdict]) -> list[records.StoredVerdict]:
    """Keep what was said last of each check, of those that the project file declares; newest first."""
    declared = {check.name for check in project.file.checks}
    last: dict[str, int] = {}
    for entry in stored:
        last[entry.verdict.check] = max(last.get(entry.verdict.check, 0), entry.created)
    return [
        entry
        for entry in stored
        if entry.created == last[entry.verdict.check]
        and (entry.verdict.check in declared or entry.verdict.stage not in DECLARED)
    ]


def _answer(project: Project, stage: str, question: str, verdicts: list[Verdict]) -> Answer:
    if stage == "serving":
        return _shipped(project, question)
    if not verdicts:
        declared = any(stage_of(check) == stage for check in project.file.checks)
        return Answer(question, "not asked yet" if declared or stage == "adapt" else "no check declared")
    if stage == "adapt":
        newest = verdicts[0]
        said = newest.reason.partition(": ")[0]
        return Answer(question, said if newest.passed else f"{_word([newest])}: {said}", newest.id)
    worst = min(verdicts, key=_urgency)
    told = _told(verdicts, worst)
    asked = {verdict.check for verdict in verdicts}
    unasked = [c.name for c in project.file.checks if stage_of(c) == stage and c.blocking and c.name not in asked]
    if unasked and told.startswith("yes"):
        was = "was" if len(unasked) == 1 else "were"
        return Answer(question, f"undecided: {_counts(verdicts)}; {_listed(unasked)} {was} not asked yet", worst.id)
    other = unjudged(project, verdicts) if stage == "gate" else ""
    if other:
        return Answer(question, f"{other} as it is now was not asked yet; before it: {told}", worst.id)
    return Answer(question, told, worst.id)


def _told(verdicts: list[Verdict], worst: Verdict) -> str:
    """Yes, no or undecided, as what blocks says; how many verdicts say what; and why the worst one does."""
    deciding = [verdict for verdict in verdicts if verdict.blocking] or verdicts
    word = _word(deciding)
    if worst.passed:
        return word if len(verdicts) == 1 else f"{word}: all {len(verdicts)} pass"
    if len(verdicts) == 1:
        return f"{word}: {worst.reason}"
    if word == "yes" and not worst.blocking:
        others = [verdict for verdict in verdicts if not verdict.blocking and not verdict.passed]
        return f"yes: {len(deciding)} blocking pass, {_counts(others)} ({_listed(_names(others))})"
    alike = [verdict for verdict in verdicts if verdict.status == worst.status and verdict.blocking == worst.blocking]
    too = [name for name in _names(alike) if name != worst.name]
    return f"{word}: {_counts(verdicts)}; {worst.name}: {worst.reason}{f' (also {_listed(too)})' if too else ''}"


def _names(verdicts: list[Verdict]) -> list[str]:
    """Names of what did not pass, each once, what is worst first."""
    return list(dict.fromkeys(verdict.name for verdict in sorted(verdicts, key=_urgency) if not verdict.passed))


def _counts(verdicts: list[Verdict]) -> str:
    counts = {status: sum(verdict.status == status for verdict in verdicts) for status in ORDER}
    return ", ".join(
        f"{count} {'broken' if status == 'error' else status}" for status, count in counts.items() if count
    )


def _word(verdicts: list[Verdict]) -> str:
    if all(verdict.passed for verdict in verdicts):
        return "yes"
    return "no" if any(verdict.failed for verdict in verdicts) else "undecided"


def _urgency(verdict: Verdict) -> tuple[bool, int]:
    """What blocks comes first, then what is worse; passes come last."""
    return verdict.passed or not verdict.blocking, ORDER[verdict.status]


def _shipped(project: Project, question: str) -> Answer:
    parts = []
    for name in project.file.models if project.has_store else ():
        registry = Registry(project.store)
        champion = registry.alias(name, "champion")
        if champion is not None:
            since = datetime.fromtimestamp(registry.get(f"{name}@champion").created / 1000, UTC).date()
            parts.append(f"{name}/{champion.version} is champion (trained {since})")
        elif registry.versions(name):
            parts.append(f"{name} has a candidate, no champion yet")
    return Answer(question, "; ".join(parts) or "no model yet")


def budgets(project: Project, verdicts: Collection[str] = ()) -> list[Budget]:
    """Say what is spent of each declared budget, and how much of it on the verdicts with these ids."""
    labels = project.file.budget.labels
    if not project.has_store:
        return [Budget("labels", 0.0, labels, "labels")] if labels else []
    ledger, paid = Ledger(project.store), []
    found = [Budget("labels", ledger.spent("labels", project.name), labels, "labels")] if labels else []
    for key, spent in ledger.totals("answers").items():
        entries = ledger.entries(kind="answers", key=key)
        limit = next((entry.detail["limit"] for entry in reversed(entries) if entry.detail.get("limit")), None)
        if limit:
            spent_on = [entry.amount for entry in entries if entry.state == "settle" and entry.verdict_id in verdicts]
            line = Budget("", spent, float(limit), "answers", sum(spent_on) if verdicts else None)
            paid.append((_paid_for(key, entries), key, line))
    names = [name for name, _, _ in paid]
    for name, key, line in paid:
        # The digits tell contents of one name apart; where they need not, they would only say that labels differ.
        found.append(replace(line, name=f"{name} ({key[:8]})" if names.count(name) > 1 else name))
    return found


def _paid_for(key: str, entries: list[Entry]) -> str:
    """Name what answers were paid for: a dataset, or the model that planned looks judge."""
    name = next((entry.detail["about"] for entry in reversed(entries) if entry.detail.get("about")), None)
    if "/" in key:
        return f"looks at {key}"
    return f"dataset {name}" if name else f"answers of {key[:8]}"


def _listed(names: list[str]) -> str:
    """The verdicts that one step is for; the first two by name."""
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _actions(project: Project, by_stage: dict[str, list[Verdict]]) -> tuple[Action, ...]:
    open_ = [v for verdicts in by_stage.values() for v in verdicts if not v.passed]
    open_.sort(key=_urgency)
    # One step for each subject: what is wrong with a column is wrong with it by every rule.
    about: dict[str, Action] = {}
    for verdict in open_:
        if verdict.actions:
            about.setdefault(verdict.name, verdict.actions[0])
    # `assay check` refuses to go on with a waiver that is over, so that it comes before all else.
    actions = [
        Action(f"the waiver of {waiver.check!r} ({waiver.owner}: {waiver.reason}) expired on {waiver.expires}: {RENEW}")
        for waiver in project.file.waivers
        if waiver.expired()
    ]
    actions += [
        msgspec.structs.replace(
            action, title=f"{_listed([name for name in about if about[name] == action])}: {action.title}"
        )
        for action in dict.fromkeys(about.values())
    ]
    for stage, question, command in QUESTIONS:
        declared = any(stage_of(check) == stage for check in project.file.checks)
        if declared and stage not in by_stage:
            actions.append(Action(f"ask: {question}", command))
    if not actions and not any(stage_of(check) == "gate" for check in project.file.checks):
        actions.append(Action('say what a model has to show: [[checks]] with a claim such as "n > 0.8"', CLAIMS))
    return tuple(actions[:MOST_ACTIONS])
