"""What the process says to its caller, each by a real scenario."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from loan_project import DATA, GATE, PROJECT, Assay, declare, loans


def test_0_when_all_blocking_checks_pass(assay: Assay, project: Path) -> None:
    declare(project, GATE + DATA)
    said = assay("check")
    assert said.code == 0, said.err
    assert said.last.endswith("exit 0")
    assert said.err == ""


def test_0_when_only_a_check_that_does_not_block_fails(assay: Assay, project: Path) -> None:
    declare(project, GATE.replace("n > 0.8", "n > 0.99").replace("true", "false"))
    said = assay("check")
    assert said.code == 0
    assert "1 failed" in said.last


def test_1_when_a_blocking_claim_is_refuted(assay: Assay, project: Path) -> None:
    declare(project, GATE.replace("n > 0.8", "n > 0.99"))
    said = assay("check")
    assert said.code == 1
    assert said.last.endswith("exit 1")


def test_a_refusal_that_nobody_reads_is_no_pass(project: Path) -> None:
    declare(project, GATE.replace("n > 0.8", "n > 0.99"))
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "assay", "check"], cwd=project, stdout=writer, check=False)
    os.close(writer)
    assert done.returncode not in (0, 3)


def test_1_when_a_batch_does_not_fit(assay: Assay, project: Path) -> None:
    declare(project, DATA)
    broken = loans(9)
    broken["amount"] *= 1.609
    broken.loc[:299, "region"] = None
    broken.to_csv(project / "broken.csv", index=False)
    said = assay("check", "fit", "--with", "test=broken.csv")
    assert said.code == 1
    assert "fit[region]" in said.out


def test_2_when_the_command_line_is_wrong(assay: Assay, project: Path) -> None:
    assert assay("check", "--nonsense").code == 2


def test_3_when_a_check_breaks(assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the sky fell")

    monkeypatch.setattr("assay.checks.gate.decide", broken)
    said = assay("check")
    assert said.code == 3
    assert "the sky fell" in said.out
    assert said.last.endswith("exit 3")


def test_3_when_assay_itself_breaks(assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the sky fell")

    monkeypatch.setattr("assay.checks.project.load", broken)
    said = assay("check")
    assert said.code == 3
    assert said.err.startswith("internal error: ZeroDivisionError: the sky fell")


def test_3_when_the_ledger_was_changed(assay: Assay, project: Path) -> None:
    import sqlite3

    assert assay("check").code == 0
    with sqlite3.connect(project / ".assay" / "store.db") as connection:
        connection.execute("DROP TRIGGER IF EXISTS ledger_no_update")
        connection.execute("UPDATE ledger SET amount = 0 WHERE seq = 2")
    connection.close()
    said = assay("ledger", "verify")
    assert said.code == 3
    assert said.err.startswith("error: ")
    assert "2" in said.err


def test_4_when_the_rows_decide_neither_way(assay: Assay, project: Path) -> None:
    declare(project, GATE.replace("n > 0.8", "n > 0.925"))
    said = assay("check")
    assert said.code == 4
    assert "1 inconclusive" in said.last
    full = assay("check", "--format", "full")
    assert "label" in full.out
    assert full.code == 4


def test_4_when_a_candidate_is_missing(assay: Assay, project: Path) -> None:
    declare(
        project,
        '[[checks]]\nid = "floor"\nclaim = "n > 0.8"\nmodel = "loan"\nblocking = true\n',
        PROJECT + "[models.loan]\ntrain = 'train:train'\n",
    )
    said = assay("check")
    assert said.code == 4
    assert "1 skipped" in said.last
    assert "python train.py" in assay("check", "--format", "full").out


def test_5_when_nothing_is_selected(assay: Assay, project: Path) -> None:
    said = assay("monitor")
    assert said.code == 5
    assert said.last.endswith("exit 5")
    assert "good-enough" in said.err


def test_a_third_candidate_on_two_answers_is_refused_with_the_way_out(assay: Assay, project: Path) -> None:
    twice = PROJECT.replace('source = "test.csv"', 'source = "test.csv"\nqueries = 2')
    declare(project, GATE, twice)
    codes = []
    for flip in range(3):
        table = pd.read_csv(project / "new.csv")
        table.loc[flip, "prediction"] = 1 - table.loc[flip, "prediction"]
        table.to_csv(project / "new.csv", index=False)
        said = assay("check")
        codes.append(said.code)
    assert codes == [0, 0, 4]
    assert "2 of 2 spent" in said.err
    assert "fresh data" in said.err
    assert "1 inconclusive" in said.last
    # What was answered stays answered, and the other checks go on.
    declare(project, GATE + DATA, twice)
    said = assay("check")
    assert said.code == 4
    assert "data" in said.out
    assert assay("check", "fit").code == 0
    assert "2 of 2 answers spent" in assay("status").out


def test_claims_about_one_candidate_are_one_answer(assay: Assay, project: Path) -> None:
    better = '[[checks]]\nid = "better"\nclaim = "n - o > 0"\nnew = "new"\nold = "old"\nblocking = true\n'
    declare(project, GATE + better)
    said = assay("check")
    assert said.code == 0, said.err
    assert "1 of 1 answers spent" in assay("status").out


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        (["check"], 0, "exit 0", ""),
        (["check", "nope"], 2, "", "error: "),
        (["monitor"], 5, "exit 5", "nothing selected"),
    ],
)
def test_as_a_process(project: Path, arguments: list[str], code: int, out: str, err: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "assay", *arguments], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == code
    assert done.stdout.rstrip().endswith(out)
    assert done.stderr.startswith(err)
