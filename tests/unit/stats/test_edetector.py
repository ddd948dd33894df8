from __future__ import annotations

import json
import time

import numpy as np
import pytest

from assay.stats.edetector import AverageDetector, ShiryaevRoberts
from assay.testing import simulate


def plain(x: np.ndarray, mean: float, fractions: list[float]) -> np.ndarray:
    """Give the statistic by its definition, one observation after the other."""
    state, out = np.zeros(len(fractions)), []
    for value in x:
        state = (state + 1) * (1 + np.array(fractions) * (value - mean) / mean)
        out.append(state.mean())
    return np.array(out)


def test_statistic_is_the_recursion_however_the_stream_is_cut() -> None:
    x = simulate.drifting_errors(np.random.default_rng(0), 400, before=0.2, after=0.5, change=300)
    fractions = [0.05, 0.2, 0.6]
    expected = plain(x, 0.25, fractions)
    whole = ShiryaevRoberts(0.25, threshold=1e3, bets=fractions)
    whole.update(x)
    single = ShiryaevRoberts(0.25, threshold=1e3, bets=fractions)
    seen = []
    for value in x:
        single.update(value)
        seen.append(single.statistic)
    assert seen == pytest.approx(expected.tolist(), rel=1e-9)
    assert whole.statistic == pytest.approx(expected[-1], rel=1e-9)
    assert whole.alarm_at == single.alarm_at == int(np.argmax(expected >= 1e3))
    assert whole.since == single.since
    assert 290 <= whole.since <= 310
    assert whole.time == single.time == 400


def test_state_resumes_exactly() -> None:
    x = simulate.drifting_errors(np.random.default_rng(1), 300, before=0.2, after=0.6, change=200)
    detector = ShiryaevRoberts(0.25, horizon=500, alpha=0.05)
    detector.update(x[:150])
    resumed = ShiryaevRoberts.from_dict(json.loads(json.dumps(detector.to_dict())))
    assert resumed.update(x[150:]) == detector.update(x[150:])
    assert resumed.to_dict() == detector.to_dict()
    assert resumed.alarm_at is not None
    fresh = ShiryaevRoberts(0.25)
    assert ShiryaevRoberts.from_dict(json.loads(json.dumps(fresh.to_dict()))).to_dict() == fresh.to_dict()
    with pytest.raises(ValueError, match="version"):
        ShiryaevRoberts.from_dict({"version": 99})


def test_before_the_first_observation() -> None:
    detector = ShiryaevRoberts(0.3, threshold=100)
    assert detector.statistic == 0.0
    assert detector.since is None
    assert detector.update([]) is False
    assert detector.alarm is False


def test_horizon_and_alpha_give_the_threshold() -> None:
    assert ShiryaevRoberts(0.3, horizon=1000, alpha=0.05).threshold == pytest.approx(20_000)
    assert ShiryaevRoberts(0.3).threshold is None
    detector = ShiryaevRoberts(0.3)
    assert detector.update(np.ones(100)) is False


def test_range_is_moved() -> None:
    x = np.random.default_rng(2).random(200)
    unit, wide = ShiryaevRoberts(0.4), ShiryaevRoberts(-1.0, low=-5, high=5)
    unit.update(x)
    wide.update(10 * x - 5)
    assert wide.log_statistic == pytest.approx(unit.log_statistic)


def test_units_of_one_row_are_rows_and_larger_ones_are_capped() -> None:
    x = np.random.default_rng(3).random(50)
    by_row, by_unit = ShiryaevRoberts(0.4), ShiryaevRoberts(0.4)
    by_row.update(x)
    by_unit.update_units(x, np.ones(50), max_size=1)
    assert by_unit.log_statistic == pytest.approx(by_row.log_statistic)
    capped, scaled = ShiryaevRoberts(0.4), ShiryaevRoberts(0.4)
    capped.update_units([12.0], [20], max_size=10)
    scaled.update_units([6.0], [10], max_size=10)
    assert capped.log_statistic == pytest.approx(scaled.log_statistic)
    assert (capped.capped, scaled.capped) == (1, 0)


def test_a_long_stream_stays_finite_and_quick() -> None:
    x = (np.random.default_rng(4).random(300_000) < 0.1).astype(float)
    detector = ShiryaevRoberts(0.2, threshold=1e9)
    begin = time.process_time()
    assert not detector.update(x)
    detector.update(np.ones(50_000))
    assert time.process_time() - begin < 10
    assert np.isfinite(detector.log_statistic)
    assert detector.alarm_at is not None
    assert abs(detector.since - 300_000) < 20


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_bad_value_leaves_the_state_alone(value: float) -> None:
    detector = ShiryaevRoberts(0.3)
    detector.update([0.0, 1.0])
    before = detector.to_dict()
    with pytest.raises(ValueError, match="row 1"):
        detector.update([0.5, value])
    with pytest.raises(ValueError, match="unit 1"):
        detector.update_units([0.5, 7.0], [1, 3], max_size=5)
    assert detector.to_dict() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": 0.0}, "mean"),
        ({"mean": 0.5, "threshold": 0.5}, "threshold must be at least 1"),
        ({"mean": 0.5, "threshold": 50, "alpha": 0.1}, "not both"),
        ({"mean": 0.5, "horizon": 50}, "go together"),
        ({"mean": 0.5, "horizon": 50, "alpha": 2}, "alpha"),
        ({"mean": 0.5, "horizon": 0, "alpha": 0.1}, "horizon"),
        ({"mean": 0.5, "bets": [0.5, 1.0]}, "bets"),
        ({"mean": 0.5, "bets": []}, "bets"),
    ],
)
def test_bad_options_are_named(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ShiryaevRoberts(**options)  # type: ignore[arg-type]


def test_average_of_slices() -> None:
    rng = np.random.default_rng(5)
    slices = {name: ShiryaevRoberts(0.25) for name in ("all", "newark", "evening")}
    watch = AverageDetector(slices, horizon=400, alpha=0.05)
    for day in range(400):
        for name, detector in slices.items():
            rate = 0.6 if name == "newark" and day >= 200 else 0.2
            detector.update(float(rng.random() < rate))
        watch.look()
    assert watch.alarm_at is not None
    assert 200 < watch.alarm_at < 260
    assert watch.culprits() == ["newark"]
    mean = np.mean([detector.statistic for detector in slices.values()])
    assert watch.statistic == pytest.approx(mean)


def test_average_needs_a_threshold_and_detectors() -> None:
    with pytest.raises(ValueError, match="threshold"):
        AverageDetector({"a": ShiryaevRoberts(0.3)})
    with pytest.raises(ValueError, match="empty"):
        AverageDetector({}, threshold=100)
    quiet = AverageDetector({"a": ShiryaevRoberts(0.3)}, threshold=100)
    assert quiet.look() is False
    assert quiet.culprits() == []
