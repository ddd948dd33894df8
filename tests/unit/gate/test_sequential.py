"""Label by label: order, prefix, caps, and what is refused."""

from __future__ import annotations

import doctest
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from assay.errors import ClaimError, DataError, UsageError
from assay.gate import Sequential, decide
from assay.gate.sequential import positions

TERMS: dict[str, Any] = {"reliability": 0.95}


def models(gain: float, n: int = 3000, differ: float = 0.2, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    kind = rng.choice(4, n, p=[(differ + gain) / 2, (differ - gain) / 2, 0.03, 0.97 - differ])
    wrong = (labels + 1) % 3
    new = np.choose(kind, [labels, wrong, wrong, labels])
    old = np.choose(kind, [wrong, labels, (labels + 2) % 3, labels])
    return labels, new, old


def follow(gate: Sequential, labels: np.ndarray, k: int = 1) -> list[int]:
    """Label what is asked for until nothing is; give the rows in their order."""
    asked: list[int] = []
    while (rows := gate.next(k)).size:
        asked += rows.tolist()
        gate.update(rows, labels[rows])
    return asked


def test_the_example_runs() -> None:
    assert doctest.testmod(import_module("assay.gate.sequential")).failed == 0


def test_only_disagreements_are_asked_for_and_only_until_it_is_decided() -> None:
    labels, new, old = models(0.08)
    gate = Sequential("n - o > 0", new=new, old=old, **TERMS)
    asked = follow(gate, labels)
    assert gate.verdict().passed
    assert all(new[row] != old[row] for row in asked)
    assert len(asked) == len(set(asked)) == gate.labelled < int((new != old).sum()) / 2
    assert gate.verdict().evidence.statistic["labels"] == len(asked)


def test_one_label_or_all_at_once_gives_one_verdict() -> None:
    labels, new, old = models(0.05)
    one = Sequential("n - o > 0 +/- 0.02", new=new, old=old, **TERMS)
    follow(one, labels)
    whole = Sequential("n - o > 0 +/- 0.02", new=new, old=old, **TERMS)
    said = whole.update(np.arange(labels.size), labels)
    assert said.id == one.verdict().id
    assert decide("n - o > 0 +/- 0.02", labels=labels, new=new, old=old, method="sequential", **TERMS).id == said.id
    assert (whole.looked, whole.labelled) == (one.looked, one.labelled)


def test_labels_before_their_turn_wait() -> None:
    labels, new, old = models(0.08)
    gate = Sequential("n - o > 0", new=new, old=old, **TERMS)
    queue = follow(Sequential("n - o > 0", new=new, old=old, **TERMS), labels)
    # Skip the first row, and label all that come after it: nothing may be concluded.
    said = gate.update(queue[1:], labels[queue[1:]])
    assert said.inconclusive
    assert (gate.labelled, said.evidence.statistic["labels"]) == (0, 0)
    assert gate.next().tolist() == queue[:1]
    assert gate.update(queue[:1], labels[queue[:1]]).passed


def test_choosing_the_rows_to_label_decides_nothing() -> None:
    labels, new, old = models(0.0)
    wins = np.flatnonzero((new == labels) & (old != labels))
    given = pd.Series([None] * labels.size, dtype=object)
    given[wins] = labels[wins]
    said = decide("n - o > 0", labels=given, new=new, old=old, method="sequential", **TERMS)
    assert said.inconclusive


def test_the_order_does_not_depend_on_the_models() -> None:
    labels, new, old = models(0.08)
    first = follow(Sequential("n - o > 0", new=new, old=old, **TERMS), labels)
    swapped = follow(Sequential("n - o > 0", new=old, old=new, **TERMS), labels)
    shared = min(len(first), len(swapped))
    assert first[:shared] == swapped[:shared]


def test_places_in_the_order_belong_to_ids() -> None:
    ids = [f"c{k}" for k in range(100)]
    assert len(set(positions(ids).tolist())) == 100
    assert (positions(ids[::-1]) == positions(ids)[::-1]).all()
    assert (positions([1, 2]) == positions(["1", "2"])).all()


def test_shuffled_rows_give_the_same_verdict_when_they_are_ordered_by_id() -> None:
    labels, new, old = models(0.06)
    ids = np.arange(labels.size)
    turn = np.random.default_rng(5).permutation(labels.size)
    said = [
        decide("n - o > 0", labels=labels[rows], new=new[rows], old=old[rows], method="sequential",
               order=np.argsort(positions(ids[rows])), **TERMS)
        for rows in (ids, turn)
    ]  # fmt: skip
    assert said[0].id == said[1].id


def test_a_second_candidate_is_judged_beyond_what_was_looked_at() -> None:
    labels, new, old = models(0.08)
    order = np.random.default_rng(3).permutation(labels.size)
    first = Sequential("n - o > 0", new=new, old=old, order=order, **TERMS)
    seen = follow(first, labels)
    second = Sequential("n - o > 0", new=old, old=new, order=order[first.looked :], **TERMS)
    assert not set(follow(second, labels)) & set(order[: first.looked].tolist())
    assert set(seen) <= set(order[: first.looked].tolist())
    with pytest.raises(UsageError, match="order"):
        Sequential("n - o > 0", new=new, old=old, order=[], **TERMS)
    with pytest.raises(UsageError, match="at most once"):
        Sequential("n - o > 0", new=new, old=old, order=[1, 1], **TERMS)


@pytest.mark.parametrize(
    "hide",
    [
        lambda values, known: [v if k else None for v, k in zip(values.tolist(), known, strict=True)],
        lambda values, known: np.where(known, values, np.nan),
        lambda values, known: pd.Series(values, dtype="Int64").where(known),
        lambda values, known: pl.Series([v if k else None for v, k in zip(values.tolist(), known, strict=True)]),
        lambda values, known: pa.array([v if k else None for v, k in zip(values.tolist(), known, strict=True)]),
    ],
    ids=["list", "nan", "pandas", "polars", "arrow"],
)
def test_missing_labels_of_every_kind(hide: Any) -> None:
    labels, new, old = models(0.08)
    queue = follow(Sequential("n - o > 0", new=new, old=old, **TERMS), labels)
    known = np.zeros(labels.size, dtype=bool)
    known[queue[:-1]] = True
    said = decide("n - o > 0", labels=hide(labels, known), new=new, old=old, method="sequential", **TERMS)
    assert said.inconclusive
    assert "labels still needed: " in said.reason
    known[queue] = True
    assert decide("n - o > 0", labels=hide(labels, known), new=new, old=old, method="sequential", **TERMS).passed


def test_labels_are_texts_and_none_is_known() -> None:
    new, old = np.array(["a", "b"] * 50), np.array(["a", "a"] * 50)
    gate = Sequential("n - o > 0", new=new, old=old, **TERMS)
    rows = gate.next(50)
    assert gate.update(rows, np.array(["b"] * rows.size)).passed
    with pytest.raises(DataError, match="numbers, but predictions are text"):
        Sequential("n - o > 0", new=new, old=old, **TERMS).update([1], [1])


def test_what_contradicts_is_refused_and_nothing_is_taken_in() -> None:
    labels, new, old = models(0.05)
    gate = Sequential("n - o > 0", new=new, old=old, **TERMS)
    rows = gate.next(4)
    gate.update(rows, labels[rows])
    for where, what, message in (
        ([rows[0]], [labels[rows[0]] + 1], f"row {rows[0]} was"),
        ([labels.size], [0], "no row 3000"),
        ([7, 7], [0, 1], "two labels"),
        ([7], [0, 1], "give one for each"),
    ):
        with pytest.raises(DataError, match=message):
            gate.update(where, what)
    assert gate.labelled == 4


def test_what_has_no_order_of_labelling_is_refused() -> None:
    labels = np.array([0, 1] * 20)
    for claim in ("recall(new) > 0.5", "accuracy(new | a) - accuracy(old | b) > 0"):
        with pytest.raises(ClaimError, match="method='exact'"):
            Sequential(claim, new=labels, old=labels[::-1], slices={"a": labels == 0, "b": labels == 1}, **TERMS)
    with pytest.raises(UsageError, match="order"):
        decide("n > 0.5", labels=labels, new=labels, order=[0, 1], **TERMS)


def test_a_model_beside_itself_needs_no_label_and_never_gains() -> None:
    labels, new, _ = models(0.0)
    gate = Sequential("n - o > 0", new=new, old=new, **TERMS)
    assert not gate.next(10).size
    assert gate.verdict().inconclusive
    assert "never disagree" in gate.verdict().reason
    assert Sequential("n - o > -0.01", new=new, old=new, **TERMS).verdict().passed
    assert labels.size


def test_a_clause_on_changes_needs_no_label() -> None:
    labels, new, old = models(0.08)
    gate = Sequential("n - o > 0 and d < 0.5", new=new, old=old, **TERMS)
    follow(gate, labels)
    assert gate.verdict().passed
    refused = Sequential("n - o > 0 and d < 0.1", new=new, old=old, **TERMS)
    assert not refused.next().size
    assert refused.verdict().failed


def test_a_floor_asks_for_every_row_and_losses_for_what_can_differ() -> None:
    labels, new, _ = models(0.08)
    floor = Sequential("n > 0.5 +/- 0.05", new=new, **TERMS)
    follow(floor, labels, 10)
    assert floor.verdict().passed
    assert floor.labelled == floor.looked
    binary = (labels == 0).astype(int)
    scores, before = np.where(binary == 1, 0.9, 0.1), np.full(labels.size, 0.5)
    before[::2] = scores[::2]
    loss = Sequential("brier(new) - brier(old) < 0", new=scores, old=before, **TERMS)
    asked = follow(loss, binary)
    assert loss.verdict().passed
    assert all(row % 2 for row in asked)
    with pytest.raises(DataError, match="neither 0 nor 1"):
        Sequential("brier(new) < 0.1", new=scores, **TERMS).update([0], [2])


def test_the_cap_is_fixed_before_labels_and_ends_the_asking() -> None:
    _, new, old = models(0.02, n=20_000)
    gate = Sequential("n - o > 0 +/- 0.02", new=new, old=old, **TERMS)
    before = gate.plans
    # Wins and losses alternate, so that bets never win.
    turn = {"win": False}

    def tossed(rows: np.ndarray) -> np.ndarray:
        turn["win"] = not turn["win"]
        return np.where(turn["win"], new[rows], old[rows])

    while (rows := gate.next(1)).size:
        verdict = gate.update(rows, tossed(rows))
    assert gate.plans == before
    assert gate.labelled <= before[0][0]
    assert verdict.inconclusive or verdict.failed


def test_without_a_tolerance_the_cap_is_the_pool() -> None:
    _, new, old = models(0.0)
    gate = Sequential("n - o > 0", new=new, old=old, **TERMS)
    changed = int((new != old).sum())
    assert gate.plans == [(changed, changed, new.size)]
    assert gate.verdict().evidence.statistic["labels_at_most"] == changed


def test_whole_units_are_labelled_and_stand_together() -> None:
    labels, new, old = models(0.15, n=2000)
    unit = np.arange(2000) // 20
    gate = Sequential("n - o > 0", new=new, old=old, unit=unit, unit_name="customer", **TERMS)
    asked = follow(gate, labels)
    assert gate.verdict().passed
    assert gate.verdict().evidence.method == "sequential: bets on units in a fixed order"
    units = unit[asked]
    starts = np.flatnonzero(np.append(True, units[1:] != units[:-1]))
    assert np.unique(units).size == starts.size
    with pytest.raises(UsageError, match="stand together"):
        Sequential("n - o > 0", new=new, old=old, unit=unit, order=np.arange(2000).reshape(20, 100).T.ravel(), **TERMS)


def test_undeclared_clusters_never_pass() -> None:
    rng = np.random.default_rng(2)
    day = np.repeat(np.arange(12), 250)
    labels = rng.integers(0, 2, day.size)
    good = np.array([1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0], dtype=bool)[day]
    differ = rng.random(day.size) < 0.3
    new = np.where(~differ | good, labels, 1 - labels)
    old = np.where(~differ | ~good, labels, 1 - labels)
    terms = {"labels": labels, "new": new, "old": old, "method": "sequential", **TERMS}
    assert decide("n - o > 0", **terms).passed
    said = decide("n - o > 0", **terms, columns={"day": day})
    assert said.inconclusive
    assert "cluster by day" in said.reason


def test_predictions_that_cluster_are_seen_where_labels_are_too_few() -> None:
    labels, new, old = models(0.0, differ=0.1)
    day = np.repeat(np.arange(12), 250)
    # The same rows, but those on which the models differ are those of the first days.
    rows = np.argsort(np.where(new != old, 0.0, np.random.default_rng(1).random(3000)), kind="stable")
    terms = {"method": "sequential", "reliability": 0.9, "timestamp": np.datetime64("2013-01-01") + day}
    claim = "n - o > -0.06 +/- 0.03"
    assert decide(claim, labels=labels, new=new, old=old, **terms).passed
    said = decide(claim, labels=labels[rows], new=new[rows], old=old[rows], **terms)
    assert said.inconclusive
    assert said.reason.startswith("rows are not independent: those on which a label matters cluster by the day of ")
    assert said.actions[0].title == 'declare unit = "date" (the day of timestamp), and judge again'


def test_few_labels_do_not_show_that_rows_are_independent() -> None:
    labels, new, old = models(0.15, differ=0.15)
    terms = {"labels": labels, "new": new, "old": old, "method": "sequential", **TERMS}
    said = decide("n - o > 0 +/- 0.02", **terms, columns={"site": np.arange(3000) % 4})
    assert said.passed
    assert said.evidence.statistic["labels"] < 40
    independent = said.guarantee.assumptions[0]
    assert independent.status == "unverifiable"
    assert "clustering by site cannot be seen here" in independent.detail


def test_fn_free_passes_what_is_not_refuted_once_nothing_is_left_to_label() -> None:
    labels, new, old = models(0.0, n=400)
    gate = Sequential("n - o > 0", new=new, old=old, mode="fn-free", **TERMS)
    assert gate.verdict().inconclusive
    follow(gate, labels)
    assert gate.verdict().passed


def test_a_verdict_says_what_it_rests_on() -> None:
    labels, new, old = models(0.08)
    said = decide("n - o > 0", labels=labels, new=new, old=old, method="sequential", steps=5, **TERMS)
    assert str(said.guarantee) == "anytime, 5% any false pass at any look at 5 answers"
    texts = [assumption.text for assumption in said.guarantee.assumptions]
    assert "the order of labelling was fixed before the models were seen" in texts
    assert said.evidence.statistic["wins"] > said.evidence.statistic["losses"]


def test_the_interval_agrees_with_the_verdict_and_narrows() -> None:
    for gain, claim in ((0.08, "n - o > 0"), (-0.08, "n - o > 0"), (-0.08, "error(new) - error(old) < 0")):
        labels, new, old = models(gain)
        said = decide(claim, labels=labels, new=new, old=old, method="sequential", **TERMS).evidence
        assert said.lower < said.estimate < said.upper
        assert (said.lower >= 0) == ((gain > 0) == ("n - o" in claim)) or said.upper <= 0
        assert said.level == pytest.approx(0.8)
    labels, new, old = models(0.01)
    gate = Sequential("n - o > 0 +/- 0.01", new=new, old=old, **TERMS)
    widths = []
    for _ in range(3):
        rows = gate.next(80)
        evidence = gate.update(rows, labels[rows]).evidence
        widths.append(evidence.upper - evidence.lower)
    assert widths == sorted(widths, reverse=True)


def test_the_level_of_a_ledger_is_taken() -> None:
    labels, new, old = models(0.08)
    said = decide("n - o > 0", labels=labels, new=new, old=old, method="sequential", level=0.001, **TERMS)
    assert said.evidence.statistic["alpha_per_test"] == 0.001
    usual = decide("n - o > 0", labels=labels, new=new, old=old, method="sequential", **TERMS)
    assert usual.evidence.statistic["labels"] < said.evidence.statistic["labels"]


@pytest.mark.parametrize("claim", ["n - o > 0 +/- 0.02", "n - o > 0", "n > 0.85 +/- 0.02"])
def test_an_interval_says_what_the_decision_says_after_every_label(claim: str) -> None:
    """It excludes the limit when the claim is shown, and only then."""
    for gain in (0.04, 0.02):
        labels, new, old = models(gain, n=1500, differ=0.15, seed=5)
        gate = Sequential(claim, new=new, old=old, **TERMS)
        limit = gate.verdict().evidence.limit
        while (rows := gate.next(5)).size:
            gate.update(rows, labels[rows])
            said = gate.verdict()
            if said.evidence.lower is not None:
                assert said.evidence.lower >= limit if said.passed else said.evidence.lower <= limit
            if not said.inconclusive:
                break


def test_a_worse_model_is_told_that_labels_would_refute_it() -> None:
    labels, new, old = models(-0.03)
    gate = Sequential("n - o > 0", new=new, old=old, **TERMS)
    for _ in range(4):
        rows = gate.next(10)
        gate.update(rows, labels[rows])
    said = gate.verdict()
    assert said.inconclusive
    assert "would rather refute it" in said.actions[0].effect
