"""Whoever made a mistake is told where it stands and what to write instead, in the words of where it was made."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from loan_project import DATA, GATE, Assay, declare, loans, snapshot

PYTHON = re.compile(r"pass \w+=|\w+=\{|enum|Traceback|float64")
LINE = re.compile(r"^error: assay\.toml:(\d+): ")


def line_of(folder: Path, start: str, after: str = "") -> int:
    """1-based line of the project file that begins so, after a table's header."""
    lines = (folder / "assay.toml").read_text().splitlines()
    first = lines.index(after) if after else 0
    return next(place for place, line in enumerate(lines[first:], first + 1) if line.startswith(start))


def told(assay: Assay, folder: Path, *arguments: str) -> str:
    """The refusal, in one line unless a claim is shown below it; nothing is written."""
    before = snapshot(folder)
    said = assay(*arguments)
    assert said.code == 2, said
    assert said.out == ""
    assert snapshot(folder) == before
    first, *rest = said.err.splitlines()
    assert not rest or (len(rest) == 2 and set(rest[1].strip()) == {"^"})
    assert not PYTHON.search(first.replace("in Python", "")), first
    return first


def swap(folder: Path, old: str, new: str) -> None:
    text = (folder / "assay.toml").read_text()
    assert old in text
    (folder / "assay.toml").write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('source = "test.csv"\nlabel = "late"', 'source = "test.csv"\nlabel = "lat"', ('label = "lat"', ""), ["[datasets.test] label", "did you mean 'late'?"]),
        ('source = "test.csv"', 'source = "tests.csv"', ('source = "tests.csv"', ""), ["[datasets.test] source", "no file tests.csv", "did you mean 'test.csv'?"]),
        ('predictions = "new.csv"', 'predictions = "guesses.csv"', ('predictions = "guesses.csv"', ""), ["[models.new] predictions", "tables there: new.csv, old.csv, test.csv"]),
        ('predictions = "new.csv"', 'predictions = "new.csv"\ncolumn = "p"', ("column", "[models.new]"), ["[models.new] column", "'p'", "it has prediction"]),
        ('new = "new"', 'new = "newer"', ("claim", ""), ["check 'good-enough'", "did you mean 'new'?", "models: old, new", "aliases: champion"]),
        ('role = "test"', 'role = "testing"', ("role", "[datasets.test]"), ["[datasets.test] role", "'testing'", "'train', 'dev', 'test', 'live', 'pool'"]),
        ("n > 0.8", "accuracy(new | {slice}) > 0.8", ("claim", ""), ["check 'good-enough'", "slices = 'all'"]),
        ("n > 0.8", "accuracy(new | north) > 0.8", ("claim", ""), ["'north'", "[slices]", "north = \"COLUMN = 'VALUE'\""]),
        ("n > 0.8", "mean(amuont) < 0.8", ("claim", ""), ["check 'good-enough'", "'amuont'", "did you mean 'amount'?"]),
        ("n > 0.8", "brier(new) < 0.2", ("claim", ""), ["check 'good-enough'", "probabilities"]),
        ("n > 0.8", "n => 0.8", ("claim", ""), ["check 'good-enough'", "write >= instead of =>"]),
        ("n > 0.8", "n > 0.8 +/- 0.8", ("claim", ""), ["check 'good-enough'", "write a tolerance below 0.8"]),
        ("n > 0.8", "n > > 0.8", ("claim", ""), ["check 'good-enough'", "cannot read the claim"]),
        ('use = "VAL1"', 'use = "VAL9"', ("use", ""), ["check 'fit'", "'VAL9'"]),
    ],
)  # fmt: skip
def test_the_line_and_the_way_out(
    assay: Assay, project: Path, old: str, new: str, line: tuple[str, str], words: list[str]
) -> None:
    declare(project, GATE + DATA)
    swap(project, old, new)
    said = told(assay, project, "check")
    at = LINE.match(said)
    assert at, said
    assert int(at[1]) == line_of(project, *line), said
    assert not [word for word in words if word not in said], said


