from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from assay.gate import decide
from assay.gate.judge import Value, kleene_and

TRUTH_TABLE: dict[tuple[Value, Value], Value] = {
    ("true", "true"): "true",
    ("true", "unknown"): "unknown",
    ("true", "false"): "false",
    ("unknown", "true"): "unknown",
    ("unknown", "unknown"): "unknown",
    ("unknown", "false"): "false",
    ("false", "true"): "false",
    ("false", "unknown"): "false",
    ("false", "false"): "false",
}


@pytest.mark.parametrize("pair", TRUTH_TABLE)
def test_and_is_kleenes(pair: tuple[Value, Value]) -> None:
    assert kleene_and(pair) == TRUTH_TABLE[pair]


def test_and_of_many_does_not_depend_on_order_or_grouping() -> None:
    for triple in product(("true", "unknown", "false"), repeat=3):
        assert kleene_and(triple) == kleene_and((kleene_and(triple[:2]), triple[2])) == kleene_and(reversed(triple))


# On 1000 rows with 800 right: the first limit is shown, the second near, the third refuted.
LIMITS: dict[str, str] = {"true": "n > 0.7", "unknown": "n > 0.79", "false": "n > 0.9"}


def rows(right: int, n: int = 1000) -> dict[str, np.ndarray]:
    return {"labels": np.ones(n, dtype=int), "new": (np.arange(n) < right).astype(int)}


@pytest.mark.parametrize("pair", TRUTH_TABLE)
@pytest.mark.parametrize("mode", ["fp-free", "fn-free"])
def test_the_truth_table_through_decide(pair: tuple[Value, Value], mode: str) -> None:
    first, second = LIMITS[pair[0]], LIMITS[pair[1]].replace("n >", "1.0001*n >")
    verdict = decide(f"{first} and {second}", reliability=0.99, mode=mode, **rows(800))
    assert verdict.evidence.series["value"] == list(pair)
    unknown = "inconclusive" if mode == "fp-free" else "pass"
    assert verdict.status == {"true": "pass", "false": "fail", "unknown": unknown}[TRUTH_TABLE[pair]]


# Tolerance 0.05 about 0.7 reaches to 0.8 in fp-free and down to 0.6 in fn-free.
@pytest.mark.parametrize(
    ("right", "free_of_false_passes", "free_of_false_fails"),
    [(500, "fail", "fail"), (650, "fail", "fail"), (695, "fail", "pass"), (750, "pass", "pass"), (900, "pass", "pass")],
)
def test_the_zone_of_tolerance(right: int, free_of_false_passes: str, free_of_false_fails: str) -> None:
    for mode, expected in (("fp-free", free_of_false_passes), ("fn-free", free_of_false_fails)):
        assert decide("n > 0.7 +/- 0.05", reliability=0.95, mode=mode, **rows(right)).status == expected


def test_tolerance_of_an_upper_limit_mirrors_that_of_a_lower_one() -> None:
    for right in (500, 640, 660, 695, 720, 760, 900):
        for mode in ("fp-free", "fn-free"):
            up = decide("n > 0.7 +/- 0.01", reliability=0.95, mode=mode, **rows(right))
            down = decide("error(new) < 0.3 +/- 0.01", reliability=0.95, mode=mode, **rows(right))
            assert up.status == down.status
            assert up.evidence.estimate == pytest.approx(1 - down.evidence.estimate)


def test_the_refuting_side_of_a_conjunction_is_split_and_the_passing_side_is_not() -> None:
    one = decide("n > 0.7", reliability=0.95, **rows(800)).evidence
    two = decide("n > 0.7 and 1.0001*n > 0.1", reliability=0.95, **rows(800)).evidence
    assert two.series["lower"][0] == one.lower
    assert two.series["upper"][0] > one.upper
    assert one.level == pytest.approx(0.90)
    assert two.level == pytest.approx(0.925)
