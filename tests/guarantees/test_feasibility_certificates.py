"""Certified limits of the Bayes error: how often they fail where it is known, what they are worth, and what breaks them."""

from __future__ import annotations

import numpy as np
import pytest

from assay.feasibility.held_out import (
    alpha_of_look,
    certified_uppers,
    leave_one_out_upper,
    lower_of_least,
)
from assay.feasibility.inequalities import cover_hart
from assay.feasibility.repeated import audit_labels, audit_votes, repeated_rows
from assay.feasibility.smoothness import smooth
from assay.stats import binomial
from assay.stats.neighbors import nearest
from assay.testing.coverage import assert_error_below, assert_power_above

ALPHA = 0.05


def errors_of_equals(rng):
    return rng.random((500, 8)) < 0.25


def test_the_least_of_many_upper_limits_holds():
    assert_error_below(
        lambda rng: certified_uppers(errors_of_equals(rng), ALPHA).min() < 0.25, ALPHA, runs=2000, seed=1
    )
    assert_power_above(lambda rng: certified_uppers(errors_of_equals(rng), ALPHA).min() < 0.3, 0.9, runs=500, seed=2)


def test_the_least_limit_without_a_correction_does_not_hold():
    def naive(rng):
        return np.asarray(binomial.upper(errors_of_equals(rng).sum(axis=0), 500, ALPHA)).min() < 0.25

    with pytest.raises(AssertionError):
        assert_error_below(naive, ALPHA, runs=300, seed=1)


def test_the_least_of_lower_limits_needs_no_correction():
    def fails(rng):
        return lower_of_least(binomial.lower(errors_of_equals(rng).sum(axis=0), 500, ALPHA)) > 0.25

    def best_of(rng):  # the highest one would need it
        return np.max(binomial.lower(errors_of_equals(rng).sum(axis=0), 500, ALPHA)) > 0.25

    assert_error_below(fails, ALPHA, runs=2000, seed=3)
    with pytest.raises(AssertionError):
        assert_error_below(best_of, ALPHA, runs=300, seed=3)


def test_looks_after_cleaning_hold_together():
    def fails(rng, level):
        return any(binomial.upper(int(rng.binomial(400, 0.2)), 400, level(look)) < 0.2 for look in range(1, 13))

    assert_error_below(lambda rng: fails(rng, lambda look: alpha_of_look(ALPHA, look)), ALPHA, runs=1000, seed=4)
    with pytest.raises(AssertionError):
        assert_error_below(lambda rng: fails(rng, lambda look: ALPHA), ALPHA, runs=200, seed=4)


def flat(rng, items, error=0.15, k=2):
    """Labels of items whose least common class has the same probability everywhere; Cover and Hart is tight there."""
    return rng.random((items, k)) < error


# Two items in three are certain, one has a fair coin: the Bayes error is 1/6, and Cover and Hart is loose.
def mixed(rng, items, k=2):
    fair = rng.random(items) < 1 / 3
    return (rng.random((items, k)) < np.where(fair, 0.5, 0.0)[:, None]) ^ (rng.random(items) < 0.5)[:, None]


@pytest.mark.parametrize(("law", "bayes"), [(flat, 0.15), (mixed, 1 / 6)])
@pytest.mark.parametrize("k", [2, 3, 9])
def test_a_second_label_certifies_what_nobody_can_reach(law, bayes, k):
    assert_error_below(lambda rng: audit_votes(law(rng, 400, k=k), 2, ALPHA) > bayes, ALPHA, runs=1000, seed=5)


@pytest.mark.parametrize("k", [2, 9])
def test_a_second_label_shows_that_a_target_is_unrealistic(k):
    assert_power_above(lambda rng: audit_votes(flat(rng, 1000, k=k), 2, ALPHA) > 0.11, 0.9, runs=200, seed=6)


def test_the_share_of_disagreement_alone_is_no_limit():
    def fails(rng):
        labels = flat(rng, 400)
        return binomial.lower(int((labels[:, 0] != labels[:, 1]).sum()), 400, ALPHA) > 0.15

    with pytest.raises(AssertionError):
        assert_error_below(fails, ALPHA, runs=100, seed=7)


def test_annotators_who_copy_each_other_make_the_limit_lower():
    def copied(rng):
        labels = flat(rng, 400)
        labels[:, 1] = np.where(rng.random(400) < 0.5, labels[:, 0], labels[:, 1])
        return int((labels[:, 0] != labels[:, 1]).sum())

    assert_error_below(lambda rng: audit_labels(copied(rng), 400, 2, ALPHA) > 0.15, ALPHA, runs=500, seed=8)


def table(rng, rows, cells):
    cell = rng.integers(0, cells, rows)
    return cell, rng.random(rows) < np.where(cell % 2, 0.7, 0.2)  # the Bayes error is .25


