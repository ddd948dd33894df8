"""A model that is a file of predictions: the old one is what passed last, and rows are joined by id."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from loan_project import GATE, PROJECT, Assay, declare, predictions
from test_reused_sets import propose

from assay.checks import champions
from assay.checks.project import load
from assay.checks.run import run_checks

ONE = PROJECT.partition("[models.old]")[0] + '[models.m]\npredictions = "new.csv"\n'
FLOOR = '[[checks]]\nid = "floor"\nclaim = "n > 0.6"\nmodel = "m"\nblocking = true\n'
BETTER = '[[checks]]\nid = "better"\nclaim = "n - o > 0"\nmodel = "m"\nblocking = true\n'


def statuses(assay: Assay) -> dict[str, str]:
    return {v["check"]: v["status"] for v in json.loads(assay("gate", "--json").out)["verdicts"]}


def test_a_bad_push_does_not_lower_the_bar(assay: Assay, project: Path) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
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


@pytest.mark.parametrize("change", ["order", "label"])
def test_a_test_set_in_another_order_is_compared_with_the_same_model(assay: Assay, project: Path, change: str) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    propose(project, 0.93, 1)
    assay("gate")
    table = pd.read_csv(project / "test.csv")
    if change == "order":
        table = table.sample(frac=1, random_state=5)
    else:
        table.loc[7, "late"] = 1 - table.loc[7, "late"]
    table.to_csv(project / "test.csv", index=False)
    # Compared with the rows mixed up, what passed would be right in about half of them.
    propose(project, 0.80, 2)
    assert statuses(assay)["better"] in ("fail", "inconclusive")
    propose(project, 0.99, 3)
    assert statuses(assay)["better"] == "pass"


def test_other_rows_are_not_compared_with_what_passed(assay: Assay, project: Path) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    propose(project, 0.93, 1)
    assay("gate")
    table = pd.read_csv(project / "test.csv")
    table.loc[7, "region"] = "east"
    table.to_csv(project / "test.csv", index=False)
    propose(project, 0.80, 2)
    said = assay("gate")
    assert said.code == 2
    assert "predicted other rows than 'test' has now: put those back" in said.err


def test_a_pass_is_made_up_for_by_whoever_asks_again(
    assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    propose(project, 0.93, 1)
    with monkeypatch.context() as killed:
        # A process that dies after its verdicts are on record.
        killed.setattr(champions, "keep", lambda *_: None)
        assay("gate")
    assert statuses(assay) == {"floor": "pass", "better": "skipped"}
    assay("gate")
    events = [json.loads(line)["detail"] for line in assay("ledger", "show", "--json").out.splitlines()]
    assert [detail.get("event") for detail in events].count("passed") == 1
    propose(project, 0.80, 2)
    assert statuses(assay)["better"] in ("fail", "inconclusive")


def test_predictions_that_were_sent_are_what_passed(project: Path) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    labels = pd.read_csv(project / "test.csv")["late"].to_numpy()
    predictions(labels, 0.55, 1).to_csv(project / "new.csv", index=False)
    found = []
    with load(project) as opened:
        for accuracy, seed in ((0.93, 2), (0.80, 3), (0.99, 4)):
            sent = pa.Table.from_pandas(predictions(labels, accuracy, seed))
            found.append(run_checks(opened, "stage:gate", submitted=sent).verdicts["better"].status)
    assert found[0] == "skipped"
    assert found[1] in ("fail", "inconclusive")
    assert found[2] == "pass"


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
