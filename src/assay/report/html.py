"""Verdicts as one HTML page that stands alone: no network, light and dark, each chart with its table."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec
import vl_convert

from assay.core.palette import vega_config
from assay.core.waiver import waiver_of
from assay.report.context import ReportContext
from assay.report.elements import action_items, data_script, number, status_mark, text
from assay.report.figures import Figures, duration, figures
from assay.report.interval_bar import interval_bar
from assay.report.json import to_json
from assay.report.section import anchor as section_anchor
from assay.report.section import check_section
from assay.report.story import earlier_section, story_section
from assay.report.stylesheet import stylesheet
from assay.report.words import brief_guarantee, budget_words, groups, headline, lines, next_actions, size, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.core.verdict import Verdict
    from assay.report.words import Group, Line

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""What the page may load: nothing. The charts are interpreted, so the page needs no ``eval`` either."""


def to_html(verdicts: Sequence[Verdict], context: ReportContext | None = None, earlier: Sequence[Verdict] = ()) -> str:
    """Write one self-contained page.

    First the sentence that says whether anything is in the way, then the table of verdicts with each interval drawn
    against its limit, what to do next, the story where there is one, and a section for each check: its claim, chart,
    numbers, assumptions, method and the command that replays it. The page holds the JSON of :func:`to_json` in
    ``<script id="assay-report">``, makes no request (its content policy forbids them all), follows the reader's light
    or dark setting, prints, and tells everything without JavaScript but the larger charts, whose numbers stand in
    tables.

    Parameters
    ----------
    verdicts : sequence of Verdict
    context : ReportContext, optional
    earlier : sequence of Verdict
        Verdicts that the story tells of and newer ones have replaced. Those that it links to are shown at the end; they
        are in neither the table nor the JSON.

    Returns
    -------
    str
        HTML, about 1 MB when there is a chart: the chart library is in it, once.
    """
    context = context or ReportContext()
    verdicts = list(verdicts)
    anchors = {verdict.id: f"v-{verdict.id}" for verdict in verdicts}
    title = context.title or context.project or "assay report"
    known = {verdict.id: verdict for verdict in (*earlier, *verdicts)}
    sections = [check_section(group, context.waivers, recorded=context.recorded) for group in groups(verdicts)]
    sections.append(earlier_section(context.story, known, verdicts))
    body = [
        _masthead(verdicts, context, title),
        _verdict_table(verdicts, context),
        _answers(context, anchors),
        _next(verdicts, context),
        story_section(context.story, known),
        *sections,
        _footer(verdicts, context),
    ]
    return page(title, body, [data_script("assay-report", to_json(verdicts, context).decode())])


def page(title: str, body: Sequence[str], scripts: Sequence[str] = ()) -> str:
    """A whole page of the parts of its body; the chart library is in it where a part has a chart."""
    scripts = list(scripts)
    if any('class="chart"' in part for part in body):
        scripts += [
            data_script("chart-config", msgspec.json.encode(vega_config("page")).decode()),
            f"<script>{_inline(_bundle())}</script>",
        ]
    scripts.append(f"<script>{files('assay.report').joinpath('page.js').read_text(encoding='utf-8')}</script>")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>{stylesheet()}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n"
        + "\n".join(scripts)
        + "\n</body>\n</html>\n"
    )


@cache
def _bundle() -> str:
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle


