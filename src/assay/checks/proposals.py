"""The edits of the schema file that would accept what a dataset holds, for a person to judge one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from assay.checks.inputs import Inputs
from assay.data.facts import row_count
from assay.errors import DataError
from assay.validation import Edit, proposed_edits, validate

if TYPE_CHECKING:
    from assay.checks.project import Project
    from assay.validation import Schema


class Proposal(NamedTuple):
    """An edit, the code and column that it is accepted by, and what was found."""

    name: str
    reason: str
    edit: Edit


def proposals(project: Project, schema: Schema, name: str) -> list[Proposal]:
    """Hold a dataset against a schema, and list the edits that would accept what fails.

    Nothing is entered in the ledger: these are no verdicts of a declared check.

    Raises
    ------
    DataError
        If the dataset has no rows, or cannot be read.
    """
    inputs = Inputs(project, {})
    dataset = inputs.dataset(name)
    if not row_count(dataset.table):
        raise DataError(f"dataset {name!r} has no rows")
    trained = project.dataset_of_role("train")
    reference = inputs.dataset(trained) if trained and trained != name else None
    unit = dataset.declared.unit or (reference.declared.unit if reference else None)
    live = dataset.declared.role == "live" and reference is not None
    verdicts = validate(
        dataset.table,
        schema,
        reference=reference.table if reference else None,
        training=reference.table if reference and live else None,
        unit=unit,
        dataset=name,
        fingerprints={},
    )
    found = []
    for edit in proposed_edits(verdicts):
        # Slices ask for the same key as all rows do: the edit is the widest, and the first to ask says why.
        verdict = next(each for each in verdicts if each.failed and each.evidence.statistic.get("edit") == edit.key)
        found.append(Proposal(f"{verdict.code}:{verdict.subject.partition(' | ')[0]}", verdict.reason, edit))
    return found
