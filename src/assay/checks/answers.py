r"""What one more answer of a test set may cost, by the answers that the ledger has.

Each answer on the ledger says which part of what was left it kept for those who saw one word of it. With m the product
of these parts, the next test has the share m * w / M of the error probability, where w and M are the weight and the
mass that the policy of today gives to a node with so many answers and passes (:mod:`assay.gate.reuse`), and word x
keeps the part M(x) / M. A node's test and its words never get more than the node has, so the shares of all nodes
of the tree sum to at most 1, also where somebody changes the policy between two answers: what is left is shared anew, and
what is spent stays spent.

An answer that is still being given, or whose process was killed, counts as the word that keeps least. That is
valid as long as what ended it did not hang on the labels otherwise than through its word. One that was put by takes its
share, and parts nothing yet: nobody has seen a word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.core.fingerprint import digest
from assay.gate.reuse import NOTHING_LEFT, Policy
from assay.store.balance import is_dead, is_put_by
from assay.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from assay.store.chain import Entry

LEAST = 1e-240
"""Least error probability of a test: below it, no number of rows is enough."""

MORE = "|words "
"""Tells a second answer about the same candidate, to other questions or of which more is shown, from the first."""


@dataclass(frozen=True)
class Past:
    """One answer on the ledger.

    Attributes
    ----------
    once : str
        What was answered about.
    detail : dict
        The terms on which it was given.
    passed : bool or None
        Whether the gate passed; ``None`` while that is not known.
    put_by : bool
        Whether it waits for its turn: nothing was seen of it.
    """

    once: str
    detail: dict[str, Any]
    passed: bool | None
    put_by: bool = False

    @property
    def about(self) -> str:
        """The candidate, with all that it is judged against."""
        return self.once.partition(MORE)[0]

    def asked(self, questions: Mapping[str, str]) -> set[str]:
        """Give the checks whose questions were part of the gate then, as they are now."""
        then = self.detail.get("questions")
        return {check for check, question in questions.items() if then is None or then.get(check) == question}

    @property
    def words(self) -> int:
        """Different answers that could have been shown; 0 where numbers were shown that nobody counts."""
        return int(self.detail.get("words", 0))

    def log_kept(self, seen: bool) -> float:
        """Logarithm of what it kept for those who saw its word; ``seen`` is whether words are seen today."""
        after_pass, after_refusal, untold = self.detail.get("kept", [0.0, 0.0, 0.0])
        part = after_pass if self.passed else after_refusal
        if self.passed is None:
            part = untold if self.put_by else min(after_pass, after_refusal)
        if seen and not self.detail.get("seen"):
            # It was not to be seen when it was given; from now on it may be, as all words before it.
            part = part / self.words if self.words else 0.0
        return math.log(part) if part > 0 else NOTHING_LEFT


@dataclass(frozen=True)
class Terms:
    """On what terms the next answer is given.

    Attributes
    ----------
    once : str
        What the answer is about: asked again, it costs nothing.
    share : float, in [0, 1]
        Part of the error probability; 0 when nothing is left.
    number : int
        Answers before it.
    past : tuple of Past
    detail : dict
        Goes into the ledger with it.
    """

    once: str
    share: float
    number: int
    past: tuple[Past, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)


def history(answers: Iterable[Entry], alphas: Iterable[Entry], key: str) -> list[Past]:
    """Read the answers that a test set gave, oldest first, from the entries of these two kinds."""
    entries, time = list(answers), now()
    words, pending = _words(alphas, key)
    last = {entry.reservation: entry.state for entry in entries}
    found: dict[str, Past] = {}
    for entry in entries:
        if entry.state != "reserve" or last[entry.reservation] == "release" or entry.detail.get("once") in found:
            continue
        once = str(entry.detail["once"])
        said = words.get(once, {})
        unknown = last[entry.reservation] == "reserve"
        waits = unknown and is_put_by(entry)
        if waits and is_dead(entry, time):
            continue
        passed = _passed(entry.detail.get("required", []), said, unknown or once in pending)
        found[once] = Past(once, entry.detail, passed, waits)
    return list(found.values())


def reckon(
    past: Sequence[Past],
    policy: Policy,
    *,
    once: str,
    words: int,
    required: Sequence[str],
    check: str = "",
    questions: Mapping[str, str] | None = None,
) -> Terms:
    """Reckon the share of the error probability for an answer about a candidate.

    Parameters
    ----------
    past : sequence of Past
        Answers that the set gave, oldest first.
    policy : Policy
        How it is reused.
    once : str
        What is asked about; the terms of an answer about it that is on the ledger hold again, unless more can be seen
        of it today than was counted then.
    words : int
        Different answers that can be shown; 0 where numbers are.
    required : sequence of str
        Checks that all have to pass for the gate to pass.
    check : str
        The one that asks.
    questions : mapping of str to str, optional
        What each check of the gate asks, where an answer may have been seen by who wrote them: a question that was no part
        of the gate when an answer about the candidate was begun may have been chosen by it, and is another answer.
    """
    about = [earlier for earlier in past if earlier.about == once]
    for earlier in about:
        enough = not policy.seen or (earlier.detail.get("seen") and earlier.words >= words)
        if enough and (questions is None or check in earlier.asked(questions)):
            detail = earlier.detail
            return Terms(earlier.once, detail["share"], detail["number"], tuple(past), detail)
    if about:
        # It is a pass if what is asked anew passes; what was asked before keeps its own answer.
        old = set().union(*(earlier.asked(questions) for earlier in about)) if questions else set()
        required = [each for each in required if each not in old]
        once = f"{once}{MORE}{words}{f' {digest(questions)[:16]}' if questions else ''}"
    number = len(past)
    passes = sum(earlier.passed is not False and not earlier.put_by for earlier in past)
    left = math.fsum(earlier.log_kept(policy.seen) for earlier in past)
    mass = policy.log_mass(number, passes)
    if NOTHING_LEFT in (left, mass):
        return Terms(once, 0.0, number, tuple(past))
    after_pass = policy.log_mass(number + 1, passes + 1 if policy.seen else passes)
    after_refusal = policy.log_mass(number + 1, passes)
    weight = policy.log_weight(number, passes)
    share = math.exp(left + weight - mass)
    detail = {
        "once": once,
        "number": number,
        "share": share,
        "kept": [math.exp(after_pass - mass), math.exp(after_refusal - mass), -math.expm1(weight - mass)],
        "words": words,
        "seen": policy.seen,
        "required": list(required),
        **({"questions": dict(questions)} if questions else {}),
        "policy": policy.reuse,
        "queries": policy.steps,
        "last_pass": policy.last_pass,
        "nats": math.log(policy.words) if policy.seen else 0.0,
        "nats_left": [_finite(policy.log_left(number + 1, passes + 1 if policy.seen else passes)),
                      _finite(policy.log_left(number + 1, passes))],
    }  # fmt: skip
    return Terms(once, share, number, tuple(past), detail)


def _words(entries: Iterable[Entry], key: str) -> tuple[dict[str, dict[str, list[str]]], set[str]]:
    """Words of each check by what it answered about, and what is being answered about."""
    said: dict[str, dict[str, list[str]]] = {}
    opened: dict[str | None, str] = {}
    for entry in entries:
        once = entry.detail.get("answer")
        if not entry.key.startswith(f"{key}:"):
            continue
        if entry.state == "reserve" and once:
            opened[entry.reservation] = once
        else:
            opened.pop(entry.reservation, None)
        if entry.state == "settle" and once:
            said.setdefault(once, {})[entry.check_id] = entry.detail.get("words", [])
    return said, set(opened.values())


def _passed(required: Sequence[str], said: dict[str, list[str]], unknown: bool) -> bool | None:
    if any(word != "pass" for check in required for word in said.get(check, [])):
        return False
    if unknown:
        return None
    # A check that was never asked let nobody through; nor does one that nothing hangs on.
    return bool(required) and all(said.get(check) for check in required)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
