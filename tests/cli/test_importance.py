"""``assay importance`` on declared datasets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loan_project import Assay, snapshot

TEXT = """
[project]
name = "orders"

[datasets.train]
role = "train"
source = "train.csv"
label = "late"
ignore = ["supplier"]

[datasets.checked]
role = "dev"
source = "checked.csv"
label = "late"
ignore = ["supplier"]

[datasets.test]
role = "test"
source = "checked.csv"
label = "late"
"""


@pytest.fixture
def orders(tmp_path: Path, assay: Assay) -> Path:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "supplier": rng.choice(["acme", "bolt"], 900),
            "weight": rng.normal(size=900),
            "kind": rng.choice(["a", "b"], 900),
            "who": rng.choice(["x", "y"], 900),
        }
    )
    late = (table.weight + (table.kind == "a") > 0.5).astype(int)
    table["late"] = late
    table.loc[(table.supplier == "bolt") & (rng.random(900) < 0.4), "late"] ^= 1
    table[:600].to_csv("train.csv", index=False)
    table.assign(late=late)[600:].to_csv("checked.csv", index=False)
    Path("assay.toml").write_text(TEXT)
    return tmp_path


def test_rows_and_groups_are_ranked_drawn_and_saved(orders: Path, assay: Assay) -> None:
    said = assay("importance", "--save", "values.csv", "--chart", "values.svg", "-k", "5")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].split() == ["row", "value", "supplier", "weight", "kind", "who", "late"]
    table = pd.read_csv("train.csv")
    saved = pd.read_csv("values.csv")
    assert saved.row.head(10).tolist() == [int(line.split()[0]) for line in lines[1:11]]
    assert saved.value.is_monotonic_increasing
    assert sorted(saved.row) == list(range(600))
    assert (table.supplier[saved.row.head(100)] == "bolt").mean() > 0.95
    assert "600 values sum to" in said.out.replace("\n", " ")
    assert "exact for the Shapley values of the 5-nearest-neighbor proxy" in said.out
    assert "(unverifiable)" in said.out
    assert "judged by 'checked'" in said.err
    assert "row" in (orders / "values.svg").read_text()
    grouped = assay("importance", "--group", "supplier")
    assert grouped.out.splitlines()[1].split()[0] == "bolt"
    assert "look at bolt first" in grouped.out
    assert assay("importance", "--group", "supplier").out == grouped.out


def test_without_other_rows_a_fifth_is_held_out(orders: Path, assay: Assay) -> None:
    text = TEXT.partition("[datasets.checked]")[0]
    (orders / "assay.toml").write_text(text)
    said = assay("importance", "--save", "values.csv")
    assert "judged by a fifth of 'train' that was held out" in said.err
    rows = pd.read_csv("values.csv").row
    assert 450 < len(rows) < 510
    # Rows are named by their places in the file, and the file's order does not choose who judges.
    table = pd.read_csv("train.csv")
    first = said.out.splitlines()[1].split()
    assert f"{table.weight[int(first[0])]}"[:6] in said.out.splitlines()[1]
    assert assay("importance").out == said.out


def test_fairness_and_few_validation_rows(orders: Path, assay: Assay) -> None:
    said = assay("importance", "--utility", "fairness", "--sensitive", "who", "--group", "supplier", "--at-most", "100")
    assert said.code == 0, said.err
    assert "less the gap between rows of" in said.out
    assert "100 rows of 'checked'" in said.err


def test_a_join_is_valued_on_both_sides(orders: Path, assay: Assay) -> None:
    table = pd.read_csv("train.csv")
    table.assign(order=range(600), customer=np.arange(600) % 30).to_csv("train.csv", index=False)
    (orders / "assay.toml").write_text(
        TEXT.replace('ignore = ["supplier"]', 'ignore = ["supplier", "order", "customer"]', 1)
    )
    said = assay("importance", "--group", "order", "--group", "customer", "--at-most", "20", "--save", "values.csv")
    assert said.code == 0, said.err
    saved = pd.read_csv("values.csv")
    assert saved.column.value_counts().to_dict() == {"order": 600, "customer": 30}


def test_a_regression_is_judged_by_its_squared_error(orders: Path, assay: Assay) -> None:
    (orders / "assay.toml").write_text(TEXT.replace('name = "orders"', 'name = "orders"\ntask = "regression"'))
    said = assay("importance", "--group", "supplier")
    assert "mean fall of the squared error" in said.out
    assert said.out.splitlines()[1].split()[0] == "bolt"


def test_a_registered_pipeline_prepares_the_rows(trained: Path, assay: Assay) -> None:
    said = assay("importance", "--model", "loan", "--show", "2")
    assert said.code == 0, said.err
    assert "as loan prepares them" in said.err
    assert assay("importance", "--model", "loan/1", "--show", "2").out == said.out
    missing = assay("importance", "--model", "laon")
    assert missing.code == 2
    assert "laon" in missing.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dataset", "test"), "is a test set"),
        (("--validation", "test"), "is a test set"),
        (("--validation", "chekced"), "did you mean 'checked'?"),
        (("--group", "suplier"), "did you mean 'supplier'?"),
        (("--group", "supplier", "--group", "kind"), "goes with more than one kind"),
        (("--group", "a", "--group", "b", "--group", "c"), "--group c"),
        (("--utility", "fairness"), "needs sensitive"),
        (("--utility", "fairness", "--sensitive", "whoo"), "did you mean 'who'?"),
        (("--sensitive", "who"), "leave it out"),
        (("--group", "supplier", "-k", "21"), "at most 20"),
        (("--model", "x"), "no model 'x' is registered yet"),
        (("--chart", "found.pdf"), "draw it as"),
        (("--save", "nowhere/values.csv"), "no folder"),
        (("--with", "chekced=train.csv"), "did you mean 'checked'?"),
    ],
)
def test_mistakes(orders: Path, assay: Assay, arguments: tuple[str, ...], words: str) -> None:
    before = snapshot(orders)
    said = assay("importance", *arguments)
    assert said.code == 2
    assert len(said.err.splitlines()) == 1
    assert words in said.err
    assert said.out == ""
    assert snapshot(orders) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(late=t.late.where(t.index != 7)), ["'late'", "row 7"]),
        (lambda t: t.assign(supplier=t.supplier.where(t.index != 5)), ["row 5", "supplier"]),
        (lambda t: t[:0], ["no rows"]),
        (lambda t: t.drop(columns="late"), ["'late'", "assay.toml:"]),
        (lambda t: t.assign(extra=1.0), ["'checked'", "'extra'"]),
    ],
    ids=["no label", "no group", "no rows", "no label column", "other columns"],
)
def test_mistakes_in_the_table(orders: Path, assay: Assay, change, words: list[str]) -> None:
    change(pd.read_csv("train.csv")).to_csv("train.csv", index=False)
    before = snapshot(orders)
    said = assay("importance", "--group", "supplier")
    assert said.code == 2, said
    assert len(said.err.splitlines()) == 1
    assert not [word for word in words if word not in said.err], said.err
    assert snapshot(orders) == before
