from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.stats import bets, betting, binomial

samples = hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1, width=32))


def test_known_bounds() -> None:
    # All ones: every bet is at its maximum, and the wealth is m^-n as for the exact binomial bound.
    assert betting.lower(np.ones(100), 0.05) == pytest.approx(binomial.lower(100, 100, 0.05), rel=0.01)
    assert betting.interval([], 0.05, low=-1, high=2) == (-1.0, 2.0)
    assert betting.lower(np.zeros(50), 0.05) == 0.0
    assert betting.upper(np.ones(50), 0.05) == 1.0


@settings(max_examples=60, deadline=None)
@given(samples, st.floats(1e-6, 0.4), st.randoms(use_true_random=False))
def test_invariances(x: np.ndarray, alpha: float, random: object) -> None:
    low = betting.lower(x, alpha)
    assert 0 <= low <= x.mean() + 1e-12
    assert betting.lower(np.random.default_rng(0).permutation(x), alpha) == low
    assert betting.lower(x, 2 * alpha) >= low
    assert betting.upper(1 - x, alpha) == pytest.approx(1 - low, abs=1e-6)
    moved = betting.lower(5 * x - 2, alpha, low=-2, high=3)
    assert moved == pytest.approx(5 * low - 2, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(samples, st.floats(0.02, 0.97), st.floats(0.001, 0.02))
def test_wealth_falls_as_the_mean_under_test_grows(x: np.ndarray, mean: float, step: float) -> None:
    near, far = betting.e_value_greater(x, mean), betting.e_value_greater(x, mean + step)
    assert far <= near * (1 + 1e-9)


def test_e_value_and_bound_agree() -> None:
    x = np.random.default_rng(1).beta(4, 2, size=80)
    low = betting.lower(x, 0.01)
    assert betting.e_value_greater(x, low - 1e-9) >= 100
    assert betting.e_value_greater(x, low + 1e-6) < 100
    high = betting.upper(x, 0.01)
    assert betting.e_value_less(x, high + 1e-9) >= 100
    assert betting.e_value_less(x, high - 1e-6) < 100


def test_running_wealth_ends_at_the_e_value_across_chunks() -> None:
    x = (np.random.default_rng(2).random(70_000) < 0.3).astype(float)
    path = betting.log_wealth_greater(x, 0.29)
    assert path.shape == x.shape
    assert np.exp(path[-1]) == pytest.approx(betting.e_value_greater(x, 0.29), rel=1e-6)
    less = betting.log_wealth_less(x, 0.31)
    assert np.exp(less[-1]) == pytest.approx(betting.e_value_less(x, 0.31), rel=1e-6)
    start = bets.for_sample(x.size)
    first = start.mix(np.log1p(start.fractions(0.29, 0.71) * (x[0] - 0.29) / 0.29))
    assert path[0] == pytest.approx(float(first))


def test_spreading_over_points_only_loosens_and_hardly() -> None:
    x = np.random.default_rng(3).beta(2, 6, size=20_000)
    mixture = bets.for_sample(x.size)
    exact = betting.running(x, np.ones_like(x), 0.245, mixture)[-1]
    spread = np.log(betting.e_value_greater(x, 0.245))
    assert exact - 1e-3 <= spread <= exact + 1e-9


def hoeffding(n: int, alpha: float) -> float:
    return float(np.sqrt(np.log(1 / alpha) / (2 * n)))


def predictable_bets(x: np.ndarray, alpha: float) -> float:
    """Give the lower bound of Waudby-Smith and Ramdas with plug-in bets, at the last value."""
    n = x.size
    t = np.arange(1, n + 1)
    means = (0.5 + np.cumsum(x)) / (t + 1)
    variances = (0.25 + np.cumsum((x - means) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variances[:-1]])
    wanted = np.sqrt(2 * np.log(1 / alpha) / (n * before))
    low, high = 0.0, float(x.mean())
    for _ in range(40):
        m = (low + high) / 2
        wealth = np.log1p(np.minimum(wanted, 0.75 / m) * (x - m)).sum()
        low, high = (m, high) if wealth >= np.log(1 / alpha) else (low, m)
    return low


@pytest.mark.parametrize(("a", "b"), [(2, 6), (10, 30), (30, 10), (1, 1)])
@pytest.mark.parametrize("n", [50, 500, 5000])
def test_width_against_hoeffding_and_plug_in_bets(a: float, b: float, n: int) -> None:
    rng = np.random.default_rng(4)
    ours, plug_in = [], []
    for _ in range(10):
        x = rng.beta(a, b, size=n)
        ours.append(x.mean() - betting.lower(x, 0.01))
        plug_in.append(x.mean() - predictable_bets(x, 0.01))
    assert np.mean(ours) < 0.75 * hoeffding(n, 0.01)
    assert np.mean(ours) < 1.25 * np.mean(plug_in)


def test_half_and_half_is_close_to_hoeffding() -> None:
    # A fair coin has the largest variance, for which Hoeffding's bound is laid out.
    x = np.arange(1000) % 2
    assert 0.5 - betting.lower(x, 0.05) < 1.2 * hoeffding(1000, 0.05)


def test_a_million_values_in_about_a_second() -> None:
    x = np.random.default_rng(5).random(10**6)
    begin = time.process_time()
    low, high = betting.interval(x, 0.05)
    assert time.process_time() - begin < 5
    assert low < 0.5 < high
    assert high - low < 0.004


def test_confidence_sequence_narrows_and_does_not_depend_on_the_cut() -> None:
    x = np.random.default_rng(6).beta(2, 6, size=3000)
    one = betting.ConfidenceSequence(0.05)
    assert one.bounds == (0.0, 1.0)
    widths = []
    for part in np.split(x, 10):
        low, high = one.update(part)
        widths.append(high - low)
    assert np.all(np.diff(widths) <= 0)
    assert one.count == 3000
    whole = betting.ConfidenceSequence(0.05)
    low, high = whole.update(x)
    # More looks can only cut more.
    assert one.bounds[0] >= low - 1e-9
    assert one.bounds[1] <= high + 1e-9
    assert whole.update([]) == (low, high)


def test_confidence_sequence_mirrors_and_moves() -> None:
    x = np.random.default_rng(7).random(500) ** 2
    plain = betting.ConfidenceSequence(0.1).update(x)
    mirrored = betting.ConfidenceSequence(0.1).update(1 - x)
    moved = betting.ConfidenceSequence(0.1, low=10, high=14).update(10 + 4 * x)
    assert mirrored == pytest.approx((1 - plain[1], 1 - plain[0]), abs=1e-6)
    assert moved == pytest.approx((10 + 4 * plain[0], 10 + 4 * plain[1]), abs=1e-6)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        ([0.1, 1.2], {}, "row 1 is 1.2"),
        ([0.1, float("nan")], {}, "row 1 is nan"),
        ([[0.1]], {}, "one dimension"),
        ([0.1], {"low": 1.0, "high": 0.0}, "low < high"),
        ([0.1], {"high": float("inf")}, "finite"),
    ],
)
def test_bad_values_are_named(x: list[float], options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        betting.lower(x, 0.05, **options)


def test_bad_alpha_and_mean_are_named() -> None:
    with pytest.raises(ValueError, match="alpha"):
        betting.ConfidenceSequence(1.0)
    with pytest.raises(ValueError, match="strictly between"):
        betting.e_value_greater([0.5], 0.0)
