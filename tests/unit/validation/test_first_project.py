from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from assay.errors import DataError
from assay.validation import describe_project


def frame(rows=1200, seed=0, clustered=True):
    rng = np.random.default_rng(seed)
    customer = np.arange(rows) // 12
    rate = rng.beta(0.3, 0.7, rows)[customer] if clustered else np.full(rows, 0.3)
    return pd.DataFrame(
        {
            "row_id": np.arange(rows),
            "customer_id": customer,
            "age": rng.integers(18, 90, rows),
            "churn": (rng.random(rows) < rate).astype(int),
        }
    )


def read(text):
    return tomllib.loads(text)


def test_a_single_csv(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame().to_csv("customers.csv", index=False)
    text = describe_project(["customers.csv"])
    project = read(text)
    assert list(project["datasets"]) == ["train"]
    assert project["datasets"]["train"] == {
        "role": "train",
        "source": "customers.csv",
        "label": "churn",
        "id": "row_id",
        "unit": "customer_id",
    }
    assert "rows cluster by customer_id" in text
    assert project["project"]["task"] == "classification"
    assert [check["stage"] for check in project["checks"]] == ["data", "feasibility"]
    assert len(text.splitlines()) < 30


def test_independent_rows_get_no_unit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame(clustered=False).to_parquet("data.parquet")
    assert "unit" not in read(describe_project(["data.parquet"]))["datasets"]["train"]


def test_roles_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i, name in enumerate(["my-train", "test_2020", "live", "other"]):
        frame(240, i).drop(columns=["churn"] if name == "live" else []).to_csv(f"{name}.csv", index=False)
    project = read(describe_project(sorted(p.name for p in tmp_path.iterdir())))
    roles = {name: dataset["role"] for name, dataset in project["datasets"].items()}
    assert roles == {"train": "train", "test_2020": "test", "live": "live", "other": "live"}
    assert "label" not in project["datasets"]["live"]
    assert project["datasets"]["test_2020"]["queries"] == 32
    assert project["checks"][0]["reference"] == "train"


def test_a_timestamp_and_a_number_as_label(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(40), 30)
    rows = pd.DataFrame(
        {"at": pd.Timestamp("2020-01-01 08:00") + pd.to_timedelta(day, unit="D"), "x": rng.normal(size=1200)}
    )
    rows.assign(price=rng.normal(size=40)[day] + rng.normal(size=1200)).to_parquet("a.parquet")
    text = describe_project(["a.parquet"])
    project = read(text)
    assert project["project"]["task"] == "regression"
    assert project["datasets"]["train"]["timestamp"] == "at"
    assert "rows cluster by the day of at" in text
    assert [check["use"] for check in project["checks"]] == ["VAL1"], "the Bayes error is one of classes"


def test_nothing_to_describe():
    with pytest.raises(DataError, match="no data file here"):
        describe_project([])
