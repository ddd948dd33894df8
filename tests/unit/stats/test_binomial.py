from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.stats import binomial

COUNTS = [(0, 1), (1, 1), (0, 20), (3, 20), (20, 20), (5, 1000), (999, 1000), (12345, 10**6)]


@pytest.mark.parametrize(("k", "n"), COUNTS)
@pytest.mark.parametrize("alpha", [0.2, 0.05, 1e-3, 1e-12])
def test_bounds_agree_with_scipy(k: int, n: int, alpha: float) -> None:
    lower = stats.beta.ppf(alpha, k, n - k + 1) if k else 0.0
    upper = stats.beta.isf(alpha, k + 1, n - k) if k < n else 1.0
    assert binomial.lower(k, n, alpha) == pytest.approx(lower, rel=1e-9)
    assert binomial.upper(k, n, alpha) == pytest.approx(upper, rel=1e-9)


@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_interval_agrees_with_binomtest(k: int, n: int) -> None:
    expected = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
    assert binomial.interval(k, n, 0.05) == pytest.approx((expected.low, expected.high), rel=1e-7)


@pytest.mark.parametrize(("k", "n"), COUNTS)
@pytest.mark.parametrize("p0", [0.01, 0.5, 0.97])
def test_p_values_agree_with_binomtest(k: int, n: int, p0: float) -> None:
    greater = stats.binomtest(k, n, p0, alternative="greater").pvalue
    less = stats.binomtest(k, n, p0, alternative="less").pvalue
    assert binomial.p_value_greater(k, n, p0) == pytest.approx(greater, rel=1e-7, abs=1e-300)
    assert binomial.p_value_less(k, n, p0) == pytest.approx(less, rel=1e-7, abs=1e-300)


@pytest.mark.parametrize("k", [1, 10, 10**6, 5 * 10**8, 10**9 - 10**6])
@pytest.mark.parametrize("alpha", [0.05, 1e-12])
def test_bounds_of_a_billion_rows_put_alpha_into_the_tail(k: int, alpha: float) -> None:
    n = 10**9
    assert binomial.p_value_less(k, n, binomial.upper(k, n, alpha)) == pytest.approx(alpha, rel=1e-5)
    assert binomial.p_value_greater(k, n, binomial.lower(k, n, alpha)) == pytest.approx(alpha, rel=1e-5)


def test_closed_forms_at_the_ends_keep_their_precision() -> None:
    n, alpha = 10**9, 1e-12
    assert binomial.upper(0, n, alpha) == pytest.approx(-np.log(alpha) / n, rel=1e-7)
    assert 1 - binomial.lower(n, n, alpha) == pytest.approx(-np.log(alpha) / n, rel=1e-6)
    assert binomial.upper(0, 1, 0.05) == 0.95


@pytest.mark.parametrize("alpha", [1e-120, 1e-200, 1e-290])
def test_absurdly_small_alpha_still_gives_a_bound(alpha: float) -> None:
    low = binomial.lower(3, 7, alpha)
    # P(Bin(7, p) >= 3) = 35 p^3 for such p.
    assert low == pytest.approx((alpha / 35) ** (1 / 3), rel=1e-6)
    assert binomial.upper(4, 7, alpha) == pytest.approx(1 - low)


def test_no_rows_say_nothing() -> None:
    assert binomial.interval(0, 0, 0.05) == (0.0, 1.0)
    assert binomial.p_value_greater(0, 0, 0.5) == binomial.p_value_less(0, 0, 0.5) == 1.0


def test_scalars_give_floats_and_arrays_broadcast() -> None:
    assert type(binomial.upper(1, 10, 0.05)) is float
    grid = binomial.upper(np.arange(5)[:, None], [10, 20, 30], 0.05)
    assert grid.shape == (5, 3)
    assert grid[3, 1] == binomial.upper(3, 20, 0.05)


