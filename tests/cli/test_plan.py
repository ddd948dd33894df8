"""``assay plan`` and ``assay gate plan``: what is needed beside what is there, and nothing spent."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from loan_project import DATA, GATE, PROJECT, Assay, declare, loans, snapshot

PLANNED = GATE.replace("n > 0.8", "n > 0.8 +/- 0.05")
COMPARED = """
[[checks]]
id = "better"
claim = "n - o > 0 +/- 0.02 and d < 0.5 +/- 0.1"
model = "new"
new = "new"
old = "old"
blocking = true
"""
SLICED = """
[slices]
south = "region = 'south'"
nobody = "amount < 0"

[[checks]]
id = "no-slice-worse"
claim = "accuracy(new | {slice}) - accuracy(old | {slice}) > -0.2 +/- 0.1"
model = "new"
new = "new"
old = "old"
slices = "all"
"""


def needs(assay: Assay, *arguments: str) -> dict[tuple[str, str], dict[str, object]]:
    said = assay("plan", "--json", *arguments)
    assert said.err == ""
    return {(need["check"], need["subject"]): need for need in json.loads(said.out)["needs"]}


def test_enough_rows_exit_0_and_nothing_is_written(assay: Assay, project: Path) -> None:
    declare(project, PLANNED + DATA)
    before = snapshot(project)
    said = assay("plan")
    assert said.code == 0, said.err
    assert said.last == "2 planned | 0 cannot be decided, 0 of them blocking"
    assert "enough" in said.out
    assert snapshot(project) == before


def test_too_few_rows_for_a_blocking_check_exit_4(assay: Assay, project: Path) -> None:
    declare(project, PLANNED.replace("0.05", "0.01"))
    said = assay("plan", "stage:gate")
    assert said.code == 4
    assert "too few" in said.out
    assert said.last == "1 planned | 1 cannot be decided, 1 of them blocking"
    declare(project, PLANNED.replace("0.05", "0.01").replace("true", "false"))
    assert assay("plan").code == 0


def test_the_numbers_are_those_of_the_plan_of_the_gate(assay: Assay, project: Path) -> None:
    declare(
        project,
        PLANNED,
        PROJECT.replace('source = "test.csv"', 'source = "test.csv"\nqueries = 4\nadaptivity = "none"'),
    )
    need = needs(assay)["good-enough", ""]
    assert (need["rows"], need["answers"], need["answers_left"], need["state"]) == (600, 1, 4, "enough")
    assert need["error"] == pytest.approx(0.05 / 4)
    said = assay("gate", "plan", "n > 0.8 +/- 0.05", "--reliability", str(1 - 0.05 / 4), "--json")
    assert need["labels"] == json.loads(said.out)["labels"]


def test_answers_that_are_given_are_counted(assay: Assay, project: Path) -> None:
    declare(project, PLANNED)
    assert needs(assay)["good-enough", ""]["answers_left"] == 1
    assert assay("gate").code == 0
    need = needs(assay)["good-enough", ""]
    assert (need["answers_left"], need["state"]) == (0, "spent")
    assert assay("plan").code == 4


def test_answers_with_rows_of_their_own_have_their_share_of_the_rows(assay: Assay, project: Path) -> None:
    fresh = 'source = "test.csv"\nqueries = 4\nadaptivity = "full"\npolicy = "fresh-slice"'
    declare(project, PLANNED, PROJECT.replace('source = "test.csv"', fresh))
    need = needs(assay)["good-enough", ""]
    assert (need["rows"], need["answers_left"]) == (150, 4)
    assert need["error"] == pytest.approx(0.05 / 4)


def test_seen_answers_divide_the_error_by_their_histories(assay: Assay, project: Path) -> None:
    seen = 'source = "test.csv"\nqueries = 4\nadaptivity = "full"'
    declare(project, PLANNED, PROJECT.replace('source = "test.csv"', seen) + '\n[budget]\ndisclose = "verdict"\n')
    assert needs(assay)["good-enough", ""]["error"] == pytest.approx(0.05 / (2**4 - 1))


def test_changed_predictions_are_looked_at_without_labels(assay: Assay, project: Path) -> None:
    declare(project, COMPARED)
    need = needs(assay)["better", ""]
    assert "of the predictions change" in str(need["note"])
    (project / "new.csv").write_bytes((project / "old.csv").read_bytes())
    same = needs(assay)["better", ""]
    assert "of the predictions change" not in str(same["note"])
    assert int(str(need["labels"])) < int(str(same["labels"]))


def test_slices_are_held_against_their_own_rows(assay: Assay, project: Path) -> None:
    declare(project, SLICED)
    found = needs(assay)
    south, nobody = found["no-slice-worse", "south"], found["no-slice-worse", "nobody"]
    assert south["rows"] == int((pd.read_csv(project / "test.csv").region == "south").sum())
    assert (nobody["rows"], nobody["state"]) == (0, "short")
    assert south["error"] == pytest.approx(0.025)


def test_units_are_counted_with_the_design_effect_of_the_last_verdict(assay: Assay, project: Path) -> None:
    table = loans(2).assign(customer=[i // 4 for i in range(600)])
    table.to_csv(project / "test.csv", index=False)
    declare(
        project,
        PLANNED,
        PROJECT.replace(
            'source = "test.csv"', 'source = "test.csv"\nunit = "customer"\nqueries = 9\nadaptivity = "none"'
        ),
    )
    before = needs(assay)["good-enough", ""]
    assert "counted as independent" in str(before["note"])
    assert before["units"] == -(-int(str(before["labels"])) // 4)
    assert assay("gate").code == 0
    after = needs(assay)["good-enough", ""]
    assert "design effect" in str(after["note"])


def test_unlabelled_rows_count_when_their_labels_may_be_bought(assay: Assay, project: Path) -> None:
    table = loans(2)
    table.loc[100:, "late"] = None
    table.to_csv(project / "test.csv", index=False)
    declare(project, PLANNED)
    assert needs(assay)["good-enough", ""]["state"] == "short"
    declare(project, PLANNED, PROJECT + "\n[budget]\nlabels = 500\n")
    need = needs(assay)["good-enough", ""]
    assert (need["rows"], need["state"]) == (100, "enough")
    assert "can be bought" in str(need["note"])


def test_labels_one_by_one_are_counted_on_what_changed(assay: Assay, project: Path) -> None:
    table = loans(2)
    table.insert(0, "id", range(600))
    table["late"] = None
    table.to_csv(project / "test.csv", index=False)
    declared = PROJECT.replace(
        'source = "test.csv"', 'source = "test.csv"\nid = "id"\nqueries = 2\nadaptivity = "none"'
    )
    checks = COMPARED.replace("+/- 0.02", "+/- 0.1") + 'method = "sequential"\n'
    declare(project, checks, declared + "\n[budget]\nlabels = 500\n")
    need = needs(assay)["better", ""]
    assert need["error"] == pytest.approx(0.05 / 2)
    assert "one by one: about" in str(need["note"])
    assert (need["answers_left"], need["rows"]) == (2, 0)
    changed = pd.read_csv(project / "new.csv").prediction != pd.read_csv(project / "old.csv").prediction
    assert need["state"] == ("enough" if int(str(need["labels"])) <= changed.sum() else "short")
    declare(project, checks, declared)
    assert needs(assay)["better", ""]["state"] == "short"


def test_what_is_not_known_beforehand_says_so(assay: Assay, project: Path) -> None:
    declare(project, GATE + '[[checks]]\nuse = "FEA1"\ntarget = 0.2\n')
    found = needs(assay)
    assert found["good-enough", ""]["state"] == found["FEA1", ""]["state"] == "open"
    assert "no tolerance" in str(found["good-enough", ""]["note"])
    assert assay("plan").code == 0


def test_rows_of_one_class_are_not_counted(assay: Assay, project: Path) -> None:
    declare(project, GATE.replace("n > 0.8", "recall(new) > 0.6 +/- 0.2"))
    need = needs(assay)["good-enough", ""]
    assert "not counted here" in str(need["note"])


def test_nothing_selected_exit_5_and_a_misspelled_check_exit_2(assay: Assay, project: Path) -> None:
    declare(project, PLANNED)
    assert assay("plan", "tag:nightly").code == 5
    said = assay("plan", "good-enouhg")
    assert said.code == 2
    assert "did you mean 'good-enough'" in said.err


def test_gate_plan_explains_and_gives_json(assay: Assay, project: Path) -> None:
    said = assay("gate", "plan", "d < 0.1 +/- 0.01 and n - o > 0 +/- 0.01", "--reliability", ".9999", "--steps", "32")
    assert said.code == 0
    assert "20,383 labels in all (exact); 2,014 for one commit" in said.out
    assert "29,048 labels" in said.out
    as_json = assay(
        "gate", "plan", "n - o > 0.02 +/- 0.01", "--reliability", ".9999", "--steps", "32", "--adaptivity", "full",
        "--method", "hoeffding", "--json",
    )  # fmt: skip
    content = json.loads(as_json.out)
    assert content["labels"] == 641_684
    assert content["ways"][0]["answers"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["n - o > 0.02", "--reliability", "0.99"], "write n - o > 0.02 +/- 0.01"),
        (["n - o >", "--reliability", "0.99"], "claim ends here"),
        (["n > 0.9 +/- 0.01", "--reliability", "99"], "reliability"),
        (["n > 0.9 +/- 0.01"], "--reliability"),
        (["n > 0.9 +/- 0.01", "--reliability", "0.99", "--method", "magic"], "--method"),
    ],
)
def test_gate_plan_refuses_what_it_cannot_plan(assay: Assay, arguments: list[str], message: str) -> None:
    said = assay("gate", "plan", *arguments)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
