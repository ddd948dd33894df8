from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from assay.data import table
from assay.errors import DataError, UsageError
from assay.validation import compare
from assay.validation.cells import cells
from assay.validation.shared_units import inside, marked
from assay.validation.witness import find

if TYPE_CHECKING:
    from assay.core import Verdict

CARRIERS = ["AA", "B6", "DL", "UA"]


def frame(rows: int, seed: int = 0, **moved: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    late = rng.random(rows) < 0.2 + moved.get("late", 0)
    share = moved.get("carrier", 0) / 2
    delay = rng.standard_t(3, rows) + moved.get("delay", 0)
    return pd.DataFrame(
        {
            "carrier": rng.choice(CARRIERS, rows, p=[0.25 - share, 0.25 - share, 0.25 + share, 0.25 + share]),
            "late": late,
            "delay": np.where(rng.random(rows) < 0.1 + moved.get("missing", 0), np.nan, delay),
            "seats": rng.integers(20, 400, rows),
        }
    )


def by_subject(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {verdict.subject: verdict for verdict in verdicts}


REFERENCE = frame(60_000)


@pytest.mark.parametrize("across", ["fdr", "familywise"])
def test_what_has_not_moved_passes_with_enough_rows(across: str) -> None:
    verdicts = compare(REFERENCE, frame(60_000, 1), across=across)  # type: ignore[arg-type]
    assert [v.status for v in verdicts] == ["pass"] * 4
    one = verdicts[0]
    assert one.code == "VAL201"
    assert one.evidence.upper is not None
    assert one.evidence.upper <= 0.05
    assert one.guarantee.scope.startswith({"fdr": "share of false passes,", "familywise": "any false pass,"}[across])


def test_few_rows_decide_nothing_and_say_how_many_would() -> None:
    verdicts = compare(REFERENCE, frame(300, 1))
    assert {v.status for v in verdicts} == {"inconclusive"}
    assert all(v.actions[0].title.startswith("compare about") for v in verdicts)


@pytest.mark.parametrize("across", ["fdr", "familywise"])
def test_what_moved_fails_and_is_named(across: str) -> None:
    now = frame(20_000, 1, late=0.2, carrier=0.3, missing=0.15)
    found = by_subject(compare(REFERENCE, now, across=across))  # type: ignore[arg-type]
    assert found["late"].failed
    assert "late in true" in found["late"].reason
    assert found["carrier"].failed
    assert "carrier in DL, UA" in found["carrier"].reason
    assert found["delay"].failed
    assert "missing" in found["delay"].reason
    assert found["seats"].passed
    assert found["late"].evidence.statistic["share_before"] == pytest.approx(0.2, abs=0.01)


def test_values_that_the_reference_lacks_are_rows_that_moved() -> None:
    now = frame(20_000, 1)
    now.loc[:3000, "carrier"] = "ZZ"
    found = by_subject(compare(REFERENCE, now))["carrier"]
    assert found.failed
    assert "never seen before" in found.reason


def test_a_change_of_unit_is_named_by_where_the_values_went() -> None:
    now = frame(20_000, 1)
    now["seats"] = now["seats"] * 1.609
    found = by_subject(compare(REFERENCE, now))["seats"]
    assert found.failed
    assert "seats >=" in found.reason


def test_order_and_format_change_nothing() -> None:
    now = frame(5000, 1, late=0.1)
    first = compare(REFERENCE, now)
    shuffled = compare(pa.Table.from_pandas(REFERENCE[::-1], preserve_index=False), pl.from_pandas(now.sample(frac=1)))
    assert [v.reason for v in shuffled] == [v.reason for v in first]


def test_what_cannot_be_compared_is_skipped_with_the_reason() -> None:
    before = frame(500).assign(when=pd.Timestamp("2024-01-01"), gone=1, kind="a")
    after = frame(500, 1).assign(when=pd.Timestamp("2024-02-01"), kind=2)
    found = by_subject(compare(before, after))
    assert found["when"].status == "skipped"
    assert "time moves on" in found["when"].reason
    assert "no column 'gone'" in found["gone"].reason
    assert "VAL101" in found["kind"].reason


def test_many_different_texts_are_compared_by_length() -> None:
    before = pa.table({"note": [f"note {i}" for i in range(20_000)]})
    after = pa.table({"note": [f"another note {i}" for i in range(5000)]})
    [found] = compare(before, after)
    assert found.failed
    assert "length of note" in found.reason
    assert found.claim.slice == "length of note"


@pytest.mark.parametrize(("before", "after"), [(1, 1), (2, 1), (2, 50), (50, 1)])
@pytest.mark.parametrize("across", ["fdr", "familywise"])
def test_a_table_of_a_row_or_two_decides_nothing(before: int, after: int, across: str) -> None:
    verdicts = compare(frame(before), frame(after, 1), across=across)  # type: ignore[arg-type]
    assert {v.status for v in verdicts} == {"inconclusive"}


def test_with_units_the_promise_is_about_the_distance_and_says_what_it_assumes() -> None:
    before, after = (frame(400, seed).assign(day=np.arange(400) // 5 + 1000 * seed) for seed in (0, 1))
    found = by_subject(compare(before, after, unit="day", across="familywise"))["late"]
    assert found.guarantee.scope == "any false alarm, all columns together"
    assert [each.text for each in found.guarantee.assumptions] == [
        "units of day are independent", "no day has more rows than 5",
    ]  # fmt: skip


def test_rows_that_cluster_by_something_like_an_id_decide_nothing() -> None:
    def by_customer(customers: int, seed: int, rate: float) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        ids = np.repeat(np.arange(customers) + 1000 * seed, 100)
        return pd.DataFrame(
            {
                "customer_id": ids,
                "returned": rng.random(ids.size) < rng.beta(2 * rate, 2 - 2 * rate, customers)[ids - 1000 * seed],
            }
        )

    found = by_subject(compare(by_customer(100, 1, 0.3), by_customer(60, 2, 0.6)))["returned"]
    assert found.inconclusive
    assert "cluster by customer_id" in found.reason
    assert 'unit = "customer_id"' in found.actions[0].title
    assert found.guarantee.kind == "none"
    units = by_subject(compare(by_customer(100, 1, 0.2), by_customer(60, 2, 0.8), unit="customer_id"))["returned"]
    assert units.failed
    assert units.evidence.unit == "customer_id"
    same = by_subject(compare(by_customer(100, 1, 0.3), by_customer(60, 2, 0.3), unit="customer_id"))["returned"]
    assert same.inconclusive


@pytest.mark.parametrize("seed", range(4))
def test_few_large_days_are_looked_at_too(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def by_day(days: int, first: int) -> pa.Table:
        day = np.repeat(np.arange(first, first + days), 12_000)
        late = rng.random(day.size) < rng.beta(3, 7, days).repeat(12_000)
        return pa.table({"day": day.astype("datetime64[D]"), "late": late})

    [found] = compare(by_day(12, 19_000 + 100 * seed), by_day(4, 20_000), columns=["late"], tolerance=0.005)
    assert found.inconclusive
    assert "cluster by the day of day" in found.reason


def test_large_tables_of_independent_rows_are_not_taken_for_clustered() -> None:
    rng = np.random.default_rng(0)

    def by_day(first: int) -> pa.Table:
        day = np.repeat(np.arange(first, first + 30), 4000)
        return pa.table({"day": day.astype("datetime64[D]"), "late": rng.random(day.size) < 0.3})

    [found] = compare(by_day(19_000), by_day(20_000), columns=["late"])
    assert found.passed
    # 20,000 of 120,000 rows were looked at, and weak clustering of so large days is not seen in them.
    assert found.guarantee.assumptions[0].status == "unverifiable"


@pytest.mark.parametrize("column", ["carrier", "late", "delay", "seats"])
def test_the_rows_of_a_witness_are_those_that_were_counted(column: str) -> None:
    before, after = table(REFERENCE), table(frame(4000, 1, late=0.1, missing=0.1, carrier=0.1))
    [counted] = cells(before, after, [column])
    seen = find(counted, 0.02)
    for opened, counts in ((before, counted.reference), (after, counted.current)):
        rows = int(inside(opened, column, seen, counted).sum().to_pyarrow().as_py() or 0)
        assert rows == counts[seen.inside].sum()
        values = opened.select(
            x=opened[column].cast("float64" if counted.scale == "ordered" else "string")
        ).to_pyarrow()
        assert marked(values["x"], seen, counted).sum() == rows


def test_infinities_have_cells_of_their_own() -> None:
    before = pa.table({"x": [1.0, 2.0, float("inf"), float("-inf"), None, float("nan")]})
    [counted] = cells(table(before), table(before), ["x"])
    assert counted.keys == ("missing", float("-inf"), 1.0, 2.0, float("inf"), "NaN")
    assert counted.reference.tolist() == [1] * 6


@pytest.mark.parametrize("rows_at_once", [1, 2_000_000])
def test_columns_counted_together_have_the_counts_of_each_alone(
    rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.validation.cells._VALUES", rows_at_once)
    monkeypatch.setattr("assay.validation.cells.MOST_TEXTS", 100)
    x = [0.1, 0.1, 3.0, -2.5, None, float("nan"), float("inf"), -0.0, 0.0] * 20
    wide = pa.table(
        {
            "x": x,
            "seats": pa.array([None, *range(179)], pa.int64()),
            "fare": pa.array([None if v is None or v != v or v > 9 else round(v, 2) for v in x]).cast(
                pa.decimal128(9, 2)
            ),
            "late": [v is not None and v > 0 for v in x],
            "carrier": pa.array(["AA", "missing", None, "NaN", "", "AA"] * 30).dictionary_encode(),
            "name": [f"flight {i}" for i in range(180)],
        }
    )
    narrow = wide.slice(0, 9)
    found = {each.measure: each for each in cells(table(wide), table(narrow), wide.column_names)}
    assert list(found) == ["x", "seats", "fare", "late", "carrier", "length of name"]
    assert found["x"].keys == ("missing", -2.5, 0.0, found["x"].keys[3], 3.0, float("inf"), "NaN")
    assert found["x"].keys[3] == pytest.approx(0.1, rel=5e-4)
    assert found["x"].reference.tolist() == [20, 20, 40, 40, 20, 20, 20]
    assert found["x"].current.tolist() == [1, 1, 2, 2, 1, 1, 1]
    assert found["seats"].keys == ("missing", *(float(i) for i in range(179)))
    assert found["fare"].reference.tolist() == [60, 20, 40, 40, 20]
    assert found["late"].keys == ("false", "true")
    assert found["late"].reference.tolist() == [100, 80]
    assert found["carrier"].keys == ("missing", "", "AA", "NaN", "missing")
    assert found["carrier"].special.tolist() == [True, False, False, False, False]
    assert found["carrier"].reference.tolist() == [30, 30, 60, 30, 30]
    assert found["carrier"].current.tolist() == [2, 1, 3, 1, 2]
    assert found["length of name"].keys == (8.0, 9.0, 10.0)
    assert found["length of name"].reference.tolist() == [10, 90, 80]


def test_wrong_terms_are_refused() -> None:
    with pytest.raises(UsageError, match="tolerance"):
        compare(REFERENCE, REFERENCE, tolerance=0)
    with pytest.raises(UsageError, match="across"):
        compare(REFERENCE, REFERENCE, across="all")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="did you mean 'seats'"):
        compare(REFERENCE, REFERENCE, columns=["seat"])
    with pytest.raises(DataError, match="no rows"):
        compare(REFERENCE, REFERENCE[:0])
