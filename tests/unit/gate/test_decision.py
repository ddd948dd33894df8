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
        ("precision(new) - recall(old) > -0.1", "pass"),
        ("f1(new) > 0.7", "pass"),
        ("f1(new) < 0.7", "fail"),
        ("f1(new) - f1(old) > 0", "pass"),
        ("f1(old) - f1(new) < 0", "pass"),
        ("f1(new) - f1(old) > 0.2", "fail"),
        ("f1(new) / f1(old) > 1", "pass"),
        ("f1(new) + f1(old) > 1.4", "pass"),
        ("f1(new) - o > -0.1", "pass"),
        ("n / o > 1 +/- 0.01", "pass"),
        ("n / o > 1.1 +/- 0.001", "fail"),
        ("n - 1.1*o > 0 +/- 0.001*o", "fail"),
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
    absolute = decide("absolute(new) - absolute(old) < 0", **scores)
    assert absolute.passed
    assert absolute.evidence.estimate == pytest.approx(np.mean(np.abs(new - labels) - np.abs(old - labels)))
    by_label = decide(
        "brier(new) - brier(old) < 0", labels=labels, new=new >= 0.5, old=old >= 0.5, new_scores=new, old_scores=old,
        reliability=0.99,
    )  # fmt: skip
    assert by_label.evidence.estimate == verdict.evidence.estimate
    accuracy = decide("n > 0.5", **scores).evidence.estimate
    assert accuracy == np.mean((new >= 0.5) == labels)


