"""What ``assay init`` takes for the unit and for the test set, and what a table shows by itself."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from loan_project import Assay


def rows(number: int = 900, seed: int = 0) -> pd.DataFrame:
    """Rows whose label hangs on an age and, more, on a yes or no."""
    rng = np.random.default_rng(seed)
    age, yes = rng.integers(18, 90, number), rng.random(number) < 0.4
    late = age / 90 + 0.5 * yes + rng.normal(0, 0.15, number) > 0.9
    return pd.DataFrame({"age": age, "returning_user": yes.astype(int), "target": late.astype(int)})


def of_customers(ids: list[str], each: int = 12) -> pd.DataFrame:
    """Several rows of each customer, alike in their label."""
    rng = np.random.default_rng(1)
    frame = rows(len(ids) * each)
    frame["target"] = (rng.random(len(frame)) < np.repeat(rng.beta(0.3, 0.7, len(ids)), each)).astype(int)
    return frame.assign(who=np.repeat(ids, each))


def declared() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads(Path("assay.toml").read_text())["datasets"]
    return found


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("returning_user", lambda yes: yes),
        ("has_account", lambda yes: np.where(yes, "yes", "no")),
        ("school", lambda yes: np.where(yes, "GP", "MS")),
        ("store", lambda yes: 10 * yes + np.arange(yes.size) % 5),
    ],
)
def test_a_feature_of_few_values_is_no_unit(assay: Assay, name: str, values: object) -> None:
    frame = rows()
    frame = frame.assign(**{name: values(frame["returning_user"].to_numpy())})  # type: ignore[operator]
    frame[["age", name, "target"]].to_csv("loans.csv", index=False)
    said = assay("init")
    assert (said.code, "the unit" in said.err, "unit" in declared()["train"]) == (0, False, False)
    done = assay("check", "--json")
    [limit] = [verdict for verdict in json.loads(done.out)["verdicts"] if verdict["code"] == "FEA101"]
    assert (done.code, limit["guarantee"]["kind"]) == (0, "exact")
    assert not [action for action in limit["actions"] if "unit" in action["title"]]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("customer_id", [str(number) for number in range(40)]),
        ("who", [f"K{number:04d}" for number in range(40)]),
        ("contact", [f"person{number}@example.org" for number in range(40)]),
    ],
)
def test_a_unit_is_told_with_its_reason(assay: Assay, name: str, ids: list[str]) -> None:
    of_customers(ids).rename(columns={"who": name})[[name, "age", "target"]].to_csv("loans.csv", index=False)
    said = assay("init")
    assert declared()["train"]["unit"] == name
    assert "guessed: the label is 'target' (its name sounds like one)" in said.err
    assert f"guessed: the unit is {name!r} (target differs between its 40 values by more than chance)" in said.err
    assert assay("check").code == 0


def test_a_category_of_many_values_is_no_unit(assay: Assay) -> None:
    towns = [f"{first}{last}" for first in ("Alt", "Neu", "Bad", "Ober", "Unter") for last in "abcdefgh"]
    of_customers(towns).rename(columns={"who": "town"}).to_csv("loans.csv", index=False)
    assert (assay("init").code, "unit" in declared()["train"]) == (0, False)


def test_id_and_timestamp_are_told(assay: Assay) -> None:
    frame = rows()
    frame.insert(0, "order_id", range(900))
    frame.insert(1, "day", pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(900) // 30, unit="D"))
    frame.to_csv("loans.csv", index=False)
    said = assay("init")
    assert "guessed: the id is 'order_id'" in said.err
    assert "guessed: the timestamp is 'day'" in said.err


@pytest.mark.parametrize("name", ["test", "holdout", "loans"])
def test_predictions_for_the_only_table_make_it_the_test_set(assay: Assay, name: str) -> None:
    frame = rows()
    frame.to_csv(f"{name}.csv", index=False)
    rng = np.random.default_rng(2)
    for model, right in (("new", 0.95), ("old", 0.7)):
        said = np.where(rng.random(900) < right, frame["target"], 1 - frame["target"])
        pd.DataFrame({"prediction": said}).to_csv(f"{model}.csv", index=False)
    told = assay("init")
    assert {dataset["source"]: dataset["role"] for dataset in declared().values()} == {f"{name}.csv": "test"}
    assert f"{name}.csv is the test set; new.csv and old.csv hold predictions for {name}.csv" in told.err
    assert "guessed: new is the new model, old the old one" in told.err
    assert "left out" not in told.err
    [verdict] = json.loads(assay("check", "--json").out)["verdicts"]
    assert (verdict["check"], verdict["status"]) == ("better", "pass")


@pytest.mark.parametrize("key", ["unit", "timestamp", "id"])
def test_the_label_has_no_second_task(assay: Assay, key: str) -> None:
    rows().to_csv("loans.csv", index=False)
    lines = ["[project]", 'name = "loans"', "[datasets.train]", 'role = "train"', 'source = "loans.csv"']
    Path("assay.toml").write_text("\n".join([*lines, 'label = "target"', f'{key} = "target"\n']))
    said = assay("check")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"error: assay.toml:7: {key} of dataset 'train' is 'target', which is its label; "
        f"name another column, or leave {key} out\n"
    )


@pytest.mark.parametrize(
    ("change", "status", "told", "way_out"),
    [
        (lambda frame: frame, "pass", "none empty; target has 2 different values; 2 rows are copies of others", ""),
        (lambda frame: frame.assign(year=2013), "pass", "year has one value only", ""),
        (
            lambda frame: frame.assign(target=1),
            "fail",
            "the label 'target' has one value (1) in all rows that have one: no model can learn from it",
            "add rows of another class, or name another column as the label",
        ),
        (
            lambda frame: frame.assign(target=frame["target"].where(frame.index % 10 > 0)),
            "fail",
            "the label 'target' has no value in 91 of 902 rows",
            "label these rows, or leave them out",
        ),
        (lambda frame: frame.assign(notes=None), "fail", "notes has no value", "fill notes, or leave it out"),
    ],
)
def test_a_table_by_itself(assay: Assay, change: object, status: str, told: str, way_out: str) -> None:
    frame = rows().assign(amount=np.arange(900) / 7)
    frame = pd.concat([frame, frame[:2]], ignore_index=True)
    columns = ["age", "amount", "returning_user", "target"]
    change(frame[columns]).to_csv("loans.csv", index=False)  # type: ignore[operator]
    assert assay("init").code == 0
    done = assay("check", "data", "--json")
    [verdict] = json.loads(done.out)["verdicts"]
    assert (done.code, verdict["code"], verdict["status"]) == (0, "VAL101", status)
    assert told in verdict["reason"]
    assert [action["title"] for action in verdict["actions"]] == ([way_out] if way_out else [])
    assert verdict["guarantee"]["kind"] == "exact"
    shown = assay("check", "data").out
    assert "..." not in shown


def test_what_cannot_be_asked_is_told(assay: Assay) -> None:
    frame = rows()[["target"]]
    frame.to_csv("loans.csv", index=False)
    assert "not asked: can any model reach a target? There is no column to tell target by" in assay("init").err
    assert assay("check").code == 0


def test_numbers_are_predicted_without_a_claim(assay: Assay) -> None:
    frame = rows().assign(price=lambda all_: all_["age"] * 1.7).drop(columns="target")
    frame[:500].to_csv("train.csv", index=False)
    frame[500:].to_csv("test.csv", index=False)
    pd.DataFrame({"prediction": frame["price"][500:] * 1.01}).to_csv("new.csv", index=False)
    said = assay("init")
    assert "not asked: is a model good enough? init writes claims of classes alone, and price is a number" in said.err
    assert assay("check").code == 0


def test_a_file_without_a_column_of_the_training_data_is_left_out(assay: Assay) -> None:
    frame = rows()
    frame.drop(columns="target").to_csv("X.csv", index=False)
    frame[["target"]].to_csv("y.csv", index=False)
    said = assay("init")
    why = "it has no column of X.csv; if it holds the labels, put them into a column of that"
    assert f"left out: y.csv: {why}" in said.err
    assert list(declared()) == ["train"]


def test_a_table_of_another_format_is_named_with_the_way_out(assay: Assay) -> None:
    Path("loans.xlsx").write_bytes(b"PK")
    said = assay("init")
    assert (said.code, said.err.endswith("; save loans.xlsx as CSV or Parquet\n")) == (2, True)
