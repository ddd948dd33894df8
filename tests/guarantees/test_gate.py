"""The gate's promises, measured: how often it passes what does not hold, and decides what does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from assay.gate import decide, decide_slices
from assay.testing.coverage import assert_error_below, assert_power_above

ALPHA = 0.1
Rows = dict[str, Any]


def passes(claim: str, rows: Rows, **more: Any) -> bool:
    return decide(claim, **rows, reliability=1 - ALPHA, **more).passed


def floor_rows(rng: np.random.Generator, accuracy: float, n: int = 300) -> Rows:
    labels = rng.integers(0, 3, n)
    return {"labels": labels, "new": np.where(rng.random(n) < accuracy, labels, (labels + 1) % 3)}


def paired_rows(rng: np.random.Generator, gain: float, differ: float = 0.2, n: int = 600) -> Rows:
    """Three classes, so that some disagreements are won by neither model."""
    labels = rng.integers(0, 3, n)
    wrong = (labels + 1) % 3
    kind = rng.choice(4, n, p=[(differ + gain) / 2, (differ - gain) / 2, 0.05, 0.95 - differ])
    new = np.choose(kind, [labels, wrong, wrong, labels])
    old = np.choose(kind, [wrong, labels, (labels + 2) % 3, labels])
    return {"labels": labels, "new": new, "old": old}


def scored_rows(rng: np.random.Generator, shift: float, n: int = 500) -> Rows:
    """Calibrated old scores; the new ones are off by noise, and nearer to the labels by ``shift``.

    With u the noise, E[(p + u - y)^2 - (p - y)^2] = E[u^2] = 0.01; moving towards the labels takes it down.
    """
    truth = rng.uniform(0.2, 0.8, n)
    labels = (rng.random(n) < truth).astype(int)
    noise = np.where(rng.random(n) < 0.5, 0.1, -0.1)
    return {"labels": labels, "new": truth + noise + shift * (labels - truth), "old": truth}


def in_days(rng: np.random.Generator, value: float, days: int = 40, a_day: int = 25) -> Rows:
    """Accuracy that is one number for a whole day, around ``value``, with strong correlation inside the day."""
    day = np.repeat(np.arange(days), a_day)
    rate = rng.beta(4 * value, 4 * (1 - value), days)[day]
    labels = rng.integers(0, 2, day.size)
    return {"labels": labels, "new": np.where(rng.random(day.size) < rate, labels, 1 - labels), "unit": day}


def paired_in_days(rng: np.random.Generator, gain: float, days: int = 40, a_day: int = 25) -> Rows:
    """One model wins nearly all disagreements of a day; which one is drawn by day."""
    day = np.repeat(np.arange(days), a_day)
    labels = rng.integers(0, 2, day.size)
    good = (rng.random(days) < 0.5 + gain / 0.36)[day]
    differ = rng.random(day.size) < 0.2
    new_right = np.where(differ, rng.random(day.size) < np.where(good, 0.95, 0.05), True)
    old_right = np.where(differ, ~new_right, True)
    return {
        "labels": labels,
        "new": np.where(new_right, labels, 1 - labels),
        "old": np.where(old_right, labels, 1 - labels),
        "unit": day,
    }


def scored_in_days(rng: np.random.Generator, gain: float, days: int = 40, a_day: int = 25) -> Rows:
    """Both models say 0.5 +/- 0.1, with opposite signs; the label leans one way for a whole day."""
    day = np.repeat(np.arange(days), a_day)
    lean = np.where(rng.random(days) < 0.5 + gain, 0.9, 0.1)[day]
    labels = (rng.random(day.size) < lean).astype(int)
    return {"labels": labels, "new": np.full(day.size, 0.6), "old": np.full(day.size, 0.4), "unit": day}


EDGE = {
    "a floor": ("n > 0.8", lambda rng: floor_rows(rng, 0.8)),
    "a ceiling": ("error(new) < 0.2", lambda rng: floor_rows(rng, 0.8)),
    "few changes": ("d < 0.25", lambda rng: paired_rows(rng, 0.05)),
    "a gain": ("n - o > 0", lambda rng: paired_rows(rng, 0.0)),
    "a large gain": ("n - o > 0.05", lambda rng: paired_rows(rng, 0.05)),
    "no large loss": ("n - o > -0.05", lambda rng: paired_rows(rng, -0.05)),
    "a weighted gain": ("n - 1.1*o > -0.085", lambda rng: paired_rows(rng, 0.0)),
    "a gain, tolerance": ("n - o > 0 +/- 0.05", lambda rng: paired_rows(rng, 0.0)),
    "Brier": ("brier(new) - brier(old) < 0.01", lambda rng: scored_rows(rng, 0.0)),
    "a floor by day": ("n > 0.8", lambda rng: in_days(rng, 0.8)),
    "a gain by day": ("n - o > 0", lambda rng: paired_in_days(rng, 0.0)),
    "no large loss by day": ("n - o > -0.05", lambda rng: paired_in_days(rng, -0.05)),
    "Brier by day": ("brier(new) - brier(old) < 0", lambda rng: scored_in_days(rng, 0.0)),
}
TRUE = {
    "a floor": ("n > 0.7", lambda rng: floor_rows(rng, 0.8)),
    "a gain": ("n - o > 0", lambda rng: paired_rows(rng, 0.06)),
    "a large gain": ("n - o > 0.01", lambda rng: paired_rows(rng, 0.08)),
    "no large loss": ("n - o > -0.06", lambda rng: paired_rows(rng, 0.0)),
    "Brier": ("brier(new) - brier(old) < 0", lambda rng: scored_rows(rng, 0.2)),
    "a floor by day": ("n > 0.6", lambda rng: in_days(rng, 0.8)),
    "a gain by day": ("n - o > 0", lambda rng: paired_in_days(rng, 0.1)),
    "Brier by day": ("brier(new) - brier(old) < 0", lambda rng: scored_in_days(rng, 0.3)),
}


@pytest.mark.parametrize("case", EDGE)
def test_what_does_not_hold_seldom_passes(case: str) -> None:
    claim, draw = EDGE[case]
    assert_error_below(lambda rng: passes(claim, draw(rng)), ALPHA, runs=100, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("case", EDGE)
def test_what_does_not_hold_seldom_passes_in_many_runs(case: str) -> None:
    claim, draw = EDGE[case]
    assert_error_below(lambda rng: passes(claim, draw(rng)), ALPHA, runs=1000, seed=2)


@pytest.mark.parametrize("case", TRUE)
def test_what_holds_by_far_passes(case: str) -> None:
    claim, draw = TRUE[case]
    assert_power_above(lambda rng: passes(claim, draw(rng)), 0.6, runs=80, seed=3)


@pytest.mark.parametrize("case", ["a floor", "a gain", "no large loss", "Brier", "a gain by day"])
def test_what_holds_is_seldom_refuted(case: str) -> None:
    claim, draw = EDGE[case]
    for mode in ("fp-free", "fn-free"):
        fails = lambda rng, mode=mode: decide(claim, **draw(rng), reliability=1 - ALPHA, mode=mode).failed  # noqa: E731
        assert_error_below(fails, ALPHA, runs=80, seed=4)


def compares_points(claim: str, rows: Rows) -> bool:
    """A broken gate: the estimate against the limit."""
    evidence = decide(claim, **rows, reliability=1 - ALPHA).evidence
    return evidence.estimate < evidence.limit if "<" in claim else evidence.estimate > evidence.limit


def ignores_units(claim: str, rows: Rows) -> bool:
    """A broken gate: rows of one day taken for independent."""
    return passes(claim, {name: values for name, values in rows.items() if name != "unit"})


@pytest.mark.parametrize("case", ["a floor", "a gain", "Brier", "a gain by day"])
def test_a_gate_that_compares_points_is_caught(case: str) -> None:
    claim, draw = EDGE[case]
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: compares_points(claim, draw(rng)), ALPHA, runs=150, seed=1)


@pytest.mark.parametrize("case", ["a floor by day", "a gain by day", "Brier by day"])
def test_a_gate_that_ignores_units_is_caught(case: str) -> None:
    claim, draw = EDGE[case]
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: ignores_units(claim, draw(rng)), ALPHA, runs=150, seed=1)


@pytest.mark.parametrize("case", ["a floor by day", "a gain by day", "Brier by day"])
def test_a_gate_that_was_not_told_of_days_finds_them(case: str) -> None:
    claim, draw = EDGE[case]

    def wrong(rng: np.random.Generator) -> bool:
        rows = draw(rng)
        day = rows.pop("unit")
        return passes(claim, rows, columns={"date": day})

    assert_error_below(wrong, ALPHA, runs=25, seed=5)

    def found(rng: np.random.Generator) -> bool:
        rows = draw(rng)
        day = rows.pop("unit")
        return "cluster by date" in decide(claim, **rows, reliability=1 - ALPHA, columns={"date": day}).reason

    assert_power_above(found, 0.7, runs=25, seed=5)


def both(rng: np.random.Generator) -> bool:
    """One clause at its edge, the other far from it: the worst case of a conjunction."""
    return passes("n - o > 0 and d < 0.9 and n > 0.1", paired_rows(rng, 0.0))


def test_a_conjunction_spends_its_level_once_for_passes() -> None:
    assert_error_below(both, ALPHA, runs=150, seed=6)
    lone = [passes("n - o > 0", paired_rows(np.random.default_rng((7, k)), 0.03)) for k in range(60)]
    joint = [
        passes("n - o > 0 and d < 0.9 and n > 0.1", paired_rows(np.random.default_rng((7, k)), 0.03)) for k in range(60)
    ]
    assert joint == lone


def test_a_true_conjunction_is_seldom_refuted() -> None:
    def refuted(rng: np.random.Generator) -> bool:
        # Three slices, each exactly at its limit.
        rows = floor_rows(rng, 0.8, 600)
        slices = {name: np.arange(600) % 3 == k for k, name in enumerate("abc")}
        return decide(
            "accuracy(new | {slice}) >= 0.8", **rows, slices=slices, reliability=1 - ALPHA, mode="fn-free"
        ).failed

    def unsplit(rng: np.random.Generator) -> bool:
        rows = floor_rows(rng, 0.8, 600)
        right = rows["labels"] == rows["new"]
        return any(stats.binom.cdf(right[k::3].sum(), 200, 0.8) <= ALPHA for k in range(3))

    assert_error_below(refuted, ALPHA, runs=250, seed=8)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(unsplit, ALPHA, runs=250, seed=8)


def test_false_passes_over_slices_are_counted_together() -> None:
    slices = {name: np.arange(600) % 5 == k for k, name in enumerate("abcde")}
    claim = "accuracy(new | {slice}) > 0.8"

    def any_passes(rng: np.random.Generator) -> bool:
        rows = floor_rows(rng, 0.8, 600)
        return any(v.passed for v in decide_slices(claim, **rows, slices=slices, reliability=1 - ALPHA))

    def undivided(rng: np.random.Generator) -> bool:
        rows = floor_rows(rng, 0.8, 600)
        return any(
            decide(claim, **rows, slices={name: mask}, reliability=1 - ALPHA).passed for name, mask in slices.items()
        )

    assert_error_below(any_passes, ALPHA, runs=120, seed=9)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(undivided, ALPHA, runs=120, seed=9)


def majority(rng: np.random.Generator, adaptivity: str, n: int = 400, steps: int = 10) -> bool:
    """A developer sees each bit, then submits the vote of the probes signed by their bits; labels are coins."""
    labels = rng.integers(0, 2, n)
    probes = rng.integers(0, 2, (steps - 1, n))
    terms: Rows = {"labels": labels, "reliability": 1 - ALPHA, "steps": steps, "adaptivity": adaptivity}
    bits = [decide("n > 0.4", new=probe, **terms).passed for probe in probes]
    votes = np.where(bits, 1, -1) @ (2 * probes - 1)
    return decide("n > 0.5", new=(votes > 0).astype(int), **terms).passed


def test_a_developer_who_learns_from_the_answers_is_paid_for() -> None:
    assert_error_below(lambda rng: majority(rng, "full"), ALPHA, runs=60, seed=10)
