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


def log_error(upper: Callable[[int, int, float], float], n: int, rate: float, alpha: float) -> float:
    """Give ln P(rate lies above the bound), which grows with k: sum all k whose bound lies below the rate."""
    below, above = -1, n
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if upper(middle, n, alpha) < rate else (below, middle)
    return float(stats.binom.logcdf(below, n, rate)) if below >= 0 else -np.inf


@pytest.mark.parametrize("alpha", [0.05, 1e-6, 1e-12])
@pytest.mark.parametrize("n", [1, 40, 10**4, 10**9])
def test_bounds_cover_at_the_extremes_and_the_normal_one_does_not(n: int, alpha: float) -> None:
    rates = [1e-12, 3 / n, 30 / n, 0.001, 0.5, 0.999, 1 - 1e-9, alpha ** (1 / n) - 1e-9, 1 - 1e-12]
    rates = sorted({rate for rate in rates if 0 < rate < 1})
    promised = np.log(alpha) + 1e-6
    assert max(log_error(binomial.upper, n, rate, alpha) for rate in rates) <= promised

    def mirrored(k: int, size: int, level: float) -> float:
        return 1 - float(binomial.lower(size - k, size, level))

    # 1 - x rounds near 0: rates below what a float can tell from it say nothing.
    assert max(log_error(mirrored, n, rate, alpha) for rate in rates if rate >= 1e-7) <= promised
    assert max(log_error(normal_upper, n, rate, alpha) for rate in rates) > np.log(2 * alpha)


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
