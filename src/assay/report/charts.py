"""Charts of verdicts as Vega-Lite specifications, drawn offline.

A specification holds its data and names its colors by role, so one specification serves light, dark and print: the
theme is applied when it is drawn.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert

from assay.core.ladder import ladder_chart
from assay.core.palette import STATUSES, Theme, vega_config
from assay.core.scatter import evidence_slices
from assay.core.simplex import simplex_chart
from assay.report.figures import direction, limit_text
from assay.report.words import WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.core.evidence import Evidence, Scalar
    from assay.core.verdict import Verdict

Spec = dict[str, Any]
WIDTH = 620
MOST_ROWS = 40
"""Rows that an interval or bar chart shows; its table holds all of them."""
_LEAST_BARS = 2
WINDOW = 7
"""Points in the running mean that is drawn over a series of losses."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d")


def interval_chart(verdicts: Sequence[Verdict]) -> Spec | None:
    """Draw each interval as a bar against its limit, worst verdict first; the side that the claim asks for is tinted.

    Parameters
    ----------
    verdicts : sequence of Verdict
        Verdicts of one check; those with neither an interval nor an estimate and limit are left out. A one-sided
        interval runs to the edge of the chart.

    Returns
    -------
    dict or None
        Vega-Lite specification; ``None`` when no verdict has numbers to draw.
    """
    drawn = [verdict for verdict in verdicts if drawable(verdict.evidence)]
    drawn.sort(key=lambda verdict: WORST_FIRST.index(verdict.status))
    drawn = drawn[:MOST_ROWS]
    if not drawn:
        return None
    low, high = extent([verdict.evidence for verdict in drawn])
    rows = [_interval_row(verdict, low, high) for verdict in drawn]
    measures = {verdict.evidence.measure for verdict in drawn}
    title = measures.pop() if len(measures) == 1 else "estimate and interval"
    scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    y = alt.Y("name:N", sort=None, axis=alt.Axis(title=None, ticks=False, domain=False))
    x = alt.X("lower:Q", scale=scale, axis=alt.Axis(title=title or "estimate and interval", tickCount=6))
    color = alt.Color("status:N", scale=alt.Scale(domain=list(STATUSES), range="category"), legend=None)
    tooltip = [f"{name}:{kind}" for name, kind in zip(rows[0], "NNQQQQ", strict=False) if name in _TOLD]
    chart = alt.Chart(alt.Data(values=rows))
    bars = chart.mark_rule(strokeWidth=7, strokeCap="butt", opacity=0.55).encode(
        x=x, x2="upper:Q", y=y, color=color, tooltip=tooltip
    )
    points = chart.mark_tick(thickness=2.5, size=15, opacity=1).encode(
        x=alt.X("estimate:Q", scale=scale), y=y, color=color, tooltip=tooltip
    )
    layers = [bars, points]
    wanted = {(verdict.evidence.limit, direction(verdict)[:1]) for verdict in drawn}
    if len(wanted) == 1:
        limit, side = wanted.pop()
        if limit is not None:
            layers = [*_region(limit, side, low, high, scale), _limit_rule(limit, scale), *layers]
    else:
        layers.append(
            chart.mark_tick(style="limit", thickness=1.5, size=20).encode(x=alt.X("limit:Q", scale=scale), y=y)
        )
    return _spec(alt.layer(*layers).properties(width=WIDTH - 130, height=alt.Step(26)))


_TOLD = {"name", "status", "estimate", "limit"}


def drawable(evidence: Evidence) -> bool:
    """Whether there is an interval, or an estimate with a limit, to draw."""
    bounded = evidence.lower is not None or evidence.upper is not None
    return bounded or (evidence.estimate is not None and evidence.limit is not None)


def extent(evidence: Sequence[Evidence]) -> tuple[float, float]:
    """Ends of an axis that holds every estimate, interval and limit, with room at both ends."""
    values = [
        value for each in evidence for value in (each.estimate, each.lower, each.upper, each.limit) if value is not None
    ]
    low, high = min(values), max(values)
    room = 0.12 * (high - low) or abs(high) or 1.0
    return (low if low == 0 else low - room), high + room


