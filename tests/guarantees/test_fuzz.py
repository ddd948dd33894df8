"""A pass of a data unit test bounds the share of tables that fail, and is wrong as rarely as it says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from assay.testing.coverage import assert_error_below, assert_power_above
from assay.validation.choices import Seeded
from assay.validation.fuzzing import bound, fuzz
from assay.validation.generation import Generator
from assay.validation.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

TRIALS, ALPHA = 20, 0.2
SCHEMA = Schema.from_toml('[columns.x]\ntype = "integer"\nrange = { min = 0, max = 999999 }\nnulls = "never"')
GENERATOR = Generator(SCHEMA, rows=1)


def _residue(trial: Seeded) -> int:
    """What the faulty function hangs on: of the one value of a table of the trials' own distribution."""
    return int(GENERATOR.table(trial)["x"][0]) % 997


def _faulty(reach: float) -> frozenset[int]:
    """Residues, none of a named value, that come with probability ``reach``: by 60,000 tables of another seed."""
    drawn = sorted(residue for residue in (_residue(Seeded(-1, trial)) for trial in range(60_000)) if residue >= 200)
    return frozenset(range(200, drawn[int(reach * 60_000)] + 1))


# 0.003 is three standard errors of that share.
FAULTY = _faulty(bound(TRIALS, ALPHA) + 0.003)


def clean(trials: int, number: Callable[[int], int] = lambda trial: trial) -> Callable[[np.random.Generator], bool]:
    """All trials on a function that fails more often than the bound are clean: the bound is wrong."""

    def run(rng: np.random.Generator) -> bool:
        seed = int(rng.integers(2**31))
        return all(_residue(Seeded(seed, number(trial))) not in FAULTY for trial in range(trials))

    return run


def test_a_pass_is_wrong_as_rarely_as_promised() -> None:
    assert_error_below(clean(TRIALS), ALPHA, runs=2000, seed=1)


def test_a_generator_that_repeats_itself_is_caught() -> None:
    """The mutant draws each table three times, so that the trials are not independent."""
    with pytest.raises(AssertionError):
        assert_error_below(clean(TRIALS, lambda trial: trial // 3), ALPHA, runs=2000, seed=1)


def test_a_bound_of_too_few_trials_is_caught() -> None:
    """The mutant counts boundary tables, half as many again, for trials."""
    with pytest.raises(AssertionError):
        assert_error_below(clean(TRIALS * 2 // 3), ALPHA, runs=2000, seed=1)


@pytest.mark.slow
def test_the_verdict_of_a_whole_run_is_wrong_as_rarely_as_promised() -> None:
    """Boundary tables and the search come on top; they can only take passes away."""

    def residue_is_faulty(frame: pd.DataFrame) -> pd.Series:
        return frame["x"].where(~(frame["x"] % 997).isin(FAULTY), math.nan)

    def run(rng: np.random.Generator) -> bool:
        seed = int(rng.integers(2**31))
        found = fuzz(
            residue_is_faulty, SCHEMA, oracles=["finite"], trials=TRIALS, alpha=ALPHA, seed=seed, rows=1, corpus=None
        )
        return found[0].passed

    assert_error_below(run, ALPHA, runs=150, seed=3)


def test_a_fault_of_one_table_in_five_is_found() -> None:
    faulty = _faulty(0.2)

    def found(rng: np.random.Generator) -> bool:
        seed = int(rng.integers(2**31))
        return any(_residue(Seeded(seed, trial)) in faulty for trial in range(TRIALS))

    assert_power_above(found, 0.95, runs=600, seed=2)