def _inline(script: str) -> str:
    """A script that cannot end its own element."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _masthead(verdicts: Sequence[Verdict], context: ReportContext, title: str) -> str:
    facts = [
        context.project if context.title else "",
        re.sub(r"(Z|\+00:00)$", " UTC", context.created.replace("T", " ")),
        f"assay {context.version}" if context.version else "",
        size(verdicts),
        duration(context.seconds) if context.seconds is not None else "",
    ]
    said = headline(verdicts, context.waivers)
    kind = {"Blocked": "fail", "Clear": "pass"}.get(said.split(":")[0], "skipped")
    return (
        f'<header><p class="kicker">{text(" · ".join(fact for fact in facts if fact))}</p><h1>{text(title)}</h1>'
        f'<p class="headline {kind}" role="status">{text(said)}</p></header>'
    )


def _answers(context: ReportContext, anchors: dict[str, str]) -> str:
    if not context.answers:
        return ""
    rows = []
    for each in context.answers:
        anchor = anchors.get(each.verdict or "")
        said = f'<a href="#{anchor}">{text(each.answer)}</a>' if anchor else text(each.answer)
        rows.append(f"<div><dt>{text(each.question)}</dt><dd>{said}</dd></div>")
    return f'<section aria-label="Where it stands"><dl class="answers">{"".join(rows)}</dl></section>'


def _verdict_table(verdicts: Sequence[Verdict], context: ReportContext) -> str:
    if not verdicts:
        return ""
    rows = []
    last = ""
    for group in groups(verdicts):
        if group.stage != last:
            rows.append(
                f'<tr class="stage" role="row"><th colspan="7" scope="colgroup" role="rowheader">{text(group.stage)}</th></tr>'
            )
            last = group.stage
        rows += [_verdict_row(group, line, context) for line in lines(group)]
    head = "".join(
        f'<th scope="col" role="columnheader"{kind}>{name}</th>'
        for name, kind in (
            ("Check", ""),
            ("Verdict", ""),
            ("Estimate", ' class="number"'),
            ("Interval", ' class="number"'),
            ("Against the limit", ' class="bar"'),
            ("Need, or alarm", ""),
            ("Guarantee", ""),
        )
    )
    return (
        '<section aria-labelledby="verdicts"><h2 id="verdicts">Verdicts</h2><div class="scroll">'
        f'<table class="verdicts" role="table"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(rows)}</tbody></table></div>'
        '<p class="hint">A bar is the interval, the notch the estimate, the dashed line the limit; '
        "the tinted side is the one that the claim asks for. Each row has its own scale.</p></section>"
    )


def _verdict_row(group: Group, line: Line, context: ReportContext) -> str:
    verdict = line.first
    several = len(line.verdicts) > 1
    anchor = section_anchor(group) if several else f"v-{verdict.id}"
    link = f'<a href="#{anchor}">{text(verdict.check if several else verdict.name)}</a>'
    name = f'{link} <span class="code">{text(verdict.code)}</span>'
    blocks = '<span class="tag">blocks</span>' if verdict.blocking and verdict.status not in ("pass", "skipped") else ""
    waiver = waiver_of(verdict, context.waivers)
    if waiver is not None:
        blocks = f'<span class="tag" title="{text(str(waiver))}">waived by {text(waiver.owner)}</span>'
    found = Figures("", "", "") if several else figures(verdict)
    promises = {brief_guarantee(each.guarantee) for each in line.verdicts}
    promise = promises.pop() if len(promises) == 1 else "various"
    if any(found):
        numbers = (
            f'<td class="number" role="cell" data-name="estimate">{number(found.estimate)}</td>'
            f'<td class="number" role="cell" data-name="interval">{number(found.interval)}</td>'
            f'<td class="bar" role="cell">{interval_bar(verdict)}</td>'
            f'<td class="need" role="cell" data-name="need">{number(found.need)}</td>'
        )
    else:
        numbers = f'<td colspan="4" class="said" role="cell">{text(line.text or verdict.reason)}</td>'
    return (
        f'<tr role="row"><th scope="row" role="rowheader">{name}</th>'
        f'<td class="state" role="cell">{status_mark(verdict)}{blocks}</td>{numbers}'
        f'<td class="promise" role="cell">{text(promise)}</td></tr>'
    )


def _next(verdicts: Sequence[Verdict], context: ReportContext) -> str:
    actions = next_actions(verdicts, context)
    budget = "".join(_budget(line.name, line.spent, line.limit, budget_words(line)) for line in context.budget)
    ledger = f'<p class="ledger">Ledger: {text(context.ledger)}</p>' if context.ledger else ""
    todo = f'<ol class="actions">{action_items(actions)}</ol>' if actions else "<p>Nothing to do.</p>"
    return (
        f'<section aria-labelledby="next"><h2 id="next">What to do next</h2>{todo}'
        f"{f'<div class=budget>{budget}</div>' if budget else ''}{ledger}</section>"
    )


def _budget(name: str, spent: float, limit: float, words: str) -> str:
    share = min(1.0, max(0.0, spent / limit)) if limit > 0 else 0.0
    return (
        f'<div><span>{text(words)}</span><svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" '
        f'aria-label="{text(name)}: {share:.0%} spent"><rect class="track" width="100" height="4"/>'
        f'<rect class="spent" width="{share * 100:.1f}" height="4"/></svg></div>'
    )


def _footer(verdicts: Sequence[Verdict], context: ReportContext) -> str:
    return f'<footer><p class="summary">{text(summary(verdicts, context))}</p></footer>'
