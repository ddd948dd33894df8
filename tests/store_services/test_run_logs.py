"""What a run logs comes back the same from both databases."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from assay.errors import UsageError
from assay.tracking.runs import get_run, list_runs, metric_history, run

if TYPE_CHECKING:
    from assay.store import Store

ODD = {"nan": math.nan, "inf": math.inf, "low": -math.inf, "tiny": 5e-324, "huge": 1e308, "tenth": 0.1}


def test_all_that_can_be_logged(store: Store) -> None:
    with run("first", store=store) as record:
        record.log_params({"depth": 3, "long": "é" * 10_000})
        for step in range(3):
            record.log_metrics({name: value / (step + 1) for name, value in ODD.items()}, step=step)
        record.log_metrics({**ODD, "new": 1.0}, step=3)
        record.set_tag("note", "a")
        record.set_tag("note", "b")
        record.log_artifact(b"png", "roc.png")
        record.log_dataset("train", "ab" * 32, rows=3, schema={"hour": "int64"})
        with pytest.raises(UsageError):
            record.log_param("depth", 4)
    found = get_run(store, record.id)
    assert found.params == {"depth": "3", "long": "é" * 10_000}
    assert math.isnan(found.metrics.pop("nan"))
    assert found.metrics == {**{name: value for name, value in ODD.items() if name != "nan"}, "new": 1.0}
    assert [point.value for point in metric_history(store, record.id, "tenth")] == [0.1, 0.1 / 2, 0.1 / 3, 0.1]
    assert all(math.isnan(point.value) for point in metric_history(store, record.id, "nan"))
    assert found.tags == {"note": "b"}
    assert found.inputs == [("train", "ab" * 32, "train")]
    assert [one.id for one in list_runs(store)] == [record.id]


@pytest.mark.parametrize("backend", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_run_can_log_while_another_writes_to_the_ledger(store: Store) -> None:
    with run(store=store) as record, store.transaction():
        record.log_metric("error", 0.5)
        record.log_param("depth", 3)
    assert get_run(store, record.id).metrics == {"error": 0.5}
