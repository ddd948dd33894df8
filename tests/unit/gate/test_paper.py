"""The methods of Ease.ML/CI at the rows at hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from assay.gate import decide, parse, plan
from assay.gate.inputs import collect
from assay.gate.paper import judge_all


def rows(n: int, gain: float = 0.0, differ: float = 0.08) -> dict[str, Any]:
    """Accuracies .9 + gain and .9, with as many changed predictions as asked, to the row."""
    place = np.arange(n)
    wins, changed = round(n * (differ + gain) / 2), round(n * differ)
    new = np.ones(n, dtype=int)
    old = np.ones(n, dtype=int)
    old[place < wins] = 0
    new[(place >= wins) & (place < changed)] = 0
    return {"labels": np.ones(n, dtype=int), "new": new, "old": old}


@pytest.mark.parametrize(
    ("claim", "needed"),
    [
        # Cells of the paper's table for 32 answers, 1 - delta = .99: F1 and F2, none and full.
        ("n > 0.8 +/- 0.1", 404),
        ("n - o > 0 +/- 0.1", 1753),
        ("d < 0.5 +/- 0.05", 1615),
    ],
)
def test_it_decides_from_the_rows_of_the_papers_table_on(claim: str, needed: int) -> None:
    terms: dict[str, Any] = {"reliability": 0.99, "steps": 32, "method": "hoeffding"}
    enough = decide(claim, **rows(needed, 0.3, 0.35), **terms)
    assert enough.passed
    assert enough.guarantee.kind == "exact"
    short = decide(claim, **rows(needed - 1, 0.3, 0.35), **terms)
    assert short.inconclusive
    assert f"needs {needed:,} rows, and there are {needed - 1:,}" in short.reason
    assert short.actions[0].labels == 1
    assert decide(claim, **rows(needed - 1, 0.3, 0.35), **terms, mode="fn-free").inconclusive


def test_fully_adaptive_answers_cost_what_the_paper_says() -> None:
    terms = {"reliability": 0.99, "steps": 32, "adaptivity": "full", "method": "hoeffding"}
    assert decide("n > 0.8 +/- 0.1", **rows(1340), **terms).passed
    assert "needs 1,340 rows" in decide("n > 0.8 +/- 0.1", **rows(1339), **terms).reason
    assert "needs 5,496 rows" in decide("n - o > 0 +/- 0.1", **rows(5495), **terms).reason


def test_bennett_needs_what_the_paper_says_of_its_first_pattern() -> None:
    """29,048 rows at p = .1, a tolerance of .01, delta = .0001 and 32 answers."""
    claim = "n - o > 0.02 +/- 0.01 and d < 0.1 +/- 0.05"
    terms = {"reliability": 0.9999, "steps": 32, "method": "bennett"}
    assert "needs 29,048 rows" in decide(claim, **rows(29_047, 0.04, 0.04), **terms).reason
    verdict = decide(claim, **rows(29_048, 0.04, 0.04), **terms)
    assert verdict.passed
    assert verdict.evidence.series["value"] == ["true", "true"]
    half = verdict.evidence.series["estimate"][0] - verdict.evidence.series["lower"][0]
    assert half == pytest.approx(0.01, rel=1e-3)
    full = decide(claim, **rows(67_705, 0.04, 0.04), reliability=0.9999, steps=32, adaptivity="full", method="bennett")
    assert "needs 67,706 rows" in full.reason


@pytest.mark.parametrize(
    ("gain", "value", "by_mode"),
    [
        (0.05, "true", ("pass", "pass")),
        (0.021, "unknown", ("inconclusive", "pass")),
        (0.0, "unknown", ("inconclusive", "pass")),
        (-0.05, "false", ("fail", "fail")),
    ],
)
def test_estimates_are_held_against_limit_and_tolerance(gain: float, value: str, by_mode: tuple[str, str]) -> None:
    claim = "n - o > 0.01 +/- 0.02"
    for mode, status in zip(("fp-free", "fn-free"), by_mode, strict=True):
        verdict = decide(claim, **rows(40_000, gain), reliability=0.99, mode=mode, method="hoeffding")
        assert verdict.status == status
        assert verdict.evidence.series["value"] == [value]


def test_each_term_needs_the_rows() -> None:
    """Recall is a mean over positive rows, so these have to reach the plan."""
    data = rows(4000)
    data["labels"] = (np.arange(4000) % 4 == 0).astype(int)
    needed = math.ceil(math.log(1 / 0.01) / (2 * 0.04**2))
    verdict = decide("recall(new) > 0.2 +/- 0.04", **data, reliability=0.99, method="hoeffding")
    assert f"needs {needed:,} rows, and there are 1,000" in verdict.reason


@pytest.mark.parametrize("adaptivity", ["none", "full"])
@pytest.mark.parametrize(
    ("method", "claim"),
    [
        ("hoeffding", "n > 0.8 +/- 0.05"),
        ("hoeffding", "n - o > 0.02 +/- 0.01"),
        ("hoeffding", "n - 1.1*o > 0 +/- 0.02"),
        ("hoeffding", "n - o > 0.02 +/- 0.01 and d < 0.1 +/- 0.05"),
        ("bennett", "n - o > 0.02 +/- 0.01 and d < 0.1 +/- 0.05"),
        ("bennett", "2*n - 2*o > 0.02 +/- 0.01 and d < 0.1 +/- 0.05"),
    ],
)
def test_it_asks_for_what_was_planned(method: Any, claim: str, adaptivity: Any) -> None:
    planned = plan(claim, reliability=0.99, steps=8, adaptivity=adaptivity, method=method)
    condition = parse(claim)
    given = rows(20)
    inputs = collect(
        condition, labels=given["labels"], new=given["new"], old=given["old"], new_scores=None, old_scores=None,
        positive=None, unit=None, unit_name="", slices=None,
    )  # fmt: skip
    first = judge_all(condition, inputs, planned.delta_per_test, "fp-free", method)[0]
    assert first.planned == planned.labels
