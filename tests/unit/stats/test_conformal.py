from __future__ import annotations

import math

import numpy as np
import pytest

from assay.stats import conformal


def test_the_rank_is_what_counts():
    assert conformal.p_value([1, 2, 3], 2.5) == 0.5
    assert conformal.p_value([1, 2, 3], 9) == 0.25
    assert conformal.p_value([], 1) == 1.0


def test_ties_are_no_evidence():
    assert conformal.newest([5.0] * 99, 5.0) == 1.0
    assert conformal.p_value([0.1 + 0.2], 0.3) == 1.0
    assert conformal.newest([5.0] * 99, 5.1) == 0.01


@pytest.mark.parametrize("alpha", [0.3, 0.2, 0.05, 0.01, 1 / 366])
def test_below_the_needed_history_no_value_is_strange(alpha):
    needed = conformal.needed(alpha)
    history = np.arange(needed, dtype=float)
    assert conformal.newest(history, 1e9) <= alpha
    assert conformal.newest(history[:-1], 1e9) > alpha
    assert conformal.interval(history[:-1], alpha) == (-math.inf, math.inf)


@pytest.mark.parametrize("n", [19, 24, 41])
@pytest.mark.parametrize("alpha", [0.05, 0.13, 0.2])
def test_the_interval_ends_where_values_become_strange(n, alpha):
    history = np.random.default_rng(n).normal(size=n)
    low, high = conformal.interval(history, alpha)
    grid = np.linspace(-8, 8, 3001)
    ordinary = grid[[conformal.newest(history, float(v)) > alpha for v in grid]]
    assert low <= ordinary.min() <= low + 0.01
    assert high - 0.01 <= ordinary.max() <= high


def test_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="finite"):
        conformal.newest([1.0, math.nan], 1.0)
    with pytest.raises(ValueError, match="alpha"):
        conformal.needed(0.0)
