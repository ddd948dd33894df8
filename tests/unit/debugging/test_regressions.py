from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest

from assay.debugging import no_slice_regression, regressions
from assay.errors import ClaimError, DataError, UsageError
from assay.gate import decide, parse, plan
from assay.report.charts import evidence_chart
from assay.report.html import to_html


def models(
    rows: int, rise: float, *, classes: int = 2, seed: int = 0
) -> tuple[dict[str, Any], np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Draw two models; in the south the new one is wrong on ``rise`` more of the rows."""
    rng = np.random.default_rng(seed)
    table = {"region": rng.choice(["north", "south", "west"], rows), "hour": rng.integers(0, 24, rows)}
    y = rng.integers(0, classes, rows)
    old = np.where(rng.random(rows) < 0.1, (y + 1) % classes, y)
    new = np.where(rng.random(rows) < 0.02, (old + rng.integers(1, classes, rows)) % classes, old)
    hurt = (table["region"] == "south") & (rng.random(rows) < rise)
    return table, y, np.where(hurt, (y + 1) % classes, new), old


def test_examples_run() -> None:
    assert doctest.testmod(regressions).failed == 0


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(("rise", "status"), [(0.0, "pass"), (0.3, "fail"), (0.04, "inconclusive")])
def test_three_outcomes(classes: int, rise: float, status: str) -> None:
    table, y, new, old = models(30_000, rise, classes=classes)
    verdict = no_slice_regression(table, y, new, old, tau=0.05)
    assert verdict.status == status
    assert verdict.code == "GAT103"
    assert verdict.guarantee.kind == "exact"
    assert str(verdict.claim) == "no_slice_regression(tau=0.05)"
    assert verdict.evidence.statistic["slices"] == 43
    if status != "pass":
        assert "region is south" in str(verdict.evidence.statistic["slice"])
        south = table["region"] == "south"
        truth = float(((new != y) * 1.0 - (old != y))[south].mean())
        assert verdict.evidence.estimate == pytest.approx(truth, abs=0.08)
    assert verdict.evidence.lower is not None
    assert verdict.evidence.lower <= verdict.evidence.estimate <= verdict.evidence.upper


def test_counts_are_those_of_the_rows() -> None:
    table, y, new, old = models(3000, 0.3, classes=3)
    verdict = no_slice_regression(table, y, new, old, tau=0.01, max_level=1)
    south = table["region"] == "south"
    worse, better = ((new != y) & (old == y))[south].sum(), ((new == y) & (old != y))[south].sum()
    assert f"region is south: {worse:,} new errors and {better:,} mended in {south.sum():,} rows" in verdict.reason


def test_units_decide_with_units() -> None:
    table, y, new, old = models(30_000, 0.0)
    customer = np.arange(30_000) // 10
    verdict = no_slice_regression(table, y, new, old, tau=0.05, unit=customer, max_level=1)
    assert verdict.status == "pass"
    assert verdict.evidence.units == 3000
    table, y, new, old = models(30_000, 0.4)
    assert no_slice_regression(table, y, new, old, tau=0.05, unit=customer, max_level=1).status == "fail"
    table, y, new, old = models(30_000, 0.04)
    few = np.arange(30_000) // 3000
    assert no_slice_regression(table, y, new, old, tau=0.05, unit=few, max_level=1).status == "inconclusive"


def test_rises_that_cluster_decide_nothing() -> None:
    table, y, new, old = models(20_000, 0.0)
    customer = np.arange(20_000) // 100
    bad = np.isin(customer, np.random.default_rng(0).choice(200, 20, replace=False))
    verdict = no_slice_regression(table | {"customer_id": customer}, y, np.where(bad, 1 - y, new), old, tau=0.5)
    assert verdict.status == "inconclusive"
    assert "errors cluster by customer_id" in verdict.reason
    assert verdict.guarantee.kind == "none"


def test_models_that_agree_pass() -> None:
    table, y, _, old = models(3000, 0.0)
    assert no_slice_regression(table, y, old, old, tau=0.05, max_level=1).status == "pass"
    assert no_slice_regression(table, y, old, old, tau=0.0).status == "inconclusive"
    unit = np.arange(3000) // 2
    assert no_slice_regression(table, y, old, old, tau=0.05, max_level=1, unit=unit).status == "pass"
    # Of few units that did not move nothing is certain.
    assert no_slice_regression(table, y, old, old, tau=0.005, max_level=1, unit=unit).status == "inconclusive"


@pytest.mark.parametrize(
    ("change", "problem", "words"),
    [
        ({"tau": 1.0}, UsageError, "tau"),
        ({"alpha": 0.0}, UsageError, "alpha"),
        ({"max_level": 0}, UsageError, "max_level"),
        ({"min_support": 1e-9}, UsageError, "larger min_support"),
        ({"old": [1]}, DataError, "one length"),
    ],
)
def test_bad_input(change: dict[str, Any], problem: type[Exception], words: str) -> None:
    table, y, new, old = models(100, 0.0)
    given: dict[str, Any] = {"labels": y, "new": new, "old": old} | change
    with pytest.raises(problem, match=words):
        no_slice_regression(table, **given)


def test_the_claim_is_read() -> None:
    condition = parse(" no_slice_regression( tau = 0.02, max_level=1 ) ")
    assert str(condition) == "no_slice_regression(tau=0.02, max_level=1)"
    assert parse(str(condition)) == condition
    assert condition.models == ("new", "old")
    for text, words in [
        ("no_slice_regression()", "needs tau"),
        ("no_slice_regression(tau=2)", "needs tau"),
        ("no_slice_regression(tau=x)", "no number"),
        ("no_slice_regression(taw=0.1)", "write tau"),
        ("no_slice_regression(tau=0.1, max_level=0.5)", "whole number"),
        ("no_slice_regression(tau=0.1) and n > 0.5", "nothing may stand beside it"),
    ]:
        with pytest.raises(ClaimError, match=words):
            parse(text)
    with pytest.raises(ClaimError, match="slices of a table"):
        decide(condition, labels=[0, 1], new=[0, 1], old=[0, 1], reliability=0.9)
    with pytest.raises(ClaimError, match="slices of a table"):
        plan(condition, reliability=0.9)


def test_the_page_draws_the_slices_that_rose_most() -> None:
    rng = np.random.default_rng(0)
    X = {"region": rng.choice(["north", "south"], 4000), "hour": rng.integers(0, 4, 4000)}
    y = rng.integers(0, 2, 4000)
    old = np.where(rng.random(4000) < 0.1, 1 - y, y)
    new = np.where((rng.random(4000) < 0.2) & (X["region"] == "south"), 1 - y, old)
    verdict = no_slice_regression(X, y, new, old, tau=0.05)
    series = verdict.evidence.series
    assert series["slice"][0] == verdict.evidence.statistic["slice"]
    assert series["value"][1:] == sorted(series["value"][1:], reverse=True)
    for low, value, high in zip(series["lower"], series["value"], series["upper"], strict=True):
        assert low <= value <= high
    chart = evidence_chart(verdict.evidence)
    assert chart is not None
    assert [each["size"] for each in chart["data"]["values"]] == series["size"]
    assert 'class="chart"' in to_html([verdict])
