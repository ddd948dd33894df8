"""Every verb refuses what is wrong with what it reads: in one line, with exit code 2, and nothing is written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from loan_project import DATA, GATE, PROJECT, Assay, declare, loans, snapshot, without_powers

FEASIBLE = '[[checks]]\nid = "reachable"\nuse = "FEA1"\ndatasets = ["test"]\ntarget = 0.8\n'
Change = Callable[[Path], object]

# Verbs that open the project file, with arguments that are in order.
OF_A_PROJECT = [
    ["status"], ["plan"], ["check"], ["feasibility"], ["profile", "test"], ["suggest", "test"], ["schema", "infer"],
    ["schema", "edit", "tables.rows.at_least=1"], ["gate"], ["monitor"], ["adapt", "new"], ["runs", "list"], ["runs", "show", "ab"],
    ["runs", "compare", "ab", "cd"], ["models", "list"], ["models", "show", "new"], ["models", "promote", "new"],
    ["models", "rollback", "new"], ["testset", "status"], ["testset", "release", "test", "--output", "out.parquet"],
    ["labels", "suggest", "--check", "good-enough"], ["labels", "import", "test.csv", "--id", "amount", "--label", "late"],
    ["ledger", "show"], ["ledger", "verify"], ["ledger", "reserve", "good-enough"], ["explain", "beef"], ["report"],
    ["report", "compare", "ab", "cd"], ["server", "token", "list"], ["serve", "new"], ["slices"], ["importance"],
    ["acquire", "plan"], ["acquire", "run"], ["acquire", "advise", "--budget", "1"],
]  # fmt: skip
# Those that read the store.
_WITHOUT = (
    ["acquire"],
    ["slices"],
    ["importance"],
    ["profile"],
    ["suggest"],
    ["schema"],
    ["plan"],
    ["monitor"],
    ["adapt"],
    ["labels", "suggest"],
    ["labels", "import"],
)
OF_A_STORE = [each for each in OF_A_PROJECT if each[:1] not in _WITHOUT and each[:2] not in _WITHOUT]
# Those that read the table test.csv.
OF_A_TABLE = [
    ["check"], ["gate"], ["feasibility"], ["plan"], ["profile", "test"], ["profile", "test.csv"], ["suggest", "test"],
    ["suggest", "test.csv"], ["schema", "infer", "test"], ["ledger", "reserve", "good-enough"],
]  # fmt: skip
# Those that need its labels.
OF_LABELS = [["check"], ["gate"], ["feasibility"]]


def toml(old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / "assay.toml").read_text()
        assert old in text
        (folder / "assay.toml").write_text(text.replace(old, new, 1))

    return change


def corrupted(folder: Path) -> None:
    (folder / ".assay").mkdir()
    (folder / ".assay" / ".gitignore").write_text("*\n")
    (folder / ".assay" / "store.db").write_bytes(b"garbage " * 1024)


def missing_label(folder: Path) -> None:
    frame = loans(2).astype({"late": object})
    frame.loc[7, "late"] = None
    frame.to_csv(folder / "test.csv", index=False)


def mixed(folder: Path) -> None:
    frame = loans(2).astype({"amount": object})
    frame.loc[5, "amount"] = "a lot"
    frame.to_csv(folder / "test.csv", index=False)


FAULTS: dict[str, tuple[Change, list[list[str]], list[str]]] = {
    "broken TOML": (toml("[datasets.test]", "[datasets.test"), OF_A_PROJECT, ["assay.toml", "line"]),
    "unknown key": (toml("blocking = true", "blokcing = true"), OF_A_PROJECT, ["assay.toml:", "'blokcing'", "did you mean 'blocking'?"]),
    "corrupted store": (corrupted, OF_A_STORE, ["store.db", "backup"]),
    "missing file": (lambda f: (f / "test.csv").unlink(), OF_A_TABLE, ["test.csv", "tables there: "]),
    "empty table": (lambda f: (f / "test.csv").write_text("amount,region,late\n"), OF_A_TABLE, ["test", "no rows"]),
    "empty file": (lambda f: (f / "test.csv").write_text(""), OF_A_TABLE, ["test.csv", "is empty"]),
    "mixed types": (mixed, OF_A_TABLE, ["test.csv", "'amount'", "'a lot'", "row"]),
    "wrong column": (toml('source = "test.csv"\nlabel = "late"', 'source = "test.csv"\nlabel = "lat"'),
                     [each for each in OF_A_TABLE if each[-1] != "test.csv"], ["assay.toml:", "'lat'", "did you mean 'late'?"]),
    "one class": (lambda f: loans(2).assign(late=1).to_csv(f / "test.csv", index=False), OF_LABELS, ["one class"]),
    "no label in a row": (missing_label, OF_LABELS, ["test.csv", "'late'", "row 7"]),
}  # fmt: skip
CASES = [
    pytest.param(change, arguments, words, id=f"{fault}: {' '.join(arguments[:2])}")
    for fault, (change, verbs, words) in FAULTS.items()
    for arguments in verbs
]


@pytest.fixture
def project(project: Path) -> Path:
    declare(project, GATE + DATA + FEASIBLE, PROJECT)
    return project


@pytest.mark.parametrize(("change", "arguments", "words"), CASES)
def test_one_line_and_nothing_written(
    assay: Assay, project: Path, change: Change, arguments: list[str], words: list[str]
) -> None:
    change(project)
    before = snapshot(project)
    said = assay(*arguments)
    assert said.code == 2, said
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith("error: ")
    assert said.out == ""
    assert not [word for word in words if word not in lines[0]], lines[0]
    assert snapshot(project) == before


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
@pytest.mark.parametrize(
    "arguments",
    [
        ["gate"], ["feasibility"], ["schema", "infer"], ["ledger", "reserve", "good-enough"], ["report", "--output", "page.html"],
        ["labels", "import", "test.csv", "--id", "amount", "--label", "late"], ["check", "--format", "html", "--output", "page.html"],
        ["profile", "test.csv", "--html", "page.html"], ["profile", "test.csv", "--save", "saved"], ["init", "empty"],
        ["testset", "keygen", "--output", "key"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_read_only_folder_is_named(project: Path, arguments: list[str]) -> None:
    (project / "empty").mkdir()
    loans(1).to_csv(project / "empty" / "loans.csv", index=False)
    (project / "empty").chmod(0o555)
    project.chmod(0o555)
    before = snapshot(project)
    done = without_powers(arguments, project)
    for folder in (project, project / "empty"):
        folder.chmod(0o755)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert re.search("writ|read-only", done.stderr), done.stderr
    assert snapshot(project) == before


def test_looking_makes_no_store(assay: Assay, project: Path) -> None:
    before = snapshot(project)
    for arguments in (["server", "token", "list"], ["ledger", "reserve", "good-enough", "--release"]):
        assert assay(*arguments).code == 0
        assert snapshot(project) == before
    said = assay("server", "token", "revoke", "ann")
    assert said.code == 2
    assert "recorded" in said.err
    assert snapshot(project) == before


def test_every_verb_is_tried() -> None:
    """A verb that is added is added here."""
    from assay.cli.main import VERBS

    elsewhere = {"demo", "init", "fuzz"}  # They read no project, or make one.
    assert {each[0] for each in OF_A_PROJECT} | elsewhere == set(VERBS)
