"""A unit that is finer than what depends on each other: the screen of unit totals keeps the level, and costs no power."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.feasibility import upper_limit
from assay.gate import decide
from assay.testing import coverage
from assay.validation import compare, skew, validate
from assay.validation.column import Column
from assay.validation.limits import Range
from assay.validation.schema import Schema

DAYS, PAIRS, ALPHA = 40, 20, 0.05
DAY = np.repeat(np.arange(DAYS), 2 * PAIRS)
PAIR = np.arange(DAY.size) // 2


def rows(rng: np.random.Generator, gain: float, effect: float) -> dict[str, Any]:
    """Two models that differ on two rows in five; on each day one of them is better by far."""
    labels = rng.integers(0, 2, DAY.size)
    wins = np.clip(0.5 + gain + effect * rng.choice([-1.0, 1.0], DAYS), 0, 1)[DAY]
    differs, first = rng.random(DAY.size) < 0.4, rng.random(DAY.size) < wins
    wrong = 1 - labels
    new = np.where(differs & ~first, wrong, labels)
    old = np.where(differs & first, wrong, labels)
    return {"labels": labels, "new": new, "old": old, "unit": PAIR, "unit_name": "pair_id", "reliability": 1 - ALPHA}


def passes(gain: float, effect: float, *, screened: bool) -> Any:
    columns = {"day": DAY} if screened else None
    return lambda rng: decide("n - o > 0", **rows(rng, gain, effect), columns=columns).passed


def test_a_day_effect_below_the_unit_makes_no_false_pass() -> None:
    coverage.assert_error_below(passes(0.0, 0.5, screened=True), ALPHA, runs=120, seed=1)


def test_without_a_day_effect_the_screen_costs_no_power() -> None:
    coverage.assert_power_above(passes(0.35, 0.0, screened=True), 0.7, runs=60, seed=2)


def test_units_taken_for_independent_without_a_look_are_caught() -> None:
    """A broken gate: the unit declared is believed."""
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(passes(0.0, 0.5, screened=False), ALPHA, runs=120, seed=1)


def test_the_verdict_says_how_the_independence_of_units_was_checked() -> None:
    rng = np.random.default_rng(3)
    clustered = decide("n - o > 0", **rows(rng, 0.0, 0.5), columns={"day": DAY})
    assert clustered.inconclusive
    assert clustered.reason.startswith('units of "pair_id" are not independent: they cluster by day')
    assert clustered.guarantee.assumptions[0].text == "each pair_id is independent of the others"
    assert clustered.guarantee.assumptions[0].detail == "refuted: they cluster by day"
    assert clustered.actions[0].title == 'declare unit = "day", and judge again'

    def independence(**other: Any) -> tuple[str, str]:
        first = decide("n - o > 0", **rows(rng, 0.3, 0.0), **other).guarantee.assumptions[0]
        return first.status, first.detail

    assert independence()[0] == "declared"
    # What the unit is not nested in says nothing of whole units.
    assert independence(columns={"side": np.arange(DAY.size) % 7})[0] == "declared"
    status, detail = independence(columns={"block": PAIR // 4})
    assert status == "checked"
    assert detail.startswith("no clustering found by block; a design effect of 1.")
    status, detail = independence(columns={"region": DAY // 15})
    assert status == "unverifiable"
    assert detail.startswith("clustering by region ")


def night(rng: np.random.Generator, days: int, start: int, effect: float, rate: float = 0.3) -> Any:
    """Pairs of rows on some days: on some of these the value is high in most rows."""
    day = np.repeat(np.arange(start, start + days), 16)
    high = np.clip(rate + effect * (2 * rng.integers(0, 2, days) - 1), 0, 1)[day - start]
    dates = np.array("2026-01-01", dtype="datetime64[D]") + day
    return pa.table(
        {
            "key": np.arange(day.size) + 10_000 * start,
            "pair_id": np.arange(day.size) // 2 + 10_000 * start,
            "night": dates,
            "value": np.where(rng.random(day.size) < high, 5.0, 1.0),
        }
    )


@pytest.mark.parametrize(("effect", "status"), [(0.0, "fail"), (0.3, "inconclusive")])
def test_validation_looks_at_the_days_of_units(effect: float, status: str) -> None:
    rng = np.random.default_rng(4)
    schema = Schema(columns={"value": Column(type="number", range=Range(max=4.0, at_most=0.2))})
    batch = night(rng, 100, 0, effect)
    [found] = [each for each in validate(batch, schema, unit="pair_id") if each.code == "VAL103"]
    assert found.status == status
    if effect:
        assert "units of pair_id cluster by the day of night" in found.reason
        assert not found.guarantee.promises
    else:
        first = found.guarantee.assumptions[0]
        assert first.text == "units of pair_id are independent"
        assert first.status == "checked"
        assert "no clustering found by the day of night" in first.detail


@pytest.mark.parametrize(("effect", "status"), [(0.0, "fail"), (0.3, "inconclusive")])
def test_skew_and_comparison_look_at_the_days_of_units(effect: float, status: str) -> None:
    rng = np.random.default_rng(5)
    train = night(rng, 100, 0, 0.0, 0.0)
    served = night(rng, 100, 0, effect, 0.4)
    found = {each.subject: each for each in skew(train, served, on=["key"], tolerance=0.1, unit="pair_id")}
    assert found["value"].status == status
    assert ("units of pair_id cluster" in found["value"].reason) == (effect > 0)
    moved = night(rng, 100, 1000, effect, 0.5)
    [compared] = compare(train, moved, unit="pair_id", columns=["value"])
    assert compared.status == status
    assert ("units of pair_id cluster" in compared.reason) == (effect > 0)


@pytest.mark.parametrize("effect", [0.0, 0.45])
def test_feasibility_looks_at_the_days_of_units(effect: float) -> None:
    rng = np.random.default_rng(6)
    day = np.repeat(np.arange(60), 20)
    features = {"x": rng.normal(size=day.size), "pair_id": np.arange(day.size) // 2}
    wrong = rng.random(day.size) < np.clip(0.45 * (effect == 0) + effect * (rng.random(60) < 0.5)[day], 0, 1)
    labels = (features["x"] > 0) ^ wrong
    dates = np.array("2026-01-01", dtype="datetime64[D]") + day
    found = upper_limit(features, labels.astype(int), target=0.5, unit="pair_id", timestamp=dates)
    assert ("units of pair_id are not independent" in found.reason) == (effect > 0)
    assert found.guarantee.promises == (effect == 0)
