"""A merge of profiles is the profile of all the rows."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import DataError
from assay.validation import Profile, profile, sketch
from assay.validation.profile_state import Comoments, Moments

SCHEMA = pa.schema(
    [
        ("x", pa.float64()),
        ("i", pa.int64()),
        ("s", pa.string()),
        ("b", pa.bool_()),
        ("d", pa.date32()),
        ("l", pa.list_(pa.int64())),
    ]
)
# Powers of numbers farther apart than this differ by more than their digits.
numbers = st.floats(-1e6, 1e6, allow_subnormal=False) | st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0])
row = st.fixed_dictionaries(
    {
        "x": st.none() | numbers,
        "i": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
        "s": st.none() | st.sampled_from(["", "é", "e\u0301", "日本", "a'b", '"']) | st.text(max_size=5),
        "b": st.none() | st.booleans(),
        "d": st.none() | st.dates(),
        "l": st.none() | st.lists(st.none() | st.integers(-9, 9), max_size=3),
    }
)


def table(rows):
    clean = [r | {"s": r["s"].replace("\x00", "") if r["s"] else r["s"]} for r in rows]
    return pa.Table.from_pylist(clean, schema=SCHEMA)


def same_table(one, two):
    assert one.columns.keys() == two.columns.keys()
    for name, a in one.columns.items():
        b = two.columns[name]
        for part in ("type", "counts", "low", "high", "length_low", "length_high", "buckets", "values", "cut", "joint"):
            assert getattr(a, part) == getattr(b, part), (name, part)
        assert list(a.sketch().items()) == list(b.sketch().items()), name
        for part in ("moments", "lengths", "weighted"):
            close(getattr(a, part), getattr(b, part))
        assert a.bucket_weights.keys() == b.bucket_weights.keys()
    for pair in one.pairs.keys() | two.pairs.keys():
        a, b = one.pairs.get(pair, Comoments()), two.pairs.get(pair, Comoments())
        assert a.n == b.n
        # Of the columns: the rows that have both may be one, which has no scale.
        scale = math.prod(spread(one.columns[name].moments) for name in pair)
        assert abs(a.xy - b.xy) <= 1e-9 * scale * max(a.n, 1)


def spread(moments: Moments):
    return math.sqrt(moments.m2 / max(moments.n, 1)) + 1e-6 * abs(moments.mean)


def close(a: Moments, b: Moments):
    """To 1e-9 of the scale of each: sd for the mean's offset, and its powers."""
    assert a.n == pytest.approx(b.n)
    if not a.n:
        return
    sd = math.sqrt(a.m2 / a.n)
    assert abs(a.mean - b.mean) <= 1e-9 * max(sd, abs(a.mean))
    for power, (left, right) in enumerate(zip(a[2:], b[2:], strict=True), 2):
        assert abs(left - right) <= 1e-9 * a.n * max(sd, 1e-6 * abs(a.mean)) ** power + 1e-300


def same(one: Profile, two: Profile):
    assert one.state.keys() == two.state.keys()
    for key in one.state:
        same_table(one.state[key], two.state[key])


@settings(max_examples=12, deadline=None)
@given(st.lists(row, min_size=2, max_size=30), st.data())
def test_a_split_anywhere_merges_to_the_whole(rows, data):
    at = data.draw(st.integers(1, len(rows) - 1))
    first, second = (profile(table(part)) for part in (rows[:at], rows[at:]))
    merged = first.merge(second)
    same(merged, profile(table(rows)))
    same(merged, second.merge(first))


@settings(max_examples=4, deadline=None)
@given(st.lists(st.lists(row, min_size=1, max_size=6), min_size=3, max_size=3))
def test_merges_group_in_any_way(parts):
    a, b, c = (profile(table(part)) for part in parts)
    same(a.merge(b).merge(c), a.merge(b.merge(c)))


def test_large_means_keep_their_digits():
    x = 1e9 + np.random.default_rng(0).normal(size=200_000)
    whole = profile(pa.table({"x": x})).columns["x"]
    merged = profile(pa.table({"x": x[:70_000]})).merge(profile(pa.table({"x": x[70_000:]}))).columns["x"]
    centered = (x - 1e9).astype(np.longdouble)
    centered -= centered.mean()
    for found in (whole, merged):
        assert found.variance == pytest.approx(float((centered**2).mean()), rel=1e-9)
        assert found.kurtosis == pytest.approx(float((centered**4).mean() / (centered**2).mean() ** 2 - 3), abs=1e-8)
        assert found.skewness == pytest.approx(float((centered**3).mean() / (centered**2).mean() ** 1.5), abs=1e-8)


def test_raw_power_sums_would_lose_them():
    """The mutant: without a shift the variance of the same numbers is noise."""
    x = 1e9 + np.random.default_rng(0).normal(size=200_000)
    raw = Moments.of_sums(0.0, len(x), x.sum(), (x * x).sum())
    assert abs(raw.m2 / raw.n - x.var()) > 1e-3


def test_a_column_whose_first_rows_are_missing_keeps_its_digits():
    x = np.concatenate([np.full(20_000, np.nan), 1e9 + np.random.default_rng(0).normal(size=20_000)])
    assert profile(pa.table({"x": x})).columns["x"].sd == pytest.approx(np.nanstd(x - 1e9, ddof=1), rel=1e-8)


