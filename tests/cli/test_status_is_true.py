"""`assay status` and `assay explain` speak of what was said last, of checks that are declared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from loan_project import DATA, GATE, PROJECT, Assay, declare, predictions, train
from test_reused_sets import propose, reused

if TYPE_CHECKING:
    import pytest

MERGE = "May I merge this model?"
SLICED = """
[slices]
north = "region = 'north'"
south = "region = 'south'"

[[checks]]
id = "everywhere"
claim = "accuracy(new | {slice}) > 0.7"
slices = "all"
new = "new"
blocking = true
"""


def answer(assay: Assay, question: str = MERGE) -> str:
    line = next(line for line in assay("status").out.splitlines() if question in line)
    return re.sub(r"\s+[0-9a-f]{12}$", "", line.partition(question)[2].strip())


def test_a_gate_that_was_refused_is_not_a_yes(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused(1))
    assert assay("gate").code == 0
    assert answer(assay) == "yes"
    propose(project, 0.7, 5)
    refused = assay("gate")
    assert refused.code == 4
    assert answer(assay).startswith("undecided: answers of test")
    # What is pointed at can be asked for.
    (identity,) = re.findall("assay explain ([0-9a-f]{12})", refused.out)
    explained = assay("explain", identity)
    assert explained.code == 0, explained.err
    assert "1 of 1 spent" in explained.out
    # Refused again, nothing is written; answered from the record, it stands as it did.
    count = len(assay("report", "--json").out)
    assert assay("gate").code == 4
    assert len(assay("report", "--json").out) == count
    labels = pd.read_csv(project / "test.csv")["late"].to_numpy()
    predictions(labels, 0.93, 4).to_csv(project / "new.csv", index=False)
    assert assay("gate").code == 0
    assert answer(assay) == "yes"


def test_a_refusal_stands_above_the_slices_that_passed_before(assay: Assay, project: Path) -> None:
    declare(project, SLICED, reused(1))
    assert assay("gate").code == 0
    assert answer(assay) == "yes: all 2 pass"
    propose(project, 0.95, 5)
    assert assay("gate").code == 4
    assert answer(assay).startswith("undecided: answers of test")
    # The plan goes on by what was judged, not by the refusal.
    assert "by the last verdict" not in assay("plan").out


def test_a_check_that_broke_can_be_explained(assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the sky fell")

    monkeypatch.setattr("assay.checks.gate.decide", broken)
    said = assay("check")
    assert said.code == 3
    (identity,) = re.findall("assay explain ([0-9a-f]{12})", said.out)
    assert "the sky fell" in assay("explain", identity).out
    assert answer(assay).startswith("undecided")


def test_checks_that_are_declared_no_more_count_no_more(assay: Assay, project: Path) -> None:
    declare(project, GATE.replace("n > 0.8", "n > 0.99") + GATE.replace("good-enough", "other"))
    assert assay("gate").code == 1
    assert answer(assay).startswith("no: 1 fail, 1 pass")
    declare(project, GATE.replace("good-enough", "other"))
    assert answer(assay) == "yes"
    assert "good-enough" not in assay("status").out
    assert "good-enough" not in assay("report", "--md").out
    declare(project, DATA)
    assert answer(assay) == "no check declared"


def test_slices_that_are_declared_no_more_count_no_more(assay: Assay, project: Path) -> None:
    text = PROJECT.replace('"test.csv"', '"test.csv"\nqueries = 9')
    declare(project, SLICED.replace("> 0.7", "> 0.99"), text)
    assert assay("gate").code == 1
    declare(project, SLICED.replace("south = \"region = 'south'\"\n", ""), text)
    assert assay("gate").code == 0
    assert answer(assay) == "yes"


def test_a_candidate_that_was_not_asked_is_no_yes(assay: Assay, project: Path) -> None:
    """Also where the gate refused it, or has not been run: what passed is another model."""
    assert assay("gate").code == 0
    assert answer(assay) == "yes"
    propose(project, 0.7, 5)
    assert answer(assay) == "new as it is now was not asked yet; before it: yes"
    (project / "new.csv").unlink()
    assert answer(assay) == "yes"


def test_a_version_that_was_not_asked_is_no_yes(assay: Assay, trained: Path) -> None:
    assert assay("models", "promote", "loan").code == 0
    assert answer(assay).startswith("yes")
    train(trained, scale=0.01)
    assert answer(assay).startswith("loan/2 as it is now was not asked yet; before it: yes")
