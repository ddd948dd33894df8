"""The ways to get a number of answers at one reliability, and what each costs in labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from assay.gate.exact import changed_among
from assay.gate.forms import forms_of
from assay.gate.grammar import parse
from assay.gate.planning import nats_of
from assay.gate.reuse import log_nodes, most_passes
from assay.gate.sizing import sized, total

if TYPE_CHECKING:
    from assay.gate.condition import Condition
    from assay.gate.planning import ClausePlan, Plan

_PASSES = 3


class Way(msgspec.Struct, frozen=True):
    """One way to get the answers.

    Parameters
    ----------
    name : str
    labels : int
        In all; what is expected, where that is less than the most.
    most : int
        In all, at worst.
    at_first : int
        Labels before the first answer.
    nats : float
        ln(delta / delta_t), what the reuse of labels costs.
    answers : bool
        Whether it gives all of the answers, whatever they are.
    needs : str
        What it asks for besides.
    """

    name: str
    labels: int
    most: int
    at_first: int
    nats: float
    answers: bool
    needs: str


def ways(plan: Plan) -> tuple[Way, ...]:
    """List the ways, those that give all answers first, cheapest first; all with exact tests.

    Each is valid for developers who see what ``plan.adaptivity`` says: the counts are those of
    :mod:`assay.gate.reuse`. Fresh slices are valid whatever is shown of a slice that was judged.
    """
    condition, steps = parse(plan.condition), plan.steps
    spent = nats_of(plan.reliability, 1, "none")

    def fixed(name: str, nats: float, answers: bool, needs: str) -> Way:
        labels = _fixed(plan, condition, spent + nats)
        return Way(name, labels, labels, labels, nats, answers, needs)

    if steps == 1:
        once = (fixed("all labels at once", 0.0, True, "nothing else"), *_fresh(plan, condition, spent))
        return tuple(sorted(once, key=lambda way: way.labels))
    whole = nats_of(plan.reliability, steps, plan.adaptivity) - spent
    if plan.adaptivity == "none":
        return (fixed("one fixed set", whole, True, "developers see no answer before the end"),)
    found = list(_fresh(plan, condition, spent))
    first = fixed("one set until its first pass", math.log(steps), False, "retired at the first pass")
    if plan.adaptivity == "full":
        found.append(fixed("one fixed set", whole, True, "developers see of each answer only whether it passed"))
        if steps > _PASSES:
            nats = log_nodes("k-pass", steps, passes=_PASSES)
            found.append(fixed(f"one set until pass {_PASSES}", nats, False, f"retired at pass {_PASSES}"))
        gain = _gain(condition)
        if gain and plan.mode == "fp-free":
            passes = most_passes(gain, plan.baseline or 0.0)
            if passes + 1 < steps:
                start = "" if plan.baseline is None else f", and starts at {plan.baseline:g} or more"
                needs = f"the old model is the last that passed{start}: no more than {passes} right passes"
                nats = log_nodes("self-limiting", steps, passes=passes)
                found.append(fixed("passes that limit themselves", nats, True, needs))
    return tuple(sorted([*found, first], key=lambda way: (not way.answers, way.labels)))


def _fresh(plan: Plan, condition: Condition, spent: float) -> tuple[Way, ...]:
    """Rows that no answer used before: delta / H each, whatever was shown of older ones."""
    nats, steps, scale = math.log(plan.steps), plan.steps, plan.design_effect
    each: dict[str, int] = {}
    rows: dict[str, int] = {}
    for target, size in sized(condition, spent + nats, plan.mode, "exact", plan.disagreement, plan.baseline):
        for kind, n in size.labels.items():
            form = target.form
            share = target.disagreement if form is not None and form.paired else None
            # Where two models are compared only changed rows need a label.
            each[kind] = max(each.get(kind, 0), n if share is None else changed_among(n, share))
            rows[kind] = max(rows.get(kind, 0), n)
    labels, looked = math.ceil(scale * sum(each.values())), math.ceil(scale * sum(rows.values()))
    found = []
    if steps > 1 or labels < looked:
        name = "a fresh slice for each answer" if steps > 1 else "only changed rows labelled"
        needs = f"{looked:,} new rows an answer, which are burnt" if steps > 1 else f"predictions of {looked:,} rows"
        found.append(Way(name, steps * labels, steps * labels, labels, nats, True, needs))
    means: dict[str, float] = {}
    most: dict[str, int] = {}
    for _, size in sized(condition, spent + nats, plan.mode, "sequential", plan.disagreement, plan.baseline):
        edges = [one.mean for one in size.expected if one.edge]
        if size.labels and not edges:
            return tuple(found)
        for kind, n in size.labels.items():
            means[kind] = max(means.get(kind, 0.0), *edges)
            most[kind] = max(most.get(kind, 0), n)
    if means:
        expected = math.ceil(steps * scale * sum(means.values()))
        worst = steps * math.ceil(scale * sum(most.values()))
        name = "fresh slices, labelled until decided" if steps > 1 else "labelled until decided"
        needs = "one label after the other; expected at the edges of the tolerance, fewer beyond"
        found.append(Way(name, expected, worst, 0, nats, True, needs))
    return tuple(found)


def _fixed(plan: Plan, condition: Condition, nats: float) -> int:
    return math.ceil(
        plan.design_effect
        * total(size.labels for _, size in sized(condition, nats, plan.mode, "exact", plan.disagreement, plan.baseline))
    )


def explain(plan: Plan) -> str:
    """Write a plan out: the contract, the paper's numbers, what stopping early saves, the ways."""
    verb = "passes" if plan.mode == "fp-free" else "fails"
    does, other = ("does not satisfy", "satisfies") if plan.mode == "fp-free" else ("satisfies", "misses")
    what = "a clause of it" if plan.mode == "fn-free" and len(plan.clauses) > 1 else "it"
    error = f"{plan.delta_per_test:.3g}"
    lines = [
        str(plan),
        "",
        f"A model that {does} it {verb} with probability of at most {error};",
        f"one that {other} {what} by twice the tolerance {verb} but for {error}.",
    ]
    if plan.design_effect != 1:
        lines.append(
            f"Labels are multiplied by the design effect of {plan.design_effect:g}, an estimate: so is this plan."
        )
    lines += ["", "The paper (Renggli et al., MLSys 2019) at this reliability and tolerance:"]
    lines += [f"  {name:<10}{labels:>12,} labels{_ratio(plan, labels)}" for name, labels in plan.paper.items()]
    for clause in plan.clauses:
        lines += _expected(clause)
    found = plan.ways()
    width = max(len(way.name) for way in found)
    lines += ["", "Ways to the same answers, with exact tests:" if plan.steps > 1 else "Ways to the answer:"]
    for way in found:
        most = f" (at most {way.most:,})" if way.most > way.labels else ""
        lines.append(f"  {way.name:<{width}}  {way.labels:>12,} labels{most}; {way.nats:.1f} nats; {way.needs}")
    least = found[0]
    sure = f", as expected; at worst {least.most:,}" if least.most > least.labels else ""
    lines.append(f"Cheapest that gives {'all answers' if plan.steps > 1 else 'it'}: {least.name}{sure}.")
    return "\n".join(lines)


def _ratio(plan: Plan, paper: int) -> str:
    if not paper or plan.method != "exact":
        return ""
    return f"; exact {plan.labels:,} is {plan.labels / paper:.2f} of it"


def _expected(clause: ClausePlan) -> list[str]:
    if not clause.expected:
        return []
    lines = [
        "",
        f"Labels of one commit for {clause.clause}, stopping when decided (at most {clause.labels_per_commit:,}):",
    ]
    for one in clause.expected:
        lines.append(f"  truth {one.truth:>8.4g}: {one.mean:>10,.0f} on average, {one.most:,} in 95 of 100")
    return lines


def _gain(condition: Condition) -> float:
    """Give the least gain in accuracy that a pass asks for, if it asks for one."""
    gains = []
    for clause in condition.clauses:
        forms, constant = forms_of(clause)
        if len(forms) == 1 and forms[0].paired and not (forms[0].kind or forms[0].slice):
            gain = (clause.threshold - constant) / forms[0].paired
            if clause.upward == (forms[0].paired > 0) and gain > 0:
                gains.append(gain)
    return max(gains, default=0.0)
