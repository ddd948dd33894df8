from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from assay.checks.project import load
from assay.checks.run import run_checks
from assay.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[project]
name = "drift"

[budget]
across = "{across}"

[datasets.train]
role = "train"
source = "train.csv"
id = "order"

[datasets.live]
role = "live"
source = "live.csv"

[[checks]]
id = "moved"
use = "{use}"
blocking = true
"""


def write(folder: Path, across: str = "fdr", use: str = "VAL2") -> Path:
    rng = np.random.default_rng(0)
    for name, rows, share in (("train", 20_000, 0.2), ("live", 6_000, 0.5)):
        frame = pd.DataFrame(
            {"order": np.arange(rows), "paid": rng.random(rows) < share, "kind": rng.choice(["a", "b"], rows)}
        )
        frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "assay.toml").write_text(PROJECT.format(across=across, use=use))
    return folder


@pytest.mark.parametrize("across", ["familywise", "fdr"])
def test_a_declared_check_finds_what_moved_and_leaves_the_id_alone(tmp_path: Path, across: str) -> None:
    run = run_checks(load(write(tmp_path, across)), "stage:data")
    assert {name: verdict.status for name, verdict in run.verdicts.items()} == {
        "moved[paid]": "fail",
        "moved[kind]": "pass",
    }
    assert run.exit_code == 1
    scope = run.verdicts["moved[paid]"].guarantee.scope
    assert scope.startswith("any false alarm" if across == "familywise" else "share of false alarms")


def test_rules_of_different_kinds_are_declared_apart(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match='use = "VAL1"'):
        run_checks(load(write(tmp_path, use="VAL")), "")
