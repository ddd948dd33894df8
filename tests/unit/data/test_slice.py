from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from assay import data
from assay.errors import DataError

FLIGHTS = pa.table({"origin": ["EWR", "JFK", "LGA", None], "hour": [5, 17, 20, 23], "row": [1, 2, 3, 4]})


def test_where_keeps_what_is_true():
    table = data.where(data.table(FLIGHTS), "origin <> 'EWR' and hour >= 17", "evening")
    assert data.to_arrow(table).column("row").to_pylist() == [2, 3]
    nested = data.where(table, "hour > 17")
    assert data.row_count(nested) == 1
    assert data.row_count(data.where(ibis.memtable(FLIGHTS), "origin is null")) == 1


@pytest.mark.parametrize(
    "kind", [pa.table, pd.DataFrame, pl.DataFrame, ibis.memtable, lambda d: data.table(pa.table(d))]
)
def test_mask_is_aligned_with_the_rows(kind):
    rows = kind({name: FLIGHTS[name].to_pylist() for name in FLIGHTS.column_names})
    assert data.mask(rows, "origin <> 'EWR'").tolist() == [False, True, True, False]


def test_mask_keeps_the_order_of_many_rows():
    x = np.random.default_rng(3).normal(size=300_000)
    frame = pd.DataFrame({"x": x}, index=np.random.default_rng(4).permutation(300_000))
    assert np.array_equal(data.mask(frame, "x > 0.5"), x > 0.5)


def test_mask_of_a_predicate_without_columns():
    assert data.mask(FLIGHTS, "true").tolist() == [True] * 4


@pytest.mark.parametrize(
    ("predicate", "said"),
    [
        ("orgin = 'EWR'", "unknown column 'orgin'; did you mean 'origin'"),
        ("hour >=", "not an SQL expression"),
        ("hour > 1; DROP TABLE x", "not one SQL expression"),
        ("hour > 1 ORDER BY hour", "not one SQL expression"),
        ("hour IN (SELECT 1)", "holds a query"),
        ("", "not"),
        ("sum(hour) > 3", "aggregate"),
    ],
)
def test_a_broken_predicate_names_the_slice(predicate, said):
    for use in (
        lambda: data.where(data.table(FLIGHTS), predicate, "late"),
        lambda: data.mask(FLIGHTS, predicate, "late"),
    ):
        with pytest.raises(DataError) as caught:
            use()
        assert said in str(caught.value)
        assert "slice 'late'" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_number_is_not_a_predicate():
    with pytest.raises(DataError, match="gives BIGINT, not true or false"):
        data.mask(FLIGHTS, "hour + 1")
