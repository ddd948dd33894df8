"""One candidate put to one test set: what an answer costs, and what the sharing of its error probability rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from assay.checks import testsets
from assay.checks.answers import LEAST, Terms, history, reckon
from assay.checks.budget import gain_of, policy_of, shown, words_of
from assay.core.action import Action
from assay.core.fingerprint import digest
from assay.core.guarantee import Assumption
from assay.core.project import stage_of
from assay.errors import BudgetSpent, ProjectError
from assay.gate import parse
from assay.store.balance import balance_of
from assay.store.ledger import Ledger
from assay.store.schema import now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from assay.checks.dataset import Dataset
    from assay.checks.inputs import Inputs
    from assay.core.project import CheckTable, Disclosure
    from assay.gate.reuse import Policy


@dataclass(frozen=True)
class Question:
    """What a check asks of a test set about a candidate.

    Attributes
    ----------
    check : str
    dataset : Dataset
    ledger : Ledger
    key : str
        Under which the ledger counts the answers of the test set.
    once : str
        The candidate, with all that it is judged against: an answer about it is paid for once.
    alpha : float
        Error probability of all answers together.
    policy : Policy
    words : int
        Different answers that can be shown; 0 where numbers are.
    required : tuple of str
        Checks that all have to pass for the gate to pass.
    table : Known or None
        What to enter of a table that the ledger does not know.
    questions : dict of str to str or None
        What each check of the gate asks; ``None`` where answers are declared unseen, so that no question hangs on them.
    """

    check: str
    dataset: Dataset
    ledger: Ledger
    key: str
    once: str
    alpha: float
    policy: Policy
    words: int
    required: tuple[str, ...]
    table: testsets.Known | None
    questions: dict[str, str] | None

    @classmethod
    def of(
        cls,
        check: CheckTable,
        inputs: Inputs,
        dataset: Dataset,
        family: tuple[str, testsets.Known | None],
        once: str,
        alpha: float,
    ) -> Question:
        """Count what can be shown of the answer, over all checks of the gate."""
        policy, words, names = sharing(check, inputs, dataset)
        key, table = family
        ledger = Ledger(inputs.project.store)
        asked = None if dataset.declared.adaptivity == "none" else questions(check, inputs)
        return cls(check.name, dataset, ledger, key, once, alpha, policy, words, names, table, asked)

    def terms(self, connection: Connection) -> Terms:
        """Reckon what the answer costs, from what the ledger has now; the table is entered if it is a new one.

        Raises
        ------
        BudgetSpent
            If nothing is left, or another error probability was promised of these answers before.
        ProjectError
            If what is left is too little for any test.
        """
        name = self.dataset.name
        state, why = testsets.closed(self.ledger.entries_in(connection, kind="testset"), self.key)
        if state:
            raise self._spent(f"{state}{f': {why}' if why else ''}")
        answers = self.ledger.entries_in(connection, kind="answers", key=self.key)
        past = history(answers, self.ledger.entries_in(connection, kind="alpha"), self.key)
        terms = reckon(
            past,
            self.policy,
            once=self.once,
            words=self.words,
            required=self.required,
            check=self.check,
            questions=self.questions,
        )
        if not terms.share:
            held = balance_of(connection, "answers", self.key, now()).held
            raise self._spent(self._why(terms), held)
        if self.alpha * terms.share < LEAST:
            raise ProjectError(
                f"dataset {name!r}: {self.policy.steps} answers of {self.words:,} words each leave no error "
                "probability for one; plan fewer queries, or set policy = 'fresh-slice'"
            )
        promised = [
            entry.detail.get("alpha", 0.0)
            for entry in self.ledger.entries_in(connection, kind="alpha", key=f"{self.key}:{self.check}")
            if entry.state == "reserve"
        ]
        if promised and max(promised) > self.alpha * (1 + 1e-9):
            raise BudgetSpent(
                f"{self.check}: earlier answers of {name} were given at an error probability of {max(promised):g}, so "
                f"that {self.alpha:g} cannot be promised of all: keep that one, or judge fresh data"
            )
        if self.table is not None:
            testsets.register(self.ledger, connection, self.dataset.fingerprint, self.table)
        return terms

    def _why(self, terms: Terms) -> str:
        passes = sum(past.passed is True for past in terms.past)
        unknown = sum(past.passed is None for past in terms.past)
        if self.policy.last_pass is not None and passes >= self.policy.last_pass:
            return f"retired at pass {passes}"
        if self.policy.steps is not None and terms.number >= self.policy.steps:
            waiting = sum(past.put_by for past in terms.past)
            return f"{terms.number} of {self.policy.steps} spent{f', {waiting} of them put by' if waiting else ''}"
        if unknown:
            return f"{unknown} of {terms.number} without an end may retire it; ask the same question again, or"
        return f"the {terms.number} before spent all of the error probability"

    def _spent(self, why: str, held: float = 0.0) -> BudgetSpent:
        name, rows = self.dataset.name, len(self.dataset.frame)
        if held:
            # What is held may come back, so that nobody is told to collect rows yet.
            return BudgetSpent(
                f"{self.check}: answers of {name} ({self.key[:12]}): {why}, {held:g} held by checks that are running: ask "
                "again when they are done",
                passing=True,
            )
        once = "; a set that is to answer more often says queries = N from the first" if self.policy.steps == 1 else ""
        return BudgetSpent(
            f"{self.check}: answers of {name} ({self.key[:12]}): {why}: judge fresh data, about {rows:,} labelled rows{once}",
            actions=(
                Action(
                    f"collect a new test set of about {rows:,} labelled rows",
                    f"assay testset release {name}",
                    labels=rows,
                    effect="gives these rows to developers",
                ),
            ),
        )


def sharing(check: CheckTable, inputs: Inputs, dataset: Dataset) -> tuple[Policy, int, tuple[str, ...]]:
    """Say how the set is reused, how many different answers can be shown, and which checks have to pass."""
    project = inputs.project
    gate = [c for c in project.file.checks if stage_of(c) == "gate"]
    asked = [c for c in gate if c.new == check.new and _can_be_asked(c, inputs, dataset)]
    # A gate passes when all that blocks passes; one in which nothing blocks, when all of it does.
    required = [c for c in asked if c.blocking] or asked
    disclosed = shown(project.file.budget, dataset.declared)
    words, passing = 1, 1
    for other in gate:
        # Every verdict is a word that developers see, whether or not it blocks; a slice has its own.
        each, each_pass = words_of(disclosed, len(parse(other.claim).clauses))
        count = max(1, len(project.slices_of(other.slices)))
        words *= each**count
        passing *= (each_pass if other in required else each) ** count
    gain = max(filter(None, (gain_of(parse(c.claim)) for c in required if c.mode == "fp-free")), default=None)
    policy = policy_of(dataset.declared, words=words, passing=passing, gain=gain)
    return policy, words, tuple(c.name for c in required)


def questions(check: CheckTable, inputs: Inputs) -> dict[str, str]:
    """Tell what each check of the gate of a candidate asks, as a digest."""
    project = inputs.project
    return {
        each.name: digest([msgspec.to_builtins(each), project.slices_of(each.slices)])[:16]
        for each in project.file.checks
        if stage_of(each) == "gate" and each.new == check.new
    }


def _can_be_asked(check: CheckTable, inputs: Inputs, dataset: Dataset) -> bool:
    if "old" not in parse(check.claim).models:
        return True
    project = inputs.project
    model = check.new if check.new in project.file.models else project.model(check.model)[0]
    return inputs.predictor(model, check.old, dataset) is not None


def seen_of(dataset: Dataset, disclosed: Disclosure) -> tuple[Assumption, ...]:
    """What the sharing of the error probability over several answers rests on."""
    declared = dataset.declared
    count = f"of the {declared.queries} answers of {dataset.name}"
    if declared.sharing == "fresh-slice":
        return (Assumption(f"each {count} has rows of its own, which nobody saw before", "unverifiable"),)
    if declared.adaptivity == "none":
        return (
            Assumption(
                f"who proposes models sees nothing {count}",
                "unverifiable",
                'they are printed: where developers read them, set adaptivity = "full"',
            ),
        )
    words = {
        "verdict": "only whether each passed",
        "three-valued": "only pass, fail or inconclusive",
        "estimate": "only the words and rounded estimates",
    }
    told = f"who proposes models sees {words[disclosed]} {count}"
    found = [
        Assumption(told, "declared")
        if declared.adaptivity
        else Assumption(told, "unverifiable", "all that is shown counts as seen; adaptivity is not declared")
    ]
    if declared.policy == "self-limiting":
        found.append(
            Assumption(
                f"the first champion has an accuracy of at least {declared.baseline or 0:g}, and no other model than the "
                "one that passed last is the champion", "declared",
            )
        )  # fmt: skip
    return tuple(found)
