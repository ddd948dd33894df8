from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from assay.stats import hypergeometric


def test_as_summed_by_scipy() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        rows = int(rng.integers(2, 3000))
        n, events = int(rng.integers(0, rows + 1)), int(rng.integers(0, rows + 1))
        k = int(rng.integers(max(0, n + events - rows), min(n, events) + 1))
        truth = stats.hypergeom.sf(k - 1, rows, events, n)
        assert hypergeometric.p_value_greater(k, n, events, rows) == pytest.approx(truth, rel=1e-8, abs=1e-300)


def test_tails_that_are_tiny_and_long() -> None:
    assert 0 < hypergeometric.p_value_greater(3000, 50_000, 50_000, 1_000_000) < 1e-20
    assert hypergeometric.p_value_greater(2500, 50_000, 50_000, 1_000_000) == pytest.approx(0.5, abs=0.01)


def test_the_test_keeps_its_level() -> None:
    """Summed over all tables at one rate, of which the sizes are fixed."""
    n, rest = 12, 30
    for rate in (0.05, 0.3, 0.7):
        for alpha in (0.05, 0.001):
            error = 0.0
            for k in range(n + 1):
                for other in range(rest + 1):
                    if hypergeometric.p_value_greater(k, n, k + other, n + rest) <= alpha:
                        error += stats.binom.pmf(k, n, rate) * stats.binom.pmf(other, rest, rate)
            assert error <= alpha


@pytest.mark.parametrize("counts", [(-1, 3, 3, 9), (4, 3, 5, 9), (2, 3, 1, 9), (0, 3, 8, 9), (1, 10, 3, 9)])
def test_impossible_tables(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be events at once"):
        hypergeometric.p_value_greater(*counts)