@settings(deadline=None)
@given(st.integers(1, 500), st.floats(0, 1), st.floats(1e-9, 0.5))
def test_symmetric_and_monotone_in_alpha(n: int, share: float, alpha: float) -> None:
    k = round(share * n)
    assert binomial.lower(k, n, alpha) == pytest.approx(1 - binomial.upper(n - k, n, alpha), abs=1e-12)
    assert binomial.upper(k, n, alpha) >= binomial.upper(k, n, min(2 * alpha, 0.99))
    assert binomial.lower(k, n, alpha) <= k / n <= binomial.upper(k, n, alpha)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 3, 0.05), "k must not exceed n"),
        ((-1, 3, 0.05), "k must not be negative"),
        ((1, -3, 0.05), "n must not be negative"),
        ((1.5, 3, 0.05), "k must be a whole number"),
        ((1, float("nan"), 0.05), "n must be a whole number"),
        ((1, 3, 0.0), r"alpha must lie in \(0, 1\)"),
        ((1, 3, 1.0), r"alpha must lie in \(0, 1\)"),
        ((1, 3, float("nan")), r"alpha must lie in \(0, 1\)"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[float, float, float], message: str) -> None:
    for bound in (binomial.upper, binomial.lower, binomial.interval):
        with pytest.raises(ValueError, match=message):
            bound(*arguments)


def brute_force_units(p_true: float, p0: float, alpha: float, power: float) -> int:
    for n in range(1, 5000):
        tails = stats.binom.sf(np.arange(-1, n), n, p0)
        critical = np.flatnonzero(tails <= alpha)
        if critical.size and stats.binom.sf(critical[0] - 1, n, p_true) >= power:
            return n
    raise AssertionError("not found")


@pytest.mark.parametrize(
    ("p_true", "p0", "alpha", "power"),
    [
        (0.9, 0.8, 0.05, 0.8),
        (0.3, 0.1, 0.01, 0.9),
        (1.0, 0.5, 0.0625, 0.8),
        (0.02, 0.005, 0.1, 0.5),
        (0.6, 0.5, 0.05, 0.95),
    ],
)
def test_units_needed_is_the_first_that_works(p_true: float, p0: float, alpha: float, power: float) -> None:
    expected = brute_force_units(p_true, p0, alpha, power)
    assert binomial.units_needed(p_true, p0, alpha, power) == expected


def test_units_needed_mirrors_and_refuses() -> None:
    greater = binomial.units_needed(0.75, 0.5, 0.05)
    assert binomial.units_needed(0.25, 0.5, 0.05, alternative="less") == greater
    assert binomial.units_needed(0.5, 0.5, 0.05) is None
    assert binomial.units_needed(0.4, 0.5, 0.05) is None
    with pytest.raises(ValueError, match="alternative"):
        binomial.units_needed(0.6, 0.5, 0.05, alternative="two-sided")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="p_true"):
        binomial.units_needed(1.5, 0.5, 0.05)


@pytest.mark.parametrize(
    ("p0", "p1", "alpha", "miss"),
    [
        (0.5, 0.7, 0.01, 0.02),
        (0.9, 0.95, 0.05, 0.01),
        (0.1, 0.2, 0.001, 0.1),
        (0.8, 1.0, 0.01, 0.3),
        (0.6, 0.9, 0.4, 0.4),
    ],
)
def test_rows_needed_is_the_smallest_from_where_it_is_asked(p0: float, p1: float, alpha: float, miss: float) -> None:
    def holds(n: int) -> bool:
        count = binomial.critical(n, p0, alpha)
        return bool(count <= n and binomial.p_value_less(count - 1, n, p1) <= miss) if count else True

    n = binomial.rows_needed(p0, p1, alpha, miss)
    assert holds(n)
    assert not any(holds(k) for k in range(1, n))
    later = binomial.rows_needed(p0, p1, alpha, miss, at_least=n + 1)
    assert holds(later)
    assert not any(holds(k) for k in range(n + 1, later))


def test_rows_needed_from_a_rate_of_zero() -> None:
    assert binomial.rows_needed(0.0, 0.1, 0.01, 0.01) == 44  # 0.9^44 < 0.01
    assert binomial.rows_needed(0.0, 1.0, 0.01, 0.01) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0.5, 0.5, 0.1, 0.1), "p0 < p1"), ((0.5, 0.6, 0.0, 0.1), "alpha"), ((0.5, 0.6, 0.1, 1.0), "miss")],
)
def test_rows_needed_names_the_argument(arguments: tuple[float, float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        binomial.rows_needed(*arguments)
