"""From the clauses of a condition to questions, and from each question to its size by one method."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.errors import ClaimError
from assay.gate import bennett, exact, hoeffding, wald
from assay.gate.condition import Term
from assay.gate.forms import forms_of
from assay.gate.targets import Size, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from assay.gate.condition import Clause, Condition, Mode


def sized(
    condition: Condition,
    nats: float,
    mode: Mode,
    method: str,
    disagreement: float | None,
    baseline: float | None = None,
) -> list[tuple[Target, Size]]:
    """Size every clause at an error of ``exp(-nats)`` an answer; those on the same rows hold at the same number."""
    chosen = _METHODS[method]
    targets = [_target(clause, condition, nats, mode, disagreement, baseline) for clause in condition.clauses]
    found = [(target, chosen(target, 1) if target.tolerance else _unsized()) for target in targets]
    while method == "exact":
        most: dict[str, int] = {}
        for _, size in found:
            for rows, n in size.labels.items():
                most[rows] = max(most.get(rows, 0), n)
        short = [i for i, (_, size) in enumerate(found) if any(n < most[rows] for rows, n in size.labels.items())]
        if not short:
            break
        for i in short:
            target, size = found[i]
            found[i] = target, chosen(target, max(most[rows] for rows in size.labels))
    return found


_METHODS: dict[str, Callable[[Target, int], Size]] = {
    "exact": lambda target, at_least: exact.size(target, at_least=at_least),
    "hoeffding": lambda target, _: hoeffding.size(target),
    "bennett": lambda target, _: bennett.size(target),
    "sequential": lambda target, _: wald.size(target),
}


def _target(
    clause: Clause,
    condition: Condition,
    nats: float,
    mode: Mode,
    disagreement: float | None,
    baseline: float | None,
) -> Target:
    """Put a clause as a question; a clause on ``d`` beside others may have no tolerance, as it needs no labels."""
    forms, constant = forms_of(clause)
    if not forms:
        raise ClaimError(f"{str(clause)!r}: nothing is left to measure, its terms cancel out")
    labelled = [one for one in condition.clauses if not all(form.free for form in forms_of(one)[0])]
    if not clause.tolerance and (clause in labelled or not labelled):
        raise ClaimError(
            f"{str(clause)!r} has no tolerance, and no number of labels is enough for a model at its very limit: "
            f"write {clause} +/- 0.01"
        )
    tolerance = clause.tolerance * _least_times(clause, baseline)
    fp = mode == "fp-free"
    sign = 1.0 if clause.upward == fp else -1.0
    null = round(sign * (clause.threshold - constant), 15)
    bound = None
    if len(forms) == 1 and not forms[0].free and not forms[0].kind:
        bound = _bound_on_change(forms[0].slice, condition, disagreement)
    return Target(
        clause=clause,
        forms=forms,
        null=null,
        alternative=round(null + 2 * tolerance, 15),
        constant=constant,
        sign=sign,
        tolerance=tolerance,
        nats=nats,
        nats_alpha=nats if fp else nats + math.log(len(condition.clauses)),
        nats_miss=nats + math.log(len(labelled)) if fp and clause in labelled else nats,
        clauses=len(condition.clauses),
        disagreement=bound,
    )


def _least_times(clause: Clause, baseline: float | None) -> float:
    """Give the least that a tolerance is multiplied by: that of ``n / o > 1.02 +/- 0.01`` is 0.01 times o."""
    if not clause.times:
        return 1.0
    if not baseline or any(term != Term("accuracy", "old") for _, term in clause.times):
        raise ClaimError(
            f"{str(clause)!r}: its tolerance is a share of a metric that may be 0; give the accuracy that the old model "
            "has at least (baseline), or a tolerance that is a number"
        )
    return baseline * sum(c for c, _ in clause.times)


def _unsized() -> Size:
    note = "needs no labels; with a tolerance (+/- 0.01) the plan says how many unlabelled rows"
    return Size("predictions alone", "", {}, {}, 0, [note])


def _bound_on_change(name: str, condition: Condition, given: float | None) -> float | None:
    """Give the least bound on the share of changed predictions in a slice (the empty name: in all rows)."""
    bounds = [given] if given is not None and not name else []
    for clause in condition.clauses:
        forms, _ = forms_of(clause)
        if len(forms) == 1 and forms[0].free and forms[0].slice == name and not clause.upward:
            bounds.append(clause.threshold / forms[0].changed)
    return min(bounds, default=None)


def total(labels: Iterable[dict[str, int]]) -> int:
    """Add up: clauses on the same rows share labels; on other rows they are counted apart, as if no row served both."""
    most: dict[str, int] = {}
    for one in labels:
        for rows, n in one.items():
            most[rows] = max(most.get(rows, 0), n)
    return sum(most.values())
