from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from assay.stats import binomial, twosample


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.floats(0, 1), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_a_split_loses_no_row(counts: list[int], part: float, seed: int) -> None:
    size = int(part * sum(counts))
    first, second = twosample.split(counts, size, np.random.default_rng(seed))
    assert first.sum() == size
    assert (first + second).tolist() == counts
    assert min(*first, *second, 0) == 0


def test_a_split_draws_rows_without_replacement() -> None:
    rng = np.random.default_rng(0)
    drawn = [int(twosample.split([30, 70], 20, rng)[0][0]) for _ in range(4000)]
    expected = stats.hypergeom(100, 30, 20)
    assert np.mean(drawn) == pytest.approx(expected.mean(), abs=0.1)
    assert np.var(drawn) == pytest.approx(expected.var(), rel=0.1)


def test_distances_of_samples() -> None:
    assert twosample.total_variation([1, 1, 0], [0, 1, 1]) == 0.5
    assert twosample.kolmogorov_smirnov([1, 1, 0], [0, 1, 1]) == 0.5
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=400), rng.normal(0.2, 1, 300)
    cells = np.sort(np.concatenate([x, y]))
    counts = [np.searchsorted(cells, side) for side in (x, y)]
    histograms = [np.bincount(each, minlength=cells.size) for each in counts]
    assert twosample.kolmogorov_smirnov(*histograms) == pytest.approx(stats.ks_2samp(x, y).statistic)


def test_p_values_are_the_levels_at_which_bounds_reach_the_tolerance() -> None:
    for p_value, upper in (
        (twosample.total_variation_p_value, twosample.total_variation_upper),
        (twosample.kolmogorov_smirnov_p_value, twosample.kolmogorov_smirnov_upper),
    ):
        p = p_value(0.01, 20_000, 9_000, 0.05)
        assert upper(0.01, 20_000, 9_000, p) == pytest.approx(0.05)
        assert p_value(0.06, 20_000, 9_000, 0.05) == 1.0


def test_a_rise_is_bounded_by_both_sides() -> None:
    share = 1000 / 11_000
    expected = binomial.lower(214, 1000, (1 - share) * 0.01) - binomial.upper(1210, 10_000, share * 0.01)
    assert twosample.rise_lower(1210, 10_000, 214, 1000, 0.01) == pytest.approx(float(expected))
    p = twosample.rise_p_value(1210, 10_000, 214, 1000, 0.05)
    assert twosample.rise_lower(1210, 10_000, 214, 1000, p) == pytest.approx(0.05, abs=1e-6)
    assert twosample.rise_p_value(100, 1000, 100, 1000, 0.0) == 1.0
    assert twosample.rise_p_value(0, 10**6, 10**6, 10**6, 0.5) < 1e-200


@pytest.mark.parametrize("counts", [(121, 1000, 214, 1000), (0, 50, 9, 60), (3, 90, 90, 90), (700, 700, 5, 5)])
def test_the_e_value_divides_by_the_largest_likelihood_of_the_hypothesis(counts: tuple[int, int, int, int]) -> None:
    before, n, after, m = counts

    def loss(p: float, q: float) -> float:
        return -(stats.binom.logpmf(before, n, p) + stats.binom.logpmf(after, m, q))

    best = min(
        optimize.minimize_scalar(lambda p: loss(p, min(p + 0.05, 1.0)), bounds=(0, 0.95), method="bounded").fun,
        loss(before / n, after / m) if after / m <= before / n + 0.05 else np.inf,
    )
    expected = np.exp(best - loss(0.12, 0.21))
    assert twosample.rise_e_value(*counts, 0.05, [(0.12, 0.21)]) == pytest.approx(expected, rel=1e-4)


def test_the_expectation_of_the_e_value_is_at_most_one() -> None:
    n, m, p = 12, 10, 0.3
    for q in (0.3, 0.35, 0.4):
        total = sum(
            stats.binom.pmf(a, n, p)
            * stats.binom.pmf(b, m, q)
            * twosample.rise_e_value(a, n, b, m, 0.1, [(0.3, 0.7), (0.2, 0.5)])
            for a in range(n + 1)
            for b in range(m + 1)
        )
        assert total <= 1
