"""A feasibility study that is asked for by hand, with a portfolio of models, each kept as a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.checks import feasibility
from assay.checks.budget import alpha_of
from assay.checks.inputs import Inputs
from assay.checks.run import judge
from assay.core.project import CheckTable, stage_of
from assay.errors import UsageError
from assay.tracking.runs import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from assay.checks.project import Project
    from assay.core.verdict import Verdict
    from assay.feasibility.portfolio import Tried

EXPERIMENT = "feasibility"


def deep_study(
    project: Project,
    target: float | None = None,
    *,
    seconds: float = 0.0,
    overrides: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Verdict]:
    """Study the training set of a project, with a portfolio of models until ``seconds`` are over.

    Every model that is tried is logged as a run of the experiment ``feasibility``. The study is a check named ``study``:
    asked again for the same data it gives what it gave, and tries nothing.

    Parameters
    ----------
    project : Project
    target : float, in (0, 1), optional
        Accuracy wanted; by default that of the first declared feasibility check.
    seconds : float
        0 for the usual few models.
    overrides : mapping of str to source, optional
        Sources that stand in for declared ones.
    progress : callable

    Returns
    -------
    list of Verdict

    Raises
    ------
    UsageError
        If no target is given or declared.
    ProjectError, DataError
        If there is no training set, or it cannot be studied.
    """
    declared = [check for check in project.file.checks if stage_of(check) == "feasibility"]
    wanted = target if target is not None else next((check.target for check in declared if check.target), None)
    if wanted is None:
        raise UsageError("say which accuracy would be worth it: --target 0.9, or target = 0.9 in a feasibility check")
    datasets = next((check.datasets for check in declared if check.datasets), ())
    check = CheckTable(id="study", use="FEA201", target=wanted, datasets=datasets)

    def log(tried: Tried) -> None:
        with run(tried.title, experiment=EXPERIMENT, project=project) as record:
            record.log_params({"candidate": tried.name, "representation": tried.representation, "target": wanted})
            record.log_metrics({"held_out_error": float(tried.wrong.mean()), "seconds": tried.seconds})

    deep = {"progress": progress, "log": log} | ({"candidates": "auto", "seconds": seconds} if seconds else {})
    job = feasibility.prepare(check, Inputs(project, overrides or {}), alpha_of(check, project.file), deep)
    job.look()
    return judge(project, check, job)[0]
