from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from assay.checks.project import load
from assay.checks.run import run_checks
from assay.errors import ExitCode, ProjectError

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[project]
name = "skew"

[datasets.train]
role = "train"
source = "train.csv"
label = "late"
id = "order"

[datasets.live]
role = "live"
source = "live.csv"
{id}

[[checks]]
id = "same"
use = "{use}"
datasets = ["live"]
blocking = true
tolerance = {tolerance}
"""


def write(folder: Path, *, wrong: int = 0, tolerance: float = 0.0, use: str = "VAL3", id: str = 'id = "order"') -> Path:  # noqa: A002
    order = np.arange(500)
    frame = pd.DataFrame({"order": order, "miles": order * 1.5, "late": order % 3 == 0})
    frame.to_csv(folder / "train.csv", index=False)
    frame.loc[: wrong - 1, "miles"] = frame["miles"] * 1.609 + 1
    frame.drop(columns="late").to_csv(folder / "live.csv", index=False)
    (folder / "assay.toml").write_text(PROJECT.format(id=id, use=use, tolerance=tolerance))
    return folder


def test_a_feature_that_is_made_differently_fails_and_names_rows(tmp_path: Path) -> None:
    run = run_checks(load(write(tmp_path, wrong=2)), "stage:data")
    assert {name: verdict.status for name, verdict in run.verdicts.items()} == {
        "same[keys]": "pass",
        "same[miles]": "fail",
    }
    assert run.verdicts["same[miles]"].evidence.series["order"] == [0, 1]
    assert run.exit_code == ExitCode.FAILED


def test_a_label_that_comes_later_and_a_share_within_the_tolerance_do_no_harm(tmp_path: Path) -> None:
    assert run_checks(load(write(tmp_path)), "").exit_code == ExitCode.OK
    run = run_checks(load(write(tmp_path, wrong=2, tolerance=0.05)), "")
    assert run.exit_code == ExitCode.OK
    assert run.verdicts["same[miles]"].guarantee.error == 0.05


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"id": ""}, "declare the same id"),
        ({"id": 'id = "miles"'}, "declare the same id"),
    ],
)
def test_refuses_what_it_cannot_join(tmp_path: Path, terms: dict[str, str], said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        run_checks(load(write(tmp_path, **terms)), "")
