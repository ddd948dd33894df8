"""``assay labels audit``: flags, a sheet, and what its answers certify."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loan_project import Assay, snapshot

TEXT = """
[project]
name = "orders"

[datasets.train]
role = "train"
source = "train.csv"
label = "late"

[datasets.test]
role = "test"
source = "train.csv"
label = "late"
"""


@pytest.fixture
def truth(tmp_path: Path, assay: Assay) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    wrong = rng.random(600) < 0.1
    (tmp_path / "assay.toml").write_text(TEXT)
    frame = pd.DataFrame({"x": x.round(3), "late": np.where((x > 0) ^ wrong, "yes", "no")})
    frame.to_csv(tmp_path / "train.csv", index=False)
    return wrong


def fill(path: Path, truth: np.ndarray) -> None:
    sheet = pd.read_csv(path)
    sheet.assign(wrong=np.where(truth[sheet.row], "yes", "no")).to_csv(path, index=False)


def test_a_sheet_goes_out_and_its_answers_certify(tmp_path: Path, assay: Assay, truth: np.ndarray) -> None:
    done = assay("labels", "audit", "--sheet", "sheet.csv", "--sample", "40", "--save", "flags.csv", "--show", "2")
    assert done.code == 0, done.out + done.err
    assert "labels of train flagged" in (done.out + done.err)
    assert "estimate, no error bound" in (done.out + done.err)
    flags = pd.read_csv(tmp_path / "flags.csv")
    assert truth[flags.row].mean() > 0.8
    assert set(pd.read_csv(tmp_path / "sheet.csv").row) <= set(flags.row)
    fill(tmp_path / "sheet.csv", truth)
    passed = assay("labels", "audit", "--answers", "sheet.csv", "--precision", "0.6")
    assert passed.code == 0, passed.out
    assert "DBG201" in passed.out
    failed = assay("labels", "audit", "--answers", "sheet.csv", "--precision", "1")
    assert failed.code in (1, 4)


def test_the_same_answers_cost_nothing_again(tmp_path: Path, assay: Assay, truth: np.ndarray) -> None:
    assay("labels", "audit", "--sheet", "sheet.csv", "--sample", "20")
    fill(tmp_path / "sheet.csv", truth)
    first = assay("labels", "audit", "--answers", "sheet.csv")
    entries = assay("ledger", "show").out
    again = assay("labels", "audit", "--answers", "sheet.csv")
    assert first.code == again.code == 0
    assert assay("ledger", "show").out == entries
    assay("labels", "audit", "--answers", "sheet.csv", "--precision", "0.55")
    assert assay("ledger", "show").out != entries


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("row,bad\n1,yes\n", "no column 'wrong'"),
        ("row,wrong\n1,maybe\n", "wrong says 'maybe' for row 1"),
        ("row,wrong\n1,\n", "wrong is empty for row 1"),
        ("row,wrong\nx,yes\n", "'x' is no row number"),
        ("row,wrong\n1,yes\n1,yes\n", "row 1 is there twice"),
        ("row,wrong\n599,yes\n598,yes\n597,yes\n", "that were drawn"),
        ("row,wrong\n", "no row was looked at"),
    ],
)
def test_answers_that_do_not_fit_are_named(
    tmp_path: Path, assay: Assay, truth: np.ndarray, content: str, message: str
) -> None:
    (tmp_path / "sheet.csv").write_text(content)
    before = snapshot(tmp_path)
    done = assay("labels", "audit", "--answers", "sheet.csv")
    assert done.code == 2, done.out + done.err
    assert message in (done.out + done.err)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dataset", "test"], "is a test set, and flags tell of its labels"),
        (["--dataset", "nowhere"], "nowhere"),
        (["--sheet", "a.csv", "--answers", "train.csv"], "give one of them"),
    ],
)
def test_what_cannot_be_audited_is_refused(
    tmp_path: Path, assay: Assay, truth: np.ndarray, options: list[str], message: str
) -> None:
    done = assay("labels", "audit", *options)
    assert done.code == 2
    assert message in (done.out + done.err)
