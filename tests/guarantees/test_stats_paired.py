"""Level, coverage and power of the comparison by disagreements, and a mutant that plugs in their rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assay.stats import binomial, paired, trinomial
from assay.testing import coverage

if TYPE_CHECKING:
    import numpy as np


def table(rng: np.random.Generator, n: int, disagreement: float, difference: float) -> tuple[int, int]:
    up, down = (disagreement + difference) / 2, (disagreement - difference) / 2
    wins, losses, _ = rng.multinomial(n, [up, down, 1 - up - down])
    return int(wins), int(losses)


@pytest.mark.parametrize("disagreement", [0.02, 0.3])
def test_sign_test_keeps_its_level(disagreement: float) -> None:
    coverage.assert_error_below(
        lambda rng: paired.p_value(*table(rng, 300, disagreement, 0.0)) <= 0.05, 0.05, runs=1000, seed=1
    )


CASES = [(100, 0.1, 0.05), (100, 0.3, -0.1), (400, 0.02, 0.02), (400, 0.1, -0.1), (300, 0.5, 0.2)]


@pytest.mark.parametrize(("n", "disagreement", "difference"), CASES)
def test_shifted_test_and_interval_keep_their_promise(n: int, disagreement: float, difference: float) -> None:
    def errs(rng: np.random.Generator) -> bool:
        wins, losses = table(rng, n, disagreement, difference)
        # At twice the level the lower end of the interval is where the one-sided test stops rejecting.
        return paired.difference_interval(wins, losses, n, 0.2)[0] > difference

    def misses(rng: np.random.Generator) -> bool:
        wins, losses = table(rng, n, disagreement, difference)
        low, high = paired.difference_interval(wins, losses, n, 0.1)
        return not low <= difference <= high

    coverage.assert_error_below(errs, 0.1, runs=150, seed=2)
    coverage.assert_error_below(misses, 0.1, runs=150, seed=3)


def test_shifted_p_value_keeps_its_level_and_plugging_in_the_rate_is_caught() -> None:
    n, disagreement, margin = 2000, 0.06, 0.05

    def errs(rng: np.random.Generator) -> bool:
        return paired.p_value_shifted(*table(rng, n, disagreement, margin), n, margin) <= 0.05

    def plug_in(rng: np.random.Generator) -> bool:
        wins, losses = table(rng, n, disagreement, margin)
        rate = max(wins + losses, 1) / n
        return binomial.p_value_greater(wins, wins + losses, min(0.5 * (1 + margin / rate), 1.0)) <= 0.05

    coverage.assert_error_below(errs, 0.05, runs=100, seed=4)
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(plug_in, 0.05, runs=1000, seed=4)


@pytest.mark.parametrize(("n", "disagreement", "margin"), [(300, 0.05, -0.048), (600, 0.02, -0.019)])
def test_the_rate_as_it_is_seen_will_not_do(n: int, disagreement: float, margin: float) -> None:
    """Where the new model seldom wins, a high score comes with few disagreements: their rate must be bounded."""

    def errs(rng: np.random.Generator) -> bool:
        return paired.p_value_shifted(*table(rng, n, disagreement, margin), n, margin) <= 0.05

    def plug_in(rng: np.random.Generator) -> bool:
        wins, losses = table(rng, n, disagreement, margin)
        return trinomial.p_value(wins, losses, n, margin, max(wins + losses, 1) / n) <= 0.05

    coverage.assert_error_below(errs, 0.05, runs=300, seed=7)
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(plug_in, 0.05, runs=300, seed=7)


@pytest.mark.parametrize(
    ("n", "margin", "difference"), [(300, 0.02, 0.1), (1000, 0.02, 0.061), (5000, -0.01, 0.0083), (5000, 0.05, 0.068)]
)
def test_power_beyond_a_margin(n: int, margin: float, difference: float) -> None:
    """With a fifth of the rows in disagreement, 2.9 standard deviations beyond the margin."""
    coverage.assert_power_above(
        lambda rng: paired.p_value_shifted(*table(rng, n, 0.2, difference), n, margin) <= 0.05, 0.7, runs=300, seed=8
    )


def test_power() -> None:
    n = paired.labels_needed(0.03, 0.1, 0.05)
    coverage.assert_power_above(lambda rng: paired.p_value(*table(rng, n, 0.1, 0.03)) <= 0.05, 0.72, runs=700, seed=5)
    n = paired.labels_needed(0.0, 0.1, 0.05, margin=-0.02)
    coverage.assert_power_above(
        lambda rng: paired.difference_interval(*table(rng, n, 0.1, 0.0), n, 0.1)[0] > -0.02, 0.7, runs=400, seed=6
    )
