"""Nearest neighbors against every distance in double precision, sorted."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats import neighbors
from assay.stats.neighbors import nearest


def oracle(queries, points, k, metric="euclidean"):
    queries, points = np.asarray(queries, dtype=float), np.asarray(points, dtype=float)
    if metric == "euclidean":
        distances = np.sqrt(np.square(queries[:, None] - points[None]).sum(axis=-1))
    else:
        lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(points, axis=1)[None]
        with np.errstate(invalid="ignore"):
            distances = 1 - np.where(lengths > 0, queries @ points.T / lengths, 0.0)
    order = np.stack([np.lexsort((np.arange(len(points)), row))[:k] for row in distances])
    return np.take_along_axis(distances, order, axis=1), order


KINDS = ["plain", "whole numbers", "copies", "offset", "one far point", "single precision", "near copies"]


def example(seed, kind):
    rng = np.random.default_rng(seed)
    m, n, d = rng.integers(1, 40), rng.integers(1, 150), rng.integers(1, 60)
    queries, points = rng.normal(size=(m, d)), rng.normal(size=(n, d))
    if kind == "whole numbers":
        queries, points = np.round(queries).astype(int), np.round(points).astype(int)
    if kind == "copies":
        points[rng.integers(0, n, size=n // 2)] = points[0]
        queries = points[rng.integers(0, n, size=m)]
    if kind == "offset":
        points, queries = 1e6 + np.sign(points), 1e6 + np.sign(queries)
    if kind == "one far point":
        points[rng.integers(n)] *= 1e14
    if kind == "single precision":
        queries, points = queries.astype(np.float32), points.astype(np.float32)
    if kind == "near copies":
        points = points[rng.integers(0, n, size=n)] + 1e-12 * rng.normal(size=(n, d))
        queries = points[rng.integers(0, n, size=m)] + 1e-12
    return queries, points, int(rng.integers(1, n + 1))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 30), st.sampled_from(KINDS))
def test_it_is_every_distance_sorted(seed, kind):
    queries, points, k = example(seed, kind)
    distances, indices = nearest(queries, points, k)
    expected, order = oracle(queries, points, k)
    assert np.array_equal(indices, order)
    assert np.array_equal(distances, expected)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 1 << 30), st.sampled_from(["plain", "copies", "one far point", "single precision"]))
def test_it_is_every_angle_sorted(seed, kind):
    queries, points, k = example(seed, kind)
    queries, points = queries.copy(), points.copy()
    queries[::5], points[::7] = 0, 0
    distances, indices = nearest(queries, points, k, metric="cosine")
    expected, _ = oracle(queries, points, k, "cosine")
    np.testing.assert_allclose(distances, expected, atol=1e-7 if kind == "single precision" else 1e-14)
    ties = distances[:, 1:] == distances[:, :-1]
    assert np.all(indices[:, 1:][ties] > indices[:, :-1][ties])


@pytest.mark.parametrize("small", [64, 1 << 18])
def test_many_tiles_give_what_one_gives(monkeypatch, small):
    monkeypatch.setattr(neighbors, "TILE", small)
    monkeypatch.setattr(neighbors, "TERMS", 8)
    monkeypatch.setattr(neighbors, "HELD", 40 * small)
    monkeypatch.setattr(neighbors, "DIFFERENCES", small)
    rng = np.random.default_rng(4)
    queries, points = np.round(rng.normal(size=(300, 30)), 1), np.round(rng.normal(size=(500, 30)), 1)
    distances, indices = nearest(queries, points, 7)
    expected, order = oracle(queries, points, 7)
    assert np.array_equal(indices, order)
    assert np.array_equal(distances, expected)


@pytest.mark.parametrize("k", [1, 3, 40, 300])
def test_few_distinct_points(k):
    rng = np.random.default_rng(6)
    points = rng.integers(0, 3, size=(300, 3)) * rng.choice([-0.0, 1.0])
    queries = rng.integers(0, 3, size=(50, 3)).astype(float)
    distances, indices = nearest(queries, points, k)
    expected, order = oracle(queries, points, k)
    assert np.array_equal(indices, order)
    assert np.array_equal(distances, expected)


def test_single_precision_alone_is_caught():
    """Points that single precision cannot tell apart are told apart; the product alone would not do."""
    rng = np.random.default_rng(0)
    points = np.repeat(rng.normal(size=(50, 64)), 4, axis=0) + 1e-7 * rng.normal(size=(200, 64))
    queries = points + 1e-9
    assert np.array_equal(nearest(queries, points)[1][:, 0], np.arange(200))
    singles = points.astype(np.float32)
    alone = (np.square(singles).sum(axis=1) / 2 - queries.astype(np.float32) @ singles.T).argmin(axis=1)
    assert np.mean(alone != np.arange(200)) > 0.2


def test_no_rounding_leaves_the_bound():
    """The bound that a product gives is never above the distance, near copies of long rows included."""
    rng = np.random.default_rng(1)
    points = np.abs(rng.normal(size=(400, 700))) + 5
    queries = points[:100] + 1e-3 * rng.normal(size=(100, 700))
    left, right = neighbors._Rows.of(queries, "euclidean", 0), neighbors._Rows.of(points, "euclidean", 1)
    frame = neighbors._Frame.around(left, right)
    wide, lengths = frame.single(left, np.arange(100))
    narrow, reach = frame.single(right, np.arange(400))
    product = wide[:, :-2].astype(float) @ narrow[:, :-2].astype(float).T
    single = wide[:, :-2] @ narrow[:, :-2].T
    bound = frame.roundoff * lengths[:, None] * reach[None]
    assert np.all(np.abs(single - product) < bound)
    assert np.max(np.abs(single - product) / bound) > 1e-4


@pytest.mark.parametrize(
    ("queries", "points", "more", "told"),
    [
        ([[np.nan, 1.0]], [[0.0, 0.0]], {}, "queries .* row 0, column 0 is nan"),
        ([[0.0, 1.0]], [[0.0, 0.0], [0.0, np.inf]], {}, "points .* row 1, column 1 is inf"),
        ([[0.0]], [[1e200]], {}, "points must be finite and at most"),
        ([[0.0]], [[1.0]], {"k": 2}, "k must be a whole number from 1 to the number of points, 1, got 2"),
        ([[0.0]], [[1.0]], {"k": 0}, "k must be"),
        ([[0.0]], [[1.0]], {"k": True}, "k must be"),
        ([[0.0]], [[1.0]], {"k": 1.5}, "k must be"),
        ([[0.0]], [[1.0, 2.0]], {}, "1 features and points have 2"),
        ([0.0], [[1.0]], {}, "queries must have two dimensions"),
        ([["a"]], [[1.0]], {}, "queries must be numbers"),
        ([[0.0]], [[1.0]], {"metric": "manhattan"}, "metric must be"),
        ([[0.0]], np.zeros((0, 1)), {}, "k must be"),
    ],
)
def test_bad_input_is_named(queries, points, more, told):
    with pytest.raises(ValueError, match=told):
        nearest(queries, points, **more)


def test_no_queries_and_no_features():
    distances, indices = nearest(np.zeros((0, 3)), np.ones((5, 3)), k=2)
    assert distances.shape == indices.shape == (0, 2)
    distances, indices = nearest(np.zeros((4, 0)), np.zeros((5, 0)), k=2)
    assert np.array_equal(distances, np.zeros((4, 2)))
    assert np.array_equal(indices, np.tile([0, 1], (4, 1)))


def test_what_it_was_given_is_left_alone():
    rng = np.random.default_rng(2)
    queries, points = rng.normal(size=(20, 4)), rng.normal(size=(30, 4))
    before = queries.copy(), points.copy()
    nearest(queries, points, 3, metric="cosine")
    assert np.array_equal(queries, before[0])
    assert np.array_equal(points, before[1])


def test_memory_does_not_grow_with_the_rows():
    rng = np.random.default_rng(3)
    queries, points = rng.random((6000, 8), dtype=np.float32), rng.random((6000, 8), dtype=np.float32)
    tracemalloc.start()
    nearest(queries, points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6  # all distances at once would be 144 MB
