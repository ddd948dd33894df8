"""What is wrong with a file of predictions, or an empty one, is told by the file's name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from loan_project import GATE, declare, loans

if TYPE_CHECKING:
    from loan_project import Assay


def gap(folder: Path) -> None:
    said = pd.read_csv(folder / "new.csv").astype({"prediction": object})
    said.loc[3, "prediction"] = None
    said.to_csv(folder / "new.csv", index=False)


def short(folder: Path) -> None:
    pd.read_csv(folder / "new.csv").head(5).to_csv(folder / "new.csv", index=False)


def header(folder: Path) -> None:
    loans(2).head(0).to_csv(folder / "test.csv", index=False)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (gap, ["[models.new] predictions: new.csv: column 'prediction' has no value in row 3", "(1 in all)"]),
        (short, ["new (new.csv): 5 predictions for the 600 rows of 'test'"]),
        (header, ["[datasets.test] source: dataset 'test' (test.csv) has no rows"]),
    ],
)
def test_the_file_is_named(assay: Assay, project: Path, fault, told: list[str]) -> None:
    declare(project, GATE)
    fault(project)
    said = assay("gate")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert all(words in said.err for words in ["assay.toml:", *told]), said.err
    assert not (project / ".assay").exists()
