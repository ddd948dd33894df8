"""Newest values of a metric: false alarms of the rank rule, beside those of popular rules, and what it finds."""

from __future__ import annotations

import numpy as np
import pytest

from assay.stats import conformal
from assay.testing.coverage import assert_error_below, assert_power_above
from assay.validation import BatchNormal, Conformal, HoltWinters, OnlineNormal, newest_value
from assay.validation.conformal import LEVEL

ALPHA = 0.05
LAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "t(2)": lambda rng, n: rng.standard_t(2, size=n),
    "lognormal": lambda rng, n: np.exp(2 * rng.normal(size=n)),
    "few values": lambda rng, n: rng.poisson(0.5, size=n),
}
SIZES = (19, 30, 99)


def ar(rng, n, by=0.7):
    x = rng.normal(size=n)
    for t in range(1, n):
        x[t] = by * x[t - 1] + np.sqrt(1 - by * by) * x[t]
    return x


def week(rng, n):
    return np.tile([5.0, 5, 5, 5, 5, 0, 0], n // 7 + 1)[:n] + rng.normal(size=n)


def alarms(rng, law, n, strategy=None):
    return bool((strategy or Conformal(ALPHA)).detect(LAWS[law](rng, n + 1).tolist(), n))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", SIZES)
def test_ordinary_values_seldom_alarm(law, n):
    assert_error_below(lambda rng: alarms(rng, law, n), ALPHA, runs=1500, seed=n)


@pytest.mark.parametrize("n", SIZES)
def test_faults_are_found(n):
    def found(rng):
        x = LAWS["normal"](rng, n + 1)
        x[-1] = 6.0
        return bool(Conformal(ALPHA).detect(x.tolist(), n))

    assert_power_above(found, 0.9, runs=200, seed=1)


def test_a_rank_that_forgets_the_newest_value_is_caught():
    def plain(rng):
        x = rng.normal(size=11)
        scores = np.abs(x - np.median(x[:-1]))
        return np.count_nonzero(scores[:-1] >= scores[-1]) / 10 <= ALPHA

    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(plain, ALPHA, runs=3000, seed=2)


def test_the_yearly_number_of_false_alarms_is_kept():
    years = []
    for seed in range(20):
        x = np.random.default_rng(seed).standard_t(3, size=365 + 366).tolist()
        years.append(sum(conformal.newest(x[:t], x[t]) <= 1 / 366 for t in range(365, 731)))
    assert np.mean(years) <= 1 + 3 / np.sqrt(20)
    assert sum(years)


@pytest.mark.parametrize("rule", [BatchNormal(), HoltWinters()])
def test_popular_rules_alarm_on_nothing(rule):
    n = 5 if isinstance(rule, BatchNormal) else 14
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: alarms(rng, "normal", n, rule), 0.01, runs=300, seed=3)


def test_a_popular_rule_cannot_alarm_at_all():
    x = [*np.random.default_rng(0).normal(size=9).tolist(), 1000.0]
    assert OnlineNormal().detect(x) == []
    assert newest_value(x, OnlineNormal()).inconclusive


def withdrawn(rng, draw, n=120, season=1):
    return newest_value(draw(rng, n).tolist(), Conformal(ALPHA, season=season)).guarantee.kind == "none"


def test_the_guarantee_is_withdrawn_where_it_does_not_hold_and_seldom_elsewhere():
    assert_error_below(lambda rng: withdrawn(rng, LAWS["t(2)"]), LEVEL, runs=300, seed=4)
    assert_power_above(lambda rng: withdrawn(rng, ar), 0.8, runs=60, seed=5)
    assert_power_above(lambda rng: withdrawn(rng, week), 0.8, runs=60, seed=6)
    assert_error_below(lambda rng: withdrawn(rng, week, 180, 7), LEVEL, runs=200, seed=7)


def test_a_season_that_is_named_is_held_against_its_own_days():
    def quiet_sunday(rng, fault):
        x = week(rng, 7 * 20)
        x[-1] += fault
        return bool(Conformal(ALPHA, season=7).detect(x.tolist(), 139))

    assert_error_below(lambda rng: quiet_sunday(rng, 0.0), ALPHA, runs=600, seed=8)
    assert_power_above(lambda rng: quiet_sunday(rng, 5.0), 0.9, runs=200, seed=9)
