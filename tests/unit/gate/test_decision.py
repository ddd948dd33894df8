from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.core import Verdict
from assay.errors import CheckInconclusive, ClaimError, DataError, UsageError
from assay.gate import decide, decide_slices, parse

N = 2000


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, N)
    old = np.where(rng.random(N) < 0.8, labels, 1 - labels)
    new = np.where(rng.random(N) < 0.15, labels, old)
    return {"labels": labels, "new": new, "old": old, "reliability": 0.99}


@pytest.fixture(scope="module")
def scores() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, N)
    sharp, dull = (np.clip(0.5 + (2 * labels - 1) * rng.normal(m, 0.25, N), 0, 1) for m in (0.25, 0.15))
    return {"labels": labels, "new": sharp, "old": dull, "reliability": 0.99}


def test_a_floor_is_the_exact_binomial_test(rows: dict[str, Any]) -> None:
    right = int((rows["new"] == rows["labels"]).sum())
    verdict = decide("n > 0.8", labels=rows["labels"], new=rows["new"], reliability=0.99)
    assert verdict.evidence.statistic["p_true"] == pytest.approx(stats.binom.sf(right - 1, N, 0.8))
    assert verdict.evidence.estimate == right / N
    assert verdict.evidence.lower == pytest.approx(stats.beta.ppf(0.01, right, N - right + 1))
    assert (verdict.code, verdict.stage, verdict.check, verdict.evidence.n) == ("GAT101", "gate", "gate", N)
    assert verdict.guarantee.kind == "exact"
    assert verdict.guarantee.error == 0.01


def test_a_gain_is_the_sign_test_on_disagreements(rows: dict[str, Any]) -> None:
    new, old = (rows[m] == rows["labels"] for m in ("new", "old"))
    wins, losses = int((new & ~old).sum()), int((old & ~new).sum())
    verdict = decide("n - o > 0", **rows)
    assert verdict.evidence.statistic["p_true"] == pytest.approx(stats.binom.sf(wins - 1, wins + losses, 0.5))
    assert verdict.evidence.statistic["wins"] == wins
    assert verdict.evidence.statistic["losses"] == losses
    assert verdict.passed


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        ("n - o > 0", "pass"),
        ("n - o > -0.02", "pass"),
        ("n - o > 0.03", "inconclusive"),
        ("n - o > 0.2", "fail"),
        ("d < 0.1", "pass"),
        ("changed < 1%", "fail"),
        ("error(new) - error(old) < 0", "pass"),
        ("n - 1.02*o > 0", "pass"),
        ("n / o > 1.3", "fail"),
        ("n > 0.99 and d < 0.5", "fail"),
        ("n - o > 0 and n > 0.5", "pass"),
        ("precision(new) > 0.7", "pass"),
        ("recall(new) - recall(old) > -0.05", "pass"),
        ("precision(new) - precision(old) > -0.2", "pass"),
    ],
)
def test_status(rows: dict[str, Any], claim: str, status: str) -> None:
    verdict = decide(claim, **rows)
    assert verdict.status == status
    evidence = verdict.evidence
    assert evidence.lower <= evidence.estimate <= evidence.upper
    assert verdict.claim.text == str(parse(claim))


def test_a_bounded_loss(scores: dict[str, Any]) -> None:
    labels, new, old = scores["labels"], scores["new"], scores["old"]
    verdict = decide("brier(new) - brier(old) < 0", **scores)
    assert verdict.passed
    assert verdict.evidence.estimate == pytest.approx(np.mean((new - labels) ** 2 - (old - labels) ** 2))
    assert decide("brier(new) - brier(old) > 0", **scores).failed
    by_label = decide(
        "brier(new) - brier(old) < 0", labels=labels, new=new >= 0.5, old=old >= 0.5, new_scores=new, old_scores=old,
        reliability=0.99,
    )  # fmt: skip
    assert by_label.evidence.estimate == verdict.evidence.estimate
    accuracy = decide("n > 0.5", **scores).evidence.estimate
    assert accuracy == np.mean((new >= 0.5) == labels)