def _interval_row(verdict: Verdict, low: float, high: float) -> dict[str, Scalar]:
    evidence = verdict.evidence
    bounded = evidence.lower is not None or evidence.upper is not None
    return {
        "name": verdict.subject or verdict.check,
        "status": verdict.status,
        "estimate": evidence.estimate,
        "limit": evidence.limit,
        "lower": evidence.lower if evidence.lower is not None else low if bounded else None,
        "upper": evidence.upper if evidence.upper is not None else high if bounded else None,
    }


def _region(limit: float, side: str, low: float, high: float, scale: alt.Scale) -> list[alt.Chart]:
    if not side:
        return []
    ends = {"from": low, "to": limit} if side == "<" else {"from": limit, "to": high}
    chart = alt.Chart(alt.Data(values=[ends])).mark_rect(style="region")
    return [chart.encode(x=alt.X("from:Q", scale=scale), x2="to:Q")]


def _limit_rule(limit: float, scale: alt.Scale) -> alt.Chart:
    return (
        alt.Chart(alt.Data(values=[{"limit": limit}])).mark_rule(style="limit").encode(x=alt.X("limit:Q", scale=scale))
    )


def series_chart(evidence: Evidence) -> Spec | None:
    """Draw what a monitor saw: the loss over time, and below it the log evidence against its threshold.

    Reads ``series["time"]`` (ISO dates or numbers) with ``series["loss"]`` and ``series["log_statistic"]`` (natural
    logarithm), either of which may be missing, and from ``statistic`` the scalars ``log_threshold``, ``alarm_at`` and
    ``since`` (values of ``time``). The line over the losses is their mean over the last seven points.

    Returns
    -------
    dict or None
        Vega-Lite specification; ``None`` when there is no series over time.
    """
    time = evidence.series.get("time")
    panels = [name for name in ("loss", "log_statistic") if len(evidence.series.get(name, ())) == len(time or ()) > 0]
    if not time or not panels:
        return None
    dated = all(isinstance(value, str) and _ISO.match(value) for value in time)
    kind = "T" if dated else "Q"
    scale = alt.Scale(type="utc") if dated else alt.Scale(zero=False)
    axis = alt.Axis(title=None, grid=False, tickCount=8)
    drawn = []
    for name in panels:
        rows = [
            {"time": at, "value": value if name == "loss" else _decades(value)}
            for at, value in zip(time, evidence.series[name], strict=True)
            if value is not None
        ]
        x = alt.X(f"time:{kind}", scale=scale, axis=axis)
        drawn.append(_loss_panel(rows, x, evidence) if name == "loss" else _evidence_panel(rows, x, evidence))
        drawn[-1] = alt.layer(drawn[-1], *_events(evidence, x, labels=name == panels[0])).properties(
            width=WIDTH, height=170 if name == "loss" else 130
        )
    return _spec(alt.vconcat(*drawn, spacing=14))


def _decades(log_value: Scalar) -> float | None:
    """Natural to decimal logarithm; below one hundredth there is nothing to see."""
    return max(-2.0, float(log_value) / math.log(10)) if isinstance(log_value, int | float) else None


