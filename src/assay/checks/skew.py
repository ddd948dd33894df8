"""Declared checks of what is served against what was trained on, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.checks.job import Job, Spend
from assay.errors import ProjectError
from assay.validation import skew

if TYPE_CHECKING:
    from assay.checks.dataset import Dataset
    from assay.checks.inputs import Inputs
    from assay.core.project import CheckTable
    from assay.core.verdict import Verdict


def prepare(check: CheckTable, inputs: Inputs, alpha: float) -> Job:
    """Open the reference and what was served; rows are joined by the ``id`` of their datasets."""
    project = inputs.project
    reference_name = check.reference or project.dataset_of_role("train")
    if reference_name is None:
        raise ProjectError("it needs a reference; declare [datasets.train] or reference = ...")
    reference = inputs.dataset(reference_name)
    names = check.datasets or tuple(
        name for name, declared in project.file.datasets.items() if name != reference_name and declared.id
    )
    served = [inputs.dataset(name) for name in names]
    if not served:
        raise ProjectError(f"it has nothing to join with {reference_name!r}: name datasets that have its id")
    for each in (reference, *served):
        if each.declared.id is None or each.declared.id != reference.declared.id:
            raise ProjectError(
                f"it joins rows by id: declare the same id in [datasets.{reference_name}] and [datasets.{each.name}]"
            )
    share = alpha / len(served)
    depends = {f"dataset:{d.name}": d.fingerprint for d in (reference, *served)}
    depends |= {
        "declared": repr(
            [(d.declared.id, d.declared.unit, d.declared.ignore, d.declared.label) for d in (reference, *served)]
        )
    }
    # Without a tolerance a verdict is read, not inferred, and costs nothing.
    spends = tuple(
        Spend("alpha", f"{each.fingerprint}:{check.name}", share, share, apart=True)
        for each in served
        if check.tolerance
    )

    def evaluate() -> list[Verdict]:
        return [verdict for each in served for verdict in _joined(check, reference, each, share)]

    return Job(depends, evaluate, spends)


def _joined(check: CheckTable, reference: Dataset, served: Dataset, alpha: float) -> list[Verdict]:
    columns = set(reference.table.columns) | set(served.table.columns)
    # The label is known later than it is served.
    label = {reference.declared.label} - set(served.table.columns)
    verdicts = skew(
        reference.table,
        served.table,
        on=[str(reference.declared.id)],
        ignore=sorted(columns & {*reference.declared.ignore, *served.declared.ignore, *label}),
        tolerance=check.tolerance,
        alpha=alpha,
        unit=reference.declared.unit,
        check=check.name,
        dataset=served.name,
        severity=check.severity,
        blocking=check.blocking,
        fingerprints={served.key: served.fingerprint, reference.key: reference.fingerprint},
    )
    return [verdict for verdict in verdicts if verdict.code.startswith(check.use.upper())]
