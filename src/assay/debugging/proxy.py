"""What a pipeline's last step sees of rows: its other steps, fitted once, and which row each of theirs came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.intp]


@dataclass(frozen=True)
class Proxy:
    """Rows as the last step of a pipeline sees them.

    Attributes
    ----------
    points : ndarray of float64 or scipy sparse matrix, shape (points, features)
    labels : ndarray, shape (points,)
    sources : ndarray of int, shape (points,)
        The training row that each came from.
    steps : tuple of transformers
        Fitted.
    plain : bool
        Whether the steps are assay's own, which take frames of pandas.
    """

    points: Any
    labels: NDArray[Any]
    sources: Places
    steps: tuple[Any, ...]
    plain: bool

    @classmethod
    def of(cls, pipeline: Any, X: Any, y: NDArray[Any]) -> Proxy:
        """Fit all steps but a last one that predicts.

        Steps that resample rows (``fit_resample``, as imbalanced-learn's) drop or repeat rows; they must say which in
        ``sample_indices_``.

        Raises
        ------
        DataError
            If a step cannot be fitted, or makes rows that come from none.
        """
        from sklearn.base import clone

        fitted: list[Any] = []
        X = X if pipeline is not None else _pandas(X)
        labels, sources = y, np.arange(y.size)
        for name, step in _steps(pipeline, X):
            try:
                step = clone(step)
                if hasattr(step, "fit_resample"):
                    X, labels, kept = _resampled(name, step, X, labels)
                    sources = sources[kept]
                    continue
                X = step.fit(X, labels).transform(X)
            except DataError:
                raise
            except Exception as problem:
                raise DataError(f"step {name!r} of the pipeline cannot be fitted: {problem}") from problem
            fitted.append(step)
            if X.shape[0] != labels.size:
                raise DataError(
                    f"step {name!r} of the pipeline turns {labels.size} rows into {X.shape[0]} and does not say which: let "
                    "trace_rows follow what drops, repeats or joins rows, before the pipeline"
                )
        return cls(_numbers(X, "X"), np.asarray(labels), sources, tuple(fitted), pipeline is None)

    def transform(self, X: Any) -> Any:
        """Give validation rows as the last step sees them."""
        name = "X_val"
        X = _pandas(X) if self.plain else X
        try:
            for step in self.steps:
                X = step.transform(X)
        except Exception as problem:
            raise DataError(f"{name} does not go through the pipeline: {problem}") from problem
        seen = _numbers(X, name)
        if seen.shape[1] != self.points.shape[1]:
            raise DataError(f"{name} has {seen.shape[1]} columns, and the training rows have {self.points.shape[1]}")
        return seen


def _pandas(X: Any) -> Any:
    return X.to_pandas() if hasattr(X, "to_pandas") else X


def _steps(pipeline: Any, X: Any) -> list[tuple[str, Any]]:
    if pipeline is None:
        return [("encoding", plain_encoding(X))] if hasattr(X, "columns") else []
    steps = list(pipeline.steps) if hasattr(pipeline, "steps") else [(type(pipeline).__name__, pipeline)]
    if any(not hasattr(step, "fit") and step not in (None, "passthrough") for _, step in steps):
        raise DataError(f"pipeline must be a scikit-learn pipeline, transformer or predictor, not {pipeline!r}")
    if hasattr(steps[-1][1], "predict"):
        steps.pop()
    return [(name, step) for name, step in steps if step not in (None, "passthrough")]


def plain_encoding(X: Any) -> Any:
    """Scale numbers, with missing ones at their median, and give each other value a column; times are left out."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = list(X.select_dtypes(["number", "bool"]).columns)
    others = list(X.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz", "timedelta"]))
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            (
                "values",
                OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=30, sparse_output=False),
                others,
            ),
        ]
    )


def _resampled(name: str, step: Any, X: Any, labels: NDArray[Any]) -> tuple[Any, NDArray[Any], Places]:
    X, labels = step.fit_resample(X, labels)
    kept = np.asarray(getattr(step, "sample_indices_", ()), dtype=np.intp)
    if kept.size != len(labels):
        raise DataError(
            f"step {name!r} of the pipeline makes rows that come from no one row (it has no sample_indices_): leave it out, "
            "or use a sampler that picks rows"
        )
    return X, np.asarray(labels), kept


def _numbers(X: Any, name: str) -> Any:
    if hasattr(X, "tocsr"):
        values = X.tocsr().astype(np.float64)
        held = values.data
    else:
        try:
            values = held = np.asarray(X, dtype=np.float64)
        except (TypeError, ValueError) as problem:
            raise DataError(f"{name} must be numbers after the pipeline's steps: {problem}") from problem
        if values.ndim != 2:
            raise DataError(f"{name} must have two dimensions, got shape {values.shape}")
    if not np.isfinite(held).all():
        where = "" if held.ndim == 1 else f": row {int(np.argmin(np.isfinite(held).all(axis=1)))}"
        raise DataError(
            f"{name} has missing or infinite values after the pipeline's steps{where}; add a step that fills them"
        )
    return values