def _loss_panel(rows: list[dict[str, Any]], x: alt.X, evidence: Evidence) -> alt.LayerChart:
    title = evidence.measure.partition(" since ")[0] or "loss"
    chart = alt.Chart(alt.Data(values=rows))
    points = chart.mark_circle(style="day", size=18).encode(
        x=x,
        y=alt.Y("value:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title=title, tickCount=5)),
        tooltip=["time:N", alt.Tooltip("value:Q", title=title, format=".4~g")],
    )
    trend = (
        chart.transform_window(mean="mean(value)", frame=[1 - WINDOW, 0])
        .mark_line(style="trend")
        .encode(x=x, y=alt.Y("mean:Q"))
    )
    layers: list[alt.Chart] = [points, trend]
    if evidence.limit is not None:
        layers += _level(evidence.limit, f"limit {limit_text(evidence)}")
    return alt.layer(*layers)


def _evidence_panel(rows: list[dict[str, Any]], x: alt.X, evidence: Evidence) -> alt.LayerChart:
    power = "datum.value <= 3 ? format(pow(10, datum.value), ',~g') : '10^' + datum.value"
    axis = alt.Axis(title="evidence (log scale)", tickCount=5, tickMinStep=1, labelExpr=power)
    line = alt.Chart(alt.Data(values=rows)).mark_line(style="trend").encode(x=x, y=alt.Y("value:Q", axis=axis))
    threshold = _decades(evidence.statistic.get("log_threshold"))
    return alt.layer(line, *(_level(threshold, "alarm line") if threshold is not None else []))


def _level(value: float, words: str) -> list[alt.Chart]:
    chart = alt.Chart(alt.Data(values=[{"level": value, "words": words}]))
    rule = chart.mark_rule(style="limit").encode(y="level:Q")
    note = chart.mark_text(style="note", align="left", dx=4, dy=-6).encode(x=alt.value(0), y="level:Q", text="words:N")
    return [rule, note]


def _events(evidence: Evidence, x: alt.X, *, labels: bool) -> list[alt.Chart]:
    time = evidence.series["time"]
    out: list[alt.Chart] = []
    for place, (key, style) in enumerate((("since", "since"), ("alarm_at", "event"))):
        at = evidence.statistic.get(key)
        if at is None:
            continue
        words = f"{'since' if key == 'since' else 'alarm'} {at}"
        chart = alt.Chart(alt.Data(values=[{"time": at, "words": words}]))
        out.append(chart.mark_rule(style=style).encode(x=x))
        if labels:
            late = sum(str(value) < str(at) for value in time) > len(time) / 2
            side = {"align": "right", "dx": -4} if late else {"align": "left", "dx": 4}
            note = chart.mark_text(style="note", dy=8 + 14 * place, **side)
            out.append(note.encode(x=x, y=alt.value(0), text="words:N"))
    return out


def bar_chart(evidence: Evidence) -> Spec | None:
    """Draw a column of names with its numbers as bars: candidates with their errors, bins with their shares.

    The first column of text names the bars. ``lower`` and ``upper`` become whiskers on the first column of numbers; of
    the other columns of numbers the first two are drawn side by side. A single row is left to its table.

    Returns
    -------
    dict or None
        Vega-Lite specification; ``None`` when the series hold no such table.
    """
    series = {name: values[:MOST_ROWS] for name, values in evidence.series.items()}
    label = next((name for name, values in series.items() if values and all(isinstance(v, str) for v in values)), None)
    numeric = [name for name, values in series.items() if values and all(_numeric(value) for value in values)]
    drawn = [name for name in numeric if name not in ("lower", "upper")][:2]
    if label is None or label == "time" or not drawn or len(series[label]) < _LEAST_BARS:
        return None
    rows = [
        {"label": name, "column": column, "value": value}
        for column in drawn
        for name, value in zip(series[label], series[column], strict=True)
    ]
    y = alt.Y("label:N", sort=None, axis=alt.Axis(title=label, ticks=False, domain=False))
    x = alt.X(
        "value:Q",
        axis=alt.Axis(
            tickCount=6, title=evidence.measure if len(drawn) == 1 and evidence.measure else ", ".join(drawn)
        ),
    )
    bars = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(style="bar")
        .encode(x=x, y=y, tooltip=["label:N", "column:N", "value:Q"])
    )
    if len(drawn) > 1:
        bars = bars.encode(
            yOffset=alt.YOffset("column:N", sort=None),
            color=alt.Color("column:N", sort=None, scale=alt.Scale(domain=drawn, range="ordinal"), title=None),
        )
    layers: list[alt.Chart] = [bars]
    if len(drawn) == 1 and ("upper" in numeric or "lower" in numeric):
        layers.append(_whiskers(series, label, drawn[0], y))
    if evidence.limit is not None:
        layers.append(_limit_rule(evidence.limit, alt.Scale()))
    return _spec(alt.layer(*layers).properties(width=WIDTH - 130, height=alt.Step(26 if len(drawn) == 1 else 12)))


def _whiskers(series: dict[str, list[Scalar]], label: str, value: str, y: alt.Y) -> alt.Chart:
    ends = [series.get(name, series[value]) for name in ("lower", "upper")]
    rows = [{"label": name, "lower": low, "upper": high} for name, low, high in zip(series[label], *ends, strict=True)]
    chart = alt.Chart(alt.Data(values=rows)).mark_rule(style="whisker")
    return chart.encode(x=alt.X("lower:Q"), x2="upper:Q", y=y)


