"""Coverage of the binomial bounds, summed exactly over all outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from assay.stats import binomial
from assay.testing import coverage

if TYPE_CHECKING:
    from collections.abc import Callable

RATES = np.concatenate([np.geomspace(1e-4, 0.1, 15), np.linspace(0.12, 0.88, 15), 1 - np.geomspace(1e-4, 0.1, 15)])


def largest_error(upper: Callable[[np.ndarray, int, float], np.ndarray], alpha: float) -> float:
    """Give the largest probability, over sizes and rates, that the rate lies above the bound."""
    worst = 0.0
    for n in (1, 2, 5, 17, 60, 300):
        k = np.arange(n + 1)
        bound = upper(k, n, alpha)
        for rate in RATES:
            worst = max(worst, float(stats.binom.pmf(k, n, rate)[rate > bound].sum()))
    return worst


def normal_upper(k: np.ndarray, n: int, alpha: float) -> np.ndarray:
    share = k / n
    return share + stats.norm.isf(alpha) * np.sqrt(share * (1 - share) / n)


@pytest.mark.parametrize("alpha", [0.1, 0.01])
def test_upper_bound_covers_and_the_normal_one_does_not(alpha: float) -> None:
    assert largest_error(binomial.upper, alpha) <= alpha * (1 + 1e-9)
    assert largest_error(lambda k, n, a: 1 - binomial.lower(n - k, n, a), alpha) <= alpha * (1 + 1e-9)
    assert largest_error(normal_upper, alpha) > 5 * alpha


def test_the_error_comes_close_to_the_promise() -> None:
    assert largest_error(binomial.upper, 0.05) > 0.045


def test_planned_rows_decide_with_the_planned_power() -> None:
    n = binomial.units_needed(0.9, 0.85, 0.05, power=0.9)

    def decides(rng: np.random.Generator) -> bool:
        return binomial.p_value_greater(rng.binomial(n, 0.9), n, 0.85) <= 0.05

    def errs(rng: np.random.Generator) -> bool:
        return binomial.p_value_greater(rng.binomial(n, 0.85), n, 0.85) <= 0.05

    coverage.assert_power_above(decides, 0.86, runs=3000, seed=0)
    coverage.assert_error_below(errs, 0.05, runs=3000, seed=1)
