"""The sentences that every renderer says alike: order, counts, headline, prices, a guarantee in six words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, get_args

from assay.core.check import Stage
from assay.core.waiver import waiver_of
from assay.report.figures import duration, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.core.action import Action
    from assay.core.guarantee import Assumption, Guarantee
    from assay.core.verdict import Verdict
    from assay.core.waiver import Waiver
    from assay.report.context import BudgetLine, ReportContext

STAGES: tuple[str, ...] = get_args(Stage)
_COUNTED = {
    "fail": "failed",
    "error": "error",
    "inconclusive": "inconclusive",
    "pass": "passed",
    "skipped": "skipped",
}
WORST_FIRST = tuple(_COUNTED)
_GUARANTEE_WORDS = 6
_COUNT = re.compile(r"\d[\d,]*")
_QUERY = re.compile(r"(?i)(?:select|with)\s")
_CALL = re.compile(r"[\w.]+\(")
_BREAK = re.compile(r",|\b(?:within|per|over|of|for|in|at|under|across|after|among)\b")
MOST_ACTIONS = 3


class Group(NamedTuple):
    """All verdicts of one check, in the order given."""

    check: str
    code: str
    stage: str
    verdicts: list[Verdict]


class Line(NamedTuple):
    """One line of a table: one verdict, or several quiet ones of a check, told in one."""

    verdicts: list[Verdict]
    text: str

    @property
    def first(self) -> Verdict:
        """The verdict that stands for the line."""
        return self.verdicts[0]


def groups(verdicts: Iterable[Verdict]) -> list[Group]:
    """Gather verdicts by check, the stages in the order of a model's life."""
    found: dict[tuple[str, str, str], Group] = {}
    for verdict in verdicts:
        key = (verdict.stage, verdict.check, verdict.code)
        found.setdefault(key, Group(verdict.check, verdict.code, verdict.stage, [])).verdicts.append(verdict)
    return sorted(found.values(), key=lambda group: STAGES.index(group.stage))


def quiet(verdict: Verdict) -> bool:
    """Whether a verdict needs no word: a pass, or a skip that stands in nobody's way."""
    return verdict.passed or (verdict.status == "skipped" and not verdict.blocking)


def lines(group: Group, *, fold: bool = True, least: int = 3) -> list[Line]:
    """One line a verdict; with ``fold``, passes and skips of which there are ``least`` or more share one line."""
    kept: list[Line] = []
    for verdict in group.verdicts:
        alike = [other for other in group.verdicts if other.status == verdict.status and quiet(other)]
        if not fold or not quiet(verdict) or len(alike) < least:
            kept.append(Line([verdict], ""))
        elif verdict is alike[0]:
            rest = "" if len(alike) == len(group.verdicts) else "other "
            done = "pass" if verdict.passed else "skipped"
            kept.append(Line(alike, f"{len(alike)} {rest}{subjects(alike)} {done}"))
    return sorted(kept, key=lambda line: WORST_FIRST.index(line.first.status))


def subjects(verdicts: Sequence[Verdict]) -> str:
    """The plural noun for what these verdicts of one check are about."""
    if all(verdict.claim.slice for verdict in verdicts):
        return "slices"
    return "columns" if verdicts[0].stage == "data" else "parts"


def counted(verdicts: Sequence[Verdict]) -> str:
    """Count verdicts by status, worst first.

    Examples
    --------
    >>> counted([])
    'no verdicts'
    """
    found = [(sum(v.status == status for v in verdicts), word) for status, word in _COUNTED.items()]
    told = [many(count, word) if word == "error" else f"{count:,} {word}" for count, word in found if count]
    return ", ".join(told) or "no verdicts"


def summary(verdicts: Sequence[Verdict], context: ReportContext) -> str:
    """The last line, made to be grepped: counts, time, exit code."""
    parts = [counted(verdicts)]
    if context.seconds is not None:
        parts.append(duration(context.seconds))
    if context.exit_code is not None:
        parts.append(f"exit {context.exit_code}")
    return " · ".join(parts)


