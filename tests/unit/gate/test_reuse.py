"""Shares of the error probability over the answers of a test set."""

from __future__ import annotations

import math

import pytest

from assay.errors import UsageError
from assay.gate.reuse import Policy, log_nodes, most_passes

POLICIES = [
    Policy("none", 6),
    Policy("fresh-slice", 6, words=5),
    Policy("first-change", 6),
    Policy("first-change", 5, words=3),
    Policy("full", 6),
    Policy("full", 4, words=6, passing=2),
    Policy("k-pass", 6, passes=2),
    Policy("k-pass", 5, passes=3, words=5, passing=2),
    Policy("self-limiting", 6, passes=2),
    Policy("prefix", 6),
    Policy("prefix", 4, words=6, passing=2),
]


def kraft(policy: Policy, depth: int, answers: int = 0, passes: int = 0) -> float:
    """Sum w over every single sequence of words, one by one."""
    if answers == depth:
        return 0.0
    total = math.exp(policy.log_weight(answers, passes))
    for word in range(policy.words if policy.seen else 1):
        total += kraft(policy, depth, answers + 1, passes + (word < policy.passing))
    return total


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_the_shares_of_all_nodes_sum_to_one(policy: Policy) -> None:
    assert policy.steps is not None
    assert kraft(policy, policy.steps) == pytest.approx(1, abs=1e-9)


def test_without_a_last_step_the_shares_stay_below_one() -> None:
    assert kraft(Policy("prefix", None), 14) == pytest.approx(14 / 15)
    slices = Policy("fresh-slice", None)
    assert sum(math.exp(slices.log_weight(t, 0)) for t in range(100_000)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("policy", [*POLICIES, Policy("prefix", None, words=3), Policy("fresh-slice", None)], ids=repr)
def test_a_node_shares_its_mass_with_those_after_it(policy: Policy) -> None:
    assert policy.log_mass(0, 0) == pytest.approx(0, abs=1e-12)
    for answers in range(6):
        for passes in range(answers + 1):
            mass = math.exp(policy.log_mass(answers, passes))
            after = math.exp(policy.log_weight(answers, passes))
            if policy.seen:
                after += policy.passing * math.exp(policy.log_mass(answers + 1, passes + 1))
                after += (policy.words - policy.passing) * math.exp(policy.log_mass(answers + 1, passes))
            else:
                after += math.exp(policy.log_mass(answers + 1, passes))
            assert after == pytest.approx(mass, abs=1e-12)


@pytest.mark.parametrize(
    ("passes", "nats", "labels"),
    [(1, 3.47, 63_381), (2, 6.27, 77_398), (3, 8.61, 89_104), (4, 10.63, 99_213), (7, 15.32, 122_667)],
)
def test_passes_until_retirement(passes: int, nats: float, labels: int) -> None:
    price = log_nodes("k-pass", 32, passes=passes)
    assert round(price, 2) == nats
    assert math.ceil((price + math.log(1e4)) / (2 * 0.01**2)) == labels


def test_the_literature_is_the_case_of_one_bit() -> None:
    assert log_nodes("first-change", 32) == pytest.approx(math.log(32))
    assert log_nodes("none", 32) == pytest.approx(math.log(32))
    assert log_nodes("full", 32) == pytest.approx(math.log(2**32 - 1))
    assert log_nodes("k-pass", 32, passes=32) == log_nodes("full", 32)
    # Of three words, two refuse: those who go on until the first pass have seen which.
    assert log_nodes("first-change", 32, words=3) == pytest.approx(math.log(2**32 - 1))


@pytest.mark.parametrize(("steps", "nats"), [(32, 16.5), (200, 31.7), (1000, 44.6)])
def test_passes_that_limit_themselves(steps: int, nats: float) -> None:
    assert log_nodes("self-limiting", steps, passes=most_passes(0.02, 0.85)) == pytest.approx(nats, abs=0.05)


@pytest.mark.parametrize(
    ("gain", "baseline", "passes"), [(0.02, 0.85, 7), (0.1, 0.7, 3), (0.05, 0.9, 2), (1.0, 0.0, 1), (0.5, 0.6, 0)]
)
def test_true_passes(gain: float, baseline: float, passes: int) -> None:
    assert most_passes(gain, baseline) == passes


@pytest.mark.parametrize(("refusals", "passes", "nats"), [(31, 0, 9.3), (28, 3, 18.8), (24, 7, 25.5)])
def test_a_code_makes_rare_passes_cheap(refusals: int, passes: int, nats: float) -> None:
    coded = -Policy("prefix", None).log_weight(refusals + passes, passes)
    # Half of it goes to the uniform tree, which costs ln 2 and bounds the price of an even sequence.
    assert coded == pytest.approx(nats + math.log(2), abs=0.1)
    assert log_nodes("prefix", 32) <= log_nodes("full", 32) + math.log(2) + 1e-9


def test_the_meter_falls_to_nothing() -> None:
    policy = Policy("k-pass", 8, passes=2)
    assert policy.log_left(0, 0) == pytest.approx(log_nodes("k-pass", 8, passes=2))
    assert policy.log_left(3, 1) == pytest.approx(math.log(5))
    assert policy.log_left(7, 1) == pytest.approx(0)
    assert policy.log_left(8, 0) == policy.log_left(3, 2) == -math.inf
    assert Policy("prefix", None).log_left(9, 1) == math.inf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("full", None), "say how many answers"),
        (("k-pass", 5), "say how many passes"),
        (("full", 5, 2), "means nothing here"),
        (("ful", 5), "did you mean 'full'"),
        (("full", 0), "steps: 0"),
        (("full", 5, None, 2, 3), "3 of 2 words"),
    ],
)
def test_what_cannot_be(arguments: tuple, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Policy(*arguments)


@pytest.mark.parametrize(("gain", "baseline"), [(0, 0.5), (-0.01, 0.5), (0.1, 1.0)])
def test_passes_without_an_end(gain: float, baseline: float) -> None:
    with pytest.raises(UsageError):
        most_passes(gain, baseline)
