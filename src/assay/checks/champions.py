"""The predictions that passed last, kept so that the next candidate is compared with them and with nothing worse.

They are kept in the order of hashes of the rows without their labels, with a digest of these hashes: so a test set in
another order, or with a label corrected, is compared with the same model, and one with other rows with none.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assay.checks import testsets
from assay.checks.kept import Kept, opened
from assay.core.fingerprint import bytes_digest
from assay.core.project import stage_of
from assay.errors import ModelError
from assay.gate import parse
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.checks.dataset import Dataset
    from assay.checks.inputs import Inputs
    from assay.checks.project import Project
    from assay.core.verdict import Verdict


def last_passed(project: Project, model: str, dataset: Dataset, candidate: str) -> NDArray[Any] | None:
    """Return the predictions of a model that passed last on a test set; before it, if that is the candidate itself.

    Raises
    ------
    ModelError
        If they are of other rows than the set has now, or stayed in another clone.
    """
    if not project.has_store:
        return None
    passed = [entry for entry in _passes(project, dataset) if entry.detail["model"] == model]
    # Asked again, the model that passed is compared with what it was compared with then.
    while passed and passed[-1].detail["identity"] == candidate:
        passed.pop()
    if not passed:
        return None
    store, kept = project.store, passed[-1].detail
    if kept.get("rows") != _digest(dataset):
        raise ModelError(
            f"{model}, as it passed last, predicted other rows than {dataset.name!r} has now: put those back, or "
            f"declare its predictions on these as a model of its own and name it with old = ... in the check"
        )
    if not kept.get("artifacts") and not store.artifacts.has(kept["predictions"]):
        raise ModelError(
            f"{model}, as it passed last: its predictions are too large for the git remote, and not in this clone: "
            "bring .assay/objects of the clone that judged it"
        )
    values = pd.read_parquet(io.BytesIO(opened(store.content(kept["predictions"]))))["prediction"]
    found: NDArray[Any] = values.set_axis(_order(dataset)).sort_index().to_numpy()
    return found


def keep(project: Project, inputs: Inputs, results: Sequence[Verdict]) -> None:
    """Keep the predictions of each candidate all of whose blocking gate checks passed, once for these verdicts."""
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
        if any(not v.passed and v.status != "skipped" for v in found):
            continue
        set_name = checks[0].datasets[0] if checks[0].datasets else project.dataset_of_role("test", "dev")
        dataset = inputs.dataset(str(set_name), judge=True)
        predictor = inputs.candidate_of(name, dataset)
        assert predictor is not None
        assert predictor.given is not None
        _enter(project, name, dataset, predictor.identity, predictor.given.values, [v.id for v in passed])


def _enter(project: Project, model: str, dataset: Dataset, identity: str, values: Any, verdicts: list[str]) -> None:
    # Also of verdicts that were on record before: whoever died between a verdict and this is made up for.
    if any(
        (entry.detail["model"], entry.detail.get("verdicts")) == (model, verdicts)
        for entry in _passes(project, dataset)
    ):
        return
    content = io.BytesIO()
    pd.DataFrame({"prediction": values[_order(dataset)]}).to_parquet(content, index=False)
    # A file of predictions is its developer's own: in this order it tells no label.
    kept = Kept(project, dataset, dataset.terms.recipients if dataset.terms else ())
    detail = {
        "event": "passed",
        "model": model,
        "identity": identity,
        "predictions": kept.put(content.getvalue()),
        "rows": _digest(dataset),
        "verdicts": verdicts,
        **kept.detail(),
    }
    ledger = Ledger(project.store)
    key, _ = testsets.family(ledger, dataset)
    project.store.write(
        lambda connection: ledger.append(connection, "testset", key, 0, verdict_id=verdicts[0], detail=detail)
    )


def _passes(project: Project, dataset: Dataset) -> list[Any]:
    ledger = Ledger(project.store)
    key, _ = testsets.family(ledger, dataset)
    return [entry for entry in ledger.entries(kind="testset", key=key) if entry.detail["event"] == "passed"]


def _order(dataset: Dataset) -> NDArray[np.intp]:
    return np.argsort(dataset.row_bits, kind="stable")


def _digest(dataset: Dataset) -> str:
    return bytes_digest(np.sort(dataset.row_bits).astype("<u8").tobytes())
