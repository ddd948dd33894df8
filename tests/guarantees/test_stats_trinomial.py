"""Level and power of the trinomial test at its planned size, and two mutants that the same test catches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assay.stats import trinomial
from assay.testing import coverage

if TYPE_CHECKING:
    import numpy as np

ALPHA = MISS = 0.05


def table(rng: np.random.Generator, n: int, rate: float, difference: float) -> tuple[int, int]:
    up, down = (rate + difference) / 2, (rate - difference) / 2
    wins, losses, _ = rng.multinomial(n, [up, down, 1 - up - down])
    return int(wins), int(losses)


@pytest.mark.parametrize("margin", [-0.03, 0.0, 0.02])
@pytest.mark.parametrize("rate", [0.1, 0.8, 1.0])
def test_the_contract_holds_at_the_planned_size(margin: float, rate: float) -> None:
    alternative = margin + 0.04
    n = trinomial.rows_needed(margin, alternative, rate, ALPHA, MISS)
    for actual in (rate, 0.6 * rate):
        coverage.assert_error_below(
            lambda rng, actual=actual: trinomial.p_value(*table(rng, n, actual, margin), n, margin, rate) <= ALPHA,
            ALPHA, runs=300, seed=1,
        )  # fmt: skip
        coverage.assert_error_below(
            lambda rng, actual=actual: trinomial.p_value(*table(rng, n, actual, alternative), n, margin, rate) > ALPHA,
            MISS, runs=300, seed=2,
        )  # fmt: skip
    coverage.assert_power_above(
        lambda rng: trinomial.p_value(*table(rng, n, rate, alternative), n, margin, rate) <= ALPHA,
        0.88, runs=400, seed=3,
    )  # fmt: skip


def test_plugging_in_the_rate_that_was_seen_is_caught() -> None:
    n, rate, margin = 300, 0.06, -0.05

    def plug_in(rng: np.random.Generator) -> bool:
        wins, losses = table(rng, n, rate, margin)
        return trinomial.p_value(wins, losses, n, margin, max(wins + losses, 1) / n) <= ALPHA

    coverage.assert_error_below(
        lambda rng: trinomial.p_value(*table(rng, n, rate, margin), n, margin, rate) <= ALPHA, ALPHA, runs=1500, seed=4
    )
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(plug_in, ALPHA, runs=1500, seed=4)


def test_a_rate_that_is_declared_too_small_is_caught() -> None:
    n, margin = 1000, 0.0
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(
            lambda rng: trinomial.p_value(*table(rng, n, 0.2, margin), n, margin, 0.1) <= ALPHA,
            ALPHA, runs=1500, seed=5,
        )  # fmt: skip
