"""The ladder of limits and the learning curve, drawn and written."""

from __future__ import annotations

import pytest
import vl_convert

from assay.core import Evidence
from assay.core.ladder import RESTS, curve_rows, ladder_chart, ladder_rows
from assay.core.palette import DARK, LIGHT, vega_config

LADDER = {
    "rung": ["chance", "held-out classifiers, upper", "error of the best", "target", "second labels, lower"],
    "rests_on": ["fact", "certified", "estimate", "target", "certified"],
    "bayes_error": [0.5, 0.25, 0.22, 0.2, 0.1],
}
CURVE = {
    "training_rows": [500, 1000, 2000, 20000],
    "error": [0.3, 0.28, 0.27, None],
    "forecast": [0.3, 0.281, 0.27, 0.25],
    "forecast_lower": [0.29, 0.27, 0.26, 0.22],
    "forecast_upper": [0.31, 0.29, 0.28, 0.27],
}


@pytest.mark.parametrize(("theme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_what_is_certified_is_told_from_what_is_estimated(theme, palette):
    chart = ladder_chart(Evidence(series={**LADDER, **CURVE}, limit=0.2))
    assert len(chart["vconcat"]) == 2
    drawn = vl_convert.vegalite_to_svg(chart, config=vega_config(theme), allowed_base_urls=[])
    for words in (*LADDER["rung"], "certified", "target 0.2", "training rows (log scale)", "held-out error"):
        assert words in drawn, words
    assert ">conditional<" not in drawn
    # What is certified, estimated and a fact, and the forecast.
    assert all(palette[role] in drawn for role in ("pass", "error", "skipped", "accent"))
    assert palette["inconclusive"] not in drawn


def test_the_colors_follow_the_order_of_the_palette():
    assert dict(zip(RESTS, vega_config("light")["range"]["category"], strict=True)) == {
        "certified": LIGHT["pass"],
        "target": LIGHT["fail"],
        "conditional": LIGHT["inconclusive"],
        "fact": LIGHT["skipped"],
        "estimate": LIGHT["error"],
    }


def test_without_a_curve_the_ladder_stands_alone_and_without_a_ladder_nothing():
    assert len(ladder_chart(Evidence(series=LADDER))["vconcat"]) == 1
    assert ladder_chart(Evidence(series={"rung": []})) is None
    assert ladder_rows(Evidence()) == curve_rows(Evidence()) == []


def test_bars_are_in_the_proportion_of_the_errors():
    rows = ladder_rows(Evidence(series=LADDER))
    assert [len(bar) for _, _, bar, _ in rows] == [20, 10, 9, 8, 4]
    assert curve_rows(Evidence(series=CURVE))[-1] == ("20,000 rows", "0.250", "forecast, between 0.220 and 0.270")
