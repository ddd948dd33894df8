"""The same verdicts of data checks on DuckDB, Spark and PostgreSQL, by ``assay check --engine``."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import shutil
import sys
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.cli.main import main

pytestmark = pytest.mark.xdist_group("engines")

PROJECT = """
[project]
name = "shop"
task = "classification"
schema = "schema.toml"

[datasets.train]
role = "train"
source = "{train}"

[datasets.live]
role = "live"
source = "{live}"

[[checks]]
id = "rules"
stage = "data"
use = "VAL1"
datasets = ["live"]
blocking = true

[[checks]]
id = "drift"
stage = "data"
use = "VAL2"
datasets = ["live"]

[[checks]]
id = "gate"
stage = "gate"
claim = "n > 0.5"
"""
OVER_TIME = """
[[checks]]
id = "rates"
stage = "data"
use = "VAL4"
datasets = ["live"]
cadence = "day"
"""
SCHEMA = """version = 1
[columns.amount]
type = "number"
range = { min = 0, max = 100, at_most = 0.01 }
nulls = { at_most = 0.05 }
nan = "never"
drift = { tolerance = 0.05 }
[columns.id]
type = "integer"
unique = true
[columns.country]
type = "string"
categories = { values = ["CH", "DE", "it's"] }
length = { max = 4 }
drift = { tolerance = 0.05 }
[columns.code]
type = "string"
pattern = { regex = "[A-Z][0-9]+", at_most = 0.001 }
[columns.mail]
type = "string"
format = { kind = "email" }
[columns.number]
type = "string"
parses = { to = "number" }
[columns.day]
type = "date"
range = { min = "2024-01-01" }
[[relations]]
sql = "amount <= 90 OR country = 'CH'"
where = "day > DATE '2024-01-20'"
[[relations]]
sum = ["amount", "amount"]
equals = "twice"
within = 0.01
at_most = 0.2
[[relations]]
determines = [["country"], ["land"]]
[[relations]]
key = ["country", "id"]
[[metrics]]
measure = "Mean('amount')"
min = 0
max = 40
[[metrics]]
measure = "CustomSql('SELECT count(DISTINCT land) FROM rows')"
max = 3
[[metrics]]
measure = "Uniqueness(['id'])"
min = 1
[[slices]]
by = ["country"]
[rows]
min = 100
fresh = { column = "day", within = "9000d" }
"""


def rows(seed: int, shift: float) -> pa.Table:
    rng = np.random.default_rng(seed)
    n = 3000
    amount = rng.gamma(2, 20 + shift, n)
    country = rng.choice(["CH", "DE", "it's"], n).tolist()
    return pa.table(
        {
            "amount": pa.array(np.where(rng.random(n) < 0.001, np.nan, amount), mask=rng.random(n) < 0.03),
            "id": pa.array([*range(n - 1), 5]),
            "country": country,
            "code": [f"{'a' if i % 500 == 0 else 'A'}{i}" for i in range(n)],
            "mail": [f"user{i}@example.org" if i else "nobody" for i in range(n)],
            "number": [("one", "nan", "-1.5e3")[min(i, 2)] for i in range(n)],
            "day": [dt.date(2024, 1, 1) + dt.timedelta(int(k) - 1) for k in rng.integers(0, 60, n)],
            "twice": np.where(rng.random(n) < 0.1, 0, 2 * amount),
            "land": ["Schweiz" if c == "CH" else c for c in country],
        }
    )


def said(*words: str) -> tuple[int, str, str]:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.object(sys, "argv", ["assay", "check", *words]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as left,
    ):
        main()
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return int(left.value.code or 0), texts[0], texts[1]


def checked(folder, *words: str):
    code, out, err = said("stage:data", "--project", str(folder), "--format", "json", *words)
    assert code in (0, 1), out + err
    found = json.loads(out)
    return {(v["check"], v["code"], v["subject"]): v for v in found["verdicts"]}


@pytest.fixture(scope="module")
def tables():
    return {"train": rows(0, 0.0), "live": rows(1, 4.0)}


def project(folder, tables, kind: str = "declared", **sources: str):
    folder.mkdir()
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    declared = PROJECT.format(**sources)
    # Rules that are declared, also day by day; and limits that are inferred where the data are, held against units.
    more = 'timestamp = "day"' if kind == "declared" else 'unit = "day"'
    for role in ("train", "live"):
        declared = declared.replace(f'role = "{role}"', f'role = "{role}"\n{more}')
    if kind == "declared":
        (folder / "schema.toml").write_text(SCHEMA)
        declared += OVER_TIME
    (folder / "assay.toml").write_text(declared)
    return folder


@pytest.fixture(scope="module", params=["declared", "inferred"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def here(tables, kind, tmp_path_factory):
    files = {name: f"{name}.parquet" for name in tables}
    return checked(project(tmp_path_factory.mktemp("duckdb") / "p", tables, kind, **files))


def same(ours, theirs) -> None:
    assert ours.keys() == theirs.keys()
    assert {v["status"] for v in ours.values()} >= {"pass", "inconclusive"}
    for key, one in ours.items():
        two = theirs[key]
        assert two["status"] == one["status"], key
        # How old the newest row is depends on when one looks; and the quantiles that limits on tails are inferred from are
        # those of a sketch on other engines than DuckDB.
        if key[1] in ("VAL105", "VAL109"):
            continue
        assert two["reason"] == one["reason"], key
        assert two["evidence"]["fingerprints"] == one["evidence"]["fingerprints"], key
        assert (two["evidence"]["estimate"] or 0) == pytest.approx(one["evidence"]["estimate"] or 0, rel=1e-9), key


def test_spark_gives_the_verdicts_of_duckdb(here, kind, tables, tmp_path) -> None:
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    files = {name: f"{name}.parquet" for name in tables}
    same(here, checked(project(tmp_path / "p", tables, kind, **files), "--engine", "spark"))


@pytest.mark.postgres
def test_postgresql_gives_the_verdicts_of_duckdb(here, kind, tables, tmp_path, postgres_server) -> None:
    import ibis

    connection = ibis.connect(f"{postgres_server}/postgres")
    for name, table in tables.items():
        connection.create_table(f"{kind}_{name}", table)
    connection.disconnect()
    folder = project(tmp_path / "p", tables, kind, train=f"{kind}_train", live=f"public.{kind}_live")
    same(here, checked(folder, "--engine", f"{postgres_server}/postgres"))


@pytest.mark.postgres
def test_a_query_runs_where_the_data_are(tables, tmp_path, postgres_server) -> None:
    import ibis

    connection = ibis.connect(f"{postgres_server}/postgres")
    for name, table in tables.items():
        connection.create_table(f"asked_{name}", table)
    connection.disconnect()
    folder = project(tmp_path / "p", tables, train="asked_train", live="asked_live")
    text, query = (folder / "assay.toml").read_text(), "SELECT * FROM asked_live WHERE country = 'CH'"
    asked = f'{{ url = "{postgres_server}/postgres", query = "{query}" }}'
    (folder / "assay.toml").write_text(text.replace('"asked_live"', asked))
    found = checked(folder, "--engine", f"{postgres_server}/postgres")
    rows = sum(country == "CH" for country in tables["live"]["country"].to_pylist())
    assert found["rules", "VAL103", "amount"]["evidence"]["n"] == rows


def test_other_stages_and_unknown_engines_are_refused(tables, tmp_path) -> None:
    folder = project(tmp_path / "p", tables, train="train.parquet", live="live.parquet")
    for words, why in (
        (["--engine", "spark"], "'gate' is of stage gate"),
        (["stage:data", "--engine", "mainframe"], "no engine 'mainframe'"),
        (["stage:data", "--engine", "postgresql://nobody@127.0.0.1:1/x"], "cannot be opened on 127.0.0.1:1/x"),
    ):
        code, _, err = said("--project", str(folder), *words)
        assert code == 2
        assert why in err
        assert not (folder / ".assay").exists()
