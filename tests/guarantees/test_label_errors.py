"""Realised errors and power of flags on labels, and of their audit; mutants that are caught."""

from __future__ import annotations

import numpy as np
import pytest

from assay.debugging import label_errors, out_of_sample_probabilities
from assay.stats import conformal, hypergeometric, multiplicity
from assay.testing.coverage import assert_error_below, assert_power_above

FDR, ALPHA = 0.2, 0.1


def law(rng, n=400, noise=0.15):
    truth = rng.integers(0, 2, n)
    x = truth * 2.5 + rng.standard_normal(n)
    wrong = rng.random(n) < noise
    right = np.flatnonzero(~wrong)
    clean = np.zeros(n, dtype=bool)
    clean[rng.choice(right, 150, replace=False)] = True
    return x, np.where(wrong, 1 - truth, truth), wrong, clean


def shares(rng, fitted=False):
    """False discoveries and discoveries of wrong labels, as shares."""
    x, y, wrong, clean = law(rng)
    if fitted:
        p = out_of_sample_probabilities(x[:, None], y, seed=int(rng.integers(1 << 30)))
    else:
        sure = 1 / (1 + np.exp(-(2.5 * x - 2.5**2 / 2)))
        p = np.column_stack([1 - sure, sure])
    flagged = label_errors(y, p, clean=clean, fdr=FDR).flagged
    return (flagged & ~wrong).sum() / max(1, flagged.sum()), (flagged & wrong).sum() / wrong.sum()


def a_false_one(rng):
    """A coin whose chance is the share of false discoveries: its rate is the false discovery rate."""
    return rng.random() < shares(rng)[0]


def test_false_discovery_rate_of_flagged_labels():
    assert_error_below(a_false_one, FDR, runs=600, seed=1)


@pytest.mark.slow
def test_false_discovery_rate_with_cross_validated_models():
    assert_error_below(lambda rng: rng.random() < shares(rng, fitted=True)[0], FDR, runs=60, seed=2)


def test_power_to_find_wrong_labels():
    assert_power_above(lambda rng: rng.random() < shares(rng)[1], 0.3, runs=400, seed=3)


def test_p_values_without_a_correction_are_caught(monkeypatch):
    monkeypatch.setattr(multiplicity, "benjamini_hochberg", lambda p_values: p_values)
    with pytest.raises(AssertionError, match="erred in"):
        assert_error_below(a_false_one, FDR, runs=200, seed=1)


def test_clean_rows_that_are_surer_than_others_are_caught(monkeypatch):
    taken = conformal.p_values
    monkeypatch.setattr(conformal, "p_values", lambda known, asked: taken(np.minimum(known, -0.9), asked))
    with pytest.raises(AssertionError, match="erred in"):
        assert_error_below(a_false_one, FDR, runs=200, seed=1)


def audited(rng, share, precision=0.7):
    y = np.arange(200) % 2
    wrong = rng.random(200) < share
    found = label_errors(y, 0.1 + 0.8 * np.eye(2)[1 - y], filter_by="predicted_neq_given")
    seed = int(rng.integers(1 << 30))
    answers = {int(row): bool(wrong[row]) for row in found.sample(60, seed=seed)}
    return found.audit(answers, precision=precision, alpha=ALPHA, seed=seed), wrong.mean()


def below(rng):
    verdict, true = audited(rng, 0.6)
    return verdict.evidence.lower > true


def above(rng):
    verdict, true = audited(rng, 0.6)
    return verdict.evidence.upper < true


@pytest.mark.parametrize("misses", [below, above])
def test_limits_of_an_audit_hold_for_the_flags_at_hand(misses):
    assert_error_below(misses, ALPHA, runs=400, seed=4)


def test_power_of_an_audit():
    assert_power_above(lambda rng: audited(rng, 0.9)[0].passed, 0.9, runs=100, seed=5)
    assert_power_above(lambda rng: audited(rng, 0.4)[0].failed, 0.9, runs=100, seed=6)


def test_an_audit_at_its_face_value_is_caught(monkeypatch):
    monkeypatch.setattr(hypergeometric, "lower", lambda k, n, rows, alpha: k * rows // n)
    with pytest.raises(AssertionError, match="erred in"):
        assert_error_below(below, ALPHA, runs=100, seed=4)
