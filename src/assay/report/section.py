"""The part of the page that tells everything about one check."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import msgspec

from assay.core.waiver import waiver_of
from assay.report.charts import evidence_chart, interval_chart
from assay.report.elements import action_items, command, data_script, number, status_mark, text
from assay.report.figures import figures, scalar
from assay.report.words import counted, effect_words, evidence_words, explained, lines, quiet, subjects

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.core.evidence import Evidence
    from assay.core.verdict import Verdict
    from assay.core.waiver import Waiver
    from assay.report.charts import Spec
    from assay.report.words import Group

_FOLDED_FROM = 3


def anchor(group: Group) -> str:
    """The id of the check's section."""
    return "c-" + escape("".join(char if char.isalnum() else "-" for char in f"{group.stage}-{group.check}"))


def check_section(group: Group, waivers: Sequence[Waiver] = (), *, recorded: bool = True) -> str:
    """Claim, charts, numbers, and for each verdict why, on what, by which method, and how to replay it."""
    several = len(group.verdicts) > 1
    ordered = [line.first for line in lines(group, fold=False)]
    claims = list(dict.fromkeys(verdict.claim.text for verdict in ordered))
    more = f' <span class="muted">and {len(claims) - 1} more, alike</span>' if len(claims) > 1 else ""
    intervals = figure(interval_chart(group.verdicts), f"Intervals of {group.check} against the limit", "")
    charts = [
        figure(evidence_chart(verdict.evidence), f"Evidence of {verdict.name}", _series_table(verdict.evidence))
        for verdict in group.verdicts
        if verdict.evidence.series
    ]
    loud = [verdict for verdict in ordered if not quiet(verdict)]
    calm = [verdict for verdict in ordered if quiet(verdict)]
    details = "".join(
        detail(verdict, folded=False, waiver=waiver_of(verdict, waivers), recorded=recorded) for verdict in loud
    )
    folded = "".join(
        detail(verdict, folded=several, waiver=waiver_of(verdict, waivers), recorded=recorded) for verdict in calm
    )
    if len(calm) >= _FOLDED_FROM:
        folded = f"<details><summary>{counted(calm)}: why, and under which assumptions</summary>{folded}</details>"
    body = f"{intervals}{''.join(charts)}{_numbers_table(ordered)}{details}{folded}"
    if not loud:
        # What is quiet is one line to open; what was watched over time is always worth a look.
        watched = [
            chart for chart, verdict in zip(charts, _with_series(group), strict=True) if "time" in verdict.series
        ]
        rest = [chart for chart in charts if chart not in watched]
        hidden = f"{intervals}{''.join(rest)}{_numbers_table(ordered)}{folded}"
        body = f"{''.join(watched)}<details><summary>{counted(calm)}: numbers, why, assumptions</summary>{hidden}</details>"
    heading = f"{text(group.check)} <span class='code'>{text(group.code)}</span>"
    count = f'<p class="muted">{len(group.verdicts):,} {subjects(group.verdicts)}</p>' if several else ""
    return (
        f'<section class="check" id="{anchor(group)}"><h2>{heading}</h2>'
        f'<p class="claim"><span class="label">Claim</span> <q>{text(claims[0])}</q>{more}'
        f"{_measure(group)}</p>{count}{body}</section>"
    )


def _with_series(group: Group) -> list[Evidence]:
    return [verdict.evidence for verdict in group.verdicts if verdict.evidence.series]


def _measure(group: Group) -> str:
    measures = {verdict.evidence.measure for verdict in group.verdicts}
    measure = measures.pop()
    if measures or not measure or measure == group.verdicts[0].claim.text:
        return ""
    return f'<br><span class="muted">measured: {text(measure)}</span>'


