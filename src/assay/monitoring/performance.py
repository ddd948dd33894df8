"""The loss of each prediction, once its label is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.errors import DataError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Loss = Literal["error", "brier"]


def losses(
    outcomes: Any, label: str = "label", loss: Loss = "error", *, prediction: str = "prediction", score: str = "score"
) -> Floats:
    """Give the loss of each row of a table of predictions with their labels.

    Parameters
    ----------
    outcomes : mapping of columns, DataFrame or Arrow table
        One row for each prediction whose label is known.
    label, prediction, score : str
        Names of the columns: the true label, the predicted one, and the predicted probability of a label of 1 (or
        True).
    loss : {"error", "brier"}
        ``error``: 1 where the prediction differs from the label, else 0. ``brier``: (score - label)^2.

    Returns
    -------
    ndarray of float64, shape (rows,), in [0, 1]

    Raises
    ------
    DataError
        If a column is missing, a value is missing, or labels and predictions are of different types: names the row.
    UsageError
        If ``loss`` is not known.

    Examples
    --------
    >>> losses({"label": [1, 0, 1], "prediction": [1, 1, 1], "score": [0.8, 0.6, 0.9]}).tolist()
    [0.0, 1.0, 0.0]
    >>> losses({"label": [1, 0], "score": [0.8, 0.6]}, loss="brier").round(2).tolist()
    [0.04, 0.36]
    """
    truth = column(outcomes, label)
    _complete(truth, label)
    if loss == "error":
        said = column(outcomes, prediction)
        _complete(said, prediction)
        if _textual(truth) != _textual(said):
            raise DataError(
                f"column {label!r} holds {_kind(truth)} and {prediction!r} holds {_kind(said)}, "
                "so they never agree: bring both to one type"
            )
        return np.asarray(truth != said, dtype=np.float64)
    if loss == "brier":
        numbers, chance = _numeric(truth, label), _numeric(column(outcomes, score), score)
        _within(numbers, (numbers == 0) | (numbers == 1), label, "must be 0 or 1 for the Brier loss")
        _within(chance, (chance >= 0) & (chance <= 1), score, "must be a probability in [0, 1]")
        return (chance - numbers) ** 2
    raise UsageError(
        f'loss "{loss}" is not known: use "error" or "brier", or give a column "loss" with values in [0, 1]'
    )


def bounded(table: Any, name: str) -> Floats:
    """Give a column of losses that were computed elsewhere; each must lie in [0, 1]."""
    values = _numeric(column(table, name), name)
    _within(values, (values >= 0) & (values <= 1), name, "must lie in [0, 1]")
    return values


def column(table: Any, name: str) -> NDArray[Any]:
    """Give a column of a mapping, DataFrame or Arrow table as an array of one dimension."""
    names = columns(table)
    if name not in names:
        raise DataError(f"there is no column {name!r}: the table has {', '.join(map(repr, names)) or 'none'}")
    values = np.asarray(table[name])
    if values.ndim != 1:
        raise DataError(f"column {name!r} must have one dimension, not shape {values.shape}")
    return values


def columns(table: Any) -> list[str]:
    """Give the names of the columns."""
    if hasattr(table, "column_names"):
        return list(table.column_names)
    if hasattr(table, "keys"):
        return [str(name) for name in table.keys()]  # noqa: SIM118 - iterating a DataFrame of polars gives columns
    return [str(name) for name in table.columns]


def _numeric(values: NDArray[Any], name: str) -> Floats:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as problem:
        raise DataError(f"column {name!r} must hold numbers: {problem}") from problem
    _within(numbers, np.isfinite(numbers), name, "must not be missing")
    return numbers


def _complete(values: NDArray[Any], name: str) -> None:
    if values.dtype.kind == "O":
        missing = np.fromiter((v is None or (v != v) is not False for v in values), bool, values.size)
    else:
        missing = np.asarray(values != values)
    _within(values, ~missing, name, "must not be missing")


def _within(values: NDArray[Any], good: NDArray[np.bool_], name: str, rule: str) -> None:
    if not np.all(good):
        row = int(np.argmin(good))
        raise DataError(f"column {name!r} {rule}, but row {row} is {values[row]}")


def _textual(values: NDArray[Any]) -> bool:
    if values.dtype.kind == "O":
        return any(isinstance(v, (str, bytes)) for v in values)
    return values.dtype.kind in "UST"


def _kind(values: NDArray[Any]) -> str:
    return "text" if _textual(values) else "numbers"
