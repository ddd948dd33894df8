"""``assay report compare``: two runs side by side, and nothing asked of a test set."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from loan_project import FLOOR, MODEL, Assay, declare, loans
from sklearn.linear_model import LogisticRegression

from assay.checks.project import load
from assay.tracking.runs import run

DEV = '[datasets.dev]\nrole = "dev"\nsource = "dev.csv"\nlabel = "late"\n'
SLICES = "\n[slices]\nnorth = \"region = 'north'\"\nlarge = 'amount > 1500'\n"


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=ann", "-c", "user.email=ann@example.org", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def record(folder: Path, name: str, *, shift: float, bias: float, steps: int) -> None:
    """Commit a training table, train on it, and record the run."""
    frame = loans(1)
    frame["amount"] *= shift
    if shift != 1:
        frame["region"] = frame["region"].where(frame.index % 3 != 0, "south")
        frame["term"] = 12
    frame.to_csv(folder / "train.csv", index=False)
    git(folder, "add", "train.csv", "assay.toml")
    git(folder, "commit", "-q", "-m", name)
    with load(folder) as opened, run(name, store=opened.store) as found:
        found.log_params({"bias": bias, "kind": "logistic"})
        for step in range(steps):
            found.log_metric("loss", 0.7 * 0.8**step, step)
        found.log_dataset("train", frame)
        model = LogisticRegression().fit(frame[["amount"]], frame["late"])
        model.intercept_ = model.intercept_ + bias
        found.log_model(model, name="loan", example=frame[["amount"]].head(5))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with a run at the commit ``base`` and one at ``HEAD``, the second much worse."""
    folder = tmp_path_factory.mktemp("recorded")
    loans(2).to_csv(folder / "test.csv", index=False)
    loans(5, 1500).to_csv(folder / "dev.csv", index=False)
    git(folder, "init", "-q")
    declare(folder, FLOOR + SLICES, MODEL + DEV)
    record(folder, "first", shift=1.0, bias=0.0, steps=3)
    git(folder, "tag", "base")
    record(folder, "second", shift=1.3, bias=4.0, steps=5)
    return folder


@pytest.fixture
def two(recorded: Path, tmp_path: Path) -> Path:
    """A copy of it, to work in."""
    shutil.copytree(recorded, tmp_path, dirs_exist_ok=True)
    return tmp_path


def compared(assay: Assay, *words: str) -> dict[str, Any]:
    said = assay("report", "compare", *words, "--json")
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_everything_that_differs_is_told(assay: Assay, two: Path) -> None:
    before = (two / ".assay" / "store.db").read_bytes()
    found = compared(assay, "base", "HEAD")
    assert (found["base"]["model"], found["head"]["model"]) == ("loan/1", "loan/2")
    assert found["head"]["commit"] == git(two, "rev-parse", "HEAD")
    assert found["params"] == [{"name": "bias", "base": "0.0", "head": "4.0"}]
    assert found["same_params"] == 1
    [loss] = found["metrics"]
    assert (len(loss["base_steps"]), len(loss["head_steps"])) == (3, 5)
    assert loss["head"] == pytest.approx(0.7 * 0.8**4)
    [train] = found["data"]
    assert train["added"] == ["term"]
    assert (train["base_rows"], train["head_rows"]) == (600, 600)
    shifts = {each["column"]: each for each in train["shifts"]}
    assert shifts["amount"]["what"] == "mean"
    assert shifts["amount"]["size"] == pytest.approx(
        0.3 * loans(1)["amount"].mean() / loans(1)["amount"].std(), rel=1e-6
    )
    assert shifts["region"]["what"] == "shares"
    assert 0.1 < shifts["region"]["size"] < 0.35
    assert (two / ".assay" / "store.db").read_bytes() == before


