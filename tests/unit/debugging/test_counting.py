"""Counts of slices give the slices of the rows: in batches, and in a database."""

from __future__ import annotations

import doctest
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.debugging import SliceCounts, SliceReport, counting, find_slices, remote
from assay.errors import DataError, UsageError


def test_examples_run() -> None:
    assert doctest.testmod(counting).failed == 0
    assert doctest.testmod(remote).failed == 0


def drawn(rows: int = 6000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "region": rng.choice(["north", "south", "east", None], rows),
            "hour": rng.integers(0, 24, rows),
            "price": np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2, 3, rows).round(2)),
            "member": rng.random(rows) < 0.3,
            "when": pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 8000, rows), unit="h"),
        }
    )
    bad = (X.region == "south") & (X.hour >= 18)
    return X, rng.random(rows) < np.where(bad, 0.45, 0.1)


def facts(report: SliceReport) -> list[tuple[Any, ...]]:
    return [
        (
            each.sql,
            each.size,
            round(each.total_error, 9),
            each.max_error,
            round(each.score, 9),
            round(each.rest_error, 12),
        )
        for each in report
    ]


def frame_in_duckdb(X: pd.DataFrame, errors: Any) -> Any:
    connection = ibis.duckdb.connect()
    connection.con.register("flown", pa.Table.from_pandas(X.assign(wrong=errors), preserve_index=False))
    return connection.table("flown")


@pytest.mark.parametrize("losses", [False, True])
@pytest.mark.parametrize("rank", ["score", "lcb"])
def test_slices_are_those_of_the_rows(losses: bool, rank: Any) -> None:
    X, errors = drawn()
    values = errors * np.random.default_rng(1).exponential(size=errors.size) if losses else errors
    rows = find_slices(X, values, k=20, rank=rank)
    table = frame_in_duckdb(X, values)
    assert len(rows) > 5
    assert facts(find_slices(table, "wrong", k=20, rank=rank)) == facts(rows)
    counts = SliceCounts(X, values)
    assert facts(counts.report(k=20, rank=rank)) == facts(rows)


def test_a_batch_more_is_as_all_rows_at_once() -> None:
    X, errors = drawn()
    whole = SliceCounts(X, errors)
    # Bins are those of the first batch, so that it is all rows, and each later one a part of them.
    parts = SliceCounts(X, errors)
    for start in (0, 2000, 4000):
        parts.add(X[start : start + 2000], errors[start : start + 2000])
    doubled = SliceCounts(pd.concat([X, X]), np.concatenate([errors, errors]))
    assert facts(parts.report(min_support=120)) == facts(doubled.report(min_support=120))
    assert parts.report().cleared == pytest.approx(doubled.report().cleared)
    assert facts(whole.report()) != facts(parts.report())
    parts.add(frame_in_duckdb(X, errors), "wrong")
    assert parts.rows == 18_000
    third = find_slices(pd.concat([X] * 3), np.tile(errors, 3), k=5)
    assert facts(parts.report(k=5)) == facts(third)


def test_a_value_that_comes_later_is_in_no_slice() -> None:
    rng = np.random.default_rng(0)
    counts = SliceCounts({"a": ["x", "y"] * 500}, rng.random(1000) < 0.1)
    before = counts.report(min_support=10)
    counts.add({"a": ["z"] * 100}, np.ones(100))
    assert counts.rows == 1100
    assert counts.report(min_support=10).mean_error == pytest.approx((before.mean_error * 1000 + 100) / 1100)
    assert not any("z" in each.sql for each in counts.report(min_support=10))


def test_the_test_of_counts_is_that_of_rows() -> None:
    X, errors = drawn()
    rows, counted = (
        find_slices(X, errors, k=20, rank="lcb", alpha=0.05),
        SliceCounts(X, errors).report(k=20, rank="lcb"),
    )
    assert {each.sql for each in counted.confirmed} >= {"region = 'south'"}
    assert counted.cleared == pytest.approx(rows.cleared)
    for each in counted.confirmed:
        assert each.interval is not None
        assert each.interval[0] <= each.lift <= each.interval[1]
    assert str(counted.guarantee.scope).endswith("in one report")


def test_losses_have_no_guarantee() -> None:
    X, errors = drawn()
    report = SliceCounts(X, 2.5 * errors).report()
    assert report.guarantee.kind == "none"
    assert not report.confirmed
    assert "search the rows" in str(report)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"unit": "region"}, "unit needs the rows"),
        ({"ranges": True}, "ranges needs the rows"),
        ({"max_level": None}, "each set of columns is a query"),
        ({"errors": "wrongs"}, "no column 'wrongs'"),
        ({"errors": np.zeros(6000)}, "name of a column"),
        ({"errors": "price"}, "are not"),
        ({"errors": ibis._.hour - 3}, "the least is -3"),
    ],
)
def test_what_a_table_in_a_database_cannot_do_is_refused(more: dict[str, Any], words: str) -> None:
    X, errors = drawn()
    with pytest.raises((DataError, UsageError), match=words):
        find_slices(frame_in_duckdb(X, errors), **{"errors": "wrong", **more})
