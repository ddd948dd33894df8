"""A target that the most common class reaches by itself is no evidence: realised error, power, and mutants."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from assay.feasibility import majority, upper_limit
from assay.feasibility.majority import against_constants
from assay.testing.coverage import assert_error_below, assert_power_above

ALPHA = 0.1
STUMPS = {
    f"stump {number}": DecisionTreeClassifier(max_depth=1, random_state=number, splitter="random", max_features=1)
    for number in range(6)
}


def noise(rng, n=300):
    """Coin flips: every classifier is as good as a constant answer, and none is better."""
    return rng.normal(size=(n, 3)), (rng.random(n) < 0.5).astype(int)


def passed(rng):
    X, y = noise(rng)
    return upper_limit(X, y, target=0.3, alpha=ALPHA, candidates=STUMPS, seed=int(rng.integers(1 << 30))).passed


def test_noise_passes_no_more_often_than_promised():
    assert_error_below(passed, ALPHA, runs=200, seed=1)


def test_the_limit_alone_is_caught(monkeypatch):
    """What the check did before: any certified limit passes."""
    monkeypatch.setattr(
        "assay.feasibility.bayes_error._Held.learns", property(lambda self: lambda alpha: True), raising=True
    )
    with pytest.raises(AssertionError):
        assert_error_below(passed, ALPHA, runs=200, seed=1)


def rivals(rng, n=200):
    """Ten classifiers that are right as often as the most common class, on other rows."""
    truth = (rng.random(n) < 0.3).astype(np.int64)
    wrong = rng.random((n, 10)) < 0.3
    return wrong, truth


def any_rejection(rng, level=ALPHA / 10):
    wrong, truth = rivals(rng)
    return bool((against_constants(wrong, truth, 2).p_values <= level).any())


def test_the_best_of_ten_is_better_no_more_often_than_promised():
    assert_error_below(any_rejection, ALPHA, runs=1500, seed=2)


def test_without_bonferroni_it_is_caught():
    with pytest.raises(AssertionError):
        assert_error_below(lambda rng: any_rejection(rng, ALPHA), ALPHA, runs=1500, seed=2)


def test_testing_the_rarest_answer_is_caught(monkeypatch):
    class Least:
        """A mutant that takes the easiest constant answer for the hypothesis."""

        @staticmethod
        def p_value_greater(k, n, p0):
            tails = majority_tails(k, n, p0)
            return np.broadcast_to(tails.min(axis=0), tails.shape)

    majority_tails = majority.binomial.p_value_greater
    monkeypatch.setattr(majority, "binomial", Least)
    with pytest.raises(AssertionError):
        assert_error_below(any_rejection, ALPHA, runs=300, seed=2)


def days(rng):
    """The share of the common class varies by day, and the classifier copies it: as good as the constant, not better."""
    day = np.repeat(np.arange(40), 25)
    truth = (rng.random(1000) < np.repeat(rng.beta(1.0, 2.0, size=40), 25)).astype(np.int64)
    right = rng.random(1000) < np.repeat(rng.beta(2.0, 1.0, size=40), 25)
    return ~right[:, None], truth, day


@pytest.mark.parametrize("told", [False, True])
def test_units_keep_the_promise(told):
    def run(rng):
        wrong, truth, day = days(rng)
        predicted = np.where(wrong[:, 0], 1 - truth, truth)[:, None] if told else None
        return bool(against_constants(wrong, truth, 2, day, predicted).p_values[0] <= ALPHA)

    assert_error_below(run, ALPHA, runs=300, seed=3)


def test_what_is_predicted_makes_the_test_on_units_sharper():
    """A classifier that answers as the most common class but for a tenth of the rows, where it is right in four of five."""

    def run(rng):
        day = np.repeat(np.arange(40), 100)
        truth = (rng.random(4000) < np.repeat(rng.beta(3.0, 7.0, size=40), 100)).astype(np.int64)
        predicted = np.where(rng.random(4000) < np.where(truth == 1, 0.27, 0.03), 1, 0)[:, None]
        wrong = predicted != truth[:, None]
        sharp = against_constants(wrong, truth, 2, day, predicted).p_values[0]
        assert sharp < against_constants(wrong, truth, 2, day).p_values[0]
        return bool(sharp <= 0.05 / 4)

    assert_power_above(run, 0.8, runs=40, seed=5)


def test_counting_rows_of_one_day_as_independent_is_caught():
    def run(rng):
        wrong, truth, _ = days(rng)
        return bool(against_constants(wrong, truth, 2).p_values[0] <= ALPHA)

    with pytest.raises(AssertionError):
        assert_error_below(run, ALPHA, runs=300, seed=3)


def test_power_where_a_rare_class_can_be_told():
    """One row in twenty is of the rare class, half of which the features give away."""

    def run(rng):
        y = (rng.random(2000) < 0.05).astype(int)
        X = rng.normal(size=(2000, 2))
        X[:, 0] += 6 * y * (rng.random(2000) < 0.5)
        return upper_limit(X, y, target=0.8, candidates={"logistic": LogisticRegression()}).passed

    assert_power_above(run, 0.8, runs=40, seed=4)
