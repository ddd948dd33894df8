"""What else happens to a monitor: slices, resets, rows that come late, rows as units. Each with a mutant."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.monitoring import HarmMonitor
from assay.monitoring.arrivals import Arrivals
from assay.monitoring.incidents import named
from assay.stats.edetector import ShiryaevRoberts
from assay.testing.coverage import assert_error_below, assert_power_above

DAYS = 60


def assert_mean_at_most(values: np.ndarray, promised: float) -> None:
    assert values.mean() - 3.3 * values.std() / np.sqrt(values.size) <= promised, f"{values.mean():.3f}"


# --- slices of one false-alarm budget


def watched_slices(rng: np.random.Generator) -> bool:
    """Twelve slices, a loss each a day, at the baseline; the strongest single alarm is enough."""
    names = tuple(f"s{place}" for place in range(12))
    monitor = HarmMonitor(baseline=0.2, horizon=DAYS, alpha=0.3, slices=names, unit="day", max_unit_size=12)
    day = np.repeat(np.arange(DAYS), 12)
    place = np.tile(np.arange(12), DAYS)
    batch = {"loss": (rng.random(day.size) < 0.2).astype(float), "day": day}
    return monitor.update(batch | {name: place == k for k, name in enumerate(names)}, complete=True).failed


def test_slices_share_one_budget_and_each_at_the_full_one_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_error_below(watched_slices, 0.3, runs=40, seed=1)

    def unshared(self: HarmMonitor) -> np.ndarray:
        return np.array([detector.log_statistic for detector in self.detectors])

    monkeypatch.setattr(HarmMonitor, "log_statistics", unshared)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(watched_slices, 0.3, runs=40, seed=1)


# --- the slices that an alarm names


def wrongly_named(rng: np.random.Generator, alpha: float, *, together: bool, ranked: bool = True) -> float:
    """Name streams by e-values that are 0, or as large as it takes to be named: the hardest that there are."""
    quiet, horizon = 10, 100.0
    weights = np.array([0.5] + [0.05] * 10)
    large = horizon / (alpha * 0.05 * rng.choice([2, 11]))
    coins = np.full(quiet, rng.random()) if together else rng.random(quiet)
    # M / horizon is an e-value: 0, or `large / horizon` with the chance that makes its mean 1.
    statistics = np.concatenate([[10 * large], np.where(coins < horizon / large, large, 0.0)])
    with np.errstate(divide="ignore"):
        parts = np.log(weights * statistics)
    if ranked:
        found = named(parts, math.log(horizon / alpha))
    else:
        found = np.flatnonzero(parts >= math.log(horizon / alpha) - math.log(parts.size)).tolist()
    return sum(place >= 1 for place in found) / max(len(found), 1)


@pytest.mark.parametrize("together", [False, True])
def test_named_slices_keep_the_false_discovery_rate_and_naming_without_ranks_is_caught(together: bool) -> None:
    def shares(ranked: bool) -> np.ndarray:
        runs = [np.random.default_rng((2, run)) for run in range(3000)]
        return np.array([wrongly_named(rng, 0.1, together=together, ranked=ranked) for rng in runs])

    assert_mean_at_most(shares(True), 0.1)
    if together:
        return
    with pytest.raises(AssertionError):
        assert_mean_at_most(shares(False), 0.1)


# --- promotions on the way


def day_losses(rng: np.random.Generator, days: int, first: int) -> dict[str, np.ndarray]:
    rates = rng.beta(4, 16, days)
    return {
        "loss": (rng.random((days, 20)) < rates[:, None]).astype(float).ravel(),
        "day": np.repeat(np.arange(first, first + days), 20),
    }


def alarms_over_epochs(rng: np.random.Generator, *, picked: bool) -> int:
    """Count alarms in 120 days of a model that is fine, with a new reference every 30 days and after each alarm."""
    monitor = HarmMonitor(reference=day_losses(rng, 30, -30), unit="day", horizon=120, false_pages=2.0)
    found = 0
    for start in range(0, 120, 10):
        alarm = monitor.update(day_losses(rng, 10, start), complete=True).failed
        found += alarm
        if alarm or start % 30 == 20:
            fresh = day_losses(rng, 90 if picked else 30, 1000 + 100 * start)
            if picked:
                days = fresh["loss"].reshape(90, 20)
                best = days[np.argsort(days.sum(axis=1))[:30]]
                fresh = {"loss": best.ravel(), "day": fresh["day"][: 30 * 20]}
            monitor.reset(reference=fresh)
    assert monitor.resets >= 4
    return found


def test_resets_keep_the_number_of_alarms_and_a_reference_picked_by_its_losses_is_caught() -> None:
    counts = np.array([alarms_over_epochs(np.random.default_rng((3, run)), picked=False) for run in range(16)])
    assert_mean_at_most(counts, 2.0)
    picked = np.array([alarms_over_epochs(np.random.default_rng((3, run)), picked=True) for run in range(6)])
    with pytest.raises(AssertionError):
        assert_mean_at_most(picked, 2.0)


# --- rows that come late


def halves_of_days(rng: np.random.Generator) -> bool:
    """Days that go all wrong or all right; half of the labels of each come a day late."""
    monitor = HarmMonitor(baseline=0.2, horizon=DAYS, alpha=0.2, unit="day", max_unit_size=10)
    wrong = (rng.random(DAYS) < 0.2).astype(float)
    for day in range(DAYS):
        half = {"loss": np.repeat(wrong[day], 5), "day": np.repeat(day, 5)}
        monitor.update(half, complete=True)
        monitor.update(half, complete=True)
    assert monitor.arrivals.late in (0, 5 * DAYS)
    return monitor.alarm is not None


def test_late_rows_are_left_out_and_counting_them_as_new_days_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # The words of each look take a hundred times as long as its numbers.
    monkeypatch.setattr(HarmMonitor, "verdict", lambda self: None)
    assert_error_below(halves_of_days, 0.2, runs=40, seed=4)
    add = Arrivals.add

    def forgetful(self: Arrivals, *arguments: object) -> object:
        self.closed.clear()
        return add(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Arrivals, "add", forgetful)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(halves_of_days, 0.2, runs=40, seed=4)


# --- units larger than was declared


def oversized(rng: np.random.Generator, *, scaled: bool) -> bool:
    """Days of 5 or 200 rows that go all wrong or all right, where at most 5 rows were declared."""
    sizes = np.where(rng.random(90) < 0.3, 200, 5).astype(float)
    totals = sizes * (rng.random(90) < 0.2)
    detector = ShiryaevRoberts(0.2, horizon=90, alpha=0.2)
    if scaled:
        alarm = detector.update_units(totals, sizes, max_size=5)
        assert detector.capped == np.count_nonzero(sizes > 5)
        return alarm
    return detector._advance(np.maximum((totals - 0.2 * sizes) / (0.2 * 5), -1.0))


def test_larger_units_are_scaled_down_and_only_stopping_their_loss_is_caught() -> None:
    assert_error_below(lambda rng: oversized(rng, scaled=True), 0.2, runs=400, seed=5)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: oversized(rng, scaled=False), 0.2, runs=100, seed=5)


# --- rows as units: the allowance is for a stretch of days


def quiet_quarter(rng: np.random.Generator, horizon: int) -> bool:
    """92 days of ten independent rows each, and no rise."""
    monitor = HarmMonitor(baseline=0.2, horizon=horizon, alpha=0.2)
    return monitor.update({"loss": (rng.random(920) < 0.2).astype(float)}).failed


def test_a_quarter_of_rows_keeps_the_allowance_and_taking_each_for_a_day_is_caught() -> None:
    assert_error_below(lambda rng: quiet_quarter(rng, 920), 0.2, runs=30, seed=6)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: quiet_quarter(rng, 92), 0.2, runs=30, seed=6)


def test_a_rise_is_found_within_a_quarter_of_rows() -> None:
    def found(rng: np.random.Generator) -> bool:
        """After 20 of the 92 days the error goes from 20% to 30%."""
        errs = rng.random(920) < np.where(np.arange(920) < 200, 0.2, 0.3)
        reference = {"loss": (rng.random(2000) < 0.2).astype(float)}
        return HarmMonitor(reference=reference, horizon=920, alpha=0.2).update({"loss": errs.astype(float)}).failed

    assert_power_above(found, 0.6, runs=40, seed=7)
