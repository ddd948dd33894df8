"""Family-wise error and false discovery rate of the corrections, against tests left uncorrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import special

from assay.stats import multiplicity

if TYPE_CHECKING:
    from collections.abc import Callable

TRUE, FALSE = 16, 4  # hypotheses that hold, and that do not
RUNS = 1200


def p_values(rng: np.random.Generator, shared: float) -> np.ndarray:
    z = shared * rng.standard_normal() + np.sqrt(1 - shared**2) * rng.standard_normal(TRUE + FALSE)
    z[TRUE:] += 3.5
    return special.ndtr(-z)


def shares(reject: Callable[[np.ndarray], np.ndarray], shared: float, seed: int) -> tuple[np.ndarray, float]:
    """Give the share of false rejections of each run, and the mean share of false hypotheses found."""
    lost, found = [], 0.0
    for run in range(RUNS):
        rejected = reject(p_values(np.random.default_rng((seed, run)), shared))
        lost.append(rejected[:TRUE].sum() / max(rejected.sum(), 1))
        found += rejected[TRUE:].mean() / RUNS
    return np.array(lost), found


def assert_mean_at_most(values: np.ndarray, promised: float) -> None:
    error = values.std() / np.sqrt(values.size)
    assert values.mean() - 3.3 * error <= promised, f"{values.mean():.3f} is above {promised}"


@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_holm_keeps_the_family_wise_error(shared: float) -> None:
    lost, found = shares(lambda p: multiplicity.holm(p) <= 0.1, shared, 1)
    assert_mean_at_most((lost > 0).astype(float), 0.1)
    assert found > 0.7


def test_benjamini_hochberg_keeps_the_false_discovery_rate() -> None:
    for shared in (0.0, 0.8):
        lost, found = shares(lambda p: multiplicity.benjamini_hochberg(p) <= 0.1, shared, 2)
        assert_mean_at_most(lost, 0.1)
        assert found > 0.8


def test_uncorrected_tests_are_caught() -> None:
    lost, _ = shares(lambda p: p <= 0.1, 0.0, 1)
    with pytest.raises(AssertionError, match="is above"):
        assert_mean_at_most((lost > 0).astype(float), 0.1)
    with pytest.raises(AssertionError, match="is above"):
        assert_mean_at_most(lost, 0.1)


def e_values(p: np.ndarray) -> np.ndarray:
    """Calibrate p-values: 1 / (2 sqrt(p)) has mean 1 under uniform p."""
    return 0.5 / np.sqrt(p)


def test_e_bh_keeps_the_false_discovery_rate_under_dependence() -> None:
    def likelihood_ratios(p: np.ndarray) -> np.ndarray:
        # Against a shift by 3.5, from the normal score behind p.
        return np.exp(3.5 * -special.ndtri(p) - 3.5**2 / 2)

    for shared in (0.0, 0.8):
        lost, found = shares(lambda p: multiplicity.e_bh(likelihood_ratios(p), 0.1), shared, 3)
        assert_mean_at_most(lost, 0.1)
        assert found > 0.5
    lost, _ = shares(lambda p: multiplicity.e_bh(e_values(p), 0.1), 0.0, 4)
    assert_mean_at_most(lost, 0.1)
    # The mutant's "e-values" 1/p have no finite mean.
    lost, _ = shares(lambda p: multiplicity.e_bh(3 / p, 0.1), 0.8, 3)
    with pytest.raises(AssertionError, match="is above"):
        assert_mean_at_most(lost, 0.1)
