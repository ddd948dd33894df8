from __future__ import annotations

import json
import re

import pytest

from assay.core import Evidence
from assay.core.palette import DARK, LIGHT
from assay.report import charts


def tables(part):
    """All rows of data in a specification, outermost first."""
    if isinstance(part, dict):
        own = [part["values"]] if isinstance(part.get("values"), list) else []
        return own + [rows for value in part.values() for rows in tables(value)]
    return [rows for value in part for rows in tables(value)] if isinstance(part, list) else []


def chosen(verdicts, check):
    return [verdict for verdict in verdicts if verdict.check == check]


def test_intervals_stand_worst_first_with_the_limit_and_its_side(verdicts):
    spec = charts.interval_chart(chosen(verdicts, "no-slice-worse"))
    values = tables(spec)
    rows = next(rows for rows in values if len(rows) == 4)
    assert [row["name"] for row in rows] == ["evening", "newark", "kennedy", "laguardia"]
    assert [{"limit": -0.02}] in values
    region = next(rows[0] for rows in values if "from" in rows[0])
    assert region["from"] == -0.02
    assert region["to"] > 0.032


def test_a_one_sided_interval_runs_to_the_edge(verdicts):
    spec = charts.interval_chart(chosen(verdicts, "worth-starting"))
    row = next(rows[0] for rows in tables(spec) if "status" in rows[0])
    assert row["upper"] == 0.1893
    assert row["lower"] < 0.15


def test_nothing_to_draw_gives_none(verdicts):
    assert charts.interval_chart(chosen(verdicts, "weather-join")) is None
    assert charts.series_chart(Evidence()) is None
    assert charts.series_chart(Evidence(series={"time": ["2013-01-01"], "loss": []})) is None
    assert charts.bar_chart(Evidence(series={"count": [1, 2]})) is None
    assert charts.evidence_chart(Evidence(series={"time": [], "loss": []})) is None


def test_a_monitor_is_drawn_with_its_threshold_its_start_and_its_alarm(verdicts):
    evidence = chosen(verdicts, "still-right")[0].evidence
    spec = charts.series_chart(evidence)
    assert len(spec["vconcat"]) == 2
    svg = charts.to_svg(spec)
    for words in ("limit 0.23", "alarm line", "since 2013-06-20", f"alarm {evidence.statistic['alarm_at']}"):
        assert words in svg


def test_either_series_alone_is_drawn_and_missing_values_are_left_out():
    spec = charts.series_chart(Evidence(series={"time": [1, 2, 3], "loss": [0.1, None, 0.3]}))
    assert len(spec["vconcat"]) == 1
    assert [len(rows) for rows in tables(spec)] == [2]


def test_bars_have_whiskers_and_two_columns_stand_side_by_side(verdicts):
    spec = charts.bar_chart(chosen(verdicts, "worth-starting")[0].evidence)
    assert any(rows[0].keys() == {"label", "lower", "upper"} for rows in tables(spec))
    both = Evidence(series={"bin": ["a", "b"], "reference": [0.5, 0.5], "batch": [0.1, 0.9]})
    rows = tables(charts.bar_chart(both))[0]
    assert [(row["label"], row["column"]) for row in rows] == [
        ("a", "reference"),
        ("b", "reference"),
        ("a", "batch"),
        ("b", "batch"),
    ]
    assert "batch" in charts.to_svg(charts.bar_chart(both))


@pytest.mark.parametrize(("theme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_one_specification_serves_both_themes(verdicts, theme, palette):
    spec = charts.interval_chart(chosen(verdicts, "no-slice-worse"))
    svg = charts.to_svg(spec, theme)
    for role in ("paper", "region", "ink", "pass", "fail"):
        assert palette[role] in svg
    assert not re.search(r"#[0-9a-f]{6}", json.dumps(spec))


def test_png_is_drawn_without_a_network(verdicts):
    assert charts.to_png(charts.interval_chart(chosen(verdicts, "better")), scale=1).startswith(b"\x89PNG")
