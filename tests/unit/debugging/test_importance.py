"""Values are Shapley's: equal to what every coalition gives, for rows, groups, filters, forks and joins."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from assay.debugging import importance, trace_rows
from assay.errors import DataError


def by_every_coalition(
    needs: list[set[Any]], X: Any, y: Any, X_val: Any, y_val: Any, k: int, players: list[Any], score: Any = None
) -> dict[Any, float]:
    """Shapley values by their definition; a point is there if all that it needs is."""
    score = score or (lambda label, at: float(label == y_val[at]) / len(y_val))
    orders = [sorted(range(len(y)), key=lambda i: (round(float(((X[i] - query) ** 2).sum()), 9), i)) for query in X_val]

    def worth(coalition: set[Any]) -> float:
        return sum(
            sum(score(y[i], at) for i in [i for i in order if needs[i] <= coalition][:k]) / k
            for at, order in enumerate(orders)
        )

    n = len(players)
    known = {frozenset(c): worth(set(c)) for size in range(n + 1) for c in combinations(players, size)}
    return {
        player: sum(
            factorial(len(c)) * factorial(n - len(c) - 1) / factorial(n) * (known[c | {player}] - without)
            for c, without in known.items()
            if player not in c
        )
        for player in players
    }


def drawn(seed: int, rows: int, asked: int = 3, labels: int = 3) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    # Whole numbers, so that many distances are equal.
    X, X_val = rng.integers(0, 4, (rows, 2)).astype(float), rng.integers(0, 4, (asked, 2)).astype(float)
    return X, rng.integers(0, labels, rows), X_val, rng.integers(0, labels, asked)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 8))
def test_rows(seed: int, rows: int, k: int) -> None:
    X, y, X_val, y_val = drawn(seed, rows)
    found = importance(None, X, y, X_val, y_val, k=k)
    truth = by_every_coalition([{i} for i in range(rows)], X, y, X_val, y_val, k, list(range(rows)))
    np.testing.assert_allclose(found.values, list(truth.values()), atol=1e-12)
    assert found.total == pytest.approx(found.values.sum())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(1, 6), st.integers(1, 6))
def test_groups(seed: int, rows: int, sources: int, k: int) -> None:
    X, y, X_val, y_val = drawn(seed, rows)
    source = np.random.default_rng(seed).integers(0, sources, rows)
    found = importance(None, X, y, X_val, y_val, groups=source, k=k)
    truth = by_every_coalition([{each} for each in source], X, y, X_val, y_val, k, list(found.names))
    np.testing.assert_allclose(found.values, list(truth.values()), atol=1e-12)
    assert found.total == pytest.approx(found.values.sum())
    assert found.rows.sum() == rows


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 4))
def test_filters_forks_and_joins(seed: int, orders: int, customers: int) -> None:
    """A pipeline that drops rows, joins each order to its customer, and repeats some of them."""
    rng = np.random.default_rng(seed)
    tables = {
        "orders": pd.DataFrame({"who": rng.integers(0, customers, orders), "a": rng.integers(0, 4, orders)}),
        "customers": pd.DataFrame({"who": np.arange(customers), "b": rng.integers(0, 4, customers)}),
    }

    def prepare(orders: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
        joined = orders[orders.a > 0].merge(customers, on="who")
        again = joined[joined.b > 1].assign(a=lambda frame: frame.a + 1)
        return pd.concat([joined, again], ignore_index=True)

    rows, groups = trace_rows(prepare, **tables)
    if rows.empty:
        return
    X, y = rows[["a", "b"]].to_numpy(float), rng.integers(0, 2, len(rows))
    X_val, y_val = rng.integers(0, 4, (3, 2)).astype(float), rng.integers(0, 2, 3)
    groups = groups[["orders", "customers"]]
    found = importance(None, X, y, X_val, y_val, groups=groups)
    needs = [{("orders", o), ("customers", c)} for o, c in groups.to_numpy().tolist()]
    truth = by_every_coalition(needs, X, y, X_val, y_val, 1, list(found.names))
    np.testing.assert_allclose(found.values, list(truth.values()), atol=1e-12)
    assert found.total == pytest.approx(found.values.sum())
    # One side alone, with the other always there: a fork, for any k.
    for k in (1, 3):
        side = importance(None, X, y, X_val, y_val, groups=groups["customers"], k=k)
        truth = by_every_coalition([{c} for c in groups.customers], X, y, X_val, y_val, k, list(side.names))
        np.testing.assert_allclose(side.values, list(truth.values()), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(1, 4))
def test_other_utilities(seed: int, rows: int, k: int) -> None:
    X, y, X_val, y_val = drawn(seed, rows, asked=6, labels=2)
    y_val = np.array([0, 0, 1, 1, 1, y_val[5]])
    players = list(range(rows))
    needs = [{i} for i in players]

    sizes = np.bincount(y_val)[y_val]
    balanced = by_every_coalition(
        needs, X, y, X_val, y_val, k, players, lambda label, at: (label == y_val[at]) / sizes[at] / 2
    )
    found = importance(None, X, y, X_val, y_val, utility="balanced_accuracy", k=k)
    np.testing.assert_allclose(found.values, list(balanced.values()), atol=1e-12)

    numbers = y + 0.5 * np.arange(rows)
    error = by_every_coalition(
        needs, X, numbers, X_val, y_val, k, players,
        lambda label, at: ((numbers.mean() - y_val[at]) ** 2 - (label - y_val[at]) ** 2) / 6,
    )  # fmt: skip
    found = importance(None, X, numbers, X_val, y_val, utility="squared_error", k=k)
    np.testing.assert_allclose(found.values, list(error.values()), atol=1e-12)

    group = np.array(["a", "b", "a", "b", "b", "a"])
    found = importance(None, X, y, X_val, y_val, utility="fairness", sensitive=group, k=k)
    shares = importance_of_all(X, y, X_val, y_val, k)
    gaps = [
        abs(shares[(group == "a") & (y_val == c)].mean() - shares[(group == "b") & (y_val == c)].mean()) for c in (0, 1)
    ]
    assert found.total == pytest.approx(-max(gaps))
    assert found.values.sum() == pytest.approx(-max(gaps))


def test_a_group_is_not_the_sum_of_its_rows() -> None:
    """What the tests above would see if rows of a group were taken for players of their own."""
    X, y, X_val, y_val = drawn(2, 9)
    source = np.arange(9) % 3
    rows = importance(None, X, y, X_val, y_val, k=2)
    found = importance(None, X, y, X_val, y_val, groups=source, k=2)
    truth = by_every_coalition([{each} for each in source], X, y, X_val, y_val, 2, [0, 1, 2])
    assert np.abs(np.bincount(source, weights=rows.values) - list(truth.values())).max() > 0.01
    np.testing.assert_allclose(found.values, list(truth.values()), atol=1e-12)


def importance_of_all(X: Any, y: Any, X_val: Any, y_val: Any, k: int) -> Any:
    """Share of the k nearest rows with the label of each validation row; fewer rows than k give fewer votes."""
    near = [sorted(range(len(y)), key=lambda i: (((X[i] - query) ** 2).sum(), i))[:k] for query in X_val]
    return np.array([sum(y[i] == label for i in row) / k for row, label in zip(near, y_val, strict=True)])


def test_few_rows_that_say_what_all_say_are_not_worth_more() -> None:
    """A small source gets as much as any for coming first; a row more of it is worth no more than another."""
    rng = np.random.default_rng(0)
    X, X_val = rng.normal(size=(800, 3)), rng.normal(size=(200, 3))
    y, y_val = (X[:, 0] > 0).astype(int), (X_val[:, 0] > 0).astype(int)
    source = np.array(["large", "small", "wrong"])[np.r_[np.zeros(700), np.ones(10), np.full(90, 2)].astype(int)]
    y[source == "wrong"] ^= rng.random(90) < 0.4
    found = importance(None, X, y, X_val, y_val, groups=source)
    value, each = (
        dict(zip(found.names, found.values, strict=True)),
        dict(zip(found.names, found.value_a_row, strict=True)),
    )
    assert value["small"] / 10 > 10 * value["large"] / 700
    assert each["small"] < 3 * each["large"]
    assert found.buy_more(3)[-1] == "wrong"


def test_a_join_knows_the_rows_of_both_sides() -> None:
    X, y, X_val, y_val = drawn(4, 12)
    fact, dim = np.arange(12) // 2, np.arange(12) // 4
    found = importance(None, X, y, X_val, y_val, groups=np.c_[fact, dim])
    alone = importance(None, X, y, X_val, y_val).values
    expected = [*(alone[fact == f].mean() for f in range(6)), *(alone[dim == d].mean() for d in range(3))]
    np.testing.assert_allclose(found.value_a_row, expected, atol=1e-12)


def test_copies_are_taken_in_their_order_and_others_move_nothing() -> None:
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(50, 20)), 4, axis=0) * 0.1
    y, X_val, y_val = rng.integers(0, 2, 200), rng.normal(size=(40, 20)), rng.integers(0, 2, 40)
    found = importance(None, X, y, X_val, y_val, k=3)
    far = np.r_[X, X[:1] + 1e6]
    again = importance(None, far, np.r_[y, 0], X_val, y_val, k=3)
    np.testing.assert_allclose(found.values, again.values[:-1], atol=1e-3)
    order = rng.permutation(50)
    places = (4 * order[:, None] + np.arange(4)).ravel()
    moved = importance(None, X[places], y[places], X_val, y_val, k=3)
    np.testing.assert_allclose(moved.values, found.values[places], atol=1e-12)


class Pick(BaseEstimator):
    """A sampler in imbalanced-learn's manner: repeats the first rows and drops the last."""

    def __init__(self, tell: bool = True) -> None:
        self.tell = tell

    def fit(self, X: Any, y: Any) -> Pick:
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        kept = np.r_[0, 0, 1, np.arange(len(y) - 1)]
        if self.tell:
            self.sample_indices_ = kept
        return X[kept], y[kept]