@pytest.mark.parametrize(("rows", "cells"), [(2000, 10), (2000, 100), (2000, 1000), (300, 2)])
def test_a_table_of_few_rows_certifies_what_nobody_can_reach(rows, cells):
    assert_error_below(lambda rng: repeated_rows(*table(rng, rows, cells), ALPHA) > 0.25, ALPHA, runs=300, seed=9)


def test_a_table_of_few_rows_has_power():
    assert_power_above(lambda rng: repeated_rows(*table(rng, 4000, 20), ALPHA) > 0.21, 0.9, runs=300, seed=10)


def test_the_same_share_on_rows_held_out_is_no_limit():
    """A table learned from half of the rows errs more on the others than the Bayes error: no limit from below."""

    def held(rng):
        cell, label = table(rng, 2000, 500)
        votes = np.zeros(500)
        np.add.at(votes, cell[:1000], label[:1000] - 0.5)
        wrong = (votes[cell[1000:]] > 0) != label[1000:]
        return wrong.mean() - np.sqrt(np.log(1 / ALPHA) / 2000) > 0.25

    with pytest.raises(AssertionError):
        assert_error_below(held, ALPHA, runs=100, seed=11)


def frozen(rng, rows=1500):
    """Draw from a law whose labels are a fixed, unknown function of x: its Bayes error is 0, and it looks like noise."""
    x = rng.random((rows, 3))
    return x, rng.random(rows) < 0.3


def test_labels_that_are_a_frozen_random_function_certify_nothing():
    def fails(rng):
        x, y = frozen(rng)
        cells = np.unique(x, axis=0, return_inverse=True)[1]
        return repeated_rows(cells, y, ALPHA) > 0

    assert_error_below(fails, ALPHA, runs=200, seed=12)


def neighbors(rng, rate, rows=1500):
    """Draw x on a line, with probabilities that move by ``rate``; give what 1NN sees and the Bayes error."""
    x = rng.random((2 * rows, 1))
    middle = 0.3 + 0.15 * np.sin(rate / 0.15 * x[:, 0])
    y = rng.random(2 * rows) < middle
    distances, indices = nearest(x[rows:], x[:rows])
    wrong = y[rows:] != y[:rows][indices[:, 0]]
    return smooth(wrong, distances[:, 0].astype(float), indices[:, 0], 2, ALPHA), rows


def bayes(rate):
    x = (np.arange(100_000) + 0.5) / 100_000
    p = 0.3 + 0.15 * np.sin(rate / 0.15 * x)
    return float(np.minimum(p, 1 - p).mean())


@pytest.mark.parametrize("rate", [1.0, 20.0])
def test_a_limit_that_rests_on_smoothness_holds_where_it_is_smooth(rate):
    truth = bayes(rate)
    assert_error_below(lambda rng: neighbors(rng, rate)[0].lower(rate) > truth, ALPHA, runs=100, seed=13)
    assert_power_above(lambda rng: neighbors(rng, rate)[0].lower(rate) > truth / 3, 0.9, runs=70, seed=14)


def test_a_limit_that_rests_on_smoothness_fails_where_it_is_not():
    """The same limit on a frozen random function, whose Bayes error is 0."""

    def fails(rng):
        x, y = frozen(rng, 3000)
        distances, indices = nearest(x[1500:], x[:1500])
        found = smooth(y[1500:] != y[:1500][indices[:, 0]], distances[:, 0].astype(float), indices[:, 0], 2, ALPHA)
        assert found.break_even(0.0) > 1  # and it says so: only if probabilities move faster than this
        return found.lower(1.0) > 0

    with pytest.raises(AssertionError):
        assert_error_below(fails, ALPHA, runs=50, seed=15)


def test_errors_of_rows_left_out_in_turn_are_bounded_loosely():
    def left_out(rng):
        x = rng.normal(size=(400, 1))
        y = rng.random(400) < 0.5
        gaps = np.abs(x - x.T)
        np.fill_diagonal(gaps, np.inf)
        wrong = int((y != y[gaps.argmin(axis=1)]).sum())
        # The label has nothing to do with x, so that any rule errs on half.
        return leave_one_out_upper(wrong, 400, 1, ALPHA) < 0.5, binomial.upper(wrong, 400, ALPHA) < 0.5

    assert_error_below(lambda rng: left_out(rng)[0], ALPHA, runs=300, seed=16)
    # As a count of independent errors it breaks the promise: two that are nearest to each other err together.
    with pytest.raises(AssertionError):
        assert_error_below(lambda rng: left_out(rng)[1], ALPHA, runs=1500, seed=16)


def test_cover_hart_is_what_the_audit_inverts():
    assert audit_labels(0, 100, 3) == 0
    assert audit_labels(500, 1000, 2, 0.05) == pytest.approx(cover_hart(binomial.lower(500, 1000, 0.05), 2))
