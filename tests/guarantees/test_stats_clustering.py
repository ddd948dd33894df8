"""Level and power of the test for clustering, and a mutant that takes rows for independent in its variance."""

from __future__ import annotations

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


def test_clustering_of_the_stated_strength_is_found() -> None:
    level, units, size = 0.05, 40, 12
    effect = clustering.detectable_effect([size] * units, level)
    labels = np.repeat(np.arange(units), size)

    def found(icc: float):
        def run(rng: np.random.Generator) -> bool:
            values = (
                np.repeat(rng.normal(size=units), size) * icc**0.5 + rng.normal(size=labels.size) * (1 - icc) ** 0.5
            )
            return clustering.test(values, labels, permutations=99).p_value <= level

        return run

    stated = (effect - 1) / (size - 1)
    assert 0.7 < coverage.error_rate(found(stated), runs=300, seed=7).rate < 0.9
    # A bound that forgot how many groups there are would name a third of it.
    assert coverage.error_rate(found(stated / 3), runs=300, seed=8).rate < 0.5


def test_what_few_groups_cannot_show() -> None:
    assert clustering.detectable_effect([500] * 3, 0.01) > 15
    assert clustering.detectable_effect([1500], 0.01) == np.inf
    assert clustering.detectable_effect([1] * 30, 0.01) == 1.0
    # Thirty rows over sixty days hardly share one, so that days do little harm.
    assert clustering.detectable_effect([2] * 6 + [1] * 18, 0.01) < 1.5
