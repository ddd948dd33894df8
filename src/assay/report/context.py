"""What a report says beside its verdicts."""

from __future__ import annotations

import msgspec

from assay.core.action import Action
from assay.core.waiver import Waiver


class BudgetLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much of one declared budget is gone.

    Parameters
    ----------
    name : str
        The budget, as the project file names it: ``"alpha"``, ``"labels"``, ``"queries"``.
    spent, limit : float
        Same unit; ``spent`` is never above ``limit``.
    unit : str
        What is counted: ``"labels"``, ``"answers"``; empty for a probability.
    here : float or None
        How much of it the run at hand spent; ``None`` where there is no such run.
    """

    name: str
    spent: float
    limit: float
    unit: str = ""
    here: float | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One question of a model's life, answered in one line.

    Parameters
    ----------
    question : str
        ``"Is my data fit?"``
    answer : str
        One line.
    verdict : str or None
        Id of the verdict that says so; ``None`` while there is none.
    """

    question: str
    answer: str
    verdict: str | None = None


class StoryStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of a told run: what was done, what happened, which verdicts came of it.

    Parameters
    ----------
    title : str
        What is done, in a few words.
    command : str
        The exact command; empty when there is none.
    text : str
        What happened and what it means, in a sentence or two.
    verdict_ids : tuple of str
        Ids of the verdicts that the step gave.
    """

    title: str
    command: str = ""
    text: str = ""
    verdict_ids: tuple[str, ...] = ()


class ReportContext(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The frame around a list of verdicts; every field may be left out.

    Parameters
    ----------
    project : str
        The project's name.
    title : str
        The report's title.
    created : str
        When the report was made, ISO 8601; no renderer reads a clock.
    version : str
        Version of assay.
    exit_code : int or None
        What the command returns to its caller; ``None`` when no command ran.
    seconds : float or None
        Wall time of the run.
    budget : tuple of BudgetLine
        Declared budgets and what is spent.
    next_actions : tuple of Action
        What to do next, best first; at most three are shown. When empty, the actions of the verdicts that did not
        pass are shown.
    answers : tuple of Answer
        The project's questions, answered.
    story : tuple of StoryStep
        The run, step by step.
    waivers : tuple of Waiver
        The waivers that hold: a blocking verdict of their checks that did not pass is shown as waived.
    disclose : str
        What is shown of a test set: at ``"verdict"`` and ``"three-valued"`` a number that is missing is withheld.
    recorded : bool
        Whether the verdicts are in a store, so that they can be asked for by their ids; else a code is pointed at.
    ledger : str
        One line on the ledger: ``"64 entries, chain verified"``.
    """

    project: str = ""
    title: str = ""
    created: str = ""
    version: str = ""
    exit_code: int | None = None
    seconds: float | None = None
    budget: tuple[BudgetLine, ...] = ()
    next_actions: tuple[Action, ...] = ()
    answers: tuple[Answer, ...] = ()
    story: tuple[StoryStep, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    disclose: str = ""
    recorded: bool = True
    ledger: str = ""
