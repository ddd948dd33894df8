"""Realised error and power of certified leakage, and mutants that are caught."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from assay.errors import DataError, UsageError
from assay.feasibility import leakage, leakage_bound
from assay.testing.coverage import assert_error_below, assert_power_above

ALPHA = 0.1


@pytest.fixture(autouse=True)
def few_attacks(monkeypatch):
    """Nearest neighbors and a linear rule: boosting takes most of the time and none of the proof."""
    monkeypatch.setattr(leakage_bound, "MAX_VALUES", 0)


def nothing(rng, n=200):
    return rng.standard_normal((n, 2)), rng.integers(0, 2, size=n)


def leaks(rng, n=1000):
    secrets = rng.integers(0, 2, size=n)
    return secrets + rng.standard_normal(n), secrets


def false_fail(rng):
    return leakage(*nothing(rng), alpha=ALPHA, seed=int(rng.integers(1 << 30))).failed


def test_a_secret_that_does_not_show_is_not_said_to_leak():
    assert_error_below(false_fail, ALPHA, runs=120, seed=1)


def test_the_limit_covers_the_security():
    """Two Gaussians one apart: the best attack errs on .3085, a guess on .5."""

    def below(rng):
        found = leakage(*leaks(rng, 400), alpha=ALPHA, seed=int(rng.integers(1 << 30)))
        return found.evidence.upper < 0.3085 / 0.5

    assert_error_below(below, ALPHA, runs=120, seed=2)


def test_an_attack_at_its_face_value_is_caught(monkeypatch):
    monkeypatch.setattr(leakage_bound, "certified_uppers", lambda wrong, alpha, units=None: wrong.mean(axis=0))
    with pytest.raises(AssertionError, match="erred in"):
        assert_error_below(false_fail, ALPHA, runs=60, seed=1)


def test_power_to_show_a_leak():
    assert_power_above(lambda rng: leakage(*leaks(rng)).failed, 0.8, runs=40, seed=3)


def channel(rng, n, keep):
    """Four pages, sent as they are with probability ``keep``, and by lot otherwise: R / G = 1 - keep."""
    pages = rng.integers(0, 4, size=n)
    return np.where(rng.random(n) < keep, pages, rng.integers(0, 4, size=n)), pages


def test_few_outputs_certify_security():
    def run(rng):
        return leakage(*channel(rng, 6000, 0.05), security=0.8, outputs=4).passed

    assert_power_above(run, 0.7, runs=25, seed=4)


def test_few_outputs_cover_the_security():
    def outside(rng):
        found = leakage(*channel(rng, 1000, 0.4), security=0.6, outputs=4, alpha=ALPHA, seed=int(rng.integers(1 << 30)))
        return not found.evidence.lower <= 0.6 <= found.evidence.upper

    assert_error_below(outside, 2 * ALPHA, runs=100, seed=5)


def test_few_outputs_without_their_price_are_caught(monkeypatch):
    monkeypatch.setattr(leakage_bound.math, "sqrt", lambda value: 0.0)

    def mutant(rng):
        found = leakage(*channel(rng, 300, 0.4), security=0.6, outputs=4, seed=int(rng.integers(1 << 30)))
        return found.evidence.lower > 0.6

    with pytest.raises(AssertionError, match="erred in"):
        assert_error_below(mutant, 0.01, runs=60, seed=6)


def test_what_a_leak_is_told_with():
    verdict = leakage(*leaks(np.random.default_rng(0), 4000))
    assert verdict.failed
    assert verdict.guarantee.kind == "exact"
    assert verdict.code == "FEA103"
    assert verdict.evidence.estimate == pytest.approx(0.617, abs=0.06)
    assert 0 < verdict.evidence.statistic["certified_bits"] < 1
    assert 0 < verdict.evidence.statistic["nearest_neighbor_security"] < verdict.evidence.upper


def test_pass_needs_few_outputs():
    rng = np.random.default_rng(1)
    assert leakage(*nothing(rng, 2000), security=0.5).inconclusive


def test_copies_of_one_unit_are_no_independent_witnesses():
    rng = np.random.default_rng(2)
    X, y = nothing(rng, 40)
    person = np.repeat(np.arange(40), 20)
    rows = np.repeat(X, 20, axis=0) + 1e-3 * rng.standard_normal((800, 2))
    told = leakage({"a": rows[:, 0], "b": rows[:, 1]}, np.repeat(y, 20), unit=person)
    assert told.inconclusive
    assert told.evidence.units == 20


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda X, y: leakage(X, y, security=0), UsageError, "security must lie"),
        (lambda X, y: leakage(X, y, alpha=1), UsageError, "alpha must lie"),
        (lambda X, y: leakage(X, y, outputs=0), UsageError, "outputs must be"),
        (lambda X, y: leakage(X, y, outputs=3), DataError, "more than the outputs=3 declared"),
        (lambda X, y: leakage(X, y[:5]), DataError, "has 200 rows"),
        (lambda X, y: leakage(X, y * 0), DataError, "one class"),
        (lambda X, y: leakage(X, X[:, 0]), UsageError, "distinct values"),
    ],
)
def test_bad_input_is_named(call, error, told):
    with pytest.raises(error, match=told):
        call(*nothing(np.random.default_rng(3)))


def test_examples_run(monkeypatch):
    monkeypatch.undo()
    assert doctest.testmod(leakage_bound).failed == 0
