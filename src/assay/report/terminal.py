"""Verdicts on a terminal: one line each, details only for what is in the way, a last line to grep."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from assay.core.ladder import curve_rows, ladder_rows
from assay.core.layout import columns, command_lines
from assay.core.plain import plain
from assay.core.simplex import LEGEND, bought_rows, mix_lines
from assay.core.waiver import Waiver, waiver_of
from assay.report.context import ReportContext
from assay.report.figures import direction, figures, scalar
from assay.report.words import (
    brief_guarantee,
    budget_words,
    effect_words,
    evidence_words,
    explained,
    groups,
    headline,
    least_guarantee,
    lines,
    next_actions,
    priced,
    prompt,
    quiet,
    shared_assumptions,
    size,
    summary,
    told_together,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from assay.core.guarantee import Assumption, Guarantee
    from assay.core.verdict import Verdict
    from assay.report.words import Line

Verbosity = Literal["concise", "full"]
WIDE = 112
"""From this width on, the stage has its own column and the guarantee is told in up to six words."""
_STYLES = {
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "bold yellow",
    "skipped": "dim",
    "error": "bold magenta",
}
_MOST_DETAILS = 3
_MOST_ASSUMPTIONS = 4
_LEAST_NAME = 8
_LEAST_ROOM = 24
_STACK_INDENT = 4
_INDENT = 3
_LABEL = 10


def render(
    verdicts: Sequence[Verdict],
    context: ReportContext | None = None,
    *,
    width: int = 80,
    color: bool = False,
    ascii: bool = True,  # noqa: A002
    verbosity: Verbosity = "concise",
) -> str:
    """Write verdicts for a terminal.

    A status in capitals blocks what depends on it. With ``concise``, three or more passes of one check share a line;
    details stand under what blocks or pages and did not pass, at most three for each check; what else did not pass is
    told in two lines; and what all verdicts of a stage assume is told once, below.

    Parameters
    ----------
    verdicts : sequence of Verdict
    context : ReportContext, optional
    width : int
        Columns of the screen; 40 at least.
    color : bool
        Whether to write ANSI colors. No color ever carries a meaning alone.
    ascii : bool
        Whether to write ASCII alone: for files, pipes and terminals without Unicode.
    verbosity : {"concise", "full"}

    Returns
    -------
    str
        Lines of at most ``width`` columns (names are never broken, commands so that they can be copied), ended by a newline.

    Examples
    --------
    >>> from assay.core import Claim, Evidence, Guarantee, Verdict
    >>> evidence = Evidence(n=2000, estimate=0.1412, lower=0.12, upper=0.1634, limit=0.17)
    >>> verdict = Verdict(status="pass", guarantee=Guarantee.exact(0.05, "false pass"), check="error", code="GAT101",
    ...                   stage="gate", claim=Claim("n < 0.17"), evidence=evidence)
    >>> print(render([verdict], ReportContext(seconds=3.4, exit_code=0)), end="")
    assay | 1 verdict
    <BLANKLINE>
    gate
     GAT101 error  pass  0.141  [0.120, 0.163]  need < 0.17  exact 5%
    <BLANKLINE>
    Nothing blocks: 1 passed
    <BLANKLINE>
    1 passed | 3.4 s | exit 0
    """
    context = context or ReportContext()
    screen = _Screen(max(40, width), ascii, context.recorded)
    out = [screen.text(" · ".join(_header(verdicts, context)), "bold"), Text()]
    out += _table(verdicts, screen, context.waivers, fold=verbosity == "concise")
    if verbosity == "full":
        for group in groups(verdicts):
            for verdict in group.verdicts:
                out += [Text(), *_details(verdict, screen, waiver_of(verdict, context.waivers))]
    else:
        out += _concise(verdicts, screen, context.waivers)
    if context.answers:
        out.append(Text())
        for answer in context.answers:
            out += screen.entry(answer.question, answer.answer, label_width=min(36, screen.width // 2))
    # The details of a single verdict have said already what is next.
    several = verbosity == "full" and len(verdicts) > 1
    closing = _closing(verdicts, context, screen, shown=several or bool(context.next_actions))
    out += [*closing, Text(), screen.text(summary(verdicts, context), "bold")]
    return _encode(out, color=color)


def print_verdicts(
    verdicts: Sequence[Verdict],
    context: ReportContext | None = None,
    *,
    console: Console | None = None,
    verbosity: Verbosity = "concise",
) -> None:
    """Print verdicts as :func:`render` writes them, as the console can show them.

    Rich reads ``NO_COLOR``, ``FORCE_COLOR``, ``COLUMNS`` and ``TERM``; what is not a terminal, or cannot encode
    Unicode, gets ASCII.
    """
    console = console or Console()
    unicode_shown = console.is_terminal and console.encoding.lower().startswith("utf")
    colored = console.is_terminal and console.color_system is not None and not console.no_color
    text = render(verdicts, context, width=console.width, color=colored, ascii=not unicode_shown, verbosity=verbosity)
    console.file.write(text)
    console.file.flush()


class _Screen:
    """Width and alphabet of the place that is written on."""

    def __init__(self, width: int, ascii_only: bool, recorded: bool) -> None:
        self.recorded = recorded
        self.width = width
        self.ascii_only = ascii_only
        self.rule = "-" if ascii_only else "─"

    def plain(self, text: str) -> str:
        return plain(text, ascii_only=self.ascii_only)

    def text(self, text: str, style: str = "") -> Text:
        return Text("\n".join(self.wrap(self.plain(text), self.width)), style)

    def wrap(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, max(20, width), break_long_words=False, break_on_hyphens=False) or [""]

    def cut(self, text: str, width: int) -> str:
        mark = "..." if self.ascii_only else "…"
        if cell_len(text) <= width:
            return text
        # A number that loses its last digits is another number.
        room = set_cell_size(text, max(0, width - len(mark)))
        whole = room if text[len(room) : len(room) + 1] == " " or " " not in room else room.rpartition(" ")[0]
        return whole.rstrip() + mark

    def entry(
        self, label: str, text: str, style: str = "", *, label_width: int = _LABEL, indent: int = _INDENT
    ) -> list[Text]:
        """A label, and beside it text that is wrapped and hangs."""
        first = " " * indent + self.plain(label).ljust(label_width)
        # A label too long for its column takes a line of its own.
        above = [Text(first.rstrip(), "dim")] if not first.endswith(" ") else []
        first = " " * (indent + label_width) if above else first
        rows = self.wrap(self.plain(text), self.width - len(first))
        lead = [first] + [" " * len(first)] * (len(rows) - 1)
        return [*above, *(Text.assemble((start, "dim"), (row, style)) for start, row in zip(lead, rows, strict=True))]

    def table(self, label: str, rows: Sequence[Sequence[str]], *, right: Collection[int]) -> list[Text]:
        """A label, and beside it cells in columns."""
        lead = " " * _INDENT + label.ljust(_LABEL)
        shown = columns([[self.plain(cell) for cell in row] for row in rows], self.width - len(lead), right=right)
        leads = [lead] + [" " * len(lead)] * len(shown)
        return [Text.assemble((start, "dim"), row) for start, row in zip(leads, shown, strict=False)]

    def drawing(self, label: str, lines: Sequence[str], legend: str) -> list[Text]:
        """A label, beside it lines that keep their places, and what their characters mean."""
        if not lines:
            return []
        first = " " * _INDENT + label.ljust(_LABEL)
        leads = [first] + [" " * len(first)] * (len(lines) - 1)
        drawn = [
            Text.assemble((lead + " " * (len(line) - len(line.lstrip())), "dim"), self.plain(line))
            for lead, line in zip(leads, lines, strict=True)
        ]
        return [*drawn, *self.entry("", legend)]

    def action(
        self, text: str, command: str, label: str = "", *, label_width: int = _LABEL, indent: int = _INDENT
    ) -> list[Text]:
        """What to do, and the command to copy: on the same line where it fits, and broken so that it can still be copied."""
        rows = self.entry(label, text, label_width=label_width, indent=indent)
        if not command:
            return rows
        shown, sign = self.plain(command), prompt(command)
        if len(rows) == 1 and cell_len(rows[0].plain) + 2 + len(sign) + cell_len(shown) <= self.width:
            return [Text.assemble(rows[0], (f"  {sign}", "dim"), (shown, "cyan"))]
        room = self.width - indent - label_width - len(sign)
        for place, part in enumerate(command_lines(shown, room, shell=sign == "$ ")):
            lead = " " * (indent + label_width) + (sign if place == 0 else " " * len(sign))
            rows.append(Text.assemble((lead, "dim"), (part, "cyan")))
        return rows


def _header(verdicts: Sequence[Verdict], context: ReportContext) -> list[str]:
    name = f"assay {context.version}".strip()
    return [part for part in (name, context.project, context.title, size(verdicts)) if part]


def _table(verdicts: Sequence[Verdict], screen: _Screen, waivers: Sequence[Waiver], *, fold: bool) -> list[Text]:
    shown = [(group.stage, line) for group in groups(verdicts) for line in lines(group, fold=fold)]
    if not shown:
        return []
    wide = screen.width >= WIDE
    stage_width = max(len(stage) for stage, _ in shown) if wide else 0
    layout = _Layout(screen, shown, stage_width, waivers)
    out: list[Text] = []
    last = ""
    for place, (stage, _) in enumerate(shown):
        if stage != last and not wide:
            out.append(Text("  ".join(filter(None, (stage, layout.promises.get(stage)))), "dim"))
        out += layout.row(place, stage if wide and stage != last else "")
        last = stage
    return out


class _Layout:
    """Columns of the table: code, name, status, estimate, interval, need, guarantee.

    Where the names need the room, the guarantee is told once beside the stage, if all verdicts of each stage have the
    same. A name too long for its column takes a line of its own; on a screen too narrow for the columns each verdict is
    stacked over two or three lines. Nothing but the reason of a verdict without numbers that is in the way is ever
    shortened: it stands in full among the details.
    """

    def __init__(
        self, screen: _Screen, shown: list[tuple[str, Line]], stage_width: int, waivers: Sequence[Waiver]
    ) -> None:
        self.screen = screen
        self.waivers = waivers
        self.rows = rows = [line for _, line in shown]
        self.stage_width = stage_width
        brief = [self._cells(line, brief_guarantee) for line in rows]
        least = [self._cells(line, least_guarantee) for line in rows]
        self.cells = brief if stage_width and self._name_room(brief) >= self._widths(brief)[1] else least
        narrow = not stage_width and self._name_room(least) < self._widths(least)[1]
        self.promises = self._shared(shown, least) if narrow else {}
        """What all verdicts of a stage promise, where it is told beside the stage's name instead of in each row."""
        if self.promises:
            self.cells = [[*cells[:-1], ""] for cells in least]
        self.widths = self._widths(self.cells)
        room = self._name_room(self.cells)
        self.stacked = room < min(_LEAST_NAME, self.widths[1])
        self.widths[1] = min(self.widths[1], room)

    @staticmethod
    def _shared(shown: list[tuple[str, Line]], cells: list[list[str]]) -> dict[str, str]:
        """The promise of each stage, if every stage has one alone; what was skipped promises nothing."""
        found: dict[str, set[str]] = {stage: set() for stage, _ in shown}
        for (stage, line), row in zip(shown, cells, strict=True):
            if line.first.status != "skipped":
                found[stage].add("no guarantee" if row[-1] == "none" else row[-1])
        if any(len(promises) > 1 for promises in found.values()):
            return {}
        return {stage: promises.pop() for stage, promises in found.items() if promises}

    def _cells(self, line: Line, promise: Callable[[Guarantee], str]) -> list[str]:
        verdict = line.first
        promises = {promise(verdict.guarantee) for verdict in line.verdicts}
        several = len(line.verdicts) > 1
        found = figures(verdict)
        numbers = ["", "", ""] if several else [found.estimate, found.interval, found.wanted]
        guarantee = promises.pop() if len(promises) == 1 else "various"
        status = _status(verdict, waiver_of(verdict, self.waivers), wide=bool(self.stage_width))
        cells = [verdict.code, verdict.check if several else verdict.name, status, *numbers, guarantee]
        return [self.screen.plain(cell) for cell in cells]

    def _widths(self, cells: list[list[str]]) -> list[int]:
        return [max(map(cell_len, column)) for column in zip(*cells, strict=True)]

    def _name_room(self, cells: list[list[str]]) -> int:
        code, _, *others = self._widths(cells)
        lead = self.stage_width + 3 if self.stage_width else 1
        return self.screen.width - lead - code - 1 - sum(width + 2 for width in others if width)

    def row(self, place: int, stage: str) -> list[Text]:
        """The line or lines of one row."""
        line, (code, name, status, estimate, interval, need, guarantee) = self.rows[place], self.cells[place]
        style = _STYLES[line.first.status]
        lead = f" {stage:<{self.stage_width}}  " if self.stage_width else " "
        text = Text.assemble((lead, "dim"), (f"{code:<{self.widths[0]}} ", "dim"), name)
        start = len(lead) + self.widths[0] + 1 + self.widths[1] + 2
        out: list[Text] = []
        if self.stacked or cell_len(name) > self.widths[1]:
            out.append(text)
            text = Text()
        if self.stacked:
            start = _STACK_INDENT
        if start + sum(width + 2 for width in self.widths[2:] if width) - 2 > self.screen.width:
            said = "  ".join(part for part in (estimate, interval, need) if part) or self._said(line)
            below = self.screen.wrap(f"{status}  {said}  {guarantee}", self.screen.width - start)
            return [*out, *(Text(" " * start + part) for part in below)]
        text.append(" " * (start - cell_len(text.plain)))
        text.append(f"{status:<{self.widths[2]}}  ", style)
        at = cell_len(text.plain)
        room = sum(width + 2 for width in self.widths[3:6] if width)
        if estimate or interval or need:
            cells = [estimate.rjust(self.widths[3]), interval.ljust(self.widths[4]), need.ljust(self.widths[5])]
            text.append("  ".join(cell for cell, width in zip(cells, self.widths[3:6], strict=True) if width))
        elif line.first.guarantee.kind == "none" or not room:
            if self.screen.width - at < _LEAST_ROOM:
                below = self.screen.wrap(self._said(line), self.screen.width - _STACK_INDENT)
                return [*out, text, *(Text(" " * _STACK_INDENT + part, "dim") for part in below)]
            if line.first.guarantee.promises and not line.first.passed and (line.first.blocking or line.first.pages):
                # Told in full among the details.
                return [*out, text.append(self.screen.cut(self._said(line), self.screen.width - at), "dim")]
            rows = self.screen.wrap(self._said(line), self.screen.width - at)
            text.append(rows[0], "dim")
            return [*out, text, *(Text(" " * at + part, "dim") for part in rows[1:])]
        elif not line.first.passed and (line.first.blocking or line.first.pages):
            # Told in full among the details.
            text.append(self.screen.cut(self._said(line), room - 2), "dim")
        else:
            roomy = room - 2 >= _LEAST_ROOM
            rows = self.screen.wrap(self._said(line), room - 2 if roomy else self.screen.width - _STACK_INDENT)
            text.append(rows.pop(0) if roomy else "", "dim")
            lead = " " * (at if roomy else _STACK_INDENT)
            return [*out, self._ended(text, at + room, guarantee), *(Text(lead + part, "dim") for part in rows)]
        return [*out, self._ended(text, at + room, guarantee)]

    def _ended(self, text: Text, place: int, guarantee: str) -> Text:
        return text.append(" " * (place - cell_len(text.plain)) + guarantee, "dim")

    def _said(self, line: Line) -> str:
        return self.screen.plain(line.text or line.first.reason)


