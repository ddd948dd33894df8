"""A test set that is asked often leaves each test a tiny level; no claim may break on it."""

from __future__ import annotations

import numpy as np
import pytest

from assay.gate import decide

CLAIMS = [
    "n > 0.9",
    "n > 0.99",
    "n - o > 0",
    "n - o > 0.02",
    "n / o > 1.02",
    "d < 0.1",
    "f1(new) > 0.8",
    "recall(new) - recall(old) > -0.02",
    "brier(new) - brier(old) < 0",
    "n - o > 0.02 +/- 0.01 and d < 0.4 +/- 0.01",
]


@pytest.mark.parametrize("level", [1e-17, 1e-60, 1e-235])
@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_tiny_level_is_tested_like_any_other(claim: str, unit: bool, level: float) -> None:
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 2, 600)
    sides = {
        side: np.where(rng.random(600) < right, labels, 1 - labels) for side, right in (("new", 0.97), ("old", 0.8))
    }
    scores = {f"{side}_scores": 0.1 + 0.8 * said for side, said in sides.items()} if "brier" in claim else {}
    verdict = decide(
        claim,
        labels=labels,
        **sides,
        **scores,
        reliability=0.95,
        level=level,
        unit=np.arange(600) // 2 if unit else None,
    )
    assert verdict.status in ("pass", "inconclusive", "fail")
