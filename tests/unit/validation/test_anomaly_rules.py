"""Deequ's rules by its own definitions; series and counts of anomalies are those of its published test suite."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import UsageError
from assay.validation import (
    AbsoluteChange,
    BatchNormal,
    HoltWinters,
    OnlineNormal,
    RateOfChange,
    RelativeRateOfChange,
    SimpleThreshold,
)
from assay.validation.holt_winters import smooth

MILK = [
    589, 561, 640, 656, 727, 697, 640, 599, 568, 577, 553, 582, 600, 566, 653, 673, 742, 716, 660, 617, 583, 587, 565, 598,
    628, 618, 688, 705, 770, 736, 678, 639, 604, 611, 594, 634, 658, 622, 709, 722, 782, 756, 702, 653, 615, 621, 602, 635,
]  # fmt: skip
CARS = [
    6550, 8728, 12026, 14395, 14587, 13791, 9498, 8251, 7049, 9545, 9364, 8456,
    7237, 9374, 11837, 13784, 15926, 13821, 11143, 7975, 7610, 10015, 12759, 8816,
    10677, 10947, 15200, 17010, 20900, 16205, 12143, 8997, 5568, 11474, 12256, 10583,
    10862, 10965, 14405, 20379, 20128, 17816, 12268, 8642, 7962, 13932, 15936, 12628,
]  # fmt: skip


def places(found):
    return [anomaly.place for anomaly in found]


def test_thresholds():
    assert places(SimpleThreshold(upper=1.0).detect([-1.0, 2.0, 3.0, 0.5])) == [1, 2]
    assert places(SimpleThreshold(lower=-0.5, upper=1.0).detect([-1.0, 2.0, 3.0, 0.5], 1, 3)) == [1, 2]


def test_changes_of_every_order():
    values = [1.0, 2.0, 4.0, 7.0, 7.0]
    assert places(AbsoluteChange(upper=2.0).detect(values)) == [3]
    assert places(AbsoluteChange(lower=-1.0, order=2).detect(values)) == [4]
    assert places(AbsoluteChange(upper=6.0, order=0).detect(values)) == [3, 4]
    # The first of an interval is held against the value before it.
    assert places(AbsoluteChange(upper=2.0).detect(values, 3, 4)) == [3]
    assert RateOfChange is AbsoluteChange


def test_ratios():
    values = [1.0, 2.0, 1.0, 4.0, 0.0, 0.0, 1.0]
    assert places(RelativeRateOfChange(upper=2.0).detect(values)) == [3, 6]
    assert places(RelativeRateOfChange(lower=0.4).detect(values)) == [4]
    assert places(RelativeRateOfChange(upper=1.5, order=2).detect(values)) == [3, 6]


def test_batch_normal_takes_the_sample_deviation_of_the_others():
    assert places(BatchNormal().detect([1.0, 1.0, 1.0, 1000.0, 500.0, 1.0], 3, 5)) == [3, 4]
    # Mean 2 and sample deviation 1; the population deviation is 0.816.
    assert places(BatchNormal().detect([1.0, 2.0, 3.0, 4.9], 3)) == []
    assert places(BatchNormal().detect([1.0, 2.0, 3.0, 5.1], 3)) == [3]
    assert places(BatchNormal(None, 1.0).detect([1.0, 2.0, 3.0, -9.0], 3)) == []
    with pytest.raises(UsageError, match="no value is left"):
        BatchNormal().detect([1.0, 2.0])


def test_online_normal_takes_the_value_in_before_it_tests_it():
    assert places(OnlineNormal().detect([*[0.0, 1.0] * 5, 1e9])) == [10]
    assert places(OnlineNormal().detect([*[0.0, 1.0] * 4, 0.0, 1e9])) == []
    spiky = [1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]
    assert places(OnlineNormal(1.5, 1.5, 0.2).detect(spiky)) == [3]
    assert places(OnlineNormal(1.5, 1.5, 0.9).detect(spiky)) == []


def test_batches_too_few_for_any_alarm_are_told():
    assert "3.16 of their deviations" in OnlineNormal(3.2, 3.2).hindrance([1.0] * 11)
    assert OnlineNormal().hindrance([1.0] * 11) == ""
    assert BatchNormal().hindrance([1.0, 2.0])
    assert HoltWinters().hindrance([1.0] * 14)
    assert not HoltWinters().hindrance([1.0] * 15)


def test_holt_winters_counts_what_deequ_counts():
    yearly = HoltWinters("monthly", "yearly")
    assert len(yearly.detect(MILK, 36, 48)) == 7
    assert len(HoltWinters(period=12).detect(MILK, 36, 48)) == 7
    assert len(yearly.detect(CARS, 36, 48)) == 3


def test_holt_winters_on_series_that_it_knows_exactly():
    weekly = HoltWinters()
    line = np.arange(48.0)
    assert weekly.detect([1.0] * 21, 14) == []
    assert places(weekly.detect([*[1.0] * 20, 0.0], 14)) == [20]
    assert weekly.detect(line, 36) == []
    assert weekly.detect(np.sin(2 * np.pi / 7 * line) + line, 36) == []
    assert places(weekly.detect([*[0, 1, 1, 1, 1, 1, 1] * 2, *[1] * 7], 14, 21)) == [14]


def test_smoothing_by_hand():
    # l = 2, b = 0, s = (-1, 1); t = 0: l' = .5 (1 + 1) + .5 * 2 = 2 and nothing changes until the last value, 5.
    forecasts, errors = smooth(np.array([1.0, 3.0, 1.0, 3.0, 1.0, 5.0]), 2, 0.5, 0.5, 0.5, 1)
    assert errors.tolist() == [0, 0, 0, 0, 0, 2]
    # l' = .5 (5 - 1) + .5 * 2 = 3, b' = .5; the season of the next place is -1.
    assert forecasts.tolist() == [2.5]


@pytest.mark.parametrize(
    "make",
    [
        lambda: SimpleThreshold(lower=2.0, upper=1.0),
        lambda: AbsoluteChange(),
        lambda: AbsoluteChange(upper=1.0, order=-1),
        lambda: RelativeRateOfChange(upper=1.0, order=0),
        lambda: BatchNormal(None, None),
        lambda: BatchNormal(-1.0, 1.0),
        lambda: OnlineNormal(ignore_start=1.5),
        lambda: HoltWinters("hourly", "yearly"),
        lambda: HoltWinters().detect([1.0] * 20, 13),
        lambda: SimpleThreshold(upper=1.0).detect([1.0, float("nan")]),
        lambda: SimpleThreshold(upper=1.0).detect([1.0], 2, 1),
    ],
)
def test_refuses(make):
    with pytest.raises(UsageError):
        make()
