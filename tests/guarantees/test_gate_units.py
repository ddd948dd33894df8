"""What the promise is about when rows come in units, and when they are copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.gate import decide, screening
from assay.testing.coverage import assert_error_below, assert_power_above, error_rate

ALPHA = 0.05
Rows = dict[str, Any]

# One customer in twenty has 100 rows and is served badly, the others have 5.
LARGE, SMALL = (100, 0.5), (5, 0.98)
POPULATION = (0.05 * 100 * 0.5 + 0.95 * 5 * 0.98) / (0.05 * 100 + 0.95 * 5)


def customers(rng: np.random.Generator, units: int = 20) -> tuple[Rows, float]:
    """Draw customers; give also the expected accuracy over customers of just these sizes."""
    large = rng.random(units) < 0.05
    sizes, rates = np.where(large, LARGE[0], SMALL[0]), np.where(large, LARGE[1], SMALL[1])
    unit = np.repeat(np.arange(units), sizes)
    # All rows of a customer are right or wrong together.
    right = (rng.random(units) < rates)[unit]
    data = {"labels": np.ones(unit.size, dtype=int), "new": right.astype(int), "unit": unit}
    return data, float(sizes @ rates / sizes.sum())


def passes(limit: float, data: Rows, **more: Any) -> bool:
    return decide(f"n > {limit!r}", **data, reliability=1 - ALPHA, **more).passed


def test_of_units_of_these_sizes_the_promise_holds_without_more() -> None:
    def errs(rng: np.random.Generator) -> bool:
        data, expected = customers(rng)
        return passes(expected, data)

    assert_error_below(errs, ALPHA, runs=300, seed=1)


def test_of_all_units_it_holds_where_their_size_is_declared_and_not_otherwise() -> None:
    def undeclared(rng: np.random.Generator) -> bool:
        return passes(POPULATION, customers(rng)[0])

    def declared(rng: np.random.Generator) -> bool:
        return passes(POPULATION, customers(rng)[0], max_unit_size=100)

    assert error_rate(undeclared, runs=150, seed=2).lower > 2 * ALPHA
    assert_error_below(declared, ALPHA, runs=300, seed=2)
    verdict = decide("n > 0.5", **customers(np.random.default_rng(0))[0], reliability=0.9)
    about_size = verdict.guarantee.assumptions[1]
    assert "than the largest here" in about_size.text
    assert about_size.status == "unverifiable"
    assert "declare max_unit_size" in about_size.detail


@pytest.mark.parametrize("claim", ["n > 0.7", "n - o > -0.1", "f1(new) > 0.7", "f1(new) - f1(old) > -0.15"])
def test_a_declared_size_leaves_power(claim: str) -> None:
    def decides(rng: np.random.Generator) -> bool:
        unit = np.repeat(np.arange(150), 10)
        labels = (rng.random(unit.size) < 0.5).astype(int)
        wrong = rng.random((2, unit.size)) < rng.beta(1, 9, 150)[unit]
        new, old = (np.where(w, 1 - labels, labels) for w in wrong)
        return decide(claim, labels=labels, new=new, old=old, unit=unit, max_unit_size=12, reliability=1 - ALPHA).passed

    assert_power_above(decides, 0.6, runs=25, seed=3)


def test_differences_by_unit_keep_the_promise_with_a_declared_size() -> None:
    """Rare large units in which the old model is better, hidden from most samples."""

    def errs(rng: np.random.Generator) -> bool:
        large = rng.random(25) < 0.05
        unit = np.repeat(np.arange(25), np.where(large, 80, 4))
        differ = np.where(large, 1.0, 0.5)[unit] > rng.random(unit.size)
        wins = np.where(large, rng.random(25) < 0.2625, True)[unit]  # 2 - 80 (1 - 2 x .2625) x .05 / .95 = 0
        labels = np.ones(unit.size, dtype=int)
        return decide(
            "n - o > 0", labels=labels, new=np.where(differ & ~wins, 0, 1), old=np.where(differ & wins, 0, 1),
            unit=unit, reliability=1 - ALPHA, max_unit_size=80,
        ).passed  # fmt: skip

    assert_error_below(errs, ALPHA, runs=200, seed=4)


LAWS = {
    "few contents": lambda rng, n: rng.integers(0, 40, n),
    "many contents": lambda rng, n: rng.integers(0, 3 * n, n),
    "some common, most rare": lambda rng, n: rng.zipf(1.4, n),
    "one common, the others never twice": lambda rng, n: np.where(rng.random(n) < 0.3, 0, 1 + np.arange(n)),
    "geometric": lambda rng, n: rng.geometric(0.02, n),
}


@pytest.mark.parametrize("law", LAWS)
def test_rows_that_are_drawn_are_seldom_taken_for_copies(law: str) -> None:
    assert_error_below(lambda rng: screening.copied(LAWS[law](rng, 600), 600) is not None, 0.001, runs=200, seed=5)


@pytest.mark.parametrize("times", [2, 3, 10])
@pytest.mark.parametrize("law", ["many contents", "some common, most rare"])
def test_copies_are_found(times: int, law: str) -> None:
    def found(rng: np.random.Generator) -> bool:
        content = np.tile(LAWS[law](rng, 600), times)
        return screening.copied(content, content.size) is not None

    assert_power_above(found, 0.9, runs=80, seed=6)


def test_counting_copies_errs_and_they_are_found() -> None:
    def doubled(rng: np.random.Generator) -> Rows:
        right = (rng.random(400) < 0.8).astype(int)
        content = rng.random(400)
        again = np.concatenate([np.arange(400), np.repeat(np.arange(400), 4)])
        return {"labels": np.ones(again.size, dtype=int), "new": right[again], "content": content[again]}

    assert_error_below(lambda rng: passes(0.8, doubled(rng)), ALPHA, runs=100, seed=7)

    def counting(rng: np.random.Generator) -> bool:
        data = doubled(rng)
        data.pop("content")
        return passes(0.8, data)

    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(counting, ALPHA, runs=100, seed=7)