def figure(spec: Spec | None, caption: str, table: str) -> str:
    """A chart and the table of its numbers; a table alone when there is nothing to draw."""
    folded = f"<details><summary>The numbers behind the chart</summary>{table}</details>" if table else ""
    if spec is None:
        return folded.replace("The numbers behind the chart", "The numbers in full")
    data = data_script("", msgspec.json.encode(spec).decode())
    return (
        f'<figure class="chart" aria-label="{text(caption)}"><figcaption>{text(caption)}</figcaption>'
        f'<div class="canvas"></div>{data}'
        "<noscript>The chart needs JavaScript; its numbers are in the table.</noscript>"
        f"</figure>{folded}"
    )


def _numbers_table(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for verdict in verdicts:
        evidence, found = verdict.evidence, figures(verdict)
        if not (any(found) or evidence.n):
            continue
        cells = "".join(
            f'<td class="number">{number(cell)}</td>' for cell in (found.estimate, found.interval, found.need)
        )
        counts = f'<td class="number">{evidence.n:,}</td><td class="number">{scalar(evidence.units)}</td>'
        name = text(verdict.subject or verdict.check)
        rows.append(f'<tr><th scope="row">{name}</th><td>{status_mark(verdict)}</td>{cells}{counts}</tr>')
    if not rows:
        return ""
    names = ("Of", "Verdict", "Estimate", "Interval", "Need, or alarm", "Rows", "Units")
    head = "".join(
        f'<th scope="col"{" class=number" if place > 1 else ""}>{name}</th>' for place, name in enumerate(names)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _series_table(evidence: Evidence) -> str:
    columns = list(evidence.series)
    height = max((len(values) for values in evidence.series.values()), default=0)
    if not height:
        return ""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in columns)
    rows = []
    for place in range(height):
        cells = [values[place] if place < len(values) else None for values in evidence.series.values()]
        rows.append(
            "<tr>"
            + "".join(
                f"<td>{text(cell)}</td>" if isinstance(cell, str) else f'<td class="number">{number(scalar(cell))}</td>'
                for cell in cells
            )
            + "</tr>"
        )
    return f'<div class="scroll tall"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def detail(verdict: Verdict, *, folded: bool, waiver: Waiver | None = None, recorded: bool = True) -> str:
    """Why, on what, under which assumptions, by which method, and how to replay it."""
    evidence, guarantee = verdict.evidence, verdict.guarantee
    statistic = ", ".join(
        f"{name} = {scalar(value)}" for name, value in evidence.statistic.items() if value is not None
    )
    method = " ".join(
        part for part in (evidence.method, f"version {evidence.method_version}" if evidence.method else "") if part
    )
    seed = f"seed {evidence.seed}" if evidence.seed is not None else ""
    facts = [
        ("Why", text(verdict.reason)),
        ("Evidence", text(evidence_words(verdict))),
        ("Numbers", text(statistic)),
        ("Guarantee", text(str(guarantee))),
        ("Assumes", _assumptions(verdict)),
        ("Source", text(guarantee.source)),
        ("Method", text("; ".join(part for part in (method, seed) if part))),
        ("Effect", text(effect_words(verdict, waiver))),
        ("Waiver", text(str(waiver)) if waiver is not None else ""),
        ("Data", _pairs(evidence.fingerprints.items())),
        ("Next", f'<ol class="actions">{action_items(verdict.actions)}</ol>' if verdict.actions else ""),
        ("Replay", command(explained(verdict, recorded))),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts if value)
    open_mark = "" if folded else " open"
    return (
        f'<details class="verdict" id="v-{verdict.id}"{open_mark}>'
        f'<summary>{status_mark(verdict)} {text(verdict.name)}</summary><dl class="facts">{listed}</dl></details>'
    )


def _assumptions(verdict: Verdict) -> str:
    rows = "".join(
        f'<li>{text(each.text)} <span class="tag">{each.status}</span>'
        f"{f' <span class=muted>{text(each.detail)}</span>' if each.detail else ''}</li>"
        for each in verdict.guarantee.assumptions
    )
    return f"<ul>{rows}</ul>" if rows else ""


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{text(name)} <code>{text(value[:12])}</code>" for name, value in pairs)
