"""Promotion, refusal, override and rollback of a champion."""

from __future__ import annotations

import json
from pathlib import Path

from loan_project import FLOOR, MODEL, Assay, declare, train


def champion(assay: Assay) -> str:
    lines = [line.split() for line in assay("models", "list").out.splitlines()]
    return next((words[0] for words in lines if "champion" in words[-1]), "")


def test_the_first_champion_needs_no_rival(assay: Assay, trained: Path) -> None:
    said = assay("models", "promote", "loan")
    assert said.code == 0, said.out + said.err
    assert "promoted: loan@champion is loan/1" in said.err
    assert champion(assay) == "loan/1"
    assert "loan/1 is champion" in assay("status").out
    again = assay("models", "promote", "loan")
    assert again.code == 2
    assert "already champion" in again.err


def test_a_worse_candidate_is_refused_and_nothing_moves(assay: Assay, trained: Path) -> None:
    assay("models", "promote", "loan")
    train(trained, weight=2.0)
    said = assay("models", "promote", "loan")
    assert said.code in (1, 4)
    assert "refused: loan@champion stays as it was" in said.err
    assert said.last.endswith(f"exit {said.code}")
    assert champion(assay) == "loan/1"
    kinds = [json.loads(line)["kind"] for line in assay("ledger", "show", "--json").out.splitlines()]
    assert kinds.count("promotion") == 1


def test_an_override_is_kept_and_can_be_rolled_back(assay: Assay, trained: Path) -> None:
    assay("models", "promote", "loan")
    train(trained, weight=2.0)
    said = assay("models", "promote", "loan", "--override", "the old one is on fire")
    assert said.code == 0
    assert said.last.endswith("exit 0")
    assert champion(assay) == "loan/2"
    ledger = assay("ledger", "show", "--json").out
    assert "the old one is on fire" in ledger
    said = assay("models", "rollback", "loan")
    assert said.code == 0
    assert said.out == "rolled back: loan@champion is loan/1, before it loan/2\n"
    assert champion(assay) == "loan/1"
    assert assay("ledger", "verify").code == 0


def test_there_is_nothing_to_roll_back_to_at_first(assay: Assay, trained: Path) -> None:
    assay("models", "promote", "loan")
    said = assay("models", "rollback", "loan")
    assert said.code == 2
    assert "no earlier version" in said.err
    assert champion(assay) == "loan/1"


def test_a_version_that_is_named_is_the_one_that_is_judged(assay: Assay, trained: Path) -> None:
    train(trained, weight=30.0)
    said = assay("models", "promote", "loan/1", "--to", "challenger", "--json")
    assert said.code == 0, said.out + said.err
    verdicts = {verdict["check"]: verdict for verdict in json.loads(said.out)["verdicts"]}
    assert verdicts["floor"]["status"] == "pass"
    assert verdicts["better"]["status"] == "skipped"
    assert assay("models", "promote", "loan/2").code == 1


def test_a_spent_test_set_promotes_nobody(assay: Assay, trained: Path) -> None:
    assay("models", "promote", "loan")
    codes = []
    for weight in (2.0, 2.1, 2.2, 2.3):
        train(trained, weight=weight)
        codes.append(assay("models", "promote", "loan").code)
    assert codes[-1] == 4
    assert champion(assay) == "loan/1"
    assert "spent" in assay("models", "promote", "loan").out


def test_the_checks_of_another_model_do_not_judge_this_one(assay: Assay, trained: Path) -> None:
    ours = FLOOR.replace('datasets = ["test"]', 'datasets = ["test"]\nmodel = "loan"')
    theirs = FLOOR.replace("floor", "other-floor").replace("better", "other-better").replace("n > 0.75", "n > 0.99")
    theirs = theirs.replace('datasets = ["test"]', 'datasets = ["test"]\nmodel = "other"')
    declare(trained, ours + theirs, MODEL + '[models.other]\ntrain = "train:train"\n')
    said = assay("models", "promote", "loan", "--json")
    assert said.code == 0, said.out + said.err
    assert {verdict["check"] for verdict in json.loads(said.out)["verdicts"]} == {"floor", "better", "loan-loads"}
    assert champion(assay) == "loan/1"


def test_without_a_blocking_gate_check_nothing_stands_for_a_promotion(assay: Assay, trained: Path) -> None:
    path = trained / "assay.toml"
    path.write_text(path.read_text().replace("blocking = true", "blocking = false"))
    said = assay("models", "promote", "loan")
    assert said.code == 2
    assert "no blocking gate check judges loan" in said.err
    assert champion(assay) == ""
    assert assay("models", "promote", "loan", "--override", "nothing to lose").code == 0
    assert champion(assay) == "loan/1"
