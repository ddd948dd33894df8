"""Same inputs, same verdict: asking again spends nothing."""

from __future__ import annotations

import json
from pathlib import Path

from loan_project import DATA, GATE, PROJECT, Assay, declare, loans

FEASIBLE = '[[checks]]\nid = "reachable"\nuse = "FEA101"\ndatasets = ["train"]\ntarget = 0.7\nblocking = true\n'


def ids(assay: Assay, *arguments: str) -> list[str]:
    return [verdict["id"] for verdict in json.loads(assay("check", *arguments, "--json").out)["verdicts"]]


def test_asking_again_gives_the_stored_verdicts_and_spends_nothing(assay: Assay, project: Path) -> None:
    declare(project, GATE + DATA + FEASIBLE)
    first, entries = ids(assay), assay("ledger", "show").out
    assert len(set(first)) == len(first) > 5
    assert ids(assay) == first
    assert ids(assay, "fit") == first[1:-1]
    assert assay("ledger", "show").out == entries


def test_the_same_rows_under_another_name_spend_nothing(assay: Assay, project: Path) -> None:
    first, entries = ids(assay), assay("ledger", "show").out
    loans(2).to_parquet(project / "renamed.parquet", index=False)
    assert ids(assay, "--with", "test=renamed.parquet") == first
    assert assay("ledger", "show").out == entries


def test_other_rows_are_another_question(assay: Assay, project: Path) -> None:
    declare(project, GATE + DATA)
    first, entries = ids(assay), assay("ledger", "show").out
    loans(2).assign(amount=1.0).to_csv(project / "test.csv", index=False)
    second = ids(assay)
    assert not set(first) & set(second)
    assert len(assay("ledger", "show").out) > len(entries)


def test_another_target_is_answered_by_the_same_limit(assay: Assay, project: Path) -> None:
    declare(project, FEASIBLE)
    assert assay("check").code == 0
    entries = assay("ledger", "verify").out
    declare(project, FEASIBLE.replace("0.7", "0.99"))
    said = assay("check")
    assert said.code in (1, 4), said.err
    assert "spent" not in said.err
    assert assay("ledger", "verify").out == entries


def test_a_unit_that_is_declared_later_is_another_question(assay: Assay, project: Path) -> None:
    loans(1).assign(branch=lambda frame: range(len(frame))).to_csv(project / "train.csv", index=False)
    declare(project, FEASIBLE.replace("blocking = true", ""))
    first = ids(assay)
    declare(
        project, FEASIBLE.replace("blocking = true", ""), PROJECT.replace('train.csv"', 'train.csv"\nunit = "branch"')
    )
    assert ids(assay) != first


def test_another_claim_on_rows_that_answered_is_refused(assay: Assay, project: Path) -> None:
    assert assay("check").code == 0
    declare(project, GATE.replace("n > 0.8", "n > 0.7"))
    said = assay("check")
    assert said.code == 4
    assert "1 of 1 spent" in said.err
    assert "fresh data" in said.err
