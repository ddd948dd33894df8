"""The same numbers on DuckDB, Spark and PostgreSQL."""

from __future__ import annotations

import datetime as dt
import shutil

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.validation import profile, sketch

N = 4000
pytestmark = pytest.mark.xdist_group("engines")


def rows() -> pa.Table:
    rng = np.random.default_rng(0)
    x = rng.lognormal(sigma=4, size=N) * np.where(rng.random(N) < 0.3, -1, 1)
    x[:6] = [np.nan, np.inf, -np.inf, 0.0, 1e-320, 1e300]
    return pa.table(
        {
            "x": pa.array(x, mask=rng.random(N) < 0.05),
            "far": 1e9 + rng.normal(size=N),
            "small": rng.integers(-5, 50, N),
            "big": rng.integers(-(2**62), 2**62, N),
            "text": pa.array([f"é{k}" for k in rng.integers(0, 1800, N)], mask=rng.random(N) < 0.1),
            "odd": rng.choice(["", "日本", "a'b", 'q"', "user@example.com"], N),
            "truth": rng.random(N) < 0.3,
            "day": [dt.date(2013, 1, 1) + dt.timedelta(int(k)) for k in rng.integers(0, 90, N)],
            "when": pa.array(np.datetime64("2013-01-01", "us") + rng.integers(0, 10**12, N)),
            "w": rng.random(N),
            "nothing": pa.nulls(N, pa.float64()),
        }
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("engines") / "t.parquet"
    pq.write_table(rows(), path)
    return path


@pytest.fixture(scope="module", params=["pyspark", pytest.param("postgres", marks=pytest.mark.postgres)])
def elsewhere(request, file):
    if request.param == "pyspark":
        if shutil.which("java") is None:
            pytest.skip("Spark needs Java")
        sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
        settings = {
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "1",
            "spark.sql.session.timeZone": "UTC",
        }
        builder = sql.SparkSession.builder.master("local[1]").appName("assay")
        for key, value in settings.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        session.read.parquet(str(file)).createOrReplaceTempView("t")
        yield ibis.pyspark.connect(session).table("t")
        session.stop()
        return
    server = request.getfixturevalue("postgres_server")
    connection = ibis.connect(f"{server}/postgres")
    yield connection.create_table("profiled", rows())
    connection.disconnect()


@pytest.mark.parametrize("sides", [{}, {"by": "truth", "weight": "w", "label": "odd"}], ids=["plain", "sides"])
def test_numbers_are_those_of_duckdb(elsewhere, file, sides):
    here, there = profile(file, **sides), profile(elsewhere, **sides)
    assert here.state.keys() == there.state.keys()
    assert ("truth=true" in here.slices) == bool(sides)
    for key, table in here.state.items():
        assert list(table.columns) == list(there.state[key].columns)
        for name, a in table.columns.items():
            b = there.state[key].columns[name]
            for part in ("buckets", "values", "cut", "joint", "length_low", "length_high"):
                assert getattr(a, part) == getattr(b, part), (name, part)
            for count in ("rows", "present", "nan", "up", "down", "zeros"):
                assert a.counts[count] == b.counts[count], (name, count)
            if name != "when":
                assert (a.low, a.high) == (b.low, b.high), name
            if name in ("small", "big", "text", "odd", "truth", "day"):
                assert list(a.sketch().items()) == list(b.sketch().items()), name
            sd = (a.moments.m2 / a.moments.n) ** 0.5 if a.moments.n else 0
            for power, (one, two) in enumerate(zip(a.moments, b.moments, strict=True)):
                assert one == pytest.approx(two, rel=1e-9, abs=1e-9 * (a.moments.n + 1) * sd**power), (name, power)
            assert a.weighted == pytest.approx(b.weighted, rel=1e-9, abs=1e-9 * N * sd**2), name
            assert a.lengths == pytest.approx(b.lengths, rel=1e-9), name
    for x, others in here.correlation.items():
        assert there.correlation[x] == pytest.approx(others, abs=1e-9)
    assert there.information == pytest.approx(here.information, abs=1e-12)
    for name, column in here.columns.items():
        for q, exact in column.quantiles.items():
            # Between the two values that DuckDB interpolates; of 4,000 rows they are near each other.
            values = np.sort([v for v in rows()[name].to_pylist() if v is not None and np.isfinite(v)])
            ranks = float(q) * (len(values) - 1)
            low = values[int(ranks)]
            found = there.columns[name].quantiles[q]
            if there.columns[name].quantile_error:
                assert abs(found - low) <= sketch.ALPHA * abs(low) * (1 + 1e-9) + 1e-307, (name, q)
            else:
                assert found == exact


def test_a_day_on_another_engine_merges(elsewhere, file):
    here, there = profile(file), profile(elsewhere)
    both = here.merge(there)
    assert both.rows == 2 * N
    assert both.columns["text"].distinct == here.columns["text"].distinct
    # Hashes of fractions are of each engine's own, so nothing is claimed.
    assert both.columns["far"].distinct is None
    assert both.columns["far"].sd == pytest.approx(here.columns["far"].sd, rel=1e-3)
