"""``assay init`` in folders as people have them, up to the first verdict."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from loan_project import Assay


def rows(seed: int, number: int, words: tuple[Any, Any] = (0, 1)) -> pd.DataFrame:
    """Rows whose label a plain model finds in nine of ten."""
    rng = np.random.default_rng(seed)
    age, income = rng.integers(18, 90, number), rng.gamma(2.0, 20_000.0, number).round(2)
    late = (age / 90 + rng.normal(0, 0.08, number) > 0.6).astype(int)
    return pd.DataFrame(
        {"age": age, "income": income, "region": rng.choice(["north", "south"], number), "y": np.array(words)[late]}
    )


def kaggle() -> None:
    """Text labels that the test set lacks, an answer sheet for it, and names for ids."""
    train, test = rows(1, 600, ("no", "yes")), rows(2, 300, ("no", "yes"))
    for frame, name, start in ((train, "train", 1), (test.drop(columns="y"), "test", 601)):
        frame.insert(0, "Id", range(start, start + len(frame)))
        frame.rename(columns={"y": "Approved"}).to_csv(f"{name}.csv", index=False)
    pd.DataFrame({"Id": range(601, 901), "Approved": "no"}).to_csv("sample_submission.csv", index=False)


def titanic() -> None:
    """The columns of the Titanic, with its tickets, cabins and holes."""
    rng = np.random.default_rng(0)
    number = 891
    female = rng.random(number) < 0.35
    codes = [f"A/5 {i}" if i % 4 == 0 else ("LINE" if i % 300 == 1 else str(100_000 + i)) for i in range(number)]
    frame = pd.DataFrame(
        {
            "PassengerId": range(1, number + 1),
            "Survived": (rng.random(number) < np.where(female, 0.95, 0.05)).astype(int),
            "Pclass": rng.integers(1, 4, number),
            "Name": [f'Braund, Mr. "O" {i}' for i in range(number)],
            "Sex": np.where(female, "female", "male"),
            "Age": np.where(rng.random(number) < 0.2, np.nan, rng.integers(1, 80, number)),
            "Ticket": codes,
            "Fare": rng.gamma(1.0, 30.0, number).round(4),
            "Cabin": [f"C{i}" if i % 5 == 0 else None for i in range(number)],
            "Embarked": rng.choice(["S", "C", "Q"], number),
        }
    )
    frame[:600].to_csv("train.csv", index=False)
    frame[600:].drop(columns="Survived").to_csv("test.csv", index=False)
    frame[600:][["PassengerId", "Survived"]].to_csv("gender_submission.csv", index=False)


def gate() -> None:
    """What the README leaves: the union, a test set, two files of predictions in its order."""
    whole = rows(3, 900).rename(columns={"y": "target"})
    test = whole[500:]
    whole.to_csv("whole.csv", index=False)
    whole[:500].to_csv("train.csv", index=False)
    test.to_csv("test.csv", index=False)
    rng = np.random.default_rng(4)
    for name, right in (("new", 0.97), ("old", 0.7)):
        said = np.where(rng.random(400) < right, test["target"], 1 - test["target"])
        pd.DataFrame({"prediction": said}).to_csv(f"{name}.csv", index=False)


def joined_by_id() -> None:
    """Predictions with ids, in another order, under another name, as probabilities; a data folder."""
    Path("data").mkdir()
    train, test = rows(5, 500), rows(6, 400)
    for frame, name in ((train, "training"), (test, "holdout")):
        frame.insert(0, "customer_id", [f"{seed:05d}" for seed in np.random.default_rng(7).permutation(len(frame))])
        frame.rename(columns={"y": "class"}).to_csv(f"data/{name}.csv", index=False)
    sure = np.where(test["y"] == 1, 0.9, 0.2)
    answers = pd.DataFrame({"customer_id": test["customer_id"], "probability": sure})
    answers[::-1].to_csv("data/model_v2.csv", index=False)


def one_file() -> None:
    frame = rows(8, 600, ("f", "t")).rename(columns={"y": "label"})
    frame.insert(0, "customer_no", [f"K{number:05d}" for number in range(600)])
    frame.to_csv("customers.csv", index=False)


def parquet_by_day() -> None:
    """A folder of Parquet files, one a month, with dates; and a batch."""
    Path("events").mkdir()
    for month in range(1, 5):
        frame = rows(month, 300)
        frame.insert(0, "day", pd.Timestamp(2024, month, 1) + pd.to_timedelta(np.arange(300) // 12, unit="D"))
        frame.rename(columns={"y": "is_late"}).to_parquet(f"events/2024-{month:02d}.parquet")


def numbered_parts() -> None:
    """Files that differ in digits alone are one table."""
    for month in range(1, 5):
        rows(month, 200).rename(columns={"y": "late"}).to_csv(f"loans_2024-{month:02d}.csv", index=False)


def german() -> None:
    """Names of files and columns in another language, one of them with letters that no bare key has."""
    for name, seed in (("Trainingsdaten_Kündigung", 9), ("Testdaten_Kündigung", 10)):
        frame = rows(seed, 400, ("nein", "ja")).rename(
            columns={"age": "Alter", "income": "Einkommen", "y": "gekündigt"}
        )
        frame.insert(0, "Kundennummer", range(10_000, 10_400))
        frame.to_csv(f"{name}.csv", index=False, sep=";")


def chinese() -> None:
    for name, seed in (("训练", 11), ("测试", 12)):
        rows(seed, 400).rename(columns={"age": "年龄", "y": "标签"}).to_csv(f"{name}.csv", index=False)


def a_slip_and_a_broken_file() -> None:
    """A word in a column of numbers, and a second file that nobody can read."""
    frame = rows(13, 500).astype({"income": str})
    frame.loc[7, "income"] = "unknown!"
    frame.rename(columns={"y": "default"}).to_csv("loans.csv", index=False)
    Path("notes.csv").write_bytes("Größe,Maß\n1,ä\n".encode("latin-1"))


# The folder, roles by source, label, models by the file of their predictions, what is left out, codes of the verdicts.
FOLDERS: list[tuple[Callable[[], None], dict[str, str], str, list[str], list[str], set[str]]] = [
    (kaggle, {"train.csv": "train", "test.csv": "pool"}, "Approved", [], ["sample_submission.csv"], {"VAL101", "FEA101"}),
    (titanic, {"train.csv": "train", "test.csv": "pool"}, "Survived", [], ["gender_submission.csv"], {"VAL101", "FEA101"}),
    (gate, {"train.csv": "train", "test.csv": "test"}, "target", ["new.csv", "old.csv"], ["whole.csv"], {"VAL101", "FEA101", "GAT101"}),
    (joined_by_id, {"data/training.csv": "train", "data/holdout.csv": "test"}, "class", ["data/model_v2.csv"], [], {"VAL101", "FEA101", "GAT101"}),
    (one_file, {"customers.csv": "train"}, "label", [], [], {"FEA101"}),
    (parquet_by_day, {"events": "train"}, "is_late", [], [], {"FEA101"}),
    (numbered_parts, {"loans_*.csv": "train"}, "late", [], [], {"FEA101"}),
    (german, {"Trainingsdaten_Kündigung.csv": "train", "Testdaten_Kündigung.csv": "test"}, "gekündigt", [], [], {"VAL101", "FEA101"}),
    (chinese, {"训练.csv": "train", "测试.csv": "test"}, "标签", [], [], {"VAL101", "FEA101"}),
    (a_slip_and_a_broken_file, {"loans.csv": "train"}, "default", [], ["notes.csv"], {"FEA101"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "roles", "label", "models", "left_out", "codes"), FOLDERS, ids=[case[0].__name__ for case in FOLDERS]
)
def test_a_folder_gets_a_first_verdict(
    assay: Assay,
    make: Callable[[], None],
    roles: dict[str, str],
    label: str,
    models: list[str],
    left_out: list[str],
    codes: set[str],
) -> None:
    make()
    said = assay("init")
    assert said.code == 0, said.err
    text = Path("assay.toml").read_text()
    project = tomllib.loads(text)
    sources = {
        name: d["source"] if isinstance(d["source"], str) else d["source"]["path"]
        for name, d in project["datasets"].items()
    }
    assert {sources[name]: dataset["role"] for name, dataset in project["datasets"].items()} == roles
    assert {dataset["label"] for dataset in project["datasets"].values() if "label" in dataset} == {label}
    assert [model["predictions"] for model in project.get("models", {}).values()] == models
    told = [line.split(": ")[1] for line in said.err.splitlines() if line.startswith("left out: ")]
    assert told == left_out
    assert ("assumed: " in said.err) == (len(roles) > 1)
    done = assay("check", "--json")
    assert done.code in (0, 1, 4), done.err
    verdicts = json.loads(done.out)["verdicts"]
    decided = {verdict["code"] for verdict in verdicts if verdict["status"] in ("pass", "fail", "inconclusive")}
    assert decided >= codes
    assert not [verdict for verdict in verdicts if verdict["status"] in ("fail", "error")]
    again = assay("init")
    assert (again.code, "is there already" in again.err) == (2, True)
    assert Path("assay.toml").read_text() == text


def test_predictions_are_compared_as_new_and_old(assay: Assay) -> None:
    gate()
    said = assay("init")
    assert (
        "assumed: train.csv is the training data, test.csv the test set; new.csv and old.csv hold predictions for test.csv"
        in said.err.replace("test.csv is the test", "test.csv the test")
    )
    said = assay("gate", "--json")
    [verdict] = json.loads(said.out)["verdicts"]
    assert (verdict["check"], verdict["status"]) == ("better", "pass")


def test_predictions_with_ids_are_joined_by_them(assay: Assay) -> None:
    joined_by_id()
    assay("init")
    assert tomllib.loads(Path("assay.toml").read_text())["datasets"]["holdout"]["id"] == "customer_id"
    [verdict] = json.loads(assay("gate", "--json").out)["verdicts"]
    assert verdict["evidence"]["estimate"] == 1.0


def test_a_training_set_that_holds_the_test_set_is_told(assay: Assay) -> None:
    gate()
    Path("train.csv").unlink()
    assay("init")
    assert "# it holds the rows of test.csv: a model trained on these has seen them" in Path("assay.toml").read_text()


def test_tables_that_look_alike_are_not_predictions(assay: Assay) -> None:
    """As many rows as the test set, and scores among its columns."""
    for name, seed in (("train", 1), ("test", 2), ("march", 3)):
        rows(seed, 300).rename(columns={"income": "score"}).to_csv(f"{name}.csv", index=False)
    assay("init")
    project = tomllib.loads(Path("assay.toml").read_text())
    assert {name: dataset["role"] for name, dataset in project["datasets"].items()} == {
        "train": "train",
        "test": "test",
        "march": "live",
    }
    assert "models" not in project


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.assign(y=frame["y"].where(frame.index % 10 > 0)), "50 rows have none"),
        (lambda frame: frame.assign(y=1), "there is but one class"),
    ],
)
def test_labels_that_no_model_could_learn_ask_for_none(
    assay: Assay, change: Callable[[pd.DataFrame], pd.DataFrame], told: str
) -> None:
    change(rows(1, 500)).to_csv("loans.csv", index=False)
    assert assay("init").code == 0
    text = Path("assay.toml").read_text()
    assert (told in text, 'task = "classification"' in text) == (True, True)
    assert assay("check").code == 0


def test_a_handful_of_rows_is_undecided(assay: Assay) -> None:
    rows(1, 8).to_csv("loans.csv", index=False)
    assert assay("init").code == 0
    verdicts = json.loads(assay("check", "feasible", "--json").out)["verdicts"]
    # The estimate may say what it likes.
    assert {verdict["code"]: verdict["status"] for verdict in verdicts}["FEA101"] == "inconclusive"


@pytest.mark.parametrize(("make", "column"), [(kaggle, "Id"), (german, "Kundennummer"), (one_file, "customer_no")])
def test_ids_are_known_by_their_names_and_values(assay: Assay, make: Callable[[], None], column: str) -> None:
    make()
    assert assay("init").code == 0
    project = tomllib.loads(Path("assay.toml").read_text())
    assert {dataset.get("id") for dataset in project["datasets"].values()} == {column}
