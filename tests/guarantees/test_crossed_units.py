"""Units that are declared and crossed by days that matter: what is passed, what is refused, and how often for nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.gate import Sequential, decide
from assay.stats import crossing
from assay.testing.coverage import assert_error_below, assert_power_above

ALPHA, DAYS = 0.05, 20


def rows(rng: np.random.Generator, gain: float, effect: float) -> dict[str, Any]:
    """Customers with five rows each on any days; on each day one of two models is better, and so is it for each customer."""
    unit = np.repeat(np.arange(300), 5)
    day = rng.integers(0, DAYS, unit.size)
    lean = gain + effect * rng.choice([-1.0, 1.0], DAYS)[day] + 0.2 * rng.choice([-1.0, 1.0], 300)[unit]
    labels = rng.integers(0, 2, unit.size)
    differs, won = rng.random(unit.size) < 0.3, rng.random(unit.size) < np.clip(0.5 + lean, 0, 1)
    new, old = np.where(differs & ~won, 1 - labels, labels), np.where(differs & won, 1 - labels, labels)
    return {
        "labels": labels, "new": new, "old": old, "unit": unit, "unit_name": "customer", "reliability": 1 - ALPHA,
        "timestamp": np.datetime64("2026-01-01") + day,
    }  # fmt: skip


def exact(gain: float, effect: float) -> Any:
    return lambda rng: decide("n - o > 0", **rows(rng, gain, effect)).passed


def sequential(gain: float, effect: float) -> Any:
    def passes(rng: np.random.Generator) -> bool:
        drawn = rows(rng, gain, effect)
        labels = drawn.pop("labels")
        gate = Sequential("n - o > 0", **drawn)
        gate.add(np.arange(labels.size), labels)
        return gate.verdict().passed

    return passes


@pytest.mark.parametrize("judged", [exact, sequential])
def test_days_that_cross_units_make_no_false_pass(judged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_error_below(judged(0.0, 0.45), ALPHA, runs=40, seed=1)
    honest = crossing.test
    unseen = lambda *given, **terms: replace(honest(*given, **terms), p_value=1.0)  # noqa: E731
    monkeypatch.setattr(crossing, "test", unseen)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(judged(0.0, 0.45), ALPHA, runs=40, seed=1)


@pytest.mark.parametrize("judged", [exact, sequential])
def test_where_days_do_not_matter_the_look_at_them_costs_no_power(judged: Any) -> None:
    assert_power_above(judged(0.25, 0.0), 0.7, runs=25, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("judged", [exact, sequential])
@pytest.mark.parametrize("effect", [0.0, 0.2, 0.45])
def test_days_that_cross_units_make_no_false_pass_in_many_runs(judged: Any, effect: float) -> None:
    assert_error_below(judged(0.0, effect), ALPHA, runs=400, seed=3)


def unlike(rng: np.random.Generator, effect: float, kind: str) -> tuple[Any, Any, Any]:
    """Units of any size whose rows are alike, on days of which some have far more rows."""
    sizes = rng.geometric(0.15, 150)
    unit = np.repeat(np.arange(sizes.size), sizes)
    day = rng.choice(15, unit.size, p=rng.dirichlet(np.full(15, 0.7)))
    lean = rng.beta(0.3, 0.3, sizes.size)[unit]
    if kind == "heavy":
        return lean * rng.standard_t(2, unit.size), day, unit
    if kind == "sorted":  # units that move with their own time
        day = np.concatenate([np.sort(rng.choice(15, size)) for size in sizes])
    rate = 0.04 * lean if kind == "rare" else lean + effect * rng.choice([-1, 1], 15)[day]
    return (rng.random(unit.size) < np.clip(rate, 0, 1)).astype(float), day, unit


def found(kind: str, effect: float = 0.0, level: float = 0.05) -> Any:
    return lambda rng: crossing.test(*unlike(rng, effect, kind), permutations=99).p_value <= level


@pytest.mark.parametrize("kind", ["plain", "rare", "heavy", "sorted"])
def test_groups_that_do_not_matter_are_found_as_seldom_as_promised(kind: str) -> None:
    assert_error_below(found(kind), 0.05, runs=60, seed=4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "rare", "heavy", "sorted"])
def test_groups_that_do_not_matter_are_found_as_seldom_as_promised_in_many_runs(kind: str) -> None:
    assert_error_below(found(kind), 0.05, runs=1500, seed=5)


def test_groups_that_matter_are_found() -> None:
    assert_power_above(found("plain", 0.25, 0.02), 0.8, runs=60, seed=6)


def test_units_taken_for_rows_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken test: values are dealt to cells one by one, as if those of one unit were not alike."""
    honest = crossing._drawn

    def one_by_one(*given: Any) -> Any:
        _, values, groups = honest(*given)
        return [(0, values.size, 1)], values, groups

    # Five units share their eight days: what rows of one unit have in common looks as if it came with the days.
    def paired(rng: np.random.Generator) -> bool:
        unit = np.repeat(np.arange(100), 8)
        day = 8 * (unit // 5) + np.tile(np.arange(8), 100)
        value = rng.normal(size=100)[unit] + 0.1 * rng.normal(size=800)
        return crossing.test(value, day, unit, permutations=99).p_value <= 0.05

    assert_error_below(paired, 0.05, runs=100, seed=7)
    monkeypatch.setattr(crossing, "_drawn", one_by_one)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(paired, 0.05, runs=100, seed=7)


def test_the_test_hangs_on_neither_order_nor_names() -> None:
    rng = np.random.default_rng(8)
    values, day, unit = unlike(rng, 0.1, "plain")
    order, names, others = rng.permutation(day.size), rng.permutation(15), rng.permutation(unit.max() + 1)
    again = crossing.test(values[order], names[day][order], others[unit][order])
    assert again.p_value == crossing.test(values, day, unit).p_value


def test_the_verdict_says_that_no_column_is_the_unit() -> None:
    verdict = decide("n - o > 0", **rows(np.random.default_rng(9), 0.0, 0.45))
    assert verdict.inconclusive
    assert verdict.reason.startswith("customers are not independent: they cluster by the day of timestamp")
    assert verdict.actions[0].title == (
        "declare as the unit what customer and date both lie in as a whole, and judge again"
    )
