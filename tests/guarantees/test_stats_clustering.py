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