def test_whole_numbers_beyond_doubles_stay_exact():
    values = [2**53, 2**53 + 1, -(2**63), 2**63 - 1]
    parts = [profile(pa.table({"i": pa.array([v])})) for v in values]
    found = parts[0].merge(parts[1]).merge(parts[2]).merge(parts[3]).columns["i"]
    assert (found.min, found.max, found.distinct, found.distinct_exact) == (-(2**63), 2**63 - 1, 4, True)


def test_quantiles_stay_within_their_error():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.lognormal(size=20_000), -rng.lognormal(size=10_000), np.zeros(5000)])
    rng.shuffle(x)
    merged = profile(pa.table({"x": x[:9000]})).merge(profile(pa.table({"x": x[9000:]}))).columns["x"]
    assert merged.quantile_error == sketch.ALPHA
    ranked = np.sort(x)
    for q, found in merged.quantiles.items():
        true = ranked[int(float(q) * (len(x) - 1))]
        assert abs(found - true) <= sketch.ALPHA * abs(true) * (1 + 1e-9)


def test_many_values_are_cut_with_a_bound_that_holds():
    rng = np.random.default_rng(1)
    texts = np.char.add("v", rng.zipf(1.3, 40_000).clip(max=10**6).astype(str))
    parts = np.array_split(texts, 3)
    merged = profile(pa.table({"s": parts[0]}))
    for part in parts[1:]:
        merged = merged.merge(profile(pa.table({"s": part})))
    state, true = merged.state[""].columns["s"], Counter(texts.tolist())
    assert 0 < state.cut < 20
    for value, count in true.items():
        if value in state.values:
            assert state.values[value] <= count <= state.values[value] + state.cut
        else:
            assert count <= state.cut
    column = merged.columns["s"]
    assert column.top_error == state.cut
    assert not column.distinct_exact
    assert abs(column.distinct / len(true) - 1) < 4 * column.distinct_error
    whole = profile(pa.table({"s": texts})).state[""].columns["s"]
    assert list(whole.sketch().items()) == list(state.sketch().items())


def test_the_number_of_different_values_is_estimated_without_bias():
    """Mean and spread over columns of 5,000 different values are those of the k-th smallest of uniform hashes."""
    found = []
    for start in range(60):
        hashes = sketch.smallest(sketch.text_hash(f"{start}-{i}") for i in range(5000))
        found.append(sketch.distinct(hashes)[0] / 5000)
    error = sketch.distinct(hashes)[1]
    assert abs(np.mean(found) - 1) < 4 * error / math.sqrt(60)
    assert 0.6 * error * math.sqrt(1 - 1024 / 5000) < np.std(found) < 1.4 * error


def test_slices_merge_and_a_new_one_is_kept():
    one = profile(pa.table({"g": ["a", "b"], "x": [1.0, 2.0]}), by="g")
    two = profile(pa.table({"g": ["b", None], "x": [4.0, 5.0]}), by="g")
    found = one.merge(two).slices
    assert sorted(found) == ["g=(missing)", "g=a", "g=b"]
    assert found["g=b"].columns["x"].mean == 3.0


def test_a_saved_profile_is_the_same_profile(tmp_path):
    rng = np.random.default_rng(0)
    rows = pa.table(
        {
            "x": rng.normal(size=3000),
            "s": np.char.add("k", np.arange(3000).astype(str)),
            "c": rng.choice(["a", "b"], 3000),
            "w": rng.random(3000),
            "d": pa.array([dt.date(2013, 1, 1)] * 3000),
            "big": pa.array([2**53 + 1] * 3000),
        }
    )
    found = profile(rows, by="c", weight="w", label="c")
    found.save(tmp_path / "p.parquet")
    again = Profile.load(tmp_path / "p.parquet")
    assert again == found
    same(again, found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.parquet"]
    same(again.merge(found), found.merge(found))


def test_what_is_no_profile(tmp_path):
    with pytest.raises(DataError, match="there is no profile"):
        Profile.load(tmp_path / "none.parquet")
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(DataError, match="not a profile"):
        Profile.load(path)
    path.write_text("x")
    with pytest.raises(DataError, match="damaged"):
        Profile.load(path)
    profile(pa.table({"x": [1]})).save(path)
    held = pq.read_table(path)
    newer = held.replace_schema_metadata({b"assay_profile": b'{"version": 99}'})
    pq.write_table(newer, path)
    with pytest.raises(DataError, match="version 99"):
        Profile.load(path)


def test_what_does_not_merge():
    one = profile(pa.table({"x": [1]}))
    with pytest.raises(DataError, match="y is in one alone"):
        one.merge(profile(pa.table({"x": [1], "y": [2]})))
    with pytest.raises(DataError, match="x is int64 in one profile and string in the other"):
        one.merge(profile(pa.table({"x": ["a"]})))
    with pytest.raises(DataError, match="label is none in one"):
        one.merge(profile(pa.table({"x": [1]}), label="x"))
    with pytest.raises(DataError, match="came from JSON"):
        Profile.from_json(one.to_json()).merge(one)
