"""Declared checks of data against the schema and the reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from assay.checks import code, drift, over_time, skew
from assay.checks.job import Job, Spend
from assay.core.action import Action
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.guarantee import Guarantee
from assay.core.strict_toml import read
from assay.core.verdict import Verdict
from assay.data import fingerprint, row_count, table
from assay.data.sources import file_in_sql
from assay.errors import ProjectError
from assay.validation import Schema, infer, validate
from assay.validation.by_itself import alone
from assay.validation.inference import ERROR

if TYPE_CHECKING:
    import ibis

    from assay.checks.dataset import Dataset
    from assay.checks.inputs import Inputs
    from assay.core.project import CheckTable


def prepare(check: CheckTable, inputs: Inputs, alpha: float) -> Job:
    """Open the reference and the batches; alpha is shared over the batches."""
    project = inputs.project
    if check.use.upper().startswith("VAL2"):
        return drift.prepare(check, inputs, alpha)
    if check.use.upper().startswith("VAL3"):
        return skew.prepare(check, inputs, alpha)
    if check.use.upper().startswith(("VAL4", "VAL5")):
        return over_time.prepare(check, inputs, alpha)
    if check.use.upper().startswith("VAL6"):
        return code.prepare(check, inputs, alpha)
    if not check.use.upper().startswith("VAL1"):
        raise ProjectError(
            f"{check.use!r} covers rules of different kinds; declare a check with "
            'use = "VAL1" (the schema), one with use = "VAL2" (drift), "VAL3" (skew), "VAL4" (rates over batches), "VAL5" '
            '(metrics over batches) or "VAL6" (code)'
        )
    reference_name = check.reference or project.dataset_of_role("train")
    if reference_name is None:
        raise ProjectError("it needs a reference; declare [datasets.train] or reference = ...")
    reference = inputs.dataset(reference_name)
    names = check.datasets or tuple(name for name in project.file.datasets if name != reference_name)
    batches = [inputs.dataset(name) for name in names or (reference_name,)]
    path = project.root / project.file.project.schema
    schema_text = read(path) if path.exists() else ""
    schema = Schema.from_toml(schema_text, str(path)) if schema_text else None
    known = schema.environments if schema else ()
    if check.environment and check.environment not in known:
        raise ProjectError(
            f"environment {check.environment!r} is not one of the schema's "
            f"({', '.join(known) or 'it has none'}); declare it there: environments = [...]"
        )
    share = alpha / len(batches)
    spent = ERROR if schema is None else schema.reference.error if schema.reference else 0.0
    by_row = [batch.name for batch in batches if not (batch.declared.unit or reference.declared.unit)]
    if by_row and share <= spent:
        raise ProjectError(
            f"it has alpha {share:.3g} for dataset {by_row[0]!r} ({len(batches)} in "
            f"all), and inferring the limits took {spent:.3g} of it: raise alpha, or name fewer datasets"
        )
    depends = {f"dataset:{d.name}": d.fingerprint for d in (reference, *batches)} | {"schema": schema_text}
    linked = _linked(schema, inputs)
    depends |= {f"linked:{name}": fingerprint(table) for name, table in linked.items()}
    across = project.file.budget.across
    depends |= {"across": across, "environment": check.environment}
    unit = reference.declared.unit
    depends |= {"units": repr([batch.declared.unit or unit for batch in batches])}
    if any(batch.name == reference.name for batch in batches):
        depends["alone"] = str(reference.declared.label)
    if schema is None and any(_unlabelled(batch, reference) for batch in batches):
        depends["unlabelled"] = str(reference.declared.label)
    # An error here is a false alarm, and each run bounds its own: a batch may be looked at again, with a mended schema.
    spends = tuple(Spend("alpha", f"{batch.fingerprint}:{check.name}", share, share, apart=True) for batch in batches)

    def evaluate() -> list[Verdict]:
        others = [batch for batch in batches if schema is not None or batch.fingerprint != reference.fingerprint]
        if schema is None:
            inferred = {
                bare: infer(_shown(reference, bare), name=reference.name, unit=reference.declared.unit)
                for bare in {_unlabelled(batch, reference) for batch in others}
            }
        alone = [_itself(check, batch, reference) for batch in batches if batch not in others]
        return alone + [
            verdict
            for batch in others
            for bare in [schema is None and _unlabelled(batch, reference)]
            for fitting in [schema or inferred[bare]]
            for verdict in _validate(
                check, batch, fitting, reference, share, linked, project.root, fdr=across == "fdr", bare=bare
            )
        ]

    return Job(depends, evaluate, spends)


def _unlabelled(batch: Dataset, reference: Dataset) -> bool:
    """Whether a batch declares no label and has none: rows that arrive, or that somebody else judges."""
    label = reference.declared.label
    return label is not None and batch.declared.label is None and label not in batch.table.columns


def _shown(reference: Dataset, bare: bool) -> ibis.Table:
    return reference.table.drop(str(reference.declared.label)) if bare else reference.table


def _validate(
    check: CheckTable,
    batch: Dataset,
    schema: Schema,
    reference: Dataset,
    alpha: float,
    linked: dict[str, Any],
    root: Path,
    *,
    fdr: bool,
    bare: bool,
) -> list[Verdict]:
    itself = batch.fingerprint == reference.fingerprint
    if itself and schema.reference is not None:
        return [_itself(check, batch, reference)]
    shown = _shown(reference, bare)
    verdicts = validate(
        batch.table,
        schema,
        environment=check.environment or None,
        reference=None if itself else shown,
        training=shown if batch.declared.role == "live" and not itself else None,
        alpha=alpha,
        fdr=alpha if fdr else None,
        unit=batch.declared.unit or reference.declared.unit,
        references=linked,
        check=check.name,
        dataset=batch.name,
        source=_in_sql(batch.source, root),
        severity=check.severity,
        blocking=check.blocking,
        fingerprints={batch.key: batch.fingerprint, reference.key: reference.fingerprint},
    )
    # The drift and skew that a schema limits are rules of the schema: the whole family asks for them too.
    wanted = ("VAL1", "VAL2") if check.use.upper() == "VAL1" else (check.use.upper(),)
    return [verdict for verdict in verdicts if verdict.code.startswith(wanted)]


def _in_sql(source: Any, root: Path) -> str:
    """Name the file of a dataset in SQL, from the project's folder where it lies in there."""
    path = Path(source) if isinstance(source, (str, Path)) else None
    inside = path is not None and path.is_absolute() and path.is_relative_to(root)
    return file_in_sql(path.relative_to(root) if path is not None and inside else source)


