"""Which mix of sources to buy: a chart over all mixes, and rows of text.

Columns of an evidence's series: ``source`` with ``rows_to_buy``, ``rows_lower``, ``rows_upper`` and ``money`` (a share); and over
mixes ``mix_1``, ``mix_2`` and, for three sources, ``mix_3`` (shares of the money) with ``times_least``, the loss above the floor
as a multiple of the least.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.core.evidence import Evidence

WIDTH, SIDE = 620, 300
CELLS = 20
# What a cell of the text says, by how many times the least excess loss a mix has.
STEPS = ((1.01, "#"), (1.1, "+"), (1.5, "-"), (math.inf, "."))
LEGEND = "x bought; loss above the floor within 1% of the least #, 10% +, 50% -, more ."
FAINT = 1.5


def simplex_chart(evidence: Evidence) -> dict[str, Any] | None:
    """Draw the loss over all mixes (a line for two sources, a triangle for three) and below it what to buy.

    Returns
    -------
    dict or None
        Vega-Lite specification without colors of its own; ``None`` where the series hold no purchase.
    """
    series = evidence.series
    if "source" not in series or "rows_to_buy" not in series:
        return None
    panels = [_bought_panel(evidence)]
    if "mix_3" in series:
        panels.insert(0, _triangle_panel(evidence))
    elif "mix_1" in series:
        panels.insert(0, _line_panel(evidence))
    return {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "vconcat": panels, "spacing": 18}


def _table(evidence: Evidence, *names: str) -> list[dict[str, Any]]:
    columns = [evidence.series[name] for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _line_panel(evidence: Evidence) -> dict[str, Any]:
    first = evidence.series["source"][0]
    at = [{"mix_1": evidence.series["money"][0]}]
    x = {
        "field": "mix_1",
        "type": "quantitative",
        "axis": {"title": f"share of the money for {first}", "format": "%", "grid": False},
    }
    y = {
        "field": "times_least",
        "type": "quantitative",
        "scale": {"domain": [1, 2], "clamp": True},
        "axis": {"title": "loss above the floor, times the least", "tickCount": 5},
    }
    return {
        "data": {"values": _table(evidence, "mix_1", "times_least")},
        "layer": [
            {"mark": {"type": "line", "style": "trend"}, "encoding": {"x": x, "y": y}},
            {"data": {"values": at}, "mark": {"type": "rule", "style": "limit"}, "encoding": {"x": x}},
        ],
        "width": WIDTH - 200,
        "height": 170,
    }


def _place(shares: tuple[float, float, float]) -> dict[str, float]:
    """Where a mix lies in the triangle: the first source left, the second right, the third on top."""
    return {"across": shares[1] + shares[2] / 2, "up": shares[2] * math.sqrt(3) / 2}


def _triangle_panel(evidence: Evidence) -> dict[str, Any]:
    series = evidence.series
    names = [str(name) for name in series["source"]]
    rows = [
        {**row, **_place((row["mix_1"], row["mix_2"], row["mix_3"])), "shown": min(row["times_least"], FAINT)}
        for row in _table(evidence, "mix_1", "mix_2", "mix_3", "times_least")
    ]
    for row in rows:
        row.update(zip(names, (f"{row[f'mix_{number}']:.0%}" for number in (1, 2, 3)), strict=True))
    money = [float(share or 0) for share in series["money"]]
    bought = [{**_place((money[0], money[1], money[2])), "words": "bought"}]
    corners = [
        {**_place((1.0, 0.0, 0.0)), "name": names[0]},
        {**_place((0.0, 1.0, 0.0)), "name": names[1]},
        {**_place((0.0, 0.0, 1.0)), "name": names[2]},
    ]
    x = {"field": "across", "type": "quantitative", "axis": None, "scale": {"domain": [-0.15, 1.15]}}
    y = {"field": "up", "type": "quantitative", "axis": None, "scale": {"domain": [-0.08, 0.95]}}
    strong = {
        "field": "shown",
        "type": "quantitative",
        "scale": {"domain": [1, FAINT], "range": [0.95, 0.08]},
        "legend": None,
    }
    told = [{"field": name} for name in names]
    told.append({"field": "times_least", "title": "loss above the floor, times the least", "format": ".3f"})
    side = {"mark": {"type": "text", "style": "note", "baseline": "middle"}, "data": {"values": corners}}
    return {
        "layer": [
            {
                "data": {"values": rows},
                "mark": {"type": "circle", "style": "bar", "size": 260},
                "encoding": {"x": x, "y": y, "opacity": strong, "tooltip": told},
            },
            {
                "data": {"values": bought},
                "mark": {"type": "point", "style": "whisker", "size": 170, "strokeWidth": 2.5},
                "encoding": {"x": x, "y": y},
            },
            {
                **side,
                "transform": [{"calculate": "datum.up > 0 ? datum.up + 0.06 : datum.up - 0.06", "as": "beside"}],
                "encoding": {"x": x, "y": {**y, "field": "beside"}, "text": {"field": "name"}},
            },
        ],
        "width": round(SIDE * 1.25),
        "height": SIDE,
    }


def _bought_panel(evidence: Evidence) -> dict[str, Any]:
    y = {"field": "source", "type": "nominal", "sort": None, "axis": {"title": None, "ticks": False, "domain": False}}
    x = {"field": "rows_to_buy", "type": "quantitative", "scale": {"zero": True}, "axis": {"title": "rows to buy"}}
    names = ("source", "rows_to_buy", "rows_lower", "rows_upper", "money")
    told = [{"field": name, "title": name.replace("_", " "), "format": ",.0f"} for name in names[1:4]]
    return {
        "data": {"values": _table(evidence, *names)},
        "layer": [
            {"mark": {"type": "bar", "style": "bar"}, "encoding": {"x": x, "y": y, "tooltip": told}},
            {
                "mark": {"type": "rule", "style": "whisker"},
                "encoding": {"x": {**x, "field": "rows_lower"}, "x2": {"field": "rows_upper"}, "y": y},
            },
        ],
        "width": WIDTH - 200,
        "height": {"step": 28},
    }


def bought_rows(evidence: Evidence) -> list[tuple[str, str, str, str]]:
    """Source, rows to buy, a bar of its share of the money, and the range of the refits; empty where there is no purchase.

    Examples
    --------
    >>> from assay.core import Evidence
    >>> series = {"source": ["web"], "rows_to_buy": [1200], "rows_lower": [1000], "rows_upper": [1300], "money": [0.5]}
    >>> bought_rows(Evidence(series=series))
    [('web', '1,200 rows', '==========', '50% of the money; refits buy 1,000 to 1,300')]
    """
    if "rows_to_buy" not in evidence.series:
        return []
    return [
        (
            str(row["source"]),
            f"{row['rows_to_buy']:,} rows",
            "=" * round(CELLS * row["money"]),
            f"{row['money']:.0%} of the money; refits buy {row['rows_lower']:,} to {row['rows_upper']:,}",
        )
        for row in _table(evidence, "source", "rows_to_buy", "rows_lower", "rows_upper", "money")
    ]


def mix_lines(evidence: Evidence) -> list[str]:
    """All mixes as characters, the sources' names at the ends or corners; empty for more than three sources.

    Examples
    --------
    >>> from assay.core import Evidence
    >>> series = {"source": ["a", "b"], "rows_to_buy": [1, 1], "money": [0.5, 0.5],
    ...           "mix_1": [0.0, 0.5, 1.0], "mix_2": [1.0, 0.5, 0.0], "times_least": [1.7, 1.0, 1.04]}
    >>> print(*mix_lines(Evidence(series=series)))
    b . x + a
    """
    series = evidence.series
    if "mix_1" not in series or "rows_to_buy" not in series:
        return []
    names = [str(name) for name in series["source"]]
    axes = [f"mix_{number}" for number in range(1, len(names) + 1)]
    rows = _table(evidence, *axes, "times_least")
    money = [float(share or 0) for share in series["money"]]
    nearest = min(rows, key=lambda row: sum((row[axis] - share) ** 2 for axis, share in zip(axes, money, strict=True)))

    def cell(row: dict[str, Any]) -> str:
        return "x" if row is nearest else next(mark for most, mark in STEPS if row["times_least"] <= most)

    if len(names) == 2:
        return [" ".join([names[1], *(cell(row) for row in sorted(rows, key=lambda row: row["mix_1"])), names[0]])]
    levels: dict[float, list[dict[str, Any]]] = {}
    for row in rows:
        levels.setdefault(row["mix_3"], []).append(row)
    wide = 2 * max(len(level) for level in levels.values()) - 1
    left = len(names[0]) + 1
    lines = [" " * left + names[2].center(wide).rstrip()]
    for _, level in sorted(levels.items(), reverse=True):
        said = " ".join(cell(row) for row in sorted(level, key=lambda row: row["mix_2"]))
        lines.append(" " * left + said.center(wide).rstrip())
    lines[-1] = f"{names[0]} {lines[-1][left:]} {names[1]}"
    return lines
