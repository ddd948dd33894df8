from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from assay.stats import sequential


def test_wealth_is_the_mixture_of_products() -> None:
    rng = np.random.default_rng(0)
    moves = rng.uniform(-1, 1, 50)
    scales = 2.0 ** -np.arange(13)
    weights = 0.8 ** np.arange(13)
    expected = [
        np.log((weights / weights.sum()) @ np.prod(1 + scales[:, None] * moves[:t], axis=1)) for t in range(1, 51)
    ]
    assert np.allclose(sequential.Wealth(1.0).play(moves), expected)


def test_wealth_does_not_depend_on_how_moves_are_handed_over() -> None:
    rng = np.random.default_rng(1)
    moves, bets = rng.choice([-1.0, 0.0, 1.0], 90_000), rng.uniform(0, 0.5, 90_000)
    whole = sequential.Wealth(1.0, design=True).play(moves, bets)
    parts = sequential.Wealth(1.0, design=True)
    pieces = [parts.play(m, b) for m, b in zip(np.array_split(moves, 7), np.array_split(bets, 7), strict=True)]
    assert np.allclose(whole, np.concatenate(pieces))
    assert parts.log_wealth == pytest.approx(whole[-1])
    assert parts.play([], []).size == 0


def test_wealth_is_one_on_average_under_the_hypothesis() -> None:
    rng = np.random.default_rng(2)
    ends = [
        math.exp(sequential.Wealth(1.0, design=True).play(rng.choice([-1, 1], 20), np.full(20, 0.2))[-1])
        for _ in range(4000)
    ]
    assert abs(np.mean(ends) - 1) < 5 * np.std(ends) / math.sqrt(4000)


@pytest.mark.parametrize(
    ("loss", "moves", "bets", "message"),
    [
        (0.0, [], None, "loss must be positive"),
        (0.5, [-0.6], None, "at least -0.5"),
        (1.0, [0.1], [0.1], "without it"),
    ],
)
def test_wealth_refuses_what_breaks_its_promise(
    loss: float, moves: list[float], bets: list[float] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sequential.Wealth(loss).play(moves, bets)


@pytest.mark.parametrize(
    ("limit", "aim", "rate"), [(0.0, 0.02, 0.1), (0.02, 0.04, 0.1), (-0.02, 0.0, 0.3), (0, 0.2, 0.2)]
)
def test_the_design_bet_grows_fastest(limit: float, aim: float, rate: float) -> None:
    outcomes = np.array([1, -1, 0]) - limit
    chances = np.array([(rate + aim) / 2, (rate - aim) / 2, 1 - rate])

    def shrink(bet: float) -> float:
        return -float(chances @ np.log1p(bet * outcomes))

    best = optimize.minimize_scalar(shrink, bounds=(0, 0.999 / (1 + limit)), method="bounded", options={"xatol": 1e-9})
    found = float(sequential.design_fraction(limit, aim, rate))
    assert shrink(min(found, 0.999 / (1 + limit))) <= best.fun + 1e-9


def test_a_rate_that_the_aim_cannot_have_is_raised_to_it() -> None:
    assert sequential.design_fraction(0.0, 0.2, [0.0, 0.1, 0.2]) == pytest.approx([1.0, 1.0, 1.0])


def test_the_cap_test_at_zero_is_the_sign_test() -> None:
    for wins in range(31):
        expected = stats.binom.sf(wins - 1, 30, 0.5) <= 0.05
        assert sequential.conditional_test(wins, 30 - wins, 40, 500, 5000, 0.0, 0.05) == expected


def test_the_cap_test_refuses_counts_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="labelled"):
        sequential.conditional_test(5, 5, 9, 50, 100, 0.0, 0.05)


def test_without_labels_the_cap_test_shows_only_what_predictions_show() -> None:
    assert sequential.conditional_test(0, 0, 0, 10, 10_000, -0.05, 0.01)  # at most 1 in 1,000 changed
    assert not sequential.conditional_test(0, 0, 0, 900, 10_000, -0.05, 0.01)
    assert not sequential.conditional_test(0, 0, 0, 900, 10_000, 0.0, 0.01)
    assert not sequential.conditional_test(0, 0, 0, 0, 10_000, 0.05, 0.01)


def test_labels_at_the_cap_have_the_power_and_one_fewer_has_not() -> None:
    m = sequential.labels_at_cap(0.0, 0.02, 2000, 20_000, 0.005, 0.99)
    assert m is not None

    def power(labels: int) -> float:
        critical = next(k for k in range(labels + 1) if stats.binom.sf(k - 1, labels, 0.5) <= 0.005)
        return float(stats.binom.sf(critical - 1, labels, 0.6))

    assert power(m) >= 0.99 > power(m - 1)
    # The worked example of the specification: 596 labels with 0.005 for the test at the cap.
    assert m == 596
    assert sequential.labels_at_cap(0.02, 0.01, 2000, 20_000, 0.005, 0.99) is None
    assert sequential.labels_at_cap(0.0, 0.02, 0, 20_000, 0.005, 0.99) is None


def test_the_bound_is_where_the_wealth_reaches_its_goal() -> None:
    rng = np.random.default_rng(4)
    x = rng.choice([1.0, -1.0, 0.0], 700, p=[0.2, 0.1, 0.7])
    values, counts = np.unique(x, return_counts=True)
    bound = sequential.lower(values, counts, 0.01, low=-1.0)
    just_above = bound + 1e-5
    assert sequential.Wealth(bound + 1).play(x - bound)[-1] >= math.log(100)
    assert sequential.Wealth(just_above + 1).play(x - just_above)[-1] < math.log(100)


def test_bounds_of_what_shows_nothing_are_the_range() -> None:
    assert sequential.lower([1, -1], [0, 0], 0.05, low=-1) == -1
    assert sequential.lower([1, -1], [0, 30], 0.05, low=-1) == -1
    assert sequential.lower([1, 0], [500, 0], 0.05, low=0) > 0.98
