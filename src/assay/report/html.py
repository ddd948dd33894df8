"""Verdicts as one HTML page that stands alone: no network, light and dark, each chart with its table."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import TYPE_CHECKING

import msgspec
import vl_convert

from assay.report.charts import evidence_chart, interval_chart
from assay.report.context import ReportContext
from assay.report.figures import Figures, duration, figures, scalar
from assay.report.interval_bar import interval_bar
from assay.report.json import to_json
from assay.report.palette import vega_config
from assay.report.plain import plain
from assay.report.stylesheet import stylesheet
from assay.report.words import (
    brief_guarantee,
    budget_words,
    evidence_words,
    groups,
    headline,
    lines,
    next_actions,
    price,
    size,
    subjects,
    summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.core.action import Action
    from assay.core.evidence import Evidence
    from assay.core.verdict import Verdict
    from assay.report.charts import Spec
    from assay.report.words import Group, Line

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What the page may load: nothing. The charts are interpreted, so the page needs no ``eval`` either."""
_DRAW = """
const config = JSON.parse(document.getElementById("chart-config").textContent);
for (const figure of document.querySelectorAll("figure.chart")) {
  const spec = JSON.parse(figure.querySelector("script").textContent);
  vegaEmbed(figure.querySelector(".canvas"), spec, {config, renderer: "svg", actions: false, ast: true})
    .then(() => { figure.dataset.drawn = "yes"; },
          (problem) => { figure.dataset.drawn = "no"; console.error(problem); });
}
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = "copied";
  });
}
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const each of folded) each.open = true;
});
addEventListener("afterprint", () => { for (const each of folded) each.open = false; });
function unfold() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();
"""
_WORD = {"pass": "✓ pass", "fail": "✕ fail", "inconclusive": "? inconclusive", "skipped": "– skipped", "error": "! error"}


def to_html(verdicts: Sequence[Verdict], context: ReportContext | None = None) -> str:
    """Write one self-contained page.

    First the sentence that says whether anything is in the way, then the table of verdicts with each interval drawn
    against its limit, what to do next, the story where there is one, and a section for each check: its claim, chart,
    numbers, assumptions, method and the command that replays it. The page holds the JSON of :func:`to_json` in
    ``<script id="assay-report">``, makes no request (its content policy forbids them all), follows the reader's light
    or dark setting, prints, and tells everything without JavaScript but the larger charts, whose numbers stand in
    tables.

    Returns
    -------
    str
        HTML, about 1 MB when there is a chart: the chart library is in it, once.
    """
    context = context or ReportContext()
    verdicts = list(verdicts)
    anchors = {verdict.id: f"v-{verdict.id}" for verdict in verdicts}
    title = context.title or context.project or "assay report"
    sections = [_section(group) for group in groups(verdicts)]
    drawn = any('class="chart"' in section for section in sections)
    body = [
        _masthead(verdicts, context, title),
        _answers(context, anchors),
        _verdict_table(verdicts),
        _next(verdicts, context),
        _story(verdicts, context, anchors),
        "".join(sections),
        _footer(verdicts, context),
    ]
    scripts = [_data_script("assay-report", to_json(verdicts, context).decode())]
    if drawn:
        scripts += [
            _data_script("chart-config", msgspec.json.encode(vega_config("page")).decode()),
            f"<script>{_inline(_bundle())}</script>",
        ]
    scripts.append(f"<script>{_DRAW if drawn else _DRAW[_DRAW.index('for (const button') :]}</script>")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>{stylesheet()}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n"
        + "\n".join(scripts)
        + "\n</body>\n</html>\n"
    )


@cache
def _bundle() -> str:
    bundle: str = vl_convert.javascript_bundle()
    return bundle


