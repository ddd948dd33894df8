from __future__ import annotations

import numpy as np
import pytest

from assay.errors import UsageError
from assay.feasibility import neighbor_estimate


def test_checkerboard_with_label_noise():
    rng = np.random.default_rng(0)
    X = rng.random((8000, 2)) * 4
    y = X.astype(int).sum(axis=1) % 2
    noisy = np.where(rng.random(8000) < 0.1, 1 - y, y)
    verdict = neighbor_estimate(X, noisy, target=0.8)
    assert verdict.passed
    assert verdict.guarantee.kind == "estimate"
    assert not verdict.blocking
    assert abs(verdict.evidence.estimate - 0.1) < 0.03
    assert neighbor_estimate(X, noisy, target=0.95).inconclusive


def test_target_must_be_a_share():
    with pytest.raises(UsageError, match="target"):
        neighbor_estimate(np.zeros((4, 1)), [0, 1, 0, 1], target=1.0)
