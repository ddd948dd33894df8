"""With ``disclose = "verdict"`` a developer sees one word, and no number of the test set anywhere."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from loan_project import GATE, PROJECT, Assay, declare

WITHHELD = PROJECT.replace('name = "loans"\n', 'name = "loans"\n\n[budget]\ndisclose = "verdict"\n')
BETTER = '[[checks]]\nid = "better"\nclaim = "n - o > 0"\nnew = "new"\nold = "old"\nblocking = true\n'
# Accuracies, their difference and counts of right answers of this test set, as the open run prints them.
NUMBERS = ("0.925", "0.905", "0.942", "0.9049", "0.060", "+0.06", "555", "0.865", "519", "1.358e-17")


@pytest.mark.parametrize("claim", ["n > 0.8", "n > 0.925", "n > 0.99"])
def test_no_number_of_the_test_set_is_shown_or_stored(assay: Assay, project: Path, claim: str) -> None:
    checks = GATE.replace("n > 0.8", claim) + BETTER
    numbers = [number for number in NUMBERS if number not in claim]
    declare(project, checks)
    opened = assay("check", "--format", "full").out
    assert sum(number in opened for number in numbers) >= 4
    (project / ".assay").rename(project / "elsewhere")

    declare(project, checks, WITHHELD)
    found = json.loads(assay("check", "--json").out)["verdicts"]
    assert [verdict["check"] for verdict in found] == ["good-enough", "better"]
    for verdict in found:
        evidence = verdict["evidence"]
        assert (evidence["estimate"], evidence["lower"], evidence["upper"]) == (None, None, None)
        assert not evidence["statistic"]
        assert not evidence["series"]
        assert verdict["actions"] == []
    shown = [
        assay("check", "--format", form).out
        for form in ("full", "concise", "json", "junit", "markdown", "github", "html")
    ]
    shown += [assay("explain", verdict["id"]).out for verdict in found]
    shown += [assay("status").out, assay("ledger", "show", "--json").out, assay("report", "--json").out]
    with sqlite3.connect(project / ".assay" / "store.db") as connection:
        shown += [body for (body,) in connection.execute("SELECT body FROM verdicts")]
        shown += [str(row) for row in connection.execute("SELECT * FROM ledger")]
    connection.close()
    # What identifies rows and moments says nothing about answers.
    opaque = {value for verdict in found for value in verdict["evidence"]["fingerprints"].values()}
    for text in shown:
        clean = text.replace(claim, "")
        for value in (*opaque, *(value[:16] for value in opaque)):
            clean = clean.replace(value, "")
        words = set(clean.replace("<", " ").replace(">", " ").replace('"', " ").replace(",", " ").split())
        assert not words & set(numbers)


def test_a_test_set_that_answers_often_must_withhold(assay: Assay, project: Path) -> None:
    often = PROJECT.replace('"test.csv"', '"test.csv"\nqueries = 4\nadaptivity = "full"')
    declare(project, GATE, often)
    said = assay("check")
    assert said.code == 2
    assert "disclose" in said.err
    declare(project, GATE, WITHHELD.replace('"test.csv"', '"test.csv"\nqueries = 4\nadaptivity = "full"'))
    said = assay("check")
    assert said.code == 0, said.out + said.err
