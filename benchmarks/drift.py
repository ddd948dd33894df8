"""Has any of 500 columns drifted? 10,000 rows a side; 300 real, 100 integer and 100 text columns, one in fifty moved."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from assay import validation
from measure import Row, cpu

ROWS, COLUMNS = 10_000, 500
WORDS = np.array([f"c{i}" for i in range(20)])


def compare() -> Iterator[Row]:
    rng = np.random.default_rng(0)
    before, after = table(rng, 0.0), table(rng, 0.5)
    found = {verdict.subject for verdict in validation.compare(before, after) if verdict.failed}
    assert found == {f"c{i}" for i in range(0, COLUMNS, 50)}
    spent = cpu(lambda: validation.compare(before, after))
    yield Row("compare", spent, "", None, "ms", "the 10 that moved, and no other, fail")
    some = before.select(before.column_names[:50]), after.select(after.column_names[:50])
    yield Row("compare, 50 of the columns", cpu(lambda: validation.compare(*some)), "", None, "ms")


def table(rng: np.random.Generator, moved: float) -> pa.Table:
    columns = {}
    for i in range(COLUMNS):
        if i % 5 < 3:
            columns[f"c{i}"] = rng.normal(moved if i % 50 == 0 else 0.0, size=ROWS)
        else:
            columns[f"c{i}"] = rng.integers(0, 50, ROWS) if i % 5 == 3 else WORDS[rng.integers(0, 20, ROWS)]
    return pa.table(columns)
