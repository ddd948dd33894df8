"""A test set that is asked again and again: what it costs when developers see its answers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.checks import question
from assay.checks.answers import history
from assay.checks.budget import policy_of, shown, words_of
from assay.checks.project import load
from assay.checks.run import run_checks
from assay.core.project import BudgetTable, DatasetTable
from assay.gate.reuse import Policy, most_passes
from assay.stats import binomial
from assay.store.ledger import Ledger
from assay.testing.coverage import assert_error_below, assert_power_above

DELTA, STEPS, EPS = 0.01, 32, 0.05


def sized(share: float) -> int:
    """Rows that Hoeffding's inequality asks for: a mean passes when it is EPS above the limit."""
    return math.ceil(math.log(1 / (DELTA * share)) / (2 * EPS**2))


def attack(rng, policy, *, rows, passing=0.5, sees="word", divided=None):
    """Propose 31 models of known true value, then the vote of what the answers told; tell if it passes at its null.

    Labels are coin flips, so that what a model has above its true value it has by luck. A probe passes with
    probability ``passing``: its true value is that far from the limit, which makes it a legitimate model. The last
    model is right where the probes that were lucky agree; its true value is the limit, so that no pass of it is right.
    ``divided`` replaces the policy's share of the error probability by a number of tests: a mutant.
    """
    labels = rng.integers(0, 2, rows, dtype=np.int8) * 2 - 1
    probes = rng.integers(0, 2, (STEPS - 1, rows), dtype=np.int8) * 2 - 1
    luck = probes @ labels.astype(np.float32)
    words = luck > math.sqrt(rows) * np.sqrt(2) * _quantile(1 - passing)
    answers = passes = 0
    for word in words:
        if policy.log_weight(answers, passes) == -math.inf:
            return False
        answers, passes = answers + 1, passes + int(word)
    if sees == "word":
        votes = np.where(words, 1.0, -1.0 if 0 < passing < 1 else 0.0)
    else:
        votes = luck if sees == "score" else np.zeros(STEPS - 1)
    if policy.reuse == "fresh-slice":
        # Whatever was seen was seen of other rows.
        labels = rng.integers(0, 2, rows, dtype=np.int8) * 2 - 1
    said = np.where(votes @ probes.astype(np.float32) + 1e-6 * rng.normal(size=rows) >= 0, 1, -1)
    right = int((said == labels).sum())
    share = 1 / divided if divided else math.exp(policy.log_weight(answers, passes))
    return bool(binomial.p_value_greater(right, rows, 0.5) <= DELTA * share)


def _quantile(p):
    from scipy.special import erfinv

    return float(erfinv(2 * p - 1))


FIRST, BITS = Policy("first-change", STEPS), Policy("full", STEPS)
LIMITED = Policy("self-limiting", STEPS, most_passes(0.02, 0.85))
CODE = Policy("prefix", STEPS)
CASES = {
    "none": (Policy("none", STEPS), 0.5, "nothing"),
    "first-change": (FIRST, 0.02, "word"),
    "full": (BITS, 0.5, "word"),
    "2 passes": (Policy("k-pass", STEPS, passes=2), 0.03, "word"),
    "4 passes": (Policy("k-pass", STEPS, passes=4), 0.08, "word"),
    "self-limiting": (LIMITED, 0.2, "word"),
    "prefix, even": (CODE, 0.5, "word"),
    "prefix, rare": (CODE, 0.03, "word"),
    "fresh slices": (Policy("fresh-slice", STEPS), 0.5, "score"),
}


@pytest.mark.parametrize(("policy", "passing", "sees"), CASES.values(), ids=CASES)
def test_who_sees_what_a_policy_counts_gets_no_wrong_pass_beyond_the_promise(policy, passing, sees):
    rows = sized(1 / STEPS)
    assert_error_below(lambda rng: attack(rng, policy, rows=rows, passing=passing, sees=sees), DELTA, runs=1000, seed=1)


@pytest.mark.parametrize(("policy", "passing", "sees"), CASES.values(), ids=CASES)
def test_a_model_that_is_better_passes(policy, passing, sees):
    passes = {1: 0, None: 16}.get(policy.last_pass, (policy.last_pass or 0) - 1)
    share = math.exp(policy.log_weight(STEPS - 1, passes if policy.seen else 0))
    rows = sized(share)

    def passed(rng):
        return binomial.p_value_greater(int(rng.binomial(rows, 0.5 + 2 * EPS)), rows, 0.5) <= DELTA * share

    assert_power_above(passed, 0.98, runs=1000, seed=2)


