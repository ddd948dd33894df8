"""Rules that are asked together, of all rows and of slices, beside drift: error, power, and mutants that must be caught."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from assay.testing.coverage import assert_error_below, assert_power_above
from assay.validation import Schema, rates, validate
from assay.validation import checking as whole

if TYPE_CHECKING:
    from assay.core import Verdict

ALPHA = 0.1
LIMIT = 0.05
ROWS = 1600

SLICED = Schema.from_toml(
    "version = 1\n"
    + "".join(f'[columns.x{j}]\ntype = "integer"\nrange = {{ max = 0, at_most = {LIMIT} }}\n' for j in range(2))
    + '[columns.g]\ntype = "string"\n[[slices]]\nby = ["g"]\n'
)
MANY = Schema.from_toml(
    "version = 1\n"
    + "".join(f'[columns.x{j}]\ntype = "integer"\nrange = {{ max = 0, at_most = {LIMIT} }}\n' for j in range(24))
)
DRIFTING = Schema.from_toml(
    'version = 1\n[columns.x0]\ntype = "integer"\nrange = { max = 0, at_most = 0.05 }\n'
    + "".join(f'[columns.y{j}]\ntype = "boolean"\ndrift = {{ tolerance = 0.02 }}\n' for j in range(9))
)


def ones(rng: np.random.Generator, rate: float, rows: int = ROWS) -> np.ndarray:
    return (rng.random(rows) < rate).astype(int)


def sliced(rng: np.random.Generator, bad: float = LIMIT) -> pa.Table:
    """Every rule exactly at its limit in every slice; one of them at ``bad`` in the slice g = c."""
    group = rng.choice(list("abcd"), ROWS)
    x0 = np.where(group == "c", ones(rng, bad), ones(rng, LIMIT))
    return pa.table({"x0": x0, "x1": ones(rng, LIMIT), "g": group})


def failed(verdicts: list[Verdict]) -> set[str]:
    return {verdict.subject for verdict in verdicts if verdict.failed}


def any_alarm_in_slices(rng: np.random.Generator) -> bool:
    return bool(failed(validate(sliced(rng), SLICED, alpha=ALPHA, fingerprints={})))


def test_slices_together_seldom_alarm() -> None:
    assert_error_below(any_alarm_in_slices, ALPHA, runs=40, seed=1)


def test_slices_that_are_not_joined_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "holm", np.asarray)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(any_alarm_in_slices, ALPHA, runs=30, seed=2)


def test_a_fault_in_one_slice_is_found_and_named() -> None:
    def found(rng: np.random.Generator) -> bool:
        return "x0 | g = c" in failed(validate(sliced(rng, 0.2), SLICED, alpha=ALPHA, fingerprints={}))

    assert_power_above(found, 0.6, runs=25, seed=3)


@pytest.mark.slow
def test_a_fault_in_one_slice_is_not_told_of_others() -> None:
    def told(rng: np.random.Generator) -> bool:
        fault = {"x0", "x0 | g = c"}  # all rows hold the slice, and are over the limit too
        return bool(failed(validate(sliced(rng, 0.2), SLICED, alpha=ALPHA, fingerprints={})) - fault)

    assert_error_below(told, ALPHA, runs=60, seed=4)


FDR = 0.2
FAULTS = 6


def shares(rng: np.random.Generator, faults: int = FAULTS) -> tuple[float, float]:
    """Share of false alarms among all, and share of faults found."""
    table = pa.table({f"x{j}": ones(rng, 0.09 if j < faults else LIMIT) for j in range(24)})
    found = failed(validate(table, MANY, fdr=FDR, fingerprints={}))
    true = sum(f"x{j}" in found for j in range(faults))
    return (len(found) - true) / max(len(found), 1), true / max(faults, 1)


def false_share(rng: np.random.Generator, faults: int = FAULTS) -> bool:
    # A coin that falls with the share's probability: its mean is the expected share.
    return bool(rng.random() < shares(rng, faults)[0])


@pytest.mark.parametrize("faults", [0, FAULTS])
def test_the_share_of_false_alarms_is_kept(faults: int) -> None:
    assert_error_below(lambda rng: false_share(rng, faults), FDR, runs=60, seed=5)


def test_a_share_that_is_not_corrected_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "benjamini_yekutieli", np.asarray)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: false_share(rng, 0), FDR, runs=20, seed=6)


def test_faults_are_found_when_their_share_is_limited() -> None:
    assert_power_above(lambda rng: bool(rng.random() < shares(rng)[1]), 0.8, runs=60, seed=7)


# One rate rule and nine columns that may drift: the rule has a tenth of alpha, and each column another.
def drifting(rng: np.random.Generator, moved: float = 0.02, rate: float = LIMIT) -> tuple[pa.Table, pa.Table]:
    sides = []
    for by, rows in ((0.0, 6000), (moved, ROWS)):
        columns = {f"y{j}": ones(rng, 0.01 + by, rows) > 0 for j in range(9)}
        sides.append(pa.table({"x0": ones(rng, rate, rows), **columns}))
    return sides[0], sides[1]


def any_alarm_with_drift(rng: np.random.Generator, fdr: float | None = None) -> bool:
    before, after = drifting(rng)
    return bool(failed(validate(after, DRIFTING, reference=before, alpha=ALPHA, fdr=fdr, fingerprints={})))


@pytest.mark.parametrize("fdr", [None, ALPHA])
def test_rates_and_drift_together_seldom_alarm(fdr: float | None) -> None:
    # Nothing is at fault, so that the share of false alarms is 1 as soon as there is one.
    assert_error_below(lambda rng: any_alarm_with_drift(rng, fdr), ALPHA, runs=15, seed=8)


@pytest.mark.slow
@pytest.mark.parametrize("fdr", [None, ALPHA])
def test_rates_and_drift_together_seldom_alarm_in_many_runs(fdr: float | None) -> None:
    assert_error_below(lambda rng: any_alarm_with_drift(rng, fdr), ALPHA, runs=150, seed=9)


@pytest.mark.slow
def test_an_alpha_that_is_spent_twice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if drift cost nothing: the rule has all of alpha, and each column as much again.
    monkeypatch.setattr(whole, "comparisons", lambda *_, **__: 0)
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(any_alarm_with_drift, ALPHA, runs=100, seed=10)


def test_rates_and_drift_are_both_found_with_their_share_of_alpha() -> None:
    def found(rng: np.random.Generator) -> bool:
        before, after = drifting(rng, moved=0.2, rate=0.12)
        told = failed(validate(after, DRIFTING, reference=before, alpha=ALPHA, fingerprints={}))
        return {"x0", *(f"y{j}" for j in range(9))} <= told

    assert_power_above(found, 0.5, runs=15, seed=11)


# Rows of one unit resemble each other, and rules are asked of slices too.
UNITS = Schema.from_toml(SLICED.to_toml().replace("version = 1\n", 'version = 1\nunit = "day"\n', 1))


def by_unit(rng: np.random.Generator, days: int = 60, bad: float = LIMIT) -> pa.Table:
    sizes = rng.integers(20, 60, days)
    day = np.repeat(np.arange(days), sizes)
    rates_of_days = np.repeat(rng.beta(LIMIT * 4, (1 - LIMIT) * 4, days), sizes)
    group = rng.choice(list("ab"), day.size)
    x0 = rng.random(day.size) < np.where(group == "a", rates_of_days * bad / LIMIT, rates_of_days)
    x1 = rng.random(day.size) < rates_of_days
    return pa.table({"x0": x0.astype(int), "x1": x1.astype(int), "g": group, "day": day})


def any_alarm_by_unit(rng: np.random.Generator) -> bool:
    return bool(failed(validate(by_unit(rng), UNITS, alpha=ALPHA, fingerprints={})))


def test_slices_of_clustered_rows_seldom_alarm() -> None:
    assert_error_below(any_alarm_by_unit, ALPHA, runs=40, seed=12)


def test_clustered_rows_taken_for_independent_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # The mutant forgets the unit when it counts, and the test for clusters with it.
    monkeypatch.setattr(rates.clusters, "candidates", lambda *_: [])
    plain = Schema.from_toml(SLICED.to_toml())

    def alarms(rng: np.random.Generator) -> bool:
        return bool(failed(validate(by_unit(rng), plain, alpha=ALPHA, fingerprints={})))

    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(alarms, ALPHA, runs=40, seed=13)
