from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from assay.errors import DataError, UsageError
from assay.feasibility import neighbor_estimate, upper_limit
from assay.stats import binomial

QUICK = {"logistic": LogisticRegression()}


def gaussians(n=1200, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, size=n)
    X = rng.normal(size=(n, 2))
    X[:, 0] += 2 * y
    return X, y


def test_pass_carries_its_witness_and_series():
    X, y = gaussians(4000)
    verdict = upper_limit(X, y, target=0.8)
    assert verdict.passed
    assert verdict.guarantee.kind == "exact"
    assert verdict.guarantee.error == 0.05
    series = verdict.evidence.series
    assert series["candidate"][0] == "most common class"
    assert verdict.evidence.upper == min(series["upper"])
    wrong = round(series["error"][1] * verdict.evidence.n)
    assert series["upper"][1] == pytest.approx(binomial.upper(wrong, verdict.evidence.n, 0.05 / 4))


def test_a_near_miss_says_how_many_labels():
    X, y = gaussians(200)
    verdict = upper_limit(X, y, target=0.8, candidates=QUICK)
    assert verdict.inconclusive
    more = verdict.actions[0].labels
    assert more > 0
    X, y = gaussians(200 + 2 * more, seed=1)
    assert upper_limit(X, y, target=0.8, candidates=QUICK).passed


def test_out_of_reach_is_never_a_fail():
    X, y = gaussians()
    verdict = upper_limit(X, y, target=0.99, candidates=QUICK)
    assert verdict.inconclusive
    assert "does not show that none could" in verdict.reason


def rare(signal: float, n: int = 3000):
    """Two rows of a hundred are of the rare class; the first feature gives ``signal`` of them away."""
    rng = np.random.default_rng(8)
    y = (rng.random(n) < 0.02).astype(int)
    X = rng.normal(size=(n, 2))
    X[:, 0] += 8 * y * (rng.random(n) < signal)
    return X, y


def test_a_target_that_the_most_common_class_reaches_is_no_evidence():
    X, y = rare(0.0)
    verdict = upper_limit(X, y, target=0.8)
    assert verdict.inconclusive
    assert verdict.evidence.upper < 0.05
    assert "always answering '0' is right on 0.98" in verdict.reason
    assert "reaches 0.8 without a look at the features" in verdict.reason
    assert "recall(n)" in verdict.actions[0].title
    estimate = neighbor_estimate(X, y, target=0.8)
    assert estimate.inconclusive
    assert "always answering '0'" in estimate.reason


def test_what_is_better_than_the_most_common_class_passes_and_names_it():
    X, y = rare(0.9)
    verdict = upper_limit(X, y, target=0.8)
    assert verdict.passed
    assert "but always answering '0' is right on 0.98" in verdict.reason
    assert verdict.evidence.statistic["most_common_share"] > 0.97
    assert verdict.evidence.statistic["p_constant"] < 0.05 / 4
    assert neighbor_estimate(X, y, target=0.8).passed


def test_a_lower_target_is_proposed_only_where_it_would_be_evidence():
    X, y = rare(0.0)
    titles = [action.title for action in upper_limit(X, y, target=0.999).actions]
    assert not any("lower the target" in title for title in titles)


def mixed(n=600):
    rng = np.random.default_rng(3)
    carrier = rng.choice(["AA", "B6", "UA"], size=n)
    hour = rng.integers(0, 24, size=n).astype(float)
    y = np.where((carrier == "AA") ^ (rng.random(n) < 0.05), "late", "on time")
    hour[::7] = np.nan
    return {
        "carrier": carrier,
        "hour": hour,
        "tail": np.array([f"N{i}" for i in range(n)]),
        "weekend": rng.random(n) < 0.3,
    }, y


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_mixed_tables(make):
    columns, y = mixed()
    verdict = upper_limit(make(columns), y, target=0.85, candidates=QUICK)
    assert verdict.passed
    assert verdict.evidence.statistic["dropped_columns"] == "tail"


def test_categories_unseen_in_training_and_missing_text():
    columns, y = mixed()
    frame = pd.DataFrame(columns).astype({"carrier": object})
    frame.loc[:3, "carrier"] = None
    other = frame.copy()
    other.loc[5, "carrier"] = "never seen"
    verdict = upper_limit(frame, y, target=0.8, candidates=QUICK, test=(other, y))
    assert verdict.evidence.n == 600


def clustered(days=40, rows=40):
    rng = np.random.default_rng(4)
    bad = np.repeat(rng.random(days) < 0.3, rows)
    signal = rng.integers(0, 2, size=days * rows)
    y = np.where(bad & (rng.random(days * rows) < 0.5), 1 - signal, signal)
    date = np.datetime64("2013-01-01") + np.repeat(np.arange(days), rows)
    return pd.DataFrame({"signal": signal, "when": date}), y


