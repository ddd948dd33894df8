"""Verdicts as Markdown for a pull request: what is in the way, in 25 lines or fewer."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import msgspec

from assay.core.plain import plain
from assay.core.waiver import waiver_of
from assay.report.context import ReportContext
from assay.report.figures import figures
from assay.report.interval_bar import interval_text
from assay.report.words import (
    WORST_FIRST,
    brief_guarantee,
    budget_left,
    explained,
    groups,
    headline,
    lines,
    next_actions,
    price,
    summary,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.core.verdict import Verdict
    from assay.report.words import Line

MOST_ROWS = 11
"""Rows of the open table; with the lines around it the comment stays within 25 visible lines."""
LONGEST = 65_000
"""Characters; GitHub refuses a comment of more than 65,536."""
LINK = "[Full report and pictures]"
_MARKUP = re.compile(r"[\\`*_\[\]#|~]|:(?=//)|(?<=www)\.")
_MENTION = re.compile(r"@(?=\w)")
_MOST_DETAILS = 200
_HIDING = ("verdict", "three-valued")


def to_markdown(verdicts: Sequence[Verdict], context: ReportContext | None = None, link: str = "") -> str:
    """Write a comment for a pull request.

    The first line is a hidden marker that depends on the project alone, by which a comment is found and edited in
    place. Then one sentence, a table of the blocking verdicts (worst first), what is waived, one next action, the
    ledger, and all verdicts folded away. Nothing in it depends on the clock, so that equal verdicts give equal text.

    Parameters
    ----------
    verdicts : sequence of Verdict
    context : ReportContext, optional
    link : str
        Address of the files that belong to the report; left out where it is not one.

    Returns
    -------
    str
        GitHub-flavored Markdown; at most 25 lines are visible while the details are folded.
    """
    context = context or ReportContext()
    blocking = _worst_first([verdict for verdict in verdicts if verdict.blocking], context)
    out = [marker(context.project), f"### {escape(headline(verdicts, context.waivers))}", ""]
    if blocking:
        out += _table(blocking[:MOST_ROWS], context)
        if len(blocking) > MOST_ROWS:
            out += ["", f"and {len(blocking) - MOST_ROWS} more blocking lines below."]
        out.append("")
    waived = dict.fromkeys(
        waiver for verdict in verdicts if (waiver := waiver_of(verdict, context.waivers)) is not None
    )
    if waived:
        told = "; ".join(f"{code(waiver.check)} {escape(str(waiver))}" for waiver in waived)
        out += [f"**Waived:** {told}", ""]
    actions = next_actions(verdicts, context)
    if actions:
        cost = price(actions[0])
        command = f": {code(actions[0].command)}" if actions[0].command else ""
        effect = f". {escape(actions[0].effect[:1].upper() + actions[0].effect[1:])}." if actions[0].effect else ""
        out += [f"**Next:** {escape(actions[0].title)}{f' ({cost})' if cost else ''}{command}{effect}", ""]
    spent = [budget_left(line) for line in context.budget] + ([context.ledger] if context.ledger else [])
    if spent:
        out += [f"**Ledger:** {escape('; '.join(spent))}", ""]
    if re.fullmatch(r"https?://[^\s()<>\[\]]+", link):
        out += [f"{LINK}({link})", ""]
    everything = _worst_first(verdicts, context)
    if everything:
        said = summary(verdicts, msgspec.structs.replace(context, seconds=None))
        details = ["<details>", f"<summary>{escape(said)}</summary>", ""]
        details += _table(everything[:_MOST_DETAILS], context)
        if len(everything) > _MOST_DETAILS:
            details += ["", f"and {len(everything) - _MOST_DETAILS} more: see the HTML report."]
        details += ["", *_reasons(everything, context), "</details>"]
        if sum(map(len, [*out, *details])) + len(out) + len(details) > LONGEST:
            details = [f"{escape(said)}: too much for a comment, see the HTML report."]
        out += details
    return "\n".join(out).rstrip() + "\n"


def refusal(project: str, problem: str) -> str:
    """Write the comment of a gate that could not judge, in place of the one that it wrote before."""
    return f"{marker(project)}\n### Not judged\n\n{escape(problem)}\n"


def marker(project: str) -> str:
    """The hidden line by which a comment about a project is found."""
    return f"<!-- assay:report:{re.sub(r'[^A-Za-z0-9._]', '_', project)} -->"


def unchanged(before: str, now: str) -> bool:
    """Whether a comment says what it said before, whatever run its link leads to.

    Examples
    --------
    >>> unchanged("Clear\\r\\n[Full report and pictures](https://a)", "Clear\\n[Full report and pictures](https://b)\\n")
    True
    """
    told = ([line.rstrip() for line in text.splitlines() if not line.startswith(LINK)] for text in (before, now))
    first, second = ("\n".join(rows).strip() for rows in told)
    return first == second


def _worst_first(verdicts: Sequence[Verdict], context: ReportContext) -> list[Line]:
    found = [line for group in groups(verdicts) for line in lines(group)]
    return sorted(
        found,
        key=lambda line: (WORST_FIRST.index(line.first.status), waiver_of(line.first, context.waivers) is not None),
    )


def _table(rows: Sequence[Line], context: ReportContext) -> list[str]:
    out = ["| check | claim | estimate and interval | needs | verdict | guarantee |", "|---|---|---|---|---|---|"]
    for line in rows:
        verdict = line.first
        if len(line.verdicts) > 1:
            cells = [code(verdict.check), escape(line.text), "", ""]
        else:
            found = figures(verdict)
            cells = [code(verdict.name), code(str(verdict.claim)), _numbers(verdict, context), escape(found.need)]
        status = verdict.status if verdict.status in ("pass", "skipped") else f"**{verdict.status}**"
        waived = ", waived" if waiver_of(verdict, context.waivers) is not None else ""
        out.append(f"| {' | '.join([*cells, status + waived, escape(brief_guarantee(verdict.guarantee))])} |")
    return out


def _numbers(verdict: Verdict, context: ReportContext) -> str:
    """Estimate and interval with a picture of one line; what is withheld is said to be so."""
    measured = figures(verdict).measured
    if not measured:
        asked = verdict.stage == "gate" and verdict.status in ("pass", "fail", "inconclusive")
        return "withheld" if asked and context.disclose in _HIDING else "not shown"
    picture = interval_text(verdict)
    return f"{escape(measured)}<br><code>{picture}</code>" if picture else escape(measured)


def _reasons(rows: Sequence[Line], context: ReportContext) -> list[str]:
    told = [line.first for line in rows if line.first.status != "pass" and len(line.verdicts) == 1][:_MOST_DETAILS]
    items = [
        f"- {code(verdict.name)}: {escape(verdict.reason or verdict.status)} ({code(explained(verdict, context.recorded))})"
        for verdict in told
    ]
    return [*items, ""] if items else []


def escape(text: str) -> str:
    """Text that Markdown and HTML show as it is: no markup, no links, no mention of a person."""
    text = html.escape(plain(text), quote=False)
    text = _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)
    return _MENTION.sub("@\N{ZERO WIDTH SPACE}", text)


def code(text: str) -> str:
    """Text in the type of code."""
    return f"<code>{escape(text)}</code>"
