"""What each verb prints: the result on stdout, progress on stderr, and formats that programs read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from loan_project import DATA, GATE, Assay, declare, loans, train

from assay.core.verdict import Verdict
from assay.report.json import report_schema

LAST = re.compile(r"^\d+ passed(, \d+ \w+)* \| [\d.]+ s \| exit 0$")


def test_check_ends_with_a_line_for_grep(assay: Assay, project: Path) -> None:
    declare(project, GATE + DATA)
    said = assay("check")
    assert LAST.match(said.last), said.last
    assert said.err == ""
    assert "\x1b" not in said.out
    said.out.encode("ascii")


@pytest.mark.parametrize("arguments", [["check", "--json"], ["gate", "--format", "json"], ["report", "--json"]])
def test_json_obeys_its_schema(assay: Assay, project: Path, arguments: list[str]) -> None:
    declare(project, GATE + DATA)
    assay("check")
    said = assay(*arguments)
    assert said.code == 0
    content = json.loads(said.out)
    jsonschema.validate(content, report_schema(), cls=jsonschema.Draft202012Validator)
    assert content["project"] == "loans"
    assert content["exit_code"] == 0
    assert content["summary"]["pass"] == len(content["verdicts"]) > 0
    for verdict in content["verdicts"]:
        identity = verdict.pop("id")
        assert Verdict.from_json(json.dumps(verdict)).id == identity


@pytest.mark.parametrize("arguments", [["check", "--format", "junit"], ["report", "--junit"]])
def test_junit_counts_failures(assay: Assay, project: Path, arguments: list[str]) -> None:
    declare(project, GATE.replace("n > 0.8", "n > 0.99") + DATA)
    assay("check")
    root = ElementTree.fromstring(assay(*arguments).out)
    assert root.tag == "testsuites"
    assert root.get("failures") == "1"
    assert len(root.findall(".//testcase")) == int(root.get("tests", "0")) > 1
    assert [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None] == ["good-enough"]


@pytest.mark.parametrize("arguments", [["check", "--format", "markdown"], ["report", "--md"]])
def test_markdown_is_a_table(assay: Assay, project: Path, arguments: list[str]) -> None:
    assay("check")
    said = assay(*arguments)
    assert "| check | claim |" in said.out
    assert "good-enough" in said.out


def test_github_is_chosen_in_its_actions(assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert assay("check").out.splitlines()[:5] == assay("check", "--format", "github").out.splitlines()[:5]
    assert "| check | claim |" in assay("check").out


def test_html_is_one_file_that_needs_no_network(assay: Assay, project: Path) -> None:
    said = assay("check", "--format", "html", "--output", "page.html")
    assert said.out == ""
    assert said.err == "wrote page.html\n"
    page = (project / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "good-enough" in page
    assert not re.findall(r'(?:src|href)="https?:', page)


def test_a_report_evaluates_nothing(assay: Assay, project: Path) -> None:
    assay("check")
    entries = assay("ledger", "verify").out
    said = assay("report")
    assert said.err.endswith("assay-report.html\n")
    assert (project / "assay-report.html").stat().st_size > 10_000
    assert assay("ledger", "verify").out == entries


def test_output_writes_what_would_be_printed(assay: Assay, project: Path) -> None:
    printed = json.loads(assay("gate", "--json").out)
    said = assay("gate", "--json", "--output", "verdicts.json")
    assert said.out == ""
    assert json.loads((project / "verdicts.json").read_text())["verdicts"] == printed["verdicts"]


def test_the_verdicts_of_all_rules_on_one_column_count(assay: Assay, project: Path) -> None:
    declare(project, DATA)
    broken = loans(9)
    broken.loc[:299, "amount"] = None
    broken.to_csv(project / "test.csv", index=False)
    said = assay("check", "--json")
    assert said.code == 1
    failed = [verdict["code"] for verdict in json.loads(said.out)["verdicts"] if verdict["status"] == "fail"]
    assert failed == ["VAL102"]
    status = assay("status")
    assert "no: 1 fail" in status.out
    assert json.loads(assay("report", "--json").out)["summary"] == json.loads(said.out)["summary"]

    from assay.checks.project import load

    assert load(project).check("fit").verdicts["fit[amount]"].failed


def test_status_has_a_line_for_each_question_and_what_to_do_next(assay: Assay, project: Path) -> None:
    before = assay("status")
    assert "not asked yet" in before.out
    assert "1. ask: May I merge this model?" in before.out
    assay("check")
    after = assay("status")
    assert re.search(r"May I merge this model\? +yes\b", after.out)
    assert "answers spent" in after.out
    content = json.loads(assay("status", "--json").out)
    assert [answer["question"] for answer in content["answers"]] == [
        "Is it worth starting?", "Is my data fit?", "May I merge this model?", "May I ship it?", "Is it still right?",
        "Retrain or not?", "What happened, and who said so?",
    ]  # fmt: skip
    assert len(content["actions"]) <= 3


def test_explain_says_when_a_code_misleads(assay: Assay, project: Path) -> None:
    codes = [line.split()[0] for line in assay("explain").out.splitlines()]
    assert {"VAL101", "FEA101", "GAT101", "MON101", "ADP101"} <= set(codes)
    for code in codes:
        said = assay("explain", code.lower())
        assert said.code == 0
        assert said.out.startswith(code)
        assert {"what", "why", "misleads", "guarantee", "source"} <= {
            line.split(" ")[0] for line in said.out.splitlines()
        }


def test_explain_lists_a_family(assay: Assay, project: Path) -> None:
    said = assay("explain", "VAL1")
    assert said.code == 0
    lines = said.out.splitlines()
    assert len(lines) == 25
    assert all(line.startswith("VAL1") for line in lines)
    assert assay("explain", "feaa").code == 2


def test_explain_says_how_to_replay_a_verdict(assay: Assay, project: Path) -> None:
    identity = json.loads(assay("check", "--json").out)["verdicts"][0]["id"]
    said = assay("explain", identity[:6])
    assert said.code == 0
    assert "assay check good-enough" in said.out
    assert "misleads" in said.out


def test_profile(assay: Assay, project: Path) -> None:
    said = assay("profile", "train.csv")
    assert said.out.splitlines()[0] == "train.csv: 600 rows, 3 columns"
    assert assay("profile", "train").out.splitlines()[1:] == said.out.splitlines()[1:]
    content = json.loads(assay("profile", "train.csv", "--json", "--columns", "amount").out)
    assert list(content["columns"]) == ["amount"]
    assert not (project / ".assay").exists()


def test_schema_infer_never_replaces_what_was_reviewed(assay: Assay, project: Path) -> None:
    declare(project, DATA)
    assert assay("check").code == 0
    assert assay("schema", "infer").code == 0
    text = (project / "schema.toml").read_text()
    said = assay("schema", "infer")
    assert said.code == 2
    assert "--force" in said.err
    assert (project / "schema.toml").read_text() == text
    # A schema that was written down is another question about the same batch, not a second answer.
    assert assay("check").code == 0
    assert assay("schema", "infer", "--force").code == 0


def test_runs_and_models(assay: Assay, project: Path) -> None:
    assert "no run yet" in assay("runs", "list").out
    assert "no model yet" in assay("models", "list").out
    train(project)
    train(project, scale=1e-9)
    lines = assay("runs", "list").out.splitlines()
    assert len(lines) == 2
    assert all("accuracy 0." in line for line in lines)
    shown = assay("runs", "show", lines[0].split()[0])
    assert shown.code == 0, shown.err
    assert "metrics" in shown.out
    compared = assay("runs", "compare", *(line.split()[0] for line in lines))
    assert "accuracy" in compared.out
    listed = assay("models", "list").out.splitlines()
    assert sorted(line.split()[0] for line in listed) == ["loan/1", "loan/2"]
    assert "amount: " in assay("models", "show", "loan/1").out


def test_ledger(assay: Assay, project: Path) -> None:
    assert "empty" in assay("ledger", "show").out
    assay("check")
    lines = assay("ledger", "show").out.splitlines()
    assert [line.split()[3] for line in lines[:-1]] == ["settle", "reserve", "reserve", "settle", "settle"]
    assert lines[-1].startswith("test set test (")
    assert lines[-1].endswith("1 of 1 answers given, 0 left; spent")
    entries = [json.loads(line) for line in assay("ledger", "show", "--json").out.splitlines()]
    assert [entry["kind"] for entry in entries] == ["testset", "answers", "alpha", "answers", "alpha"]
    assert assay("ledger", "verify").last.startswith("5 entries, chain verified; ")


def test_init_writes_a_project_that_checks(assay: Assay, tmp_path: Path) -> None:
    loans(1).to_csv(tmp_path / "loans.csv", index=False)
    said = assay("init")
    assert said.code == 0
    assert said.out == ""
    assert "next: " in said.err
    assert not (tmp_path / ".assay").exists()
    said = assay("check")
    assert said.code == 0, (said.out, said.err)
    assert "FEA101" in said.out
    assert "VAL1" in said.out


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["models", "promote", "--help"], ["--version"]])
def test_help(assay: Assay, arguments: list[str]) -> None:
    said = assay(*arguments)
    assert said.code == 0
    assert said.out
    assert said.err == ""


def test_init_of_a_regression_declares_what_can_be_checked(assay: Assay, tmp_path: Path) -> None:
    frame = loans(1)
    frame.assign(price=frame["amount"] * 1.1 + 0.123).drop(columns="late").to_csv(tmp_path / "prices.csv", index=False)
    assert assay("init").code == 0
    assert 'task = "regression"' in (tmp_path / "assay.toml").read_text()
    said = assay("check")
    assert said.code == 0, said.err


def test_init_holds_the_test_set_against_the_training_set(assay: Assay, project: Path) -> None:
    for name in ("assay.toml", "old.csv", "new.csv"):
        (project / name).unlink()
    assert assay("init").code == 0
    text = (project / "assay.toml").read_text()
    assert 'datasets = ["test"]\nreference = "train"' in text
    assert assay("check").code == 0
