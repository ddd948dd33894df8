"""``assay gate --report``: what GitHub and GitLab are sent, by the very lines of the templates."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
import yaml
from code_host import CodeHost, playing
from loan_project import GATE, PROJECT, Assay, declare

EXAMPLES = Path(__file__).parents[2] / "examples" / "ci"
CLOSE = '\n[[checks]]\nid = "much-better"\nclaim = "n - o > 0.05"\nnew = "new"\nold = "old"\nblocking = true\n'
HOPELESS = GATE.replace("good-enough", "hopeless").replace("0.8", "0.99")
OFTEN = PROJECT.replace('"test.csv"', '"test.csv"\nqueries = 3\nadaptivity = "none"')
WITHHELD = OFTEN.replace('name = "loans"\n', 'name = "loans"\n\n[budget]\ndisclose = "verdict"\n')


@pytest.fixture
def host() -> Iterator[CodeHost]:
    with playing() as found:
        yield found


@pytest.fixture
def github(host: CodeHost, project: Path, monkeypatch: pytest.MonkeyPatch) -> CodeHost:
    """The environment of a job for pull request 7."""
    event = project / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    for name, value in {
        "GITHUB_TOKEN": "a-secret",
        "GITHUB_REPOSITORY": "bank/loans",
        "GITHUB_API_URL": host.url,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "31",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_WORKSPACE": str(project),
        "GITHUB_STEP_SUMMARY": str(project / "summary.md"),
    }.items():
        monkeypatch.setenv(name, value)
    return host


@pytest.fixture
def gitlab(host: CodeHost, project: Path, monkeypatch: pytest.MonkeyPatch) -> CodeHost:
    """The environment of a job for merge request 4."""
    for name, value in {
        "GITLAB_TOKEN": "a-secret",
        "CI_API_V4_URL": host.url,
        "CI_PROJECT_ID": "88",
        "CI_MERGE_REQUEST_IID": "4",
        "CI_JOB_URL": "https://gitlab.com/bank/loans/-/jobs/9",
        "CI_PROJECT_DIR": str(project),
    }.items():
        monkeypatch.setenv(name, value)
    return host


def run_lines(lines: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a template's shell lines in a project, with this assay, and with a ``pip`` that notes what it was asked."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name, command in (
        ("assay", f'exec "{sys.executable}" -m assay "$@"'),
        ("pip", f'echo "$@" >> "{tools}/asked"'),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{command}\n")
        (tools / name).chmod(0o755)
    environ = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-e", "-c", "\n".join(lines)], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def action_lines(project: str = ".") -> list[str]:
    action = yaml.safe_load((EXAMPLES / "github" / "action.yml").read_text())
    said = {"github.token": os.environ["GITHUB_TOKEN"]}
    said |= {f"inputs.{name}": each["default"] for name, each in action["inputs"].items()} | {"inputs.project": project}
    steps = [step for step in action["runs"]["steps"] if "run" in step]
    assert all(step["shell"] == "bash" for step in steps)
    expressions = [found for step in steps for found in re.findall(r"\$\{\{ (.*?) \}\}", json.dumps(step))]
    assert set(expressions) <= said.keys()
    lines = []
    for step in steps:
        given = {
            name: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: said[found[1]], value)
            for name, value in step["env"].items()
        }
        lines += [f"export {name}={shlex.quote(value)}" for name, value in given.items()]
        lines.append(step["run"])
    return lines


def share_ledger(folder: Path) -> None:
    """Make the project a git checkout with an empty remote ``origin``."""
    remote = str(folder.parent / f"{folder.name}-remote")
    for words in (["init", "-q"], ["init", "-q", "--bare", remote], ["remote", "add", "origin", remote]):
        subprocess.run(["git", *words], cwd=folder, check=True)


def test_the_github_action_comments_once_and_edits_in_place(
    github: CodeHost, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [job] = yaml.safe_load((EXAMPLES / "github" / "workflow.yml").read_text())["jobs"].values()
    for name, value in job["env"].items():
        monkeypatch.setenv(name, value)
    share_ledger(project)
    declare(project, GATE + CLOSE, OFTEN)
    done = run_lines(action_lines(), project)
    assert done.returncode == 4, done.stderr
    assert (project / "tools" / "asked").read_text() == "install assay\n"
    assert "report: comment on pull request 7: created" in done.stderr
    assert github.calls() == ["GET /repos/bank/loans/issues/7/comments", "POST /repos/bank/loans/issues/7/comments"]
    for sent in github.sent:
        assert sent.headers["authorization"] == "Bearer a-secret"
        assert sent.headers["accept"] == "application/vnd.github+json"
        assert sent.headers["x-github-api-version"] == "2022-11-28"
    body = github.sent[1].body["body"]
    assert body.startswith("<!-- assay:report:loans -->\n### Blocked: 1 inconclusive of 2 blocking verdicts\n")
    assert "2 of 3 answers left, 1 spent here" in body
    assert re.search("<br><code>··├─+╂─+●─+┤··</code> \\|", body)
    assert "[Full report and pictures](https://github.com/bank/loans/actions/runs/31)" in body
    line = (project / "assay.toml").read_text().splitlines().index('id = "much-better"') + 1
    [marked] = [each for each in done.stdout.splitlines() if each.startswith("::")]
    assert marked.startswith(f"::error file=assay.toml,line={line - 1},title=much-better%3A inconclusive::n - o is ")
    assert (project / "summary.md").read_text().strip() == body.strip()
    assert "a-secret" not in done.stdout + done.stderr + body

    github.sent.clear()
    shutil.rmtree(project / ".assay")  # the next job starts from a fresh clone
    assert run_lines(action_lines(), project).returncode == 4
    assert github.calls() == ["GET /repos/bank/loans/issues/7/comments"], "nothing changed, so nothing is posted"

    github.sent.clear()
    declare(project, GATE, OFTEN)
    assert run_lines(action_lines(), project).returncode == 0
    assert github.calls() == ["GET /repos/bank/loans/issues/7/comments", "PATCH /repos/bank/loans/issues/comments/100"]
    assert "### Clear: the one blocking verdict passed" in github.comments[0]["body"]
    assert len(github.comments) == 1


def test_the_github_templates_are_short_and_whole() -> None:
    text = (EXAMPLES / "github" / "workflow.yml").read_text()
    assert len(text.splitlines()) <= 10
    [job] = yaml.safe_load(text)["jobs"].values()
    assert job["permissions"] == {"contents": "write", "pull-requests": "write"}
    assert [step["uses"] for step in job["steps"]] == ["actions/checkout@v4", "./.github/actions/assay"]
    action = yaml.safe_load((EXAMPLES / "github" / "action.yml").read_text())
    asks, keeps = action["runs"]["steps"][-2:]
    assert keeps["with"]["path"] == f"${{{{ steps.{asks['id']}.outputs.report }}}}"
    assert asks["env"]["GITHUB_TOKEN"] == "${{ github.token }}"


@pytest.mark.parametrize("named", ["models/assay.toml", "models", "models/deeper"])
def test_the_report_that_the_action_keeps_is_where_the_project_file_is(
    github: CodeHost, project: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(project / "outputs"))
    (project / "models" / "deeper").mkdir(parents=True)
    for name in ("assay.toml", "test.csv", "new.csv", "old.csv"):
        (project / name).rename(project / "models" / name)
    assert run_lines(action_lines(named), project).returncode == 0
    key, place = (project / "outputs").read_text().strip().split("=")
    assert (key, Path(place)) == ("report", project / "models" / "assay-report")
    assert (Path(place) / "comment.md").is_file()


def test_the_gitlab_template_writes_a_note_and_the_widgets(
    gitlab: CodeHost, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (EXAMPLES / "gitlab" / "assay.gitlab-ci.yml").read_text()
    assert len(text.splitlines()) < 10
    job = yaml.safe_load(text)["assay"]
    share_ledger(project)
    url = "https://bot:$GITLAB_TOKEN@$CI_SERVER_HOST/$CI_PROJECT_PATH.git"
    assert job["variables"] == {"ASSAY_PACKAGE": "assay", "ASSAY_LEDGER": url}
    monkeypatch.setenv("ASSAY_LEDGER", str(project.parent / f"{project.name}-remote"))
    declare(project, GATE + HOPELESS + CLOSE, OFTEN)
    gitlab.comments.append({"id": 1, "body": "<!-- assay:report:loans -->\nforged", "author": {"id": 6}})
    done = run_lines(job["script"], project)
    assert done.returncode == 1, done.stderr
    notes = "/projects/88/merge_requests/4/notes"
    assert gitlab.calls() == [f"GET {notes}", "GET /user", f"POST {notes}"]
    assert all(sent.headers["private-token"] == "a-secret" for sent in gitlab.sent)
    assert "### Blocked: 1 failed, 1 inconclusive of 3 blocking verdicts" in gitlab.sent[-1].body["body"]
    assert "https://gitlab.com/bank/loans/-/jobs/9/artifacts/browse/assay-report/" in gitlab.sent[-1].body["body"]
    assert job["artifacts"]["paths"] == ["assay-report"]
    places = job["artifacts"]["reports"]

    suite = ElementTree.parse(project / places["junit"]).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    found = json.loads((project / places["codequality"]).read_text())
    lines = (project / "assay.toml").read_text().splitlines()
    for each, check in zip(found, ("hopeless", "much-better"), strict=True):
        assert each["severity"] == "blocker"
        assert each["check_name"] == "GAT101"
        assert each["description"].startswith(f"{check}: ")
        assert each["location"] == {"path": "assay.toml", "lines": {"begin": lines.index(f'id = "{check}"')}}
    assert len({each["fingerprint"] for each in found}) == 2
    told = (project / places["metrics"]).read_text().splitlines()
    assert 'assay_passed{check="good-enough",code="GAT101"} 1' in told
    assert 'assay_estimate{check="good-enough",code="GAT101"} 0.925' in told
    assert told[-1] == "# EOF"
    assert (project / "assay-report" / "intervals" / "much-better.svg").read_text().startswith("<svg")
    assert "<!doctype html>" in (project / "assay-report" / "report.html").read_text()

    gitlab.sent.clear()
    declare(project, GATE, OFTEN)
    assert run_lines(job["script"], project).returncode == 0
    assert gitlab.calls() == [f"GET {notes}", "GET /user", f"PUT {notes}/101"]
    assert [note["id"] for note in gitlab.comments] == [1, 101]
    assert gitlab.comments[0]["body"].endswith("forged")


def test_a_comment_of_a_stranger_is_not_taken_for_the_gates(github: CodeHost, assay: Assay) -> None:
    forged = "<!-- assay:report:loans -->\n### Clear"
    github.comments.append({"id": 1, "body": forged, "user": {"type": "User"}, "author_association": "CONTRIBUTOR"})
    github.comments += [{"id": 2 + i, "body": "hello", "user": {"type": "User"}} for i in range(149)]
    assert assay("gate", "--report", "github").code == 0
    assert [each.path for each in github.sent if each.method == "GET"] == [
        f"/repos/bank/loans/issues/7/comments?per_page=100&page={page}" for page in (1, 2)
    ]
    assert github.sent[-1].method == "POST"
    assert github.comments[0]["body"] == forged


@pytest.mark.parametrize(
    ("refusals", "said"),
    [
        ([(403, {})], "403 refused for the test; give the job `permissions: pull-requests: write`"),
        ([(302, {"Location": "http://127.0.0.1:9/"})], "302"),
        ([(503, {})] * 4, "503 refused for the test"),
    ],
)
def test_a_host_that_refuses_changes_no_exit_code(
    github: CodeHost, assay: Assay, monkeypatch: pytest.MonkeyPatch, refusals: list[Any], said: str
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("assay.report.code_host.time.sleep", waited.append)
    github.refuse += refusals
    done = assay("gate", "--report", "github")
    assert done.code == 0
    assert f"report: not posted: GET /repos/bank/loans/issues/7/comments: {said}" in done.err
    assert len(github.sent) == len(refusals)
    assert waited == [1.0, 3.0, 9.0][: len(refusals) - 1]
    assert (Path("assay-report") / "comment.md").read_text().startswith("<!-- assay:report:loans -->")


def test_a_busy_host_is_asked_again_and_gets_one_comment(
    github: CodeHost, assay: Assay, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("assay.report.code_host.time.sleep", waited.append)
    github.refuse += [(429, {"Retry-After": "12"})]
    github.keep_then_fail = True
    done = assay("gate", "--report", "github")
    assert "report: comment on pull request 7: unchanged" in done.err
    assert waited == [12.0, 3.0]
    assert len(github.comments) == 1


def test_nobody_listening_is_said(github: CodeHost, assay: Assay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("assay.report.code_host.time.sleep", lambda _: None)
    done = assay("gate", "--report", "github")
    assert done.code == 0
    assert "report: not posted: GET /repos/bank/loans/issues/7/comments: " in done.err
    assert "refused" in done.err


def test_without_a_token_the_comment_is_a_file(project: Path, assay: Assay, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "CI_"))]:
        monkeypatch.delenv(name)
    done = assay("gate", "--report", "github")
    assert done.code == 0
    assert "no token, or no request to merge, to post it to" in done.err
    text = (project / "assay-report" / "comment.md").read_text()
    assert "### Clear" in text
    done = assay("gate", "--report", "github", "--output", "said.md")
    assert done.out.startswith("assay 0.1.0 | loans")
    assert (project / "said.md").read_text() == text
    assert assay("gate", "--report", "github", "--json", "--output", "said.json").out == ""
    assert json.loads((project / "said.json").read_text())["project"] == "loans"


def test_markdown_and_junit_go_to_stdout_or_a_file(project: Path, assay: Assay) -> None:
    assert assay("gate", "--report", "markdown").out.startswith("<!-- assay:report:loans -->\n### Clear")
    assert assay("gate", "--report", "junit", "--output", "gate.xml").code == 0
    assert ElementTree.parse(project / "gate.xml").getroot().get("failures") == "0"
    assert not (project / "assay-report").exists()


def test_annotations_stay_out_of_what_a_machine_reads(github: CodeHost, project: Path, assay: Assay) -> None:
    declare(project, GATE + CLOSE)
    done = assay("gate", "--report", "github", "--json")
    assert json.loads(done.out)["summary"]["inconclusive"] == 1
    assert "::error file=assay.toml,line=" in done.err


def test_a_gate_that_cannot_judge_takes_back_what_it_said_before(
    github: CodeHost, project: Path, assay: Assay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    said = assay("gate", "--report", "github")
    assert said.code == 0
    assert said.out.startswith("assay 0.1.0 | loans | 1 verdict"), "a log is read by people"
    (project / "new.csv").write_text("prediction\n1\n")
    assert assay("gate", "--report", "github").code == 2
    [comment] = github.comments
    assert comment["body"].startswith("<!-- assay:report:loans -->\n### Not judged\n\nassay.toml:")
    assert "new (new.csv): 1 predictions for the 600 rows" in comment["body"]
    assert (project / "assay-report" / "comment.md").read_text() == comment["body"]


def test_nothing_is_asked_when_the_folder_cannot_be_written(project: Path, assay: Assay) -> None:
    (project / "assay-report").write_text("in the way")
    done = assay("gate", "--report", "github")
    assert done.code == 2
    assert "assay-report: cannot be made" in done.err
    assert not (project / ".assay").exists()


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_withheld_numbers_are_in_no_file(
    github: CodeHost, gitlab: CodeHost, project: Path, assay: Assay, kind: str
) -> None:
    declare(project, GATE + CLOSE, WITHHELD)
    done = assay("gate", "--report", kind)
    assert done.code == 4
    assert "| withheld |" in (project / "assay-report" / "comment.md").read_text()
    texts = [done.out, done.err, *(each["body"] for each in github.comments)]
    texts += [path.read_text() for path in (project / "assay-report").rglob("*") if path.is_file()]
    assert not list((project / "assay-report" / "intervals").iterdir())
    for text in texts:
        assert not re.search(r"0\.925|0\.905|0\.942|\+0\.060|0\.060|\+0\.023|\+0\.110", text)


def test_pages_show_the_templates() -> None:
    root = EXAMPLES.parents[1]
    for page, template in (
        ("README.md", "github/workflow.yml"),
        ("docs/how-to/ci.md", "github/workflow.yml"),
        ("docs/how-to/ci.md", "github/action.yml"),
        ("docs/how-to/ci.md", "gitlab/assay.gitlab-ci.yml"),
    ):
        assert f"```yaml\n{(EXAMPLES / template).read_text()}```" in (root / page).read_text()


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_reports_differ_only_where_the_shown_bit_does(
    host: CodeHost, project: Path, assay: Assay, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A refuted and an undecided candidate look alike to the byte; with open numbers they do not."""
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "CI_"))]:
        monkeypatch.delenv(name)
    labels = pd.read_csv(project / "test.csv")
    worse = labels.assign(late=labels["late"].where(labels.index % 3 != 0, 1 - labels["late"]))
    told: dict[str, list[str]] = {WITHHELD: [], OFTEN: []}
    for text, seen in told.items():
        declare(project, GATE.replace("n > 0.8", "n > 0.92"), text)
        for table in (worse, labels):
            table.to_csv(project / "test.csv", index=False)
            shutil.rmtree(project / ".assay", ignore_errors=True)
            shutil.rmtree(project / "assay-report", ignore_errors=True)
            done = assay("gate", "--report", kind)
            files = sorted(path for path in (project / "assay-report").rglob("*") if path.is_file())
            content = [path.name + path.read_text() for path in files]
            whole = "\n".join([str(done.code), done.out, done.err, *content])
            seen.append(re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", "T", whole))
    assert told[WITHHELD][0] == told[WITHHELD][1]
    assert told[OFTEN][0] != told[OFTEN][1]
