"""Losses for the metrics that look at some rows only: masked arrays, in which the other rows do not count.

For calibration no masks are needed: outcomes as ``errors`` and predicted probabilities as ``errors_old`` find where
outcomes exceed the forecast, and the other way around where they fall short of it.

References
----------
Pastor, E., de Alfaro, L. and Baralis, E. "Looking for trouble: analyzing classifier behavior via pattern divergence."
SIGMOD 2021.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def misses(labels: ArrayLike, predictions: ArrayLike, positive: Any = 1) -> np.ma.MaskedArray[Any, Any]:
    """Give 1 for each positive row that was predicted otherwise; its mean is 1 - recall.

    Parameters
    ----------
    labels, predictions : array, shape (rows,)
    positive : label of the positive class

    Returns
    -------
    masked array of float64, shape (rows,)

    Examples
    --------
    >>> float(misses([1, 1, 0, 0], [1, 0, 1, 0]).mean())
    0.5
    """
    actual, predicted = _compared(labels, predictions, positive)
    return np.ma.MaskedArray((~predicted).astype(np.float64), mask=~actual)


def false_alarms(labels: ArrayLike, predictions: ArrayLike, positive: Any = 1) -> np.ma.MaskedArray[Any, Any]:
    """Give 1 for each negative row that was predicted positive; its mean is the false positive rate.

    Parameters and result are those of :func:`misses`.

    Examples
    --------
    >>> float(false_alarms([1, 1, 0, 0], [1, 0, 1, 0]).mean())
    0.5
    """
    actual, predicted = _compared(labels, predictions, positive)
    return np.ma.MaskedArray(predicted.astype(np.float64), mask=actual)


def wrong_alarms(labels: ArrayLike, predictions: ArrayLike, positive: Any = 1) -> np.ma.MaskedArray[Any, Any]:
    """Give 1 for each row that was predicted positive and is not; its mean is 1 - precision.

    Parameters and result are those of :func:`misses`.

    Examples
    --------
    >>> float(wrong_alarms([1, 1, 0, 0], [1, 0, 1, 1]).mean().round(3))
    0.667
    """
    actual, predicted = _compared(labels, predictions, positive)
    return np.ma.MaskedArray((~actual).astype(np.float64), mask=~predicted)


def _compared(labels: ArrayLike, predictions: ArrayLike, positive: Any) -> tuple[Any, Any]:
    actual, predicted = np.asarray(labels), np.asarray(predictions)
    if actual.ndim != 1 or actual.shape != predicted.shape:
        raise DataError(f"labels and predictions must have one length, got {actual.shape} and {predicted.shape}")
    actual, predicted = np.asarray(actual == positive), np.asarray(predicted == positive)
    if not actual.any():
        raise DataError(f"no row has the label {positive!r}: name the positive class")
    return actual, predicted
