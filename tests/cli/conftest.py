"""A small project, and the command line run in this process."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from assay.cli.main import main

# One test at a time has one core; threads that wait for each other on a busy machine take minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The tests of this folder share the project that they run on.
sys.path.insert(0, str(Path(__file__).parent))

from loan_project import FLOOR, GATE, MODEL, TRAIN, Assay, Said, declare, loans, predictions, train


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "ASSAY_STORE", "ASSAY_LEDGER", "ASSAY_DEBUG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def assay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assay:
    """Run ``assay ARGUMENTS`` in this process, in the folder of the test."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Said:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        monkeypatch.setattr(sys, "argv", ["assay", *arguments])
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main()
        texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
        return Said(int(left.value.code or 0), *texts)

    return run


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


@pytest.fixture
def trained(project: Path) -> Path:
    """The project with a trained model ``loan``, version 1, and a gate that asks it to be right in 75%."""
    (project / "train.py").write_text(TRAIN)
    declare(project, FLOOR, MODEL)
    train(project)
    return project
