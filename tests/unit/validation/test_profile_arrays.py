"""Arrays give the states that statements give: the same counts, buckets, values and hashes, bit for bit."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data.connection import session
from assay.validation import profile, profile_arrays, sketch
from assay.validation.profile_arrays import _most_frequent


@pytest.fixture
def both(monkeypatch):
    def look(table):
        by_array = profile(table)
        with monkeypatch.context() as patch:
            patch.setattr(profile_arrays, "fits", lambda *_: False)
            return by_array.state[""], profile(table).state[""]

    return look


def same(one, two):
    assert list(one.columns) == list(two.columns)
    for name, a in one.columns.items():
        b = two.columns[name]
        for part in ("type", "low", "high", "values", "cut", "family"):
            assert getattr(a, part) == getattr(b, part), (name, part)
        assert +a.counts == +b.counts, name
        assert a.sketch() == b.sketch(), name
        # Logarithms differ in their last digit, so a value on a limit may be in either bucket.
        cells = [{k: n for k, n in each.buckets.items() if n} for each in (a, b)]
        assert sum(abs(cells[0].get(k, 0) - cells[1].get(k, 0)) for k in cells[0] | cells[1]) <= 2, name
        assert a.quantiles == pytest.approx(b.quantiles, rel=1e-14), name
        assert a.moments.n == b.moments.n
        sd = math.sqrt(b.moments.m2 / max(b.moments.n, 1))
        for power, (mine, other) in enumerate(zip(a.moments[1:], b.moments[1:], strict=True), 1):
            assert abs(mine - other) <= 1e-9 * max(b.moments.n, 1) * sd**power + 1e-9 * abs(other), (name, power)
    assert one.pairs.keys() == two.pairs.keys()
    for pair, found in one.pairs.items():
        assert found == pytest.approx(two.pairs[pair], rel=1e-9, abs=1e-6), pair


def test_columns_of_every_kind(both):
    rng = np.random.default_rng(0)
    n = 30_000
    x = rng.normal(5, 2, n)
    table = pa.table(
        {
            "x": x,
            "nulls": pa.array(rng.normal(size=n), mask=rng.random(n) < 0.3),
            "nan": np.where(rng.random(n) < 0.2, math.nan, rng.lognormal(3, 2, n)),
            "ends": rng.choice([math.inf, -math.inf, 0.0, -0.0, 5e-324, -1e-310, 2.5], n),
            "large": rng.choice([1e80, -1e200, 3.0, 1e74], n),
            "halves": pa.array(rng.integers(0, 50, n) / 2, pa.float32()),
            "few": pa.array(rng.integers(-3, 4, n), pa.int8(), mask=rng.random(n) < 0.1),
            "many": rng.integers(-4000, 4000, n),
            "different": rng.permutation(n) * 7919 - 100_000_000,
            "wide": rng.integers(-(2**63), 2**63 - 1, n),
            "unsigned": pa.array(rng.integers(0, 2**64 - 1, n, dtype=np.uint64), pa.uint64()),
            "absent": pa.nulls(n, pa.int32()),
            "text": [f"t{i % 3000}" for i in range(n)],
            "flag": rng.random(n) < 0.5,
        }
    )
    same(*both(table))


def test_elements_of_lists_and_fields_of_structs(both):
    rows = [{"u": {"a": i / 3, "b": i if i % 3 else None}, "l": [1.5 * j for j in range(i % 4)]} for i in range(200)]
    same(*both(pa.Table.from_pylist(rows)))


@pytest.mark.parametrize("rows", [1, 2, profile_arrays.BLOCK, profile_arrays.BLOCK + 1, profile_arrays.BATCH + 1])
def test_the_ends_of_blocks(both, rows):
    x = np.random.default_rng(rows).normal(size=rows)
    same(*both(pa.table({"x": x, "i": (1000 * x).astype(np.int64)})))


def test_columns_that_do_not_fit_together_are_read_in_turns(both, monkeypatch):
    table = pa.table({f"x{i}": np.random.default_rng(i).normal(size=500) for i in range(20)})
    whole = profile(table).state[""]
    monkeypatch.setattr(profile_arrays, "PART", 8 * 500 * 3)
    same(whole, profile(table).state[""])


def test_too_long_a_column_is_left_to_statements(monkeypatch):
    monkeypatch.setattr(profile_arrays, "BYTES", 100)
    monkeypatch.setattr(profile_arrays, "load", None)
    assert profile(pa.table({"x": [float(i) for i in range(100)]})).columns["x"].mean == 49.5


def test_a_version_that_hashes_otherwise_is_left_to_statements(monkeypatch):
    assert profile_arrays.hashes_alike(session().backend)
    monkeypatch.setattr(profile_arrays, "_PRIME", np.uint64(3))
    assert not profile_arrays.hashes_alike(session().backend)
    monkeypatch.setattr(profile_arrays, "load", None)
    assert profile(pa.table({"x": [1.0, 2.0]})).columns["x"].distinct == 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-120, 120), min_size=2, max_size=60, unique=True),
    st.data(),
)
def test_ties_are_in_the_order_of_their_text(values, data):
    counts = np.array([data.draw(st.integers(1, 3)) for _ in values])
    most = data.draw(st.integers(1, len(values)))
    array = np.array(values, np.int64)
    wanted = sorted(range(len(values)), key=lambda i: (-counts[i], str(values[i])))[:most]
    found = _most_frequent(array, counts, most)
    assert {int(i) for i in found} == set(wanted)
    # The last of them is the one whose count bounds what is left out.
    assert counts[found[-1]] == counts[wanted[-1]]


def test_twenty_digits_are_in_the_order_of_their_text():
    values = np.array([2**64 - 1, 10**19, 10**18, 10**19 + 1, 1, 18, 184467440737095516], np.uint64)
    ones = np.ones(len(values), np.int64)
    for most in range(1, len(values) + 1):
        found = [str(values[i]) for i in _most_frequent(values, ones, most)]
        assert found == sorted(map(str, values.tolist()))[:most]


@given(st.dictionaries(st.tuples(st.sampled_from([-1, 1]), st.integers(-300, 300)), st.integers(1, 9), min_size=1))
def test_buckets_are_arranged_by_what_they_hold(buckets):
    buckets |= {(0, 0): 2}
    low, high, counts = sketch.arranged(buckets)
    wanted = sketch.ordered(buckets)
    assert counts.tolist() == [buckets[each] for each in wanted]
    assert low == pytest.approx([sketch.edges(each)[0] for each in wanted])
    assert high == pytest.approx([sketch.edges(each)[1] for each in wanted])
