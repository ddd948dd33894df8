from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats.rise import UNBET, Baseline, Detector


def logs(values):
    return np.log(np.maximum(values, 1e-300))


def test_a_known_baseline_gives_the_plain_statistic():
    """One bet is followed by hand; the rest of the mixture is never negative."""
    detector = Detector(Baseline.known(0.5), 1, 100)
    rates = detector._rates[0]
    by_hand = np.zeros_like(rates)
    for x in (1.0, 0.0, 0.7):
        detector.update(x, 1)
        by_hand = (by_hand + 1) * (1 + rates * (x - 0.5))
    expected = np.log((1 - UNBET) * by_hand.mean() + UNBET * 3)
    assert detector.log_statistic == pytest.approx(expected)


def test_the_search_over_cells_never_exceeds_the_infimum():
    rng = np.random.default_rng(1)
    reference = rng.binomial(50, 0.2, size=40).astype(float)
    baseline = Baseline.from_reference(reference, np.full(40, 50.0), np.log(1000))
    detector = Detector(baseline, 50, 100)
    stream = rng.binomial(50, 0.35, size=30)
    for total in stream:
        detector.update(total, 50)
    from assay.stats.rise import _log_e_value

    pairs, counts = np.unique(np.stack([reference, np.full(40, 50.0)]), axis=1, return_counts=True)
    for mean in np.linspace(0.1, 0.5, 81):
        exact = Detector(Baseline.known(mean), 50, 100)
        for total in stream:
            exact.update(total, 50)
        product = exact.log_statistic + _log_e_value(pairs, counts, 50.0, 40, float(mean))
        assert detector.log_statistic <= product + 1e-9


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=30), st.floats(0.05, 0.9))
def test_a_higher_limit_leaves_less_evidence(units, limit):
    low, high = Detector(Baseline.known(limit), 20, 50), Detector(Baseline.known(min(limit + 0.05, 0.99)), 20, 50)
    for total, rows in units:
        for detector in (low, high):
            detector.update(min(total, rows), rows)
    assert high.log_statistic <= low.log_statistic + 1e-9


def test_tolerance_moves_the_limit():
    strict, lenient = (Detector(Baseline.known(0.2), 1, 100, tolerance) for tolerance in (0.0, 0.1))
    for x in [1.0, 0.0, 1.0, 1.0]:
        strict.update(x, 1)
        lenient.update(x, 1)
    assert lenient.log_statistic < strict.log_statistic


def test_a_larger_unit_is_scaled_down():
    one, other = Detector(Baseline.known(0.2), 10, 100), Detector(Baseline.known(0.2), 10, 100)
    one.update(40, 100)
    other.update(4, 10)
    assert one.log_statistic == pytest.approx(other.log_statistic)


def test_state_survives_json():
    baseline = Baseline.from_reference([1, 0, 2], [4, 4, 4], 5.0)
    detector = Detector(baseline, 5, 30, 0.01)
    detector.update(3, 4)
    again = Detector.from_dict(json.loads(json.dumps(detector.to_dict())))
    for each in (detector, again):
        each.update(2, 4)
    assert again.log_statistic == detector.log_statistic


def test_extremes_stay_finite():
    perfect = Baseline.from_reference(np.zeros(50), np.ones(50), np.log(1000))
    hopeless = Baseline.from_reference(np.ones(50), np.ones(50), np.log(1000))
    for baseline in (perfect, hopeless):
        detector = Detector(baseline, 1, 1000)
        for _ in range(3000):
            detector.update(1.0, 1)
        assert np.isfinite(detector.log_statistic)
        assert (detector.log_statistic > np.log(1000)) == (baseline is perfect)


def test_before_the_first_unit_there_is_no_evidence():
    assert Detector(Baseline.known(0.3), 1, 10).log_statistic == -np.inf


@pytest.mark.parametrize("mean", [0.0, 1.0, -0.1])
def test_known_baselines_lie_inside(mean):
    with pytest.raises(ValueError, match="baseline"):
        Baseline.known(mean)


def test_batches_of_rows_are_the_product_of_their_rows():
    baseline = Baseline.known(0.2)
    detector = Detector(baseline, 1, 10_000)
    detector.update_rows(3, 10)
    by_hand = np.ones_like(detector._rates[0])
    for x in [1] * 3 + [0] * 7:
        by_hand = by_hand * (1 + detector._rates[0] * (x - 0.2))
    assert detector.count == 1
    assert detector.log_statistic == pytest.approx(np.log((1 - UNBET) * by_hand.mean() + UNBET))
    detector.update_rows(0, 0)
    assert detector.count == 2


def test_a_baseline_of_rows_is_that_of_units_of_one_row():
    one = Baseline.from_rows(30, 200, np.log(1000))
    other = Baseline.from_reference(np.repeat([1.0, 0.0], [30, 170]), np.ones(200), np.log(1000), 1.0)
    assert one.means == pytest.approx(other.means)
    assert one.log_evidence == pytest.approx(other.log_evidence)
    assert (one.units, one.rows) == (other.units, other.rows)


def test_many_rows_do_not_overflow():
    detector = Detector(Baseline.from_rows(100, 100_000, np.log(1000)), 1, 10**7)
    for _ in range(3):
        detector.update_rows(90_000, 100_000)
    assert np.isfinite(detector.log_statistic)
    assert detector.log_statistic > np.log(1000)
