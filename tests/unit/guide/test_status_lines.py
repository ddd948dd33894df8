"""What `assay status` says of verdicts on record, and how it fits them on a screen."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from assay.checks.project import load
from assay.cli.main import cli
from assay.core import Action, Claim, Evidence, Guarantee, Verdict
from assay.guide.status import status
from assay.store import records
from assay.store.ledger import Ledger

TOML = """
[project]
name = "flights"
task = "classification"

[datasets.test]
role = "test"
source = "test.parquet"
label = "late"

[[checks]]
id = "better"
claim = "n - o > 0"
datasets = ["test"]
""" + "".join(f'\n[[checks]]\nid = "{name}"\nclaim = "n > 0.5"\n' for name in ("a", "b", "c", "c0", "c1", "slices"))
CONTENT = "9b868b62" + "0" * 56


def gate(check: str, outcome: str, *, subject: str = "", blocking: bool = True, action: str = "") -> Verdict:
    return Verdict(
        status=outcome,
        guarantee=Guarantee.none("skipped") if outcome == "skipped" else Guarantee.exact(0.05, "false pass"),
        check=check,
        code="GAT101",
        stage="gate",
        claim=Claim("n > 0.5"),
        subject=subject,
        blocking=blocking,
        reason=f"why {check} is {outcome}, at some length, so that no screen of a hundred columns could ever hold it",
        actions=(Action(action, units=9, effect="decides"),) if action else (),
        evidence=Evidence(fingerprints={"test": CONTENT}),
    )


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "assay.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    return load(tmp_path)


def merge(project) -> str:
    return next(each.answer for each in status(project).answers if each.question.startswith("May I merge"))


def test_what_does_not_block_changes_no_yes_but_is_counted(project):
    records.record(
        project.store,
        verdicts=[gate("a", "pass"), gate("b", "pass"), gate("c", "fail", blocking=False)],
    )
    assert merge(project) == "yes: 2 blocking pass, 1 fail (c)"


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (["pass"], "yes"),
        (["pass", "pass"], "yes: all 2 pass"),
        (["pass", "inconclusive"], "undecided: 1 inconclusive, 1 pass; c1: why c1 is inconclusive"),
        (["fail", "inconclusive"], "no: 1 fail, 1 inconclusive; c0: why c0 is fail"),
        (["fail"], "no: why c0 is fail"),
    ],
)
def test_an_answer_is_a_word_with_counts_and_the_worst_verdict(project, outcomes, said):
    records.record(project.store, verdicts=[gate(f"c{place}", outcome) for place, outcome in enumerate(outcomes)])
    assert merge(project).startswith(said)


def test_a_skipped_verdict_counts_until_its_check_is_answered(project):
    records.record(project.store, verdicts=[gate("slices", "skipped", action="make a champion")])
    assert merge(project).startswith("undecided")
    assert [action.title for action in status(project).actions] == ["slices: make a champion"]
    records.record(project.store, verdicts=[gate("slices", "pass", subject="evening")])
    assert merge(project) == "yes"
    assert status(project).actions == ()


def test_a_budget_is_named_after_the_dataset_or_the_model_that_it_is_spent_on(project):
    ledger = Ledger(project.store)
    for key in (CONTENT, "flights/3"):
        held = ledger.reserve("answers", key, 1, limit=2, check="better", detail={"about": "test"})
        verdict = gate("better", "pass", subject=key[:4])
        records.record(project.store, verdicts=[verdict], settle=[(held, 1)])
    assert {(each.name, each.spent, each.limit) for each in status(project).budgets} == {
        ("dataset test", 1, 2),
        ("looks at flights/3", 1, 2),
    }
    with project.store.transaction() as connection:
        ledger.append(connection, "answers", "c" * 64, 1, detail={"about": "test", "limit": 3})
    assert {each.name for each in status(project).budgets} == {
        "dataset test (9b868b62)",
        "dataset test (cccccccc)",
        "looks at flights/3",
    }


@pytest.mark.parametrize("width", [80, 100, 140])
def test_answers_are_wrapped_and_ids_are_shown_where_there_is_room(project, monkeypatch, width):
    verdict = gate("better", "fail", action="collect 9 more dates")
    records.record(project.store, verdicts=[verdict])
    monkeypatch.setenv("COLUMNS", str(width))
    done = CliRunner().invoke(cli, ["status"])
    assert done.exit_code == 0
    rows = done.output.splitlines()
    assert [row for row in rows[1:] if len(row) > width] == []
    place = next(place for place, row in enumerate(rows) if "May I merge" in row)
    row, below = rows[place], rows[place + 1]
    assert "no: why better is fail" in row
    assert "..." not in done.output
    assert below.startswith(" " * row.index("no: "))
    assert below.strip()
    assert " ".join(done.output.replace(verdict.id, "").split()).count(verdict.reason) == 1
    assert row.endswith(verdict.id) == (width >= 100)
    assert "  1. better: collect 9 more dates: decides" in rows
