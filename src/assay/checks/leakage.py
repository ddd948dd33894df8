"""What the features tell of a column that they should not tell: as a declared check, and asked by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from assay.checks.budget import alpha_of
from assay.checks.inputs import Inputs
from assay.checks.job import Job, Spend
from assay.checks.run import judge
from assay.core.nearest import did_you_mean
from assay.core.project import CheckTable, stage_of
from assay.errors import DataError, ProjectError, at
from assay.feasibility import leakage, preparation
from assay.feasibility.leakage_bound import MAX_ROWS
from assay.stats.sampling import seed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.checks.project import Project
    from assay.core.verdict import Verdict


def ask(
    project: Project,
    secret: str,
    *,
    overrides: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Verdict]:
    """Judge whether the features of the training set tell a secret; asked again for the same data it gives what it gave.

    Parameters
    ----------
    project : Project
    secret : str
        A column; a model need not see it.
    overrides : mapping of str to source, optional
        Sources that stand in for declared ones.
    progress : callable

    Returns
    -------
    list of Verdict
        One, with code ``FEA103``.

    Raises
    ------
    ProjectError, DataError
        If there is no training set, it has no such column, or a row has none of its values.
    """
    declared = (check for check in project.file.checks if stage_of(check) == "feasibility" and check.datasets)
    check = CheckTable(
        id=f"leakage of {secret}", use="FEA103", secret=secret, datasets=next(declared, CheckTable()).datasets
    )
    job = prepare(check, Inputs(project, overrides or {}), alpha_of(check, project.file))
    job.look()
    progress(f"attacks on {secret}")
    return judge(project, check, job)[0]


def prepare(check: CheckTable, inputs: Inputs, alpha: float) -> Job:
    """Open the training set: the columns that a model may see are observed, ``secret`` is what they should not tell.

    ``target`` is the least Bayes security that is held to be safe; 1, a blind guess, where it is left out.
    """
    project = inputs.project
    name = check.datasets[0] if check.datasets else project.dataset_of_role("train", "dev")
    if name is None:
        raise ProjectError("it needs a dataset with the role 'train'")
    if not check.secret:
        raise ProjectError("it needs secret = the column that the features should not tell")
    if check.target is not None and not 0 < check.target <= 1:
        raise ProjectError("target is the least Bayes security that is held to be safe: above 0, and 1 at most")
    dataset = inputs.dataset(name)
    declared, secret = dataset.declared, check.secret
    columns = list(dataset.table.columns)
    if secret not in columns:
        near = did_you_mean(secret, columns, "its columns")
        raise DataError(f"dataset {name!r} has no column {secret!r}: {near}")
    for role in ("label", "unit", "timestamp"):
        if secret == getattr(declared, role):
            raise DataError(f"{secret!r} is the {role} of {name!r}, which no feature has: name another column")

    place = f"column {secret!r} of dataset {name!r}"

    def read() -> tuple[Any, Any, dict[str, Any]]:
        grouped = {key: held for key, held in dataset.repeated_columns().items() if key != secret}
        # scikit-learn takes seeds of 32 bits.
        start = seed(check.name, dataset.fingerprint) % 2**32
        unit = dataset.frame[declared.unit] if declared.unit else None
        about = {"unit": unit, "timestamp": dataset.timestamp, "columns": grouped, "seed": start}
        return dataset.features.drop(columns=[secret], errors="ignore"), dataset.frame[secret].to_numpy(), about

    def look() -> None:
        observed, secrets, about = read()
        with at(place):
            preparation.prepare(observed, secrets, max_rows=MAX_ROWS, what="the secret", **about)

    def evaluate() -> list[Verdict]:
        observed, secrets, about = read()
        security = 1.0 if check.target is None else check.target
        # Threads bring little on the rows that are used at most, and cost very much more on a busy machine.
        with threadpool_limits(1):
            verdict = leakage(observed, secrets, security=security, alpha=alpha, check=check.name, **about)
        evidence = msgspec.structs.replace(verdict.evidence, fingerprints={dataset.key: dataset.fingerprint})
        shown = {"severity": check.severity, "blocking": check.blocking, "evidence": evidence}
        return [msgspec.structs.replace(verdict, **shown)]

    asked = repr((secret, alpha, msgspec.structs.astuple(declared)))
    paid = Spend("alpha", f"{dataset.fingerprint}:{check.name}", alpha, alpha, once=asked, apart=not check.blocking)
    return Job({f"dataset:{name}": dataset.fingerprint, "declared": asked}, evaluate, (paid,), look)