def _status(verdict: Verdict, waiver: Waiver | None, *, wide: bool) -> str:
    if waiver is not None:
        return f"{verdict.status}, waived" if wide else verdict.status
    return verdict.status.upper() if verdict.blocking and not quiet(verdict) else verdict.status


def _title(verdict: Verdict, screen: _Screen, waiver: Waiver | None) -> list[Text]:
    effect = effect_words(verdict, waiver)
    rule = screen.rule * 2
    title = f"{rule} {screen.plain(verdict.name)} {rule} {verdict.code} {rule} "
    status = f"{verdict.status}, {effect} "
    fill = screen.width - cell_len(title) - len(status)
    if fill >= 0:
        return [Text.assemble((title, "bold"), (status, _STYLES[verdict.status]), (screen.rule * fill, "dim"))]
    rows = [Text(row, "bold") for row in screen.wrap(title.rstrip(), screen.width)]
    return [*rows, *screen.entry("status", status, _STYLES[verdict.status])]


def _details(verdict: Verdict, screen: _Screen, waiver: Waiver | None) -> list[Text]:
    out = [*_title(verdict, screen, waiver), *screen.entry("claim", str(verdict.claim))]
    if waiver is not None:
        out += screen.entry("waiver", str(waiver))
    if verdict.reason:
        out += screen.entry("why", verdict.reason)
    rests = [part for part in (evidence_words(verdict), verdict.evidence.method) if part]
    out += screen.entry("evidence", " · ".join([verdict.id, *rests]))
    statistic = ", ".join(
        f"{name} = {scalar(value)}" for name, value in verdict.evidence.statistic.items() if value is not None
    )
    if statistic:
        out += screen.entry("numbers", statistic)
    out += screen.table("ladder", ladder_rows(verdict.evidence), right={1})
    out += screen.table("curve", curve_rows(verdict.evidence), right={0, 1})
    out += screen.table("to buy", bought_rows(verdict.evidence), right={1})
    out += screen.drawing("mixes", mix_lines(verdict.evidence), LEGEND)
    out += screen.entry("guarantee", str(verdict.guarantee))
    for place, assumption in enumerate(verdict.guarantee.assumptions):
        detail = f": {assumption.detail}" if assumption.detail else ""
        out += screen.entry("assumes" if place == 0 else "", f"{assumption.text} ({assumption.status}){detail}")
    for place, action in enumerate(verdict.actions):
        out += screen.action(priced(action), action.command, "next" if place == 0 else "")
    out += screen.entry("more", explained(verdict, screen.recorded))
    return out