@pytest.mark.parametrize(
    "claim",
    [
        "n - o > 0",
        "n - o >= 0",
        "n / o > 1",
        "brier(new) - brier(old) < 0",
        "absolute(new) - absolute(old) <= 0",
        "error(new) - error(old) < 0",
        "recall(new) - recall(old) >= 0",
        "precision(new) - precision(old) > 0",
        "f1(new) - f1(old) > 0",
        "f1(new) - f1(old) >= 0",
        "f1(new) / f1(old) >= 1",
        "2*f1(new) - f1(old) - f1(old) >= 0",
    ],
)
@pytest.mark.parametrize("mode", ["fp-free", "fn-free"])
@pytest.mark.parametrize("unit", [None, np.arange(N) // 50])
def test_a_model_against_itself_never_passes(scores: dict[str, Any], claim: str, mode: str, unit: Any) -> None:
    verdict = decide(claim, **{**scores, "old": scores["new"]}, mode=mode, unit=unit)
    assert verdict.inconclusive
    assert "never disagree" in verdict.reason
    assert decide("d < 0.2", **{**scores, "old": scores["new"]}, unit=unit).evidence.estimate == 0


@pytest.mark.parametrize("claim", ["n - o > 0 +/- 0.01", "n / o >= 1 +/- 0.01", "brier(new) - brier(old) < 0 +/- 0.1"])
def test_a_tolerance_does_not_make_equal_models_a_gain(scores: dict[str, Any], claim: str) -> None:
    same = {**scores, "old": scores["new"]}
    assert decide(claim, **same).failed
    assert decide(claim, **same, mode="fn-free").inconclusive


def test_identical_predictions_show_no_large_loss(rows: dict[str, Any]) -> None:
    assert decide("n - o > -0.01", **{**rows, "old": rows["new"]}).passed
    assert decide("n - o > 0 +/- 0.01", **{**rows, "old": rows["new"]}).failed
    for claim in ("f1(new) - f1(old) > -0.02", "n / o > 0.98", "f1(new) / f1(old) > 0.97", "n / o < 1.1"):
        assert decide(claim, **{**rows, "old": rows["new"]}).passed


def test_an_f1_score_is_the_binomial_test_of_its_true_positives(rows: dict[str, Any]) -> None:
    labels, new = rows["labels"], rows["new"]
    hits, either = int((labels & new).sum()), int((labels | new).sum())
    verdict = decide("f1(new) > 0.8", labels=labels, new=new, reliability=0.99)
    assert verdict.evidence.estimate == pytest.approx(2 * hits / (labels.sum() + new.sum()))
    assert verdict.evidence.statistic["p_true"] == pytest.approx(stats.binom.sf(hits - 1, either, 0.8 / 1.2))
    share = stats.beta.ppf(0.01, hits, either - hits + 1)
    assert verdict.evidence.lower == pytest.approx(2 * share / (1 + share))
    named = decide("f1(new) > 0.8", labels=np.array(["no", "yes"])[labels], new=np.array(["no", "yes"])[new],
                   positive="yes", reliability=0.99)  # fmt: skip
    assert named.evidence.lower == verdict.evidence.lower


def test_differences_of_ratios_are_paired(rows: dict[str, Any]) -> None:
    """As sharp as the disagreements allow: far sharper than two bounds side by side."""
    both = decide("f1(new) - f1(old) > 0", **rows).evidence
    apart = [decide(f"f1({model}) > 0.5", **rows).evidence for model in ("new", "old")]
    assert both.estimate == pytest.approx(apart[0].estimate - apart[1].estimate)
    assert both.upper - both.lower < 0.6 * sum(one.upper - one.lower for one in apart)
    mirrored = decide("f1(old) - f1(new) < 0", **rows)
    assert mirrored.evidence.lower == both.lower
    assert str(mirrored.claim.text) == "f1(new) - f1(old) > 0"


def test_a_mean_of_a_column(rows: dict[str, Any]) -> None:
    rng = np.random.default_rng(2)
    costs = {"new cost": rng.uniform(0, 0.5, N), "old cost": rng.uniform(0.1, 0.6, N)}
    claim = "mean(new cost) - mean(old cost) < 0 and mean(new cost | big) < 30%"
    frames = [costs, pd.DataFrame(costs), pl.DataFrame(costs), pa.table(costs)]
    verdicts = [decide(claim, **rows, columns=frame, slices={"big": costs["new cost"] > 0}) for frame in frames]
    assert {v.id for v in verdicts} == {verdicts[0].id}
    assert verdicts[0].passed
    assert verdicts[0].evidence.series["estimate"][0] == pytest.approx(np.mean(costs["new cost"] - costs["old cost"]))
    assert verdicts[0].guarantee.assumptions[0].status == "unverifiable"  # what a mean is taken of identifies nothing


def test_slices_are_evaluated_on_columns(rows: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    held = {"age": rng.integers(20, 90, N), "city": rng.choice(["Köln", "Rom"], N)}
    claim = "recall(new | age >= 65 and city = 'Rom') - recall(old | age >= 65 and city = 'Rom') > -0.1"
    mask = (held["age"] >= 65) & (held["city"] == "Rom")
    by_mask = decide(claim, **rows, slices={"age >= 65 and city='Rom'": mask})
    for frame in (held, pd.DataFrame(held, index=range(5, N + 5)), pl.DataFrame(held), pa.table(held)):
        assert decide(claim, **rows, slices=frame).id == by_mask.id
    assert by_mask.evidence.n == (mask & (rows["labels"] == 1)).sum()
    with pytest.raises(DataError, match="unknown column 'agee'"):
        decide("accuracy(new | agee > 3) > 0.5", **rows, slices=pd.DataFrame(held))
    with pytest.raises(DataError, match="the columns have 3 rows, but labels has 2000"):
        decide("accuracy(new | age > 3) > 0.5", **rows, slices=pd.DataFrame(held).head(3))


def test_copies_of_rows_are_found_where_they_can_be(rows: dict[str, Any]) -> None:
    rng = np.random.default_rng(4)
    held = rng.random(N)
    few = {name: np.concatenate([rows[name], rows[name][:50]]) for name in ("labels", "new", "old")}
    many = {name: np.concatenate([rows[name], rows[name][:1000]]) for name in ("labels", "new", "old")}
    assert decide("n > 0.5", **rows, content=held).passed
    assert decide("n > 0.5", **few, reliability=0.9, content=np.concatenate([held, held[:50]])).passed
    verdict = decide("n > 0.5", **many, reliability=0.9, content=np.concatenate([held, held[:1000]]), mode="fn-free")
    assert verdict.inconclusive
    assert verdict.reason == "rows are not independent: 1,000 of 3,000 are copies of others"
    assert verdict.actions[0].title.startswith("drop the 1,000 copies")
    # Rows that are equal because there are few things that a row can hold are no copies.
    for discrete in (rng.integers(0, 5, N), rng.integers(0, 900, N), rng.geometric(0.05, N), rng.zipf(1.5, N)):
        assert decide("n > 0.5", **rows, content=discrete).passed


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


def test_the_largest_unit_is_declared_or_assumed(rows: dict[str, Any]) -> None:
    day = np.arange(N) // 20
    seen = decide("n - o > -0.1", **rows, unit=day, unit_name="day")
    assert seen.guarantee.assumptions[1].text == "no day has more rows, or can move further, than the largest here"
    assert seen.guarantee.assumptions[1].status == "unverifiable"
    declared = decide("n - o > -0.1", **rows, unit=day, unit_name="day", max_unit_size=40)
    assert declared.guarantee.assumptions[1].text == "no day has more rows than 40"
    assert declared.guarantee.assumptions[1].status == "declared"
    assert declared.evidence.lower < seen.evidence.lower
    for claim in ("f1(new) - f1(old) > -0.1", "f1(new) > 0.7", "n > 0.7"):
        lower = [decide(claim, **rows, unit=day, max_unit_size=most).evidence.lower for most in (20, 40, 80)]
        assert lower == sorted(lower, reverse=True)


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
    verdict = decide("n - o > 0", **rows, columns={"date": np.arange(N) // 10, "id": np.arange(N)})
    assert verdict.passed
    independence = verdict.guarantee.assumptions[0]
    assert independence.status == "checked"
    assert independence.detail.startswith("no clustering found by date; a design effect of 1.")
    # Three groups look alike by chance far too often to tell.
    few = decide("n - o > 0", **rows, columns={"region": np.arange(N) % 3}).guarantee.assumptions[0]
    assert few.status == "unverifiable"
    assert "clustering by region cannot be seen here" in few.detail
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


def test_rows_that_do_not_count_are_added_to_what_is_asked_for(rows: dict[str, Any]) -> None:
    """Recall counts positive rows alone, so that some more of them take many more rows."""
    rare = {
        name: np.concatenate([rows[name][rows["labels"] == 1], np.zeros(3000, dtype=int)]) for name in ("labels", "new")
    }
    positive = int(rare["labels"].sum())
    recall = float(rare["new"].sum()) / positive
    verdict = decide(f"recall(new) > {round(recall - 0.01, 3)}", **rare, reliability=0.99)
    dense = decide(
        f"n > {round(recall - 0.01, 3)}", labels=rare["labels"][:positive], new=rare["new"][:positive], reliability=0.99
    )
    assert verdict.actions[0].labels == int(np.ceil(dense.actions[0].labels * (positive + 3000) / positive))


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
        ({"max_unit_size": 5}, UsageError, "max_unit_size: it bounds the rows of a unit, and no unit was given"),
        ({"unit": [0] * N, "max_unit_size": 5}, DataError, "5 was declared, but the unit of row 0 has 2,000 rows"),
        ({"unit": [0] * N, "max_unit_size": 0}, UsageError, "max_unit_size: 0 is no whole number"),
        (
            {"condition": "mean(cost) < 0.2"},
            ClaimError,
            "mean(cost): there is no column 'cost'; name one that there is, in Python among columns=",
        ),
        (
            {"condition": "mean(cost) < 0.2", "columns": {"cost": [0.1] * (N - 1) + [7]}},
            DataError,
            "mean(cost): row 1999 of column 'cost' is 7",
        ),
        ({"condition": "mean(cost) < 0.2", "columns": {"costs": [1] * N}}, ClaimError, "did you mean 'costs'?"),
        ({"condition": "mean(cost) < 0.2", "columns": {"cost": ["a"] * N}}, DataError, "holds object, not numbers"),
        ({"method": "hoeffding"}, ClaimError, "method 'hoeffding' needs a tolerance: write 'n - o > 0' with +/- 0.01"),
        (
            {"method": "hoeffding", "condition": "n > 0.5 +/- 0.1", "unit": [1] * N},
            ClaimError,
            "method 'hoeffding' takes rows for independent and has no version for units",
        ),
        ({"method": "bennett", "condition": "f1(new) > 0.5 +/- 0.1"}, ClaimError, "an F1 score is a ratio"),
        ({"method": "bennett", "condition": "n / o > 0.5 +/- 0.1"}, ClaimError, "knows no ratios"),
        (
            {"method": "bennett", "condition": "n - o > 0 +/- 0.1"},
            ClaimError,
            "needs a limit of the changed predictions: write 'n - o > 0 +/- 0.1' and d < 0.1 +/- 0.01",
        ),
        ({"condition": "f1(new) > 0.2", "labels": [3] * N}, DataError, "labels: f1 needs to know the positive class"),
        (
            {"labels": ["Yes", "No"] * (N // 2), "new": ["yes", "no"] * (N // 2)},
            DataError,
            "none of its predictions ('no', 'yes')",
        ),
        (
            {"labels": ["Yes", "No"] * (N // 2), "new": ["Yes", "no"] * (N // 2)},
            DataError,
            "written 'no', and the label 'No'",
        ),
        ({"condition": "absolute(new) < 0.2"}, DataError, "new: absolute needs probabilities"),
        ({"timestamp": ["soon"] * N}, DataError, "timestamp: row 0 is 'soon'"),
        ({"condition": "brier(new) < 0.2"}, DataError, "new: brier needs probabilities"),
        ({"condition": "recall(new) > 0.2", "positive": 5}, DataError, "no row has the positive label 5"),
        ({"condition": "recall(new) > 0.2", "labels": [3] * N}, DataError, "in Python as positive="),
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
        ({"method": "hoefding"}, UsageError, "method: 'hoefding' is not known (did you mean 'hoeffding'?)"),
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


@pytest.mark.parametrize("sign", [1, -1])
def test_an_estimate_on_the_wrong_side_is_told_apart(sign: int) -> None:
    """More labels would decide either way, but only one way would they pass the model."""
    rng = np.random.default_rng(3)
    labels = np.zeros(1000, dtype=int)
    wins = rng.random(1000) < 0.05
    better, worse = np.where(wins, 0, 1 * (rng.random(1000) < 0.07)), np.where(wins, 1, 0)
    new, old = (better, worse) if sign > 0 else (worse, better)
    claim = {"labels": labels, "new": new, "old": old, "reliability": 0.999}
    estimate = decide("n - o > 0", **claim).evidence.estimate
    verdict = decide(f"n - o > {estimate - sign * 0.004:g}", **claim)
    assert verdict.inconclusive
    if sign > 0:
        assert len(verdict.actions) == 1
        assert verdict.actions[0].effect.startswith("decides with probability 0.8")
    else:
        better, label = verdict.actions
        assert better.title.startswith("propose a better model: the estimate is on the wrong side of")
        assert label.effect.startswith("would refute it, not pass it")
    # Both units of the price are there: what to label, and the rows that hold it.
    action = verdict.actions[-1]
    assert f"label {action.labels:,} more disagreements (among {action.units:,} more rows)" == action.title
