"""Loans of independent customers: tables, a project file, and what a command said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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

MODEL = (
    PROJECT.partition("[models.old]")[0]
    .replace('label = "late"', 'label = "late"\nqueries = 4\nadaptivity = "none"', 2)
    .replace('\nqueries = 4\nadaptivity = "none"', "", 1)
    + '[models.loan]\ntrain = "train:train"\n'
)
FLOOR = """
[[checks]]
id = "floor"
claim = "n > 0.75"
datasets = ["test"]
blocking = true

[[checks]]
id = "better"
claim = "brier(new) - brier(old) < 0"
datasets = ["test"]
blocking = true
"""
TRAIN = """\
from sklearn.linear_model import LogisticRegression


def train(frame, scale=1.0):
    model = LogisticRegression(C=scale)
    return model.fit(frame[["amount"]], frame["late"])
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


def train(folder: Path, scale: float = 1.0, weight: float = 0.0) -> int:
    """Train a version of ``loan`` and record it; ``weight`` moves its threshold, to the worse. Returns its number."""
    from sklearn.linear_model import LogisticRegression

    from assay.checks.project import load
    from assay.tracking.runs import run

    frame = loans(1)
    model = LogisticRegression(C=scale).fit(frame[["amount"]], frame["late"])
    model.intercept_ = model.intercept_ + weight
    with run("train", store=load(folder).store) as record:
        record.log_metrics({"accuracy": float((model.predict(frame[["amount"]]) == frame["late"]).mean())})
        version = record.log_model(model, name="loan", example=frame[["amount"]].head(5))
    return int(version.version)


def without_powers(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``assay`` as somebody whom permissions bind, root too."""
    command = [sys.executable, "-m", "assay", *arguments]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        assert setpriv, "as root, permissions bind nobody: install util-linux"
        # Root that permissions bind: another user may not reach the interpreter in root's home.
        powers = "-dac_override,-dac_read_search"
        command = [setpriv, f"--bounding-set={powers}", f"--inh-caps={powers}", *command]
    environment = {
        **os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent",
    }  # fmt: skip
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
