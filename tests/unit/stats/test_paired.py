from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.stats import paired

counts = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 900))


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (10, 0), (0, 10), (15, 5), (700, 640)])
def test_sign_test_agrees_with_scipy(wins: int, losses: int) -> None:
    n = wins + losses
    expected = stats.binomtest(wins, n, 0.5, alternative="greater").pvalue if n else 1.0
    assert paired.p_value(wins, losses) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(counts, st.floats(0.001, 0.3), st.floats(0.001, 0.4))
def test_interval_mirrors_contains_the_estimate_and_grows(
    table: tuple[int, int, int], alpha: float, margin: float
) -> None:
    wins, losses, ties = table
    n = wins + losses + ties
    if n == 0:
        return
    low, high = paired.difference_interval(wins, losses, n, alpha)
    assert -1 <= low <= (wins - losses) / n + 1e-12
    assert high >= (wins - losses) / n - 1e-12
    assert paired.difference_interval(losses, wins, n, alpha) == pytest.approx((-high, -low))
    wider = paired.difference_interval(wins, losses, n, alpha / 2)
    assert wider[0] <= low
    assert wider[1] >= high
    # The p-value falls with the margin given away.
    assert paired.p_value_shifted(wins, losses, n, margin) >= paired.p_value_shifted(wins, losses, n, margin / 2) - 1e-9


@settings(max_examples=60, deadline=None)
@given(counts, st.floats(0.002, 0.3))
@example((0, 0, 2), 0.25)
def test_shifted_p_value_is_the_level_at_which_the_interval_reaches_the_margin(
    table: tuple[int, int, int], alpha: float
) -> None:
    wins, losses, ties = table
    n = wins + losses + ties
    if n == 0:
        return
    low, _ = paired.difference_interval(wins, losses, n, 2 * alpha)
    if -0.9 < low < 0.9 and abs(low) > 1e-6:
        assert paired.p_value_shifted(wins, losses, n, low - 1e-7) <= alpha * 1.001
        assert paired.p_value_shifted(wins, losses, n, low + 1e-4) > alpha


def test_extreme_tables() -> None:
    assert paired.p_value_shifted(0, 0, 100, 0.01) == 1.0
    assert paired.p_value_shifted(10**6, 0, 10**6, 0.5) == pytest.approx(1e-250)
    assert paired.difference_interval(0, 0, 0, 0.05) == (-1.0, 1.0)
    low, high = paired.difference_interval(0, 0, 1000, 0.05)
    assert -0.01 < low < 0 < high < 0.01


@pytest.mark.parametrize(
    ("difference", "disagreement", "alpha", "margin"),
    [(0.03, 0.1, 0.05, 0.0), (0.03, 0.1, 0.05, 0.01), (0.0, 0.1, 0.05, -0.02), (0.02, 0.1, 1e-4, 0.0)],
)
def test_planned_rows_have_the_power(difference: float, disagreement: float, alpha: float, margin: float) -> None:
    n = paired.labels_needed(difference, disagreement, alpha, margin=margin, power=0.8)
    assert n is not None
    rng = np.random.default_rng(0)
    up, down = (disagreement + difference) / 2, (disagreement - difference) / 2
    tables = rng.multinomial(n, [up, down, 1 - disagreement], size=500)
    if margin == 0:
        decided = [paired.p_value(wins, losses) <= alpha for wins, losses, _ in tables.tolist()]
    else:
        # Two-sided at twice the level: its lower end is the one-sided bound.
        decided = [
            paired.difference_interval(wins, losses, n, 2 * alpha)[0] > margin for wins, losses, _ in tables.tolist()
        ]
    assert np.mean(decided) == pytest.approx(0.8, abs=0.055)


def test_no_number_of_rows_proves_what_is_not_so() -> None:
    assert paired.labels_needed(0.0, 0.1, 0.05) is None
    assert paired.labels_needed(0.01, 0.1, 0.05, margin=0.02) is None
    tiny = paired.labels_needed(0.9, 0.9, 0.05)
    assert tiny is not None
    assert tiny < 12


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="wins"):
        paired.p_value(-1, 3)
    with pytest.raises(ValueError, match="losses"):
        paired.p_value(1, 3.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n must"):
        paired.p_value_shifted(5, 6, 10, 0.1)
    with pytest.raises(ValueError, match="margin"):
        paired.p_value_shifted(5, 6, 20, 1.1)
    with pytest.raises(ValueError, match="alpha"):
        paired.difference_interval(5, 6, 20, 0.0)
    with pytest.raises(ValueError, match="difference"):
        paired.labels_needed(0.2, 0.1, 0.05)
