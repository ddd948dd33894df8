"""Verdicts as Markdown for a pull request: what is in the way, in 25 lines or fewer."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from assay.report.context import ReportContext
from assay.report.figures import figures
from assay.report.plain import plain
from assay.report.words import (
    WORST_FIRST,
    brief_guarantee,
    budget_words,
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

MOST_ROWS = 12
"""Rows of the open table; with the lines around it the comment stays within 25 visible lines."""
_MARKUP = re.compile(r"[\\`*_\[\]#|~]|:(?=//)|(?<=www)\.")
_MENTION = re.compile(r"@(?=\w)")
_MOST_DETAILS = 200


def to_markdown(verdicts: Sequence[Verdict], context: ReportContext | None = None) -> str:
    """Write a comment for a pull request.

    The first line is a hidden marker that depends on the project alone, by which a comment is found and edited in
    place. Then one sentence, a table of the blocking verdicts (worst first), one next action, the ledger, and all
    verdicts folded away.

    Returns
    -------
    str
        GitHub-flavored Markdown; at most 25 lines are visible while the details are folded.
    """
    context = context or ReportContext()
    blocking = _worst_first([verdict for verdict in verdicts if verdict.blocking])
    marker = re.sub(r"[^A-Za-z0-9._]", "_", context.project)
    out = [f"<!-- assay:report:{marker} -->", f"### {_escape(headline(verdicts))}", ""]
    if blocking:
        out += _table(blocking[:MOST_ROWS])
        if len(blocking) > MOST_ROWS:
            out += ["", f"and {len(blocking) - MOST_ROWS} more blocking lines below."]
        out.append("")
    actions = next_actions(verdicts, context)
    if actions:
        cost = price(actions[0])
        command = f": {_code(actions[0].command)}" if actions[0].command else ""
        effect = f". {_escape(actions[0].effect)}" if actions[0].effect else ""
        out += [f"**Next:** {_escape(actions[0].title)}{f' ({cost})' if cost else ''}{command}{effect}", ""]
    spent = [budget_words(line) for line in context.budget] + ([context.ledger] if context.ledger else [])
    if spent:
        out += [f"**Ledger:** {_escape('; '.join(spent))}", ""]
    everything = _worst_first(verdicts)
    if everything:
        out += ["<details>", f"<summary>{_escape(summary(verdicts, context))}</summary>", ""]
        out += _table(everything[:_MOST_DETAILS])
        if len(everything) > _MOST_DETAILS:
            out += ["", f"and {len(everything) - _MOST_DETAILS} more: see the HTML report."]
        out += ["", *_reasons(everything), "</details>"]
    return "\n".join(out).rstrip() + "\n"


def _worst_first(verdicts: Sequence[Verdict]) -> list[Line]:
    found = [line for group in groups(verdicts) for line in lines(group)]
    return sorted(found, key=lambda line: WORST_FIRST.index(line.first.status))


def _table(rows: Sequence[Line]) -> list[str]:
    out = ["| check | claim | estimate and interval | needs | verdict | guarantee |", "|---|---|---|---|---|---|"]
    for line in rows:
        verdict = line.first
        if len(line.verdicts) > 1:
            cells = [_code(verdict.check), _escape(line.text), "", ""]
        else:
            found = figures(verdict)
            numbers = _escape(found.measured or "not shown")
            cells = [_code(verdict.name), _code(str(verdict.claim)), numbers, _escape(found.need)]
        status = verdict.status if verdict.status in ("pass", "skipped") else f"**{verdict.status}**"
        out.append(f"| {' | '.join([*cells, status, _escape(brief_guarantee(verdict.guarantee))])} |")
    return out


def _reasons(rows: Sequence[Line]) -> list[str]:
    told = [line.first for line in rows if line.first.status != "pass" and len(line.verdicts) == 1][:_MOST_DETAILS]
    items = [
        f"- {_code(verdict.name)}: {_escape(verdict.reason or verdict.status)} ({_code(f'assay explain {verdict.id}')})"
        for verdict in told
    ]
    return [*items, ""] if items else []


def _escape(text: str) -> str:
    """Text that Markdown and HTML show as it is: no markup, no links, no mention of a person."""
    text = html.escape(plain(text), quote=False)
    text = _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)
    return _MENTION.sub("@\N{ZERO WIDTH SPACE}", text)


def _code(text: str) -> str:
    return f"<code>{_escape(text)}</code>"
