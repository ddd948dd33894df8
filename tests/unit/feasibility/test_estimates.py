from __future__ import annotations

import doctest

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from assay.errors import DataError, UsageError
from assay.feasibility import (
    bayes_error_estimates,
    best_embedding,
    embeddings,
    side_by_side,
    soft_label_error,
    soft_labels,
)
from assay.feasibility.estimates import Sample, sample_of
from assay.feasibility.kernel import shares
from assay.feasibility.side_by_side import METHODS
from assay.feasibility.spanning_tree import spanning_tree_edges
from assay.feasibility.spread import pair_disagreement
from assay.feasibility.votes import k_neighbors, vote_errors


def rows(seed=0, n=600, classes=3, features=4):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, size=n)
    X = rng.standard_normal((n, features))
    X[:, 0] += 2 * y
    return X, y


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_spanning_tree_is_as_short_as_any(metric):
    X, _ = rows(1, 200)
    ends = spanning_tree_edges(X, metric)
    distances = cdist(X, X, metric)
    length = np.sqrt(2 * distances[tuple(ends.T)]).sum() if metric == "cosine" else distances[tuple(ends.T)].sum()
    least = minimum_spanning_tree(np.sqrt(2 * np.maximum(distances, 1e-15)) if metric == "cosine" else distances).sum()
    assert len(ends) == 199
    assert length == pytest.approx(least, rel=1e-6)


def test_votes_by_hand():
    labels = np.array([[0, 1, 1], [1, 0, 0], [2, 2, 0]])
    assert vote_errors(labels, np.array([1, 1, 2]), [1, 3], 3) == pytest.approx([1 / 3, 1 / 3])


def test_pairs_by_hand():
    X, y = rows(2, 60)
    sample = Sample(X, X, y, y, 3)
    near = np.argsort(cdist(X, X), axis=1)[:, :10]
    differing = [np.mean([y[a] != y[b] for a in group for b in group if a != b]) for group in near]
    assert pair_disagreement(sample).upper == pytest.approx(np.mean(differing))


def test_the_neighbors_of_a_row_leave_it_out():
    X, y = rows(3, 50)
    X[10:30] = X[0]  # more copies than a row has places before itself
    distances, _ = Sample(X, X[:5], y, y[:5], 3).among
    expected = np.sort(np.where(np.eye(50, dtype=bool), np.inf, cdist(X, X)), axis=1)[:, :49]
    assert distances == pytest.approx(expected)


def test_kernel_shares_by_hand():
    squares, y = np.array([[0.0, 1.0, 4.0]]), np.array([0, 1, 1])
    weights = np.exp(-squares[0] / 2)
    assert shares(squares, y, 3, 1.0)[0] == pytest.approx(
        [weights[0] / weights.sum(), weights[1:].sum() / weights.sum(), 0]
    )
    assert shares(np.array([[1e9, 1e9 + 2, 1e9 + 2]]), y, 2, 1.0)[0, 0] == pytest.approx(1 / (1 + 2 / np.e))


def test_k_is_chosen_without_the_held_out_labels():
    X, y = rows(4, 800)
    mixed = np.random.default_rng(0).permutation(y[400:])
    one = k_neighbors(Sample(X[:400], X[400:], y[:400], y[400:], 3))
    other = k_neighbors(Sample(X[:400], X[400:], y[:400], mixed, 3))
    assert one.settings == other.settings
    assert one.error != other.error


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_names_of_labels_do_not_matter_and_every_method_answers(metric):
    X, y = rows(5)
    codes = bayes_error_estimates(X, y, metric=metric)
    words = bayes_error_estimates(X, np.array(["ant", "bee", "cat"])[y], metric=metric)
    assert [each.method for each in codes] == list(METHODS)
    assert codes == words
    for each in codes:
        assert each.upper is None or 0 <= each.upper <= 1
        assert each.lower is None or each.lower <= each.upper


def test_an_embedding_is_taken_as_it_is_and_a_table_is_scaled():
    X, y = rows(6)
    X[:, 3] *= 1000
    raw = bayes_error_estimates(X, y, methods=["1NN"])[0]
    scaled = bayes_error_estimates({f"x{place}": X[:, place] for place in range(4)}, y, methods=["1NN"])[0]
    assert raw.error > scaled.error + 0.1


def test_rows_of_a_unit_stay_together():
    X, y = rows(7, 300)
    unit = np.repeat(np.arange(30), 10)
    sample = sample_of(np.column_stack([X, unit]), y, unit=unit)
    assert not set(sample.train[:, -1]) & set(sample.test[:, -1])
    given = sample_of(X[:100], y[:100], test=(X[100:], y[100:]))
    assert np.array_equal(given.test, X[100:])


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda X, y: bayes_error_estimates(X, y, methods=["2NN"]), UsageError, "no method '2NN': there are 1NN"),
        (lambda X, y: bayes_error_estimates(X, y, metric="l1"), UsageError, "metric must be"),
        (lambda X, y: bayes_error_estimates(X[:2], y[:2] * 0 + [0, 1]), DataError, "too few to hold"),
        (lambda X, y: bayes_error_estimates(X * np.nan, y), DataError, "X must have finite values"),
        (lambda X, y: best_embedding({}, y), UsageError, "no embedding"),
        (lambda X, y: best_embedding({"a": X[:5]}, y), DataError, "'a' must have one row for each of the 600"),
        (lambda X, y: best_embedding({"a": X * np.nan}, y), DataError, "an embedding cannot be used"),
        (lambda X, y: best_embedding({"a": X}, y * 0), DataError, "one class"),
        (lambda X, y: best_embedding({"a": X}, y, test=[600]), UsageError, "test must hold out"),
        (lambda X, y: best_embedding({"a": X}, y, drop="all"), UsageError, "drop must be"),
        (lambda X, y: best_embedding({"a": X}, y, first=0), UsageError, "first must be"),
        (lambda X, y: soft_label_error([0.2, 1.2]), DataError, "row 1 of the probabilities"),
        (lambda X, y: soft_label_error([[0.2, 0.2]]), DataError, "row 0 of the probabilities"),
        (lambda X, y: soft_label_error([0.2], alpha=0), UsageError, "alpha must lie"),
    ],
)
def test_bad_input_is_named(call, error, told):
    with pytest.raises(error, match=told):
        call(*rows())


def test_a_race_asks_for_no_more_rows_than_it_takes():
    X, y = rows(8, 4000)
    noise = 5 * np.random.default_rng(9).standard_normal((4000, 10))
    asked = {"good": 0, "bad": 0}

    def counted(name, matrix):
        def embed(places):
            asked[name] += len(places)
            return matrix[places]

        return embed

    race = best_embedding({"bad": counted("bad", noise), "good": counted("good", X)}, y, first=100)
    assert race.best == "good"
    assert race.dropped["bad"] < 1000
    assert asked == {"good": 4000, "bad": 2000 + race.dropped["bad"]}
    assert race.embedded == sum(asked.values())
    assert race.error == race.curves["good"][-1][1] <= race.upper
    whole = best_embedding({"bad": noise, "good": X}, y, drop="none")
    assert whole.error == race.error
    assert not whole.dropped


def test_soft_labels_of_two_shapes():
    p = np.array([0.1, 0.5, 0.8])
    assert soft_label_error(p) == soft_label_error(np.column_stack([1 - p, p]))
    assert soft_label_error(p).estimate == pytest.approx((0.1 + 0.5 + 0.2) / 3)


@pytest.mark.parametrize("module", [embeddings, side_by_side, soft_labels], ids=lambda module: module.__name__)
def test_examples_run(module):
    assert doctest.testmod(module).failed == 0