def _numeric(value: Scalar) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def difference_chart(rows: Sequence[tuple[str, float, float, float]], title: str) -> Spec | None:
    """Draw differences with their intervals, one below the other, against zero.

    Parameters
    ----------
    rows : sequence of (name, estimate, lower, upper)
    title : str
        What is measured.

    Returns
    -------
    dict or None
        Vega-Lite specification; ``None`` without rows.
    """
    if not rows:
        return None
    values = [dict(zip(("name", "estimate", "lower", "upper"), row, strict=True)) for row in rows[:MOST_ROWS]]
    ends = [0.0, *(float(row[place]) for row in rows[:MOST_ROWS] for place in (2, 3))]
    room = 0.08 * (max(ends) - min(ends)) or 1.0
    scale = alt.Scale(domain=[min(ends) - room, max(ends) + room], nice=False, zero=False)
    chart = alt.Chart(alt.Data(values=values))
    y = alt.Y("name:N", sort=None, axis=alt.Axis(title=None, ticks=False, domain=False))
    x = alt.X("lower:Q", scale=scale, axis=alt.Axis(title=title, tickCount=6))
    bars = chart.mark_rule(style="trend", strokeWidth=7, strokeCap="butt", opacity=0.55).encode(x=x, x2="upper:Q", y=y)
    points = chart.mark_tick(style="trend", thickness=2.5, size=15).encode(x=alt.X("estimate:Q", scale=scale), y=y)
    return _spec(alt.layer(bars, points, _limit_rule(0.0, scale)).properties(width=WIDTH - 130, height=alt.Step(26)))


def steps_chart(name: str, sides: Sequence[tuple[str, Sequence[tuple[int, float]]]]) -> Spec | None:
    """Draw a metric by step, a line for each side.

    Parameters
    ----------
    name : str
        The metric.
    sides : sequence of (str, sequence of (step, value))
        Values that are not finite are left out.

    Returns
    -------
    dict or None
        Vega-Lite specification; ``None`` without values.
    """
    values = [
        {"side": side, "step": step, "value": value}
        for side, points in sides
        for step, value in points
        if math.isfinite(value)
    ]
    if not values:
        return None
    names = [side for side, _ in sides]
    color = alt.Color("side:N", sort=None, scale=alt.Scale(domain=names, range="ordinal"), title=None)
    dash = alt.StrokeDash("side:N", sort=None, scale=alt.Scale(domain=names, range=[[4, 3], [1, 0]]), title=None)
    chart = alt.Chart(alt.Data(values=values)).mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=16))
    x = alt.X(
        "step:Q", axis=alt.Axis(title="step", tickCount=8, tickMinStep=1, grid=False), scale=alt.Scale(nice=False)
    )
    y = alt.Y("value:Q", axis=alt.Axis(title=name, tickCount=5), scale=alt.Scale(zero=False))
    return _spec(chart.encode(x=x, y=y, color=color, strokeDash=dash).properties(width=WIDTH, height=170))


def evidence_chart(evidence: Evidence) -> Spec | None:
    """The chart of whatever series the evidence holds: over time, a ladder of limits, mixes of sources, slices, or by name."""
    special = ladder_chart(evidence) or simplex_chart(evidence) or evidence_slices(evidence)
    return series_chart(evidence) or special or bar_chart(evidence)


def to_svg(spec: Spec, theme: Theme = "light") -> str:
    """Draw a specification as SVG, without a network."""
    text: str = vl_convert.vegalite_to_svg(spec, config=vega_config(theme), allowed_base_urls=[])
    return text


def to_png(spec: Spec, theme: Theme = "light", *, scale: float = 2.0) -> bytes:
    """Draw a specification as PNG, without a network.

    Parameters
    ----------
    spec : dict
    theme : {"light", "dark"}
    scale : float
        Pixels for each unit of the chart; 2 is sharp on most screens.
    """
    image: bytes = vl_convert.vegalite_to_png(spec, config=vega_config(theme), scale=scale, allowed_base_urls=[])
    return image


def _spec(chart: alt.TopLevelMixin) -> Spec:
    spec: Spec = chart.to_dict()
    del spec["config"]  # altair's own theme
    return spec