def test_a_row_without_a_label_names_the_check_the_file_and_the_row(assay: Assay, project: Path) -> None:
    frame = loans(2).astype({"late": object})
    frame.loc[7, "late"] = None
    frame.to_csv(project / "test.csv", index=False)
    said = told(assay, project, "gate")
    assert LINE.match(said)
    assert "check 'good-enough'" in said
    assert "(test.csv)" in said
    assert "row 7, counted from 0" in said


@pytest.mark.parametrize("kind", ["utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_the_encoding_is_named_with_the_command_that_changes_it(assay: Assay, project: Path, kind: str) -> None:
    text = (project / "test.csv").read_text().replace("north", "nørth")
    (project / "test.csv").write_bytes(text.encode(kind))
    said = told(assay, project, "gate")
    name = {"utf-16": "UTF-16", "utf-16-le": "UTF-16LE", "utf-16-be": "UTF-16BE", "latin-1": "latin1"}[kind]
    assert f"iconv -f {name} -t UTF-8 test.csv" in said


def test_what_was_typed_is_blamed_and_not_the_project_file(assay: Assay, project: Path) -> None:
    said = told(assay, project, "gate", "--with", "tst=test.csv")
    assert said.startswith("error: --with tst=test.csv: ")
    assert "did you mean 'test'?" in said
    said = told(assay, project, "gate", "--with", "test=tst.csv")
    assert said.startswith("error: what stands in for 'test': there is no file tst.csv; did you mean 'test.csv'?")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gate", "good-enough"], ["'good-enough'", "`assay check good-enough`", "`assay gate --help`"]),
        (["models", "lst"], ["'lst'", "did you mean 'list'?", "`assay models --help`"]),
        (["ledger", "audit"], ["'audit'", "commands: reserve, show, verify"]),
        (["gate", "plan", "n => 0.8", "--reliability", "0.95"], ["write >= instead of =>"]),
    ],
)  # fmt: skip
def test_a_word_that_is_no_verb(assay: Assay, project: Path, arguments: list[str], words: list[str]) -> None:
    said = told(assay, project, *arguments)
    assert not [word for word in words if word not in said], said


def test_status_says_that_a_waiver_is_over(assay: Assay, project: Path) -> None:
    over = '[[waivers]]\ncheck = "good-enough"\nowner = "ann"\nreason = "labels come"\nexpires = 2026-01-01\n'
    declare(project, GATE + over)
    said = " ".join(assay("status").out.split())
    assert "the waiver of 'good-enough' (ann: labels come) expired on 2026-01-01: take it out" in said
    assert LINE.match(told(assay, project, "gate"))


def test_explaining_a_verdict_says_once_what_is_next(assay: Assay, project: Path) -> None:
    declare(project, GATE.replace("n > 0.8", "n > 0.92"))
    identity = json.loads(assay("gate", "--json").out)["verdicts"][0]["id"]
    lines = assay("explain", identity).out.splitlines()
    assert sum(line.strip().startswith("next ") for line in lines) == 1


def test_the_number_of_a_row_that_pandas_writes_is_no_column(assay: Assay, project: Path) -> None:
    for name in ("train", "test"):
        frame = pd.read_csv(project / f"{name}.csv")
        frame[frame.index % 7 > 0].to_parquet(project / f"{name}.parquet")
    declare(project, DATA)
    (project / "assay.toml").write_text((project / "assay.toml").read_text().replace('.csv"', '.parquet"'))
    columns = json.loads(assay("profile", "train.parquet", "--json").out)["columns"]
    assert list(columns) == ["amount", "region", "late"]
    said = assay("check", "fit", "--json")
    assert "__index_level_0__" not in said.out
    assert said.code == 0


def test_rows_to_look_at_are_not_asked_of_a_shell(assay: Assay, project: Path) -> None:
    declare(project, DATA)
    frame = loans(2)
    frame.loc[:300, "region"] = "east"
    frame.to_csv(project / "test.csv", index=False)
    said = assay("check", "fit")
    assert "SQL> SELECT" in said.out
    assert "$ SELECT" not in said.out
