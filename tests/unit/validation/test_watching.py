"""A watch of rates: what it remembers, what it refuses, and when it withdraws its guarantee."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import DataError, UsageError
from assay.validation import Schema, Watch

SCHEMA = Schema.from_toml('[columns.x]\ntype = "number"\nnulls = { at_most = 0.1 }\n')


def batch(rng, rate, rows=400):
    return pa.table({"x": pa.array(np.zeros(rows), mask=rng.random(rows) < rate)})


def run(rates, watch=None, seed=0):
    rng, watch = np.random.default_rng(seed), watch or Watch(SCHEMA)
    return [watch.update(batch(rng, rate), f"day {i:04d}")[0] for i, rate in enumerate(rates)]


def test_a_watch_goes_on_from_what_it_remembers():
    rng = np.random.default_rng(1)
    batches = [batch(rng, 0.09) for _ in range(12)] + [batch(rng, 0.14) for _ in range(6)]
    whole, first = Watch(SCHEMA), Watch(SCHEMA)
    told = [whole.update(one, f"day {i:02d}")[0] for i, one in enumerate(batches)]
    for i, one in enumerate(batches[:9]):
        first.update(one, f"day {i:02d}")
    second = Watch(SCHEMA).restore(first.to_json())
    rest = [second.update(one, f"day {i:02d}")[0] for i, one in enumerate(batches) if i >= 9]
    assert [v.evidence.statistic for v in rest] == [v.evidence.statistic for v in told[9:]]
    assert any(v.failed for v in rest)
    with pytest.raises(DataError, match="not later than the last"):
        second.update(batches[0], "day 03")
    with pytest.raises(DataError, match="another allowance"):
        Watch(SCHEMA, false_alarms="2/year").restore(first.to_json())
    with pytest.raises(DataError, match="cannot be read"):
        Watch(SCHEMA).restore(b"{}")


def test_a_lasting_rise_keeps_its_guarantee():
    told = run([0.05] * 30 + [0.2] * 5)
    assert all(v.passed for v in told[:30])
    assert all(v.failed and v.guarantee.kind == "anytime" for v in told[30:])


def test_a_season_and_runs_of_bad_batches_withdraw_it():
    weekly = run([0.01, 0.01, 0.01, 0.01, 0.01, 0.2, 0.2] * 8)
    assert weekly[-1].inconclusive
    assert weekly[-1].guarantee.kind == "none"
    assert "a season" in weekly[-1].reason
    waves = 0.06 + 0.05 * np.sin(np.arange(70) / 5)
    assert "come in runs" in run(waves)[-1].reason
    rng = np.random.default_rng(2)
    spread = run(np.clip(rng.beta(0.5, 9, 60), 0, 1))[-1]
    assert "differ between batches more than those of independent rows: declare a unit" in spread.reason
    by_unit = run(np.clip(rng.beta(0.5, 9, 60), 0, 1), Watch(SCHEMA, unit="x"))[-1]
    assert by_unit.guarantee.kind == "anytime"


def test_what_cannot_be_watched_is_told():
    with pytest.raises(UsageError, match="no rule of the schema has a limit above 0"):
        Watch(Schema.from_toml('[columns.x]\ntype = "number"\nnulls = "never"\n'))
    [verdict] = Watch(SCHEMA).update(pa.table({"y": [1]}), "day 1")
    assert verdict.status == "skipped"
