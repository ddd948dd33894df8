"""Where each question stands, from verdicts and budgets alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.checks.project import Project, load
from assay.core.action import Action
from assay.core.claim import Claim
from assay.core.guarantee import Guarantee
from assay.core.verdict import Status as Outcome
from assay.core.verdict import Verdict
from assay.guide.status import MOST_ACTIONS, QUESTIONS, status
from assay.store import records
from assay.store.ledger import Ledger

TOML = """
[project]
name = "tides"

[budget]
labels = 100

[datasets.train]
role = "train"
source = "train.csv"
label = "high"

[[checks]]
id = "fit"
use = "VAL1"

[[checks]]
id = "better"
claim = "n - o > 0"
blocking = true
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "assay.toml").write_text(TOML)
    return load(tmp_path)


QUIET = "".join(f'\n[[checks]]\nid = "quiet-{k}"\nclaim = "n > 0.5"\n' for k in range(4))


def verdict(outcome: Outcome, check: str = "better", **more: object) -> Verdict:
    fields: dict[str, object] = {"code": "GAT101", "stage": "gate", "claim": Claim("n - o > 0"), "blocking": True}
    return Verdict(
        status=outcome,
        guarantee=Guarantee.exact(0.05, "false pass"),
        check=check,
        **(fields | more),  # type: ignore[arg-type]
    )


def answer(project: Project, question: str) -> str:
    return next(found.answer for found in status(project).answers if found.question == question)


def test_an_unasked_question_says_whether_a_check_is_declared(project: Project) -> None:
    assert answer(project, "Is my data fit?") == "not asked yet"
    assert answer(project, "Is it worth starting?").startswith("no check declared")
    assert answer(project, "May I ship it?") == "no model yet"
    assert [action.command for action in status(project).actions] == ["assay check stage:data", "assay gate"]


def test_the_worst_verdict_speaks_for_its_question(project: Project) -> None:
    found = [
        verdict("pass", subject="a"),
        verdict("inconclusive", subject="b"),
        verdict("fail", subject="c", reason="it lost"),
    ]
    records.record(project.store, verdicts=found, cache_key=None)
    said = answer(project, "May I merge this model?")
    assert said == "no: 1 fail, 1 inconclusive, 1 pass; better[c]: it lost"
    pointed = next(a.verdict for a in status(project).answers if a.question == "May I merge this model?")
    assert pointed == found[2].id


def test_what_is_as_bad_is_named_too(project: Project) -> None:
    records.record(
        project.store, verdicts=[verdict("inconclusive", subject=s, reason="open") for s in "ab"], cache_key=None
    )
    said = answer(project, "May I merge this model?")
    assert said in (
        "undecided: 2 inconclusive; better[a]: open (also better[b])",
        "undecided: 2 inconclusive; better[b]: open (also better[a])",
    )


def test_a_newer_answer_takes_the_place_of_an_older_one(project: Project) -> None:
    records.record(project.store, verdicts=[verdict("fail")], cache_key=None)
    records.record(project.store, verdicts=[verdict("pass")], cache_key=None)
    assert answer(project, "May I merge this model?") == "yes"
    assert [found.status for found in status(project).verdicts] == ["pass"]


def test_a_blocking_check_that_was_never_asked_is_no_yes(tmp_path: Path) -> None:
    (tmp_path / "assay.toml").write_text(TOML + QUIET.replace("> 0.5", '> 0.5"\nblocking = true #', 1))
    project = load(tmp_path)
    records.record(project.store, verdicts=[verdict("pass")])
    assert answer(project, "May I merge this model?") == "undecided: 1 pass; quiet-0 was not asked yet"
    records.record(project.store, verdicts=[verdict("pass", "quiet-0")])
    assert answer(project, "May I merge this model?") == "yes: all 2 pass"


def test_at_most_three_actions_and_blocking_ones_first(tmp_path: Path) -> None:
    (tmp_path / "assay.toml").write_text(TOML + QUIET)
    project = load(tmp_path)
    loud = verdict("inconclusive", actions=(Action("label more", "assay labels", labels=40),))
    quiet = [
        verdict("fail", f"quiet-{k}", blocking=False, actions=(Action(f"look at {k}", "assay check"),))
        for k in range(4)
    ]
    records.record(project.store, verdicts=[*quiet, loud], cache_key=None)
    actions = status(project).actions
    assert len(actions) == MOST_ACTIONS
    assert actions[0].title == "better: label more"
    assert actions[0].labels == 40


def test_budgets_say_what_is_spent_of_what(project: Project) -> None:
    ledger = Ledger(project.store)
    held = ledger.reserve("answers", "f00dfeed", 1, limit=3, check="better")
    records.record(project.store, verdicts=[verdict("pass")], cache_key=None, settle=[(held, 1)])
    with project.store.transaction() as connection:
        ledger.append(connection, "labels", "tides", 25)
    budgets = {budget.name: (budget.spent, budget.limit) for budget in status(project).budgets}
    assert budgets == {"labels": (25, 100), "answers of f00dfeed": (1, 3)}


def test_every_question_is_answered_even_when_the_ledger_is_broken(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.errors import LedgerError

    def broken(_: Ledger) -> int:
        raise LedgerError("ledger: entry 3 was changed")

    records.record(project.store, verdicts=[verdict("pass")])
    monkeypatch.setattr(Ledger, "verify", broken)
    found = status(project)
    assert len(found.answers) == len(QUESTIONS) + 1
    assert found.answers[-1].answer == "ledger: entry 3 was changed"


def test_when_all_is_well_the_next_step_is_a_claim(tmp_path: Path) -> None:
    (tmp_path / "assay.toml").write_text(TOML.partition("[[checks]]")[0])
    (action,) = status(load(tmp_path)).actions
    assert "claim" in action.title
    assert action.command == "assay explain GAT101"