def _inline(script: str) -> str:
    """A script that cannot end its own element."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _data_script(identity: str, data: str) -> str:
    """JSON within HTML: no character in it can end the element."""
    safe = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    mark = f' id="{identity}"' if identity else ""
    return f'<script type="application/json"{mark}>{safe}</script>'


def _text(text: str) -> str:
    return escape(plain(text))


def _number(text: str) -> str:
    """A number with a true minus sign, as wide as a plus."""
    return _text(text).replace("-", "−") if "e-" not in text else _text(text)


def _status(verdict: Verdict) -> str:
    return f'<span class="status {verdict.status}">{_WORD[verdict.status]}</span>'


def _masthead(verdicts: Sequence[Verdict], context: ReportContext, title: str) -> str:
    facts = [
        context.project if context.title else "",
        context.created.replace("T", " ").removesuffix("Z") + (" UTC" if context.created.endswith("Z") else ""),
        f"assay {context.version}" if context.version else "",
        size(verdicts),
        duration(context.seconds) if context.seconds is not None else "",
    ]
    said = headline(verdicts)
    kind = {"Blocked": "fail", "Clear": "pass"}.get(said.split(":")[0], "skipped")
    return (
        f'<header><p class="kicker">{_text(" · ".join(fact for fact in facts if fact))}</p><h1>{_text(title)}</h1>'
        f'<p class="headline {kind}" role="status">{_text(said)}</p></header>'
    )


def _answers(context: ReportContext, anchors: dict[str, str]) -> str:
    if not context.answers:
        return ""
    rows = []
    for each in context.answers:
        anchor = anchors.get(each.verdict or "")
        said = f'<a href="#{anchor}">{_text(each.answer)}</a>' if anchor else _text(each.answer)
        rows.append(f"<div><dt>{_text(each.question)}</dt><dd>{said}</dd></div>")
    return f'<dl class="answers">{"".join(rows)}</dl>'


def _verdict_table(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    rows = []
    last = ""
    for group in groups(verdicts):
        if group.stage != last:
            rows.append(f'<tr class="stage"><th colspan="7" scope="colgroup">{_text(group.stage)}</th></tr>')
            last = group.stage
        rows += [_verdict_row(group, line) for line in lines(group)]
    head = "".join(
        f'<th scope="col"{kind}>{name}</th>'
        for name, kind in (
            ("Check", ""),
            ("Verdict", ""),
            ("Estimate", ' class="number"'),
            ("Interval", ' class="number"'),
            ("Against the limit", ' class="bar"'),
            ("Need", ""),
            ("Guarantee", ""),
        )
    )
    return (
        '<section aria-labelledby="verdicts"><h2 id="verdicts">Verdicts</h2><div class="scroll">'
        f'<table class="verdicts"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        '<p class="hint">A bar is the interval, the notch the estimate, the dashed line the limit; the tinted side is the one '
        "that the claim asks for. Each row has its own scale.</p></section>"
    )


def _verdict_row(group: Group, line: Line) -> str:
    verdict = line.first
    several = len(line.verdicts) > 1
    anchor = _anchor(group) if several else f"v-{verdict.id}"
    name = f'<a href="#{anchor}">{_text(verdict.check if several else verdict.name)}</a> <span class="code">{verdict.code}</span>'
    blocks = '<span class="tag">blocks</span>' if verdict.blocking and verdict.status not in ("pass", "skipped") else ""
    found = Figures("", "", "") if several else figures(verdict)
    promises = {brief_guarantee(each.guarantee) for each in line.verdicts}
    promise = promises.pop() if len(promises) == 1 else "various"
    if any(found):
        numbers = (
            f'<td class="number">{_number(found.estimate)}</td><td class="number">{_number(found.interval)}</td>'
            f'<td class="bar">{interval_bar(verdict)}</td><td class="need">{_number(found.need)}</td>'
        )
    else:
        numbers = f'<td colspan="4" class="said">{_text(line.text or verdict.reason)}</td>'
    return (
        f'<tr><th scope="row">{name}</th><td>{_status(verdict)}{blocks}</td>{numbers}'
        f'<td class="promise">{_text(promise)}</td></tr>'
    )


def _anchor(group: Group) -> str:
    return "c-" + escape("".join(char if char.isalnum() else "-" for char in f"{group.stage}-{group.check}"))


def _next(verdicts: Sequence[Verdict], context: ReportContext) -> str:
    actions = next_actions(verdicts, context)
    budget = "".join(_budget(line.name, line.spent, line.limit, budget_words(line)) for line in context.budget)
    ledger = f'<p class="ledger">Ledger: {_text(context.ledger)}</p>' if context.ledger else ""
    todo = f'<ol class="actions">{_actions(actions)}</ol>' if actions else "<p>Nothing to do.</p>"
    return (
        f'<section aria-labelledby="next"><h2 id="next">What to do next</h2>{todo}'
        f'{f"<div class=budget>{budget}</div>" if budget else ""}{ledger}</section>'
    )


def _budget(name: str, spent: float, limit: float, words: str) -> str:
    share = min(1.0, max(0.0, spent / limit)) if limit > 0 else 0.0
    return (
        f'<div><span>{_text(words)}</span><svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" '
        f'aria-label="{_text(name)}: {share:.0%} spent"><rect class="track" width="100" height="4"/>'
        f'<rect class="spent" width="{share * 100:.1f}" height="4"/></svg></div>'
    )


def _actions(actions: Iterable[Action]) -> str:
    out = []
    for action in actions:
        cost = price(action)
        out.append(
            f"<li><strong>{_text(action.title)}</strong>{f' <span class=price>{_text(cost)}</span>' if cost else ''}"
            f"{f'<br><span class=effect>{_text(action.effect)}</span>' if action.effect else ''}"
            f"{_command(action.command) if action.command else ''}</li>"
        )
    return "".join(out)


def _command(text: str) -> str:
    return f'<div class="command"><code>{_text(text)}</code><button class="copy" type="button" hidden>copy</button></div>'


def _story(verdicts: Sequence[Verdict], context: ReportContext, anchors: dict[str, str]) -> str:
    if not context.story:
        return ""
    by_id = {verdict.id: verdict for verdict in verdicts}
    steps = []
    for step in context.story:
        links = "".join(
            f'<li><a href="#{anchors[identity]}">{_text(by_id[identity].name)}</a> {_status(by_id[identity])}</li>'
            for identity in step.verdict_ids
            if identity in anchors
        )
        steps.append(
            f"<li><h3>{_text(step.title)}</h3>{_command(step.command) if step.command else ''}"
            f"{f'<p>{_text(step.text)}</p>' if step.text else ''}{f'<ul class=links>{links}</ul>' if links else ''}</li>"
        )
    return f'<section aria-labelledby="story"><h2 id="story">Step by step</h2><ol class="story">{"".join(steps)}</ol></section>'


def _section(group: Group) -> str:
    """Everything about one check."""
    first = group.verdicts[0]
    several = len(group.verdicts) > 1
    claims = list(dict.fromkeys(verdict.claim.text for verdict in group.verdicts))
    more = f' <span class="muted">and {len(claims) - 1} more, alike</span>' if len(claims) > 1 else ""
    charts = [_figure(interval_chart(group.verdicts), f"Intervals of {group.check} against the limit", "")]
    charts += [
        _figure(evidence_chart(verdict.evidence), f"Evidence of {verdict.name}", _series_table(verdict.evidence))
        for verdict in group.verdicts
        if verdict.evidence.series
    ]
    details = "".join(_detail(verdict, folded=several and verdict.status in ("pass", "skipped")) for verdict in group.verdicts)
    heading = f"{_text(group.check)} <span class='code'>{group.code}</span>"
    count = f'<p class="muted">{len(group.verdicts):,} {subjects(group.verdicts)}</p>' if several else ""
    return (
        f'<section class="check" id="{_anchor(group)}"><h2>{heading}</h2>'
        f'<p class="claim"><span class="label">Claim</span> <q>{_text(claims[0])}</q>{more}'
        f"{_measure(first)}</p>{count}{''.join(charts)}{_numbers_table(group)}{details}</section>"
    )


def _measure(verdict: Verdict) -> str:
    measure = verdict.evidence.measure
    return f'<br><span class="muted">measured: {_text(measure)}</span>' if measure and measure != verdict.claim.text else ""


def _figure(spec: Spec | None, caption: str, table: str) -> str:
    """A chart and the table of its numbers; a table alone when there is nothing to draw."""
    folded = f"<details><summary>The numbers behind the chart</summary>{table}</details>" if table else ""
    if spec is None:
        return folded.replace("The numbers behind the chart", "The numbers in full")
    data = _data_script("", msgspec.json.encode(spec).decode())
    return (
        f'<figure class="chart" aria-label="{_text(caption)}"><figcaption>{_text(caption)}</figcaption>'
        f'<div class="canvas"></div>{data}<noscript>The chart needs JavaScript; its numbers are in the table.</noscript>'
        f"</figure>{folded}"
    )


def _numbers_table(group: Group) -> str:
    rows = []
    for verdict in group.verdicts:
        evidence, found = verdict.evidence, figures(verdict)
        if not (any(found) or evidence.n):
            continue
        cells = "".join(f'<td class="number">{_number(cell)}</td>' for cell in (found.estimate, found.interval, found.need))
        counts = f'<td class="number">{evidence.n:,}</td><td class="number">{scalar(evidence.units)}</td>'
        name = _text(verdict.subject or verdict.check)
        rows.append(f'<tr><th scope="row">{name}</th><td>{_status(verdict)}</td>{cells}{counts}</tr>')
    if not rows:
        return ""
    names = ("Of", "Verdict", "Estimate", "Interval", "Need", "Rows", "Units")
    head = "".join(f'<th scope="col"{" class=number" if place > 1 else ""}>{name}</th>' for place, name in enumerate(names))
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _series_table(evidence: Evidence) -> str:
    columns = list(evidence.series)
    height = max((len(values) for values in evidence.series.values()), default=0)
    if not height:
        return ""
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in columns)
    rows = []
    for place in range(height):
        cells = [values[place] if place < len(values) else None for values in evidence.series.values()]
        rows.append(
            "<tr>"
            + "".join(
                f"<td>{_text(cell)}</td>" if isinstance(cell, str) else f'<td class="number">{_number(scalar(cell))}</td>'
                for cell in cells
            )
            + "</tr>"
        )
    return f'<div class="scroll tall"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _detail(verdict: Verdict, *, folded: bool) -> str:
    """Why, on what, under which assumptions, by which method, and how to replay it."""
    evidence, guarantee = verdict.evidence, verdict.guarantee
    statistic = ", ".join(f"{name} = {scalar(value)}" for name, value in evidence.statistic.items())
    method = " ".join(part for part in (evidence.method, f"version {evidence.method_version}" if evidence.method else "") if part)
    seed = f"seed {evidence.seed}" if evidence.seed is not None else ""
    effect = ("blocks" if verdict.blocking else "does not block") + (", pages" if verdict.pages else "")
    facts = [
        ("Why", _text(verdict.reason)),
        ("Evidence", _text(evidence_words(verdict))),
        ("Numbers", _text(statistic)),
        ("Guarantee", _text(str(guarantee))),
        ("Assumes", _assumptions(verdict)),
        ("Source", _text(guarantee.source)),
        ("Method", _text("; ".join(part for part in (method, seed) if part))),
        ("Effect", _text(effect)),
        ("Data", _pairs(evidence.fingerprints.items())),
        ("Next", f'<ol class="actions">{_actions(verdict.actions)}</ol>' if verdict.actions else ""),
        ("Replay", _command(f"assay explain {verdict.id}")),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts if value)
    open_mark = "" if folded else " open"
    return (
        f'<details class="verdict" id="v-{verdict.id}"{open_mark}><summary>{_status(verdict)} {_text(verdict.name)}</summary>'
        f'<dl class="facts">{listed}</dl></details>'
    )


def _assumptions(verdict: Verdict) -> str:
    rows = "".join(
        f'<li>{_text(each.text)} <span class="tag">{each.status}</span>'
        f"{f' <span class=muted>{_text(each.detail)}</span>' if each.detail else ''}</li>"
        for each in verdict.guarantee.assumptions
    )
    return f"<ul>{rows}</ul>" if rows else ""


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{_text(name)} <code>{_text(value[:12])}</code>" for name, value in pairs)


def _footer(verdicts: Sequence[Verdict], context: ReportContext) -> str:
    return f'<footer><p class="summary">{_text(summary(verdicts, context))}</p></footer>'
