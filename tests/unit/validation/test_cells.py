"""Cells counted by DuckDB's SQL are those that Ibis expressions count on other engines."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from assay.data import table as open_table
from assay.validation import cells, unit_drift
from assay.validation.shared_units import inside, inside_sql

ODD = [None, 0.0, -0.0, 1.0, -1.0, 7.999999999999999, -8.0, 0.1, 1e300, -1e300, 5e-324, math.nan, math.inf, -math.inf]


def batch(seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    rows = 400
    real = [*ODD, *(rng.normal(size=rows - len(ODD)) * 10.0 ** rng.integers(-200, 200, rows - len(ODD)))]
    texts = rng.choice(["a", "it's", "", "ü"], rows).tolist()
    return pa.table(
        {
            "real": pa.array(real, pa.float64(), from_pandas=False),
            "single": pa.array(rng.normal(seed / 3, 1, rows), pa.float32()),
            "whole": rng.integers(-50, 50, rows),
            "none": pa.array([None] * rows, pa.float64()),
            "text": pa.array(texts, mask=rng.random(rows) < 0.1),
            "truth": rng.random(rows) < 0.2 + seed / 5,
            "unit": rng.integers(0, 30, rows),
        }
    )


BOTH = open_table(batch(0)), open_table(batch(1))


@pytest.mark.parametrize(("measure", "columns"), [
    ("number", ["real", "single", "whole", "none"]), ("text", ["text", "truth"]), ("length", ["text"]),
])  # fmt: skip
def test_sql_counts_the_same_cells(measure, columns) -> None:
    for each in BOTH:
        ours, theirs = (way(each, columns, measure) for way in (cells._count_here, cells._count))
        assert [_held(side) for side in ours] == [_held(side) for side in theirs]


def _held(side):
    keys = zip(map(repr, side.cells.to_pylist()), side.nan.tolist(), side.rows.tolist(), strict=True)
    return sorted(keys)


def test_sql_finds_the_same_rows(monkeypatch) -> None:
    columns = ["real", "single", "whole", "none", "text", "truth"]
    moved = unit_drift.moved(*BOTH, columns, "unit", 0.05)
    for each in moved:
        for table in BOTH:
            sql = inside_sql(table.schema()[each.column], each.column, each.witness, each.cells)
            [(rows,)] = table.get_backend().con.execute(f"SELECT count_if({sql}) FROM {table.get_name()}").fetchall()
            slow = table.filter(inside(table, each.column, each.witness, each.cells)).count()
            assert rows == slow.to_pyarrow().as_py(), each.column
    # Another engine's tables are not of the session.
    monkeypatch.setattr(unit_drift, "session", lambda: type("Other", (), {"backend": None}))
    again = unit_drift.moved(*BOTH, columns, "unit", 0.05)
    assert [(m.column, m.before, m.after, m.e_value) for m in again] == [
        (m.column, m.before, m.after, m.e_value) for m in moved
    ]
