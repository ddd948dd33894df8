from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core import Claim, Evidence, Guarantee, Verdict
from assay.report.figures import decimals, direction, figures, number, scalar


def verdict(claim: str, status: str = "pass", **evidence: float | str) -> Verdict:
    return Verdict(
        status=status,
        check="c",
        code="GAT101",
        stage="gate",
        claim=Claim(claim),
        guarantee=Guarantee.none("a test"),
        evidence=Evidence(**evidence),
    )


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"estimate": 0.1412, "lower": 0.12, "upper": 0.1634, "limit": 0.17}, ("0.141", "[0.120, 0.163]", "< 0.17")),
        ({"estimate": 0.1, "upper": 0.16996, "limit": 0.17}, ("0.10000", "at most 0.16996", "< 0.17")),
        (
            {"estimate": 0.1, "lower": 0.09995, "upper": 0.10005, "limit": 0.17},
            ("0.10000", "[0.09995, 0.10005]", "< 0.17"),
        ),
        ({"estimate": 48210.0, "limit": 50000.0}, ("48,210", "", "< 50,000")),
        ({"estimate": 0.0, "upper": 0.0016, "limit": 0.005}, ("0.0000", "at most 0.0016", "< 0.005")),
        ({"estimate": 0.0, "limit": 0.0}, ("0.000", "", "< 0")),
        ({"estimate": -0.0004, "lower": -0.3, "upper": 0.2, "limit": 0.0}, ("-0.0004", "[-0.3000, +0.2000]", "< 0")),
        ({}, ("", "", "")),
    ],
)
def test_estimate_interval_and_limit_share_decimals_and_never_touch_by_rounding(numbers, said):
    limit = f"{numbers['limit']:g}" if "limit" in numbers else "1"
    assert tuple(figures(verdict(f"n < {limit}", **numbers))) == said


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1))
def test_what_is_written_lies_on_the_same_side_of_the_limit_as_what_was_measured(estimate, down, up, limit):
    evidence = Evidence(estimate=estimate, lower=estimate - down, upper=estimate + up, limit=limit)
    digits = decimals(evidence)
    for value in (evidence.estimate, evidence.lower, evidence.upper):
        written = float(number(value, digits))
        assert abs(written - value) <= 0.5000001 * 10**-digits or digits == 6
        if abs(value - limit) > 1e-6:
            assert (written > limit) == (value > limit) or written == pytest.approx(limit, abs=1e-6)


@pytest.mark.parametrize(
    ("claim", "status", "numbers", "side"),
    [
        ("n - o > 0.02 +/- 0.01 and d < 0.1", "inconclusive", {"limit": 0.1}, "<"),
        ("n - o > 0.02 +/- 0.01 and d < 0.1", "inconclusive", {"limit": 0.02}, ">"),
        ("share of nulls <= 0.005", "fail", {"limit": 0.005}, "<="),
        ("the best error is low", "pass", {"upper": 0.1, "limit": 0.2}, "<"),
        ("the best error is low", "fail", {"lower": 0.3, "limit": 0.2}, "<"),
        ("accuracy is high", "pass", {"lower": 0.9, "limit": 0.8}, ">"),
        ("accuracy is high", "inconclusive", {"lower": 0.7, "upper": 0.9, "limit": 0.8}, ""),
        ("n > 0.5", "pass", {"estimate": 0.7}, ""),
    ],
)
def test_direction_comes_from_the_claim_else_from_where_the_interval_lies(claim, status, numbers, side):
    assert direction(verdict(claim, status, **numbers)) == side


def test_an_unknown_direction_is_not_guessed():
    assert figures(verdict("as good as before", "inconclusive", estimate=0.5, limit=0.5)).need == "vs 0.5"


@pytest.mark.parametrize(
    ("limit", "said"), [(0.2182463233, "0.218"), (1 - 0.55, "0.45"), (0.005, "0.005"), (1234567.0, "1,234,567")]
)
def test_a_computed_limit_is_written_as_its_interval_and_a_declared_one_in_full(limit, said):
    digits = {"estimate": 2e6} if limit > 1 else {"estimate": 0.59, "lower": 0.11, "upper": 0.92}
    assert figures(verdict("loss <= limit", **digits, limit=limit)).need == f"<= {said}"


def test_one_sided_intervals_are_set_apart_from_the_estimate():
    assert figures(verdict("n < 0.3", estimate=0.171, upper=0.189, limit=0.3)).measured == "0.171, at most 0.189"


def test_values_of_tables_are_short_and_exact():
    assert [scalar(value) for value in (1e300, -0.0, 12345.6, float("inf"), 7, 0.1)] == [
        "1e+300",
        "0",
        "12,346",
        "inf",
        "7",
        "0.1",
    ]


@pytest.mark.parametrize(
    ("scope", "said"), [("any false alarm, all columns", "alarm > 0.02"), ("false pass", "need <= 0.02")]
)
def test_a_pass_that_shows_no_fault_is_held_against_the_alarm(scope, said):
    found = verdict("share of rows <= 0.02", "pass", estimate=0.017, lower=0.004, upper=0.03, limit=0.02)
    found = msgspec.structs.replace(found, guarantee=Guarantee.exact(0.05, scope))
    assert figures(found).wanted == said
