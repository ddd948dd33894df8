"""A model that is a file of predictions: the old one is what passed last, and rows are joined by id."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loan_project import GATE, PROJECT, Assay, declare
from test_reused_sets import propose

ONE = PROJECT.partition("[models.old]")[0] + '[models.m]\npredictions = "new.csv"\n'
FLOOR = '[[checks]]\nid = "floor"\nclaim = "n > 0.6"\nmodel = "m"\nblocking = true\n'
BETTER = '[[checks]]\nid = "better"\nclaim = "n - o > 0"\nmodel = "m"\nblocking = true\n'


def statuses(assay: Assay) -> dict[str, str]:
    return {v["check"]: v["status"] for v in json.loads(assay("gate", "--json").out)["verdicts"]}


def test_a_bad_push_does_not_lower_the_bar(assay: Assay, project: Path) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9'))
    propose(project, 0.85, 1)
    assert statuses(assay) == {"floor": "pass", "better": "skipped"}
    propose(project, 0.70, 2)
    assert statuses(assay)["better"] != "pass"
    # Better than the bad one before it, and worse than what passed.
    propose(project, 0.80, 3)
    assert statuses(assay)["better"] != "pass"
    propose(project, 0.97, 4)
    first = assay("gate", "--json").out
    assert statuses(assay) == {"floor": "pass", "better": "pass"}
    # Asked again it is answered as before, and not compared with itself.
    again = json.loads(assay("gate", "--json").out)
    assert [v["id"] for v in again["verdicts"]] == [v["id"] for v in json.loads(first)["verdicts"]]
    propose(project, 0.90, 5)
    assert statuses(assay)["better"] != "pass"


def test_predictions_with_an_id_are_joined_by_it(assay: Assay, project: Path) -> None:
    table = pd.read_csv(project / "test.csv").assign(loan=np.arange(600) * 3)
    table.to_csv(project / "test.csv", index=False)
    said = pd.read_csv(project / "new.csv").assign(loan=table["loan"])
    said.sample(frac=1, random_state=1).to_csv(project / "new.csv", index=False)
    declare(project, GATE, PROJECT.replace('"test.csv"', '"test.csv"\nid = "loan"'))
    found = json.loads(assay("gate", "--json").out)["verdicts"][0]
    assert found["status"] == "pass"
    assert found["evidence"]["estimate"] == pytest.approx(0.925)


@pytest.mark.parametrize(("rows", "message"), [(slice(1, None), "none for the loan 0"), (slice(None), "two rows")])
def test_ids_that_do_not_fit(assay: Assay, project: Path, rows: slice, message: str) -> None:
    table = pd.read_csv(project / "test.csv").assign(loan=np.arange(600))
    table.to_csv(project / "test.csv", index=False)
    said = pd.read_csv(project / "new.csv").assign(loan=table["loan"] if rows.start else 5)
    said.iloc[rows].to_csv(project / "new.csv", index=False)
    declare(project, GATE, PROJECT.replace('"test.csv"', '"test.csv"\nid = "loan"'))
    refused = assay("gate")
    assert refused.code == 2
    assert message in refused.err


def test_a_named_old_model_is_said_to_be_vouched_for_by_nobody(assay: Assay, project: Path) -> None:
    named = BETTER.replace('model = "m"', 'new = "new"\nold = "old"')
    declare(project, named)
    found = json.loads(assay("gate", "--json").out)["verdicts"][0]
    assert any(
        "'old' is as the project says; no pass vouches for it" in a["text"] for a in found["guarantee"]["assumptions"]
    )
