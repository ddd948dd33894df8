"""Realised coverage and power of the certified limit on the Bayes error, and mutants that are caught."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.tree import DecisionTreeClassifier

from assay.feasibility import bayes_error, upper_limit
from assay.stats import binomial
from assay.testing.coverage import assert_error_below, assert_power_above

ALPHA = 0.1
# Coin flips: every classifier errs on half of the rows, and so does the best.
STUMPS = {
    f"stump {number}": DecisionTreeClassifier(max_depth=1, random_state=number, splitter="random", max_features=1)
    for number in range(8)
}


def coin(rng, n=160):
    return rng.normal(size=(n, 8)), rng.integers(0, 2, size=n)


def below_truth(rng):
    X, y = coin(rng)
    verdict = upper_limit(X, y, target=0.6, alpha=ALPHA, candidates=STUMPS, seed=int(rng.integers(1 << 30)))
    return verdict.evidence.upper < 0.5


def test_the_limit_covers_the_bayes_error():
    assert_error_below(below_truth, ALPHA, runs=150, seed=1)


def test_without_bonferroni_it_is_caught(monkeypatch):
    exact = binomial.upper
    monkeypatch.setattr(bayes_error.binomial, "upper", lambda k, n, share: exact(k, n, share * len(STUMPS)))
    with pytest.raises(AssertionError):
        assert_error_below(below_truth, ALPHA, runs=150, seed=1)


def test_judging_on_the_training_rows_is_caught():
    def mutant(rng):
        X, y = coin(rng)
        tree = {"tree": DecisionTreeClassifier()}
        return upper_limit(X, y, target=0.6, alpha=ALPHA, candidates=tree, test=(X, y)).evidence.upper < 0.5

    with pytest.raises(AssertionError):
        assert_error_below(mutant, ALPHA, runs=60, seed=2)


def days_of_noise(rng):
    """A majority class whose share varies by day: the rows of one day are no independent witnesses."""
    days = np.repeat(np.arange(60), 30)
    y = rng.random(1800) < np.repeat(rng.beta(1.2, 1.8, size=60), 30)
    return np.zeros((1800, 1)), y.astype(int), days


def test_units_keep_the_promise():
    def run(rng):
        X, y, days = days_of_noise(rng)
        one = {"most common class": DummyClassifier(strategy="most_frequent")}
        verdict = upper_limit(X, y, target=0.5, alpha=ALPHA, unit=days, candidates=one, seed=int(rng.integers(1 << 30)))
        return verdict.evidence.upper < 0.4

    assert_error_below(run, ALPHA, runs=100, seed=3)


def test_counting_rows_of_one_day_as_independent_is_caught():
    def mutant(rng):
        X, y, _ = days_of_noise(rng)
        one = {"most common class": DummyClassifier(strategy="most_frequent")}
        verdict = upper_limit(X, y, target=0.5, alpha=ALPHA, candidates=one, seed=int(rng.integers(1 << 30)))
        return verdict.evidence.upper < 0.4

    with pytest.raises(AssertionError):
        assert_error_below(mutant, ALPHA, runs=100, seed=3)


def test_power_when_the_target_is_within_reach():
    """Two Gaussians at distance 2 have a Bayes error of .159; a target of .80 is certified from 2,500 rows."""

    def run(rng):
        y = rng.integers(0, 2, size=2500)
        X = rng.normal(size=(2500, 3))
        X[:, 0] += 2 * y
        return upper_limit(X, y, target=0.8, candidates={"logistic": bayes_error.LogisticRegression()}).passed

    assert_power_above(run, 0.8, runs=60, seed=4)
