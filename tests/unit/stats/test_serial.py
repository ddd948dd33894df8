from __future__ import annotations

import numpy as np

from assay.stats.serial import autocorrelation


def test_constant_and_short_series_say_nothing():
    assert autocorrelation(np.ones(50)) == [None]
    assert autocorrelation(np.arange(8.0)) == [None]
    some = autocorrelation(np.column_stack([np.ones(30), np.arange(30.0)]))
    assert some[0] is None
    assert some[1] is not None


def test_names_the_series_and_the_lag():
    rng = np.random.default_rng(0)
    series = rng.normal(size=(90, 20))
    series[:, 7] = np.tile([4, 4, 4, 4, 4, 0, 0], 13)[:90] + rng.normal(size=90)
    series[:, 3] += np.linspace(0, 6, 90)
    found = autocorrelation(series)
    assert {i: each.lag for i, each in enumerate(found) if each and each.p_value <= 0.01} == {3: 1, 7: 7}


def test_a_season_that_is_accounted_for_is_no_dependence():
    rng = np.random.default_rng(1)
    series = np.tile([4, 4, 4, 4, 4, 0, 0], 13)[:90] + rng.normal(size=90)
    [found] = autocorrelation(series, phases=7)
    assert found is not None
    assert found.p_value > 0.01


def test_falling_back_after_a_high_value_is_no_dependence_that_harms():
    series = np.tile([1.0, -1.0], 40)
    [found] = autocorrelation(series, lags=(1,))
    assert found is not None
    assert found.p_value == 1.0
