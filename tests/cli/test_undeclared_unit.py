"""Rows of one day are not independent: whoever does not say so gets no pass, but the advice to say it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loan_project import Assay, declare

DAYS, PER_DAY = 60, 30
TEXT = """\
[project]
name = "storms"

[datasets.past]
role = "pool"
source = "storms.csv"
label = "late"
timestamp = "when"
{unit}

[datasets.test]
role = "test"
source = "storms.csv"
label = "late"
timestamp = "when"
ignore = ["day"]
{unit}

[models.new]
predictions = "new.csv"
"""
GATE = '[[checks]]\nid = "floor"\nclaim = "n > 0.6"\nnew = "new"\nblocking = true\n'
FEASIBLE = '[[checks]]\nid = "reachable"\nuse = "FEA101"\ndatasets = ["past"]\ntarget = 0.55\nblocking = true\n'


@pytest.fixture
def storms(tmp_path: Path) -> Path:
    """Days with a storm turn nearly every forecast wrong."""
    rng = np.random.default_rng(5)
    day = np.repeat(np.arange(DAYS), PER_DAY)
    storm = (rng.random(DAYS) < 0.15)[day]
    load = rng.normal(size=day.size).round(3)
    right = rng.random(day.size) < np.where(storm, 0.25, 0.95)
    late = np.where(right, load > 0, load <= 0).astype(int)
    when = pd.Timestamp("2024-03-01 08:00") + pd.to_timedelta(
        day * 24 * 60 + rng.integers(0, 600, day.size), unit="min"
    )
    pd.DataFrame({"load": load, "day": when.date, "when": when, "late": late}).to_csv(
        tmp_path / "storms.csv", index=False
    )
    pd.DataFrame({"prediction": (load > 0).astype(int)}).to_csv(tmp_path / "new.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(("checks", "code"), [(GATE, "GAT101"), (FEASIBLE, "FEA101")])
def test_no_pass_without_the_unit_and_the_advice_leads_to_one(
    assay: Assay, storms: Path, checks: str, code: str
) -> None:
    # `day` would be found by its own name too; only the timestamp is to tell.
    frame = pd.read_csv(storms / "storms.csv").drop(columns="day")
    frame.to_csv(storms / "storms.csv", index=False)
    declare(storms, checks, TEXT.format(unit=""))
    said = assay("check", "--json")
    assert said.code == 4
    (verdict,) = json.loads(said.out)["verdicts"]
    assert verdict["code"] == code
    assert verdict["status"] == "inconclusive"
    assert "when" in verdict["reason"]
    assert "unit" in json.dumps(verdict["actions"])
    # Following the advice costs nothing that the first answer had already spent.
    frame.assign(day=frame["when"].str[:10]).to_csv(storms / "storms.csv", index=False)
    declare(storms, checks, TEXT.format(unit='unit = "day"'))
    said = assay("check", "--json")
    (verdict,) = json.loads(said.out)["verdicts"]
    assert verdict["guarantee"]["kind"] == "exact", verdict
    assert verdict["evidence"]["units"]
    assert "unit" not in json.dumps(verdict["actions"])


@pytest.mark.parametrize("checks", [GATE, FEASIBLE])
def test_declaring_a_unit_that_was_there_asks_again_on_the_same_rows(assay: Assay, storms: Path, checks: str) -> None:
    declare(storms, checks, TEXT.format(unit=""))
    first = assay("check", "--json")
    assert first.code == 4
    assert json.loads(first.out)["verdicts"][0]["status"] == "inconclusive"
    declare(storms, checks, TEXT.format(unit='unit = "day"'))
    second = assay("check", "--json")
    assert "spent" not in second.err
    assert json.loads(second.out)["verdicts"][0]["guarantee"]["kind"] == "exact"
