"""What a linear model could explain, from fewer rows than features: the published regime, with error bars.

An estimate promises no error rate; what its page says of bias, scatter and intervals is measured here.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special, stats

from assay.feasibility import explained_variance, linear_classification_error, moments

TRUE = 0.6


def draw(rng, n, d, eigenvalues=1.0, mean=0.0):
    X = (rng.standard_normal((n, d)) * np.sqrt(eigenvalues)).astype(np.float32)
    beta = rng.standard_normal(d)
    beta *= np.sqrt(TRUE / (beta @ (eigenvalues * beta)))
    y = X @ beta + np.sqrt(1 - TRUE) * rng.standard_normal(n)
    return X + np.float32(mean), y + mean


def runs(count, n, d, *, eigenvalues=1.0, mean=0.0, **more):
    found = [
        explained_variance(*draw(np.random.default_rng(seed), n, d, eigenvalues, mean), **more) for seed in range(count)
    ]
    return np.array([each.signal for each in found]), np.array([each.standard_error for each in found]), found


def test_uncorrelated_features():
    """200 rows of 800 features: right on average, scattered as the formula says, covered by two standard errors."""
    signal, error, _ = runs(150, 200, 800, mean=2.0)
    theory = np.sqrt(2 * 800 / 200**2 + 4 * TRUE / 200)
    assert abs(signal.mean() - TRUE) < 4 * theory / np.sqrt(150)
    assert signal.std() == pytest.approx(theory, rel=0.2)
    assert error.mean() > signal.std()
    assert np.mean(np.abs(signal - TRUE) <= 2 * error) > 0.92


@pytest.mark.slow
def test_centering_alone_is_caught(monkeypatch):
    """Means taken off, and the diagonal left out: off by d / n^2, which is more than the truth here."""
    monkeypatch.setattr(moments, "u_centered", lambda products: products)
    signal, _, _ = runs(80, 60, 3000)
    assert abs(signal.mean() - TRUE) > 0.4
    monkeypatch.undo()
    signal, _, _ = runs(80, 60, 3000)
    assert abs(signal.mean() - TRUE) < 0.4


def test_whitening_by_unlabelled_rows_leaves_no_bias():
    eigenvalues = np.geomspace(0.01, 1, 60)
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X, y = draw(rng, 100, 60, eigenvalues)
        pool = rng.standard_normal((600, 60)) * np.sqrt(eigenvalues)
        found.append(explained_variance(X, y, covariance="whiten", pool=pool).signal)
    assert np.mean(found) == pytest.approx(TRUE, abs=4 * np.std(found) / np.sqrt(60))
    assert np.std(found) < 0.35


@pytest.mark.slow
@pytest.mark.parametrize(
    ("low", "degree", "published", "biased"), [(0.5, 1, 0.321, True), (0.5, 2, 0.146, False), (0.1, 2, 0.139, False)]
)
def test_published_errors_with_an_unknown_covariance(low, degree, published, biased):
    """500 rows of 1,000 features, eigenvalues spread evenly from ``low`` to 1."""
    signal, error, found = runs(
        12, 500, 1000, eigenvalues=np.linspace(low, 1, 1000), covariance="unknown", spectrum=(low, 1.0), degree=degree
    )
    root = np.sqrt(np.mean(np.square(signal - TRUE)))
    assert root == pytest.approx(published, rel=0.45)
    bias = np.array([each.bias for each in found])
    assert np.mean(np.abs(signal - TRUE) <= 2 * error + bias) >= 0.9
    assert (abs(signal.mean() - TRUE) > 0.2) == biased


def test_the_degree_is_chosen_between_bias_and_noise():
    X, y = draw(np.random.default_rng(0), 400, 800, np.linspace(0.5, 1, 800))
    assert explained_variance(X, y, covariance="unknown", spectrum=(0.5, 1.0)).degree == 2


def labels(rng, n, d, strength=2.0):
    X = rng.standard_normal((n, d)).astype(np.float32)
    score = X @ (strength * stats.norm.rvs(size=d, random_state=rng) / np.sqrt(d))
    return X, rng.random(n) < special.expit(score)


def test_the_error_of_a_linear_rule():
    """500 rows of 1,000 features; the truth is .222, and 1/2 - q/2 in its place is caught."""
    truth = 2 * integrate.quad(lambda z: special.expit(-2 * z) * stats.norm.pdf(z), 0, 12)[0]
    found = [linear_classification_error(*labels(np.random.default_rng(seed), 500, 1000)) for seed in range(30)]
    estimates = np.array([each.estimate for each in found])
    assert np.median(estimates) == pytest.approx(truth, abs=0.03)
    assert np.mean([each.interval[0] <= truth <= each.interval[1] for each in found]) > 0.9


def test_half_of_the_signal_in_its_place_is_caught():
    """Labels with hardly any noise: 1/2 - q/2 stays near .1."""
    truth = 2 * integrate.quad(lambda z: special.expit(-12 * z) * stats.norm.pdf(z), 0, 12)[0]
    found = [linear_classification_error(*labels(np.random.default_rng(seed), 500, 1000, 12.0)) for seed in range(20)]
    naive = 0.5 - np.sqrt(np.clip([each.signal for each in found], 0, 1)) / 2
    assert np.median(naive) - truth > 0.05
    assert abs(np.median([each.estimate for each in found]) - truth) < 0.04


@pytest.mark.slow
def test_a_hundred_thousand_features():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((1000, 100_000), dtype=np.float32)
    y = X @ (rng.standard_normal(100_000).astype(np.float32) * np.float32(np.sqrt(TRUE / 100_000)))
    y += np.sqrt(1 - TRUE) * rng.standard_normal(1000)
    found = explained_variance(X, y)
    assert abs(found.signal - TRUE) < 2.5 * found.standard_error
    # The jackknife is too large by the root of 2 where noise is all there is.
    assert found.standard_error == pytest.approx(np.sqrt(2 * 2e5) / 1000, rel=0.15)
