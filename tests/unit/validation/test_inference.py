from __future__ import annotations

from hashlib import md5

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.errors import DataError
from assay.validation import infer, profile


def frame(rows=2000, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "name": [f"n{i}" for i in range(rows)],
            "year": np.full(rows, 2013),
            "origin": rng.choice(["EWR", "JFK"], rows),
            "one": np.full(rows, 7),
            "x": rng.normal(size=rows),
            "late": rng.random(rows) < 0.2,
            "at": pd.Timestamp("2013-01-01") + pd.to_timedelta(np.arange(rows) // 20, unit="D"),
        }
    )


def test_each_kind_of_column_gets_its_rules():
    columns = infer(frame()).columns
    rules = {
        name: [family for family in ("range", "tails", "categories") if getattr(column, family) is not None]
        for name, column in columns.items()
    }
    assert rules == {
        "id": [],
        "name": [],
        "year": [],
        "origin": ["categories"],
        "one": ["range"],
        "x": ["range", "tails"],
        "late": [],
        "at": [],
    }
    assert all(column.nulls is not None for column in columns.values())
    assert columns["one"].range.min == columns["one"].range.max == 7


def test_a_profile_is_enough_without_a_unit():
    assert infer(profile(frame())) == infer(frame())
    with pytest.raises(DataError, match="does not know its units"):
        infer(profile(frame()), unit="at")


def test_more_rows_give_tighter_limits():
    few, many = (infer(frame(rows)).columns["x"] for rows in (300, 20_000))
    for family in ("nulls", "range", "tails"):
        assert getattr(many, family).at_most < getattr(few, family).at_most
    assert 0.01 < many.nulls.at_most < 0.011


def test_the_order_of_rows_does_not_matter():
    assert infer(frame().sample(frac=1, random_state=1)) == infer(frame())
    assert infer(frame().sample(frac=1, random_state=1), unit="at") == infer(frame(), unit="at")


def test_by_unit_half_of_the_units_set_the_thresholds():
    rows = frame()
    schema = infer(rows, unit="at")
    assert (schema.reference.unit, schema.reference.units, schema.reference.error) == ("at", 100, 0.0)
    assert schema.reference.rows == 2000
    by_digest = rows["at"].dt.strftime("%Y-%m-%d %H:%M:%S").map(lambda day: md5(day.encode()).hexdigest()[0] < "8")
    half = rows[by_digest]
    assert 0.3 < len(half) / len(rows) < 0.7
    assert schema.columns["x"].tails.low == pytest.approx(half.x.quantile(0.01), abs=1e-12)
    assert schema.columns["x"].tails.low != pytest.approx(rows.x.quantile(0.01), abs=1e-12)
    assert schema.columns["at"].range is None


def test_too_few_units():
    with pytest.raises(DataError, match=r"has 2 different u: a reference by unit needs at least 4"):
        infer(pa.table({"u": ["a", "b"], "x": [1, 2]}), unit="u")
    with pytest.raises(DataError, match="no column 'dat'; did you mean 'at'"):
        infer(frame(), unit="dat")


def test_infinite_values_are_expected_when_the_reference_has_them():
    x = np.random.default_rng(0).normal(size=5000)
    x[:500] = np.inf
    column = infer(pa.table({"x": x})).columns["x"]
    assert column.range.at_most > 0.1
    assert np.isfinite(column.range.max)
