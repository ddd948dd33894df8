from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assay.testing import coverage

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


def rate(p: float) -> Callable[[np.random.Generator], bool]:
    return lambda rng: rng.random() < p


def test_error_rate_counts_and_bounds() -> None:
    found = coverage.error_rate(rate(0.2), runs=2000, seed=1)
    assert found.errors / 2000 == found.rate
    assert found.lower < 0.2 < found.upper
    assert found.upper - found.lower < 0.06


def test_same_seed_same_runs_and_other_seed_other_runs() -> None:
    draws: dict[int, list[float]] = {}
    for attempt, seed in enumerate((5, 5, 6)):
        draws[attempt] = []
        coverage.error_rate(lambda rng, a=attempt: draws[a].append(rng.random()) or False, runs=3, seed=seed)
    assert draws[0] == draws[1] != draws[2]
    assert len(set(draws[0])) == 3


def test_a_kept_promise_passes_and_a_broken_one_fails() -> None:
    coverage.assert_error_below(rate(0.05), 0.05, runs=500, seed=0)
    with pytest.raises(AssertionError, match=r"promised to err in at most 0.05 of runs, erred in \d+ of 500"):
        coverage.assert_error_below(rate(0.15), 0.05, runs=500, seed=0)


def test_power_must_be_proved() -> None:
    coverage.assert_power_above(rate(0.9), 0.8, runs=500, seed=0)
    for p in (0.8, 0.5):
        with pytest.raises(AssertionError, match=r"promised power above 0\.8"):
            coverage.assert_power_above(rate(p), 0.8, runs=500, seed=0)


def test_no_runs_prove_nothing() -> None:
    with pytest.raises(ValueError, match="runs"):
        coverage.error_rate(rate(0.1), runs=0, seed=0)
    with pytest.raises(AssertionError):
        coverage.assert_power_above(lambda rng: True, 0.5, runs=3, seed=0)


def test_level_is_the_chance_to_blame_a_kept_promise() -> None:
    # 300 honest assertions at level 0.05 on runs at exactly the promised rate.
    failed = 0
    for seed in range(300):
        try:
            coverage.assert_error_below(rate(0.1), 0.1, runs=60, seed=seed, level=0.05)
        except AssertionError:
            failed += 1
    assert failed <= 30
