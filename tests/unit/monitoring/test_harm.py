from __future__ import annotations

import datetime
import json

import numpy as np
import pandas as pd
import pytest

from assay.errors import DataError, StoreError, UsageError
from assay.monitoring import HarmMonitor


def days(count, rate, *, first="2013-01-01", rows=50, seed=0, spread=15.0):
    rng = np.random.default_rng(seed)
    chance = rng.beta(rate * spread, (1 - rate) * spread, size=count)
    label = (rng.random((count, rows)) < chance[:, None]).ravel().astype(int)
    return pd.DataFrame(
        {
            "label": label,
            "prediction": 0,
            "score": 0.2,
            "date": np.datetime64(first) + np.repeat(np.arange(count), rows),
            "early": np.tile(np.arange(rows) < rows // 2, count),
        }
    )


def monitor(**changes):
    settings = {"reference": days(60, 0.2), "unit": "date", "horizon": 92, **changes}
    return HarmMonitor(**settings)


QUIET = days(40, 0.2, first="2013-04-01", seed=1)
RISEN = days(60, 0.4, first="2013-05-11", seed=2)


def test_quiet_passes_and_a_rise_fails():
    watch = monitor()
    quiet = watch.update(QUIET)
    assert quiet.passed
    assert not quiet.pages
    assert quiet.guarantee.kind == "anytime"
    assert quiet.guarantee.error == 0.05
    assert quiet.evidence.units == 39
    verdict = watch.update(RISEN, complete=True)
    seen = verdict.evidence.statistic
    assert verdict.failed
    assert verdict.pages
    assert "2013-05-05" <= seen["since"] <= "2013-05-16"
    assert seen["since"] <= seen["alarm_at"]
    assert verdict.evidence.lower < verdict.evidence.estimate < verdict.evidence.upper
    assert "assay adapt" in verdict.actions[0].command
    assert {len(column) for column in verdict.evidence.series.values()} == {100}
    assert verdict.evidence.series["time"][0] == "2013-04-01"


def test_an_incident_stays_open_until_reset():
    watch = monitor(smallest_rise=0.2)
    watch.update(RISEN, complete=True)
    assert watch.update(days(5, 0.1, first="2013-08-01"), complete=True).failed
    watch.reset(reference=days(60, 0.4, seed=5))
    verdict = watch.update(days(30, 0.4, first="2013-09-01", seed=6), complete=True)
    assert verdict.passed
    assert verdict.evidence.statistic["units_since_start"] == 95


def test_resuming_from_json_gives_the_same_verdicts():
    whole, parts = monitor(slices=("early",)), monitor(slices=("early",))
    stream = pd.concat([QUIET, RISEN])
    for start in range(0, len(stream), 333):
        batch = stream.iloc[start : start + 333]
        parts = HarmMonitor.from_dict(json.loads(json.dumps(parts.to_dict())))
        assert parts.update(batch).id == whole.update(batch).id
    one = monitor(slices=("early",))
    assert one.update(stream).id == parts.verdict().id


def test_one_row_at_a_time_is_the_same_as_one_batch():
    stream = days(6, 0.3, rows=7, first="2013-06-01")
    whole, single = monitor(), monitor()
    for row in range(len(stream)):
        single.update(stream.iloc[row : row + 1])
    assert single.verdict().id == whole.update(stream).id


def test_the_last_day_waits_and_late_rows_are_left_out():
    watch = monitor()
    verdict = watch.update(days(1, 0.2, first="2013-04-01"))
    assert verdict.status == "skipped"
    watch.update(days(2, 0.2, first="2013-04-02"))
    late = watch.update(days(1, 0.2, first="2013-04-01"))
    assert late.evidence.statistic["late_rows"] == 50
    assert late.evidence.units == 2
    assert late.evidence.statistic["open_units"] == 1


def test_days_may_be_text_dates_or_times():
    frame = days(5, 0.2, first="2013-04-01", rows=10)
    shapes = [
        frame["date"].astype(str).to_numpy(),
        frame["date"].to_numpy() + np.timedelta64(9, "h"),
        np.array([datetime.date.fromisoformat(str(d)[:10]) for d in frame["date"]], dtype=object),
    ]
    names = [monitor().update(frame.assign(date=shape), complete=True).evidence.series["time"] for shape in shapes]
    assert names == [[f"2013-04-0{day}" for day in range(1, 6)]] * 3


def test_undeclared_days_are_inconclusive():
    verdict = monitor(unit="row", time="date").update(QUIET)
    assert verdict.inconclusive
    assert "date" in verdict.actions[0].title
    assert verdict.guarantee.kind == "none"
    assert not verdict.pages


def test_independent_rows_with_times_pass():
    reference, batch = days(60, 0.2, spread=1e6), days(10, 0.2, spread=1e6, seed=3)
    verdict = monitor(reference=reference, unit="row", time="date", horizon=1000).update(batch)
    assert verdict.passed
    assert any(a.status == "checked" for a in verdict.guarantee.assumptions)


def test_a_first_batch_is_tested_when_the_baseline_is_known():
    verdict = HarmMonitor(baseline=0.25, horizon=5000, time="date").update(QUIET)
    assert verdict.inconclusive


def test_a_small_reference_is_inconclusive_and_says_how_many_days():
    verdict = monitor(reference=days(8, 0.2)).update(QUIET)
    assert verdict.inconclusive
    more = verdict.actions[0].units
    assert more > 5
    assert monitor(reference=days(8 + more + 15, 0.2)).update(QUIET).passed


def test_a_known_baseline():
    watch = HarmMonitor(
        baseline={"all": 0.2, "early": 0.3}, slices=("early",), unit="date", max_unit_size=50, horizon=92
    )
    assert watch.update(QUIET).passed
    assert watch.update(RISEN).failed


def test_a_slice_is_named():
    def half(frame, seed):
        noise = np.random.default_rng(seed).random(len(frame))
        return frame.assign(label=np.where(frame["early"], noise < 0.5, noise < 0.1).astype(int))

    reference = days(60, 0.1, spread=1e6)
    verdict = monitor(reference=reference, slices=("early",)).update(half(RISEN, 0), complete=True)
    assert "early" in verdict.evidence.statistic["slices"]


def test_expected_pages_promise_a_number_not_a_probability():
    guarantee = monitor(false_pages=1.0).update(QUIET).guarantee
    assert guarantee.error == pytest.approx(1 / 92)
    assert "1 expected in 92" in guarantee.scope


def test_brier_and_given_losses():
    reference, batch = days(60, 0.2), QUIET
    brier = monitor(reference=reference, loss="brier").update(batch)
    given = monitor(reference=reference.assign(loss=(reference["score"] - reference["label"]) ** 2)).update(
        batch.assign(loss=(batch["score"] - batch["label"]) ** 2)
    )
    assert brier.evidence.estimate == pytest.approx(given.evidence.estimate)
    assert "Brier" in brier.reason


def test_an_empty_batch_changes_nothing():
    watch = monitor()
    before = watch.update(QUIET)
    assert watch.update(QUIET.iloc[:0]).id == before.id


def test_a_bad_batch_leaves_the_monitor_as_it_was():
    watch = monitor()
    before = watch.update(QUIET)
    with pytest.raises(DataError, match="row 3"):
        watch.update(QUIET.assign(label=np.where(np.arange(len(QUIET)) == 3, np.nan, QUIET["label"])))
    assert watch.verdict().id == before.id


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"reference": None}, UsageError, "reference or a baseline"),
        ({"baseline": 0.2}, UsageError, "not both"),
        ({"reference": None, "baseline": 0.2}, UsageError, "max_unit_size"),
        ({"reference": None, "baseline": 1.5, "unit": "row"}, UsageError, r"\(0, 1\)"),
        ({"alpha": 0.0}, UsageError, "false_pages"),
        ({"alpha": 1.5}, UsageError, "alpha"),
        ({"false_pages": 92}, UsageError, "false_pages"),
        ({"slices": ("all",)}, UsageError, "slices"),
        ({"tolerance": -0.1}, UsageError, "tolerance"),
        ({"slices": ("score",)}, DataError, "True or False"),
        ({"unit": "day"}, DataError, "no column 'day'"),
        ({"reference": days(60, 0.2).iloc[:0]}, DataError, "no rows"),
        ({"reference": days(60, 0.2).assign(early=False), "slices": ("early",)}, DataError, "'early' has no rows"),
        ({"unit": "row", "time": "score", "reference": days(3, 0.2).assign(score="x")}, DataError, "must hold times"),
    ],
)
def test_bad_settings_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        monitor(**changes)


def test_a_newer_state_is_refused():
    state = monitor().to_dict() | {"version": 99}
    with pytest.raises(StoreError, match="upgrade"):
        HarmMonitor.from_dict(state)
