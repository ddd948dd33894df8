"""The contract of every sizing method at its planned size: exact tails, simulation of the gate, and mutants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from assay.gate import decide, plan
from assay.gate.counts import Difference
from assay.gate.wald import corridor
from assay.stats import binomial, stopping, trinomial
from assay.testing import coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray

A, TOLERANCE = 0.02, 0.02


def at_least(n: int, s: float, difference: float, rate: float) -> float:
    """P(S >= s) for S = wins - losses, by convolution over the rate of disagreement."""
    total = 0.0
    for changed in range(n + 1):
        weight = math.exp(
            math.lgamma(n + 1) - math.lgamma(changed + 1) - math.lgamma(n - changed + 1)
            + changed * math.log(rate) + (n - changed) * math.log1p(-rate)
        ) if rate < 1 else float(changed == n)  # fmt: skip
        if weight < 1e-18:
            continue
        wins = math.ceil((s + changed) / 2)
        if wins <= changed:
            total += weight * binomial.p_value_greater(max(wins, 0), changed, (1 + difference / rate) / 2)
    return total


@pytest.mark.parametrize("steps", [1, 8])
@pytest.mark.parametrize("method", ["hoeffding", "bennett"])
def test_the_bounds_of_the_paper_keep_the_contract_of_a_floor(method: str, steps: int) -> None:
    found = plan("n > 0.92 +/- 0.02", reliability=0.95, steps=steps, method=method)
    n, above = found.labels, math.floor(found.labels * 0.94) + 1
    assert binomial.p_value_greater(above, n, 0.92) <= found.delta_per_test
    assert binomial.p_value_less(above - 1, n, 0.96) <= found.delta_per_test


@pytest.mark.parametrize("method", ["hoeffding", "bennett"])
def test_the_bounds_of_the_paper_keep_the_contract_of_a_difference(method: str) -> None:
    found = plan(f"n - o > {A} +/- {TOLERANCE}", reliability=0.9, method=method, disagreement=0.1)
    n, rate = found.labels, 0.1
    threshold = n * (A + TOLERANCE)
    assert at_least(n, math.floor(threshold) + 1, A, rate) <= found.delta_per_test
    assert 1 - at_least(n, math.floor(threshold) + 1, A + 2 * TOLERANCE, rate) <= found.delta_per_test
    # A mutant with a quarter of the rows does not.
    few = n // 4 if method == "bennett" else n // 40
    assert at_least(few, math.floor(few * (A + TOLERANCE)) + 1, A, rate) > found.delta_per_test


@pytest.mark.parametrize("mode", ["fp-free", "fn-free"])
def test_exact_keeps_the_contract_by_exact_tails(mode: str) -> None:
    floor = plan("n > 0.9 +/- 0.02", reliability=0.95, steps=4, mode=mode)
    n, delta = floor.labels, floor.delta_per_test
    null, other = (0.9, 0.94) if mode == "fp-free" else (0.1, 0.14)
    count = binomial.critical(n, null, delta)
    assert binomial.p_value_greater(count, n, null) <= delta
    assert binomial.p_value_less(count - 1, n, other) <= delta
    # The mutant that plans with a tenth less lacks power.
    short = int(0.9 * n)
    assert binomial.p_value_less(binomial.critical(short, null, delta) - 1, short, other) > delta

    paired = plan(f"n - o > {A} +/- {TOLERANCE}", reliability=0.95, steps=4, mode=mode, disagreement=0.1)
    n = paired.labels
    null, other = (A, A + 2 * TOLERANCE) if mode == "fp-free" else (-A, -A + 2 * TOLERANCE)
    passes = [s for s in range(-n // 8, n // 8) if trinomial.p_value(max(s, 0), max(-s, 0), n, null, 0.1) <= delta]
    s = min(passes)
    for rate in (0.1, 0.08, max(abs(null), abs(other)) + 0.001):
        assert at_least(n, s, null, rate) <= delta * (1 + 1e-6)
        assert 1 - at_least(n, s, other, rate) <= delta * (1 + 1e-6)


def test_wald_keeps_both_errors_exactly_and_peeking_is_caught() -> None:
    found = plan("n - o > 0 +/- 0.02", reliability=0.95, method="sequential", disagreement=0.2)
    null, alternative, nats = 0.5, 0.6, math.log(20)
    ends = corridor(null, alternative, nats + math.log(2), nats + math.log(2), found.labels_per_commit, every=1)
    assert ends.rejected(null) <= 0.05
    assert ends.rejected(0.45) <= 0.05
    assert 1 - ends.rejected(alternative) <= 0.05
    expected = {one.truth: one for one in found.clauses[0].expected}
    assert ends.mean(null) == pytest.approx(expected[0.0].mean, rel=0.02)
    # The fixed test looked at after every label, without correction.
    cap = found.labels_per_commit
    peeks = [binomial.critical(m, null, 0.05) for m in range(1, cap + 1)]
    peeking = stopping.stopped(peeks, np.full(cap, -1.0), peeks[-1], 1, cap)
    assert peeking.rejected(null) > 0.2


def test_means_of_wald_agree_with_simulation() -> None:
    ends = corridor(0.5, 0.6, math.log(40), math.log(40), 400, every=1)
    rng = np.random.default_rng(1)
    wins = (rng.random((4000, 400)) < 0.55).cumsum(axis=1)
    labels = np.arange(1, 401)
    ratio = wins * math.log(1.2) + (labels - wins) * math.log(0.8)
    out = np.abs(ratio) >= math.log(40)
    taken = np.where(out.any(axis=1), out.argmax(axis=1) + 1, 400)
    assert ends.mean(0.55) == pytest.approx(taken.mean(), rel=0.03)
    assert ends.quantile(0.55, 0.95) == pytest.approx(np.quantile(taken, 0.95), abs=12)


def models(
    rng: np.random.Generator, n: int, accuracy: float, difference: float, rate: float
) -> tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.int_]]:
    labels = rng.integers(0, 2, n)
    kind = rng.random(n)
    wins, losses = (rate + difference) / 2, (rate - difference) / 2
    new_right = np.where(
        kind < wins, True, np.where(kind < rate, False, rng.random(n) < (accuracy - wins) / (1 - rate))
    )
    old_right = np.where(kind < wins, False, np.where(kind < wins + losses, True, new_right))
    return labels, np.where(new_right, labels, 1 - labels), np.where(old_right, labels, 1 - labels)


@pytest.mark.parametrize("limit", [-0.02, 0.0, 0.02])
def test_the_test_of_decide_falls_short_of_the_plan_by_little(limit: float) -> None:
    found = plan(f"n - o > {limit} +/- 0.02", reliability=0.95, disagreement=0.1)
    n, level, better = found.labels, found.delta_per_test, limit + 0.04

    def passes(rng: np.random.Generator, difference: float) -> bool:
        wins, losses, _ = rng.multinomial(n, [(0.1 + difference) / 2, (0.1 - difference) / 2, 0.9])
        return Difference(int(wins), int(losses), n).p_greater(limit) <= level

    coverage.assert_error_below(lambda rng: passes(rng, limit), 0.05, runs=150, seed=4)
    coverage.assert_power_above(lambda rng: passes(rng, better), 0.82, runs=250, seed=5)


@pytest.mark.slow
def test_the_gate_decides_with_the_rows_that_were_planned() -> None:
    text = "n > 0.8 +/- 0.05 and n - o > 0 +/- 0.05"
    planned = plan(text, reliability=0.9, disagreement=0.2).labels

    def passes(rng: np.random.Generator, accuracy: float, difference: float, n: int = planned) -> bool:
        labels, new, old = models(rng, n, accuracy, difference, 0.2)
        return decide(text, labels=labels, new=new, old=old, reliability=0.9).passed

    coverage.assert_error_below(lambda rng: passes(rng, 0.8, 0.1), 0.1, runs=250, seed=1)
    coverage.assert_error_below(lambda rng: passes(rng, 0.9, 0.0), 0.1, runs=250, seed=2)
    coverage.assert_power_above(lambda rng: passes(rng, 0.9, 0.1), 0.82, runs=400, seed=3)
    with pytest.raises(AssertionError, match="promised power"):
        coverage.assert_power_above(lambda rng: passes(rng, 0.9, 0.1, planned // 3), 0.82, runs=400, seed=3)
