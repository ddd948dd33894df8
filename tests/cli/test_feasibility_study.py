"""``assay feasibility --target``: a study by hand, its runs, and what it costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from assay.checks.project import load
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from loan_project import Assay

PROJECT = '[project]\nname = "x"\n\n[datasets.train]\nrole = "train"\nsource = "train.csv"\nlabel = "late"\n'


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    late = rng.integers(0, 2, 1200)
    table = pd.DataFrame(rng.normal(size=(1200, 3)), columns=list("abc"))
    table["a"] += 2 * late
    table.assign(late=late).to_csv(tmp_path / "train.csv", index=False)
    (tmp_path / "assay.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_target_is_studied_without_a_declared_check(rows: Path, assay: Assay) -> None:
    said = assay("feasibility", "--target", "0.75", "--json")
    assert said.code == 0
    (verdict,) = json.loads(said.out)["verdicts"]
    assert (verdict["code"], verdict["status"]) == ("FEA201", "pass")
    assert verdict["reason"].startswith("ACHIEVED: ")
    assert assay("runs", "list").out.count("held_out_error") == 4


def test_the_same_question_is_answered_once_and_a_portfolio_is_another(rows: Path, assay: Assay) -> None:
    first = assay("feasibility", "--target", "0.75", "--json")
    count = Ledger(load(rows).store).verify()
    assert (
        json.loads(assay("feasibility", "--target", "0.75", "--json").out)["verdicts"]
        == json.loads(first.out)["verdicts"]
    )
    assert Ledger(load(rows).store).verify() == count
    deep = json.loads(assay("feasibility", "--target", "0.75", "--deep", "--seconds", "3", "--json").out)["verdicts"]
    assert deep[0]["evidence"]["series"]["rung"]
    assert Ledger(load(rows).store).verify() > count


def test_without_any_target_it_asks_for_one(rows: Path, assay: Assay) -> None:
    said = assay("feasibility", "--deep")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "--target 0.9" in said.err
    assert not (rows / ".assay").exists()
