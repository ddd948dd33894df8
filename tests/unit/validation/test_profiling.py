from __future__ import annotations

import datetime as dt
import gc
import math
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import data
from assay.data.connection import session
from assay.errors import DataError
from assay.validation import Profile, profile, profile_query


def test_a_query_is_held_and_dropped_without_a_word(monkeypatch):
    """What Ibis' own cache does when its table is forgotten is to print a traceback."""
    said = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    kept = data.table(pa.table({"a": [1, 2, 3], "b": [4, 5, 6]})).drop("b")
    assert profile(kept).columns["a"].rows == 3
    del kept
    gc.collect()
    assert profile(pa.table({"a": [1]})).rows == 1
    assert not said


def test_every_number_agrees_with_pandas():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": np.where(rng.random(1000) < 0.1, np.nan, rng.lognormal(size=1000)),
            "i": rng.integers(0, 5, 1000),
            "s": rng.choice(["a", "bb", "ccc"], 1000),
            "b": rng.random(1000) < 0.3,
            "t": pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 10**6, 1000), unit="s"),
        }
    )
    found = profile(frame).columns
    x = found["x"]
    assert (x.nulls, x.rows) == (int(frame.x.isna().sum()), 1000)
    for name in ("mean", "min", "max"):
        assert getattr(x, name) == pytest.approx(getattr(frame.x, name)())
    assert x.sd == pytest.approx(frame.x.std())
    assert x.quantiles["0.99"] == pytest.approx(frame.x.quantile(0.99))
    assert found["i"].zeros == int((frame.i == 0).sum())
    assert {v.value: v.count for v in found["s"].top} == frame.s.value_counts().to_dict()
    assert (found["s"].distinct, found["s"].distinct_exact) == (3, True)
    assert found["s"].length_mean == pytest.approx(frame.s.str.len().mean())
    assert {v.value: v.count for v in found["b"].top} == {"false": int((~frame.b).sum()), "true": int(frame.b.sum())}
    assert found["t"].max == frame.t.max().isoformat()
    assert [c.kind for c in found.values()] == ["number", "integer", "string", "boolean", "timestamp"]


def test_nan_and_infinity_are_counted_apart():
    values = [1.0, math.nan, math.inf, -math.inf, None, 3.0, 1e300]
    x = profile(pa.table({"x": pa.array(values)})).columns["x"]
    assert (x.nulls, x.nan, x.infinite) == (2, 1, 2)
    # 1e300 would overflow the fourth power, so moments leave it out; min and max do not.
    assert (x.min, x.max, x.mean, x.sd) == (1.0, 1e300, 2.0, pytest.approx(math.sqrt(2)))


def test_odd_columns():
    table = pa.table(
        {
            "nothing": pa.array([None, None], pa.float64()),
            "list": [[1], [2, 3]],
            "day": [dt.date(2013, 1, 1), None],
            "time": [dt.time(5), dt.time(6)],
            "a b": ["x", "x"],
        }
    )
    found = profile(table).columns
    assert (found["nothing"].nulls, found["nothing"].mean) == (2, None)
    assert (found["list"].kind, found["list"].distinct) == ("list", None)
    assert found["day"].min == "2013-01-01"
    assert found["time"].kind == "time"
    assert found["a b"].distinct == 1


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("NULL", "other"),
        ("'a'::ENUM('a', 'b')", "string"),
        ("'101'::BIT", "other"),
        ("MAP {1: 2}", "other"),
        ("INTERVAL 1 DAY", "other"),
        ("union_value(k := 1)", "other"),
        ("1.5::DECIMAL(9, 2)", "number"),
        ("1::HUGEINT", "number"),
        ("uuid()", "other"),
        ("TIMETZ '10:00:00+01'", "time"),
    ],
)
def test_types_that_a_profile_knows_little_of(value, kind):
    backend = session().backend
    backend.con.execute(f"CREATE OR REPLACE TEMP TABLE odd AS SELECT {value} AS x, 1 AS y")
    found = profile(backend.table("odd")).columns["x"]
    assert (found.kind, found.rows, found.nulls) == (kind, 1, int(value == "NULL"))


def test_a_pandas_column_without_a_value():
    frame = pd.DataFrame({"x": [None, None]})
    found = profile(frame)
    assert found.columns["x"].nulls == 2
    assert found.merge(profile(pd.DataFrame({"x": ["a", "b"]}))).columns["x"].nulls == 2


def test_one_statement_aggregates_a_table(monkeypatch):
    table = data.table(pa.table({f"c{i}": [1.0, 2.0] for i in range(20)} | {"s": ["a", "b"]}))
    asked = []
    real = profile_query.fetch
    monkeypatch.setattr(profile_query, "fetch", lambda *each: asked.append(each[1]) or real(*each))
    profile(table)
    assert len([sql for sql in asked if "COUNT(*), NULL, " in sql]) == 1


@pytest.mark.parametrize("width", [150, pytest.param(500, marks=pytest.mark.slow)])
def test_wide_tables(width):
    table = pa.table({f"x{i}": [float(i), 2.0] for i in range(width - 10)} | {f"s{i}": ["a", "b"] for i in range(10)})
    found = profile(table)
    assert len(found.columns) == width
    assert found.columns[f"x{width - 11}"].max == width - 11
    assert list(found.columns) == table.column_names


def test_it_prints_one_line_a_column_and_survives_json():
    found = profile(pa.table({"origin": ["EWR", None], "delay": [1.5, 2.0]}))
    lines = str(found).splitlines()
    assert lines[0] == "the table: 2 rows, 2 columns"
    assert [line.split()[0] for line in lines[2:]] == ["origin", "delay"]
    assert Profile.from_json(found.to_json()) == found
    assert found.to_dict()["columns"]["origin"]["nulls"] == 1


def test_what_cannot_be_profiled():
    with pytest.raises(DataError, match="has no rows"):
        profile(pa.table({"x": pa.array([], pa.int64())}))
    with pytest.raises(DataError, match="no column 'y'"):
        profile(pa.table({"x": [1]}), columns=["y"])
    assert list(profile(pa.table({"x": [1], "y": [2]}), columns=["y"]).columns) == ["y"]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False) | st.none(), min_size=2, max_size=20).filter(
        lambda v: any(x is not None for x in v)
    ),
    st.randoms(),
)
def test_the_order_of_rows_does_not_matter(values, random):
    mixed = values[:]
    random.shuffle(mixed)
    one, two = (profile(pa.table({"x": pa.array(v, pa.float64())})).columns["x"] for v in (values, mixed))
    assert (one.nulls, one.min, one.max, one.quantiles) == (two.nulls, two.min, two.max, two.quantiles)


def test_nan_in_a_parquet_file_is_missing(tmp_path):
    # Statistics of the file leave NaN out, and an optimizer that trusts them finds none.
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": pa.array([0.0, 1.0, float("nan")] * 100)}), path)
    column = profile(path).columns["x"]
    assert column.nan == 100
    assert (column.min, column.max) == (0.0, 1.0)
