"""The colors of every report, light and dark; a color never says what a word beside it does not."""

from __future__ import annotations

from typing import Any, Literal, get_args

from assay.core.verdict import Status

Theme = Literal["light", "dark", "page"]

STATUSES: tuple[str, ...] = get_args(Status)

LIGHT = {
    "paper": "#ffffff",
    "raised": "#f6f7f8",
    "ink": "#1c2126",
    "muted": "#59636e",
    "line": "#dde1e5",
    "accent": "#0b5cad",
    "region": "#dcefe2",
    "pass": "#1a7f37",
    "fail": "#c4242d",
    "inconclusive": "#8f6000",
    "skipped": "#6a737c",
    "error": "#8046c8",
}
DARK = {
    "paper": "#12161b",
    "raised": "#1b2027",
    "ink": "#e4e8ec",
    "muted": "#9aa4ae",
    "line": "#333b44",
    "accent": "#6cb0f5",
    "region": "#1d3326",
    "pass": "#56c271",
    "fail": "#ff7b74",
    "inconclusive": "#dba642",
    "skipped": "#939ca5",
    "error": "#bd97f5",
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
PICTURE_FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
"""Of charts that are drawn here and shown elsewhere, perhaps with wider letters, for which they leave room."""


def vega_config(theme: Theme) -> dict[str, Any]:
    """Vega-Lite configuration that colors a chart.

    ``page`` names the custom properties of the HTML page, so that a chart drawn once follows the page from light to
    dark and to paper.
    """
    color = {name: f"var(--{name})" for name in LIGHT} if theme == "page" else LIGHT if theme == "light" else DARK
    font = FONT if theme == "page" else PICTURE_FONT
    text = {"labelColor": color["muted"], "titleColor": color["muted"], "labelFont": font, "titleFont": font}
    return {
        "background": "transparent" if theme == "page" else color["paper"],
        "font": font,
        "padding": 4 if theme == "page" else {"left": 36, "right": 12, "top": 4, "bottom": 4},
        "view": {"stroke": None},
        "axis": {
            **text,
            "titleFontWeight": "normal",
            "labelFontSize": 11,
            "titleFontSize": 12,
            "gridColor": color["line"],
            "domainColor": color["line"],
            "tickColor": color["line"],
            "labelLimit": 240,
            "labelPadding": 6,
        },
        "legend": {**text, "titleFontWeight": "normal", "orient": "top"},
        "range": {"category": [color[status] for status in STATUSES], "ordinal": [color["accent"], color["muted"]]},
        "style": {
            "region": {"color": color["region"]},
            "limit": {"color": color["ink"], "strokeDash": [4, 3], "strokeWidth": 1.3},
            "event": {"color": color["fail"], "strokeWidth": 1.5},
            "since": {"color": color["inconclusive"], "strokeDash": [2, 2], "strokeWidth": 1.5},
            "day": {"color": color["muted"], "opacity": 0.5},
            "trend": {"color": color["accent"], "strokeWidth": 2},
            "band": {"color": color["accent"], "opacity": 0.18},
            "bar": {"color": color["accent"], "opacity": 0.75},
            "whisker": {"color": color["ink"], "strokeWidth": 1.3},
            "note": {"color": color["ink"], "fontSize": 11, "font": font},
        },
    }
