"""Distances as TensorFlow Data Validation's own tests have them, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from assay.errors import DataError
from assay.validation import (
    Buckets,
    jensen_shannon,
    l_infinity,
    normalized_absolute_difference,
    population_stability,
    wasserstein,
)


@pytest.mark.parametrize(
    ("training", "serving", "expected"),
    [
        ({}, {}, 0.0),
        ({"hello": 0.1, "world": 0.9}, {"hello": 0.3, "world": 0.7}, 0.2),
        ({"b": 0.9, "c": 0.1}, {"a": 0.3, "b": 0.7}, 0.3),
        ({"a": 0.3, "b": 0.7}, {"b": 0.9, "c": 0.1}, 0.3),
    ],
)
def test_l_infinity(training: dict[str, float], serving: dict[str, float], expected: float) -> None:
    assert l_infinity(training, serving) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Buckets([1, 2], [2, 3], [2, 2]), Buckets([2, 4], [4, 6], [2, 2]), 0.65563906222),
        (Buckets([0, 1], [1, 2], [2, 2]), Buckets([3, 4], [4, 6], [2, 2]), 1.0),
        (Buckets([1], [1], [4]), Buckets([2, 4], [4, 6], [2, 2]), 1.0),
        (Buckets([1], [1], [4]), Buckets([2], [2], [4]), 1.0),
        (Buckets([10], [10], [21]), Buckets([0, 4, 12], [4, 12, 20], [150, 200, 20]), 1.0),
        (Buckets([1], [2], [3], nan=1), Buckets([1], [2], [4]), 0.13792538096),
    ],
)
def test_jensen_shannon_of_histograms(one: Buckets, other: Buckets, expected: float) -> None:
    assert jensen_shannon(one, other) == pytest.approx(expected, abs=1e-5)
    assert jensen_shannon(other, one) == pytest.approx(expected, abs=1e-5)


def test_a_histogram_is_at_no_distance_of_itself() -> None:
    same = Buckets([1.0, 2.3333333, 3.6666667], [2.3333333, 3.6666667, 5.0], [2.9866667, 1.0066667, 2.0066667])
    assert jensen_shannon(same, same) == pytest.approx(0.0, abs=1e-9)


def test_jensen_shannon_of_values() -> None:
    p, q = np.array([0.2, 0.8, 0.0]), np.array([0.1, 0.5, 0.4])
    middle = (p + q) / 2
    expected = (stats.entropy(p, middle, base=2) + stats.entropy(q, middle, base=2)) / 2
    assert jensen_shannon({"a": 20, "b": 80}, {"a": 1, "b": 5, "c": 4}) == pytest.approx(expected)
    with pytest.raises(DataError, match="one side has no values"):
        jensen_shannon({"a": 1}, {"a": 0})
    with pytest.raises(DataError, match="two histograms"):
        jensen_shannon({"a": 1}, Buckets([0], [1], [1]))  # type: ignore[arg-type]


def test_infinities_of_the_two_sides_are_apart() -> None:
    endless = Buckets([-math.inf, 0], [0, 1], [5, 5])
    assert jensen_shannon(endless, endless) == pytest.approx(0.5)


def test_the_other_distances() -> None:
    assert normalized_absolute_difference({"a": 10}, {"a": 30}) == 0.5
    assert population_stability([100, 0], [90, 10]) == pytest.approx(
        (0.9 - 1) * math.log(0.9) + (0.1 - 1e-4) * math.log(0.1 / 1e-4)
    )
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=500), rng.normal(0.3, 2, 400)
    values = np.sort(np.concatenate([x, y]))
    counts = [np.bincount(np.searchsorted(values, side), minlength=values.size) for side in (x, y)]
    assert wasserstein(values, *counts) == pytest.approx(stats.wasserstein_distance(x, y) / x.std())
    assert math.isnan(wasserstein([1.0, 2.0], [5, 0], [0, 5]))


@pytest.mark.parametrize("scale", [2.0**-1020, 2.0**1023])
def test_the_scale_of_the_values_changes_nothing(scale: float) -> None:
    values = np.array([-0.9, -0.2, 0.1, 0.3, 0.95])
    counts = [3, 1, 4, 1, 5], [2, 7, 1, 8, 2]
    assert wasserstein(values * scale, *counts) == pytest.approx(wasserstein(values, *counts), rel=1e-9)
