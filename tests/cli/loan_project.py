"""Loans of independent customers: tables, a project file, and what a command said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 600
GATE = """
[[checks]]
id = "good-enough"
claim = "n > 0.8"
datasets = ["test"]
model = "new"
new = "new"
blocking = true
"""
DATA = """
[[checks]]
id = "fit"
use = "VAL1"
datasets = ["test"]
reference = "train"
blocking = true
"""
PROJECT = """\
[project]
name = "loans"

[datasets.train]
role = "train"
source = "train.csv"
label = "late"

[datasets.test]
role = "test"
source = "test.csv"
label = "late"

[models.old]
predictions = "old.csv"

[models.new]
predictions = "new.csv"
"""


@dataclass(frozen=True)
class Said:
    """What a command said: its exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line of stdout."""
        return self.out.rstrip("\n").rpartition("\n")[2]


Assay = Callable[..., Said]


def loans(seed: int, rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    amount = rng.gamma(2.0, 500.0, rows).round(2)
    region = rng.choice(["north", "south", "west"], rows)
    late = (amount / 1000 + rng.normal(0, 0.5, rows) > 1.2).astype(int)
    return pd.DataFrame({"amount": amount, "region": region, "late": late})


def predictions(labels: np.ndarray, accuracy: float, seed: int) -> pd.DataFrame:
    right = np.random.default_rng(seed).random(len(labels)) < accuracy
    return pd.DataFrame({"prediction": np.where(right, labels, 1 - labels)})


def declare(folder: Path, checks: str, text: str = PROJECT) -> None:
    (folder / "assay.toml").write_text(text + checks)


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes, and every folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
