"""Slices of a table that stays in Spark or PostgreSQL are those of its rows."""

from __future__ import annotations

import shutil

import ibis
import numpy as np
import pandas as pd
import pytest

from assay.debugging import find_slices

N = 4000
pytestmark = pytest.mark.xdist_group("engines")


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "region": rng.choice(["north", "so'uth", "east", None], N),
            "hour": rng.integers(0, 24, N),
            "price": np.where(rng.random(N) < 0.1, np.nan, rng.gamma(2, 3, N).round(2)),
            "member": rng.random(N) < 0.3,
            "day": (pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 300, N), unit="D")).date,
        }
    )
    bad = (X.region == "so'uth") & (X.hour >= 18)
    return X.assign(wrong=rng.random(N) < np.where(bad, 0.45, 0.1))


@pytest.fixture(scope="module", params=["pyspark", pytest.param("postgres", marks=pytest.mark.postgres)])
def elsewhere(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("slices") / "t.parquet"
    rows().to_parquet(path)
    if request.param == "pyspark":
        if shutil.which("java") is None:
            pytest.skip("Spark needs Java")
        sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
        builder = sql.SparkSession.builder.master("local[1]").appName("assay")
        for key, value in {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "1"}.items():
            builder = builder.config(key, value)
        session = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
        session.read.parquet(str(path)).createOrReplaceTempView("flown")
        yield ibis.pyspark.connect(session).table("flown")
        session.stop()
        return
    import pyarrow.parquet as pq

    server = request.getfixturevalue("postgres_server")
    connection = ibis.connect(f"{server}/postgres")
    yield connection.create_table("flown", pq.read_table(path))
    connection.disconnect()


def test_slices_are_those_of_the_rows(elsewhere):
    X = rows()
    here = find_slices(X.drop(columns="wrong"), X.wrong, k=12, max_level=2)
    there = find_slices(elsewhere, "wrong", k=12, max_level=2)
    assert len(here) > 5
    for ours, theirs in zip(here, there, strict=True):
        assert (theirs.sql, theirs.size, theirs.total_error) == (ours.sql, ours.size, ours.total_error)
        assert theirs.score == pytest.approx(ours.score)
    assert there[0].status == "CONFIRMED"
    assert there.cleared == pytest.approx(here.cleared)
