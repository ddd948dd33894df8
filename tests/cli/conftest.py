"""A small project, and the command line run in this process."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from assay.cli.main import main

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


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "ASSAY_STORE", "ASSAY_DEBUG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def assay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Assay]:
    """Run ``assay ARGUMENTS`` in this process, in the folder of the test."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Said:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        monkeypatch.setattr(sys, "argv", ["assay", *arguments])
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main()
        texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
        return Said(int(left.value.code or 0), *texts)

    yield run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Loans of independent customers: two tables, and predictions of an old model (right 85%) and a new one (93%)."""
    for name, seed in (("train", 1), ("test", 2)):
        loans(seed).to_csv(tmp_path / f"{name}.csv", index=False)
    labels = loans(2)["late"].to_numpy()
    for name, accuracy, seed in (("old", 0.85, 3), ("new", 0.93, 4)):
        predictions(labels, accuracy, seed).to_csv(tmp_path / f"{name}.csv", index=False)
    declare(tmp_path, GATE)
    return tmp_path


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
