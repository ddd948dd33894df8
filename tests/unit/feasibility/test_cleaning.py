from __future__ import annotations

import doctest
import time

import numpy as np
import pytest

from assay.errors import DataError, UsageError
from assay.feasibility import NeighborLabels, cleaning, cover_hart
from assay.stats.neighbors import nearest


def noisy(seed=0, train=3000, test=2000, rho=0.3, classes=3):
    """Three classes far apart, with a share of the training labels drawn by lot."""
    rng = np.random.default_rng(seed)
    y, test_y = rng.integers(0, classes, size=train), rng.integers(0, classes, size=test)
    X, T = rng.standard_normal((train, 4)), rng.standard_normal((test, 4))
    X[:, 0] += 8 * y
    T[:, 0] += 8 * test_y
    lot = rng.random(train) < rho
    return X, np.where(lot, rng.integers(0, classes, size=train), y), T, test_y, y


def test_a_hundred_thousand_edits_give_what_counting_anew_gives():
    X, written, T, test_y, _ = noisy()
    labels = NeighborLabels(X, written, T, test_y)
    train_y, held_y = written.copy(), test_y.copy()
    rng = np.random.default_rng(1)
    rows, held, codes = rng.integers(0, 3000, 100_000), rng.integers(0, 2000, 100_000), rng.integers(0, 3, 100_000)
    kinds = rng.random(100_000) < 0.7
    start = time.process_time()
    for place in range(100_000):
        if kinds[place]:
            labels.mend_train(rows[place], codes[place])
            train_y[rows[place]] = codes[place]
        else:
            labels.mend_test(held[place], codes[place])
            held_y[held[place]] = codes[place]
        if place % 9973 == 0:
            assert labels.errors == labels.recount()
    assert (time.process_time() - start) / 100_000 < 1e-4
    anew = NeighborLabels(X, train_y, T, held_y)
    assert labels.errors == anew.errors == int(np.sum(train_y[nearest(T, X)[1][:, 0]] != held_y))
    assert labels.bayes_error == anew.bayes_error == cover_hart(anew.errors / 2000, 3)
    assert np.array_equal(labels._counts, anew._counts)


def test_forgetting_the_counts_of_held_out_rows_is_caught(monkeypatch):
    X, written, T, test_y, _ = noisy(2, 200, 200)
    labels = NeighborLabels(X, written, T, test_y)
    kept = labels._counts.copy()
    rng = np.random.default_rng(3)
    for _ in range(300):
        labels.mend_test(int(rng.integers(200)), int(rng.integers(3)))
        labels._counts[:] = kept  # the mutant
        labels.mend_train(int(rng.integers(200)), int(rng.integers(3)))
    assert labels.errors != labels.recount()


def test_cleaning_first_what_is_named_beats_chance():
    X, written, T, test_y, true = noisy(4)
    labels = NeighborLabels(X, written, T, test_y)
    before = labels.bayes_error
    order = labels.clean_first(150)
    chosen = NeighborLabels(X, written, T, test_y)
    for row in order.rows:
        chosen.mend_train(row, true[row])
    at_random = NeighborLabels(X, written, T, test_y)
    for row in np.random.default_rng(5).permutation(3000)[:150]:
        at_random.mend_train(row, true[row])
    assert before - chosen.bayes_error > 4 * (before - at_random.bayes_error) > 0
    assert order.drop[-1] == pytest.approx(before - chosen.bayes_error, rel=0.4)
    assert np.all(np.diff(order.drop) > 0)


def test_what_the_true_labels_would_bring_is_exact():
    """With the truth as probabilities the drop is what mending brings, for every number of rows."""
    X, written, T, test_y, true = noisy(6, 400, 300)
    labels = NeighborLabels(X, written, T, test_y)
    before = labels.bayes_error
    order = labels.clean_first(50, probabilities=np.eye(3)[true])
    for row, drop in zip(order.rows, order.drop, strict=True):
        labels.mend_train(row, true[row])
        assert before - labels.bayes_error == pytest.approx(drop, abs=1e-12)


def test_nothing_to_clean():
    labels = NeighborLabels([[0.0], [9.0]], [0, 1], [[1.0], [8.0]], [0, 1])
    assert labels.errors == 0
    assert labels.clean_first(5, probabilities=np.eye(2)).rows.size == 0


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: NeighborLabels([[0.0]], [0, 1], [[1.0]], [0]), DataError, "train has 1 rows and 2 labels"),
        (lambda: NeighborLabels([[0.0]], [0.5], [[1.0]], [0]), DataError, "train_y must be whole numbers"),
        (lambda: NeighborLabels([[0.0]], [3], [[1.0]], [0], classes=2), DataError, "train_y must be whole numbers"),
        (lambda: NeighborLabels([[np.nan]], [1], [[1.0]], [0]), DataError, "points must be finite"),
        (lambda: NeighborLabels([[0.0]], [1], [[1.0]], [0]).mend_train(1, 0), UsageError, "row and label must be"),
        (lambda: NeighborLabels([[0.0]], [1], [[1.0]], [0]).mend_test(0, 2), UsageError, "row and label must be"),
        (lambda: NeighborLabels([[0.0]], [1], [[1.0]], [0]).clean_first(0), UsageError, "k must be"),
        (lambda: NeighborLabels([[0.0]], [1], [[1.0]], [0]).clean_first(1, probabilities=[1]), DataError, "shape"),
    ],
)
def test_bad_input_is_named(call, error, told):
    with pytest.raises(error, match=told):
        call()


def test_examples_run():
    assert doctest.testmod(cleaning).failed == 0
