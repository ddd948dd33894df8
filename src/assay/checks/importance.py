"""Value the rows of a declared training set, or groups of them, for what they add on other declared rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.checks.inputs import Inputs
from assay.core.nearest import did_you_mean
from assay.debugging import importance
from assay.errors import DataError, ModelError, ProjectError, UsageError
from assay.stats.sampling import seed
from assay.tracking.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from assay.checks.dataset import Dataset
    from assay.checks.project import Project
    from assay.debugging import Importance
    from assay.debugging.utilities import Utility

# A training set without other rows to judge it by gives one part in so many of its own.
PARTS = 5


@dataclass(frozen=True)
class Valued:
    """What was found, and of which rows.

    Attributes
    ----------
    found : Importance
        Of the rows of ``train``.
    train : DataFrame
        Rows that were valued, with their places in the file as index.
    told : tuple of str
        What was used, in words.
    """

    found: Importance
    train: pd.DataFrame
    told: tuple[str, ...]


def value(
    project: Project,
    *,
    dataset: str = "",
    validation: str = "",
    model: str = "",
    groups: Sequence[str] = (),
    utility: Utility | None = None,
    sensitive: str = "",
    k: int = 1,
    at_most: int = 1000,
    overrides: dict[str, str] | None = None,
) -> Valued:
    """Value training rows for a model's pipeline.

    Parameters
    ----------
    project : Project
    dataset : str
        By default the one with the role ``train``.
    validation : str
        By default the one with the role ``dev``; without one, a fifth of the training rows (whole units) that nobody chose.
        A test set is refused: values tell of its labels.
    model : str
        A registered model, ``name``, ``name/3`` or ``name@champion``, whose pipeline prepares the rows; by default numbers
        are scaled and other values encoded.
    groups : sequence of str
        None for rows; a column; or two that were joined.
    utility, k :
        Of :func:`assay.debugging.importance`; by default accuracy, and squared error for a regression.
    sensitive : str
        A column of the validation rows.
    at_most : int
        Validation rows; of more, so many are drawn.
    overrides : dict
        Files that stand in for declared datasets.

    Raises
    ------
    ProjectError, DataError, ModelError
        If something that is asked for is not there.
    """
    inputs = Inputs(project, overrides or {})
    name = dataset or project.dataset_of_role("train")
    if name is None:
        raise ProjectError(
            f"{project.path}: no dataset has the role 'train'; declare one, or name a dataset with --dataset"
        )
    judge = validation or project.dataset_of_role("dev") or name
    for each in (name, judge):
        if project.dataset(each).role == "test":
            raise DataError(
                f"dataset {each!r} is a test set, and values tell of its labels: use rows with the role 'train' or 'dev'"
            )
    rows = inputs.dataset(name)
    _require_columns(rows, groups, "--group")
    for column in groups:
        missing = rows.frame[column].isna().to_numpy()
        if missing.any():
            raise DataError(
                f"dataset {name!r}: row {int(missing.argmax())}, counted from 0, has no {column!r} ({int(missing.sum())} in all): "
                "give each row its group"
            )
    if judge == name:
        kept, asked = _divided(rows)
        others, where = rows, f"a fifth of {name!r} that was held out"
    else:
        others, where = inputs.dataset(judge), repr(judge)
        kept, asked = np.arange(len(rows.frame)), np.arange(len(others.frame))
    _require_columns(others, [sensitive] if sensitive else [], "--sensitive")
    if asked.size > at_most:
        draw = np.random.default_rng(seed("importance", others.fingerprint))
        asked, where = np.sort(draw.choice(asked, at_most, replace=False)), f"{at_most:,} rows of {where}"
    through, X, X_val = _prepared(project, model, rows, others)
    labels, theirs = rows.labels[kept], others.labels[asked]
    task = project.file.project.task
    found = importance(
        through,
        X.iloc[kept] if hasattr(X, "iloc") else X[kept],
        labels,
        X_val.iloc[asked] if hasattr(X_val, "iloc") else X_val[asked],
        theirs,
        groups=rows.frame[list(groups)].iloc[kept] if groups else None,
        utility=utility or ("squared_error" if task == "regression" else "accuracy"),
        sensitive=others.frame[sensitive].to_numpy()[asked] if sensitive else None,
        k=k,
    )
    seen = f"as {model} prepares them" if model else "numbers scaled, other values encoded"
    told = (f"{len(labels):,} rows of {name!r}, {seen}", f"judged by {where}")
    return Valued(found, rows.frame.iloc[kept], told)


def _divided(rows: Dataset) -> tuple[np.ndarray, np.ndarray]:
    asked = np.sort(rows.stretch(0, PARTS))
    return np.setdiff1d(np.arange(len(rows.frame)), asked), asked


def _require_columns(rows: Dataset, wanted: Sequence[str], option: str) -> None:
    for column in wanted:
        if column not in rows.frame:
            raise UsageError(
                f"{option} {column}: dataset {rows.name!r} has no such column; "
                f"{did_you_mean(column, [str(each) for each in rows.frame], 'columns')}"
            )


def _prepared(project: Project, model: str, rows: Dataset, others: Dataset) -> tuple[Any, Any, Any]:
    """Give the pipeline, and the rows of both sets as it takes them."""
    if not model:
        lacking = [str(column) for column in rows.features if column not in others.features]
        if lacking:
            raise DataError(f"dataset {others.name!r} has no column {lacking[0]!r}, which {rows.name!r} has")
        return None, rows.features, others.features[list(rows.features)]
    if not project.has_store:
        raise ModelError(f"no model {model!r} is registered yet: train one, or leave --model out")
    from assay.tracking.formats import load

    stored = load(project.store.artifacts.get(Registry(project.store).get(model).digest))
    takes = list(stored.signature["inputs"])
    given = []
    for each in (rows, others):
        lacking = [column for column in takes if column not in each.frame]
        if lacking:
            raise DataError(f"dataset {each.name!r} has no column {lacking[0]!r}, which {model} takes")
        given.append(stored.inputs(each.frame[takes]))
    return stored.estimator, given[0], given[1]
