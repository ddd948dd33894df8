from __future__ import annotations

import doctest
from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
from scipy import integrate, special, stats

from assay.errors import DataError, UsageError
from assay.feasibility import explained_variance, learnability, linear_classification_error, moments


def test_moments_are_means_over_chains_of_rows():
    """All orders of all subsets by hand, against the average over random orders."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((7, 3)), rng.standard_normal(7)
    products = X @ X.T
    np.fill_diagonal(products, 0)

    def chains(k):
        values = []
        for subset in combinations(range(7), k):
            for order in permutations(subset):
                links = [products[a, b] for a, b in pairwise(order)]
                values.append(y[order[0]] * np.prod(links) * y[order[-1]])
        return np.mean(values)

    found = np.mean([moments.moments(products, y, 3, rng) for _ in range(3000)], axis=0)
    found[0] *= (7 - 3) / (7 - 1)  # these products are not U-centered
    assert found == pytest.approx([chains(2), chains(3), chains(4)], rel=0.1)


def test_the_first_moment_does_not_see_means():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((60, 200)), rng.standard_normal(60)
    plain = explained_variance(X, y)
    moved = explained_variance(X + 50 * rng.standard_normal(200), 3 - 2 * y)
    assert moved.signal == pytest.approx(plain.signal, abs=1e-4)
    scaled = explained_variance(7 * X, y)
    assert scaled.signal == pytest.approx(plain.signal, abs=1e-5)


def test_the_first_moment_is_the_unbiased_product_of_kernels():
    """The formula of Song et al. (2012) for linear kernels."""
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((40, 90)), rng.standard_normal(40)
    K, L, n = X @ X.T, np.outer(y, y), 40
    np.fill_diagonal(K, 0)
    np.fill_diagonal(L, 0)
    one = np.trace(K @ L) + K.sum() * L.sum() / ((n - 1) * (n - 2)) - 2 * (K @ L).sum() / (n - 2)
    products, _ = moments.gram(X)
    found = moments.moments(products, y - y.mean(), 1, rng)[0]
    assert found == pytest.approx(one / (n * (n - 3)), rel=1e-5)


def test_blocks_of_columns_add_up(monkeypatch):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((30, 100)) + 4
    whole, scale = moments.gram(X)
    monkeypatch.setattr(moments, "COLUMNS", 7)
    parts, other = moments.gram(X)
    assert parts == pytest.approx(whole, abs=1e-4)
    assert other == pytest.approx(scale) == pytest.approx(X.var(axis=0, ddof=1).mean())
    assert whole.sum(axis=1) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("low", "gaps"), [(0.5, [0.4, 0.08, 0.014, 0.002]), (0.1, [0.414, 0.179, 0.099, 0.06])])
def test_published_gaps_of_the_powers(low, gaps):
    for degree, gap in enumerate(gaps, 1):
        weights, found = moments.powers(low, degree)
        assert len(weights) == degree
        # The published figures are of fits as close as can be, or twice as far at most.
        assert gap * 0.45 < found < gap * 2.1


def test_the_logistic_law_gives_its_error_back():
    for strength in (0.5, 2.0, 8.0):
        q = integrate.quad(lambda z, t=strength: z * (2 * special.expit(t * z) - 1) * stats.norm.pdf(z), -12, 12)[0]
        error = 2 * integrate.quad(lambda z, t=strength: special.expit(-t * z) * stats.norm.pdf(z), 0, 12)[0]
        assert learnability._logistic_error(0.5, q) == pytest.approx(error, abs=1e-4)
    assert learnability._logistic_error(0.5, 2 * stats.norm.pdf(0)) == pytest.approx(0, abs=0.003)
    assert learnability._logistic_error(0.3, 0.0) == 0.3


def test_the_logistic_law_with_an_offset():
    t, b = 1.5, 1.0
    share = integrate.quad(lambda z: special.expit(t * z + b) * stats.norm.pdf(z), -12, 12)[0]
    q = integrate.quad(lambda z: z * (2 * special.expit(t * z + b) - 1) * stats.norm.pdf(z), -12, 12)[0]
    right = integrate.quad(lambda z: special.expit(-abs(t * z + b)) * stats.norm.pdf(z), -12, 12)[0]
    assert learnability._logistic_error(share, q) == pytest.approx(right, abs=1e-4)


def test_names_of_classes_do_not_matter():
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((100, 50)), rng.integers(0, 2, size=100)
    X[:, 0] += y
    assert linear_classification_error(X, y) == linear_classification_error(X, np.array(["no", "yes"])[y])
    assert linear_classification_error(X, y).guarantee.kind == "estimate"


GOOD = np.random.default_rng(5).standard_normal((30, 4))


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: explained_variance(GOOD, np.zeros(30)), DataError, "y has one value, 0"),
        (lambda: explained_variance(GOOD, GOOD[:29, 0]), DataError, "one value for each of the 30 rows"),
        (lambda: explained_variance(GOOD[:5], GOOD[:5, 0]), DataError, "give 20 rows or more"),
        (lambda: explained_variance(GOOD * np.nan, GOOD[:, 0]), DataError, "row 0 of X"),
        (lambda: explained_variance(GOOD * 0, GOOD[:, 0]), DataError, "same values in all rows"),
        (lambda: explained_variance(GOOD, GOOD[:, 0], covariance="none"), UsageError, "covariance must be"),
        (lambda: explained_variance(GOOD, GOOD[:, 0], covariance="unknown"), UsageError, "needs spectrum"),
        (lambda: explained_variance(GOOD, GOOD[:, 0], covariance="whiten"), UsageError, "needs pool="),
        (
            lambda: explained_variance(GOOD, GOOD[:, 0], covariance="whiten", pool=GOOD[:9]),
            DataError,
            "pool has 9 rows",
        ),
        (
            lambda: explained_variance(GOOD, GOOD[:, 0], covariance="whiten", pool=GOOD[:, [0, 0, 1, 2]]),
            DataError,
            "depend on each other",
        ),
        (
            lambda: explained_variance(GOOD, GOOD[:, 0], covariance="unknown", spectrum=(2, 1)),
            UsageError,
            "spectrum must be",
        ),
        (
            lambda: explained_variance(GOOD, GOOD[:, 0], covariance="unknown", spectrum=(1, 2), degree=9),
            UsageError,
            "degree must be",
        ),
        (lambda: linear_classification_error(GOOD, np.arange(30) % 3), DataError, "y has 3 classes"),
    ],
)
def test_bad_input_is_named(call, error, told):
    with pytest.raises(error, match=told):
        call()


def test_examples_run():
    assert doctest.testmod(learnability).failed == 0