def headline(verdicts: Sequence[Verdict], waivers: Sequence[Waiver] = ()) -> str:
    """Say in one sentence whether anything is in the way."""
    blocking = [verdict for verdict in verdicts if verdict.blocking]
    waived = [verdict for verdict in blocking if waiver_of(verdict, waivers) is not None]
    stopped = [v for v in blocking if not v.passed and waiver_of(v, waivers) is None]
    if not verdicts:
        return "Nothing was checked"
    if not blocking:
        return f"Nothing blocks: {counted(verdicts)}"
    if waived and not stopped:
        return f"Let through by a waiver: {counted(waived)} of {many(len(blocking), 'blocking verdict')}"
    if not stopped:
        return (
            "Clear: the one blocking verdict passed"
            if len(blocking) == 1
            else f"Clear: all {len(blocking):,} blocking verdicts passed"
        )
    more = f", {counted(waived)} waived" if waived else ""
    return f"Blocked: {counted(stopped)} of {many(len(blocking), 'blocking verdict')}{more}"


def explained(verdict: Verdict, recorded: bool = True) -> str:
    """The command that tells more of a verdict: by its id, or where it is in no store, of its code."""
    return f"assay explain {verdict.id if recorded else verdict.code}"


def size(verdicts: Sequence[Verdict]) -> str:
    """How many verdicts there are, and of how many checks."""
    checks = len({(verdict.stage, verdict.check) for verdict in verdicts})
    told = many(len(verdicts), "verdict")
    return told if checks == len(verdicts) else f"{told} of {many(checks, 'check')}"


