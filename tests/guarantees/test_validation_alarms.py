"""False alarms of data checks: realised rate, power, and mutants that must be caught."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from assay.data import table as open_table
from assay.errors import DataError
from assay.stats import binomial
from assay.stats.multiplicity import holm
from assay.validation import alarms, infer, inference, validate
from assay.validation.profiling import ColumnProfile, ValueCount
from assay.validation.rules import Counts, halves

ALPHA = 0.05


def kept(false_alarms, runs, alpha=ALPHA):
    """Tell whether a promise of alpha is compatible with what was seen."""
    return binomial.p_value_greater(false_alarms, runs, alpha) > 1e-3


# Independent rows. Reference and batch come from one distribution, and the tolerance is 0, so that the truth sits
# exactly on the boundary that the promise speaks of.
N, M, COLUMNS = 600, 3000, 5


def one_run(rng, bounded, combine):
    """Draw a reference and a batch with four kinds of rules on five columns each; tell if any rule alarms."""
    share = inference.ERROR / (4 * COLUMNS)
    limits, broken = [], []
    for _ in range(COLUMNS):
        rate = 0.03
        facts = ColumnProfile(kind="integer", type="int64", rows=N, nulls=int(rng.binomial(N, rate)))
        limits.append(bounded("nulls", facts, share))
        broken.append(rng.binomial(M, rate))
        x, y = rng.exponential(size=N), rng.exponential(size=M)
        facts = ColumnProfile(kind="number", type="float64", rows=N, nulls=0, min=x.min(), max=x.max())
        limits.append(bounded("range", facts, share))
        broken.append(np.sum((y < x.min()) | (y > x.max())))
        low, high = np.quantile(x, [0.01, 0.99])
        limits.append(bounded("tails", facts, share))
        broken.append(np.sum((y < low) | (y > high)))
        shares = rng.permutation(np.r_[np.full(5, 0.18), np.full(50, 0.002)])
        counts = rng.multinomial(N, shares)
        top = tuple(ValueCount(str(i), int(c)) for i, c in enumerate(counts) if c)
        facts = ColumnProfile(kind="string", type="string", rows=N, nulls=0, top=top)
        limits.append(bounded("categories", facts, share))
        broken.append(rng.multinomial(M, shares)[counts == 0].sum())
    found = alarms.against_limits(Counts(np.array([broken]), np.array([M])), np.array(limits))
    return bool((combine(found.p_values) <= ALPHA - inference.ERROR).any())


def bounds(family, facts, share):
    rules = {
        "nulls": inference.Nulls(1.0),
        "range": inference.Range(min=0, max=1, at_most=1.0),
        "tails": inference.Tails(low=0, high=1, at_most=1.0),
        "categories": inference.Categories(values=("a",), at_most=1.0),
    }
    column = inference.Column(type=facts.kind, **{family: rules[family]})
    return getattr(inference._bounded(column, facts, share), family).at_most


def points(family, facts, share):
    if family == "nulls":
        return facts.nulls / facts.rows
    return 0.02 if family == "tails" else 1e-9


@pytest.fixture
def no_tolerance(monkeypatch):
    monkeypatch.setattr(inference, "TOLERANCE", dict.fromkeys(inference.TOLERANCE, 0.0))


@pytest.mark.usefixtures("no_tolerance")
def test_false_alarms_on_independent_rows():
    rng, runs = np.random.default_rng(1), 150
    false = sum(one_run(rng, bounds, holm) for _ in range(runs))
    assert kept(false, runs)


@pytest.mark.usefixtures("no_tolerance")
def test_a_reference_taken_as_exact_is_caught():
    rng, runs = np.random.default_rng(2), 60
    assert not kept(sum(one_run(rng, points, holm) for _ in range(runs)), runs)


def test_each_bound_covers_at_its_own_share(monkeypatch):
    monkeypatch.setattr(inference, "TOLERANCE", dict.fromkeys(inference.TOLERANCE, 0.0))
    rng, runs, share = np.random.default_rng(3), 1500, 0.05
    missed = {"range": 0, "tails": 0, "categories": 0}
    naive = 0
    shares = np.r_[np.full(5, 0.18), np.full(50, 0.002)]
    for _ in range(runs):
        x = np.sort(rng.random(400))
        facts = ColumnProfile(kind="number", type="float64", rows=400, nulls=0, min=x[0], max=x[-1])
        outside = 1 - (x[-1] - x[0])
        missed["range"] += outside > bounds("range", facts, share)
        # As if the ends of the range had not been chosen by the data.
        naive += outside > binomial.upper(0, 400, share)
        low, high = np.quantile(x, [0.01, 0.99])
        missed["tails"] += 1 - (high - low) > bounds("tails", facts, share)
        counts = rng.multinomial(400, shares)
        top = tuple(ValueCount(str(i), int(c)) for i, c in enumerate(counts) if c)
        facts = ColumnProfile(kind="string", type="string", rows=400, nulls=0, top=top)
        missed["categories"] += shares[counts == 0].sum() > bounds("categories", facts, share)
    assert all(kept(count, runs, share) for count in missed.values()), missed
    assert not kept(naive, runs, share)


def test_without_holm_twenty_columns_alarm():
    rng, runs = np.random.default_rng(4), 400
    limits = np.full(20, 0.02)
    with_holm = without = 0
    for _ in range(runs):
        counts = Counts(rng.binomial(20_000, limits)[None, :], np.array([20_000]))
        p_values = alarms.against_limits(counts, limits).p_values
        with_holm += (holm(p_values) <= ALPHA).any()
        without += (p_values <= ALPHA).any()
    assert kept(with_holm, runs)
    assert not kept(without, runs)


# Clustered rows: the rate differs from unit to unit.
def units(rng, number, columns, mean=0.05, spread=0.3):
    """Counts by unit whose rates follow a beta distribution; a small `spread` makes them differ wildly."""
    sizes = rng.integers(20, 80, number)
    rates = rng.beta(mean * spread * 10, (1 - mean) * spread * 10, (number, columns))
    return Counts(rng.binomial(sizes[:, None], rates), sizes)


def test_false_alarms_on_clustered_rows(monkeypatch):
    monkeypatch.setattr(alarms, "CHOICES", 999)
    rng, runs, columns = np.random.default_rng(5), 250, 8
    nothing = np.zeros(columns)
    permuted = naive = 0
    for run in range(runs):
        reference, batch = units(rng, 40, columns), units(rng, 8, columns)
        found = alarms.units_against_units(batch, reference, nothing, seed=run)
        permuted += (holm(found.p_values) <= ALPHA).any()
        # The mutant counts rows as if they were independent, with the true rate as its limit.
        as_rows = alarms.against_limits(batch, np.full(columns, 0.05))
        naive += (holm(as_rows.p_values) <= ALPHA).any()
    assert kept(permuted, runs)
    assert not kept(naive, runs)


def test_false_alarms_of_bets_on_units():
    rng, runs, columns = np.random.default_rng(6), 150, 6
    false = 0
    for _ in range(runs):
        found = alarms.units_against_limits(units(rng, 60, columns), np.full(columns, 0.05))
        false += (holm(found.p_values) <= ALPHA).any()
    assert kept(false, runs)


def test_power_on_clustered_rows(monkeypatch):
    monkeypatch.setattr(alarms, "CHOICES", 999)
    rng, runs, columns = np.random.default_rng(7), 30, 8
    permuted = bets = 0
    for run in range(runs):
        reference, batch = units(rng, 45, columns, 0.01, 3), units(rng, 7, columns, 0.01, 3)
        batch.broken[:, 0] = rng.binomial(batch.sizes, 0.12)
        found = alarms.units_against_units(batch, reference, np.full(columns, 0.02), seed=run)
        permuted += holm(found.p_values)[0] <= ALPHA
        bets += holm(alarms.units_against_limits(batch, np.full(columns, 0.02)).p_values)[0] <= ALPHA
    assert permuted >= 0.9 * runs
    assert bets >= 0.6 * runs


# The whole way, from table to verdict.
def batch(rng, rows):
    return {
        "miles": rng.gamma(4, 250, rows),
        "hour": rng.integers(5, 23, rows),
        "origin": rng.choice(["EWR", "JFK", "LGA"], rows).astype(object),
        "score": rng.normal(size=rows),
    }


def test_no_false_alarm_on_the_whole_way():
    rng, runs = np.random.default_rng(8), 25
    false = 0
    for _ in range(runs):
        schema = infer(pa.table(batch(rng, 1500)))
        false += any(v.failed for v in validate(pa.table(batch(rng, 1500)), schema, alpha=ALPHA, fingerprints={}))
    assert kept(false, runs)


def broken_batches(rng, rows):
    nulls = batch(rng, rows)
    nulls["origin"][rng.random(rows) < 0.1] = None
    yield "VAL102", "origin", nulls
    km = batch(rng, rows)
    km["miles"] = km["miles"] * 1.609
    yield "VAL105", "miles", km
    new = batch(rng, rows)
    new["origin"][rng.random(rows) < 0.03] = "SWF"
    yield "VAL104", "origin", new
    far = batch(rng, rows)
    far["hour"] = np.where(rng.random(rows) < 0.05, 99, far["hour"])
    yield "VAL103", "hour", far
    text = batch(rng, rows)
    text["score"] = [f"{value:.2f}?" for value in text["score"]]
    yield "VAL101", "score", text
    lost = batch(rng, rows)
    del lost["hour"]
    yield "VAL101", "hour", lost


def test_real_faults_are_found_and_nothing_else_fails():
    rng = np.random.default_rng(9)
    for _ in range(3):
        schema = infer(pa.table(batch(rng, 5000)))
        for code, column, table in broken_batches(rng, 2000):
            failed = {(v.code, v.subject) for v in validate(pa.table(table), schema, fingerprints={}) if v.failed}
            assert (code, column) in failed
            assert {subject for _, subject in failed} == {column}


def clustered_table(rng, days, start, rows=60):
    day = np.repeat(np.arange(days) + start, rows)
    rates = np.repeat(rng.beta(0.15, 0.6, days), rows)
    return pa.table(
        {
            "date": (np.datetime64("2013-01-01") + day).astype("datetime64[us]"),
            "delay": np.where(rng.random(days * rows) < rates, np.nan, rng.normal(size=days * rows)),
        }
    )


def test_undeclared_clusters_give_no_alarm_and_declared_ones_keep_the_promise():
    rng, runs = np.random.default_rng(10), 15
    undeclared, false, doubted = 0, 0, 0
    for _ in range(runs):
        reference, table = clustered_table(rng, 60, 0), clustered_table(rng, 6, 60)
        plain = validate(table, infer(reference), fingerprints={})
        undeclared += any(v.failed for v in plain)
        doubted += any(v.inconclusive and v.actions and "declare" in v.actions[0].title for v in plain)
        days = {"reference": reference, "unit": "date", "fingerprints": {}}
        false += any(v.failed for v in validate(table, infer(reference, unit="date"), **days))
    assert undeclared == 0
    # Rows taken as independent would have alarmed often.
    assert doubted >= 3
    assert kept(false, runs)


def test_a_reference_half_without_units_raises_no_alarm_but_an_error():
    """Next to nobody, every batch would look special: p = 1 / (1 + choices)."""
    reference = pa.table({"day": [f"d{i}" for i in range(40)], "x": [float(i % 7) for i in range(40)]})
    schema = infer(reference, unit="day")
    batch = pa.table({"day": ["e1", "e2"], "x": [99.0, 99.0]})
    one = next(
        part
        for day in reference["day"].to_pylist()
        for part in [reference.filter(pa.array([d == day for d in reference["day"].to_pylist()]))]
        if not halves(open_table(part), "day")[1].count().to_pyarrow().as_py()
    )
    with pytest.raises(DataError, match="more units"):
        validate(batch, schema, reference=one, unit="day")
