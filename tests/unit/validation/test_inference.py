from __future__ import annotations

from hashlib import md5

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.errors import DataError
from assay.validation import Schema, infer, profile, validate


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
    # That the id repeats nothing, a profile cannot say.
    plain = frame().drop(columns="id")
    assert infer(profile(plain)) == infer(plain)
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


def odd_columns(rows=600, seed=0):
    rng = np.random.default_rng(seed)
    lists = [[0] * int(n) for n in rng.integers(1, 4, rows)]
    missing = rng.normal(size=rows)
    missing[:30] = np.nan
    mask = np.zeros(rows, dtype=bool)
    mask[30:60] = True
    return pa.table(
        {
            "order_id": np.arange(rows),
            "customer_id": rng.integers(0, 50, rows),
            "mail": [f"user{i}@mail.org" for i in range(rows)],
            "page": [f"https://shop.org/item/{i}" for i in range(rows)],
            "token": [f"{i:08x}-1111-2222-3333-444444444444" for i in range(rows)],
            "note": ["x" * int(n) + str(i) for i, n in enumerate(rng.integers(0, 9, rows))],
            "always": [True] * rows,
            "country": ["DE"] * rows,
            "tags": lists,
            "gap": pa.array(missing, mask=mask),
            "week": np.where(rng.random(rows) < 0.01, np.inf, rng.normal(size=rows)),
        }
    )


def test_keys_lengths_formats_lists_and_odd_values_are_inferred():
    schema = infer(odd_columns())
    columns = schema.columns
    assert [name for name, column in columns.items() if column.unique] == ["order_id"]
    assert "the 600 values of the reference all differ" in columns["order_id"].because
    assert {name: column.format.kind for name, column in columns.items() if column.format} == {
        "mail": "email",
        "page": "url",
        "token": "uuid",
    }
    assert (columns["note"].length.min, columns["note"].length.max) == (1, 11)
    assert columns["token"].length.min == columns["token"].length.max == 36
    assert columns["always"].categories.values == ("true",)
    assert columns["country"].categories.values == ("DE",)
    assert (columns["tags"].values.min, columns["tags"].values.max) == (1, 3)
    assert columns["gap"].nan.at_most > 0.05
    assert columns["week"].infinite.at_most > 0.01
    assert columns["mail"].nan is columns["mail"].infinite is None
    assert 0.005 < columns["mail"].format.at_most < 0.05
    assert Schema.from_toml(schema.to_toml()) == schema
    assert not any(verdict.failed for verdict in validate(odd_columns(seed=1), schema, fingerprints={}))
    # A profile alone has not looked at every row.
    assert not any(column.unique or column.format for column in infer(profile(odd_columns())).columns.values())


def test_what_was_inferred_is_found_broken():
    schema, bad = infer(odd_columns()), odd_columns(seed=1).to_pandas()
    bad.loc[:100, "mail"] = "none given"
    bad.loc[:100, "note"] = "far too long a note"
    bad.loc[7, "order_id"] = 8
    bad["always"] = bad.index % 2 == 0
    bad = pa.Table.from_pandas(bad, preserve_index=False)
    bad = bad.set_column(bad.schema.get_field_index("gap"), "gap", pa.array(np.full(bad.num_rows, np.nan)))
    failed = {(verdict.code, verdict.subject) for verdict in validate(bad, schema, fingerprints={}) if verdict.failed}
    wanted = {("VAL114", "mail"), ("VAL112", "note"), ("VAL118", "order_id"), ("VAL104", "always"), ("VAL110", "gap")}
    assert wanted <= failed
    assert {subject for _, subject in failed} == {"mail", "note", "order_id", "always", "gap"}


def test_inference_by_unit_knows_keys_and_lengths_too():
    table = odd_columns().append_column("day", pa.array([f"d{i % 60}" for i in range(600)]))
    columns = infer(table, unit="day").columns
    assert columns["order_id"].unique
    assert columns["mail"].format.kind == "email"
    assert columns["note"].length.at_most >= 0.005
