"""A test set that is asked again and again: what it costs when developers see its answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.checks.budget import histories
from assay.checks.project import load
from assay.checks.run import run_checks
from assay.core.project import DatasetTable
from assay.errors import ProjectError
from assay.stats import binomial
from assay.testing.coverage import assert_error_below

ALPHA = 0.05


def noise_passes(rng, queries, tests, learn, rows=500):
    """Propose coin flips for coin flips, then the vote of what the answers taught; tell if "n > 0.5" ever passes."""
    labels = rng.choice([-1, 1], rows)
    votes = 1e-9 * rng.normal(size=rows)
    for number in range(queries):
        said = rng.choice([-1, 1], rows) if number < queries - 1 else np.sign(votes)
        right = int((said == labels).sum())
        if binomial.p_value_greater(right, rows, 0.5) <= ALPHA / tests:
            return True
        votes += said * learn(right, rows, ALPHA / tests)
    return False


def from_estimates(right, rows, level):
    return right - rows / 2


def from_words(right, rows, level):
    return -float(binomial.p_value_less(right, rows, 0.5) <= level)


def dataset(queries):
    return DatasetTable(role="test", source="x", queries=queries, adaptivity="first-change")


def test_what_is_charged_until_the_first_pass_keeps_the_error_below_alpha():
    tests = histories(dataset(6), 1)
    assert_error_below(lambda rng: noise_passes(rng, 6, tests, from_words), ALPHA, runs=1000, seed=1)


@pytest.mark.parametrize("learn", [from_estimates, from_words])
def test_division_by_the_number_of_answers_is_caught_even_if_only_words_are_seen(learn):
    with pytest.raises(AssertionError):
        assert_error_below(lambda rng: noise_passes(rng, 20, 20, learn), ALPHA, runs=2000, seed=1)


PROJECT = """
[project]
name = "noise"

[datasets.test]
role = "test"
source = "test.csv"
label = "y"
queries = {queries}
adaptivity = "{adaptivity}"

[models.m]
predictions = "said.csv"
"""
CHECK = '\n[[checks]]\nid = "{}"\nclaim = "{}"\nmodel = "m"\nblocking = true\n'


@pytest.fixture
def ask(tmp_path: Path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    pd.DataFrame({"x": np.arange(400), "y": labels}).to_csv(tmp_path / "test.csv", index=False)
    said = np.where(rng.random(400) < 0.7, labels, 1 - labels)
    pd.DataFrame({"prediction": said}).to_csv(tmp_path / "said.csv", index=False)

    def run(*checks, queries=1, adaptivity="none"):
        text = PROJECT.format(queries=queries, adaptivity=adaptivity)
        (tmp_path / "assay.toml").write_text(text + "".join(CHECK.format(*check) for check in checks))
        return run_checks(load(tmp_path), "")

    return run


def test_a_refused_claim_does_not_come_back_under_another_name(ask):
    assert ask(("better", "n > 0.8")).results[0].failed
    for number, limit in enumerate((0.7, 0.65, 0.6)):
        again = ask((f"better-{number}", f"n > {limit}"))
        assert again.results[0].inconclusive
        assert "answers" in again.unpaid[0]


def test_a_claim_may_be_added_to_a_gate(ask):
    ask(("better", "n > 0.8"))
    both = ask(("better", "n > 0.8"), ("sound", "n > 0.5")).verdicts
    assert both["better"].failed
    assert both["sound"].passed


def test_another_gate_costs_another_answer(ask):
    ask(("better", "n > 0.8"), queries=2)
    assert ask(("sound", "n > 0.5"), queries=2).verdicts["sound"].passed
    assert ask(("sounder", "n > 0.5"), queries=2).results[0].inconclusive


def test_what_developers_may_see_is_printed_as_an_assumption(ask):
    verdict = ask(("sound", "n > 0.5"), queries=3).results[0]
    assert any("sees nothing of the 3 answers" in each.text for each in verdict.guarantee.assumptions)


def test_estimates_are_refused_to_those_who_go_on_until_the_first_pass(ask):
    with pytest.raises(ProjectError, match="disclose"):
        ask(("sound", "n > 0.5"), queries=3, adaptivity="first-change")
