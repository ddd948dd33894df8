from __future__ import annotations

import json

import numpy as np
import pytest

from assay.monitoring.trail import CAPACITY, Trail
from assay.stats import bets, betting


def filled(losses, streams=1):
    trail = Trail(streams)
    for number, loss in enumerate(losses):
        trail.add(str(number), [float(loss)] * streams, [1.0] * streams, number / 10)
    return trail


def test_blocks_merge_and_lose_nothing():
    trail = filled(np.arange(3000) % 2)
    assert len(trail.units) <= CAPACITY
    assert sum(trail.units) == 3000
    assert sum(trail.totals[0]) == 1500
    assert trail.log_statistic[-1] == 299.9
    assert trail.names[:2] == ["0", str(trail.width)]
    assert all(count == trail.width for count in trail.units[:-1])


def test_the_change_point_is_found():
    rng = np.random.default_rng(0)
    trail = filled(np.concatenate([rng.random(100) < 0.1, rng.random(50) < 0.6]))
    assert abs(trail.change_point(0, 0.1) - 100) <= 3


def test_the_interval_is_the_confidence_sequence_of_the_rows():
    losses = (np.random.default_rng(1).random(200) < 0.3).astype(float)
    low, high = filled(losses).interval(0, 0, 1.0, 0.05)
    goal = -np.log(0.025)
    assert low < losses.mean() < high
    assert betting.running(losses, np.ones(200), low, bets.for_any_time())[-1] == pytest.approx(goal, abs=0.01)
    assert betting.running(1 - losses, np.ones(200), 1 - high, bets.for_any_time())[-1] == pytest.approx(goal, abs=0.01)


def test_without_rows_nothing_is_known():
    trail = Trail(1)
    assert trail.mean(0) is None
    assert trail.interval(0, 0, 1.0, 0.05) == (0.0, 1.0)


def test_state_survives_json():
    trail = filled([1, 0, 1], streams=2)
    assert Trail.from_dict(json.loads(json.dumps(trail.to_dict()))) == trail