def many(count: int, noun: str) -> str:
    """Write a count and its noun.

    Examples
    --------
    >>> many(1, "row"), many(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def effect_words(verdict: Verdict, waiver: Waiver | None) -> str:
    """What follows from a verdict that does not pass."""
    blocks = "blocks" if verdict.blocking else "does not block"
    return ("waived" if waiver is not None else blocks) + (", pages" if verdict.pages else "")


def brief_guarantee(guarantee: Guarantee) -> str:
    """The guarantee in at most six words.

    Examples
    --------
    >>> from assay.core import Guarantee
    >>> brief_guarantee(Guarantee.anytime(0.01, "any false page within 90 days, over all slices"))
    'anytime, 1% any false page'
    """
    text = str(guarantee)
    while len(text.split()) > _GUARANTEE_WORDS:
        breaks = [found.start() for found in _BREAK.finditer(text) if found.start() > len(guarantee.kind) + 1]
        text = text[: breaks[-1]].rstrip(" ,") if breaks else " ".join(text.split()[:_GUARANTEE_WORDS])
    return text


def least_guarantee(guarantee: Guarantee) -> str:
    """The guarantee in two words, for narrow screens.

    Examples
    --------
    >>> from assay.core import Guarantee
    >>> least_guarantee(Guarantee.exact(0.05, "false pass")), least_guarantee(Guarantee.estimate("no bound"))
    ('exact 5%', 'estimate')
    """
    if guarantee.error is None:
        return guarantee.kind
    return f"{guarantee.kind} {percent(guarantee.error)}" if guarantee.error else f"{guarantee.kind}, fact"


def price(action: Action) -> str:
    """What an action costs beyond what its title says already; empty when it names no price.

    Examples
    --------
    >>> from assay.core import Action
    >>> price(Action("collect 9 more dates", units=9, labels=2000)), price(Action("label 20 rows", labels=20))
    ('2,000 labels', '')
    """
    said = set(_COUNT.findall(action.title))
    parts = []
    if action.labels is not None and f"{action.labels:,}" not in said:
        parts.append(many(action.labels, "label"))
    if action.units is not None and f"{action.units:,}" not in said:
        parts.append(many(action.units, "further unit"))
    if action.hours is not None:
        parts.append(f"about {action.hours:.2g} h")
    return ", ".join(parts)


def priced(action: Action, *, effect: bool = True) -> str:
    """An action in a line: title, price, and what it does.

    Examples
    --------
    >>> from assay.core import Action
    >>> priced(Action("collect 9 more dates", labels=2000, effect="decides if the truth is the estimate"))
    'collect 9 more dates (2,000 labels): decides if the truth is the estimate'
    """
    cost = price(action)
    title = f"{action.title} ({cost})" if cost else action.title
    return f"{title}: {action.effect}" if effect and action.effect else title


def shared_assumptions(verdicts: Sequence[Verdict]) -> dict[str, list[Assumption]]:
    """By stage, what all its verdicts with an error bound assume; stages with one such verdict are left out."""
    found: dict[str, list[Assumption]] = {}
    for stage in STAGES:
        listed = [v.guarantee.assumptions for v in verdicts if v.stage == stage and v.guarantee.error]
        if len(listed) > 1:
            found[stage] = [each for each in listed[0] if all(each in others for others in listed)]
    return {stage: assumptions for stage, assumptions in found.items() if assumptions}


def told_together(assumptions: Sequence[Assumption]) -> str:
    """Assumptions in one sentence, by status.

    Examples
    --------
    >>> from assay.core import Assumption
    >>> told_together([Assumption("days are independent", "declared"), Assumption("labels are correct", "unverifiable"),
    ...                Assumption("rows are new", "unverifiable")])
    'days are independent (declared); labels are correct, rows are new (unverifiable)'
    """
    statuses = dict.fromkeys(each.status for each in assumptions)
    return "; ".join(
        f"{', '.join(each.text for each in assumptions if each.status == status)} ({status})" for status in statuses
    )


def prompt(command: str) -> str:
    """What stands before a command, so that nobody types a query or a call into a shell.

    Examples
    --------
    >>> prompt("assay check better"), prompt("SELECT * FROM rows"), prompt("assay.validation.failing_rows(table)")
    ('$ ', 'SQL> ', '>>> ')
    """
    return "SQL> " if _QUERY.match(command) else ">>> " if _CALL.match(command) else "$ "


def budget_words(line: BudgetLine) -> str:
    """Say what is spent of one budget.

    Examples
    --------
    >>> from assay.report.context import BudgetLine
    >>> budget_words(BudgetLine("queries", 21, 32, "answers"))
    'queries: 21 of 32 answers spent'
    """
    unit = f" {line.unit}" if line.unit else ""
    return f"{line.name}: {line.spent:,.10g} of {line.limit:,.10g}{unit} spent"


def budget_left(line: BudgetLine) -> str:
    """Say what is left of one budget, and what this run took of it.

    Examples
    --------
    >>> from assay.report.context import BudgetLine
    >>> budget_left(BudgetLine("dataset test", 21, 32, "answers", here=1))
    'dataset test: 11 of 32 answers left, 1 spent here'
    """
    unit = f" {line.unit}" if line.unit else ""
    left = max(0.0, line.limit - line.spent)
    here = f", {line.here:,.10g} spent here" if line.here is not None else ""
    return f"{line.name}: {left:,.10g} of {line.limit:,.10g}{unit} left{here}"


def next_actions(verdicts: Sequence[Verdict], context: ReportContext) -> list[Action]:
    """At most three next steps: those of the context, else those of the verdicts that did not pass, blocking first."""
    if context.next_actions:
        return list(context.next_actions[:MOST_ACTIONS])
    open_verdicts = [verdict for verdict in verdicts if not verdict.passed]
    open_verdicts.sort(key=lambda verdict: (not verdict.blocking, WORST_FIRST.index(verdict.status)))
    found = dict.fromkeys(action for verdict in open_verdicts for action in verdict.actions)
    return list(found)[:MOST_ACTIONS]


def evidence_words(verdict: Verdict) -> str:
    """On how much the verdict rests: rows and units."""
    evidence = verdict.evidence
    parts = [many(evidence.n, "row")] if evidence.n else []
    if evidence.units is not None:
        parts.append(f"{evidence.units:,} independent units" + (f" of {evidence.unit}" if evidence.unit else ""))
    if evidence.level is not None and (evidence.lower is not None or evidence.upper is not None):
        parts.append(f"{percent(evidence.level)} interval")
    return ", ".join(parts)
