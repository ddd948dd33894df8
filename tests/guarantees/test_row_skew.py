"""Shares of rows that differ between training and serving, at the tolerance and far from it."""

from __future__ import annotations

import numpy as np
import pytest

from assay.testing.coverage import assert_error_below, assert_power_above
from assay.validation.row_join import Counts
from assay.validation.row_skew import _p_values, _Terms, holm

ALPHA, TOLERANCE, FEATURES = 0.1, 0.02, 8


def terms(unit=None):
    return _Terms(["id"], TOLERANCE, ALPHA, unit, None, 0, "skew")


def decided(rng, share, side, rows=3000):
    """Whether any feature fails (side 0) or passes (side 1); half of the features differ together."""
    together = rng.random(rows) < share
    differ = [together.sum() if j % 2 else rng.binomial(rows, share) for j in range(FEATURES)]
    counts = Counts(np.array([differ], dtype=np.int64), np.array([rows]))
    return bool((holm(_p_values(counts, terms())[side]) <= ALPHA).any())


def by_unit(rng, share, side, unit="day"):
    """The same where days are good or bad as a whole."""
    bad = rng.random(150) < share
    differ = rng.binomial(20, np.where(bad, 1.0, 0.0))
    counts = Counts(differ[:, None].astype(np.int64), np.full(150, 20))
    if unit is None:
        counts = Counts(counts.differ.sum(axis=0, keepdims=True), np.array([3000]))
    return bool((holm(_p_values(counts, terms(unit))[side]) <= ALPHA).any())


@pytest.mark.parametrize("side", [0, 1])
def test_at_the_tolerance_features_seldom_fail_or_pass(side):
    share = TOLERANCE + (1e-9 if side else 0.0)
    assert_error_below(lambda rng: decided(rng, share, side), ALPHA, runs=600, seed=side)
    assert_error_below(lambda rng: by_unit(rng, share, side), ALPHA, runs=300, seed=side)


def test_what_differs_often_fails_and_what_differs_seldom_passes():
    assert_power_above(lambda rng: decided(rng, 0.04, 0), 0.9, runs=150, seed=2)
    assert_power_above(lambda rng: decided(rng, 0.005, 1), 0.9, runs=150, seed=3)
    assert_power_above(lambda rng: by_unit(rng, 0.15, 0), 0.8, runs=150, seed=4)


def test_days_that_are_taken_for_rows_and_features_without_correction_are_caught():
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: by_unit(rng, TOLERANCE, 0, unit=None), ALPHA, runs=200, seed=5)

    def uncorrected(rng):
        counts = Counts(rng.binomial(3000, TOLERANCE, (1, 8)).astype(np.int64), np.array([3000]))
        return bool((_p_values(counts, terms())[0] <= ALPHA).any())

    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(uncorrected, ALPHA, runs=200, seed=6)