def test_pipelines_are_seen_through() -> None:
    X, y, X_val, y_val = drawn(1, 6)
    pipeline = Pipeline([("scale", StandardScaler()), ("pick", Pick()), ("model", LogisticRegression())])
    # scikit-learn's own pipeline knows no samplers; imbalanced-learn's is its subclass.
    found = importance(pipeline, X, y, X_val, y_val, k=2)
    scaler = StandardScaler().fit(X)
    kept = [0, 0, 1, 0, 1, 2, 3, 4]
    truth = by_every_coalition(
        [{i} for i in kept], scaler.transform(X)[kept], y[kept], scaler.transform(X_val), y_val, 2, list(range(6))
    )
    np.testing.assert_allclose(found.values, list(truth.values()), atol=1e-12)
    assert found.values[5] == 0
    with pytest.raises(DataError, match="sample_indices_"):
        importance(Pipeline([("pick", Pick(tell=False)), ("model", LogisticRegression())]), X, y, X_val, y_val)
    words = pd.Series(["late train", "late bus", "on time", "time flies"])
    text = make_pipeline(TfidfVectorizer(), LogisticRegression())
    found = importance(text, words, [1, 1, 0, 0], pd.Series(["late flight", "in time"]), [1, 0])
    assert found.total == 1
    assert found.values.sum() == pytest.approx(1)


