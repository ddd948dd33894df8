"""Error rate and power of the bounds on units, with mutants that ignore the unit or weight by its size."""

from __future__ import annotations

import numpy as np
import pytest

from assay.stats import betting, binomial, clustered
from assay.testing import coverage, simulate

ALPHA = 0.1
LARGEST = 400
MEAN = 0.3


def quiet(rng: np.random.Generator, units: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Draw units of equal means, unequal sizes and strong clustering; the row-weighted mean is MEAN."""
    sizes = simulate.unit_sizes(rng, units, mean=100, spread=0.8, largest=LARGEST)
    return simulate.clustered_binary(rng, sizes, mean=MEAN, icc=0.3), sizes


def larger_is_worse(rng: np.random.Generator, units: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Draw small units with rate 0.1 and as many ten times larger with rate 0.3; by rows 31/110."""
    sizes = np.where(rng.random(units) < 0.5, 20, 200)
    return simulate.clustered_binary(rng, sizes, mean=np.where(sizes > 20, 0.3, 0.1), icc=0.2), sizes


BY_ROWS = (20 * 0.1 + 200 * 0.3) / 220


@pytest.mark.parametrize("declared", [None, LARGEST])
@pytest.mark.parametrize("units", [12, 60])
def test_bounds_cover_whatever_happens_inside_a_unit(units: int, declared: int | None) -> None:
    def errs(rng: np.random.Generator) -> bool:
        totals, sizes = quiet(rng, units)
        low, high = clustered.interval(totals, sizes, ALPHA, max_size=declared)
        return not low <= MEAN <= high

    coverage.assert_error_below(errs, ALPHA, runs=150, seed=1)


def test_counting_rows_as_independent_is_caught() -> None:
    def errs(rng: np.random.Generator) -> bool:
        totals, sizes = quiet(rng)
        low, high = binomial.interval(totals.sum(), sizes.sum(), ALPHA)
        return not low <= MEAN <= high

    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(errs, ALPHA, runs=150, seed=1)


def test_the_estimand_weights_rows_when_size_and_loss_go_together() -> None:
    def errs(rng: np.random.Generator) -> bool:
        low, high = clustered.interval(*larger_is_worse(rng), ALPHA)
        return not low <= BY_ROWS <= high

    def errs_by_unit_means(rng: np.random.Generator) -> bool:
        # A bet that divides by the size of its own unit bounds the mean over units instead.
        totals, sizes = larger_is_worse(rng)
        low, high = betting.interval(totals / sizes, ALPHA)
        return not low <= BY_ROWS <= high

    coverage.assert_error_below(errs, ALPHA, runs=150, seed=2)
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(errs_by_unit_means, ALPHA, runs=150, seed=2)


@pytest.mark.parametrize(("spread", "slope"), [(0.5, 0.15), (1.5, 0.08)])
def test_sizes_without_limit_that_go_with_the_loss(spread: float, slope: float) -> None:
    # No largest size exists here: the assumption behind the default is false, and the bound holds up.
    def draw(rng: np.random.Generator, units: int) -> tuple[np.ndarray, np.ndarray]:
        sizes = simulate.unit_sizes(rng, units, mean=100, spread=spread)
        rates = np.clip(0.2 + slope * np.log(sizes / 100), 0.01, 0.95)
        return simulate.clustered_binary(rng, sizes, mean=rates, icc=0.3), sizes

    totals, sizes = draw(np.random.default_rng(0), 1_000_000)
    truth = totals.sum() / sizes.sum()

    def errs(rng: np.random.Generator) -> bool:
        totals, sizes = draw(rng, 40)
        greater = clustered.e_value_greater(totals, sizes, truth)
        return max(greater, clustered.e_value_less(totals, sizes, truth)) >= 2 / ALPHA

    coverage.assert_error_below(errs, ALPHA, runs=400, seed=3)


def changed_predictions(
    rng: np.random.Generator, difference: float, days: int = 36
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw wins minus losses of two models that differ on a tenth of the rows, clustered by day."""
    sizes = rng.integers(700, 1000, size=days)
    moves = rng.binomial(sizes, 0.1)
    wins = simulate.clustered_binary(rng, moves, mean=0.5 * (1 + difference / 0.1), icc=0.1)
    return 2 * wins - moves, sizes, moves


def test_limits_known_beforehand_cover() -> None:
    def errs(rng: np.random.Generator) -> bool:
        totals, sizes, moves = changed_predictions(rng, 0.01)
        low, high = clustered.interval(totals, sizes, ALPHA, low=-1, high=1, least=-moves, most=moves)
        return not low <= 0.01 <= high

    coverage.assert_error_below(errs, ALPHA, runs=120, seed=4)


def test_limits_known_from_the_labels_are_caught() -> None:
    # The mutant takes as limits what it has seen, so its largest possible loss is the largest loss there was.
    def draw(rng: np.random.Generator) -> np.ndarray:
        return np.where(rng.random(12) < 0.08, -92.0, 8.0)

    def e_value(totals: np.ndarray, least: float) -> float:
        sizes = np.full(12, 100.0)
        limit = np.full(12, least)
        return clustered.e_value_greater(totals, sizes, 0.0, low=-1, high=1, least=limit, most=-limit)

    coverage.assert_error_below(lambda rng: e_value(draw(rng), -100.0) >= 10, ALPHA, runs=400, seed=5)
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(
            lambda rng: e_value(x := draw(rng), -float(np.abs(x).max())) >= 10, ALPHA, runs=400, seed=5
        )


def test_a_month_of_days_decides() -> None:
    def decides(rng: np.random.Generator) -> bool:
        totals, sizes, moves = changed_predictions(rng, 0.025)
        return clustered.e_value_greater(totals, sizes, 0, low=-1, high=1, least=-moves, most=moves) >= 20

    coverage.assert_power_above(decides, 0.8, runs=200, seed=6)

    def bounds_it(rng: np.random.Generator) -> bool:
        sizes = simulate.unit_sizes(rng, 30, mean=900)
        totals = simulate.clustered_binary(rng, sizes, mean=0.2, icc=0.05)
        return clustered.upper(totals, sizes, 0.05) < 0.3

    coverage.assert_power_above(bounds_it, 0.7, runs=150, seed=7)
