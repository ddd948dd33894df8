"""Error rate and power of the betting bounds, with mutants that the same runs catch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from assay.stats import bets, betting, binomial
from assay.testing import coverage, simulate

if TYPE_CHECKING:
    from collections.abc import Callable

ALPHA = 0.1


def lottery(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw values with mean 0.1 that are mostly 0 and rarely 1: hard for an upper bound."""
    return (rng.random(n) < 0.1).astype(float)


def normal_upper(x: np.ndarray, alpha: float) -> float:
    return float(x.mean() + 1.2816 * x.std() / np.sqrt(x.size))


LAWS: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "lottery": (lottery, 0.1),
    "calm": (lambda rng, n: simulate.bounded(rng, n, mean=0.3, sd=0.05), 0.3),
    "mixed": (lambda rng, n: np.where(np.arange(n) % 2, rng.random(n), 0.2), 0.35),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [12, 100])
def test_bounds_cover(law: str, n: int) -> None:
    draw, mean = LAWS[law]
    # "mixed" values have different means: the bound is for their average.
    coverage.assert_error_below(lambda rng: betting.lower(draw(rng, n), ALPHA) > mean, ALPHA, runs=250, seed=1)
    coverage.assert_error_below(lambda rng: betting.upper(draw(rng, n), ALPHA) < mean, ALPHA, runs=250, seed=2)


def test_the_normal_bound_is_caught() -> None:
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(lambda rng: normal_upper(lottery(rng, 12), ALPHA) < 0.1, ALPHA, runs=250, seed=2)


def test_bets_beyond_the_stake_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = bets.Bets.fractions

    def errs(rng: np.random.Generator) -> bool:
        return betting.e_value_less(lottery(rng, 12), 0.1) >= 1 / ALPHA

    coverage.assert_error_below(errs, ALPHA, runs=400, seed=3)
    # Debts are forgiven: wealth below nothing is counted as its size.
    monkeypatch.setattr(bets.Bets, "fractions", lambda self, loss, gain: 12 * honest(self, loss, gain))
    monkeypatch.setattr(betting, "_log1p", lambda gains: np.log(np.abs(1 + gains) + 1e-12))
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(errs, ALPHA, runs=400, seed=3)


def test_calm_data_are_decided_soon() -> None:
    # Hoeffding's bound needs 480 values for a distance of 0.05 at alpha 0.1.
    def decides(rng: np.random.Generator) -> bool:
        return betting.lower(simulate.bounded(rng, 40, mean=0.3, sd=0.06), 0.1) > 0.25

    coverage.assert_power_above(decides, 0.8, runs=300, seed=4)


def sequence_errs(rng: np.random.Generator, sequence: betting.ConfidenceSequence) -> bool:
    stream = (rng.random(2000) < 0.2).astype(float)
    for part in np.split(stream, 25):
        low, high = sequence.update(part)
        if not low <= 0.2 <= high:
            return True
    return False


class FixedSampleAtEveryLook(betting.ConfidenceSequence):
    def update(self, batch: np.ndarray) -> tuple[float, float]:  # type: ignore[override]
        self.count += batch.size
        self._mass[-1] += batch.sum()
        return binomial.interval(self._mass[-1], self.count, self.alpha)


def test_confidence_sequence_holds_at_every_look_and_a_fixed_interval_does_not() -> None:
    coverage.assert_error_below(
        lambda rng: sequence_errs(rng, betting.ConfidenceSequence(ALPHA)), ALPHA, runs=100, seed=5
    )
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(
            lambda rng: sequence_errs(rng, FixedSampleAtEveryLook(ALPHA)), ALPHA, runs=100, seed=5
        )


def test_confidence_sequence_decides() -> None:
    def decides(rng: np.random.Generator) -> bool:
        sequence = betting.ConfidenceSequence(0.05)
        return any(sequence.update(part)[0] > 0.2 for part in np.split(rng.random(1500) < 0.27, 15))

    coverage.assert_power_above(decides, 0.8, runs=100, seed=6)


def test_running_wealth_seldom_ever_grows_under_the_hypothesis() -> None:
    def errs(rng: np.random.Generator) -> bool:
        # Each value depends on the past, but its conditional mean never exceeds 0.3.
        x = np.empty(150)
        last = 0.0
        for t in range(x.size):
            last = float(rng.random() < 0.3) if last else rng.beta(3, 7)
            x[t] = last
        return betting.log_wealth_greater(x, 0.3).max() >= np.log(10)

    coverage.assert_error_below(errs, 0.1, runs=300, seed=7)
