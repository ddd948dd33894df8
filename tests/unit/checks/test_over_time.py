"""Checks of batch after batch and of code, declared in a project file."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pandas as pd
import pytest

import assay
from assay.errors import ProjectError

SCHEMA = """version = 1
[columns.x]
type = "number"
nulls = { at_most = 0.05 }
[columns.kind]
type = "string"
categories = { values = ["a", "b"], at_most = 0.02 }
[[relations]]
sql = "x < 4"
where = "kind = 'a'"
at_most = 0.01
[[metrics]]
measure = 'Mean("x")'
[[metrics]]
measure = 'Mean("gone")'
"""
PROJECT = """[project]
name = "p"
schema = "schema.toml"
[datasets.live]
role = "live"
source = "live.parquet"
timestamp = "when"
"""


def project(folder, check, days=30, bad=None, rows=200):
    rng = np.random.default_rng(0)
    when = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.uniform(0, days, days * rows), unit="D")
    x = pd.Series(rng.normal(size=when.size))
    if bad is not None:
        x[(when >= bad) & (rng.random(when.size) < 0.3)] = np.nan
    kind = rng.choice(["a", "b"], when.size)
    pd.DataFrame({"when": when, "x": x, "kind": kind}).to_parquet(folder / "live.parquet")
    (folder / "schema.toml").write_text(SCHEMA)
    (folder / "assay.toml").write_text(PROJECT + dedent(check))
    return assay.load(folder)


RATES = """[[checks]]
use = "VAL4"
"""


def test_rates_over_the_days_of_a_dataset(tmp_path):
    run = project(tmp_path, RATES).check("VAL4")
    assert {verdict.subject: verdict.status for verdict in run.verdicts.values()} == {
        "x.nulls": "pass",
        "kind.categories": "pass",
        "x < 4.sql": "pass",
    }
    one = next(iter(run.verdicts.values()))
    assert one.code == "VAL401"
    assert one.guarantee.kind == "anytime"
    assert one.evidence.statistic["batches"] == 30
    assert one.evidence.statistic["threshold"] == pytest.approx(3 * 366)


def test_a_rise_is_found_and_stands(tmp_path):
    run = project(tmp_path, RATES, bad=pd.Timestamp("2026-01-20")).check("VAL4")
    verdicts = {verdict.subject: verdict for verdict in run.verdicts.values()}
    assert verdicts["x.nulls"].failed
    assert verdicts["kind.categories"].passed


def test_metrics_over_the_days_of_a_dataset(tmp_path):
    check = """[[checks]]
        use = "VAL5"
        false_alarms = "13/year"
        """
    run = project(tmp_path, check, days=60).check("VAL5")
    verdicts = {verdict.subject: verdict for verdict in run.verdicts.values()}
    assert verdicts["Mean(x)"].guarantee.error == pytest.approx(13 / 366)
    assert verdicts["Mean(x)"].status in ("pass", "fail")
    assert verdicts['Mean("gone")'].status == "skipped"


def test_code_on_the_tables_of_the_schema(tmp_path):
    (tmp_path / "prepare_p.py").write_text("def clean(rows):\n    return rows['x'].fillna(0.0)\n")
    check = """[[checks]]
        id = "code"
        use = "VAL6"
        function = "prepare_p:clean"
        """
    loaded = project(tmp_path, check)
    run = loaded.check("code")
    statuses = {verdict.code: verdict.status for verdict in run.verdicts.values()}
    assert statuses["VAL601"] == "pass"
    passed = [verdict for verdict in run.verdicts.values() if verdict.passed]
    assert sum(verdict.guarantee.error for verdict in passed) <= 0.05 + 1e-12
    assert "code" in passed[0].evidence.fingerprints


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ('use = "VAL4"\nfalse_alarms = "often"', "false_alarms"),
        ('use = "VAL6"\nfunction = "prepare"', "write it as 'module:function'"),
    ],
)
def test_mistakes_in_the_file_are_told(tmp_path, check, said):
    with pytest.raises(ProjectError, match=said):
        project(tmp_path, f"[[checks]]\n{check}\n", days=2)


@pytest.mark.parametrize(("use", "said"), [("VAL6", "needs the code that it runs"), ("VAL", '"VAL4"')])
def test_mistakes_in_a_check_are_told(tmp_path, use, said):
    loaded = project(tmp_path, f'[[checks]]\nuse = "{use}"\n', days=2)
    with pytest.raises(ProjectError, match=said):
        loaded.check("stage:data")