@pytest.mark.parametrize(
    ("mutant", "realized"),
    [
        # Answers that are seen, charged as if nobody saw them; the figure is the least that is caught here.
        ({"policy": BITS}, 0.2),
        ({"policy": BITS, "sees": "score"}, 0.6),
        # Passes that go on, charged as if the first retired the set.
        ({"policy": Policy("k-pass", STEPS, passes=31), "passing": 0.4}, 0.1),
    ],
)
def test_answers_that_are_seen_and_not_counted_break_the_promise(mutant, realized):
    def passes(rng):
        return attack(rng, rows=sized(1 / STEPS), divided=STEPS, **mutant)

    with pytest.raises(AssertionError):
        assert_error_below(passes, DELTA, runs=400, seed=3)
    assert_power_above(passes, realized, runs=400, seed=3)


ALPHA = 0.05


def noise_passes(rng, policy, learn, rows=500):
    """Propose coin flips for coin flips, then the vote of what the answers taught; tell if "n > 0.5" ever passes."""
    labels = rng.choice([-1, 1], rows)
    votes = 1e-9 * rng.normal(size=rows)
    for number in range(policy.steps):
        said = rng.choice([-1, 1], rows) if number < policy.steps - 1 else np.sign(votes)
        right = int((said == labels).sum())
        level = ALPHA * math.exp(policy.log_weight(number, 0))
        if binomial.p_value_greater(right, rows, 0.5) <= level:
            return True
        votes += said * learn(right, rows, level)
    return False


def from_estimates(right, rows, level):
    return right - rows / 2


def from_words(right, rows, level):
    return -float(binomial.p_value_less(right, rows, 0.5) <= level)


def from_bits(right, rows, level):
    return 0.0


@pytest.mark.parametrize(("words", "learn"), [(3, from_words), (2, from_bits)])
def test_what_is_charged_until_the_first_pass_keeps_the_error_below_alpha(words, learn):
    policy = Policy("first-change", 6, words=words)
    assert_error_below(lambda rng: noise_passes(rng, policy, learn), ALPHA, runs=1000, seed=1)


@pytest.mark.parametrize("learn", [from_estimates, from_words])
def test_one_bit_until_the_first_pass_is_too_little_if_more_is_seen(learn):
    policy = Policy("first-change", 20)
    with pytest.raises(AssertionError):
        assert_error_below(lambda rng: noise_passes(rng, policy, learn), ALPHA, runs=2000, seed=1)


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


def test_another_question_about_a_candidate_costs_another_answer_where_answers_are_seen(ask):
    for number, limit in enumerate((0.99, 0.98, 0.97)):
        asked = ask(("better", f"n > {limit}"), queries=3, adaptivity="full")
        assert spent(asked) == number + 1
    assert "3 of 3 spent" in ask(("better", "n > 0.5"), queries=3, adaptivity="full").results[0].reason
    assert ask(("better", "n > 0.97"), queries=3, adaptivity="full").results[0].id == asked.results[0].id


def test_a_refusal_of_the_candidate_that_passed_takes_no_pass_back(ask):
    assert ask(("sound", "n > 0.5"), queries=4, adaptivity="first-change").results[0].passed
    assert "retired at pass 1" in ask(("sound", "n > 0.99"), queries=4, adaptivity="first-change").results[0].reason


def test_a_claim_that_is_added_after_a_look_costs_an_answer_and_the_gate_passes_by_it_alone(ask):
    both = (("sound", "n > 0.5"), ("sounder", "n > 0.52"))
    assert ask(both[0], queries=3, adaptivity="full").results[0].passed
    again = ask(*both, queries=3, adaptivity="full")
    assert spent(again) == 2
    assert all(verdict.passed for verdict in again.results)
    assert passes(again) == [True, True]


def spent(run):
    entries = Ledger(run.project.store).entries(kind="answers")
    return sum(entry.state == "settle" for entry in entries)


def passes(run):
    ledger = Ledger(run.project.store)
    answers = ledger.entries(kind="answers")
    return [past.passed for past in history(answers, ledger.entries(kind="alpha"), answers[0].key)]


PREVIEW = """
[project]
name = "noise"

[datasets.test]
role = "test"
source = "test.csv"
label = "y"
queries = 1

[models.m]
predictions = "said.csv"

[slices]
"""


