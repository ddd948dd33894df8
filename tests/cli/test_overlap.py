"""A test set of rows that models were trained on judges nothing, and a check that was not answered clears nothing."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from loan_project import DATA, FLOOR, GATE, MODEL, PROJECT, Assay, declare, loans, predictions


def judged_on(project: Path, table: pd.DataFrame) -> None:
    table.to_csv(project / "test.csv", index=False)
    predictions(table["late"].to_numpy(), 0.93, 4).to_csv(project / "new.csv", index=False)


TRAIN = loans(1)
FRESH = loans(2)


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (TRAIN, "600 of 600 rows (100%)"),
        (TRAIN.sample(frac=1, random_state=1), "600 of 600 rows (100%)"),
        (TRAIN.assign(late=1 - TRAIN["late"]), "600 of 600 rows (100%)"),
        (TRAIN.assign(visits=np.arange(600)), "600 of 600 rows (100%)"),
        (pd.concat([FRESH[:540], TRAIN[:60]]), "60 of 600 rows (10%)"),
    ],
    ids=["the same", "shuffled", "relabelled", "another column", "a tenth"],
)
def test_rows_that_models_were_trained_on_are_refused(
    assay: Assay, project: Path, table: pd.DataFrame, rows: str
) -> None:
    judged_on(project, table)
    said = assay("gate")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert f"dataset 'test': {rows} are rows of 'train' too, the first row " in said.err
    assert "set rows aside that no model is trained or chosen on" in said.err
    assert not (project / ".assay").exists()


def test_rows_with_new_numbers_and_rows_that_models_were_chosen_on_are_found(assay: Assay, project: Path) -> None:
    text = PROJECT.replace('role = "train"', 'role = "dev"').replace('"test.csv"', '"test.csv"\nid = "loan"')
    declare(project, GATE, text)
    judged_on(project, TRAIN.assign(loan=np.arange(600) + 9000))
    said = assay("gate")
    assert said.code == 2
    assert "are rows of 'train' too" in said.err


def test_rows_that_agree_by_chance_are_told_and_not_refused(assay: Assay, project: Path) -> None:
    loans(1)[["region", "late"]].to_csv(project / "train.csv", index=False)
    judged_on(project, FRESH[["region", "late"]])
    said = assay("gate", "--json")
    assert said.code == 0, said.err
    [verdict] = json.loads(said.out)["verdicts"]
    [unseen] = [a for a in verdict["guarantee"]["assumptions"] if a["text"].startswith("the models were not trained")]
    assert (unseen["status"], unseen["detail"]) == ("unverifiable", "600 of 600 rows are like one of train")


def test_a_judge_without_the_training_data_says_so(assay: Assay, project: Path) -> None:
    (project / "train.csv").unlink()
    said = assay("gate", "--format", "full")
    assert said.code == 0, said.err
    assert "train is not here to be compared with" in " ".join(said.out.split())


def test_a_few_common_rows_are_told(assay: Assay, project: Path) -> None:
    judged_on(project, pd.concat([FRESH[:597], TRAIN[:3]]))
    said = assay("gate", "--format", "full")
    assert said.code == 0, said.err
    assert "3 of 600 rows are like one of train" in " ".join(said.out.split())


def test_a_model_is_not_promoted_on_its_training_rows(assay: Assay, trained: Path) -> None:
    declare(trained, FLOOR, MODEL)
    loans(1).to_csv(trained / "test.csv", index=False)
    said = assay("models", "promote", "loan")
    assert said.code == 2
    assert "are rows of 'train' too" in said.err


def test_a_blocking_check_that_was_skipped_is_not_answered(assay: Assay, project: Path) -> None:
    declare(project, DATA)
    judged_on(project, TRAIN)
    said = assay("check")
    assert said.code == 4
    assert "SKIPPED" in said.out
    assert "Blocked: 1 skipped of 1 blocking verdict" in said.out
    assert "set other rows aside for test, on which no model is trained" in " ".join(said.out.split())
    assert "undecided: test has the rows of the reference" in assay("status").out
    root = ElementTree.fromstring(assay("check", "--format", "junit").out)
    assert (root.get("failures"), root.get("skipped")) == ("1", "0")
