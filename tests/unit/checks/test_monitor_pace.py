"""An allowance of false pages speaks of days, whatever a monitor's units are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.checks.dataset import Dataset
from assay.checks.monitoring import _horizon
from assay.core.project import DatasetTable
from assay.data import table

DAYS = pd.date_range("2024-01-01", periods=10)
FRAME = pd.DataFrame(
    {
        "when": DAYS.repeat(30),
        "date": DAYS.repeat(30).strftime("%Y-%m-%d"),
        "customer": np.arange(300) // 3,
    }
)


@pytest.mark.parametrize(
    ("unit", "time", "horizon", "words"),
    [
        ("date", "when", 92, None),
        ("when", None, 92, None),
        (None, "when", 92 * 30, "92 days bring at most 2,760 rows"),
        ("customer", "when", 92 * 10, "92 days bring at most 920 units of customer"),
        (None, None, 92, "92 days bring at most 92 rows"),
    ],
)
def test_the_horizon_counts_the_units_of_the_period(
    unit: str | None, time: str | None, horizon: int, words: str | None
) -> None:
    reference = Dataset("test", DatasetTable(role="test", source="test.csv"), table(FRAME))
    found, assumed = _horizon(92, reference, unit, time)
    assert found == horizon
    assert (assumed.text if assumed else None) == words
    if assumed:
        assert assumed.status == "unverifiable"
