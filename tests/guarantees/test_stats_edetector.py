"""Both bounds of the Shiryaev-Roberts detector, its delay, and mutants that break them."""

from __future__ import annotations

import numpy as np
import pytest

from assay.stats.edetector import AverageDetector, ShiryaevRoberts
from assay.testing import coverage, simulate

HORIZON, ALPHA = 500, 0.1


def alarms(detector: ShiryaevRoberts, rng: np.random.Generator, rate: float = 0.2) -> bool:
    return detector.update((rng.random(HORIZON) < rate).astype(float))


def test_false_alarms_within_the_horizon() -> None:
    # At the limit itself, the worst quiet stream.
    coverage.assert_error_below(
        lambda rng: alarms(ShiryaevRoberts(0.2, horizon=HORIZON, alpha=ALPHA), rng), ALPHA, runs=500, seed=1
    )


def test_a_baseline_taken_for_the_truth_is_caught() -> None:
    def errs(rng: np.random.Generator) -> bool:
        estimate = max((rng.random(60) < 0.2).mean(), 0.01)
        return alarms(ShiryaevRoberts(estimate, horizon=HORIZON, alpha=ALPHA), rng)

    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(errs, ALPHA, runs=300, seed=2)


def test_a_statistic_that_never_loses_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # The mutant forgets the losses of each bet (as a CUSUM of gains does).
    honest = ShiryaevRoberts._advance
    monkeypatch.setattr(ShiryaevRoberts, "_advance", lambda self, gains: honest(self, np.maximum(gains, -0.5)))
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(
            lambda rng: alarms(ShiryaevRoberts(0.2, horizon=HORIZON, alpha=ALPHA), rng), ALPHA, runs=200, seed=1
        )


def mean_run_length(threshold: float, streams: int, seed: int, promised: float) -> tuple[float, float]:
    """Give the mean time to a false alarm, cut at 20 times the promise, and its standard error."""
    cut = int(20 * promised)
    times = []
    for stream in range(streams):
        rng = np.random.default_rng((seed, stream))
        detector = ShiryaevRoberts(0.3, threshold=threshold)
        detector.update((rng.random(cut) < 0.3).astype(float))
        times.append(cut if detector.alarm_at is None else detector.alarm_at + 1)
    return float(np.mean(times)), float(np.std(times) / np.sqrt(streams))


def test_mean_time_to_a_false_alarm() -> None:
    mean, error = mean_run_length(60, 300, 3, promised=60)
    assert mean - 4 * error > 60
    # The mutant adds the bets up where it should average: its threshold is too low by their number.
    summed, error = mean_run_length(60 / 7, 300, 3, promised=60)
    assert summed + 4 * error < 60


def test_a_rise_is_found_soon() -> None:
    def finds(rng: np.random.Generator) -> bool:
        detector = ShiryaevRoberts(0.22, horizon=10_000, alpha=0.05)
        stream = simulate.drifting_errors(rng, 1000, before=0.2, after=0.4, change=600)
        detector.update(stream)
        since = detector.since
        return detector.alarm_at is not None and 600 <= detector.alarm_at < 850 and abs(since - 600) < 60

    coverage.assert_power_above(finds, 0.75, runs=200, seed=4)


def test_dependent_values_below_the_limit() -> None:
    # A random walk of the rate below its limit: neither independent nor alike, and quiet all the same.
    def errs(rng: np.random.Generator) -> bool:
        walk = np.cumsum(rng.normal(0, 0.05, size=HORIZON))
        rates = np.minimum(0.2, 0.2 - 0.1 * np.abs(np.sin(walk)))
        detector = ShiryaevRoberts(0.2, horizon=HORIZON, alpha=ALPHA)
        return detector.update((rng.random(HORIZON) < rates).astype(float))

    coverage.assert_error_below(errs, ALPHA, runs=300, seed=5)


def daily(rng: np.random.Generator, days: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    sizes = simulate.unit_sizes(rng, days, mean=900, spread=0.1)
    return simulate.clustered_binary(rng, sizes, mean=rate, icc=0.06), sizes


def test_days_keep_the_promise_and_rows_do_not() -> None:
    def errs(rng: np.random.Generator) -> bool:
        detector = ShiryaevRoberts(0.2, horizon=90, alpha=ALPHA)
        return detector.update_units(*daily(rng, 90, 0.2), max_size=1000)

    def errs_by_rows(rng: np.random.Generator) -> bool:
        totals, sizes = daily(rng, 30, 0.2)
        order = [rng.permutation(np.arange(s) < t) for t, s in zip(totals, sizes, strict=True)]
        detector = ShiryaevRoberts(0.2, horizon=int(sizes.sum()), alpha=ALPHA)
        return detector.update(np.concatenate(order).astype(float))

    coverage.assert_error_below(errs, ALPHA, runs=300, seed=6)
    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(errs_by_rows, ALPHA, runs=60, seed=7)


def test_a_worse_month_is_found_by_days() -> None:
    def finds(rng: np.random.Generator) -> bool:
        detector = ShiryaevRoberts(0.22, horizon=365, alpha=0.1)
        quiet = detector.update_units(*daily(rng, 60, 0.2), max_size=1100)
        return not quiet and detector.update_units(*daily(rng, 30, 0.36), max_size=1100)

    coverage.assert_power_above(finds, 0.8, runs=200, seed=8)


def watch_slices(rng: np.random.Generator, horizon: float, alpha: float, rates: list[float]) -> AverageDetector:
    slices = {str(i): ShiryaevRoberts(0.2) for i in range(len(rates))}
    watch = AverageDetector(slices, horizon=horizon, alpha=alpha)
    for _ in range(100):
        # One draw decides for all slices: they are as dependent as can be.
        draw = rng.random()
        for detector, rate in zip(slices.values(), rates, strict=True):
            detector.update(float(draw < rate))
        watch.look()
    return watch


def test_many_slices_share_one_promise() -> None:
    coverage.assert_error_below(lambda rng: watch_slices(rng, 100, 0.2, [0.2] * 4).alarm, 0.2, runs=60, seed=9)

    def names_it(rng: np.random.Generator) -> bool:
        return watch_slices(rng, 100, 0.1, [0.2, 0.2, 0.2, 0.65]).culprits() == ["3"]

    coverage.assert_power_above(names_it, 0.6, runs=40, seed=10)


def test_each_slice_at_the_full_threshold_is_caught() -> None:
    # Twelve independent slices, each alone at the promise of all together.
    def errs(rng: np.random.Generator) -> bool:
        detectors = [ShiryaevRoberts(0.2, horizon=100, alpha=0.3, bets=[0.2]) for _ in range(12)]
        found = [detector.update((rng.random(100) < 0.2).astype(float)) for detector in detectors]
        return any(found)

    def averaged(rng: np.random.Generator) -> bool:
        detectors = {str(i): ShiryaevRoberts(0.2, bets=[0.2]) for i in range(12)}
        watch = AverageDetector(detectors, horizon=100, alpha=0.3)
        for _ in range(100):
            for detector in detectors.values():
                detector.update(float(rng.random() < 0.2))
            watch.look()
        return watch.alarm

    with pytest.raises(AssertionError, match="promised to err"):
        coverage.assert_error_below(errs, 0.3, runs=150, seed=11)
    coverage.assert_error_below(averaged, 0.3, runs=25, seed=11)
