from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.core import Verdict
from assay.errors import DataError
from assay.validation import Schema, infer, validate
from assay.validation.codes import percent


def frame(rows=3000, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "origin": rng.choice(["EWR", "JFK"], rows).astype(object),
            "hour": rng.integers(5, 23, rows),
            "miles": rng.gamma(4, 250, rows),
        }
    )


SCHEMA = infer(frame())


def by_name(verdicts):
    return {(v.subject, v.code): v for v in verdicts}


def test_one_verdict_for_each_column_and_rule():
    verdicts = validate(frame(seed=1), SCHEMA, check="fit", dataset="live")
    assert [(v.subject, v.code, v.status) for v in verdicts] == [
        ("origin", "VAL101", "pass"),
        ("origin", "VAL102", "pass"),
        ("origin", "VAL104", "pass"),
        ("hour", "VAL101", "pass"),
        ("hour", "VAL102", "pass"),
        ("hour", "VAL103", "pass"),
        ("miles", "VAL101", "pass"),
        ("miles", "VAL102", "pass"),
        ("miles", "VAL103", "pass"),
        ("miles", "VAL105", "pass"),
    ]
    one = by_name(verdicts)["miles", "VAL105"]
    assert one.guarantee.kind == "exact"
    assert one.guarantee.error == pytest.approx(0.05)
    assert one.guarantee.scope == "any false alarm, all columns together"
    assert one.evidence.lower <= one.evidence.estimate <= one.evidence.upper
    assert one.evidence.estimate <= one.evidence.limit < one.evidence.statistic["found_with_power_90"]
    assert "would have been found with probability 0.9" in one.reason
    assert "not excluded" not in one.reason
    few = by_name(validate(frame(seed=1).head(100), SCHEMA, check="fit", dataset="live"))["miles", "VAL105"]
    assert few.passed
    assert few.evidence.upper > few.evidence.limit
    assert f"though rates up to {percent(few.evidence.upper)} are not excluded" in few.reason
    assert list(one.evidence.fingerprints) == ["live"]
    fact = by_name(verdicts)["miles", "VAL101"]
    assert (fact.guarantee.kind, fact.guarantee.error) == ("exact", 0.0)
    assert all(Verdict.from_json(v.to_json()).id == v.id for v in verdicts)


def test_a_fault_says_what_where_and_what_to_do():
    bad = frame(seed=1)
    bad.loc[bad.index[:300], "origin"] = None
    verdict = by_name(validate(bad, SCHEMA, dataset="live", source="'live.parquet'", blocking=True))["origin", "VAL102"]
    assert verdict.failed
    assert verdict.blocking
    assert "300 of 3,000 rows (10%) have missing values in origin" in verdict.reason
    assert verdict.actions[0].command == "SELECT * FROM 'live.parquet' WHERE \"origin\" IS NULL"


def test_types():
    good = frame(seed=1)
    floats = good.assign(hour=good.hour.astype(float))
    assert by_name(validate(floats, SCHEMA))["hour", "VAL101"].passed
    halves = good.assign(hour=good.hour + 0.5)
    verdicts = by_name(validate(halves, SCHEMA))
    assert verdicts["hour", "VAL101"].failed
    # Numbers of the wrong kind can still be out of range.
    assert verdicts["hour", "VAL103"].status != "skipped"
    texts = by_name(validate(good.assign(hour=good.hour.astype(str)), SCHEMA))
    assert "of type string in the batch, the schema says integer" in texts["hour", "VAL101"].reason
    assert texts["hour", "VAL103"].status == "skipped"
    empty = pa.table(good).set_column(1, "hour", pa.nulls(len(good), pa.string()))
    verdicts = by_name(validate(empty, SCHEMA))
    assert verdicts["hour", "VAL101"].passed
    assert verdicts["hour", "VAL102"].failed


def test_missing_and_new_columns():
    verdicts = by_name(validate(frame(seed=1).rename(columns={"miles": "mile", "hour": "hours_"}), SCHEMA))
    assert verdicts["miles", "VAL101"].failed
    assert "did you mean 'mile'?" in verdicts["miles", "VAL101"].reason
    assert verdicts["miles", "VAL105"].status == "skipped"
    assert "mile" in verdicts["new columns", "VAL101"].reason
    optional = SCHEMA.to_toml().replace("[columns.miles]", "[columns.miles]\nrequired = false")
    assert by_name(validate(frame().drop(columns="miles"), Schema.from_toml(optional)))["miles", "VAL101"].passed


