"""Search the slices of a declared dataset for a declared model, charged to the ledger; keep one in the project file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.checks.gate import ALIASES
from assay.checks.inputs import Inputs
from assay.core.nearest import did_you_mean
from assay.core.project import FILE_NAME, parse
from assay.data.slice import mask
from assay.debugging import find_slices
from assay.errors import BudgetSpent, DataError, ModelError, ProjectError
from assay.gate import parse as parse_claim
from assay.gate.inputs import collect
from assay.stats.sampling import seed
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from assay.checks.dataset import Dataset
    from assay.checks.predictor import Predictor
    from assay.checks.project import Project
    from assay.debugging import SliceReport

    Floats = NDArray[np.float64]

# Less error probability than this decides nothing.
LEAST = 1e-6


def search(
    project: Project,
    *,
    dataset: str = "",
    model: str = "",
    new: str = "",
    compare: str = "",
    within: str = "",
    overrides: dict[str, str] | None = None,
    **options: Any,
) -> tuple[SliceReport, float]:
    """Find the slices on which a model fails, or on which it is worse than another.

    Each search of the same rows has half of the error probability that those before it have left, so that all of them
    together confirm nothing falsely with more than ``[budget] alpha``. The same search again costs nothing.

    Parameters
    ----------
    project : Project
    dataset : str
        By default the one with the role ``dev``. A test set is refused: slices tell more of it than its answers count.
    model : str
        A declared model; by default the only one.
    new, compare : str
        Who is searched, and against whom: an alias or a version. By default the champion alone; with ``compare``, the
        candidate.
    within : str
        An SQL predicate: only these rows are searched.
    overrides : dict
        Files that stand in for declared datasets.
    **options
        Of :func:`assay.debugging.find_slices`.

    Returns
    -------
    SliceReport, float
        What was found, and the error probability that it took.

    Raises
    ------
    ProjectError, DataError, ModelError
        If something that is asked for is not there.
    BudgetSpent
        If earlier searches of the same rows left no error probability.
    """
    inputs = Inputs(project, overrides or {})
    name = dataset or project.dataset_of_role("dev")
    if name is None:
        raise ProjectError(
            f"{project.path}: no dataset has the role 'dev'; declare one with labels, or name a dataset with --dataset"
        )
    declared = project.dataset(name)
    if declared.role == "test":
        raise DataError(
            f"dataset {name!r} is a test set, of which slices tell more than its answers count: search rows with the role "
            "'dev', and check what is found on the test set"
        )
    rows = inputs.dataset(name)
    model = project.model(model)[0]
    judged = _predictor(inputs, model, new or ("candidate" if compare else "champion"), rows)
    rival = _predictor(inputs, model, compare, rows) if compare else None
    errors, before = _errors(project, rows, judged, rival)
    kept = mask(rows.frame, within) if within else np.ones(len(rows.frame), dtype=bool)
    if not kept.any():
        raise DataError(f"no row of {name!r} lies within {within!r}")
    X = rows.features if rows.timestamp is None or rows.unit is not None else rows.features.assign(**{
        str(declared.timestamp): rows.timestamp
    })  # fmt: skip
    options.setdefault("ranges", True)
    asked = repr((judged.identity, rival.identity if rival else "", within, sorted(options.items())))
    alpha, settle = _charge(project, rows, asked)
    report = find_slices(
        X[kept],
        errors[kept],
        errors_old=None if before is None else before[kept],
        unit=None if rows.unit is None else rows.frame[declared.unit][kept],
        alpha=alpha,
        seed=seed("slices", rows.fingerprint) % 2**32,
        **options,
    )
    settle()
    return report, alpha


def save(path: Path, name: str, predicate: str) -> None:
    """Declare a slice in the project file; comments stay.

    Raises
    ------
    ProjectError
        If there is a slice of that name, or the file cannot be written.
    """
    import tomlkit

    text = path.read_text(encoding="utf-8")
    document: Any = tomlkit.parse(text)
    table = document if path.name == FILE_NAME else document["tool"]["assay"]
    slices = table.setdefault("slices", tomlkit.table())
    if name in slices:
        raise ProjectError(f"{path}: there is a slice {name!r} already: {slices[name]}; save it under another name")
    slices[name] = predicate
    changed = tomlkit.dumps(document)
    parse(changed, path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(changed, encoding="utf-8")
        beside.replace(path)
    except OSError as problem:
        beside.unlink(missing_ok=True)
        raise ProjectError(f"{path}: cannot be written: {problem.strerror}") from problem


def _predictor(inputs: Inputs, model: str, side: str, rows: Dataset) -> Predictor:
    found = inputs.predictor(model, side, rows)
    if found is not None:
        return found
    if side in ALIASES:
        way_out = f"assay models promote {model} --to {side}" if side != "candidate" else "train one"
        raise ModelError(f"{model} has no {side} yet: {way_out}, or name who is searched with --new")
    raise ModelError(
        f"{side!r} is no model and no alias; {did_you_mean(side, [*inputs.project.file.models, *ALIASES], 'models and aliases')}"
    )


def _errors(
    project: Project, rows: Dataset, judged: Predictor, rival: Predictor | None
) -> tuple[Floats, Floats | None]:
    """Give 1 for each mistake; where labels are numbers, the squared error."""
    said = judged.predict(rows)
    other = rival.predict(rows) if rival else None
    if project.file.project.task == "regression":
        actual = rows.labels.astype(np.float64)
        each = [(np.asarray(values, dtype=np.float64) - actual) ** 2 for values in _values(said, other)]
    else:
        compared = collect(
            parse_claim("n - o > 0" if other else "n > 0"),
            labels=rows.labels, new=said.values, old=other.values if other else None, new_scores=None, old_scores=None,
            positive=said.positive, unit=None, unit_name="", slices=None,
        )  # fmt: skip
        each = [(values != compared.labels).astype(np.float64) for values in compared.predicted.values()]
    return each[0], each[1] if other else None


def _values(*said: Any) -> list[Any]:
    return [each.values for each in said if each is not None]


def _charge(project: Project, rows: Dataset, asked: str) -> tuple[float, Any]:
    """Reserve half of what is left for searches of these rows; gives it, and what settles it."""
    limit = project.file.budget.alpha
    key = f"{rows.fingerprint}:slices"
    store, ledger = project.store, Ledger(project.store)
    for entry in ledger.entries(kind="alpha", key=key):
        if entry.state == "settle" and entry.detail.get("once") == asked:
            return float(entry.amount), lambda: None
    alpha = (limit - ledger.spent("alpha", key)) / 2
    if alpha < LEAST:
        raise BudgetSpent(
            f"dataset {rows.name!r}: earlier searches of these rows left no error probability of {limit:g}: search fresh "
            "rows, or repeat a search that was paid for"
        )
    held = ledger.reserve("alpha", key, alpha, limit=limit, check="slices", detail={"once": asked, "about": rows.name})
    return alpha, lambda: store.write(lambda connection: ledger.settle(connection, held, alpha, None))
