"""``assay feasibility --leakage``: what the features tell of a protected attribute."""

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

[datasets.train]
role = "train"
source = "train.csv"
label = "late"
ignore = ["gender", "town"]
"""


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    woman = rng.integers(0, 2, 3000)
    table = pd.DataFrame(
        {
            "height": 176 - 8 * woman + rng.normal(0, 6, 3000),
            "spend": rng.normal(size=3000),
            "gender": np.where(woman, "f", "m"),
            "town": rng.choice(["a", "b", "c"], 3000),
            "late": rng.integers(0, 2, 3000),
        }
    )
    table.to_csv(tmp_path / "train.csv", index=False)
    (tmp_path / "assay.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return table


def test_what_the_features_tell_is_certain_and_what_they_do_not_is_not(people: pd.DataFrame, assay: Assay) -> None:
    said = assay("feasibility", "--leakage", "gender", "--json")
    assert said.code == 0
    (verdict,) = json.loads(said.out)["verdicts"]
    assert (verdict["code"], verdict["status"], verdict["check"]) == ("FEA103", "fail", "leakage of gender")
    # Two classes of equal share, 8 cm apart with a spread of 6: the best attack errs on 25%.
    assert 0.5 < verdict["evidence"]["upper"] < 0.7
    (none,) = json.loads(assay("feasibility", "--leakage", "town", "--json").out)["verdicts"]
    assert none["status"] == "inconclusive"


def test_the_same_secret_is_answered_once(people: pd.DataFrame, assay: Assay) -> None:
    first = assay("feasibility", "--leakage", "gender", "--json").out
    spent = assay("ledger", "show", "--json").out
    assert (
        json.loads(assay("feasibility", "--leakage", "gender", "--json").out)["verdicts"]
        == json.loads(first)["verdicts"]
    )
    assert assay("ledger", "show", "--json").out == spent


def test_a_declared_check_blocks_on_a_certain_leak(people: pd.DataFrame, assay: Assay) -> None:
    check = '\n[[checks]]\nid = "private"\nuse = "FEA103"\nsecret = "gender"\ntarget = {}\nblocking = true\n'
    Path("assay.toml").write_text(PROJECT + check.format("0.9"))
    assert assay("check").code == 1
    Path("assay.toml").write_text(PROJECT + check.format("0.2"))
    assert assay("check").code == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["gendr"], ["'train'", "did you mean 'gender'?"]),
        (["late"], ["'late' is the label", "name another column"]),
        (["spend"], ["'spend'", "the secret has 3000 distinct values"]),
        (["gender", "--deep"], ["leave out --target and --deep"]),
    ],
)
def test_what_is_no_secret_is_refused_in_a_line(
    people: pd.DataFrame, assay: Assay, words: list[str], told: list[str]
) -> None:
    said = assay("feasibility", "--leakage", *words)
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert all(each in said.err for each in told)
    assert not Path(".assay").exists()


def test_a_row_without_the_secret_is_named(people: pd.DataFrame, assay: Assay) -> None:
    people.loc[7, "gender"] = None
    people.to_csv("train.csv", index=False)
    said = assay("feasibility", "--leakage", "gender")
    assert said.code == 2
    assert "the secret is missing in row 7" in said.err


@pytest.mark.parametrize(
    ("line", "told"), [("", "secret = "), ('secret = "gender"\ntarget = 1.5', "above 0, and 1 at most")]
)
def test_a_check_without_a_secret_or_with_a_wrong_target_is_refused(
    people: pd.DataFrame, assay: Assay, line: str, told: str
) -> None:
    Path("assay.toml").write_text(PROJECT + f'\n[[checks]]\nid = "private"\nuse = "FEA103"\n{line}\n')
    said = assay("check")
    assert said.code == 2
    assert "assay.toml:" in said.err
    assert told in said.err