def test_measures_have_paired_intervals_by_slice(assay: Assay, two: Path) -> None:
    found = compared(assay, "loan/1", "loan/2")
    measures = {(each["name"], each["slice"]): each for each in found["measures"]}
    assert measures.keys() == {(name, place) for name in ("accuracy", "brier") for place in ("", "north", "large")}
    frame = loans(5, 1500)
    whole = measures["accuracy", ""]
    assert whole["rows"] == 1500
    assert whole["difference"]["estimate"] == pytest.approx(whole["head"]["estimate"] - whole["base"]["estimate"])
    assert whole["difference"]["upper"] < 0
    assert measures["brier", ""]["difference"]["lower"] > 0
    assert measures["accuracy", "large"]["rows"] == int((frame["amount"] > 1500).sum())
    for each in measures.values():
        for side in ("base", "head", "difference"):
            assert each[side]["lower"] <= each[side]["estimate"] <= each[side]["upper"]
    alone = measures["accuracy", "north"]["base"]
    width = alone["upper"] - alone["lower"]
    assert width > whole["base"]["upper"] - whole["base"]["lower"]


def test_clustered_rows_have_no_interval(assay: Assay, two: Path) -> None:
    frame = loans(5, 300)
    frame["customer_id"] = frame.index
    frame.loc[frame.index.repeat(8)].to_csv(two / "dev.csv", index=False)
    whole = compared(assay, "loan/1", "loan/2")["measures"][0]
    assert whole["difference"]["estimate"] is not None
    assert whole["difference"]["lower"] is None
    assert "cluster by customer_id; declare the unit" in whole["note"]


def test_without_rows_or_models_it_says_what_is_missing(assay: Assay, two: Path) -> None:
    declare(two, FLOOR, MODEL)
    (two / "train.csv").unlink()
    git(two, "checkout", "-q", "--orphan", "elsewhere")
    found = compared(assay, "loan/1", "loan/2")
    assert found["measures"] == []
    assert found["notes"] == [
        "metrics have no intervals: no labelled dataset has the role 'dev', and a test set is not asked"
    ]
    assert found["data"][0]["shifts"] != [], "the rows are still in the commits of the runs"
    for path in (two / ".git" / "objects").glob("??"):
        for each in path.iterdir():
            each.unlink()
    note = compared(assay, "loan/1", "loan/2")["data"][0]["note"]
    assert (
        note == "distributions are not compared: the rows of the base and head are neither at their source nor in git"
    )


def test_recorded_verdicts_are_shown_as_they_were(assay: Assay, two: Path) -> None:
    assert assay("models", "promote", "loan/1").code == 0
    assay("gate")
    text = assay("report", "compare", "loan@champion", "loan/2").out
    assert re.search(r"\| <code>floor</code> \| n &gt; 0.75 \| pass: 0\.\d{3} .* \| fail: 0\.\d{3} .* \|", text)
    assert re.search(r"\| <code>better</code> \| .* \| not asked \| fail: .* \|", text)


def test_pages_have_pictures(assay: Assay, two: Path) -> None:
    said = assay("report", "compare", "base", "HEAD", "--output", "compare.md")
    assert said.code == 0
    text = (two / "compare.md").read_text()
    pictures = re.findall(r"!\[(.*?)\]\((.*?)\)", text)
    assert [name for name, _ in pictures] == ["accuracy, head less base", "brier, head less base", "loss by step"]
    assert all((two / place).read_text().startswith("<svg") for _, place in pictures)
    assert assay("report", "compare", "base", "HEAD", "--html", "--output", "compare.html").code == 0
    page = (two / "compare.html").read_text()
    assert page.count('<figure class="chart"') == 3
    assert "http" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL).replace("http-equiv", "")
    for heading in ("Parameters", "Metrics", "Measured on the same rows", "Data: train"):
        assert f"<h2>{heading}</h2>" in page
        assert f"#### {heading}" in text


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("loan/7", "no model 'loan/7'"),
        ("nowhere", "'nowhere' is no model version, no run and no git revision"),
        ("--output=x", "no model version, no run and no git revision"),
    ],
)
def test_a_side_that_is_not_there_is_named(assay: Assay, two: Path, base: str, said: str) -> None:
    done = assay("report", "compare", "--", base, "HEAD")
    assert done.code == 2
    assert said in done.err


def test_a_commit_without_a_run_is_named(assay: Assay, two: Path) -> None:
    git(two, "commit", "-q", "--allow-empty", "-m", "no run here")
    done = assay("report", "compare", "base", "HEAD")
    assert done.code == 2
    assert "at which no run is recorded: train there, or see `assay runs list`" in done.err