@pytest.mark.parametrize(
    "claim", ["n - o > 0", "n - o >= 0", "brier(new) - brier(old) < 0", "error(new) - error(old) < 0"]
)
@pytest.mark.parametrize("mode", ["fp-free", "fn-free"])
@pytest.mark.parametrize("unit", [None, np.arange(N) // 50])
def test_a_model_against_itself_never_passes(scores: dict[str, Any], claim: str, mode: str, unit: Any) -> None:
    verdict = decide(claim, **{**scores, "old": scores["new"]}, mode=mode, unit=unit)
    assert verdict.inconclusive
    assert "never disagree" in verdict.reason
    assert decide("d < 0.2", **{**scores, "old": scores["new"]}, unit=unit).evidence.estimate == 0


def test_identical_predictions_show_no_large_loss(rows: dict[str, Any]) -> None:
    assert decide("n - o > -0.01", **{**rows, "old": rows["new"]}).passed
    assert decide("n - o > 0 +/- 0.01", **{**rows, "old": rows["new"]}).failed


def test_units_count_as_one(rows: dict[str, Any]) -> None:
    day = pd.Series(np.arange(N) // 100, name="date")
    alone, grouped = decide("n - o > 0", **rows), decide("n - o > 0", **rows, unit=day)
    assert grouped.evidence.estimate == alone.evidence.estimate
    assert grouped.evidence.lower < alone.evidence.lower
    assert (grouped.evidence.units, grouped.evidence.unit) == (20, "date")
    assert grouped.guarantee.assumptions[0].text == "each date is independent of the others"
    assert grouped.guarantee.assumptions[0].status == "declared"
    few = decide("n - o > 0", **rows, unit=np.arange(N) // 1000, unit_name="date")
    assert few.inconclusive
    assert few.actions[0].units > 0
    assert "date" in few.actions[0].title


def test_copies_of_rows_add_nothing_when_their_unit_is_declared(rows: dict[str, Any]) -> None:
    copied = {name: np.repeat(rows[name], 10) for name in ("labels", "new", "old")}
    once = decide("n - o > 0", **rows, unit=np.arange(N))
    tenfold = decide("n - o > 0", **copied, unit=np.repeat(np.arange(N), 10), reliability=0.99)
    assert tenfold.evidence.lower == pytest.approx(once.evidence.lower)


def clustered_rows(seed: int = 0, days: int = 60, a_day: int = 50) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), a_day)
    labels = rng.integers(0, 2, day.size)
    wrong = rng.random(day.size) < rng.beta(1, 3, days)[day]
    return {"labels": labels, "new": np.where(wrong, 1 - labels, labels), "day": day}


def test_undeclared_clustering_is_found_and_never_passes() -> None:
    rows = clustered_rows()
    labels, new, day = rows["labels"], rows["new"], rows["day"]
    when = pd.Series(pd.Timestamp("2013-01-01 07:00") + pd.to_timedelta(day, "D"), name="scheduled")
    for given_ in ({"timestamp": when}, {"columns": {"date": day}}, {"timestamp": when.dt.strftime("%Y-%m-%dT%H:%M")}):
        for mode in ("fp-free", "fn-free"):
            verdict = decide("n > 0.5", labels=labels, new=new, reliability=0.95, mode=mode, **given_)
            assert verdict.inconclusive
            assert "scheduled" in verdict.reason or "date" in verdict.reason
            assert verdict.actions[0].title.startswith('declare unit = "date"')
            assert verdict.evidence.statistic["design_effect"] > 5
    assert decide("n > 0.5", labels=labels, new=new, reliability=0.95, unit=day, timestamp=when).passed


def test_independent_rows_are_found_to_be_so(rows: dict[str, Any]) -> None:
    verdict = decide("n - o > 0", **rows, columns={"date": np.arange(N) // 40, "id": np.arange(N)})
    assert verdict.passed
    independence = verdict.guarantee.assumptions[0]
    assert (independence.status, independence.detail) == ("checked", "no clustering found by date")
    assert decide("n - o > 0", **rows).guarantee.assumptions[0].status == "unverifiable"


def test_steps_and_adaptivity_divide_the_error(rows: dict[str, Any]) -> None:
    levels = {
        (steps, adaptivity): decide("n > 0.7", **rows, steps=steps, adaptivity=adaptivity)
        for steps in (1, 4)
        for adaptivity in ("none", "first-change", "full")
    }
    assert [v.evidence.statistic["alpha_per_test"] for v in levels.values()] == pytest.approx(
        [0.01, 0.01, 0.005, 0.0025, 0.0025, 0.01 / 16]
    )
    assert all(v.guarantee.error == 0.01 for v in levels.values())
    assert str(levels[4, "full"].guarantee) == "exact, 1% any false pass over 4 answers that developers see"
    assert levels[4, "full"].guarantee.assumptions[-1].text.endswith("developers see of each only whether it passed")
    assert levels[4, "full"].evidence.lower < levels[4, "none"].evidence.lower


def test_actions_say_what_would_decide(rows: dict[str, Any]) -> None:
    near = decide("n - o > 0.02", **rows)
    assert near.inconclusive
    assert "more disagreements" in near.actions[0].title
    more = near.actions[0].labels
    changed = (rows["new"] != rows["old"]).mean()
    again = int(np.ceil(more / changed / N)) + 1
    plenty = {name: np.tile(rows[name], again) for name in ("labels", "new", "old")}
    assert decide("n - o > 0.02", **plenty, reliability=0.99).passed
    floor = decide("n > 0.81", **rows)
    assert floor.inconclusive
    assert floor.actions[0].title.endswith("more rows")
    with pytest.raises(CheckInconclusive):
        floor.require()
    at_the_limit = decide(f"n > {np.mean(rows['new'] == rows['labels'])}", **rows)
    assert at_the_limit.actions[0].labels is None


def test_slices(rows: dict[str, Any]) -> None:
    small = np.arange(N) < 20
    slices = {"big": ~small, "small": small, "none": np.zeros(N, dtype=bool)}
    claim = "accuracy(new | {slice}) - accuracy(old | {slice}) > -0.03"
    verdicts = decide_slices(claim, slices=slices, **rows)
    assert [v.status for v in verdicts] == ["pass", "inconclusive", "inconclusive"]
    assert [v.subject for v in verdicts] == list(slices)
    assert {v.code for v in verdicts} == {"GAT102"}
    assert [v.evidence.n for v in verdicts] == [N - 20, 20, 0]
    assert verdicts[0].evidence.statistic["alpha_per_test"] == pytest.approx(0.01 / 3)
    assert verdicts[2].reason.startswith("no rows")
    together = decide(claim, slices=slices, **rows)
    assert together.inconclusive
    assert together.code == "GAT102"
    assert len(together.evidence.series["clause"]) == 3
    named = decide("accuracy(new | age >= 65) > 0.5", slices={"age >= 65": ~small}, **rows)
    assert named.passed
    across = decide("accuracy(new | a) - accuracy(new | b) > -0.2", slices={"a": ~small, "b": ~small}, **rows)
    assert across.passed
    assert "union bound" in across.evidence.method


@pytest.mark.parametrize("convert", [list, pd.Series, pl.Series, pa.array, lambda x: pa.chunked_array([x[:7], x[7:]])])
@pytest.mark.parametrize("names", [[0, 1], [False, True], ["on time", "late"], [3.0, 7.0]])
def test_any_kind_of_column_and_any_names_of_classes(rows: dict[str, Any], convert: Any, names: list[Any]) -> None:
    renamed = {m: convert(np.asarray(names)[rows[m]]) for m in ("labels", "new", "old")}
    plain = decide("n - o > 0 and n > 0.7", **rows)
    assert decide("n - o > 0 and n > 0.7", **renamed, reliability=0.99).id == plain.id


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    claim=st.sampled_from(["n > 0.7", "n - o > 0", "n - o > 0.01 +/- 0.01 and d < 0.3", "brier(new) - brier(old) < 0"]),
    by_unit=st.booleans(),
)
def test_order_of_rows_and_names_of_units_do_not_matter(seed: int, claim: str, by_unit: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 300
    labels, day = rng.integers(0, 2, n), rng.integers(0, 30, n)
    new, old = (np.clip(0.5 + (2 * labels - 1) * rng.normal(m, 0.3, n), 0, 1) for m in (0.2, 0.1))
    order, names = rng.permutation(n), rng.permutation(30).astype(str)
    one = decide(claim, labels=labels, new=new, old=old, reliability=0.9, unit=day if by_unit else None)
    two = decide(
        claim, labels=labels[order], new=new[order], old=old[order], reliability=0.9,
        unit=names[day][order] if by_unit else None,
    )  # fmt: skip
    assert one.status == two.status
    for name in ("estimate", "lower", "upper"):
        assert getattr(one.evidence, name) == pytest.approx(getattr(two.evidence, name), abs=1e-6)


def test_same_inputs_same_verdict(rows: dict[str, Any]) -> None:
    when = pd.date_range("2024-01-01", periods=N, freq="h")
    one, two = (decide("n - o > 0 and d < 0.5", **rows, timestamp=when) for _ in range(2))
    assert one.id == two.id
    assert Verdict.from_json(one.to_json()).id == one.id
    assert decide("n - o > 0 and d < 0.4", **rows, timestamp=when).id != one.id


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"new": [0] * (N - 1)}, DataError, "new: 1999 rows, but labels has 2000"),
        ({"old": None}, DataError, "old: 'n - o > 0' needs the predictions of the old model"),
        ({"labels": [None] + [1] * (N - 1)}, DataError, "labels: row 0 has no value"),
        ({"new": np.where(np.arange(N) == 7, np.nan, 1.0)}, DataError, "new: row 7 has no value (1 missing in all)"),
        ({"new": pd.Series([1, pd.NA] * (N // 2), dtype="Int64")}, DataError, "new: row 1 has no value (1000 missing"),
        ({"new": np.linspace(0, 1.2, N)}, DataError, "a probability lies in [0, 1]"),
        ({"new": np.linspace(0, 1, N), "new_scores": [2.0] * N}, DataError, "new_scores: row 0 is 2"),
        ({"new": ["yes"] * N}, DataError, "new: predictions are text, but labels are numbers"),
        ({"new": ["yes", 1] * (N // 2)}, DataError, "new: the values are of mixed types"),
        ({"new": np.zeros((N, 2))}, DataError, "new: one value a row is needed, but the shape is (2000, 2)"),
        ({"labels": []}, DataError, "labels: there are no rows"),
        ({"unit": [1, 2]}, DataError, "unit: 2 rows, but labels has 2000"),
        ({"unit": [None] * N}, DataError, "unit: row 0 has no value"),
        ({"timestamp": ["soon"] * N}, DataError, "timestamp: row 0 is 'soon'"),
        ({"condition": "brier(new) < 0.2"}, DataError, "new: brier needs probabilities"),
        ({"condition": "recall(new) > 0.2", "positive": 5}, DataError, "no row has the positive label 5"),
        ({"condition": "recall(new) > 0.2", "labels": [3] * N}, DataError, "pass positive="),
        ({"condition": "accuracy(new | a) > 0.2"}, ClaimError, "no slice 'a' was given"),
        (
            {"condition": "accuracy(new | newerk) > 0.2", "slices": {"newark": [True] * N}},
            ClaimError,
            "no slice 'newerk' was given (did you mean 'newark'?)",
        ),
        ({"condition": "accuracy(new | a) > 0.2", "slices": {"a": [1] * N}}, DataError, "slice 'a': a mask holds"),
        ({"condition": "accuracy(new | a) > 0.2", "slices": {"a": [True]}}, DataError, "slice 'a': 1 rows"),
        ({"condition": "accuracy(new | {slice}) > 0.2"}, ClaimError, "no slices were given"),
        ({"reliability": 1.0}, UsageError, "reliability: 1.0 does not lie in (0, 1)"),
        ({"reliability": 0}, UsageError, "reliability: 0 does not lie in (0, 1)"),
        ({"steps": 0}, UsageError, "steps: 0"),
        ({"steps": 1.5}, UsageError, "steps: 1.5"),
        ({"steps": 5000, "adaptivity": "full"}, UsageError, "plan fewer steps"),
        ({"adaptivity": "firstChange"}, UsageError, "'firstChange' is not known (did you mean 'first-change'?)"),
        ({"mode": "fpfree"}, UsageError, "did you mean 'fp-free'?"),
        ({"method": "hoeffding"}, UsageError, "method: 'hoeffding' is not known (there are exact, sequential)"),
    ],
)
def test_bad_input_is_named(rows: dict[str, Any], change: dict[str, Any], error: type[Exception], words: str) -> None:
    given_ = {**rows, "condition": "n - o > 0", **change}
    with pytest.raises(error) as caught:
        decide(given_.pop("condition"), **given_)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_slices_need_a_template(rows: dict[str, Any]) -> None:
    with pytest.raises(ClaimError, match=r"has no \{slice\}"):
        decide_slices("n > 0.5", slices={"a": np.ones(N, dtype=bool)}, **rows)
    with pytest.raises(ClaimError, match="no slices were given"):
        decide_slices("accuracy(new | {slice}) > 0.5", slices={}, **rows)
