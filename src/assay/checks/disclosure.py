"""What of a gate's verdict a developer is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from assay.core.action import Action
from assay.core.evidence import Evidence
from assay.core.guarantee import Assumption, Guarantee

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.checks.dataset import Dataset
    from assay.core.project import CheckTable, Disclosure
    from assay.core.verdict import Status, Verdict

SHOWN = {"fp-free": "shown to hold", "fn-free": "not refuted"}
HIDDEN = {
    "fp-free": "not shown to hold; whether it is refuted or undecided is withheld",
    "fn-free": "refuted, or no rows to judge it by; which of the two is withheld",
}
TOLD: dict[str, str] = {"pass": "shown to hold", "fail": "refuted", "inconclusive": "neither shown nor refuted"}
WHAT = {"verdict": "numbers withheld", "three-valued": "numbers withheld", "estimate": "rounded to hundredths"}
GRID = 100
"""Steps of a rounded estimate in a unit: with -1 to 1, and none, :data:`assay.checks.budget.LEVELS` values."""


def over(guarantee: Guarantee, answers: int, adaptivity: str, seen: tuple[Assumption, ...]) -> Guarantee:
    """Say that an error probability is that of all answers of a test set together."""
    if answers == 1 or not guarantee.promises:
        return msgspec.structs.replace(guarantee, assumptions=(*guarantee.assumptions, *seen))
    count = f"{answers} {'answers' if adaptivity else 'looks'}"
    scope = guarantee.scope
    histories = {"": "looks", "none": "answers"}.get(adaptivity, "histories of answers that can be seen")
    return msgspec.structs.replace(
        guarantee,
        scope=f"{scope} and {count}" if scope.startswith("any ") else f"any {scope} over {count}",
        assumptions=(*guarantee.assumptions, *seen),
        source=f"{guarantee.source}; union over the {histories}: Renggli et al., MLSys 2019",
    )


def withhold(
    verdict: Verdict,
    disclosed: Disclosure,
    check: CheckTable,
    dataset: Dataset,
    *,
    error: float,
    assumptions: tuple[Assumption, ...] = (),
    models: Mapping[str, str],
) -> Verdict:
    """Reduce a verdict to what may be shown of it.

    With ``"verdict"`` what is left depends on the labels through one bit, ``verdict.passed``, and otherwise on the inputs,
    the predictions and the project file alone: "fail" and "inconclusive" are one word, the numbers are gone, and so is
    all that hangs on which clause decided or on what was found in the rows (their number in a slice, clustering, the
    theorem used). Two sets of labels with the same bit therefore give the same verdict to the byte, its id included.
    ``"three-valued"`` leaves the three words, ``"estimate"`` also the clause that decided and its estimate in hundredths.

    Parameters
    ----------
    verdict : Verdict
        As it was decided.
    disclosed : {"verdict", "three-valued", "estimate"}
    check : CheckTable
    dataset : Dataset
        The test set; its fingerprint in the evidence is that of its columns without the label.
    error : float
        Error probability of all answers together.
    assumptions : tuple of Assumption
        Further ones, which must not depend on labels.
    models : mapping of str to str
        Fingerprints of the models.
    """
    scope = verdict.guarantee.scope
    if check.mode == "fp-free":
        scope = scope.replace("false fail", "false pass")
    # Of a verdict that is no pass, the bound on false passes holds whatever the method found.
    kind = verdict.guarantee.kind if verdict.passed and verdict.guarantee.promises else "exact"
    unit = dataset.declared.unit
    status: Status = verdict.status
    if disclosed == "verdict":
        status = "pass" if verdict.passed else "inconclusive"
    told = (SHOWN if verdict.passed else HIDDEN)[check.mode] if disclosed == "verdict" else TOLD[status]
    measured: dict[str, Any] = {}
    if disclosed == "estimate" and verdict.evidence.estimate is not None:
        estimate = round(max(-1.0, min(1.0, verdict.evidence.estimate)) * GRID) / GRID + 0.0
        measured = {"estimate": estimate, "measure": verdict.evidence.measure, "limit": verdict.evidence.limit}
        told = f"{verdict.evidence.measure} is about {estimate:.2f}: {told}"
    guarantee = Guarantee(
        kind, error, scope, (*_independence(dataset), *_UNCHECKED, *assumptions), "the tests that GAT101 names"
    )
    return msgspec.structs.replace(
        verdict,
        status=status,
        guarantee=guarantee,
        evidence=Evidence(
            n=len(dataset.frame),
            units=int(dataset.frame[unit].nunique()) if unit else None,
            unit=unit,
            fingerprints={dataset.name: dataset.inputs_fingerprint, **models},
            **measured,
        ),
        reason=f"{told}; {WHAT[disclosed]}: disclose = {disclosed!r}",
        # What the verdict itself proposes hangs on labels.
        actions=() if verdict.passed else (Action("see how many labelled rows the claim takes", "assay plan"),),
    )


_UNCHECKED = (
    Assumption("labels are correct", "unverifiable"),
    Assumption("the models were not trained or chosen on these rows", "unverifiable"),
)


def _independence(dataset: Dataset) -> tuple[Assumption, ...]:
    unit = dataset.declared.unit
    if unit:
        most = dataset.declared.max_unit_size
        if most is None:
            size = Assumption(f"no {unit} has more rows, or can move further, than the largest here", "unverifiable")
        else:
            size = Assumption(f"no {unit} has more rows than {most:,}", "declared")
        return Assumption(f"each {unit} is independent of the others", "declared"), size
    columns = [*([dataset.declared.timestamp] if dataset.declared.timestamp else []), *dataset.repeated_columns()]
    if not columns:
        return (
            Assumption(
                "rows are independent",
                "unverifiable",
                "no unit or timestamp was given, and no column that repeats as ids do, to check it by",
            ),
        )
    detail = (
        f"tested for clustering by {', '.join(columns)}; with clustering found it would not be a pass; how strong a one would "
        "be found hangs on labels, and is not said"
    )
    return (Assumption("rows are independent", "unverifiable", detail),)
