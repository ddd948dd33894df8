"""A used-up test set is released, and a program that knows nothing of assay checks its verdicts."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from loan_project import GATE, Assay, declare
from test_reused_sets import BETTER, propose, reused

SCRIPT = Path(__file__).parents[2] / "examples" / "verify" / "recompute.py"


@pytest.fixture
def released(assay: Assay, project: Path) -> Path:
    """Two candidates on a set of two answers: the first is refuted, the second passes."""
    declare(project, GATE + BETTER.replace("n - o > 0", "n - o > 0 and d < 0.5"), reused(2, "full", "three-valued"))
    for number, accuracy in enumerate((0.7, 0.93)):
        propose(project, accuracy, number)
        assay("gate")
    assert assay("testset", "release", "test", "--output", "released").code == 0
    (project / "ledger.jsonl").write_text(assay("ledger", "show", "--json", "--limit", "999").out)
    return project


def verify(project: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, SCRIPT, project / "released", project / "ledger.jsonl"],
        check=False, capture_output=True, text=True, env={"PATH": ""},
    )  # fmt: skip
    assert not done.stderr
    return done.returncode, done.stdout


def test_pass_and_fail_are_recomputed(released: Path) -> None:
    code, said = verify(released)
    assert code == 0, said
    assert said.count("agrees") == 4
    assert "better: n - o > 0 and d < 0.5: fail: agrees" in said
    assert "better: n - o > 0 and d < 0.5: pass: agrees" in said


def test_changed_labels_are_found(released: Path) -> None:
    rows = pd.read_csv(released / "released" / "rows.csv")
    rows.loc[0, "late"] = 1 - rows.loc[0, "late"]
    rows.to_csv(released / "released" / "rows.csv", index=False)
    code, said = verify(released)
    assert code == 1
    assert said.count("rows or labels are not those") == 4


def test_changed_predictions_are_found(released: Path) -> None:
    opening = json.loads(json.loads((released / "released" / "answers.json").read_text())[0]["opening"])
    (released / "released" / f"{opening['new']}.csv").write_text("prediction\n1\n")
    assert "predictions of the new model" in verify(released)[1]


def test_a_changed_verdict_is_found(released: Path) -> None:
    place = released / "released" / "answers.json"
    answers = json.loads(place.read_text())
    answers[1]["words"] = ["pass"]
    place.write_text(json.dumps(answers))
    code, said = verify(released)
    assert code == 1
    assert "the ledger has another verdict" in said
    # Somebody who writes the ledger anew as well is found by the computation.
    lines = [json.loads(line) for line in (released / "ledger.jsonl").read_text().splitlines()]
    reservation = next(line["reservation"] for line in lines if line["seq"] == answers[1]["entry"])
    for line in lines:
        if line["reservation"] == reservation and line["state"] == "settle":
            line["detail"]["words"] = ["pass"]
    (released / "ledger.jsonl").write_text("\n".join(map(json.dumps, lines)))
    code, said = verify(released)
    assert code == 1
    assert "the verdict was pass, and recomputed it does not pass" in said


def test_a_changed_claim_is_found(released: Path) -> None:
    place = released / "released" / "answers.json"
    place.write_text(place.read_text().replace("n > 0.8", "n > 0.1"))
    assert "another commitment" in verify(released)[1]


def test_a_released_set_answers_no_more(assay: Assay, released: Path) -> None:
    propose(released, 0.95, 9)
    said = assay("gate")
    assert said.code == 4
    assert "released" in said.out
    assert assay("testset", "status", "test").out.endswith("released: in released\n")


def test_the_script_is_short_and_knows_nothing_of_assay() -> None:
    text = SCRIPT.read_text()
    assert len(text.splitlines()) < 150
    modules = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names] if isinstance(node, ast.Import)
            else []
        )
    }  # fmt: skip
    assert modules <= {*sys.stdlib_module_names, "numpy", "scipy", "pandas", "pyarrow"}


def test_what_cannot_be_released(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused())
    assay("gate")
    assert assay("testset", "release", "test", "--output", ".").code == 2
    assert assay("testset", "release", "train", "--output", "x").code == 2
    (project / "test.csv").write_text((project / "test.csv").read_text().replace("north", "west"))
    assert assay("testset", "release", "test", "--output", "x").code == 2
    assert not (project / "x").exists()
