"""Whether the newest verdicts of the gate are about the candidate that is there now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core.project import stage_of
from assay.errors import AssayError
from assay.tracking.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assay.checks.project import Project
    from assay.core.project import CheckTable
    from assay.core.verdict import Verdict


def unjudged(project: Project, verdicts: Iterable[Verdict]) -> str:
    """Name a candidate that is there now and that the newest verdicts do not speak of; empty if there is none.

    A file of predictions is read, and a version looked up; code is not run. What cannot be told is left out: checks that
    label one by one, and files that cannot be read.
    """
    judged = {verdict.check: verdict.evidence.fingerprints.get("new") for verdict in verdicts}
    for check in project.file.checks:
        before = judged.get(check.name)
        if stage_of(check) != "gate" or check.method == "sequential" or before is None:
            continue
        try:
            name, now = _present(project, check)
        except AssayError:
            continue
        if now is not None and now != before:
            return name
    return ""


def _present(project: Project, check: CheckTable) -> tuple[str, str | None]:
    """Name and identity of the candidate of a check."""
    models = project.file.models
    name = check.new if check.new in models else project.model(check.model)[0]
    declared = models[name]
    if declared.predictions is not None:
        from assay.checks.inputs import Inputs

        set_name = check.datasets[0] if check.datasets else project.dataset_of_role("test", "dev")
        inputs = Inputs(project, {})
        # An id joins predictions to the rows; without one the file says it all.
        dataset = inputs.dataset(set_name, judge=True) if set_name and project.dataset(set_name).id else None
        predictor = inputs.predictor(name, name, dataset)
        return name, predictor.identity if predictor else None
    if check.new not in ("candidate", name) or declared.code is not None:
        return name, None
    registry = Registry(project.store)
    if not registry.versions(name):
        return name, None
    version = registry.get(f"{name}@candidate" if registry.alias(name, "candidate") else name)
    return f"{name}/{version.version}", version.digest
