"""Probabilities of each row from models that were trained without it, or without any row of its unit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError, UsageError
from assay.stats import unit_sums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def out_of_sample_probabilities(
    X: Any, y: ArrayLike, *, model: Any = None, unit: ArrayLike | None = None, folds: int = 5, seed: int = 0
) -> NDArray[np.float64]:
    """Predict the classes of each row by a model that was trained on other rows alone, and with ``unit`` on other units.

    Units (rows, if none is given) are dealt to the folds at random, so that no row is treated otherwise than another; without
    units each fold gets as many rows of a class as the others.

    Parameters
    ----------
    X : frame of pandas, or array of numbers, shape (rows, features)
    y : array, shape (rows,)
    model : scikit-learn classifier with ``predict_proba``, optional
        Cloned for each fold. By default logistic regression on scaled numbers and encoded values.
    unit : array, shape (rows,), optional
        Rows of one unit are in one fold.
    folds : int, at least 2
    seed : int

    Returns
    -------
    ndarray of float64, shape (rows, classes)
        Columns in the sorted order of the labels; 0 for a class that no row outside of the fold has.

    Raises
    ------
    DataError, UsageError
        If rows, labels, units or folds do not fit, or the model cannot be fitted.

    Examples
    --------
    >>> x = np.arange(40.0)[:, None]
    >>> p = out_of_sample_probabilities(x, x[:, 0] >= 20)
    >>> p.shape, p[0].argmax(), p[-1].argmax()
    ((40, 2), np.int64(0), np.int64(1))
    """
    labels = np.asarray(y)
    rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if labels.shape != (rows,):
        raise DataError(f"y must have one label for each of the {rows} rows of X, got shape {labels.shape}")
    names, codes = np.unique(labels, return_inverse=True)
    if names.size < 2:
        raise DataError("y has one class: there is nothing to predict")
    groups = np.arange(rows)
    if unit is not None:
        if len(np.asarray(unit)) != rows:
            raise DataError(f"unit must have one entry for each of the {rows} rows, got {len(np.asarray(unit))}")
        try:
            groups = unit_sums.encode(unit)[0]
        except ValueError as problem:
            raise DataError(f"unit: {problem}") from problem
    count = int(groups.max()) + 1
    if folds != int(folds) or not 2 <= folds <= count:
        raise UsageError(f"folds must be a whole number from 2 to the number of {'units' if unit is not None else 'rows'}, "
                         f"{count}; got {folds}")  # fmt: skip
    if model is not None and not hasattr(model, "predict_proba"):
        raise UsageError(f"model must have predict_proba, and {type(model).__name__} has none")
    rng = np.random.default_rng(seed)
    dealt = rng.permutation(count)
    if unit is None:
        dealt[np.lexsort((dealt, codes))] = np.arange(count)
    fold = dealt[groups] % folds
    found = np.zeros((rows, names.size))
    for each in range(folds):
        inside = fold == each
        seen = np.unique(codes[~inside])
        if seen.size < 2:
            raise DataError(f"outside of fold {each + 1} all rows have the label {names[seen[0]]!r}: use fewer folds")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a classifier that has not converged is used as it is
                fitted = _model(model, X).fit(_rows(X, ~inside), codes[~inside])
                p = np.asarray(fitted.predict_proba(_rows(X, inside)), dtype=np.float64)
        except Exception as problem:
            raise DataError(f"the model cannot be fitted and asked: {str(problem).splitlines()[0]}") from problem
        found[np.ix_(inside, np.asarray(fitted.classes_, dtype=np.intp))] = p
    return found


def _rows(X: Any, which: NDArray[np.bool_]) -> Any:
    return X[which] if not hasattr(X, "iloc") else X.loc[which]


def _model(model: Any, X: Any) -> Any:
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if model is not None:
        return clone(model)
    from assay.debugging.proxy import plain_encoding

    return make_pipeline(
        plain_encoding(X) if hasattr(X, "columns") else StandardScaler(), LogisticRegression(max_iter=200)
    )
