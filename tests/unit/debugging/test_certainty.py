"""Certain predictions are those of every world, counts are those of a list of all worlds, and cleaning in order pays."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay.debugging import CertainPredictions, certain_predictions
from assay.debugging.possible_worlds import Boundaries, answer
from assay.errors import CheckInconclusive, DataError

NAN = float("nan")


def by_every_world(X: Any, y: Any, X_val: Any, repairs: dict[int, list[float]], k: int) -> Any:
    """Share of the worlds that predicts each label, by filling in the cells in all ways."""
    holes = np.argwhere(np.isnan(X)).tolist()
    scale = np.nanstd(X, axis=0)
    scale[scale == 0] = 1
    names, codes = np.unique(y, return_inverse=True)
    counts = np.zeros((len(X_val), names.size))
    for values in product(*(repairs[column] for _, column in holes)):
        world = X.copy()
        for (row, column), value in zip(holes, values, strict=True):
            world[row, column] = value
        for at, query in enumerate(X_val):
            apart = [round(float((((row - query) / scale) ** 2).sum()), 9) for row in world]
            near = sorted(range(len(X)), key=lambda i: (apart[i], i))[:k]
            counts[at, np.bincount(codes[near], minlength=names.size).argmax()] += 1
    return counts / counts.sum(axis=1, keepdims=True)


def entropy(chances: Any) -> float:
    return float(
        -np.sum(np.where(chances > 0, chances * np.log2(np.where(chances > 0, chances, 1)), 0), axis=-1).mean()
    )


REPAIRS: dict[Any, list[float]] = {0: [0, 2, 4], 1: [1, 3.5]}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(1, 4), st.integers(1, 3))
def test_counts_are_those_of_all_worlds(seed: int, rows: int, k: int, labels: int) -> None:
    rng = np.random.default_rng(seed)
    X, X_val = rng.integers(0, 5, (rows, 2)).astype(float), rng.integers(0, 5, (3, 2)).astype(float)
    X[rng.random((rows, 2)) < 0.3] = NAN
    assume(np.isfinite(X).any(axis=0).all() and k <= rows and np.isnan(X).sum() <= 7)
    y = rng.integers(0, labels, rows)
    found = certain_predictions(X, y, X_val, repairs=REPAIRS, k=k)
    truth = by_every_world(X, y, X_val, REPAIRS, k)
    np.testing.assert_allclose(found.chances, truth, atol=1e-12)
    assert (found.possible == (truth > 0)).all()
    assert found.done == bool((truth.max(axis=1) == 1).all())
    assert found.entropy == pytest.approx(entropy(truth), abs=1e-9)
    for cell in found.next_cells:
        after = [found.cleaned(cell.row, cell.column, value) for value in cell.repairs]
        expected = float(np.mean([each.entropy for each in after]))
        assert cell.gain == pytest.approx(found.entropy - expected, abs=1e-9)
        for value, each in zip(cell.repairs, after, strict=True):
            # A cell that is cleaned does not scale its column anew.
            fixed = certain_predictions(X, y, X_val, repairs={**REPAIRS, (cell.row, cell.column): [value]}, k=k)
            np.testing.assert_allclose(each.chances, fixed.chances, atol=1e-12)
            assert (each.possible == fixed.possible).all()
            assert len(each.missing) == len(found.missing) - 1
            # What was known of other cells before is carried on where it still holds.
            gains = {(c.row, c.column): c.gain for c in fixed.next_cells}
            assert all(c.gain == pytest.approx(gains[c.row, c.column], abs=1e-9) for c in each.next_cells)


def test_a_rare_world_is_not_lost() -> None:
    """1,200 rows of which each alone can be near: a share of 2^-1199 is no number, and still a world."""
    rows = 1201
    # All first candidates, then all second ones: label 1 has one row, label 0 all others.
    owners = np.r_[np.arange(rows)[::-1], np.arange(rows)[::-1]]
    labels = np.zeros(rows, dtype=int)
    labels[0] = 1
    found, _ = answer(owners, labels, 2, 1)
    assert found.possible.tolist() == [True, True]
    assert found.chances[1] == 0
    assert found.chances[0] == pytest.approx(1)
    # What decides by the size of a share would call it certain.
    assert (found.chances > 0).sum() == 1


def test_candidates_too_far_to_count_are_not_looked_at() -> None:
    owners = np.array([0, 1, 2, 3, 3, 4, 4])
    found = Boundaries(owners, np.array([0, 0, 1, 1, 0]), 2, 3)
    assert found.rows.tolist() == [0, 1, 2]


def flights(seed: int, rows: int = 150) -> tuple[pd.DataFrame, pd.DataFrame, Any, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    true = pd.DataFrame(
        {"wind": rng.normal(size=rows), "hour": rng.normal(size=rows), "kind": rng.choice(["a", "b"], rows)}
    )
    y = np.where(true.wind + (true.kind == "a") > 0.5, "late", "on time")
    dirty = true.copy()
    dirty.loc[rng.random(rows) < 0.3, "wind"] = NAN
    X_val = pd.DataFrame({"wind": rng.normal(size=40), "hour": rng.normal(size=40), "kind": rng.choice(["a", "b"], 40)})
    return dirty, true, y, X_val


def cleaned_until_done(start: CertainPredictions, true: pd.DataFrame, order: Any) -> int:
    steps, found = 0, start
    while not found.done:
        cell = found.next_cell if order is None else found.missing[int(order.integers(len(found.missing)))]
        assert cell is not None
        truth = true[cell.column].iloc[cell.row]
        found = found.cleaned(cell.row, cell.column, min(cell.repairs, key=lambda value: abs(value - truth)))
        steps += 1
    assert "cleaning can stop" in found.statement or not found.missing
    assert found.verdict().passed
    return steps


def test_cleaning_in_order_takes_half_of_the_work_of_any_order() -> None:
    by_gain, at_random, cells = 0, 0, 0
    for seed in range(4):
        dirty, true, y, X_val = flights(seed)
        start = certain_predictions(dirty, y, X_val)
        cells += len(start.missing)
        by_gain += cleaned_until_done(start, true, None)
        at_random += cleaned_until_done(start, true, np.random.default_rng(seed))
    assert by_gain < 0.6 * at_random
    assert by_gain < 0.6 * cells


def test_a_certain_prediction_stays_whatever_is_found() -> None:
    dirty, _, y, X_val = flights(9)
    start = certain_predictions(dirty, y, X_val)
    rng = np.random.default_rng(0)
    for _ in range(5):
        found = start
        while found.missing:
            cell = found.missing[int(rng.integers(len(found.missing)))]
            found = found.cleaned(cell.row, cell.column, cell.repairs[int(rng.integers(len(cell.repairs)))])
        assert (found.predictions[start.certain] == start.predictions[start.certain]).all()
    assert 0.2 < start.certain.mean() < 1


def test_a_value_that_nobody_expected_is_taken_into_account() -> None:
    X, y, X_val = np.array([[0.0], [1.0], [NAN], [9.0], [NAN]]), [0, 0, 1, 1, 0], [[0.4], [4.0]]
    found = certain_predictions(X, y, X_val, repairs={0: [8.0, 9.0]}, k=1)
    assert found.certain[0]
    after = found.cleaned(2, 0, 0.45)
    assert after.predictions[0] == 1
    assert [cell.row for cell in after.missing] == [4]
    assert after.cleaned(4, 0, 8.0).done
    same = certain_predictions(X, y, X_val, repairs={0: [8.0, 9.0], (2, 0): [0.45]}, k=1)
    np.testing.assert_allclose(after.chances, same.chances)


def test_what_is_said() -> None:
    dirty, _, y, X_val = flights(1)
    found = certain_predictions(dirty, y, X_val)
    said = str(found)
    assert "predictions of 3 nearest neighbors are the same however" in said
    assert "clean next: row" in said
    verdict = found.verdict()
    assert verdict.inconclusive
    assert verdict.guarantee.error == 0
    assert [each.status for each in verdict.guarantee.assumptions] == ["unverifiable"]
    assert "find out 'wind' of row" in verdict.actions[0].title
    with pytest.raises(CheckInconclusive):
        verdict.require()
    declared = certain_predictions(dirty, y, X_val, repairs={"wind": [-1.0, 0.0, 1.0]})
    assert [each.status for each in declared.guarantee.assumptions] == ["declared"]
    whole = certain_predictions(dirty.dropna(), y[dirty.wind.notna()], X_val)
    assert whole.done
    assert whole.worlds == 1
    assert whole.next_cell is None
    assert str(whole).startswith("no cell is missing")


def test_texts_and_truth_values_are_guessed_by_what_is_frequent() -> None:
    frame = pd.DataFrame({"kind": ["a", "a", "b", None], "open": [True, None, False, True]})
    found = certain_predictions(frame, [0, 0, 1, 1], pd.DataFrame({"kind": ["b"], "open": [True]}), k=1)
    assert {(cell.row, cell.column, cell.repairs) for cell in found.missing} == {
        (1, "open", (True, False)), (3, "kind", ("a", "b")),
    }  # fmt: skip
    assert found.worlds == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": [0, 1]}, "each of the 3 rows"),
        ({"y": [0, 1, None]}, "row 2 of y has no label"),
        ({"X_val": [[NAN]]}, "row 0 of X_val has no 0"),
        ({"X_val": pd.DataFrame({"a": [1.0]})}, "X_val has no column 0"),
        ({"X": np.zeros(3)}, "two dimensions"),
        ({"X": np.full((3, 1), NAN)}, "has no value"),
        ({"X": np.array([[0.0], [np.inf], [1.0]])}, "infinite"),
        ({"k": 0}, "from 1 to the number of rows"),
        ({"k": 4}, "number of rows, 3"),
        ({"repairs": {1: [0.0]}}, "repairs of 1"),
        ({"repairs": {(0, 0): [0.0]}}, "no missing cell"),
        ({"repairs": {0: []}}, "at least one"),
        ({"repairs": {0: [NAN]}}, "must be values"),
        ({"repairs": {0: ["a"]}}, "finite numbers"),
    ],
)
def test_mistakes(change: dict[str, Any], words: str) -> None:
    asked: dict[str, Any] = {"X": np.array([[0.0], [NAN], [2.0]]), "y": [0, 0, 1], "X_val": [[1.0]], "k": 1}
    with pytest.raises(DataError, match=words):
        certain_predictions(**(asked | change))


def test_mistakes_in_cleaning() -> None:
    found = certain_predictions(np.array([[0.0], [NAN], [2.0]]), [0, 0, 1], [[1.0]], k=1)
    with pytest.raises(DataError, match="no missing cell"):
        found.cleaned(0, 0, 1.0)
    with pytest.raises(DataError, match="give a value"):
        found.cleaned(1, 0, None)
    wide = np.vstack([np.zeros((6, 6)), np.full((1, 6), NAN)])
    wide[:6] = np.arange(36).reshape(6, 6)
    with pytest.raises(DataError, match="row 6 has 6 missing cells"):
        certain_predictions(wide, [0, 1, 0, 1, 0, 1, 0], np.zeros((1, 6)), k=1)