def test_frames_are_encoded() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=80), "kind": rng.choice(["a", "b"], 80)})
    frame.loc[3, "size"] = np.nan
    y = (frame.kind == "a").to_numpy(copy=True)
    y[7] = ~y[7]
    found = importance(None, frame[:60], y[:60], frame[60:], y[60:], k=5)
    assert found.fix_first(1) == [7]
    for table in (pl.from_pandas(frame), pa.Table.from_pandas(frame)):
        same = importance(None, table[:60], y[:60], table[60:], y[60:], groups=table[:60]["kind"], k=5)
        again = importance(None, frame[:60], y[:60], frame[60:], y[60:], groups=frame.kind[:60], k=5)
        assert dict(zip(same.names, same.values, strict=True)) == dict(zip(again.names, again.values, strict=True))
    assert found.total > 0.9


def test_what_to_do() -> None:
    rng = np.random.default_rng(3)
    X, X_val = rng.normal(size=(600, 2)), rng.normal(size=(300, 2))
    y, y_val = (X[:, 0] > 0).astype(int), (X_val[:, 0] > 0).astype(int)
    source = np.array(["good", "noisy", "few"])[np.r_[np.zeros(280), np.ones(280), np.full(40, 2)].astype(int)]
    flipped = (source == "noisy") & (rng.random(600) < 0.4)
    y[flipped] = 1 - y[flipped]
    found = importance(None, X, y, X_val, y_val, k=5)
    first = found.fix_first(50)
    assert flipped[first].mean() > 0.8
    assert flipped[found.to_drop()].mean() > 3 * flipped.mean()
    assert set(found.to_drop()) >= set(first)
    groups = importance(None, X, y, X_val, y_val, groups=pd.Series(source, name="source"), k=5)
    assert groups.fix_first(1) == ["noisy"]
    assert groups.buy_more(3)[-1] == "noisy"
    each = [found.values[source == name].mean() for name in groups.names]
    np.testing.assert_allclose(groups.value_a_row, each, atol=1e-15)
    assert str(groups).splitlines()[1].split()[:3] == ["noisy", f"{groups.values[1]:+.3g}", "280"]
    assert "look at noisy first; rows of few are worth the most each" in str(groups)
    assert f"look at labels in this order, from row {first[0]} on" in str(found)
    assert "exact for the Shapley values of the 5-nearest-neighbor proxy" in str(groups)
    assert groups._repr_html_().count("<tr>") == 4
    assert "unverifiable" in {each.status for each in groups.guarantee.assumptions}


