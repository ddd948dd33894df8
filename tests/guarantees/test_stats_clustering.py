"""Level and power of the test for clustering, and a mutant that takes rows for independent in its variance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assay.stats import clustering
from assay.testing import coverage, simulate


def deal(rng: np.random.Generator, icc: float, units: int = 25) -> tuple[np.ndarray, np.ndarray]:
    sizes = simulate.unit_sizes(rng, units, mean=15, spread=0.7)
    totals = simulate.clustered_binary(rng, sizes, mean=0.1, icc=icc)
    labels = np.repeat(np.arange(units), sizes)
    rank = np.arange(labels.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return (rank < totals[labels]).astype(float), labels


def test_level_and_power() -> None:
    def errs(rng: np.random.Generator) -> bool:
        return clustering.test(*deal(rng, 0.0), permutations=99).p_value <= 0.05

    def decides(rng: np.random.Generator) -> bool:
        return clustering.test(*deal(rng, 0.15), permutations=99).p_value <= 0.05

    coverage.assert_error_below(errs, 0.05, runs=500, seed=1)
    coverage.assert_power_above(decides, 0.75, runs=200, seed=2)


def test_level_holds_on_thinned_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "PERMUTED_ROWS", 120)

    def errs(rng: np.random.Generator) -> bool:
        return clustering.test(*deal(rng, 0.0), permutations=39).p_value <= 0.05

    def decides(rng: np.random.Generator) -> bool:
        return clustering.test(*deal(rng, 0.5), permutations=39).p_value <= 0.05

    coverage.assert_error_below(errs, 0.05, runs=500, seed=3)
    coverage.assert_power_above(decides, 0.5, runs=200, seed=4)


def test_leaving_out_the_one_in_the_p_value_is_caught() -> None:
    def errs(rng: np.random.Generator) -> bool:
        found = clustering.test(*deal(rng, 0.0), permutations=9)
        return (found.p_value * 10 - 1) / 9 <= 0.05

    def honest(rng: np.random.Generator) -> bool:
        return clustering.test(*deal(rng, 0.0), permutations=9).p_value <= 0.1

    coverage.assert_error_below(honest, 0.1, runs=600, seed=5)
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(errs, 0.05, runs=600, seed=5)


LEVEL = 0.005
UNITS = np.repeat(np.arange(60), 4)


def normal(rng: np.random.Generator, icc: float) -> np.ndarray[Any, Any]:
    apart, common = rng.normal(size=UNITS.size), rng.normal(size=60)[UNITS]
    return np.asarray(common * icc**0.5 + apart * (1 - icc) ** 0.5)


def rare(rng: np.random.Generator, icc: float, rate: float = 0.1) -> np.ndarray[Any, Any]:
    if icc:
        rate = rng.beta(rate * (1 / icc - 1), (1 - rate) * (1 / icc - 1), 60)[UNITS]
    return np.asarray((rng.random(UNITS.size) < rate).astype(float))


Values = Callable[[np.random.Generator, float], "np.ndarray[Any, Any]"]


def stated(draw: Values) -> float:
    """The intraclass correlation that the test says it would have found in independent rows."""
    tests = [clustering.test(draw(np.random.default_rng((6, k)), 0.0), UNITS, level=LEVEL) for k in range(9)]
    return float((np.median([test.detectable for test in tests if test.p_value > LEVEL]) - 1) / 3)


def finds(draw: Values, icc: float) -> float:
    return coverage.error_rate(
        lambda rng: clustering.test(draw(rng, icc), UNITS, permutations=399).p_value <= LEVEL, runs=200, seed=7
    ).rate


@pytest.mark.parametrize("draw", [normal, rare])
def test_clustering_of_the_stated_strength_is_found(draw: Values) -> None:
    assert 0.8 < finds(draw, stated(draw)) < 0.98
    assert finds(draw, stated(draw) / 3) < 0.5


def test_rare_events_taken_for_normal_values_are_caught() -> None:
    """A broken statement: what is found in normal values is said of rare events."""
    assert finds(lambda rng, icc: rare(rng, icc, 0.04), stated(normal)) < 0.6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "rows", "size", "power", "runs"),
    [(0.01, 2000, 2, 0.8, 150), (0.01, 2000, 10, 0.8, 150), (0.001, 20000, 10, 0.75, 80)],
)
def test_clustering_of_very_rare_events_is_found_as_stated(
    rate: float, rows: int, size: int, power: float, runs: int
) -> None:
    units = np.repeat(np.arange(rows // size), size)

    def found(rng: np.random.Generator) -> bool:
        while True:
            said = clustering.test(rng.random(rows) < rate, units, permutations=399, level=LEVEL).detectable
            if np.isfinite(said):
                break
        rest = (size - 1) / (said - 1) - 1
        of_unit = (
            rng.beta(rate * rest, (1 - rate) * rest, rows // size) if rest > 0 else rng.random(rows // size) < rate
        )
        return clustering.test(rng.random(rows) < of_unit[units], units, permutations=399).p_value <= LEVEL

    coverage.assert_power_above(found, power, runs=runs, seed=9)


def test_one_event_shows_nothing() -> None:
    values = np.zeros(200)
    values[7] = 1
    assert clustering.test(values, np.repeat(np.arange(20), 10), level=0.01).detectable == np.inf


def test_what_few_groups_cannot_show() -> None:
    rng = np.random.default_rng(0)

    def detectable(sizes: list[int]) -> float:
        units = np.repeat(np.arange(len(sizes)), sizes)
        return clustering.test(rng.normal(size=units.size), units, level=0.01).detectable

    assert detectable([500] * 3) > 15
    assert detectable([1500]) == np.inf
    assert detectable([1] * 30) == 1.0
    # Thirty rows over sixty days hardly share one, so that days do little harm.
    assert detectable([2] * 6 + [1] * 18) < 1.5
    # A constant shows nothing of how alike the rows of a unit are.
    assert clustering.test(np.ones(40), np.repeat(np.arange(4), 10), level=0.01).detectable == np.inf
