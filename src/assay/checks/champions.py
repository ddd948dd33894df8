"""The model that passed last, kept as its predictions, so that the next candidate is compared with it and nothing worse.

Predictions are kept in the order of hashes of the rows without their labels, with a digest of these hashes: so a test set
in another order, or with a label corrected, is compared with the same model. On other rows somebody has to enter what that
model predicts there; until then no candidate is compared, and none goes through.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assay.checks import testsets
from assay.checks.kept import Kept, opened
from assay.core.fingerprint import bytes_digest
from assay.core.guarantee import Assumption
from assay.core.project import stage_of
from assay.errors import ModelError, StoreError, UsageError
from assay.gate import parse
from assay.store.git_repository import GitRepository
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from assay.checks.dataset import Dataset
    from assay.checks.inputs import Inputs
    from assay.checks.project import Project
    from assay.core.project import CheckTable
    from assay.core.verdict import Verdict
    from assay.store.chain import Entry


@dataclass(frozen=True)
class Champion:
    """What the model that passed last predicts on the rows of a test set, shape (n,), and which model that is."""

    predictions: NDArray[Any]
    identified: Assumption


def last_passed(project: Project, model: str, dataset: Dataset, candidate: str) -> Champion | None:
    """Return the model that passed last, on whatever test set; before it, if that is the candidate itself.

    Raises
    ------
    ModelError
        If nobody entered what it predicts on these rows, or its predictions stayed in another clone.
    """
    if not project.has_store:
        return None
    passes = _passes(project, model)
    # Asked again, the model that passed is compared with what it was compared with then.
    while passes and any(entry.detail["identity"] == candidate for entry in passes[-1]):
        passes.pop()
    if not passes:
        return None
    passed, rows = passes[-1], _digest(dataset)
    found = [each for each in (*passed, *_scored(project, model, passed)) if each.detail.get("rows") == rows]
    if not found:
        raise ModelError(
            f"{model}, as it passed last ({_day(passed[0])}), predicted other rows than {dataset.name!r} has now: put those "
            f"back, or score it on these first: `assay models score {model} FILE --on {dataset.name}`, FILE with its "
            "predictions of these rows"
        )
    store, kept = project.store, found[0].detail
    if not kept.get("artifacts") and not store.artifacts.has(kept["predictions"]):
        raise ModelError(
            f"{model}, as it passed last: its predictions are too large for the git remote, and not in this clone: "
            "bring .assay/objects of the clone that judged it"
        )
    values = pd.read_parquet(io.BytesIO(opened(store.content(kept["predictions"]))))["prediction"]
    predictions: NDArray[Any] = values.set_axis(_order(dataset)).sort_index().to_numpy()
    return Champion(predictions, _identified(project, model, passed[0], found[0]))


def score(project: Project, model: str, source: str, name: str = "") -> str:
    """Enter what the model that passed last predicts on a test set that it did not pass on.

    Parameters
    ----------
    project : Project
    model : str
        A declared model.
    source : str
        Its predictions of the rows of the test set, as ``predictions =`` may say.
    name : str
        The dataset; the one with the role ``test`` by default.

    Returns
    -------
    str
        Which model that is.

    Raises
    ------
    UsageError
        If nothing passed yet, or its predictions of these rows are on record.
    ModelError, DataError
        If the predictions do not fit the rows.
    """
    from assay.checks.inputs import Inputs, read_predictions

    declared = project.model(model)[1]
    chosen = name or project.dataset_of_role("test", "dev")
    if chosen is None:
        raise UsageError(f"{project.path}: no dataset has the role 'test'; name the one that is meant with --on")
    dataset = Inputs(project, {}).dataset(chosen, judge=True)
    passes = _passes(project, model) if project.has_store else []
    if not passes:
        raise UsageError(f"{model} has not passed yet: the next candidate is the first, and is compared with nothing")
    passed, rows = passes[-1], _digest(dataset)
    if any(each.detail.get("rows") == rows for each in (*passed, *_scored(project, model, passed))):
        raise UsageError(f"what {model} predicts on the rows of {chosen!r} is on record: `assay gate` compares with it")
    predictor = read_predictions(source, declared.column, model, dataset, project)
    predictor.predict(dataset)
    assert predictor.given is not None
    detail = {"event": "scored", "passed": passed[0].detail["verdicts"]}
    _enter(project, model, dataset, predictor.identity, predictor.given.values, detail)
    return _identified(project, model, passed[0], _scored(project, model, passed)[-1]).text


def keep(project: Project, inputs: Inputs, results: Sequence[Verdict]) -> None:
    """Keep the predictions of each candidate all of whose blocking gate checks passed, once for these verdicts.

    The first candidate has nothing to be compared with. It is kept once what else blocks passed, so that the next
    one has.
    """
    for name, declared in project.file.models.items():
        checks = [
            c for c in project.file.checks
            if stage_of(c) == "gate" and c.blocking and c.old == "champion"
            and (c.new == name or (c.new == "candidate" and c.model in ("", name)))
        ]  # fmt: skip
        compared = [c for c in checks if "old" in parse(c.claim).models]
        if (declared.predictions is None and declared.code is None) or not compared:
            continue
        names = {c.name for c in checks}
        found = [verdict for verdict in results if verdict.check in names]
        if {v.check for v in found} != names or any(not v.passed and v.status != "skipped" for v in found):
            continue
        if any(v.status == "skipped" and v.blocking for v in found):
            continue
        verdicts = [v.id for v in found if v.passed] or [v.id for v in found]
        for set_name in dict.fromkeys(_set_of(project, c) for c in compared):
            dataset = inputs.dataset(set_name, judge=True)
            predictor = inputs.candidate_of(name, dataset)
            assert predictor is not None
            assert predictor.given is not None
            rows = _digest(dataset)
            # Also of verdicts that were on record before: whoever died between a verdict and this is made up for.
            if not any(
                (entry.detail.get("verdicts"), entry.detail["identity"], entry.detail.get("rows"))
                == (verdicts, predictor.identity, rows)
                for passed in _passes(project, name)
                for entry in passed
            ):
                first = not any(v.passed and v.check in {c.name for c in compared} for v in found)
                detail = {"event": "passed", "verdicts": verdicts, "first": first, "commits": _commits(project)}
                _enter(project, name, dataset, predictor.identity, predictor.given.values, detail)


def _set_of(project: Project, check: CheckTable) -> str:
    roles = ("pool", "test") if check.method == "sequential" else ("test", "dev")
    return check.datasets[0] if check.datasets else str(project.dataset_of_role(*roles))


def _enter(project: Project, model: str, dataset: Dataset, identity: str, values: Any, detail: dict[str, Any]) -> None:
    content = io.BytesIO()
    pd.DataFrame({"prediction": values[_order(dataset)]}).to_parquet(content, index=False)
    # A file of predictions is its developer's own: in this order it tells no label.
    kept = Kept(project, dataset, dataset.terms.recipients if dataset.terms else ())
    detail = detail | {
        "model": model,
        "identity": identity,
        "predictions": kept.put(content.getvalue()),
        "rows": _digest(dataset),
        **kept.detail(),
    }
    ledger = Ledger(project.store)
    key, table = testsets.family(ledger, dataset)

    def work(connection: Connection) -> None:
        if table is not None:
            testsets.register(ledger, connection, dataset.fingerprint, table)
        ledger.append(
            connection, "testset", key, 0, verdict_id=next(iter(detail.get("verdicts", ())), None), detail=detail
        )

    project.store.write(work)


def _passes(project: Project, model: str) -> list[list[Entry]]:
    """Each pass of a model with its entries, one a test set; oldest first."""
    found: dict[tuple[str, ...], list[Entry]] = {}
    for entry in Ledger(project.store).entries(kind="testset"):
        if entry.detail["event"] == "passed" and entry.detail["model"] == model:
            found.setdefault(tuple(entry.detail["verdicts"]), []).append(entry)
    return list(found.values())


def _scored(project: Project, model: str, passed: list[Entry]) -> list[Entry]:
    """What was entered of a pass on other rows."""
    return [
        entry
        for entry in Ledger(project.store).entries(kind="testset")
        if entry.detail["event"] == "scored"
        and entry.detail["model"] == model
        and entry.detail["passed"] == passed[0].detail["verdicts"]
    ]


def _identified(project: Project, model: str, passed: Entry, kept: Entry) -> Assumption:
    """Say which model that is: when it passed, by which predictions, and whether its commit is in this checkout."""
    place, known = _place(project, passed)
    words = f"old is {model}, {'first judged' if passed.detail.get('first') else 'passed'} {_day(passed)}"
    prints = f"predictions {kept.detail['identity'][:12]}"
    if kept.detail["event"] == "scored":
        return Assumption(
            f"{words}, scored {_day(kept)}, {place}", "declared",
            f"{prints} were entered; that they are that model's nobody can check; {known}",
        )  # fmt: skip
    return Assumption(f"{words}, {place}", "checked", f"{prints}, by the ledger; {known}")


def _place(project: Project, passed: Entry) -> tuple[str, str]:
    """Where it passed, in a few words and in a sentence."""
    unknown = "whether it was merged is not known"
    commits = passed.detail.get("commits", [])
    if not commits:
        return "outside of git", unknown
    git, commit = GitRepository(project.root), commits[-1][:10]
    held = [git.holds(each) for each in commits]
    if True in held:
        return f"{commit} in this checkout", "the commit at which it passed is in the history of this one"
    if None in held:
        return f"{commit} not known here", unknown
    return f"{commit} not in this checkout", "it was not merged here, unless its commits were squashed"


def _commits(project: Project) -> list[str]:
    try:
        return GitRepository(project.root).head()
    except StoreError:
        return []


def _day(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.created / 1000, UTC).date().isoformat()


def _order(dataset: Dataset) -> NDArray[np.intp]:
    return np.argsort(dataset.row_bits, kind="stable")


def _digest(dataset: Dataset) -> str:
    return bytes_digest(np.sort(dataset.row_bits).astype("<u8").tobytes())
