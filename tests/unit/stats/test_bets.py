from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats import bets


@pytest.mark.parametrize(
    "mixture", [bets.for_sample(1), bets.for_sample(40), bets.for_sample(10**9), bets.for_any_time()]
)
def test_shares_sum_to_one_and_no_bet_exceeds_the_stake(mixture: bets.Bets) -> None:
    assert np.exp(mixture.log_weights).sum() == pytest.approx(1)
    for loss in (1e-9, 0.3, 1 - 1e-9):
        fractions = mixture.fractions(loss, 1 - loss)
        assert np.all((fractions > 0) & (fractions <= 1))
    assert mixture.fractions(1e-9, 1.0)[-1] == 1


@settings(deadline=None)
@given(st.floats(0.001, 0.998), st.floats(1e-4, 0.5), st.floats(0, 1), st.floats(0, 1))
def test_each_bet_falls_as_the_mean_grows(mean: float, step: float, size: float, share: float) -> None:
    # The proof in the module, at a random unit with 0 <= total <= size <= 1.
    total, larger = share * size, min(mean + step, 0.9999)
    for mixture in (bets.for_sample(30), bets.for_any_time()):
        near = mixture.fractions(mean, 1 - mean) * (total - mean * size) / mean
        far = mixture.fractions(larger, 1 - larger) * (total - larger * size) / larger
        assert np.all(far <= near + 1e-9 * (1 + np.abs(near)))


def test_mixing_survives_lost_and_huge_wealth() -> None:
    mixture = bets.for_sample(10)
    lost = np.full(mixture.scales.size, -np.inf)
    assert mixture.mix(lost) == -np.inf
    huge = lost.copy()
    huge[0] = 5000.0
    assert mixture.mix(huge) == pytest.approx(5000 + mixture.log_weights[0])