def _concise(verdicts: Sequence[Verdict], screen: _Screen, waivers: Sequence[Waiver]) -> list[Text]:
    """Details of what is in the way, two lines for what else did not pass, and what all of a stage assume."""
    shared = shared_assumptions(verdicts)
    out: list[Text] = []
    calm: list[Verdict] = []
    for group in groups(verdicts):
        told = [verdict for verdict in group.verdicts if not quiet(verdict)]
        for verdict in told[:_MOST_DETAILS]:
            if verdict.blocking or verdict.pages:
                waiver = waiver_of(verdict, waivers)
                out += [Text(), *_brief(verdict, screen, shared.get(group.stage, ()), waiver)]
            else:
                calm.append(verdict)
        if len(told) > _MOST_DETAILS:
            more = f"{len(told) - _MOST_DETAILS} more of {group.check} did not pass; the full format tells each."
            out += [Text(), screen.text(more, "dim")]
    if calm:
        out += [Text(), screen.text("does not block (more: --format full)")]
        width = min(max(len(verdict.name) for verdict in calm) + 2, screen.width // 3)
        for verdict in calm:
            # Where there are no numbers, the table has told why.
            why = (verdict.reason or verdict.status) if any(figures(verdict)[:3]) or not verdict.actions else ""
            out += screen.entry(verdict.name, why, label_width=width, indent=1) if why else []
            if verdict.actions:
                action = verdict.actions[0]
                name = "" if why else verdict.name
                out += screen.action(priced(action, effect=False), action.command, name, label_width=width, indent=1)
    if shared:
        out.append(Text())
        for stage, assumptions in shared.items():
            out += screen.entry("assumed", f"by every {stage} verdict: {told_together(assumptions)}")
    return out


def _brief(verdict: Verdict, screen: _Screen, shared: Sequence[Assumption], waiver: Waiver | None) -> list[Text]:
    """Why, with which guarantee if what holds, and what next; the claim where the table does not show it."""
    out = _title(verdict, screen, waiver)
    if waiver is not None:
        out += screen.entry("waiver", str(waiver))
    if not (figures(verdict).need and direction(verdict)):
        out += screen.entry("claim", str(verdict.claim))
    if verdict.reason:
        out += screen.entry("why", verdict.reason)
    out += screen.entry("guarantee", str(verdict.guarantee))
    own = [assumption for assumption in verdict.guarantee.assumptions if assumption not in shared]
    for place, assumption in enumerate(own[:_MOST_ASSUMPTIONS]):
        out += screen.entry("assumes" if place == 0 else "", f"{assumption.text} ({assumption.status})")
    if verdict.actions:
        action = verdict.actions[0]
        out += screen.action(priced(action), action.command, "next")
    return [*out, *screen.entry("more", explained(verdict, screen.recorded))]


def _closing(verdicts: Sequence[Verdict], context: ReportContext, screen: _Screen, *, shown: bool) -> list[Text]:
    out: list[Text] = []
    if shown:
        for place, action in enumerate(next_actions(verdicts, context)):
            out += screen.action(priced(action), action.command, "next" if place == 0 else "")
    if context.budget:
        out += screen.entry("budget", " · ".join(budget_words(line) for line in context.budget))
    if context.ledger:
        out += screen.entry("ledger", context.ledger)
    said = [screen.text(headline(verdicts, context.waivers), "bold")]
    return [Text(), *said, *out]


def _encode(rows: list[Text], *, color: bool) -> str:
    if not color:
        return "".join(f"{row.plain.rstrip()}\n" for row in rows)
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard",
        no_color=False,
        width=1000,
        legacy_windows=False,
    )
    for row in rows:
        row.rstrip()
        console.print(row, soft_wrap=True, highlight=False, markup=False)
    stream = console.file
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()
