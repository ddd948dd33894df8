from __future__ import annotations

import math
import time

import numpy as np
import pytest

from assay.stats import clustering
from assay.testing import simulate


def rows(totals: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.concatenate([np.arange(s) < t for t, s in zip(totals, sizes, strict=True)])
    return values.astype(float), np.repeat(np.arange(sizes.size), sizes)


def test_correlation_is_recovered() -> None:
    rng = np.random.default_rng(0)
    sizes = simulate.unit_sizes(rng, 400, mean=40, spread=0.5)
    values, units = rows(simulate.clustered_binary(rng, sizes, mean=0.3, icc=0.2), sizes)
    found = clustering.test(values, units, permutations=99)
    assert found.icc == pytest.approx(0.2, abs=0.03)
    assert found.design_effect > 5
    assert found.p_value == 0.01
    assert (found.units, found.rows) == (400, values.size)


def test_hand_computed_correlation() -> None:
    # Two units of two: mean squares between 4 and within 0.5 give (4 - 0.5) / (4 + 0.5).
    found = clustering.test([1.0, 2.0, 3.0, 4.0], ["a", "a", "b", "b"])
    assert found.icc == pytest.approx(3.5 / 4.5)
    # Of the 24 deals, 8 separate {1, 2} from {3, 4}.
    assert found.p_value == pytest.approx(1 / 3, abs=0.05)


def test_same_seed_same_answer_and_row_order_hardly_matters() -> None:
    rng = np.random.default_rng(1)
    values, units = rng.random(500), rng.integers(0, 20, size=500)
    first = clustering.test(values, units, seed=3)
    # As text: not a number is no number, not even itself.
    assert repr(clustering.test(values, units, seed=3)) == repr(first)
    order = rng.permutation(500)
    again = clustering.test(values[order], units[order], seed=3)
    assert again.icc == pytest.approx(first.icc)
    assert again.p_value == pytest.approx(first.p_value, abs=0.1)


@pytest.mark.parametrize(
    ("values", "units"),
    [([], []), ([1.0, 0.0], ["a", "a"]), ([1.0, 0.0], ["a", "b"]), ([1.0, 1.0, 1.0], ["a", "a", "b"])],
)
def test_nothing_to_see_gives_no_correlation_and_no_evidence(values: list[float], units: list[str]) -> None:
    found = clustering.test(values, np.array(units, dtype=object))
    assert math.isnan(found.icc)
    assert math.isnan(found.design_effect)
    assert found.p_value == 1.0


@pytest.mark.parametrize("count", [30, 5_000, 200_000])
def test_many_rows_are_thinned_and_still_seen(count: int) -> None:
    rng = np.random.default_rng(2)
    units = rng.integers(0, count, size=400_000)
    values = (rng.random(400_000) < rng.beta(2, 6, size=count)[units]).astype(float)
    begin = time.process_time()
    found = clustering.test(values, units, permutations=199)
    assert time.process_time() - begin < 6
    assert found.p_value == 0.005
    assert found.icc == pytest.approx(1 / 9, abs=0.04)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="permutations"):
        clustering.test([1.0], ["a"], permutations=0)
    with pytest.raises(ValueError, match="one length"):
        clustering.test([1.0, 2.0], ["a"])
