"""What is shown fits the screen: wrapped between words, and nothing is cut out of a number."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loan_project import DATA, Assay, declare

from assay.core.layout import columns, command_lines, fit

CHECKS = (
    DATA
    + """
[[checks]]
id = "no-region-served-worse-than-last-year"
claim = "accuracy(new | {slice}) - accuracy(old | {slice}) > -0.03 +/- 0.01"
new = "new"
old = "old"
slices = "all"
blocking = true

[[checks]]
id = "ambitious"
claim = "n - o > 0.12 +/- 0.001 and d < 0.3 +/- 0.01"
new = "new"
old = "old"

[[checks]]
id = "reachable"
use = "FEA1"
datasets = ["train"]
target = 0.8

[slices]
north_of_the_river = "region = 'north'"
south_and_expensive = "region = 'south' AND amount > 800"
"""
)
VERBS = [
    ["check"], ["check", "--format", "full"], ["gate"], ["status"], ["plan"], ["profile", "train"], ["profile", "wide.csv"],
    ["profile", "train", "--compare", "test"], ["suggest", "train"], ["ledger", "show"], ["ledger", "verify"], ["explain"],
    ["explain", "GAT101"], ["runs", "list"], ["models", "list"], ["testset", "status"], ["feasibility"],
    ["gate", "plan", "n - o > 0.02 +/- 0.01 and d < 0.1 +/- 0.01", "--reliability", "0.999", "--steps", "32", "--adaptivity", "full"],
]  # fmt: skip
VERBS_OF_A_MODEL = [["runs", "list"], ["models", "list"], ["models", "show", "loan/1"], ["plan"], ["status"]]


@pytest.fixture
def wide(project: Path) -> Path:
    """Numbers of many digits, long names, long texts."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "an_identifier_of_the_customer": [f"2013-01-01-EWR-customer-{k:09d}" for k in range(200)],
            "moment": pd.date_range("2024-01-01", periods=200, freq="7h").astype(str),
            "balance": rng.normal(0, 1e15, 200),
            "late": rng.integers(0, 2, 200),
        }
    )
    frame.to_csv(project / "wide.csv", index=False)
    declare(project, CHECKS)
    return project


def numbers(text: str) -> list[str]:
    return re.findall(r"\d[\d,.]*\d", text)


def too_wide(text: str, width: int) -> list[str]:
    """Lines that could have been broken between words."""
    return [line for line in text.splitlines() if len(line) > width and len(line.split()) > 1]


@pytest.mark.parametrize("width", [72, 80])
def test_every_verb_fits_a_pipe(assay: Assay, wide: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for arguments in VERBS:
        said = assay(*arguments)
        assert said.code in (0, 1, 4), (arguments, said.err)
        assert too_wide(said.out, width) == [], arguments


def test_every_verb_of_a_model_fits(assay: Assay, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assay("gate")
    for arguments in VERBS_OF_A_MODEL:
        assert too_wide(assay(*arguments).out, 80) == [], arguments


def test_a_narrow_screen_breaks_no_number(assay: Assay, wide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (["profile", "wide.csv"], VERBS[-1]):
        said = {}
        for width in (60, 400):
            monkeypatch.setenv("COLUMNS", str(width))
            said[width] = sorted(numbers(assay(*arguments).out))
        assert said[60] == said[400], arguments


def test_every_verb_fits_a_terminal(wide: Path) -> None:
    """On a terminal of 80 columns, in color; a test set that is used up is told once."""
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "CI", "NO_COLOR")}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "80", "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    texts = {}
    for arguments in (["check"], ["gate", "--with", "test=again.csv"], ["profile", "train"]):
        if arguments[0] == "gate":
            frame = pd.read_csv(wide / "test.csv")
            frame.assign(late=frame["late"].to_numpy()[::-1]).to_csv(wide / "again.csv", index=False)
        texts[arguments[0]] = on_a_terminal(arguments, wide, environment)
    for verb, text in texts.items():
        plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text).replace("\r", "\n")
        assert too_wide(plain, 80) == [], verb
    assert texts["check"].count("\x1b[") > 4
    assert "error:" not in texts["gate"]


def on_a_terminal(arguments: list[str], folder: Path, environment: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "assay", *arguments],
        cwd=folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    process.wait()
    os.close(ours)
    return b"".join(parts).decode()


def test_a_command_is_broken_outside_of_quotes_and_can_be_copied() -> None:
    command = "assay gate plan 'n - o > 0.02 +/- 0.01 and d < 0.1' --reliability 0.999 --output \"a long name.csv\""
    lines = command_lines(command, 52)
    assert max(map(len, lines)) <= 52
    shell = subprocess.run(
        ["bash", "-c", "printf '%s\\n' " + "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert shell.stdout.splitlines() == [
        "assay", "gate", "plan", "n - o > 0.02 +/- 0.01 and d < 0.1", "--reliability", "0.999", "--output", "a long name.csv",
    ]  # fmt: skip
    assert command_lines(command, 200) == [command]


def test_columns_that_have_no_room_go_below_with_their_names() -> None:
    rows = [("name", "n", "words"), ("a", "10,000", "one two three"), ("b", "2", "")]
    assert columns(rows, 40, right={1}, head=True) == [
        "name       n  words",
        "a     10,000  one two three",
        "b          2",
    ]
    assert columns(rows, 20, right={1}, head=True) == [
        "name       n", "a     10,000", "    words one two", "        three", "b          2",
    ]  # fmt: skip
    assert fit("no words to break", 80) == "no words to break"
    assert json.dumps(fit("  12,345,678,901 rows", 10)) == '"  12,345,678,901\\n      rows"'
