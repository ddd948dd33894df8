"""F1 scores, precisions and ratios at the gate: how often what does not hold passes, and what holds does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from assay.gate import decide
from assay.testing.coverage import assert_error_below, assert_power_above

ALPHA = 0.1
Rows = dict[str, Any]
Floats = NDArray[np.float64]

# Probability of each kind of row: 4 (positive) + 2 (new says so) + (old says so). New finds 80% of the positives, old
# 90%, but old also calls 17% of the others positive and new 10%: the two F1 scores are both about .787.
TRADED = np.array([0.7 * (1 - 0.06 - 0.04 - 0.106), 0.7 * 0.106, 0.7 * 0.04, 0.7 * 0.06, 0.018, 0.042, 0.012, 0.228])
# As TRADED, but new finds most of what old finds.
BETTER = np.array([0.7 * (1 - 0.06 - 0.01 - 0.106), 0.7 * 0.106, 0.7 * 0.01, 0.7 * 0.06, 0.018, 0.010, 0.022, 0.25])
# Days of one kind and of the other; the models lean one way for a whole day.
DAYS = (
    np.array([0.60, 0.12, 0.00, 0.03, 0.02, 0.00, 0.08, 0.15]),
    np.array([0.60, 0.00, 0.12, 0.03, 0.02, 0.08, 0.00, 0.15]),
)


def truth(kinds: Floats) -> dict[str, float]:
    """Give the true values of what claims speak of."""
    k = np.arange(8)
    y, found = k >> 2, {"new": k >> 1 & 1, "old": k & 1}
    values = {}
    for model, said in found.items():
        hits, called = kinds @ (y & said), kinds @ said
        values[f"f1({model})"] = 2 * hits / (kinds @ y + called)
        values[f"precision({model})"] = hits / called
        values[f"recall({model})"] = hits / (kinds @ y)
        values[model[0]] = float(kinds @ (y == said))
    return {name: float(value) for name, value in values.items()}


def rows_of(kinds: NDArray[np.int_]) -> Rows:
    return {"labels": kinds >> 2, "new": kinds >> 1 & 1, "old": kinds & 1}


def rows(rng: np.random.Generator, chances: Floats, n: int = 400) -> Rows:
    return rows_of(rng.choice(8, n, p=chances))


def in_days(rng: np.random.Generator, tilt: float = 0.5, days: int = 25, a_day: int = 100) -> Rows:
    day = np.repeat(np.arange(days), a_day)
    kinds = np.where(
        (rng.random(days) < tilt)[day], rng.choice(8, day.size, p=DAYS[0]), rng.choice(8, day.size, p=DAYS[1])
    )
    return {**rows_of(kinds), "unit": day}


def at(claim: str, chances: Floats) -> str:
    """Fill in the true value as the limit: the claim just does not hold."""
    values = truth(chances)
    left = claim.split(" > ")[0]
    for name in sorted(values, key=len, reverse=True):
        left = left.replace(name, repr(values[name]))
    return claim.format(repr(float(eval(left))))  # of numbers that this file has put there


def passes(claim: str, data: Rows, **more: Any) -> bool:
    return decide(claim, **data, reliability=1 - ALPHA, **more).passed


EDGE = {
    "F1": (at("f1(new) > {}", TRADED), lambda rng: rows(rng, TRADED)),
    "F1 traded": (at("f1(new) - f1(old) > {}", TRADED), lambda rng: rows(rng, TRADED)),
    "F1 gain": (at("f1(new) - f1(old) > {}", BETTER), lambda rng: rows(rng, BETTER)),
    "F1 ratio": (at("f1(new) / f1(old) > {} +/- 0.01", BETTER), lambda rng: rows(rng, BETTER)),
    "precision": (at("precision(new) - precision(old) > {}", TRADED), lambda rng: rows(rng, TRADED)),
    "precision and recall": (at("precision(new) - recall(old) > {}", TRADED), lambda rng: rows(rng, TRADED)),
    "two F1 added": (at("f1(new) + f1(old) > {}", TRADED), lambda rng: rows(rng, TRADED)),
    "accuracy ratio": (at("n / o > {}", TRADED), lambda rng: rows(rng, TRADED)),
    "accuracy ratio, tolerance": (at("n / o > {} +/- 0.02", TRADED), lambda rng: rows(rng, TRADED)),
    "F1 by day": (at("f1(new) > {}", (DAYS[0] + DAYS[1]) / 2), in_days),
    "F1 gain by day": (at("f1(new) - f1(old) > {}", (DAYS[0] + DAYS[1]) / 2), in_days),
    "precision by day": (at("precision(new) - precision(old) > {}", (DAYS[0] + DAYS[1]) / 2), in_days),
}
TRUE = {
    "F1": ("f1(new) > 0.7", lambda rng: rows(rng, TRADED)),
    "F1 gain": ("f1(new) - f1(old) > 0", lambda rng: rows(rng, BETTER)),
    "no large loss of F1": ("f1(new) - f1(old) > -0.12", lambda rng: rows(rng, TRADED)),
    "F1 ratio": ("f1(new) / f1(old) > 1", lambda rng: rows(rng, BETTER)),
    "precision": ("precision(new) - precision(old) > -0.1", lambda rng: rows(rng, TRADED)),
    "accuracy ratio": ("n / o > 0.94", lambda rng: rows(rng, TRADED)),
    "F1 by day": ("f1(new) > 0.55", in_days),
    "F1 gain by day": ("f1(new) - f1(old) > 0", lambda rng: in_days(rng, 0.85)),
}


@pytest.mark.parametrize("case", EDGE)
def test_what_does_not_hold_seldom_passes(case: str) -> None:
    claim, draw = EDGE[case]
    assert_error_below(lambda rng: passes(claim, draw(rng)), ALPHA, runs=50, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("case", EDGE)
def test_what_does_not_hold_seldom_passes_in_many_runs(case: str) -> None:
    claim, draw = EDGE[case]
    assert_error_below(lambda rng: passes(claim, draw(rng)), ALPHA, runs=800, seed=2)


@pytest.mark.parametrize("case", TRUE)
def test_what_holds_by_far_passes(case: str) -> None:
    claim, draw = TRUE[case]
    assert_power_above(lambda rng: passes(claim, draw(rng)), 0.6, runs=50, seed=3)


@pytest.mark.parametrize("case", ["F1", "F1 traded", "precision", "F1 gain by day", "accuracy ratio, tolerance"])
def test_what_holds_is_seldom_refuted(case: str) -> None:
    claim, draw = EDGE[case]
    for mode in ("fp-free", "fn-free"):
        fails = lambda rng, mode=mode: decide(claim, **draw(rng), reliability=1 - ALPHA, mode=mode).failed  # noqa: E731
        assert_error_below(fails, ALPHA, runs=30, seed=4)


def test_the_test_is_not_idle_at_its_edge() -> None:
    """Exact tests of counts spend most of what they may; bets spend less, as they hold for every law."""
    claim, draw = EDGE["F1"]
    assert_power_above(lambda rng: passes(claim, draw(rng)), 0.04, runs=400, seed=5)


# Gates that are broken, each in a way that is often met.


def f1_as_a_mean(claim: str, data: Rows) -> bool:
    """Take the score for a share of all rows."""
    n, limit = data["labels"].size, float(claim.split(" > ")[1])
    hits = int((data["labels"] & data["new"]).sum())
    score = 2 * hits / (data["labels"].sum() + data["new"].sum())
    return bool(stats.binom.sf(round(score * n) - 1, n, limit) <= ALPHA)


def by_the_delta_method(_: str, data: Rows) -> bool:
    """Take the logarithm of a ratio of two accuracies for normal."""
    new, old = (data[model] == data["labels"] for model in ("new", "old"))
    if not (new != old).any():
        return True
    spread = np.sqrt((new != old).sum()) / np.sqrt(new.sum() * old.sum())
    return bool(np.log(new.sum() / old.sum()) - stats.norm.ppf(1 - ALPHA) * spread > np.log(0.97))


def without_ties(_: str, data: Rows) -> bool:
    """Hold the margin against the rows that exactly one model gets right."""
    wins, losses = (
        (data[a] == data["labels"]) & (data[b] != data["labels"]) for a, b in (("new", "old"), ("old", "new"))
    )
    wins, losses = int(wins.sum()), int(losses.sum())
    return bool(stats.binom.sf(wins - 1, wins + losses, 0.5 * 1.02) <= ALPHA)


def ignoring_days(claim: str, data: Rows) -> bool:
    return passes(claim, {name: values for name, values in data.items() if name != "unit"})


def comparing_points(claim: str, data: Rows) -> bool:
    evidence = decide(claim, **data, reliability=1 - ALPHA).evidence
    return bool(evidence.estimate > evidence.limit)


# Few errors in few rows: 3% are lost by the new model, so that n / o is .97.
SCARCE = np.array([0.5, 0.0, 0.0, 0.0, 0.0, 0.03, 0.0, 0.47])
# One row in twenty is won or lost, with a difference of .02.
GAIN = np.array([0.4, 0.035, 0.015, 0.05, 0.03, 0.0, 0.0, 0.47])
# One row in eleven is positive.
RARE = np.array([0.88, 0.0, 0.03, 0.0, 0.02, 0.0, 0.0, 0.07])


@pytest.mark.parametrize(
    ("mutant", "claim", "draw"),
    [
        (f1_as_a_mean, at("f1(new) > {}", RARE), lambda rng: rows(rng, RARE)),
        (comparing_points, *EDGE["F1 traded"]),
        (ignoring_days, *EDGE["F1 gain by day"]),
        (ignoring_days, *EDGE["precision by day"]),
        (by_the_delta_method, "n / o > 0.97", lambda rng: rows(rng, SCARCE, 30)),
        (without_ties, "n - o > 0.02", lambda rng: rows(rng, GAIN, 1500)),
    ],
)
def test_broken_gates_are_caught(mutant: Any, claim: str, draw: Any) -> None:
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: mutant(claim, draw(rng)), ALPHA, runs=150, seed=6)
    assert_error_below(lambda rng: passes(claim, draw(rng)), ALPHA, runs=40, seed=6)
