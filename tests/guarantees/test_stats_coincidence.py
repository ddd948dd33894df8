"""Rows that two tables share: realised error, power, and a mutant that is caught."""

from __future__ import annotations

import numpy as np
import pytest

from assay.stats import coincidence
from assay.stats.coincidence import shared
from assay.testing.coverage import assert_error_below, assert_power_above

LEVEL = 0.05


def tables(rng, values):
    """Values of very unequal frequency; the tables have 90 and 210 rows of them."""
    drawn = np.floor(rng.exponential(values / 4, 300)).astype(np.int64)
    return drawn[:90], drawn[90:]


def found(rng, values=800):
    here, there = tables(rng, values)
    return shared(here, there, permutations=99, seed=int(rng.integers(1 << 30))).p_value <= LEVEL


@pytest.mark.parametrize("values", [8, 200, 800, 20_000])
def test_tables_of_one_population_share_no_more_than_chance_explains(values):
    assert_error_below(lambda rng: found(rng, values), LEVEL, runs=400, seed=values)


def test_taking_every_agreement_for_a_copy_is_caught():
    def mutant(rng):
        here, there = tables(rng, 800)
        return np.isin(here, there).mean() > 0.01

    with pytest.raises(AssertionError):
        assert_error_below(mutant, LEVEL, runs=100, seed=1)


@pytest.mark.parametrize(
    ("values", "copied", "times"), [(10**9, 14, 1), (20_000, 40, 1), (20_000, 90, 2)], ids=["few", "many", "doubled"]
)
def test_copied_rows_are_found(values, copied, times):
    """Some rows where values hardly repeat, more where they agree by chance, all where the other rows were doubled."""

    def run(rng):
        here, there = tables(rng, values)
        here[:copied] = there[rng.choice(210, copied, replace=False)]
        return shared(here, np.repeat(there, times), permutations=999, seed=int(rng.integers(1 << 30))).p_value <= 0.005

    assert_power_above(run, 0.8, runs=50, seed=copied)


def test_large_tables_are_thinned(monkeypatch):
    monkeypatch.setattr(coincidence, "DEALT_ROWS", 100)

    def run(rng):
        here, there = tables(rng, 2000)
        return shared(here, there, permutations=99, seed=int(rng.integers(1 << 30))).p_value <= LEVEL

    assert_error_below(run, LEVEL, runs=300, seed=5)
