from __future__ import annotations

import doctest

import numpy as np
import pytest

from assay.errors import UsageError
from assay.feasibility import clean_bounds, label_noise, noise_bounds


def law(rng, classes, places=12):
    """Places with class probabilities; shares of the classes and the Bayes error follow."""
    weights = rng.dirichlet(np.ones(places))
    eta = rng.dirichlet(np.full(classes, rng.choice([0.2, 1.0, 4.0])), size=places)
    return weights, eta


def matrix(rng, classes):
    """Any confusion: mild, harsh, one class alone, with a label that is wrong more often than right."""
    noise = rng.dirichlet(np.full(classes, rng.choice([0.3, 1.0])), size=classes)
    strength = rng.choice([0.2, 0.6, 1.0]) * rng.random((classes, 1))
    return (1 - strength) * np.eye(classes) + strength * noise


def least(weights, eta):
    return 1 - float(weights @ eta.max(axis=1))


def test_the_lemma_on_ten_thousand_matrices():
    rng = np.random.default_rng(0)
    negative = 0
    for _ in range(10_000):
        classes = int(rng.integers(2, 7))
        weights, eta = law(rng, classes)
        transition = matrix(rng, classes)
        prior, bayes, noisy = weights @ eta, least(weights, eta), least(weights, eta @ transition)
        low, high = noise_bounds(transition, prior, bayes)
        assert low - 1e-12 <= noisy <= high + 1e-12
        back = clean_bounds(transition, prior, noisy)
        assert back.lower - 1e-9 <= bayes <= back.upper + 1e-9
        gaps = np.diag(transition)[:, None] - transition
        negative += gaps.min() < 0
    assert 500 < negative < 9_500  # both cases of the lemma were tried


def test_without_the_sign_of_the_least_gap_it_is_caught():
    """rhobar + m R for every m: wrong where a label is written more often for another class than for its own."""
    rng = np.random.default_rng(1)
    broken = 0
    for _ in range(2000):
        weights, eta = law(rng, 4)
        transition = matrix(rng, 4)
        rate, slope, _ = label_noise._slopes(transition, weights @ eta)
        broken += least(weights, eta @ transition) < rate + slope * least(weights, eta) - 1e-12
    assert broken > 10


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0])
def test_uniform_noise_has_one_answer(classes, rho):
    rng = np.random.default_rng(2)
    weights, eta = law(rng, classes)
    transition = (1 - rho) * np.eye(classes) + rho / classes
    bayes = least(weights, eta)
    low, high = noise_bounds(transition, weights @ eta, bayes)
    expected = bayes + rho * (1 - 1 / classes - bayes)
    assert low == pytest.approx(expected, abs=1e-12)
    assert high == pytest.approx(expected, abs=1e-12)
    assert least(weights, eta @ transition) == pytest.approx(expected, abs=1e-12)


def test_bounds_are_met():
    """One class is noisy alone: each side is reached, depending on where the clean errors fall."""
    transition, prior = [[1.0, 0.0], [0.3, 0.7]], [0.5, 0.5]
    low, high = noise_bounds(transition, prior, 0.1)
    assert (low, high) == (pytest.approx(0.15 + 0.4 * 0.1), pytest.approx(0.15 + 0.1))
    # Class 1 is at places of its own, and at one shared with class 0: erring on 1 costs .4, on 0 it costs 1.
    weights, eta = np.array([0.4, 0.6]), np.array([[0.0, 1.0], [5 / 6, 1 / 6]])
    assert least(weights, eta @ np.array(transition)) == pytest.approx(low)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (([[1.0, 0.0]], [1.0], 0.0), "transition must be square"),
        (([[0.9, 0.2], [0.0, 1.0]], [0.5, 0.5], 0.0), "row 0 of transition must be probabilities"),
        (([[1.1, -0.1], [0.0, 1.0]], [0.5, 0.5], 0.0), "row 0 of transition must be probabilities"),
        ((np.eye(2), [0.5, 0.6], 0.0), "class_prior must be probabilities"),
        ((np.eye(2), [1.0], 0.0), "class_prior must have 2 entries"),
        ((np.eye(2), [0.9, 0.1], 0.2), "bayes_error must lie in"),
        ((np.eye(2), [0.5, 0.5], -0.1), "bayes_error must lie in"),
        ((np.eye(2) * np.nan, [0.5, 0.5], 0.1), "row 0 of transition must be probabilities"),
    ],
)
def test_bad_input_is_named(arguments, told):
    with pytest.raises(UsageError, match=told):
        noise_bounds(*arguments)


def test_an_error_that_no_law_has_is_refused():
    with pytest.raises(UsageError, match=r"no law has an error of 0\.05"):
        clean_bounds([[0.9, 0.1], [0.1, 0.9]], [0.5, 0.5], 0.05)
    with pytest.raises(UsageError, match="noisy_error must lie in"):
        clean_bounds(np.eye(2), [0.5, 0.5], 1.5)


def test_examples_run():
    assert doctest.testmod(label_noise).failed == 0
