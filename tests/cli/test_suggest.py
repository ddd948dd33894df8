from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.validation import Schema


@pytest.fixture
def orders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    net = rng.integers(1, 500, 4000)
    pd.DataFrame({"order_id": np.arange(4000), "net": net, "gross": net + rng.integers(1, 90, 4000)}).to_csv(
        "orders.csv", index=False
    )
    return tmp_path


def test_suggestions_are_shown_and_accepted(orders, assay):
    shown = assay("suggest", "orders.csv", "--batch-rows", "200")
    assert shown.code == 0
    assert "order:net<=gross  [at_most]" in shown.out
    assert not (orders / "rules.toml").exists()
    written = assay("suggest", "orders.csv", "--accept", "all", "--accept", "unique:order_id", "--output", "rules.toml")
    assert written.code == 0
    schema = Schema.from_toml((orders / "rules.toml").read_text())
    assert schema.columns["order_id"].unique
    assert schema.relations[0].sql == '"net" <= "gross"'
    again = assay("suggest", "orders.csv", "--accept", "all", "--output", "rules.toml")
    assert again.code == 2
    assert "a person may have reviewed it" in again.err


def test_mistakes(orders, assay):
    assert "go together" in assay("suggest", "orders.csv", "--accept", "all").err
    assert "did you mean" in assay("suggest", "orders.csv", "--accept", "nulls:nett", "--output", "x.toml").err
    assert 'write "1/year"' in assay("suggest", "orders.csv", "--false-alarms", "few").err
    assert not (orders / "x.toml").exists()
