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


def test_what_is_accepted_is_put_into_a_reviewed_file(orders, assay):
    reviewed = (
        '# Reviewed by Ada.\nversion = 1\n\n[columns.net]  # before tax\ntype = "integer"\n'
        "range = { min = 1, max = 400 }  # the till refuses more\n"
    )
    (orders / "rules.toml").write_text(reviewed)
    told = assay("suggest", "orders.csv", "--accept", "all", "--accept", "unique:order_id", "--output", "rules.toml")
    assert told.code == 0
    assert "kept: columns.net.range is { min = 1, max = 400 }; suggested is " in told.err
    assert "+ columns.order_id.unique = true" in told.out
    text = (orders / "rules.toml").read_text()
    assert text.startswith("# Reviewed by Ada.")
    assert "[columns.net]  # before tax" in text
    assert "range = { min = 1, max = 400 }  # the till refuses more" in text
    schema = Schema.from_toml(text)
    assert schema.columns["order_id"].unique
    assert schema.columns["net"].nulls.at_most > 0
    assert schema.relations[0].sql == '"net" <= "gross"'
    again = assay("suggest", "orders.csv", "--accept", "all", "--output", "rules.toml")
    assert again.out.strip() == "nothing changes"
    assert (orders / "rules.toml").read_text() == text
    replaced = assay("suggest", "orders.csv", "--accept", "all", "--output", "rules.toml", "--replace")
    assert "columns.net.range.at_most" in replaced.out
    assert not replaced.err.startswith("kept")
    assert Schema.from_toml((orders / "rules.toml").read_text()).columns["net"].range.at_most > 0


def test_in_a_project_the_schema_file_takes_them(orders, assay):
    (orders / "assay.toml").write_text(
        '[project]\nname = "orders"\nschema = "what.toml"\n[datasets.train]\nrole = "train"\nsource = "orders.csv"\n'
    )
    assert assay("suggest", "train", "--accept", "unique:order_id").code == 0
    assert Schema.from_toml((orders / "what.toml").read_text()).columns["order_id"].unique


def test_mistakes(orders, assay):
    assert "needs --output FILE" in assay("suggest", "orders.csv", "--accept", "all").err
    assert "add --accept NAME" in assay("suggest", "orders.csv", "--output", "x.toml").err
    assert "did you mean" in assay("suggest", "orders.csv", "--accept", "nulls:nett", "--output", "x.toml").err
    assert 'write "1/year"' in assay("suggest", "orders.csv", "--false-alarms", "few").err
    assert not (orders / "x.toml").exists()
