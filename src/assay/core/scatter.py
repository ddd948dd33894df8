"""Slices as points: how bad each is against how many rows it has, with an interval where there is one.

A verdict's evidence holds such slices in the columns ``slice``, ``size``, ``value``, ``lower`` and ``upper`` of its series.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.core.evidence import Evidence

WIDTH = 620
HEIGHT = 260


def slice_chart(
    rows: Sequence[tuple[str, float, float, tuple[float, float] | None]],
    title: str,
    neutral: float,
    kinds: tuple[str, str] = ("certain", "suspected"),
) -> dict[str, Any]:
    """Draw slices against their size, numbered in their order; some with an interval.

    Parameters
    ----------
    rows : sequence of (name, size, value, interval)
        The interval may be None.
    title : str
        What the value is.
    neutral : float
        The value to hold the others against: a dashed line.
    kinds : (str, str)
        What slices with and without an interval are called.

    Returns
    -------
    dict
        Vega-Lite specification without colors of its own.
    """
    seen = [each for _, _, value, interval in rows for each in (value, *(interval or ()))]
    ends = [neutral, *(each for each in seen if math.isfinite(each))]
    room = 0.08 * (max(ends) - min(ends)) or 1.0
    low, high = min(ends) - room, max(ends) + room
    values = [
        {
            "name": f"{place}. {name}", "place": str(place), "size": size, "value": min(value, high),
            "lower": max(interval[0], low) if interval else min(value, high),
            "upper": min(interval[1], high) if interval else min(value, high),
            "kind": kinds[0] if interval else kinds[1],
        }
        for place, (name, size, value, interval) in enumerate(rows, 1)
    ]  # fmt: skip
    x = {
        "field": "size", "type": "quantitative", "scale": {"type": "log", "nice": False, "padding": 24},
        "axis": {"title": "rows of the slice", "tickCount": 5},
    }  # fmt: skip
    scale = {"domain": [low, high], "nice": False, "zero": False}
    y = {"type": "quantitative", "scale": scale, "axis": {"title": title, "tickCount": 6}}
    drawn = [kind for kind in kinds if any(each["kind"] == kind for each in values)]
    shape = {
        "field": "kind", "type": "nominal", "title": None, "scale": {"domain": list(kinds), "range": ["circle", "cross"]},
        "legend": {"values": drawn} if len(drawn) > 1 else None,
    }  # fmt: skip
    tooltip = [{"field": field, "type": "nominal"} for field in ("name", "size", "value")]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": values},
        "layer": [
            {
                "data": {"values": [{"at": neutral}]},
                "mark": {"type": "rule", "strokeDash": [4, 3]},
                "encoding": {"y": {**y, "field": "at"}},
            },
            {
                "mark": {"type": "rule", "style": "trend", "strokeWidth": 2, "opacity": 0.55},
                "encoding": {"x": x, "y": {**y, "field": "lower"}, "y2": {"field": "upper"}},
            },
            {
                "mark": {"type": "point", "style": "trend", "filled": True, "size": 60},
                "encoding": {"x": x, "y": {**y, "field": "value"}, "shape": shape, "tooltip": tooltip},
            },
            {
                "mark": {"type": "text", "style": "trend", "align": "left", "dx": 8, "dy": -6},
                "encoding": {"x": x, "y": {**y, "field": "value"}, "text": {"field": "place", "type": "nominal"}},
            },
        ],
    }


def evidence_slices(evidence: Evidence) -> dict[str, Any] | None:
    """Draw the slices of an evidence's series against its limit; ``None`` where it holds none."""
    columns = [evidence.series.get(name, []) for name in ("slice", "size", "value", "lower", "upper")]
    rows = [
        (str(name), float(size), float(value), (float(lower), float(upper)))
        for name, size, value, lower, upper in zip(*columns, strict=False)
        if size is not None and value is not None and lower is not None and upper is not None
    ]
    if not rows:
        return None
    return slice_chart(rows, evidence.measure, evidence.limit or 0.0, ("interval", "without"))
