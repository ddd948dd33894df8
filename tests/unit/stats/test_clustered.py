from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats import betting, clustered
from assay.stats.unit_bets import UnitBets

units_strategy = st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=1, max_size=40)


def days(seed: int = 0, changed: float = 0.1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw wins minus losses of 36 days, their sizes and their numbers of changed predictions."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(800, 950, size=36)
    moves = rng.binomial(sizes, changed)
    totals = np.clip(np.rint(rng.normal(0.03, 0.03, size=36) * sizes), -moves, moves)
    return totals, sizes, moves


def test_units_of_one_row_are_rows() -> None:
    x = np.random.default_rng(0).beta(2, 5, size=200)
    assert clustered.interval(x, np.ones(200), 0.05) == pytest.approx(betting.interval(x, 0.05), abs=1e-9)
    assert clustered.e_value_greater(x, np.ones(200), 0.2) == pytest.approx(betting.e_value_greater(x, 0.2))
    path = clustered.log_wealth_less(x, np.ones(200), 0.4)
    assert path == pytest.approx(betting.log_wealth_less(x, 0.4))


@settings(max_examples=50, deadline=None)
@given(units_strategy, st.floats(1e-4, 0.4))
def test_invariances(units: list[tuple[int, float]], alpha: float) -> None:
    sizes = np.array([size for size, _ in units], dtype=float)
    totals = np.array([share for _, share in units]) * sizes
    low, high = clustered.interval(totals, sizes, alpha)
    assert 0 <= low <= totals.sum() / sizes.sum() + 1e-9
    assert clustered.lower(totals, sizes, min(2 * alpha, 0.9)) >= clustered.lower(totals, sizes, alpha)
    order = np.random.default_rng(0).permutation(sizes.size)
    assert clustered.interval(totals[order], sizes[order], alpha) == (low, high)
    mirrored = clustered.interval(sizes - totals, sizes, alpha)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-6)
    moved = clustered.interval(3 * totals - sizes, sizes, alpha, low=-1, high=2)
    assert moved == pytest.approx((3 * low - 1, 3 * high - 1), abs=1e-6)


def test_limits_tighten_a_bound() -> None:
    totals, sizes, moves = days()
    wide = clustered.interval(totals, sizes, 0.05, low=-1, high=1)
    tight = clustered.interval(totals, sizes, 0.05, low=-1, high=1, least=-moves, most=moves)
    assert tight[0] > 0 > wide[0]
    assert tight[1] - tight[0] < (wide[1] - wide[0]) / 3
    assert clustered.e_value_greater(totals, sizes, 0, low=-1, high=1, least=-moves, most=moves) > 100


def test_declared_size_widens_a_bound() -> None:
    totals, sizes, moves = days()
    options = {"low": -1.0, "high": 1.0, "least": -moves, "most": moves}
    free = clustered.interval(totals, sizes, 0.05, **options)
    for larger in (1000, 2000):
        declared = clustered.interval(totals, sizes, 0.05, max_size=larger, **options)
        assert declared[0] < free[0]
        assert declared[1] > free[1]
        free = declared


def test_trivial_limits_give_the_plain_bound() -> None:
    rng = np.random.default_rng(3)
    sizes = rng.integers(20, 60, size=50)
    totals = rng.binomial(sizes, 0.3)
    plain = clustered.interval(totals, sizes, 0.05)
    certified = clustered.interval(totals, sizes, 0.05, least=0 * sizes, most=sizes)
    assert certified == pytest.approx(plain, abs=1e-4)
    assert certified[0] <= plain[0] + 1e-9
    assert certified[1] >= plain[1] - 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_every_mean_below_a_certified_bound_is_refuted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Small units with wide limits next to large ones with narrow limits: wealth need not be monotone here.
    sizes = np.where(rng.random(40) < 0.5, rng.integers(1, 5, size=40), rng.integers(200, 300, size=40))
    moves = np.where(sizes < 5, sizes, np.ceil(0.05 * sizes))
    totals = np.clip(np.rint(rng.normal(0.4, 0.6, size=40) * moves), -moves, moves)
    low = clustered.lower(totals, sizes, 0.05, low=-1, high=1, least=-moves, most=moves)
    bets_on = UnitBets.from_sums(totals, sizes, 0.05, -1, 1, -moves, moves, None)
    below = np.array([bets_on.log_wealth(m) for m in np.linspace(-0.999, low - 1e-9, 800)])
    assert below.min() >= np.log(20)
    beyond = low + 1e-4
    assert bets_on.log_wealth(beyond) < np.log(20) * 1.05


