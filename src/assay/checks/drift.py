"""Declared checks of data against the distributions of a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.checks.job import Job, Spend
from assay.errors import ProjectError
from assay.validation import compare

if TYPE_CHECKING:
    from assay.checks.inputs import Inputs
    from assay.core.project import CheckTable
    from assay.core.verdict import Verdict

# What a check that states no tolerance calls harmless.
TOLERANCE = 0.05


def prepare(check: CheckTable, inputs: Inputs, alpha: float) -> Job:
    """Open the reference and the batches; alpha is shared over the batches."""
    project = inputs.project
    reference_name = check.reference or project.dataset_of_role("train")
    if reference_name is None:
        raise ProjectError("it needs a reference; declare [datasets.train] or reference = ...")
    reference = inputs.dataset(reference_name)
    names = check.datasets or tuple(name for name in project.file.datasets if name != reference_name)
    if not names:
        raise ProjectError(f"it has nothing to compare with {reference_name!r}: declare another dataset")
    batches = [inputs.dataset(name) for name in names]
    across = project.file.budget.across
    share = alpha / len(batches)
    units = {batch.name: batch.declared.unit or reference.declared.unit for batch in batches}
    depends = {f"dataset:{d.name}": d.fingerprint for d in (reference, *batches)}
    depends |= {"units": repr(units), "across": across}
    # An error here is a false alarm, and each run bounds its own.
    spends = tuple(Spend("alpha", f"{batch.fingerprint}:{check.name}", share, share, apart=True) for batch in batches)

    def evaluate() -> list[Verdict]:
        return [
            verdict
            for batch in batches
            for verdict in compare(
                reference.table,
                batch.table,
                tolerance=check.tolerance or TOLERANCE,
                alpha=share,
                across=across,
                unit=units[batch.name],
                # An id names rows: it has no distribution to keep.
                columns=[c for c in reference.table.columns if c != reference.declared.id],
                check=check.name,
                dataset=batch.name,
                severity=check.severity,
                blocking=check.blocking,
                fingerprints={batch.key: batch.fingerprint, reference.key: reference.fingerprint},
            )
        ]

    return Job(depends, evaluate, spends)