def test_undeclared_days_are_inconclusive_and_declared_ones_are_not():
    X, y = clustered()
    undeclared = upper_limit(X, y, target=0.7, candidates=QUICK)
    assert undeclared.inconclusive
    assert "when" in undeclared.actions[0].title
    assert undeclared.guarantee.kind == "none"
    declared = upper_limit(X, y, target=0.7, candidates=QUICK, unit="when")
    assert declared.passed
    assert declared.evidence.units == 20
    assert declared.evidence.unit == "when"
    by_array = upper_limit(X[["signal"]], y, target=0.7, candidates=QUICK, unit=X["when"])
    assert by_array.evidence.upper == declared.evidence.upper
    other = upper_limit(X[["signal"]], y, target=0.7, candidates=QUICK, timestamp=X["when"])
    assert other.inconclusive


def test_few_days_ask_for_more_days():
    X, y = clustered(days=12)
    verdict = upper_limit(X, y, target=0.8, candidates=QUICK, unit="when")
    assert verdict.inconclusive
    assert verdict.actions[0].units > 0


def test_too_few_units():
    X, y = clustered(days=2)
    verdict = upper_limit(X, y, target=0.7, candidates=QUICK, unit="when")
    assert verdict.inconclusive
    assert verdict.guarantee.kind == "none"


def test_same_inputs_same_verdict():
    X, y = gaussians(400)
    first, second = (upper_limit(X, y, target=0.7, seed=5) for _ in range(2))
    assert first.id == second.id
    assert upper_limit(X, y, target=0.7, seed=6).id != first.id


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([1, 1, 1, 1], DataError, "one class"),
        ([1, 0, np.nan, np.nan], DataError, "missing in row 2"),
        (["a", None, "b", "a"], DataError, "missing in row 1"),
        (["a", 1, "b", "a"], DataError, "mixes text"),
        ([0.1, 0.7, 0.3, 0.4], UsageError, "regression"),
        ([1, 0, 1], DataError, "4 rows and its labels have 3"),
        ([], DataError, "no rows"),
    ],
)
def test_bad_labels_are_named(y, error, message):
    with pytest.raises(error, match=message):
        upper_limit(np.zeros((4, 1)), y if "mixes" not in message else np.array(y, dtype=object), target=0.8)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"target": 1.0}, UsageError, "target"),
        ({"alpha": 0.0}, UsageError, "alpha"),
        ({"unit": "nobody"}, DataError, "no column 'nobody'"),
        ({"timestamp": "never"}, DataError, "no column 'never'"),
        ({"unit": np.arange(3)}, DataError, "unit must have one entry"),
    ],
)
def test_bad_arguments_are_named(changes, error, message):
    X, y = gaussians(40)
    with pytest.raises(error, match=message):
        upper_limit(X, y, **{"target": 0.8, **changes})


def test_a_unit_in_both_parts_is_refused():
    X, y = clustered(days=6)
    with pytest.raises(DataError, match="no unit may be in both"):
        upper_limit(X, y, target=0.8, candidates=QUICK, unit="when", test=(X, y))


def test_nothing_to_learn_from():
    _, y = gaussians(100)
    with pytest.raises(DataError, match="no column of X"):
        upper_limit({"name": np.array([f"row {i}" for i in range(100)])}, y, target=0.8)


def test_copies_across_the_split_are_counted_and_told():
    def told(verdict):
        return next(a.detail for a in verdict.guarantee.assumptions if "copies" in a.text)

    X, y = gaussians(300)
    assert told(upper_limit(X, y, target=0.5, candidates=QUICK)) == "0 of 150 equal one in all columns"
    doubled = upper_limit(np.repeat(X, 2, axis=0), np.repeat(y, 2), target=0.5, candidates=QUICK)
    copies = int(told(doubled).split()[0])
    assert 100 < copies < 200  # about half of the 300 held-out rows have their twin among those that trained


@pytest.mark.parametrize("unit", [None, "day"])
def test_no_more_rows_are_asked_for_than_anybody_will_label(unit):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=2000)
    X = np.where(rng.random(2000) < 0.8, y, 1 - y)[:, None] + rng.normal(scale=0.01, size=(2000, 1))
    days = None if unit is None else pd.Series(np.arange(2000) // 20, name="day")
    held = 1 - upper_limit(X, y, target=0.5, unit=days).evidence.estimate
    near = upper_limit(X, y, target=held - 0.0005, unit=days)
    assert near.status == "inconclusive"
    assert near.actions[0].title == "add features that tell the classes apart"
    assert f"{'units of day' if unit else 'rows'}, " in near.actions[0].effect
    assert near.actions[1].effect == "certified already"
    far = upper_limit(X, y, target=held - (0.03 if unit else 0.012), unit=days)
    assert far.status == "inconclusive"
    assert far.actions[0].title.startswith("label ")
