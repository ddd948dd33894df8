"""The part of the page that tells a run step by step, and shows the verdicts that later ones have replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.report.charts import series_chart
from assay.report.elements import command, status_mark, text
from assay.report.section import detail, figure
from assay.report.words import WORST_FIRST, groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.core.verdict import Verdict
    from assay.report.context import StoryStep

# From three on, passes are counted; what did not pass is named as long as it is few.
_MOST_ALIKE = {"pass": 2, "skipped": 2}
_MOST_NAMED = 6


def story_section(steps: Sequence[StoryStep], known: Mapping[str, Verdict]) -> str:
    """Each step with its commands, what it means, and links to its verdicts; three and more alike are counted.

    Parameters
    ----------
    steps : sequence of StoryStep
    known : mapping of str to Verdict
        Verdicts by id; ids that are not in it are left out.

    Returns
    -------
    str
        HTML; empty when there are no steps.
    """
    if not steps:
        return ""
    told = []
    for step in steps:
        links = "".join(
            f'<li><a href="#v-{alike[0].id}">{text(alike[0].name)}</a> {status_mark(alike[0])}</li>'
            if len(alike) == 1
            else f"<li>{text(alike[0].check)} {status_mark(alike[0])} <span class=muted>{len(alike):,} times</span></li>"
            for alike in _linked(step, known)
        )
        commands = "".join(command(line) for line in step.command.splitlines())
        told.append(
            f"<li><h3>{text(step.title)}</h3>{f'<p>{text(step.text)}</p>' if step.text else ''}{commands}"
            f"{f'<ul class=links>{links}</ul>' if links else ''}</li>"
        )
    listed = f'<ol class="story">{"".join(told)}</ol>'
    return f'<section aria-labelledby="story"><h2 id="story">Step by step</h2>{listed}</section>'


def earlier_section(steps: Sequence[StoryStep], known: Mapping[str, Verdict], newest: Sequence[Verdict]) -> str:
    """Verdicts that the story links to and that newer ones have replaced, folded; an alarm with its chart."""
    shown = {verdict.id for verdict in newest}
    parts = []
    for step in steps:
        linked = [alike[0] for alike in _linked(step, known) if len(alike) == 1]
        replaced = {verdict.id: verdict for verdict in linked if verdict.id not in shown}
        shown |= set(replaced)
        if replaced:
            parts += [f"<h3>{text(step.title)}</h3>", *(_replaced(verdict) for verdict in replaced.values())]
    if not parts:
        return ""
    return (
        '<section class="check" aria-labelledby="earlier"><h2 id="earlier">Earlier verdicts</h2>'
        f'<p class="muted">What the steps tell of, and newer verdicts have replaced.</p>{"".join(parts)}</section>'
    )


def _replaced(verdict: Verdict) -> str:
    spec = series_chart(verdict.evidence) if verdict.failed else None
    return (figure(spec, f"Evidence of {verdict.name}", "") if spec else "") + detail(verdict, folded=True)


def _linked(step: StoryStep, known: Mapping[str, Verdict]) -> list[list[Verdict]]:
    """Verdicts of a step, worst first in each check: one by one, or all with one status where there are many."""
    found: list[list[Verdict]] = []
    by_check: dict[str, list[Verdict]] = {}
    for group in groups(known[identity] for identity in step.verdict_ids if identity in known):
        by_check.setdefault(group.check, []).extend(group.verdicts)
    for verdicts in by_check.values():
        for status in WORST_FIRST:
            alike = [verdict for verdict in verdicts if verdict.status == status]
            found += [alike] if len(alike) > _MOST_ALIKE.get(status, _MOST_NAMED) else [[verdict] for verdict in alike]
    return found
