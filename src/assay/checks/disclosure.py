"""What of a gate's verdict a developer is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from assay.core.evidence import Evidence
from assay.core.guarantee import Assumption, Guarantee

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.checks.inputs import Dataset
    from assay.core.project import CheckTable
    from assay.core.verdict import Verdict

SHOWN = {"fp-free": "shown to hold", "fn-free": "not refuted"}
HIDDEN = {
    "fp-free": "not shown to hold; whether it is refuted or undecided is withheld",
    "fn-free": "refuted, or no rows to judge it by; which of the two is withheld",
}
SETTING = "disclose = 'verdict'"


def one_bit(
    verdict: Verdict,
    check: CheckTable,
    dataset: Dataset,
    *,
    error: float,
    assumptions: tuple[Assumption, ...] = (),
    models: Mapping[str, str],
) -> Verdict:
    """Reduce a verdict to whether it passed.

    What is left depends on the labels through one bit, ``verdict.passed``, and otherwise on the inputs, the predictions
    and the project file alone: "fail" and "inconclusive" are one word, the numbers are gone, and so is all that hangs
    on which clause decided or on what was found in the rows (their number in a slice, clustering, the theorem used).
    Two sets of labels with the same bit therefore give the same verdict to the byte, its id included.

    Parameters
    ----------
    verdict : Verdict
        As it was decided.
    check : CheckTable
    dataset : Dataset
        The test set; its fingerprint in the evidence is that of its columns without the label.
    error : float
        Error probability of this answer.
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
    guarantee = Guarantee(
        kind, error, scope, (*_independence(dataset), *_UNCHECKED, *assumptions), "the tests that GAT101 names"
    )
    return msgspec.structs.replace(
        verdict,
        status="pass" if verdict.passed else "inconclusive",
        guarantee=guarantee,
        evidence=Evidence(
            n=len(dataset.frame),
            units=int(dataset.frame[unit].nunique()) if unit else None,
            unit=unit,
            fingerprints={dataset.name: dataset.inputs_fingerprint, **models},
        ),
        reason=f"{(SHOWN if verdict.passed else HIDDEN)[check.mode]}; numbers withheld: {SETTING}",
        actions=(),
    )


_UNCHECKED = (
    Assumption("labels are correct", "unverifiable"),
    Assumption("the models were not trained or chosen on these rows", "unverifiable"),
)


def _independence(dataset: Dataset) -> tuple[Assumption, ...]:
    unit = dataset.declared.unit
    if unit:
        return (
            Assumption(f"each {unit} is independent of the others", "declared"),
            Assumption(f"no {unit} to come outgrows those here", "unverifiable"),
        )
    columns = [*([dataset.declared.timestamp] if dataset.declared.timestamp else []), *dataset.repeated_columns()]
    if not columns:
        return (
            Assumption(
                "rows are independent", "unverifiable", "no unit, timestamp or id column was given to check it by"
            ),
        )
    detail = f"tested for clustering by {', '.join(columns)}; with clustering found it would not be a pass"
    return (Assumption("rows are independent", "checked", detail),)
