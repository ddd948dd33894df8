from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from assay.errors import UsageError
from assay.feasibility import cover_hart, cover_hart_error, inequalities
from assay.feasibility.inequalities import vote_lower


@pytest.mark.parametrize(
    ("error", "classes", "expected"), [(0.18, 2, 0.1), (0.32, 2, 0.2), (0.0, 5, 0.0), (0.5, 2, 0.5), (0.9, 2, 0.5)]
)
def test_known_values(error, classes, expected):
    assert cover_hart(error, classes) == pytest.approx(expected)


def test_the_figure_of_snoopy_on_reviews():
    assert cover_hart(6711 / 25000, 2) == pytest.approx(0.159735, abs=5e-7)


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
def test_one_is_the_inverse_of_the_other(classes):
    bayes = np.linspace(0, (classes - 1) / classes, 50)
    assert cover_hart(cover_hart_error(bayes, classes), classes) == pytest.approx(bayes, abs=1e-7)
    assert math.isclose(cover_hart(1e-12, classes), 5e-13, rel_tol=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_no_law_breaks_it(classes):
    """Class probabilities drawn at random, at 20 places: the error in the limit, and the Bayes error."""
    rng = np.random.default_rng(classes)
    for sharpness in (0.1, 1.0, 10.0):
        eta = rng.dirichlet(np.full(classes, sharpness), size=(2000, 20))
        bayes = 1 - eta.max(axis=-1).mean(axis=-1)
        limit = 1 - np.square(eta).sum(axis=-1).mean(axis=-1)
        assert np.all(cover_hart(limit, classes) <= bayes + 1e-12)
        assert np.all(bayes <= limit)


def vote_limit(k, e):
    return e + (1 - 2 * e) * stats.binom.sf(k // 2, k, e)


@pytest.mark.parametrize("k", [1, 3, 5, 25])
def test_no_law_of_two_classes_breaks_the_vote(k):
    rng = np.random.default_rng(k)
    for sharpness in (0.2, 1.0, 5.0):
        e = rng.beta(sharpness, sharpness, size=(2000, 10))
        e = np.minimum(e, 1 - e)
        lower = vote_lower(vote_limit(k, e).mean(axis=1), 2, k)
        assert np.all(lower <= e.mean(axis=1) + 1e-9)


def touching(k):
    """Where the least concave function leaves its straight part, which begins at no error."""
    return optimize.minimize_scalar(lambda e: -vote_limit(k, e) / e, bounds=(0.001, 0.499), method="bounded").x


@pytest.mark.parametrize("k", [3, 7, 51])
def test_the_vote_is_tight(k):
    """The worst law has one error everywhere, or, where errors are few, places without error beside those with many."""
    worst = touching(k)
    for e in (worst + 0.01, (worst + 0.5) / 2):
        assert vote_lower(vote_limit(k, e), 2, k) == pytest.approx(e, abs=1e-5)
    for share in (0.1, 0.7):
        assert vote_lower(share * vote_limit(k, worst), 2, k) == pytest.approx(share * worst, abs=1e-5)


def test_more_neighbors_say_more():
    lowers = [vote_lower(0.2, 2, k) for k in (1, 2, 3, 9, 51, 501)]
    assert lowers[0] == lowers[1] == cover_hart(0.2, 2)
    assert lowers[1:] == sorted(lowers[1:])
    assert lowers[-1] == pytest.approx(0.2, abs=0.005)
    assert vote_lower(0.2, 5, 9) == cover_hart(0.2, 5)


def test_two_gaussians():
    """Published figures: means two standard deviations apart, Bayes error .1587, one neighbor tends to .2248."""

    def one(x):
        eta = 1 / (1 + math.exp(-2 * x))
        return 2 * eta * (1 - eta) * (stats.norm.pdf(x - 1) + stats.norm.pdf(x + 1)) / 2

    limit = integrate.quad(one, -12, 12)[0]
    assert limit == pytest.approx(0.2248, abs=5e-5)
    assert cover_hart(limit, 2) == pytest.approx(0.1290, abs=1e-4)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: cover_hart(-0.1, 2), "error must lie in"),
        (lambda: cover_hart(math.nan, 2), "error must lie in"),
        (lambda: cover_hart(0.1, 1), "classes must be"),
        (lambda: cover_hart_error(1.1, 2), "bayes_error must lie in"),
        (lambda: vote_lower(0.1, 2, 0), "k must be"),
    ],
)
def test_bad_input_is_named(call, told):
    with pytest.raises(UsageError, match=told):
        call()


def test_examples_run():
    assert doctest.testmod(inequalities).failed == 0
