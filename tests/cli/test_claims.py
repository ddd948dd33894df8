"""What a claim of the project file may speak of: predicates, columns, sizes of units; and copies among its rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from loan_project import Assay, declare


def check(claim: str) -> str:
    return f"""
[[checks]]
id = "claimed"
claim = {json.dumps(claim)}
new = "new"
old = "old"
blocking = true
"""


def judged(assay: Assay) -> dict[str, Any]:
    [verdict] = json.loads(assay("gate", "--json").out)["verdicts"]
    return dict(verdict)


@pytest.fixture
def project(project: Path) -> Path:
    """Loans, with the age of who asks, and a cost between 0 and 1."""
    table = pd.read_csv(project / "test.csv")
    table["age"] = [20 + k % 60 for k in range(len(table))]
    table["cost"] = [k % 10 / 10 for k in range(len(table))]
    table.to_csv(project / "test.csv", index=False)
    return project


def test_a_slice_by_its_predicate(assay: Assay, project: Path) -> None:
    declare(project, check("accuracy(new | age >= 65) - accuracy(old | age >= 65) > -0.1"))
    verdict = judged(assay)
    table = pd.read_csv(project / "test.csv")
    assert verdict["status"] == "pass"
    assert verdict["evidence"]["n"] == (table["age"] >= 65).sum()
    assert verdict["code"] == "GAT102"


def test_a_predicate_on_no_column_is_refused_before_anything_is_spent(assay: Assay, project: Path) -> None:
    declare(project, check("accuracy(new | agee >= 65) > 0.1"))
    said = assay("gate")
    assert said.code == 2
    assert "unknown column 'agee'" in said.err
    assert "did you mean 'age'" in said.err


def test_a_mean_of_a_column(assay: Assay, project: Path) -> None:
    declare(project, check("mean(cost) < 0.6 and mean(cost | age < 30) < 0.7"))
    verdict = judged(assay)
    assert verdict["status"] == "pass"
    assert verdict["evidence"]["series"]["estimate"][0] == pytest.approx(0.45)
    declare(project, check("mean(age) < 0.6"))
    said = assay("gate")
    assert said.code == 2
    assert "mean(age): row 0 of column 'age' is 20, and a bound needs values in [0, 1]" in said.err


def test_the_size_of_a_unit_is_read(assay: Assay, project: Path) -> None:
    table = pd.read_csv(project / "test.csv")
    table["customer"] = [k // 2 for k in range(len(table))]
    table.to_csv(project / "test.csv", index=False)
    unit = 'label = "late"\nunit = "customer"\nmax_unit_size = {}\n\n[models.old]'
    declare(project, check("n > 0.7"))
    whole = (project / "assay.toml").read_text()
    (project / "assay.toml").write_text(whole.replace('label = "late"\n\n[models.old]', unit.format(4)))
    verdict = judged(assay)
    assert verdict["guarantee"]["assumptions"][1]["text"] == "no customer has more rows than 4"
    assert verdict["guarantee"]["assumptions"][1]["status"] == "declared"
    (project / "assay.toml").write_text(whole.replace('label = "late"\n\n[models.old]', unit.format(1)))
    said = assay("gate")
    assert said.code == 2
    assert "max_unit_size: 1 was declared, but the customer of row 0 has 2 rows" in said.err


def test_copies_of_rows_pass_nothing(assay: Assay, project: Path) -> None:
    for name in ("test", "old", "new"):
        table = pd.read_csv(project / f"{name}.csv")
        pd.concat([table, table, table]).to_csv(project / f"{name}.csv", index=False)
    declare(project, check("n > 0.5"))
    verdict = judged(assay)
    assert verdict["status"] == "inconclusive"
    assert "are copies of others" in verdict["reason"]