def test_many_units_are_merged_without_raising_the_wealth() -> None:
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 200, size=40_000)
    totals = rng.random(40_000) * sizes
    begin = time.process_time()
    low, high = clustered.interval(totals, sizes, 0.05)
    assert time.process_time() - begin < 10
    exact = UnitBets.from_sums(totals, sizes, 0.05, 0, 1, None, None, None)
    merged = exact.merged()
    assert merged.totals.size <= 128**2
    assert merged.mass.sum() == pytest.approx(40_000)
    for mean in (low, 0.49):
        assert exact.log_wealth(mean) - 0.05 <= merged.log_wealth(mean) <= exact.log_wealth(mean) + 1e-6
    assert low < 0.5 < high


def test_running_wealth_ends_at_the_e_value() -> None:
    totals, sizes, moves = days(1)
    options = {"low": -1.0, "high": 1.0, "least": -moves, "most": moves}
    path = clustered.log_wealth_greater(totals, sizes, 0.01, **options)
    assert path.shape == (36,)
    assert np.exp(path[-1]) == pytest.approx(clustered.e_value_greater(totals, sizes, 0.01, **options))
    less = clustered.log_wealth_less(totals, sizes, 0.05, **options)
    assert np.exp(less[-1]) == pytest.approx(clustered.e_value_less(totals, sizes, 0.05, **options))
    assert clustered.log_wealth_greater([], [], 0.5).size == 0


def test_design_effect() -> None:
    rng = np.random.default_rng(6)
    sizes = np.full(3000, 50)
    independent = rng.binomial(sizes, 0.3)
    alike = 50 * rng.binomial(1, 0.3, size=3000)
    assert clustered.design_effect(independent, sizes) == pytest.approx(1, abs=0.1)
    assert clustered.design_effect(alike, sizes) == pytest.approx(50, rel=0.05)
    scores = rng.normal(0, 2, size=(3000, 50)).sum(axis=1)
    assert clustered.design_effect(scores, sizes, variance=4.0) == pytest.approx(1, abs=0.1)
    assert np.isnan(clustered.design_effect([3], [5]))


def test_no_units_and_no_possible_change() -> None:
    assert clustered.interval([], [], 0.05, low=-1, high=1) == (-1.0, 1.0)
    assert clustered.e_value_greater([], [], 0.5) == 1.0
    # Two models that agree everywhere: the limits leave nothing to bet on.
    low, high = clustered.interval([0, 0], [5, 5], 0.05, low=-1, high=1, least=[0, 0], most=[0, 0])
    assert low <= 0 <= high


@pytest.mark.parametrize(
    ("totals", "sizes", "options", "message"),
    [
        ([1, 2], [5], {}, "one length"),
        ([1, 2], [5, 0], {}, "sizes must be positive, but unit 1"),
        ([1, 7], [5, 5], {}, "totals must lie within .* unit 1 has 7"),
        ([1, float("nan")], [5, 5], {}, "unit 1"),
        ([1, 2], [5, 5], {"max_size": 4}, "must not exceed max_size = 4, but unit 0"),
        ([1, 2], [5, 5], {"least": [0]}, "least must have one entry a unit"),
        ([1, 2], [5, 5], {"least": [0, 3]}, "totals must lie within"),
        ([1, 2], [5, 5], {"least": [2, 0], "most": [1, 5]}, "least must not exceed most"),
        ([1, 2], [5, 5], {"low": 1.0}, "low < high"),
    ],
)
def test_bad_units_are_named(totals: list[float], sizes: list[float], options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clustered.lower(totals, sizes, 0.05, **options)  # type: ignore[arg-type]


def test_bad_alpha_and_mean_are_named() -> None:
    with pytest.raises(ValueError, match="alpha"):
        clustered.upper([1], [2], 0.0)
    with pytest.raises(ValueError, match="strictly between -1 and 1, got 1"):
        clustered.e_value_less([1], [2], 1, low=-1, high=1)
