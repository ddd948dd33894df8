from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from assay.errors import DataError, UsageError
from assay.monitoring import losses

ROWS = {"label": ["a", "b", "b"], "prediction": ["a", "a", "b"]}


@pytest.mark.parametrize("table", [ROWS, pd.DataFrame(ROWS), pl.DataFrame(ROWS), pa.table(ROWS)])
def test_errors_from_any_table(table):
    assert losses(table).tolist() == [0.0, 1.0, 0.0]


def test_brier_takes_booleans():
    assert losses({"label": np.array([True, False]), "score": [0.5, 1.0]}, loss="brier").tolist() == [0.25, 1.0]


@pytest.mark.parametrize(
    ("table", "loss", "message"),
    [
        ({"label": [1]}, "error", "no column 'prediction'"),
        ({"label": [1.0, np.nan], "prediction": [1, 1]}, "error", "'label' must not be missing, but row 1"),
        ({"label": ["a", None], "prediction": ["a", "a"]}, "error", "'label' must not be missing, but row 1"),
        ({"label": ["1"], "prediction": [1]}, "error", "never agree"),
        ({"label": [2], "score": [0.5]}, "brier", "must be 0 or 1"),
        ({"label": [1, 1], "score": [0.5, 1.5]}, "brier", "row 1 is 1.5"),
        ({"label": [1], "score": [None]}, "brier", "must not be missing"),
    ],
)
def test_bad_tables_are_named(table, loss, message):
    with pytest.raises(DataError, match=message):
        losses(table, loss=loss)


def test_unknown_loss():
    with pytest.raises(UsageError, match="hinge"):
        losses(ROWS, loss="hinge")
