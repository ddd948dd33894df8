"""``assay acquire``: plan, run and resume, advise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from loan_project import Assay

PROJECT = """
[project]
name = "tickets"
task = "regression"

[datasets.forms]
role = "train"
source = "forms.csv"
label = "minutes"

[datasets.calls]
role = "train"
source = "calls.csv"
label = "minutes"

[datasets.dev]
role = "dev"
source = "dev.csv"
label = "minutes"

[models.minutes]
train = "fitting_MODULE:train"

[acquire.sources.forms]
price = 0.5

[acquire.sources.calls]
price = 1.0
stock = 900
"""
TRAIN = """
from pathlib import Path
from sklearn.linear_model import LinearRegression

def train(frame):
    log = Path(__file__).with_name("log")
    count = len(log.read_text().split()) if log.exists() else 0
    if count == STOP:
        raise RuntimeError("the machine went down")
    with log.open("a") as file:
        file.write(f"{len(frame)} ")
    return LinearRegression().fit(frame.drop(columns="minutes"), frame["minutes"])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    weights = rng.standard_normal(8)
    first = np.where(np.arange(8) < 4, 1.0, 0.3)
    for name, rows, spread in (("forms", 400, first), ("calls", 400, first[::-1]), ("dev", 3000, np.ones(8))):
        X = rng.standard_normal((rows, 8)) * spread
        frame = pd.DataFrame(X, columns=[f"x{place}" for place in range(8)])
        frame.assign(minutes=X @ weights + rng.standard_normal(rows)).to_csv(tmp_path / f"{name}.csv", index=False)
    declare(tmp_path)
    return tmp_path


def declare(folder: Path, *, stop: int = -1, more: str = "", old: str = "", new: str = "") -> None:
    # Each test has a module of its own, since modules stay imported.
    module = f"{abs(hash(folder))}_{abs(stop)}"
    (folder / "assay.toml").write_text(PROJECT.replace("MODULE", module).replace(old, new, 1) + more)
    (folder / f"fitting_{module}.py").write_text(TRAIN.replace("STOP", str(stop)))


def trained(folder: Path) -> list[int]:
    return [int(word) for word in (folder / "log").read_text().split()]


def test_a_plan_names_every_run(assay: Assay, folder: Path) -> None:
    said = assay("acquire", "plan")
    assert said.code == 0
    assert said.out.startswith("20 runs of 54 to 444 rows, ")
    assert "the squared loss on dev (3,000 rows) judges" in said.out
    assert len([line for line in said.out.splitlines() if line.strip()[:1].isdigit()]) == 21
    assert said.out.endswith("next: assay acquire run\n")


def test_a_stopped_run_goes_on_where_it_was(assay: Assay, folder: Path) -> None:
    declare(folder, stop=7)
    said = assay("acquire", "run")
    assert said.code == 2
    assert "failed on" in said.err
    assert "RuntimeError: the machine went down" in said.err
    assert len(trained(folder)) == 7
    assert "of 20 planned runs are on record" in assay("acquire", "advise", "--budget", "100").err
    assert assay("acquire", "plan").out.count("yes") == 7
    # The same code, which this time goes on.
    (folder / "log").write_text((folder / "log").read_text() + "0 ")
    said = assay("acquire", "run")
    assert said.out.startswith("13 runs made, 7 were there")
    assert len(trained(folder)) == 21
    assert assay("acquire", "run").out.startswith("0 runs made, 20 were there")


def test_other_code_or_other_rows_are_other_runs(assay: Assay, folder: Path) -> None:
    assay("acquire", "run")
    declare(folder, stop=1000)
    assert "; 0 are on record" in assay("acquire", "plan").out
    declare(folder)
    assert "; 20 are on record" in assay("acquire", "plan").out
    frame = pd.read_csv(folder / "calls.csv")
    frame.assign(x0=frame["x0"] + 1).to_csv(folder / "calls.csv", index=False)
    assert "; 0 are on record" in assay("acquire", "plan").out


