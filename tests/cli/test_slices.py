from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

DEV = """
[datasets.dev]
role = "dev"
source = "dev.csv"
label = "late"
"""


@pytest.fixture
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = 6000
    table = pd.DataFrame(
        {
            "region": rng.choice(["north", "south", "west"], rows),
            "hour": rng.integers(0, 24, rows),
            "late": rng.integers(0, 2, rows),
        }
    )
    table.to_csv("dev.csv", index=False)
    for name, bad in (("good", "none"), ("bad", "west")):
        wrong = rng.random(rows) < np.where(table.region == bad, 0.4, 0.1)
        pd.DataFrame({"prediction": table.late ^ wrong}).to_csv(f"{name}.csv", index=False)
    (tmp_path / "assay.toml").write_text(
        '# of orders\n[project]\nname = "orders"\n' + DEV + DEV.replace("dev", "test")
        + "".join(f'\n[models.{name}]\npredictions = "{name}.csv"\n' for name in ("good", "bad"))
    )  # fmt: skip
    return tmp_path


def test_slices_are_found_drawn_and_saved(orders, assay):
    said = assay("slices", "--model", "bad", "--new", "bad", "--chart", "found.svg", "--save", "west")
    assert said.code == 0
    assert "1. CONFIRMED region is west: 37% wrong against 11%" in said.out
    assert "CLEARED: no slice" in said.out
    assert "exact, 0.025 for any CONFIRMED slice" in said.out
    assert "lift" in (orders / "found.svg").read_text()
    declared = (orders / "assay.toml").read_text()
    assert declared.startswith("# of orders\n")
    assert tomllib.loads(declared)["slices"] == {"west": "region = 'west'"}
    again = assay("slices", "--model", "bad", "--new", "bad", "--save", "west")
    assert again.code == 2
    assert "there is a slice 'west' already" in again.err


def test_searches_of_the_same_rows_are_charged(orders, assay):
    first = assay("slices", "--model", "bad", "--new", "bad")
    assert assay("slices", "--model", "bad", "--new", "bad").out == first.out
    within = assay("slices", "--model", "bad", "--new", "bad", "--within", "hour < 12")
    assert "exact, 0.0125" in within.out
    assert "alpha" in assay("ledger", "show").out
    assert assay("ledger", "verify").code == 0
    for hour in range(1, 20):
        last = assay("slices", "--model", "bad", "--new", "bad", "--within", f"hour > {hour}", "--level", "1")
    assert last.code == 4
    assert "left no error probability" in last.err


def test_where_one_model_is_worse(orders, assay):
    said = assay("slices", "--model", "bad", "--new", "bad", "--compare", "good")
    assert "region is west" in said.out.splitlines()[0]
    assert "points more error" in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dataset", "test"), "is a test set"),
        (("--dataset", "tset"), "did you mean"),
        (("--new", "badd"), "did you mean"),
        ((), "has no champion yet"),
        (("--new", "bad", "--within", "hours > 3"), "hours"),
        (("--new", "bad", "--within", "hour > 90"), "no row"),
        (("--new", "bad", "--chart", "found.pdf"), "draw it as"),
        (("--new", "bad", "--level", "1", "--save", "x", "--pick", "99"), "--pick 99"),
    ],
)
def test_mistakes(orders, assay, arguments, words):
    said = assay("slices", "--model", "bad", *arguments)
    assert said.code == 2
    assert words in said.err
    assert "[slices]" not in (orders / "assay.toml").read_text()


GATE = """
[[checks]]
id = "everywhere"
claim = "no_slice_regression(tau={tau}, max_level=1)"
datasets = ["test"]
model = "new"
new = "new"
old = "old"
blocking = true
"""


@pytest.mark.parametrize(("hurt", "code", "word"), [(0.0, 0, "pass"), (0.3, 1, "FAIL")])
def test_no_slice_regression_is_a_gate_check(project, assay, hurt, code, word):
    rng = np.random.default_rng(0)
    rows = 6000
    table = pd.DataFrame({"region": rng.choice(["north", "west"], rows), "late": rng.integers(0, 2, rows)})
    table.to_csv("test.csv", index=False)
    old = np.where(rng.random(rows) < 0.1, 1 - table.late, table.late)
    new = np.where((table.region == "west") & (rng.random(rows) < hurt), 1 - table.late, old)
    for name, values in (("old", old), ("new", new)):
        pd.DataFrame({"prediction": values}).to_csv(f"{name}.csv", index=False)
    text = (project / "assay.toml").read_text().partition("[[checks]]")[0]
    (project / "assay.toml").write_text(text + GATE.replace("{tau}", "0.05"))
    assert "every slice" in assay("plan", "--json").out
    said = assay("gate")
    assert said.code == code
    assert f"GAT103 everywhere  {word}" in said.out
    (project / "assay.toml").write_text(text + GATE.replace("{tau}", "2"))
    assert "needs tau" in assay("gate").err
    (project / "assay.toml").write_text(text + GATE.replace("{tau}", "0.1") + 'method = "sequential"\n')
    assert "leave out slices, method and mode" in assay("gate").err
