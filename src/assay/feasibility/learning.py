"""How the held-out error of one classifier falls with its training rows."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SMALLEST = 32
# Training sets of each size share no rows; more than four of the small ones tell little more.
MOST_DRAWS = 4
STEPS = 5


def learning_curve(
    model: Any,
    train: tuple[NDArray[Any], NDArray[np.int64]],
    test: tuple[NDArray[Any], NDArray[np.int64]],
    *,
    whole: float,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[list[int], list[list[float]]]:
    """Train on halves, quarters, eighths and sixteenths, and give the held-out error of each.

    Parameters
    ----------
    model : scikit-learn classifier
        Cloned.
    train, test : tuple of (features, codes of the classes)
    whole : float
        Held-out error with all training rows, which is not trained again.
    seed : int
    progress : callable

    Returns
    -------
    sizes : list of int
        Ascending.
    errors : list of list of float
        For each size those of training sets that share no rows.
    """
    count = len(train[1])
    order = np.random.default_rng(seed).permutation(count)
    sizes, errors = [], []
    for step in range(STEPS - 1, 0, -1):
        size = count >> step
        if size < SMALLEST:
            continue
        found = []
        for draw in range(min(MOST_DRAWS, 1 << step)):
            rows = order[draw * size : (draw + 1) * size]
            if np.unique(train[1][rows]).size < 2:
                continue
            progress(f"trained on {size:,} rows")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it has not converged is part of its error
                fitted = clone(model).fit(train[0][rows], train[1][rows])
            found.append(float(np.mean(fitted.predict(test[0]) != test[1])))
        if found:
            sizes.append(size)
            errors.append(found)
    return [*sizes, count], [*errors, [whole]]
