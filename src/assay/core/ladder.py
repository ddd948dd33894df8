"""How near a problem is to its target: the ladder of limits and the learning curve, as a chart and as rows of text.

Both are columns of an evidence's series. The ladder has ``rung``, ``rests_on`` and ``bayes_error``; the curve, where there
is one, ``training_rows`` with ``error`` (as seen), ``forecast``, ``forecast_lower`` and ``forecast_upper``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.core.evidence import Evidence

# In the order of the palette's categories, so that what is certain has the color of a pass.
RESTS = ("certified", "target", "conditional", "fact", "estimate")
WIDTH = 620
CELLS = 20
_NAMES = 200  # pixels for the names of rungs


def ladder_chart(evidence: Evidence) -> dict[str, Any] | None:
    """Draw the ladder, each rung in the color of what it rests on, and the learning curve with its forecast below it.

    Returns
    -------
    dict or None
        Vega-Lite specification without colors of its own; ``None`` where the series hold no ladder.
    """
    rungs = _rows(evidence, ("rung", "rests_on", "bayes_error"))
    if not rungs:
        return None
    panels = [_ladder_panel(rungs)]
    if evidence.series.get("training_rows"):
        panels.append(_curve_panel(evidence))
    return {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "vconcat": panels, "spacing": 18}


def _rows(evidence: Evidence, names: tuple[str, ...]) -> list[dict[str, Any]]:
    columns = [evidence.series.get(name, []) for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=False)]


def _ladder_panel(rungs: list[dict[str, Any]]) -> dict[str, Any]:
    y = {"field": "rung", "type": "nominal", "sort": None, "axis": {"title": None, "ticks": False, "domain": False}}
    x = {"field": "bayes_error", "type": "quantitative", "scale": {"zero": True}}
    rests = [name for name in RESTS if any(rung["rests_on"] == name for rung in rungs)]
    color = {
        "field": "rests_on",
        "type": "nominal",
        "sort": None,
        "scale": {"domain": list(RESTS), "range": "category"},
        "legend": {"title": None, "symbolType": "circle", "values": rests},
    }
    target = [rung for rung in rungs if rung["rests_on"] == "target"]
    layer: list[dict[str, Any]] = [
        {
            "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.5},
            "encoding": {
                "x": {**x, "axis": {"title": "error", "tickCount": 6}},
                "x2": {"datum": 0},
                "y": y,
                "color": color,
            },
        },
        {
            "mark": {"type": "circle", "size": 90, "opacity": 1},
            "encoding": {
                "x": x,
                "y": y,
                "color": color,
                "tooltip": [
                    {"field": "rung"},
                    {"field": "rests_on", "title": "rests on"},
                    {"field": "bayes_error", "title": "error", "format": ".4~g"},
                ],
            },
        },
    ]
    if target:
        rule = {"mark": {"type": "rule", "style": "limit"}, "encoding": {"x": x}, "data": {"values": target[:1]}}
        layer.insert(0, rule)
    return {"data": {"values": rungs}, "layer": layer, "width": WIDTH - _NAMES, "height": {"step": 24}}


def _curve_panel(evidence: Evidence) -> dict[str, Any]:
    names = ("training_rows", "error", "forecast", "forecast_lower", "forecast_upper")
    rows = _rows(evidence, names)
    x = {
        "field": "training_rows",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False},
        "axis": {"title": "training rows (log scale)", "tickCount": 6, "format": "~s", "grid": False},
    }
    y = {"type": "quantitative", "scale": {"zero": False}}
    axis = {"title": "held-out error", "tickCount": 5}
    told = [{"field": name, "title": name.replace("_", " "), "format": ".4~g"} for name in names]
    band, line = {"filter": "datum.forecast_upper != null"}, {"filter": "datum.forecast != null"}
    layer: list[dict[str, Any]] = [
        {
            "transform": [band],
            "mark": {"type": "area", "style": "band"},
            "encoding": {
                "x": x,
                "y": {**y, "field": "forecast_lower", "axis": axis},
                "y2": {"field": "forecast_upper"},
            },
        },
        {
            "transform": [line],
            "mark": {"type": "line", "style": "trend"},
            "encoding": {"x": x, "y": {**y, "field": "forecast"}},
        },
        {
            "transform": [{"filter": "datum.error != null"}],
            "mark": {"type": "circle", "style": "day", "size": 50, "opacity": 1},
            "encoding": {"x": x, "y": {**y, "field": "error"}, "tooltip": told},
        },
    ]
    if evidence.limit is not None:
        level = {"values": [{"level": evidence.limit, "words": f"target {evidence.limit:.4g}"}]}
        at = {"y": {**y, "field": "level"}}
        note = {"type": "text", "style": "note", "align": "left", "dx": 4, "dy": -6}
        layer += [
            {"data": level, "mark": {"type": "rule", "style": "limit"}, "encoding": at},
            {"data": level, "mark": note, "encoding": {**at, "x": {"value": 0}, "text": {"field": "words"}}},
        ]
    return {"data": {"values": rows}, "layer": layer, "width": WIDTH - _NAMES, "height": 170}


def ladder_rows(evidence: Evidence) -> list[tuple[str, str, str, str]]:
    """Name, error, a bar of characters and what it rests on, for each rung; empty where there is no ladder.

    Examples
    --------
    >>> from assay.core import Evidence
    >>> series = {"rung": ["chance", "target"], "rests_on": ["fact", "target"], "bayes_error": [0.5, 0.1]}
    >>> ladder_rows(Evidence(series=series))
    [('chance', '0.500', '====================', 'fact'), ('target', '0.100', '====', 'target')]
    """
    rungs = _rows(evidence, ("rung", "rests_on", "bayes_error"))
    most = max((float(rung["bayes_error"]) for rung in rungs), default=0.0) or 1.0
    return [
        (
            rung["rung"],
            f"{rung['bayes_error']:.3f}",
            "=" * round(CELLS * float(rung["bayes_error"]) / most),
            rung["rests_on"],
        )
        for rung in rungs
    ]


def curve_rows(evidence: Evidence) -> list[tuple[str, str, str]]:
    """Training rows, their error, and the interval of what is forecast; empty where there is no curve.

    Examples
    --------
    >>> from assay.core import Evidence
    >>> series = {"training_rows": [500, 10000], "error": [0.31, None], "forecast": [0.31, 0.28],
    ...           "forecast_lower": [0.3, 0.26], "forecast_upper": [0.32, 0.3]}
    >>> curve_rows(Evidence(series=series))
    [('500 rows', '0.310', ''), ('10,000 rows', '0.280', 'forecast, between 0.260 and 0.300')]
    """
    found = []
    for row in _rows(evidence, ("training_rows", "error", "forecast", "forecast_lower", "forecast_upper")):
        ahead = row["error"] is None
        said = f"forecast, between {row['forecast_lower']:.3f} and {row['forecast_upper']:.3f}" if ahead else ""
        found.append((f"{row['training_rows']:,.0f} rows", f"{row['forecast' if ahead else 'error']:.3f}", said))
    return found