def test_more_validation_rows_cost_themselves_alone() -> None:
    X, y, X_val, y_val = drawn(5, 40, asked=30)
    whole = importance(None, X, y, X_val, y_val, k=2)
    parts = importance(None, X, y, X_val[:7], y_val[:7], k=2)
    parts = parts.with_validation(X_val[7:20], y_val[7:20]).with_validation(X_val[20:], y_val[20:])
    np.testing.assert_allclose(parts.values, whole.values, atol=1e-12)
    assert parts.validation == 30
    assert parts.total == pytest.approx(whole.total)
    source = np.arange(40) % 3
    whole = importance(None, X, y, X_val, y_val, k=2, groups=source)
    parts = importance(None, X, y, X_val[:7], y_val[:7], k=2, groups=source).with_validation(X_val[7:], y_val[7:])
    np.testing.assert_allclose(parts.value_a_row, whole.value_a_row, atol=1e-12)
    balanced = importance(None, X, y, X_val, y_val, utility="balanced_accuracy")
    with pytest.raises(ValueError, match="all of them"):
        balanced.with_validation(X_val, y_val)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": 0}, "at least 1"),
        ({"k": True}, "at least 1"),
        ({"utility": "acuracy"}, "did you mean 'accuracy'"),
        ({"utility": "fairness"}, "needs sensitive"),
        ({"sensitive": [1, 2]}, "leave it out"),
        ({"utility": "fairness", "sensitive": ["a", "a"]}, "one value alone"),
        ({"utility": "fairness", "sensitive": ["a"]}, "2 validation rows"),
        ({"utility": "fairness", "sensitive": ["a", "b"]}, "no class has"),
        ({"utility": "squared_error", "y": ["a", "b", "c", "d"]}, "numbers"),
        ({"groups": [1, 2]}, "each of the 4 rows, got 2"),
        ({"groups": ["a", None, "b", "c"]}, "row 1 has no group"),
        ({"groups": np.zeros((4, 3))}, "got shape"),
        ({"groups": [[0, 0], [0, 1], [1, 1], [2, 1]]}, "goes with more than one"),
        ({"groups": [[0, 0], [1, 1], [2, 1], [3, 1]], "k": 2}, "k = 1"),
        ({"groups": [0, 0, 1, 1], "k": 21}, "at most 20"),
        ({"y": [0, 1, None, 1]}, "row 2 of y has no label"),
        ({"y": [0, 1]}, "each of the 4 rows"),
        ({"y_val": [0]}, "each of the 2 rows"),
        ({"X_val": np.zeros((2, 3))}, "X_val has 3 columns"),
        ({"X": np.array([[0.0], [np.nan], [1.0], [2.0]])}, "row 1"),
        ({"X": np.array([["a"], ["b"], ["c"], ["d"]])}, "must be numbers"),
        ({"pipeline": make_pipeline(TfidfVectorizer(), LogisticRegression())}, "cannot be fitted"),
        ({"pipeline": "logistic"}, "scikit-learn pipeline"),
    ],
    ids=lambda case: str(case)[:40],
)
def test_mistakes(change: dict[str, Any], words: str) -> None:
    asked: dict[str, Any] = {
        "pipeline": None, "X": np.arange(4.0)[:, None], "y": [0, 1, 0, 1], "X_val": np.array([[0.0], [3.0]]), "y_val": [0, 1],
    }  # fmt: skip
    with pytest.raises(DataError, match=words):
        importance(**(asked | change))


def test_lost_rows_are_named() -> None:
    left, right = pd.DataFrame({"key": [0, 1]}), pd.DataFrame({"key": [1, 2]})
    with pytest.raises(DataError, match="dropped the column '__row_of_left'"):
        trace_rows(lambda left: left[["key"]], left=left)
    with pytest.raises(DataError, match="came from no row of 'right'"):
        trace_rows(lambda left, right: left.merge(right, how="left"), left=left, right=right)
    with pytest.raises(DataError, match="must give a pandas DataFrame"):
        trace_rows(lambda left: left["key"], left=left)
    with pytest.raises(DataError, match="one table, or two"):
        trace_rows(lambda **tables: left)
