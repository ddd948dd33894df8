from __future__ import annotations

import math

import numpy as np
import pytest

from assay.errors import UsageError
from assay.feasibility import cover_hart
from assay.feasibility.nearest_neighbor import lower_number


@pytest.mark.parametrize(
    ("error", "classes", "expected"), [(0.18, 2, 0.1), (0.32, 2, 0.2), (0.0, 5, 0.0), (0.5, 2, 0.5)]
)
def test_known_values(error, classes, expected):
    assert lower_number(error, classes) == pytest.approx(expected)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_it_inverts_the_cover_hart_inequality(classes):
    ceiling = (classes - 1) / classes
    for bayes in np.linspace(0, ceiling, 20):
        assert lower_number(bayes * (2 - bayes / ceiling), classes) == pytest.approx(bayes, abs=1e-7)


def test_beyond_chance_it_stays_at_chance():
    assert lower_number(0.9, 2) == 0.5
    assert math.isclose(lower_number(1e-12, 2), 5e-13, rel_tol=1e-9)


def test_checkerboard_with_label_noise():
    rng = np.random.default_rng(0)
    X = rng.random((8000, 2)) * 4
    y = X.astype(int).sum(axis=1) % 2
    noisy = np.where(rng.random(8000) < 0.1, 1 - y, y)
    verdict = cover_hart(X, noisy, target=0.8)
    assert verdict.passed
    assert verdict.guarantee.kind == "estimate"
    assert not verdict.blocking
    assert abs(verdict.evidence.estimate - 0.1) < 0.03
    assert cover_hart(X, noisy, target=0.95).inconclusive


def test_target_must_be_a_share():
    with pytest.raises(UsageError, match="target"):
        cover_hart(np.zeros((4, 1)), [0, 1, 0, 1], target=1.0)
