"""``assay ledger reserve``: what a check will spend is kept for it until its turn comes."""

from __future__ import annotations

import json
import time
from pathlib import Path

from loan_project import GATE, Assay, declare

OTHER = GATE.replace("good-enough", "other").replace("n > 0.8", "n > 0.7")


def entries(assay: Assay) -> list[dict[str, object]]:
    return [json.loads(line) for line in assay("ledger", "show", "--json").out.splitlines()]


def test_what_was_put_by_is_kept_from_others_and_taken_by_its_check(assay: Assay, project: Path) -> None:
    said = assay("ledger", "reserve", "good-enough")
    assert said.code == 0, said.err
    assert [line.split()[:3] for line in said.out.splitlines()] == [
        ["good-enough:", "1", "answers"],
        ["good-enough:", "0.05", "alpha"],
    ]
    (project / "new.csv").rename(project / "mine.csv")
    (project / "old.csv").rename(project / "new.csv")
    refused = assay("check")
    assert refused.code == 4
    assert "1 of 1 spent, 1 of them put by" in refused.err
    (project / "mine.csv").rename(project / "new.csv")
    # To put by again only makes it longer; to ask takes it over.
    assert assay("ledger", "reserve", "good-enough").code == 0
    assert assay("check").code == 0
    paid = [entry["kind"] for entry in entries(assay) if entry["state"] == "settle" and entry["amount"]]
    assert paid == ["answers", "alpha"]
    assert assay("ledger", "reserve", "good-enough").out.startswith("nothing to put by")
    assert "chain verified" in assay("ledger", "verify").out


def test_it_comes_back_when_its_time_is_over_or_it_is_given_back(assay: Assay, project: Path) -> None:
    assert assay("ledger", "reserve", "good-enough", "--minutes", "0.005").code == 0
    declare(project, OTHER)
    time.sleep(0.4)
    assert assay("ledger", "reserve", "other").code == 0
    assert assay("ledger", "reserve", "other", "--release").out == "2 reservations given back\n"
    assert assay("ledger", "reserve", "other", "--release").out == "0 reservations given back\n"
    declare(project, GATE)
    assert assay("check").code == 0


def test_inputs_that_cannot_be_judged_hold_nothing(assay: Assay, project: Path) -> None:
    (project / "new.csv").write_text("prediction\n1\n")
    said = assay("ledger", "reserve", "good-enough")
    assert said.code == 2
    assert entries(assay) == []
