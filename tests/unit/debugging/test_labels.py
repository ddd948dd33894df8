"""Confident learning, its audit and the probabilities that it needs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.debugging import label_errors, out_of_sample_probabilities
from assay.errors import DataError, UsageError
from assay.stats import hypergeometric

# What cleanlab 2.9.0 flags, and its first four scores.
FLAGGED = {
    "prune_by_noise_rate": [4, 6, 20, 22, 23, 24, 25, 36, 42, 50, 68, 78, 81, 85, 86, 88, 97, 99, 104, 111, 112, 114],
    "prune_by_class": [4, 6, 20, 22, 23, 24, 25, 36, 42, 50, 68, 78, 81, 85, 86, 88, 97, 99, 104, 111, 112, 114],
    "both": [4, 6, 20, 22, 23, 24, 25, 36, 42, 50, 68, 78, 81, 85, 86, 88, 97, 99, 104, 111, 112, 114],
    "confident_learning": [4, 6, 20, 22, 23, 24, 25, 36, 50, 68, 78, 81, 85, 86, 88, 97, 99, 104, 111, 112, 114],
    "predicted_neq_given": [
        4,
        6,
        16,
        20,
        22,
        23,
        24,
        25,
        36,
        42,
        50,
        68,
        78,
        81,
        85,
        86,
        88,
        97,
        99,
        104,
        111,
        112,
        114,
    ],
    "low_normalized_margin": [4, 6, 20, 22, 23, 24, 25, 36, 42, 50, 78, 81, 85, 86, 88, 97, 99, 104, 111, 112, 114],
    "low_self_confidence": [4, 6, 20, 22, 23, 24, 25, 36, 42, 50, 68, 78, 81, 85, 86, 88, 99, 104, 111, 112, 114],
}
SCORED = {
    "self_confidence": [0.700573066, 0.660181582, 0.697547684, 0.736842105],
    "normalized_margin": [0.763610315, 0.742542153, 0.71866485, 0.796052632],
    "confidence_weighted_entropy": [0.682198151, 0.655664669, 0.701105503, 0.705862876],
}


def rows():
    """Three classes, 120 rows; probabilities in thousandths, none of them 0."""
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 3, 120)
    weights = rng.integers(1, 200, (120, 3)) + 400 * np.eye(3, dtype=int)[truth]
    y = np.where(rng.random(120) < 0.15, (truth + 1 + rng.integers(0, 2, 120)) % 3, truth)
    return y, weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("filter_by", FLAGGED)
def test_the_flags_are_those_of_cleanlab(filter_by):
    found = label_errors(*rows(), filter_by=filter_by)
    assert np.flatnonzero(found.flagged).tolist() == FLAGGED[filter_by]
    assert found.guarantee.kind == "estimate"


@pytest.mark.parametrize("rank_by", SCORED)
def test_the_scores_are_those_of_cleanlab(rank_by):
    found = label_errors(*rows(), rank_by=rank_by)
    np.testing.assert_allclose(found.scores[:4], SCORED[rank_by], atol=1e-8)
    assert (np.diff(found.scores[found.ranking]) >= 0).all()


def test_a_sure_label_is_not_the_worst_by_entropy():
    """cleanlab 2.9.0 gives a label of probability 1 the score 0."""
    found = label_errors([0, 1, 1], [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]], rank_by="confidence_weighted_entropy")
    assert found.ranking[0] == 2
    assert found.scores[0] > 0.999


def test_names_of_labels_and_order_of_rows_do_not_matter():
    y, p = rows()
    plain = label_errors(y, p)
    named = label_errors(np.array(["a", "b", "c"])[y], p)
    assert (plain.flagged == named.flagged).all()
    assert set(named.suggested) <= {"a", "b", "c"}
    order = np.random.default_rng(0).permutation(y.size)
    assert (label_errors(y[order], p[order]).flagged == plain.flagged[order]).all()


def test_the_joint_has_the_shares_of_the_labels():
    y, p = rows()
    found = label_errors(y, p)
    np.testing.assert_allclose(found.joint.sum(axis=1), np.bincount(y) / y.size)
    assert 0.1 < found.noise < 0.25


def test_a_class_without_a_row_is_no_truth():
    found = label_errors([0, 0, 1, 1], [[0.9, 0.1, 0], [0.2, 0.2, 0.6], [0, 1, 0], [0.1, 0.8, 0.1]], classes=[0, 1, 2])
    assert found.joint[2].sum() == 0
    assert found.joint[:, 2].sum() == 0


@pytest.mark.parametrize(
    ("y", "p", "options", "message"),
    [
        ([0, 1], [[0.5, 0.5]], {}, r"shape \(2, classes\), got \(1, 2\)"),
        ([0, None], [[0.5, 0.5]] * 2, {}, "row 1 of y has no label"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.7]], {}, "row 1 has"),
        ([0, 1], [[0.5, 0.5], [float("nan"), 1.0]], {}, "row 1 has"),
        ([0, 1], [["a", "b"]] * 2, {}, "must be numbers"),
        ([0, 0], [[1.0], [1.0]], {}, "one class"),
        ([0, 1], [[0.2, 0.3, 0.5]] * 2, {}, "3 columns for 2 classes in y: name the columns with classes"),
        ([0, 5], [[0.5, 0.5]] * 2, {"classes": [0, 1]}, "row 1 of y has the label"),
        ([0, 1], [[0.5, 0.5]] * 2, {"classes": [0, 0]}, "must differ"),
        ([0, 1], [[0.5, 0.5]] * 2, {"filter_by": "best"}, "filter_by must be one of"),
        ([0, 1], [[0.5, 0.5]] * 2, {"rank_by": "best"}, "rank_by must be one of"),
        ([0, 1], [[0.5, 0.5]] * 2, {"clean": [1, 0]}, "truth value"),
        ([0, 1], [[0.5, 0.5]] * 2, {"clean": [True, True]}, "false for those"),
        ([0, 1], [[0.5, 0.5]] * 2, {"clean": [True, False], "fdr": 0}, "fdr must lie"),
        ([0, 1], [[0.5, 0.5]] * 2, {"clean": [True, False], "filter_by": "both"}, "leave one out"),
        ([], np.zeros((0, 2)), {}, "at least one row"),
    ],
)
def test_what_does_not_fit_is_named(y, p, options, message):
    with pytest.raises((DataError, UsageError), match=message):
        label_errors(y, p, **options)


def test_audit_of_all_flags_is_the_share_itself():
    found = label_errors(*rows())
    flags = found.sample(1000)
    verdict = found.audit({int(row): at % 2 == 0 for at, row in enumerate(flags)}, precision=0.5)
    assert verdict.passed
    assert verdict.evidence.lower == verdict.evidence.upper == 0.5


def test_a_larger_sample_begins_with_the_smaller_one():
    found = label_errors(*rows())
    assert found.sample(8)[:3].tolist() == found.sample(3).tolist()


def test_audit_decides_either_way_or_says_what_would():
    found = label_errors(*rows())
    sample = [int(row) for row in found.sample(12)]
    assert found.audit(dict.fromkeys(sample, True), precision=0.6).passed
    assert found.audit(dict.fromkeys(sample, False), precision=0.6).failed
    open_ = found.audit({row: at % 2 == 0 for at, row in enumerate(sample)}, precision=0.5)
    assert open_.inconclusive
    assert "22 of the 22" in str(open_.actions[0])


def test_answers_for_other_rows_are_refused():
    found = label_errors(*rows())
    sample = [int(row) for row in found.sample(5)]
    with pytest.raises(DataError, match="has an answer, and is not among the 5"):
        found.audit(dict.fromkeys([0, *sample[1:]], True))
    with pytest.raises(DataError, match="no row was looked at"):
        found.audit({})
    for options in ({"precision": 0}, {"alpha": 1}):
        with pytest.raises(UsageError):
            found.audit(dict.fromkeys(sample, True), **options)


def test_the_limit_of_a_finite_set_by_brute_force():
    for rows_ in (6, 11):
        for n in (1, 4, rows_):
            for k in range(n + 1):
                least = next(
                    d
                    for d in range(k, k + rows_ - n + 1)
                    if hypergeometric.p_value_greater(k, n, d, rows_) > 0.1
                )  # fmt: skip
                assert hypergeometric.lower(k, n, rows_, 0.1) == least


def test_no_unit_is_on_both_sides():
    """A label that only the unit tells cannot be told out of sample."""
    rng = np.random.default_rng(0)
    unit = np.repeat(np.arange(40), 5)
    y = rng.integers(0, 2, 40)[unit]
    X = np.eye(40)[unit]
    inside = out_of_sample_probabilities(X, y)
    apart = out_of_sample_probabilities(X, y, unit=unit)
    assert (inside.argmax(axis=1) == y).mean() > 0.95
    assert (apart.argmax(axis=1) == y).mean() < 0.7
    np.testing.assert_allclose(apart.sum(axis=1), 1)


def test_a_frame_of_mixed_columns_and_a_model_of_ones_own():
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(0)
    color = rng.choice(["red", "blue"], 200)
    frame = pd.DataFrame({"color": color, "size": rng.normal(size=200)}, index=rng.permutation(200))
    p = out_of_sample_probabilities(frame, color == "red")
    assert ((p[:, 1] > 0.5) == (color == "red")).all()
    q = out_of_sample_probabilities(frame[["size"]], color == "red", model=DecisionTreeClassifier(max_depth=1))
    assert q.shape == (200, 2)


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        (np.zeros((4, 1)), [0, 1], {}, "one label for each of the 4 rows"),
        (np.zeros((4, 1)), [0, 0, 0, 0], {}, "one class"),
        (np.zeros((4, 1)), [0, 1, 0, 1], {"folds": 9}, "from 2 to the number of rows, 4"),
        (np.zeros((4, 1)), [0, 1, 0, 1], {"folds": 3, "unit": [1, 1, 2, 2]}, "number of units, 2"),
        (np.zeros((4, 1)), [0, 1, 0, 1], {"unit": [1]}, "unit must have one entry"),
        (np.zeros((4, 1)), [0, 1, 0, 1], {"model": 3, "folds": 2}, "predict_proba"),
        (np.full((4, 1), np.nan), [0, 1, 0, 1], {"folds": 2}, "cannot be fitted"),
        (np.zeros((3, 1)), [0, 0, 1], {"folds": 3}, "use fewer folds"),
    ],
)
def test_what_cannot_be_cross_validated_is_named(X, y, options, message):
    with pytest.raises((DataError, UsageError), match=message):
        out_of_sample_probabilities(X, y, **options)