def _linked(schema: Schema | None, inputs: Inputs) -> dict[str, Any]:
    """Open the tables that foreign keys name: a dataset of the project, or a source beside the project file."""
    named = {(relation.references or "").rpartition(":")[0] for relation in schema.relations} if schema else set()
    project = inputs.project
    return {
        name: inputs.dataset(name).table if name in project.file.datasets else table(name, root=project.root)
        for name in sorted(named - {""})
    }


def _itself(check: CheckTable, batch: Dataset, reference: Dataset) -> Verdict:
    """The table that the limits were inferred from cannot break them: what can be said is what it shows by itself."""
    if batch.name == reference.name:
        found = alone(batch.table, batch.name, label=batch.declared.label, check=check.name)
    else:
        reason = f"{batch.name} has the rows of the reference, and no others: there is nothing to compare, or to judge, by it"
        found = Verdict(
            status="skipped",
            guarantee=Guarantee.none("a table cannot be held against itself"),
            check=check.name,
            code="VAL101",
            stage="data",
            claim=Claim(f"{batch.name} looks as the schema says"),
            evidence=Evidence(n=row_count(batch.table)),
            reason=reason,
            actions=(Action(f"set other rows aside for {batch.name}, on which no model is trained"),),
        )
    evidence = msgspec.structs.replace(found.evidence, fingerprints={batch.key: batch.fingerprint})
    return msgspec.structs.replace(found, evidence=evidence, severity=check.severity, blocking=check.blocking)
