"""The predictions that passed last, kept so that the next candidate is compared with them and with nothing worse."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pandas as pd

from assay.checks import testsets
from assay.core.project import stage_of
from assay.gate import parse
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from assay.checks.inputs import Dataset, Inputs
    from assay.checks.project import Project
    from assay.core.verdict import Verdict


def last_passed(project: Project, model: str, dataset: Dataset, candidate: str) -> pd.DataFrame | None:
    """Return the predictions of a model that passed last on a test set; before it, if that is the candidate itself."""
    if not project.has_store:
        return None
    passed = [entry for entry in _passes(project, dataset) if entry.detail["model"] == model]
    # Asked again, the model that passed is compared with what it was compared with then.
    while passed and passed[-1].detail["identity"] == candidate:
        passed.pop()
    if not passed:
        return None
    return pd.read_parquet(io.BytesIO(project.store.artifacts.get(passed[-1].detail["predictions"])))


def keep(project: Project, inputs: Inputs, results: Sequence[Verdict], cached: Collection[str]) -> None:
    """Keep the predictions of each candidate all of whose blocking gate checks passed in this run."""
    for name, declared in project.file.models.items():
        checks = [
            c for c in project.file.checks
            if stage_of(c) == "gate" and c.blocking and c.old == "champion"
            and (c.new == name or (c.new == "candidate" and c.model in ("", name)))
        ]  # fmt: skip
        if declared.predictions is None or not any("old" in parse(c.claim).models for c in checks):
            continue
        names = {c.name for c in checks}
        found = [verdict for verdict in results if verdict.check in names]
        passed = [verdict for verdict in found if verdict.passed]
        if {v.check for v in found} != names or not passed:
            continue
        if any(not v.passed and v.status != "skipped" for v in found) or all(v.id in cached for v in passed):
            continue
        set_name = checks[0].datasets[0] if checks[0].datasets else project.dataset_of_role("test", "dev")
        dataset = inputs.dataset(str(set_name), judge=True)
        predictor = inputs.predictor(name, name, dataset)
        assert predictor is not None
        assert predictor.given is not None
        _enter(project, name, dataset, predictor.identity, predictor.given.values, passed[0].id)


def _enter(project: Project, model: str, dataset: Dataset, identity: str, values: Any, verdict_id: str) -> None:
    ledger, content = Ledger(project.store), io.BytesIO()
    pd.DataFrame({"prediction": values}).to_parquet(content, index=False)
    detail = {
        "event": "passed",
        "model": model,
        "identity": identity,
        "predictions": project.store.artifacts.put(content.getvalue()),
    }
    key, _ = testsets.family(ledger, dataset)
    project.store.write(
        lambda connection: ledger.append(connection, "testset", key, 0, verdict_id=verdict_id, detail=detail)
    )


def _passes(project: Project, dataset: Dataset) -> list[Any]:
    ledger = Ledger(project.store)
    key, _ = testsets.family(ledger, dataset)
    return [entry for entry in ledger.entries(kind="testset", key=key) if entry.detail["event"] == "passed"]
