"""The contract of Ease.ML/CI's methods at the rows that they plan: both errors, and a gate without the tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.gate import decide
from assay.testing.coverage import assert_error_below, assert_power_above

ALPHA = 0.1
Rows = dict[str, Any]


def rows(rng: np.random.Generator, n: int, accuracy: float, gain: float = 0.0, differ: float = 0.05) -> Rows:
    """Labels, the new model of this accuracy, and an old one that it betters by ``gain``."""
    both = accuracy - (differ + gain) / 2
    kind = rng.choice(4, n, p=[both, (differ + gain) / 2, (differ - gain) / 2, 1 - both - differ])
    labels = rng.integers(0, 2, n)
    return {
        "labels": labels,
        "new": np.where(kind <= 1, labels, 1 - labels),
        "old": np.where(kind % 2 == 0, labels, 1 - labels),
    }


# Claim with +/- .05, rows planned at 1 - delta = .9, whether F holds by 2 tolerances, and how rows are drawn then.
CASES = {
    "hoeffding, a floor": ("hoeffding", "n > 0.8 +/- 0.05", 461, (0.8, 0.0), (0.9, 0.0)),
    "hoeffding, a gain": ("hoeffding", "n - o > 0 +/- 0.05", 2397, (0.8, 0.0), (0.85, 0.1)),
    "bennett, a gain": ("bennett", "n - o > 0 +/- 0.05 and d < 0.2 +/- 0.05", 639, (0.8, 0.0), (0.85, 0.1)),
}


@pytest.mark.parametrize("case", CASES)
def test_at_the_planned_rows_neither_error_exceeds_its_promise(case: str) -> None:
    method, claim, n, edge, far = CASES[case]

    def outcome(at: tuple[float, float], mode: str, rng: np.random.Generator) -> Any:
        data = rows(rng, n, *at, differ=0.12)
        return decide(claim, **data, reliability=1 - ALPHA, mode=mode, method=method)

    short = rows(np.random.default_rng(0), n // 2, *far, differ=0.12)
    assert "this method needs" in decide(claim, **short, reliability=1 - ALPHA, method=method).reason
    assert_error_below(lambda rng: outcome(edge, "fp-free", rng).passed, ALPHA, runs=300, seed=1)
    assert_error_below(lambda rng: not outcome(far, "fp-free", rng).passed, ALPHA, runs=300, seed=2)
    assert_power_above(lambda rng: outcome(far, "fp-free", rng).passed, 0.9 if method == "hoeffding" else 0.85, runs=300,
                       seed=2)  # fmt: skip


def test_a_gate_that_ignores_the_tolerance_is_caught() -> None:
    """As the published code does: the point estimate against the limit."""

    def passes(rng: np.random.Generator) -> bool:
        data = rows(rng, 461, 0.8)
        return bool((data["new"] == data["labels"]).mean() > 0.8)

    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(passes, ALPHA, runs=100, seed=3)


def test_a_limit_of_d_that_does_not_hold_lets_nothing_through() -> None:
    """Bennett's bound rests on d < .1; where d is .4 the clause that claims it refuses."""

    def passes(rng: np.random.Generator) -> bool:
        data = rows(rng, 3000, 0.7, 0.0, differ=0.4)
        claim = "n - o > 0 +/- 0.02 and d < 0.1 +/- 0.05"
        return decide(claim, **data, reliability=1 - ALPHA, method="bennett").passed

    assert_error_below(passes, ALPHA, runs=60, seed=4)


def test_the_exact_test_passes_more() -> None:
    """At the same rows and promise, on a true gain within the tolerance."""

    def gained(rng: np.random.Generator, method: Any) -> bool:
        return decide(
            "n - o > 0 +/- 0.05", **rows(rng, 2397, 0.85, 0.03), reliability=1 - ALPHA, method=method
        ).passed  # fmt: skip

    assert_power_above(lambda rng: gained(rng, "exact"), 0.9, runs=100, seed=5)
    assert not any(gained(np.random.default_rng((5, k)), "hoeffding") for k in range(30))
