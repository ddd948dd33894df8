from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from assay import data
from assay.data.content import fingerprint


def print_of(source):
    return fingerprint(data.table(source))


words = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\x00\r", exclude_categories=("Cs",)),
    min_size=1,
    max_size=8,
).map(lambda text: "w" + text)
KINDS = {
    "integer": st.integers(-(2**53), 2**53),
    "float": st.floats(allow_nan=True, allow_infinity=True),
    "single": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "text": words,
    "bool": st.booleans(),
    "date": st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1)),
    "time": st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
    "instant": st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC)),
}
TYPES = {
    "integer": pa.int64(),
    "float": pa.float64(),
    "single": pa.float32(),
    "text": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us"),
    "instant": pa.timestamp("us", tz="UTC"),
}


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 12))
    # A name with a bare semicolon would pass for two: which sign separates is read from the first line.
    name = st.text("abcdefghij ,_é", min_size=1, max_size=6).map(lambda text: "w" + text)
    names = draw(st.lists(name, min_size=1, max_size=5, unique_by=str.lower))
    columns = []
    for i, _ in enumerate(names):
        kind = draw(st.sampled_from(sorted(KINDS)))
        # One value that is there: a column of nothing has no type to keep.
        value = KINDS[kind] if i == 0 else st.none() | KINDS[kind]
        columns.append(pa.array(draw(st.lists(value, min_size=rows, max_size=rows)), TYPES[kind]))
    return pa.table(columns, names=names)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), seed=st.integers(0, 2**32 - 1))
def test_same_rows_same_fingerprint_in_every_format(table, seed, tmp_path):
    expected = print_of(table)
    rng = np.random.default_rng(seed)
    shuffled = table.take(rng.permutation(table.num_rows)).select(list(rng.permutation(table.column_names)))
    assert print_of(shuffled) == expected
    parquet.write_table(table, tmp_path / "t.parquet")
    assert print_of(tmp_path / "t.parquet") == expected
    assert print_of(table.to_pandas()) == expected
    assert print_of(pl.from_arrow(table)) == expected
    if any(pa.types.is_floating(c.type) and pc.any(pc.is_inf(c)).as_py() for c in table.columns):
        return  # the docstring says why CSV does not carry these
    table.to_pandas().to_csv(tmp_path / "t.csv", index=False)
    assert print_of(tmp_path / "t.csv") == expected
    pl.from_arrow(table).write_csv(tmp_path / "p.csv")
    assert print_of(tmp_path / "p.csv") == expected


@settings(max_examples=25, deadline=None)
@given(table=tables(), place=st.integers(0, 10**6))
def test_a_repeated_or_missing_row_changes_it(table, place):
    expected = print_of(table)
    row = place % table.num_rows
    assert print_of(pa.concat_tables([table, table.slice(row, 1)])) != expected
    if table.num_rows > 1:
        assert print_of(pa.concat_tables([table.slice(0, row), table.slice(row + 1)])) != expected


def test_a_value_a_name_or_a_place_changes_it():
    table = pa.table({"a": ["x", "y"], "b": ["y", "x"]})
    changes = [
        pa.table({"a": ["x", "z"], "b": ["y", "x"]}),
        pa.table({"a": ["x", "y"], "c": ["y", "x"]}),
        pa.table({"a": ["y", "x"], "b": ["y", "x"]}),
        pa.table({"a": ["x", None], "b": ["y", "x"]}),
        pa.table({"a": ["x", "y"]}),
    ]
    prints = {print_of(change) for change in [table, *changes]}
    assert len(prints) == 1 + len(changes)


def test_separators_inside_values_do_not_move_borders():
    left = pa.table({"a": ["x\x1fy"], "b": ["z"]})
    right = pa.table({"a": ["x"], "b": ["y\x1fz"]})
    escaped = pa.table({"a": ["x\x1d2y"], "b": ["z"]})
    assert len({print_of(left), print_of(right), print_of(escaped)}) == 3
    one = pa.table({"a": ["x\x1ey"]})
    two = pa.table({"a": ["x", "y"]})
    assert print_of(one) != print_of(two)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (pa.array([1, 2], pa.int8()), pa.array([1.0, 2.0])),
        (pa.array([1, None], pa.uint64()), pa.array([1.0, math.nan])),
        (pa.array([0.0]), pa.array([-0.0])),
        (pa.array([Decimal("1.50")], pa.decimal128(10, 2)), pa.array([1.5])),
        (pa.array([Decimal("1.50")], pa.decimal128(30, 2)), pa.array([1.5])),
        (pa.array([0.1], pa.float32()), pa.array([0.1], pa.float64())),
        (pa.array([dt.date(2013, 1, 1)]), pa.array([dt.datetime(2013, 1, 1)], pa.timestamp("ns"))),
        (
            pa.array([dt.datetime(2013, 1, 1, 5)], pa.timestamp("s")),
            pa.array([dt.datetime(2013, 1, 1, 5)], pa.timestamp("ns")),
        ),
        (
            pa.array([dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC)], pa.timestamp("us", "UTC")),
            pa.array([dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC)], pa.timestamp("us", "America/New_York")),
        ),
        (pa.array(["a", "b", "a"]).dictionary_encode(), pa.array(["a", "b", "a"])),
        (pa.array(["a", ""]), pa.array(["a", None])),
        (pa.array(["a"], pa.large_string()), pa.array(["a"])),
    ],
)
def test_what_counts_as_the_same_value(left, right):
    assert print_of(pa.table({"x": left})) == print_of(pa.table({"x": right}))


def test_a_naive_time_is_not_an_instant():
    naive = pa.array([dt.datetime(2013, 1, 1, 5)], pa.timestamp("us"))
    instant = pa.array([dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC)], pa.timestamp("us", "UTC"))
    assert print_of(pa.table({"x": naive})) != print_of(pa.table({"x": instant}))


def test_a_folder_in_any_order_and_split(tmp_path):
    frame = pd.DataFrame({"i": range(100), "s": [f"v{i % 7}" for i in range(100)]})
    for part, rows in enumerate(np.array_split(np.random.default_rng(0).permutation(100), 4)):
        frame.iloc[rows].to_parquet(tmp_path / f"{part}.parquet", index=False)
    assert print_of(tmp_path) == print_of(frame)


def test_it_is_pinned():
    # A change of this value is a change of VERSION: ledgers are keyed to it.
    table = pa.table({"b": [1, 2], "a": ["x", None]})
    assert print_of(table) == "8bd8fa7adbc43dcd3aea27d464c8ec75ed962a2baad13c9fe4d6d449ae765b9d"
