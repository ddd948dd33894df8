"""Labels and predictions that are written differently, and which label recall speaks of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from loan_project import Assay

PROJECT = """[project]
name = "x"

[datasets.test]
role = "test"
source = "test.csv"
label = "churn"

[models.new]
predictions = "new.csv"

[[checks]]
id = "good"
claim = "n > 0.6"
new = "new"
blocking = true
"""


@pytest.fixture
def churn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    rng = np.random.default_rng(0)
    said = np.where(rng.random(400) < 0.3, "Yes", "No")
    pd.DataFrame({"a": rng.normal(size=400), "churn": said}).to_csv(tmp_path / "test.csv", index=False)
    (tmp_path / "assay.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return said


@pytest.mark.parametrize(
    ("yes", "no", "told"),
    [
        ("yes", "no", ["none of its predictions ('no', 'yes') is ever a label", "'No', 'Yes'"]),
        (1, 0, ["none of its predictions ('0', '1') is ever a label", "'No', 'Yes'"]),
        ("Yes", "no ", ["a prediction is written 'no '", "the label 'No'"]),
        ("no", "no", ["a prediction is written 'no'", "the label 'No'"]),
    ],
)
def test_predictions_that_are_written_otherwise_cost_no_answer(churn, assay: Assay, yes, no, told) -> None:
    pd.DataFrame({"prediction": np.where(churn == "Yes", yes, no)}).to_csv("new.csv", index=False)
    said = assay("gate")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert all(words in said.err for words in ["assay.toml:", *told])
    assert not Path(".assay").exists()
    pd.DataFrame({"prediction": churn}).to_csv("new.csv", index=False)
    assert assay("gate").code == 0


def test_a_model_that_always_gives_one_of_the_labels_is_judged(churn, assay: Assay) -> None:
    pd.DataFrame({"prediction": ["No"] * 400}).to_csv("new.csv", index=False)
    assert assay("gate").code == 0


def test_a_class_that_no_label_is_counts_as_wrong_and_is_told(churn, assay: Assay) -> None:
    said = churn.astype(object)
    said[:7] = "Maybe"
    pd.DataFrame({"prediction": said}).to_csv("new.csv", index=False)
    shown = assay("gate", "--format", "json")
    assert shown.code == 0
    verdict = json.loads(shown.out)["verdicts"][0]
    assert verdict["evidence"]["estimate"] == pytest.approx(393 / 400)
    assert verdict["evidence"]["statistic"]["strange"] == "new predicts 'Maybe' in 7 rows, and no label is that"
    assert verdict["reason"].endswith(verdict["evidence"]["statistic"]["strange"])
    Path("assay.toml").write_text(f'{PROJECT.replace("n > 0.6", "n > 0.61")}\n[budget]\ndisclose = "verdict"\n')
    pd.DataFrame({"a": range(400), "churn": churn}).to_csv("test.csv", index=False)
    hidden = assay("gate", "--format", "json")
    assert hidden.code == 0
    assert "Maybe" not in hidden.out


def test_recall_of_text_labels_needs_and_takes_the_positive_one(churn, assay: Assay) -> None:
    right = np.where((churn == "Yes") & (np.arange(400) % 5 > 0), "Yes", "No")
    pd.DataFrame({"prediction": right}).to_csv("new.csv", index=False)
    for claim, positive, code, told in [
        ("recall(new) > 0.6", "", 2, "positive = 'No' or 'Yes' of the dataset"),
        ("recall(new) > 0.6", 'positive = "yes"', 2, "no row has the positive label 'yes'"),
        ("recall(new) > 0.6", 'positive = "Yes"', 0, ""),
        ("recall(new) > 0.9 and recall(new) > 0.95", 'positive = "No"', 0, ""),
    ]:
        text = PROJECT.replace("n > 0.6", claim).replace('label = "churn"', f'label = "churn"\nqueries = 9\n{positive}')
        Path("assay.toml").write_text(text)
        said = assay("gate")
        assert (said.code, told in said.err) == (code, True), (claim, positive, said.err)