def test_advice_is_an_estimate_with_its_miss(assay: Assay, folder: Path) -> None:
    assay("acquire", "run")
    said = assay("acquire", "advise", "--budget", "600")
    assert said.code == 0
    assert "guarantee estimate, no error bound" in said.out
    assert "it missed 5 runs of up to 444 by" in " ".join(said.out.split())
    assert "calls " in said.out
    found = json.loads(assay("acquire", "advise", "--budget", "600", "--json").out)["verdicts"][0]
    assert (found["code"], found["status"], found["guarantee"]["kind"]) == ("FEA301", "inconclusive", "estimate")
    series = found["evidence"]["series"]
    forms, calls = series["rows_to_buy"]
    assert 0.5 * forms + calls == pytest.approx(found["evidence"]["statistic"]["cost"])
    assert 590 < found["evidence"]["statistic"]["cost"] <= 600
    assert min(series["times_least"]) == 1
    assert len(series["mix_1"]) == 25
    assert calls <= 900
    page = assay("acquire", "advise", "--budget", "600", "--format", "html").out
    assert "rows to buy" in page
    assert "share of the money for forms" in page


def test_every_run_is_logged(assay: Assay, folder: Path) -> None:
    assay("acquire", "run")
    listed = assay("runs", "list", "--limit", "100").out
    assert listed.count("loss ") == 20
    first = listed.split()[0]
    shown = assay("runs", "show", first).out
    assert "rows.forms" in shown
    assert "rows.calls" in shown


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("price = 0.5", "price = 0", "price of 'forms' is 0"),
        ("price = 0.5", "prize = 0.5", "did you mean 'price'?"),
        ("stock = 900", "stock = -1", "stock of 'calls' is -1"),
        ("[acquire.sources.calls]", "[acquire.sources.cals]", "names 'cals'; did you mean 'calls'?"),
        ('role = "dev"', 'role = "test"', "no dataset has the role 'dev'"),
        ('train = "fitting', 'code = "fitting', 'needs train = "module:callable"'),
        (
            "[acquire.sources.forms]",
            '[acquire]\nloss = "log"\n[acquire.sources.forms]',
            'set loss = "error" in [acquire]',
        ),
        ("[acquire.sources.forms]", "[acquire]\nlargest = 9000\n[acquire.sources.forms]", "plan at most 444"),
        ("[acquire.sources.forms]", '[acquire]\ndataset = "calls"\n[acquire.sources.forms]', "has the role 'train'"),
        ('source = "calls.csv"', 'source = "few.csv"', "180 rows of each source will do, and 'calls' has 50"),
    ],
)
def test_bad_projects_are_refused_in_a_line(assay: Assay, folder: Path, old: str, new: str, words: str) -> None:
    pd.read_csv(folder / "calls.csv").head(50).to_csv(folder / "few.csv", index=False)
    declare(folder, old=old, new=new)
    said = assay("acquire", "run")
    assert said.code == 2
    assert words in said.err
    assert said.err.count("\n") == 1
    assert not (folder / "log").exists() or "loss" in new


def test_without_sources_the_way_out_is_named(assay: Assay, folder: Path) -> None:
    (folder / "assay.toml").write_text(PROJECT.partition("[acquire")[0])
    assert "add [acquire.sources.NAME] with price = ..." in assay("acquire", "plan").err


def test_a_budget_that_buys_nothing_is_refused(assay: Assay, folder: Path) -> None:
    assay("acquire", "run")
    assert "buys no row: the cheapest costs 0.5" in assay("acquire", "advise", "--budget", "0.2").err


def test_rows_that_a_source_shares_with_the_judge_are_refused(assay: Assay, folder: Path) -> None:
    (folder / "dev.csv").write_text("\n".join((folder / "forms.csv").read_text().splitlines()[:200]) + "\n")
    said = assay("acquire", "plan")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "rows of 'forms' too" in said.err
