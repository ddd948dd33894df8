"""The verdict on a condition: its status, its guarantee, its numbers and what to do next."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.core.guarantee import independence
from assay.gate.counts import Difference
from assay.gate.judge import Finding, kleene_and
from assay.gate.quantity import Affine
from assay.gate.screening import independent_units

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.core.check import Severity
    from assay.core.evidence import Scalar
    from assay.core.verdict import Status
    from assay.gate.condition import Clause, Condition, Mode
    from assay.gate.inputs import Inputs
    from assay.gate.screening import Clusters

Adaptivity = Literal["none", "first-change", "full"]

_SHOWN = {"none": "that developers do not see", "first-change": "up to the first pass", "full": "that developers see"}
_EFFECT = "decides with probability 0.8 if the truth is the estimate"
_REFUTES = "would refute it, not pass it, with probability 0.8 if the truth is the estimate"


@dataclass(frozen=True)
class Promise:
    """The error that was asked for.

    Attributes
    ----------
    alpha : float
        Of all answers together.
    per_test : float
        Of one condition, one slice.
    steps : int
    adaptivity : {"none", "first-change", "full"}
    mode : {"fp-free", "fn-free"}
    screened : tuple of (str, float)
        Columns that were tested for undeclared clustering, and the design effect that would have been found.
    slices : int
        Over how many slices the level is divided.
    """

    alpha: float
    per_test: float
    steps: int
    adaptivity: Adaptivity
    mode: Mode
    screened: tuple[tuple[str, float], ...] = ()
    slices: int = 1


def answer(
    condition: Condition,
    inputs: Inputs,
    promise: Promise,
    findings: list[Finding],
    clusters: Clusters | None,
    *,
    claim: str,
    check: str,
    blocking: bool,
    severity: Severity,
    start: float,
    subject: str = "",
) -> Verdict:
    """Build the verdict from what was found of each clause; ``start`` is a reading of ``time.perf_counter``."""
    status = _status(findings, promise.mode, clusters)
    main = _deciding(findings, status)
    return Verdict(
        status=status,
        guarantee=_guarantee(status, main, inputs, promise, clusters),
        check=check,
        code="GAT102" if condition.slices else "GAT101",
        stage="gate",
        claim=Claim(claim, subject),
        evidence=_evidence(main, findings, inputs, promise, clusters, time.perf_counter() - start),
        actions=_actions(status, findings, inputs, clusters),
        reason="; ".join(filter(None, (_reason(status, main, inputs, promise, clusters), inputs.strange))),
        subject=subject,
        severity=severity,
        blocking=blocking,
    )


def _status(findings: list[Finding], mode: Mode, clusters: Clusters | None) -> Status:
    if clusters is not None:
        return "inconclusive"
    value = kleene_and(finding.value for finding in findings)
    if value == "false":
        return "fail"
    if value == "true":
        return "pass"
    return "pass" if mode == "fn-free" and not any(f.blind for f in findings) else "inconclusive"


def _deciding(findings: list[Finding], status: Status) -> Finding:
    """Give the clause on which the status hangs: the refuted one, else the least shown."""
    if status == "fail":
        return min((f for f in findings if f.value == "false"), key=lambda f: f.p_false)
    return max(findings, key=lambda f: (f.measured is None, f.value == "unknown", f.p_true))


def _evidence(
    main: Finding,
    findings: list[Finding],
    inputs: Inputs,
    promise: Promise,
    clusters: Clusters | None,
    seconds: float,
) -> Evidence:
    clause, measured = main.clause, main.measured
    statistic: dict[str, Scalar] = {
        "clause": str(clause),
        "value": main.value,
        "alpha_per_test": promise.per_test,
        "steps": promise.steps,
        "adaptivity": promise.adaptivity,
        "mode": promise.mode,
    }
    if inputs.strange:
        statistic["strange"] = inputs.strange
    if clusters is not None:
        statistic |= {
            "clustered_by": clusters.column,
            "icc": clusters.icc,
            "design_effect": clusters.design_effect,
            "p_clustered": clusters.p_value,
        }
    series: dict[str, list[Scalar]] = {
        "clause": [str(f.clause) for f in findings],
        "value": [f.value for f in findings],
        "estimate": [f.measured.estimate if f.measured else None for f in findings],
        "lower": [f.lower if f.measured else None for f in findings],
        "upper": [f.upper if f.measured else None for f in findings],
        "limit": [f.clause.threshold for f in findings],
        "p_true": [f.p_true if f.measured else None for f in findings],
        "p_false": [f.p_false if f.measured else None for f in findings],
        "rows": [f.rows for f in findings],
    }
    if measured is None:
        return Evidence(
            measure=clause.measure, limit=clause.threshold, statistic=statistic, series=series, seconds=seconds
        )
    units = measured.statistic.get("units")
    return Evidence(
        n=main.rows,
        units=None if units is None else int(units),
        unit=None if inputs.unit is None else inputs.unit_name,
        measure=clause.measure,
        estimate=measured.estimate,
        lower=main.lower,
        upper=main.upper,
        limit=clause.threshold,
        level=max(0.0, 1 - promise.per_test * (1 + 1 / len(findings))),
        statistic=statistic | {"p_true": main.p_true, "p_false": main.p_false} | measured.statistic,
        series=series,
        method=measured.method,
        seconds=seconds,
    )


def _guarantee(status: Status, main: Finding, inputs: Inputs, promise: Promise, clusters: Clusters | None) -> Guarantee:
    wrong = "false fail" if status == "fail" or promise.mode == "fn-free" else "false pass"
    over = []
    if promise.slices > 1:
        over.append(f"{promise.slices} slices")
    if promise.steps > 1:
        over.append(f"{promise.steps} answers {_SHOWN[promise.adaptivity]}")
    scope = f"any {wrong} over {' and '.join(over)}" if over else wrong
    source = main.measured.source if main.measured else "no rows, nothing to err about"
    if promise.steps > 1:
        count = f"2^{promise.steps} histories" if promise.adaptivity == "full" else f"{promise.steps} answers"
        source += f"; union over {count}: Renggli et al., MLSys 2019"
    return Guarantee.exact(promise.alpha, scope, _assumptions(main, inputs, promise, clusters), source)


def _assumptions(main: Finding, inputs: Inputs, promise: Promise, clusters: Clusters | None) -> list[Assumption]:
    listed = []
    if clusters is not None:
        listed.append(clusters.refuted)
    elif inputs.unit is None:
        listed.append(independence(promise.screened))
    else:
        listed.append(independence(promise.screened, "", independent_units(inputs.unit_name)))
    if inputs.unit is not None:
        if main.measured and inputs.max_unit_size is not None:
            listed.append(Assumption(f"no {inputs.unit_name} has more rows than {inputs.max_unit_size:,}", "declared"))
        elif main.measured:
            listed.append(
                Assumption(
                    f"no {inputs.unit_name} has more rows, or can move further, than the largest here",
                    "unverifiable",
                    f"of {_units(inputs.unit_name, 2)} like these alone nothing need be assumed; "
                    "declare max_unit_size to speak of all",
                )
            )
    listed.append(Assumption("labels are correct", "unverifiable"))
    listed.append(Assumption("the models were not trained or chosen on these rows", "unverifiable"))
    if promise.steps > 1:
        seen = {
            "none": "developers see none of them",
            "first-change": "developers see of each only whether it passed; the set is retired at the first pass",
            "full": "developers see of each only whether it passed",
        }
        listed.append(
            Assumption(f"at most {promise.steps} answers are given, and {seen[promise.adaptivity]}", "declared")
        )
    return listed


def _actions(status: Status, findings: list[Finding], inputs: Inputs, clusters: Clusters | None) -> tuple[Action, ...]:
    if clusters is not None and clusters.copies:
        return (Action(f"drop the {clusters.copies:,} copies, or declare what they are copies of as the unit"),)
    if clusters is not None:
        return (
            Action(
                clusters.remedy,
                effect=f"{'they' if inputs.unit is not None else 'the rows'} then count as what they are: about one in "
                f"{clusters.design_effect:.3g} is news",
            ),
        )
    unknown = [f for f in findings if f.value == "unknown"]
    if status != "inconclusive" or not unknown:
        return ()
    empty = [f.clause for f in unknown if f.measured is None]
    if empty:
        return (Action(f"collect rows for {str(empty[0])!r}: it has none"),)
    if any(f.idle for f in unknown):
        return (Action("gate a model that differs, or bring rows on which the two disagree"),)
    needs = [f.further for f in unknown]
    if any(f.planned is not None and f.further is None for f in unknown):
        return (
            Action(
                "decide with method = 'exact', or plan for a smaller tolerance", effect="the rows suffice for this one"
            ),
        )
    if any(need is None for need in needs):
        return (
            Action(
                "state a tolerance (+/-) or another limit",
                effect="so near the limit no number of labels that can be had decides",
            ),
        )
    wrong = next((f for f in unknown if _beyond(f)), None)
    if wrong is None:
        return (_labelling(unknown, inputs, _EFFECT),)
    better = Action(
        f"propose a better model: the estimate is on the wrong side of {wrong.clause.threshold:g}",
        effect="more labels are unlikely to pass this one",
    )
    return better, _labelling(unknown, inputs, _REFUTES)


def _beyond(finding: Finding) -> bool:
    """Whether the estimate of a clause lies where the clause does not hold."""
    estimate, limit = (finding.measured.estimate if finding.measured else math.nan), finding.clause.threshold
    return estimate < limit if finding.clause.upward else estimate > limit


def _labelling(unknown: list[Finding], inputs: Inputs, effect: str) -> Action:
    """Say what to label or collect, in rows, and of them in disagreements where nothing else matters."""
    if inputs.unit is not None:
        more = max(finding.further or 0 for finding in unknown)
        rows = math.ceil(more * inputs.n / (int(inputs.unit.max()) + 1))
        title = f"collect {more:,} more {_units(inputs.unit_name, more)} (about {rows:,} rows)"
        return Action(title, labels=rows, units=more, effect=effect)
    more = max(_rows_to_label(f, inputs) for f in unknown)
    if all(_paired(f) for f in unknown):
        changed = float((inputs.predicted["new"] != inputs.predicted["old"]).mean())
        labels = math.ceil(more * changed)
        title = f"label {labels:,} more disagreements (among {more:,} more rows)"
        return Action(title, labels=labels, units=more, effect=effect)
    return Action(f"label {more:,} more rows", labels=more, effect=effect)


def _rows_to_label(finding: Finding, inputs: Inputs) -> int:
    """Give how many rows bring what is needed, where only some of them count: positive ones for recall."""
    counted = int(finding.measured.statistic.get("rows", 0)) if finding.measured else 0
    masks = [inputs.slices[name] for name in finding.clause.slices]
    there = int(np.any(masks, axis=0).sum()) if masks else inputs.n
    return math.ceil((finding.further or 0) * there / counted) if counted else finding.further or 0


def _units(name: str, count: int) -> str:
    """Name units by the column that tells them apart: ``dates``, but ``units of "flight_id"``."""
    if not re.fullmatch("[a-z]+", name):
        return f'units of "{name}"'
    if count == 1:
        return name
    if re.search("[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    return f"{name}es" if re.search("(s|x|z|ch|sh)$", name) else f"{name}s"


def _paired(finding: Finding) -> bool:
    measured = finding.measured.base if isinstance(finding.measured, Affine) else finding.measured
    return isinstance(measured, Difference) and not finding.clause.slices


def _reason(status: Status, main: Finding, inputs: Inputs, promise: Promise, clusters: Clusters | None) -> str:
    clause, measured = main.clause, main.measured
    if clusters is not None and clusters.copies:
        return f"rows are not independent: {clusters.copies:,} of {inputs.n:,} are copies of others"
    if clusters is not None:
        return (
            f"{_clustered(clusters)} are not independent: they cluster by {clusters.column} "
            f"(intraclass correlation {clusters.icc:.2g}, design effect {clusters.design_effect:.3g})"
        )
    if measured is None:
        return f"no rows for {clause.measure}"
    if main.idle:
        return f"the models never disagree on these {main.rows:,} rows, so {clause.measure} is 0 here"
    write = _writer((measured.estimate, main.lower, main.upper), clause)
    estimate, limit = f"{clause.measure} is {write(measured.estimate)}", f"{clause.threshold:g}"
    if main.planned is not None and status == "inconclusive":
        if main.blind:
            return (
                f"{estimate}: for a tolerance of {clause.tolerance:g} this method needs {main.planned:,} rows, "
                f"and there are {measured.statistic['rows']:,}"
            )
        return f"{estimate}, within the tolerance of {limit}"
    side, other = ("above", "at most") if clause.upward else ("below", "at least")
    if status == "pass" and main.value == "true":
        bound = f"at least {write(main.lower)}" if clause.upward else f"at most {write(main.upper)}"
        return f"{estimate}, {bound}: shown to be {side} {limit}"
    if status == "pass":
        return f"{estimate}: not refuted, which is what fn-free asks"
    if status == "fail":
        bound = f"at most {write(main.upper)}" if clause.upward else f"at least {write(main.lower)}"
        if clause.tolerance and promise.mode == "fp-free":
            return f"{estimate}, {bound}: not {side} {limit} by twice the tolerance"
        return f"{estimate}, {bound}: shown to be {other} {limit}"
    return f"{estimate}, between {write(main.lower)} and {write(main.upper)}: {limit} is not excluded"


def _clustered(clusters: Clusters) -> str:
    return "rows" if clusters.of == "rows" else _units(clusters.of, 2)


def _writer(values: tuple[float, ...], clause: Clause) -> Callable[[float], str]:
    """Write numbers with three decimals, or as many as keep them off the limit; differences with their sign."""
    digits = 3
    while digits < 6 and any(
        value != clause.threshold and round(value, digits) == round(clause.threshold, digits) for value in values
    ):
        digits += 1
    sign = "+" if " - " in clause.measure else ""
    return lambda value: f"{round(value, digits) + 0.0:{sign}.{digits}f}"
