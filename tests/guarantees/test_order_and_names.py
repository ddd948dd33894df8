"""The order of rows and the names of things decide nothing, near a threshold neither."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.gate import decide
from assay.validation import compare

ROWS = 400


@pytest.mark.parametrize("unit", [False, True])
def test_the_screen_of_the_gate_heeds_neither_the_order_of_rows_nor_the_names_of_days(unit: bool) -> None:
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        day, pair = np.arange(ROWS) // 10, np.arange(ROWS) // 2
        labels = rng.integers(0, 2, ROWS)
        right = rng.random(ROWS) < np.clip(0.75 + 0.13 * rng.normal(size=ROWS // 10), 0, 1)[day]
        new = np.where(right, labels, 1 - labels)
        order, names = rng.permutation(ROWS), rng.permutation(ROWS)

        def judged(rows: Any, days: Any, labels: Any = labels, new: Any = new, pair: Any = pair) -> Any:
            units = {"unit": pair[rows], "unit_name": "pair"} if unit else {}
            verdict = decide(
                "n > 0.5", labels=labels[rows], new=new[rows], reliability=0.9, columns={"day": days[rows]}, **units
            )
            return verdict.status, verdict.guarantee.assumptions[0], verdict.evidence.statistic.get("p_clustered")

        first = judged(np.arange(ROWS), day)
        assert judged(order, np.array([f"day {name}" for name in names])[day]) == first
        found.append(first[0])
    # Some lie on each side of the screen.
    assert len(set(found)) == 2


def test_comparison_heeds_no_names_of_classes_nor_of_columns() -> None:
    statuses = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        before = rng.choice(4, 3000, p=[0.4, 0.3, 0.2, 0.1])
        after = rng.choice(4, 800, p=[0.28, 0.3, 0.2, 0.22])
        said = []
        for column, names in (("a", ["p", "q", "r", "s"]), ("b", ["z", "k", "a", "f"])):
            tables = (pa.table({column: np.array(names)[rows]}) for rows in (before, after))
            [verdict] = compare(*tables, tolerance=0.05, alpha=0.05)
            said.append((verdict.status, verdict.evidence.statistic["e_moved"], verdict.evidence.lower))
        assert said[0] == said[1]
        statuses.add(said[0][0])
    assert statuses == {"fail", "inconclusive"}
