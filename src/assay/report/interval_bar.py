"""One interval against its limit: as an inline drawing that needs no script, and as one line of characters."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from assay.core.plain import plain
from assay.report.charts import drawable, extent
from assay.report.figures import direction, figures

if TYPE_CHECKING:
    from assay.core.verdict import Verdict

WIDTH, HEIGHT = 180, 20
CELLS = 21


def interval_bar(verdict: Verdict) -> str:
    """Draw the interval of one verdict as SVG: bar, notch at the estimate, dashed line at the limit.

    Returns
    -------
    str
        An ``svg`` element whose label says the numbers; empty when there is nothing to draw.
    """
    evidence = verdict.evidence
    if not drawable(evidence):
        return ""
    low, high = extent([evidence])

    def at(value: float) -> float:
        return round((value - low) / (high - low) * WIDTH, 1)

    parts = []
    side = direction(verdict)[:1]
    if evidence.limit is not None and side:
        start, end = (0.0, at(evidence.limit)) if side == "<" else (at(evidence.limit), float(WIDTH))
        parts.append(f'<rect class="region" x="{start}" y="0" width="{max(0.0, end - start):.1f}" height="{HEIGHT}"/>')
    if evidence.lower is not None or evidence.upper is not None:
        start = at(evidence.lower) if evidence.lower is not None else 0.0
        end = at(evidence.upper) if evidence.upper is not None else float(WIDTH)
        middle = HEIGHT / 2 - 3
        parts.append(
            f'<rect class="interval" x="{start}" y="{middle}" width="{max(1.5, end - start):.1f}" height="6"/>'
        )
    if evidence.estimate is not None:
        parts.append(
            f'<rect class="estimate" x="{at(evidence.estimate) - 1.25:.2f}" y="3" width="2.5" height="{HEIGHT - 6}"/>'
        )
    if evidence.limit is not None:
        place = at(evidence.limit)
        parts.append(f'<line class="limit" x1="{place}" x2="{place}" y1="0" y2="{HEIGHT}"/>')
    found = figures(verdict)
    said = ", ".join(
        part
        for part in (
            f"estimate {found.estimate}" if found.estimate else "",
            f"interval {found.interval}" if found.interval else "",
            found.wanted,
            verdict.status,
        )
        if part
    )
    return (
        f'<svg class="{verdict.status}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(plain(said))}">{"".join(parts)}</svg>'
    )


def interval_text(verdict: Verdict) -> str:
    """Draw the interval of one verdict with characters, for places that show no picture.

    Returns
    -------
    str
        21 characters: the interval as a line, ``●`` at the estimate, ``┃`` at the limit (``╂`` within the interval,
        ``◆`` at the estimate); empty when there is nothing to draw. A one-sided interval runs to the edge.

    Examples
    --------
    >>> from assay.core import Claim, Evidence, Guarantee, Verdict
    >>> evidence = Evidence(estimate=0.026, lower=0.005, upper=0.047, limit=0.01)
    >>> interval_text(Verdict(status="inconclusive", guarantee=Guarantee.none("an example"), check="better",
    ...                       code="GAT101", stage="gate", claim=Claim("n - o > 0.01"), evidence=evidence))
    '··├─╂─────●───────┤··'
    """
    evidence = verdict.evidence
    if not drawable(evidence):
        return ""
    low, high = extent([evidence])

    def at(value: float) -> int:
        return min(CELLS - 1, max(0, round((value - low) / (high - low) * (CELLS - 1))))

    cells = ["·"] * CELLS
    if evidence.lower is not None or evidence.upper is not None:
        start = 0 if evidence.lower is None else at(evidence.lower)
        end = CELLS - 1 if evidence.upper is None else at(evidence.upper)
        cells[start : end + 1] = "─" * (end + 1 - start)
        if evidence.lower is not None:
            cells[start] = "├"
        if evidence.upper is not None:
            cells[end] = "┤"
    if evidence.limit is not None:
        place = at(evidence.limit)
        cells[place] = "┃" if cells[place] == "·" else "╂"
    if evidence.estimate is not None:
        place = at(evidence.estimate)
        cells[place] = "◆" if cells[place] in "┃╂" else "●"
    return "".join(cells)
