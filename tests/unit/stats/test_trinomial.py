"""The trinomial tail against enumeration, its worst case against a fine grid, and the sizes that it asks for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats import binomial, paired, trinomial

if TYPE_CHECKING:
    from numpy.typing import NDArray


def tails(n: int, difference: float, rate: float) -> NDArray[np.float64]:
    """P(S >= s) for s = -n ... n, by convolution of one row with itself."""
    row = np.array([(rate - difference) / 2, 1 - rate, (rate + difference) / 2])
    total = np.ones(1)
    for _ in range(n):
        total = np.convolve(total, row)
    return total[::-1].cumsum()[::-1]


@pytest.mark.parametrize("n", [1, 2, 7, 30, 61])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.6, 0.95, 1.0])
@pytest.mark.parametrize("margin", [-0.3, -0.02, 0.0, 0.02, 0.3])
def test_no_rate_of_disagreement_beats_the_bound(n: int, rate: float, margin: float) -> None:
    if margin < -rate:
        assert trinomial.p_value(0, 0, n, margin, rate) == 0
        return
    edge = min(margin, rate)
    worst = np.max([tails(n, edge, q) for q in np.linspace(abs(edge), rate, 101)], axis=0)
    bound = np.array([trinomial.p_value(max(s, 0), max(-s, 0), n, margin, rate) for s in range(-n, n + 1)])
    assert np.all(worst <= bound * (1 + 1e-9))
    assert np.all(np.diff(bound) <= 1e-12)
    proven = np.arange(-n, n + 1) >= math.ceil((n - 1) * edge - 1e-9) + 1
    if rate <= 0.5:
        assert bound[proven] == pytest.approx(worst[proven], rel=1e-9)


def test_parity_without_ties_is_covered() -> None:
    # At rate 1 with n even, S = 5 has the probability of S = 6; with a few ties it has more.
    n, s = 40, 5
    at_one = tails(n, 0.0, 1.0)[s + n]
    near = max(tails(n, 0.0, q)[s + n] for q in np.linspace(0.8, 1, 41))
    assert at_one < near <= trinomial.p_value(s, 0, n, 0.0, 1.0)


def test_bound_is_close_when_nothing_is_known_of_the_rate() -> None:
    n, s = 10_000, 300
    at_one = binomial.p_value_greater((n + s) // 2, n, 0.5)
    assert at_one <= trinomial.p_value(s, 0, n) <= 1.05 * at_one


@given(
    n=st.integers(5, 400),
    wins=st.integers(0, 60),
    losses=st.integers(0, 60),
    rate=st.floats(0.05, 1),
    margin=st.floats(-0.3, 0.3),
)
def test_p_value_is_monotone(n: int, wins: int, losses: int, rate: float, margin: float) -> None:
    n = max(n, wins + losses + 1)
    p = trinomial.p_value(wins, losses, n, margin, rate)
    assert 0 <= p <= 1
    assert trinomial.p_value(wins + 1, losses, n, margin, rate) <= p + 1e-12
    assert trinomial.p_value(wins, losses, n, min(margin + 0.05, 1), rate) >= p * (1 - 1e-9)
    if -rate <= margin and rate < 0.4 and wins - losses >= math.ceil((n - 1) * margin) + 1:
        assert trinomial.p_value(wins, losses, n, margin, rate + 0.1) >= p * (1 - 1e-9)


def holds(n: int, margin: float, alternative: float, rate: float, alpha: float, miss: float) -> bool:
    """Tell by convolution whether some threshold meets both halves of the contract at the largest rate."""
    passes, fails = tails(n, margin, rate), 1 - tails(n, alternative, rate)
    return bool(np.any((passes <= alpha) & (fails <= miss)))


@pytest.mark.parametrize(
    ("margin", "alternative", "rate", "alpha", "miss"),
    [
        (0.0, 0.1, 0.2, 0.01, 0.01),
        (0.05, 0.2, 0.3, 0.001, 0.02),
        (-0.1, 0.0, 0.1, 0.01, 0.01),
        (-0.05, 0.05, 0.4, 0.02, 0.05),
    ],
)
def test_rows_needed_is_the_smallest(margin: float, alternative: float, rate: float, alpha: float, miss: float) -> None:
    n = trinomial.rows_needed(margin, alternative, rate, alpha, miss)
    assert holds(n, margin, alternative, rate, alpha, miss)
    assert not any(holds(k, margin, alternative, rate, alpha, miss) for k in range(1, n))
    later = trinomial.rows_needed(margin, alternative, rate, alpha, miss, at_least=n + 1)
    assert later > n
    assert holds(later, margin, alternative, rate, alpha, miss)


@pytest.mark.parametrize(
    ("margin", "steps", "printed"), [(0.0, 32, 20384), (0.02, 32, 20264), (0.0, 2**32, 56724), (0.02, 2**32, 56268)]
)
def test_published_sizes_were_a_little_large(margin: float, steps: int, printed: int) -> None:
    # The experiment that printed them halved an interval down to one part in two thousand.
    level = 1e-4 / steps
    n = trinomial.rows_needed(margin, margin + 0.02, 0.1, level, level)
    assert 0.995 * printed < n <= printed


def test_weaker_than_the_sign_test_only_where_disagreement_is_rarer_than_assumed() -> None:
    assert trinomial.p_value(60, 30, 900, rate=0.1) < 1.05 * paired.p_value(60, 30)
    assert trinomial.p_value(60, 30, 900, rate=0.5) > 10 * paired.p_value(60, 30)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0, 10), "wins must be"),
        ((6, 5, 10), "n must be"),
        ((1, 0, 10, 2.0), "margin must lie"),
        ((1, 0, 10, 0.0, 0.0), "rate must lie"),
    ],
)
def test_bad_input_names_the_argument(arguments: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trinomial.p_value(*arguments)


def test_sizes_out_of_reach_are_refused() -> None:
    with pytest.raises(ValueError, match="alternative in reach"):
        trinomial.rows_needed(0.0, 0.2, 0.1, 0.01, 0.01)
    with pytest.raises(ValueError, match="miss must lie"):
        trinomial.rows_needed(0.0, 0.05, 0.1, 0.01, 0.7)