def test_above_the_limit_by_chance_is_inconclusive_and_says_what_would_decide():
    few = frame(40, seed=1)
    few.loc[few.index[:2], "origin"] = None
    verdict = by_name(validate(few, SCHEMA))["origin", "VAL102"]
    assert verdict.inconclusive
    assert "chance could have done it" in verdict.reason
    assert "rows" in verdict.actions[0].title


def test_a_declared_limit_has_no_reference_and_all_of_alpha():
    text = 'version = 1\n[columns.x]\ntype = "number"\nrange = { min = 0, max = 1, at_most = 0.001 }\n'
    schema = Schema.from_toml(text)
    inside = pa.table({"x": np.linspace(0, 1, 50)})
    assert all(v.passed for v in validate(inside, schema))
    verdict = by_name(validate(pa.table({"x": [*np.linspace(0, 1, 50), 1.5, 1.6]}), schema))["x", "VAL103"]
    assert verdict.failed
    assert verdict.guarantee.error == pytest.approx(0.05)
    assert [a.status for a in verdict.guarantee.assumptions] == ["unverifiable", "declared"]


def test_a_schema_is_inferred_from_the_reference():
    assert all(v.passed for v in validate(frame(seed=1), reference=frame()))
    with pytest.raises(DataError, match="give a schema, or a reference"):
        validate(frame())


def test_what_cannot_be_checked():
    with pytest.raises(DataError, match="live has no rows"):
        validate(frame().head(0), SCHEMA, dataset="live")
    with pytest.raises(DataError, match="no column 'day'"):
        validate(frame(), SCHEMA, unit="day")
    with pytest.raises(ValueError, match=r"alpha is 0.01: it must lie above 0.01"):
        validate(frame(), SCHEMA, alpha=0.01)


def days(count, start=0, seed=0, rows=40):
    one = frame(count * rows, seed)
    return one.assign(date=np.datetime64("2013-01-01") + (np.repeat(np.arange(count), rows) + start))


def test_units_compare_with_the_reference_or_with_the_limits():
    schema = infer(days(60), unit="date")
    bad = days(10, 60, seed=2)
    bad.loc[np.random.default_rng(0).random(len(bad)) < 0.15, "origin"] = None
    beside = by_name(validate(bad, schema, reference=days(60), unit="date"))["origin", "VAL102"]
    alone = by_name(validate(bad, schema, unit="date"))["origin", "VAL102"]
    assert beside.failed
    assert alone.failed
    assert (beside.evidence.units, beside.evidence.unit) == (10, "date")
    assert beside.evidence.method != alone.evidence.method
    assert beside.guarantee.error == pytest.approx(0.05)
    assert all(not v.failed for v in validate(days(10, 60, seed=3), schema, reference=days(60), unit="date"))


def test_one_unit_cannot_raise_an_alarm_and_says_so():
    schema = infer(days(60), unit="date")
    bad = days(1, 60, seed=2)
    bad["origin"] = None
    verdict = by_name(validate(bad, schema, reference=days(60), unit="date"))["origin", "VAL102"]
    assert verdict.inconclusive
    assert "so few units could not have raised an alarm" in verdict.reason


def test_undeclared_clusters_make_an_alarm_inconclusive():
    bad = days(10, 60, seed=2)
    bad.loc[bad.index[:120], "origin"] = None
    verdict = by_name(validate(bad, infer(days(60))))["origin", "VAL102"]
    assert verdict.inconclusive
    assert verdict.guarantee.kind == "none"
    assert "rows cluster by the day of date" in verdict.reason
    assert "declare" in verdict.actions[0].title


def test_the_same_batch_gives_the_same_verdicts():
    schema = infer(days(60), unit="date")
    batch = days(10, 60, seed=2)
    batch.loc[batch.index[:60], "origin"] = None
    first, second = (validate(rows, schema, reference=days(60), unit="date") for rows in (batch, batch))
    assert [v.id for v in first] == [v.id for v in second]
    shuffled = validate(batch.sample(frac=1, random_state=0), schema, reference=days(60), unit="date")
    assert [v.id for v in first] == [v.id for v in shuffled]
