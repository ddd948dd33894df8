"""Declared checks of what the data can support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from assay.checks.job import Job, Spend
from assay.errors import ProjectError
from assay.feasibility import neighbor_estimate, preparation, study, upper_limit
from assay.feasibility.bayes_error import MAX_ROWS
from assay.stats.sampling import seed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.checks.inputs import Inputs
    from assay.core.project import CheckTable
    from assay.core.verdict import Verdict


def prepare(check: CheckTable, inputs: Inputs, alpha: float, deep: Mapping[str, Any] | None = None) -> Job:
    """Open the training set; ``FEA1`` asks for the limit and the estimate, ``FEA101`` or ``FEA102`` for one.

    ``FEA103`` asks what the features tell of a ``secret``. ``FEA2`` asks for the whole study; ``deep`` is what it is told beyond the project file.
    """
    project = inputs.project
    if check.use.upper() == "FEA103":
        from assay.checks.leakage import prepare

        return prepare(check, inputs, alpha)
    name = check.datasets[0] if check.datasets else project.dataset_of_role("train", "dev")
    if name is None:
        raise ProjectError("it needs a dataset with the role 'train'")
    if project.file.project.task == "regression":
        raise ProjectError(
            "[project] task is 'regression', and the Bayes error is defined for classes only: leave the check out"
        )
    if check.target is None or not 0 < check.target < 1:
        raise ProjectError("it needs target = an accuracy between 0 and 1 that would be worth it")
    dataset = inputs.dataset(name)
    if dataset.declared.label is None:
        raise ProjectError(f"[datasets.{name}] names no label, which it needs; add label = 'COLUMN' there")
    target = check.target
    code = check.use.upper()

    def rows() -> dict[str, Any]:
        return {
            "unit": dataset.frame[dataset.declared.unit] if dataset.declared.unit else None,
            "timestamp": dataset.timestamp,
            "columns": dataset.repeated_columns(),
            # scikit-learn takes seeds of 32 bits.
            "seed": seed(check.name, dataset.fingerprint) % 2**32,
        }

    def look() -> None:
        preparation.prepare(dataset.features, dataset.labels, max_rows=MAX_ROWS, **rows())

    def evaluate() -> list[Verdict]:
        common = {"target": target, **rows()}
        # Threads bring little on the rows that are used at most, and cost very much more on a busy machine.
        with threadpool_limits(1):
            return judged(common)

    def judged(common: dict[str, Any]) -> list[Verdict]:
        methods: list[tuple[str, Callable[[], Verdict]]] = [
            (
                "FEA101",
                lambda: upper_limit(
                    dataset.features,
                    dataset.labels,
                    alpha=alpha,
                    check=check.name,
                    **common,
                ),
            ),
            (
                "FEA201",
                lambda: (
                    study(
                        dataset.features,
                        dataset.labels,
                        target_accuracy=target,
                        alpha=alpha,
                        check=check.name,
                        **rows(),
                        **(deep or {}),
                    ).verdict
                ),
            ),
            ("FEA102", lambda: neighbor_estimate(dataset.features, dataset.labels, check=check.name, **common)),
        ]
        prints = {dataset.key: dataset.fingerprint}
        return [
            msgspec.structs.replace(
                verdict,
                subject="estimate" if verdict.code == "FEA102" else "",
                severity=check.severity,
                blocking=check.blocking and verdict.guarantee.kind != "estimate",
                evidence=msgspec.structs.replace(verdict.evidence, fingerprints=prints),
            )
            for method, run in methods
            if method.startswith(code)
            for verdict in [run()]
        ]

    # Another portfolio is another question of the held-out rows.
    models = (deep or {}).get("candidates", "")
    asked = repr((alpha, msgspec.structs.astuple(dataset.declared), *([models] if models else [])))
    # The same limit answers for every target, so that another target costs nothing.
    paid = Spend("alpha", f"{dataset.fingerprint}:{check.name}", alpha, alpha, once=asked, apart=not check.blocking)
    depends = {f"dataset:{name}": dataset.fingerprint, "declared": asked}
    return Job(depends, evaluate, () if code == "FEA102" else (paid,), look)
