"""What is wrong with an input is said in one line, and a refused run leaves no trace."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loan_project import DATA, GATE, PROJECT, Assay, declare, loans, predictions, snapshot, without_powers

FEASIBLE = '[[checks]]\nid = "reachable"\nuse = "FEA1"\ndatasets = ["train"]\ntarget = 0.8\n'
ALL = GATE + DATA + FEASIBLE
Change = Callable[[Path], object]


def table(name: str, **columns: object) -> Change:
    """Change columns of a table."""

    def change(folder: Path) -> None:
        pd.read_csv(folder / name).assign(**columns).to_csv(folder / name, index=False)

    return change


def toml(old: str, new: str, checks: str = ALL) -> Change:
    """Change the text of the project file."""

    def change(folder: Path) -> None:
        text = PROJECT + checks
        assert old in text
        (folder / "assay.toml").write_text(text.replace(old, new, 1))

    return change


def missing(column: str, name: str) -> Change:
    def change(folder: Path) -> None:
        frame = pd.read_csv(folder / name)
        frame[column] = frame[column].astype(object)
        frame.loc[7, column] = None
        frame.to_csv(folder / name, index=False)

    return change


def mixed(folder: Path) -> None:
    """Numbers with words between them in a label."""
    frame = loans(2)
    frame["late"] = frame["late"].astype(object)
    frame.loc[5, "late"] = "perhaps"
    frame.to_csv(folder / "test.csv", index=False)


def short(folder: Path) -> None:
    predictions(loans(2)["late"].to_numpy()[:17], 0.9, 1).to_csv(folder / "new.csv", index=False)


CASES: list[tuple[str, Change, list[str], list[str]]] = [
    ("missing data file", lambda f: (f / "test.csv").unlink(), ["check"], ["test.csv"]),
    ("missing predictions", lambda f: (f / "new.csv").unlink(), ["gate"], ["new.csv"]),
    ("empty table", lambda f: (f / "test.csv").write_text("amount,region,late\n"), ["check"], ["test", "no rows"]),
    ("empty file", lambda f: (f / "train.csv").write_text(""), ["check"], ["train.csv"]),
    ("empty predictions", lambda f: (f / "new.csv").write_text("prediction\n"), ["gate"], ["new", "0 predictions"]),
    ("not a table", lambda f: (f / "train.csv").write_bytes(bytes(range(256)) * 20), ["check", "fit"], ["train"]),
    ("not parquet", toml('"test.csv"', '"test.parquet"'), ["check"], ["test.parquet"]),
    ("label not there", toml('label = "late"', 'label = "lat"'), ["check"], ["'lat'", "late"]),
    ("no label declared", toml('source = "test.csv"\nlabel = "late"', 'source = "test.csv"'), ["gate"], ["test", "label"]),
    ("unit not there", toml('source = "test.csv"', 'source = "test.csv"\nunit = "client"'), ["check"], ["'client'"]),
    ("timestamp not there", toml('source = "test.csv"', 'source = "test.csv"\ntimestamp = "when"'), ["check"], ["'when'"]),
    ("one class, gate", table("test.csv", late=1), ["gate"], ["'test'", "'late'", "one class"]),
    ("one class, feasibility", table("train.csv", late=0), ["feasibility"], ["one class"]),
    ("no label in a row, gate", missing("late", "test.csv"), ["gate"], ["'test'", "'late'", "row 7"]),
    ("no label in a row, feasibility", missing("late", "train.csv"), ["feasibility"], ["'train'", "'late'", "row 7"]),
    ("no prediction in a row", missing("prediction", "new.csv"), ["gate"], ["new", "row 7"]),
    ("mixed types", mixed, ["gate"], ["late", "row"]),
    ("other classes", table("new.csv", prediction="perhaps"), ["gate"], ["new"]),
    ("too few predictions", short, ["gate"], ["new", "17", "600", "test"]),
    ("no such column of predictions", toml('"new.csv"', '"new.csv"\ncolumn = "p"'), ["gate"], ["'p'", "prediction"]),
    ("unknown key", toml("blocking = true", "blokcing = true"), ["check"], ["assay.toml:", "'blokcing'", "'blocking'"]),
    ("unknown table", toml("[models.old]", "[modles.old]"), ["check"], ["assay.toml:", "'modles'", "'models'"]),
    ("wrong value", toml('role = "test"', 'role = "tset"'), ["check"], ["assay.toml:", "role", "tset"]),
    ("broken TOML", toml("[datasets.train]", "[datasets.train"), ["check"], ["assay.toml", "line"]),
    ("no alpha left", toml("blocking = true", "blocking = true\nreliability = 0.5"), ["check"], ["alpha", "reliability"]),
    ("unknown dataset in a check", toml('datasets = ["test"]', 'datasets = ["tset"]'), ["check"], ["'tset'", "'test'"]),
    ("unknown rule", toml('use = "VAL1"', 'use = "VAX1"'), ["check"], ["VAX1", "assay explain"]),
    ("unknown rule of a known area", toml('use = "VAL1"', 'use = "VAL9"'), ["check"], ["'VAL9'", "did you mean 'VAL"]),
    ("classes in a regression", toml('name = "loans"', 'name = "loans"\ntask = "regression"'), ["feasibility"], ["regression", "classes"]),
    ("too little alpha", toml("[datasets.train]", "[budget]\nalpha = 0.01\n[datasets.train]"), ["check", "fit"], ["'fit'", "alpha 0.01", "raise alpha"]),
    ("unknown model", toml('new = "new"', 'new = "nwe"'), ["gate"], ["nwe"]),
    ("no project file", lambda f: (f / "assay.toml").unlink(), ["check"], ["assay.toml", "assay init"]),
    ("unknown check", lambda f: None, ["check", "goodenough"], ["'goodenough'", "'good-enough'"]),
    ("unknown stage", lambda f: None, ["check", "stage:gat"], ["'gat'", "'gate'"]),
    ("misspelled verb", lambda f: None, ["chekc"], ["'chekc'", "'check'"]),
    ("unknown option", lambda f: None, ["check", "--formt", "json"], ["--formt", "--format"]),
    ("unknown format", lambda f: None, ["check", "--format", "pdf"], ["pdf", "html"]),
    ("--with an unknown dataset", lambda f: None, ["check", "--with", "tets=test.csv"], ["'tets'", "'test'"]),
    ("--with nothing", lambda f: None, ["check", "--with", "test"], ["--with", "DATASET=SOURCE"]),
    ("--with a missing file", lambda f: None, ["check", "--with", "test=tset.csv"], ["tset.csv", "test.csv"]),
    ("--project nowhere", lambda f: None, ["check", "--project", "nowhere"], ["nowhere"]),
    ("the store is a file", lambda f: (f / ".assay").write_text(""), ["check"], [".assay", "writable"]),
    ("explain nothing", lambda f: None, ["explain", "beef"], ["assay check"]),
    ("explain no code", lambda f: None, ["explain", "VAL999"], ["VAL999", "VAL609"]),
    ("serve at no port", lambda f: None, ["serve", "loan", "--port", "70000"], ["70000", "65535"]),
    ("profile of nothing", lambda f: None, ["profile", "tset.csv"], ["tset.csv", "test.csv"]),
    ("profile of no column", lambda f: None, ["profile", "test.csv", "--columns", "amuont"], ["amuont", "amount"]),
    ("schema of nothing", lambda f: None, ["schema", "infer", "tset"], ["'tset'", "'test'"]),
    ("promote nothing", lambda f: None, ["models", "promote", "loan"], ["recorded"]),
    ("roll nothing back", lambda f: None, ["models", "rollback", "loan"], ["recorded"]),
    ("show no model", lambda f: None, ["models", "show", "loan"], ["recorded"]),
    ("serve nothing", lambda f: None, ["serve", "loan"], ["recorded"]),
    ("show no run", lambda f: None, ["runs", "show", "abcd"], ["recorded"]),
    ("compare no runs", lambda f: None, ["runs", "compare", "abcd", "ef01"], ["recorded"]),
    ("adapt what cannot be trained", lambda f: None, ["adapt", "new"], ["[models.new]", "train"]),
    ("adapt an unknown model", lambda f: None, ["adapt", "nwe"], ["'nwe'", "'new'"]),
    ("labels of nothing", lambda f: None, ["labels", "import", "late.csv", "--id", "id", "--label", "late"], ["late.csv"]),
    ("labels of no column", lambda f: None, ["labels", "import", "test.csv", "--id", "nr", "--label", "late"], ["'nr'"]),
    ("labels without columns", lambda f: None, ["labels", "import", "test.csv"], ["--id", "--label"]),
    ("init where there is one", lambda f: None, ["init"], ["assay.toml", "already"]),
    ("init nowhere", lambda f: None, ["init", "nowhere"], ["nowhere"]),
    ("init without data", lambda f: (f / "empty").mkdir(), ["init", "empty"], ["no data", ".csv"]),
    ("a page that cannot be written", lambda f: None, ["gate", "--format", "html", "--output", "no/where.html"], ["no/where.html"]),
    ("a report that cannot be written", lambda f: None, ["report", "--output", "no/where.html"], ["no/where.html"]),
]  # fmt: skip


def refused(said: object, words: list[str]) -> None:
    code, out, err = said.code, said.out, said.err  # type: ignore[attr-defined]
    assert code == 2, (out, err)
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("error: ")
    assert out == ""
    assert not [word for word in words if word not in lines[0]], lines[0]


@pytest.mark.parametrize(("change", "arguments", "words"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_one_line_and_nothing_written(
    assay: Assay, project: Path, change: Change, arguments: list[str], words: list[str]
) -> None:
    declare(project, ALL)
    change(project)
    before = snapshot(project)
    refused(assay(*arguments), words)
    assert snapshot(project) == before


def test_a_second_input_is_looked_at_before_the_first_check_is_judged(assay: Assay, project: Path) -> None:
    declare(project, ALL)
    assert assay("check").code == 0
    entries = assay("ledger", "verify").out
    pd.concat([loans(5)]).to_csv(project / "train.csv", index=False)
    missing("prediction", "new.csv")(project)
    refused(assay("check"), ["row 7"])
    assert assay("ledger", "verify").out == entries


@pytest.mark.parametrize(
    ("claim", "caret"),
    [("n - > 0.1", 4), ("n >> 0.8", None), ("recall(new", None), ("n > 0.8 and", None), ("precisoin(new) > 0.5", 0)],
)
def test_a_malformed_claim_is_shown_with_a_caret(assay: Assay, project: Path, claim: str, caret: int | None) -> None:
    declare(project, GATE.replace("n > 0.8", claim))
    before = snapshot(project)
    said = assay("check")
    assert said.code == 2
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0].startswith("error: ")
    assert len(lines) <= 3
    pointer = next(line for line in lines if set(line.strip()) == {"^"})
    shown = lines[lines.index(pointer) - 1]
    assert claim in shown
    if caret is not None:
        assert pointer.index("^") - shown.index(claim) == caret
    assert snapshot(project) == before


@pytest.mark.parametrize(
    "arguments", [["check"], ["status"], ["ledger", "verify"], ["models", "list"], ["explain", "beef"]]
)
def test_a_corrupt_store_is_left_as_it_is(assay: Assay, project: Path, arguments: list[str]) -> None:
    folder = project / ".assay"
    folder.mkdir()
    (folder / ".gitignore").write_text("*\n")
    (folder / "store.db").write_bytes(b"garbage " * 1024)
    before = snapshot(project)
    refused(assay(*arguments), ["store.db", "backup"])
    assert snapshot(project) == before


def test_a_store_of_a_newer_version_is_left_as_it_is(assay: Assay, project: Path) -> None:
    assert assay("check").code == 0
    with sqlite3.connect(project / ".assay" / "store.db") as connection:
        connection.execute("UPDATE assay_version SET version_num = 'v9999'")
    connection.close()
    refused(assay("check"), ["store.db", "newer", "upgrade"])


def test_a_corrupt_artifact_is_named(assay: Assay, trained: Path) -> None:
    objects = [path for path in (trained / ".assay" / "objects").rglob("*") if path.is_file()]
    assert objects
    for path in objects:
        path.chmod(0o644)
        path.write_bytes(b"garbage")
    before = assay("ledger", "verify").out
    said = assay("models", "promote", "loan")
    refused(said, ["artifact"])
    assert assay("ledger", "verify").out == before


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_a_folder_that_is_read_only(project: Path) -> None:
    project.chmod(0o555)
    before = snapshot(project)
    done = without_powers(["check"], project)
    project.chmod(0o755)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[0].startswith("error: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "writable" in done.stderr
    assert snapshot(project) == before


def test_labels_without_a_value_are_refused(assay: Assay, project: Path) -> None:
    pd.DataFrame({"id": ["a", "b"], "late": [1, np.nan]}).to_csv(project / "known.csv", index=False)
    before = snapshot(project)
    refused(assay("labels", "import", "known.csv", "--id", "id", "--label", "late"), ["known.csv", "'late'"])
    assert snapshot(project) == before