def picks_a_slice(folder: Path, rng: np.random.Generator) -> bool:
    """Look at what a check that blocks nothing says of 20 slices, and then ask the gate for the best of them."""
    table = pd.DataFrame(rng.integers(0, 2, (600, 20)), columns=[f"s{k}" for k in range(20)])
    table.assign(y=rng.integers(0, 2, 600)).to_csv(folder / "test.csv", index=False)
    pd.DataFrame({"prediction": rng.integers(0, 2, 600)}).to_csv(folder / "said.csv", index=False)
    text = PREVIEW + "".join(f'a{k} = "s{k} = 1"\n' for k in range(20))
    text += '[[checks]]\nid = "look"\nclaim = "accuracy(new | {slice}) > 0.5"\nmodel = "m"\nslices = "all"\n'
    (folder / "assay.toml").write_text(text)
    seen = {verdict.subject: verdict.evidence.estimate for verdict in run_checks(load(folder), "").results}
    best = max(seen, key=seen.__getitem__)
    (folder / "assay.toml").write_text(text + CHECK.format("gate", f"accuracy(new | {best}) > 0.5"))
    return run_checks(load(folder), "").verdicts["gate"].passed


@pytest.mark.slow
def test_a_claim_picked_by_what_was_shown_passes_no_noise(tmp_path_factory, monkeypatch):
    def run(rng: np.random.Generator) -> bool:
        return picks_a_slice(tmp_path_factory.mktemp("picks"), rng)

    assert_error_below(run, ALPHA, runs=20, seed=1)
    monkeypatch.setattr(question, "questions", lambda *_: None)
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(run, ALPHA, runs=20, seed=1)


def test_what_developers_may_see_is_printed_as_an_assumption(ask):
    verdict = ask(("sound", "n > 0.5"), queries=3).results[0]
    assert any("sees nothing of the 3 answers" in each.text for each in verdict.guarantee.assumptions)


def unstated(rng, adaptivity, rows=500, probes=31):
    """Ask as often as a project file permits that says no more than ``queries = 32``, or that nobody sees anything.

    Coin flips are proposed for coin flips; the last model is the vote of the others by the estimates that are shown.
    """
    declared = DatasetTable(role="test", source="test.csv", queries=probes + 1, adaptivity=adaptivity)
    rounded = shown(BudgetTable(), declared) == "estimate"
    words, passing = words_of(shown(BudgetTable(), declared))
    policy = policy_of(declared, words=words or 2, passing=passing or 1, gain=None)
    labels = rng.integers(0, 2, rows, dtype=np.int8) * 2 - 1
    said = rng.integers(0, 2, (probes, rows), dtype=np.int8) * 2 - 1
    passes = 0
    for number, right in enumerate((said == labels).sum(axis=1)):
        passes += binomial.p_value_greater(right, rows, 0.5) <= ALPHA * math.exp(policy.log_weight(number, passes))
    estimates = (said == labels).mean(axis=1)
    luck = (estimates.round(2) if rounded else estimates) - 0.5
    vote = np.where(luck @ said + 1e-9 * rng.normal(size=rows) >= 0, 1, -1)
    level = ALPHA * math.exp(policy.log_weight(probes, passes))
    return passes > 0 or binomial.p_value_greater(int((vote == labels).sum()), rows, 0.5) <= level


def test_noise_does_not_pass_where_nothing_is_said_of_who_sees_the_answers():
    assert_error_below(lambda rng: unstated(rng, None), ALPHA, runs=1000, seed=5)
    # Who declares that nobody sees what is printed breaks the promise.
    with pytest.raises(AssertionError):
        assert_error_below(lambda rng: unstated(rng, "none"), ALPHA, runs=200, seed=5)


def test_the_first_answers_of_a_set_of_which_nothing_is_said_have_power():
    declared = DatasetTable(role="test", source="test.csv", queries=32)
    words, passing = words_of(shown(BudgetTable(), declared))
    policy = policy_of(declared, words=words, passing=passing, gain=None)

    def passed(rng):
        # Ten points above the limit on 1,500 rows, as the third model, after two refusals.
        right = int(rng.binomial(1500, 0.6))
        return binomial.p_value_greater(right, 1500, 0.5) <= ALPHA * math.exp(policy.log_weight(2, 0))

    assert_power_above(passed, 0.9, runs=500, seed=6)
