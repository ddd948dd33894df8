"""What estimators of the Bayes error start from, and what they give: two numbers, and no guarantee."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError, UsageError
from assay.feasibility.preparation import prepare
from assay.stats.neighbors import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

# Half of them train; neighbors among so many take a few seconds.
MAX_ROWS = 40_000


@dataclass(frozen=True)
class Estimate:
    """What one method says of the Bayes error.

    Neither number is a bound: each rests on rows without end, or on a density that was guessed. ``lower`` can lie above
    the Bayes error, and ``upper``, where it is an error on few held-out rows, below it.

    Attributes
    ----------
    method : str
    lower, upper : float or None
        None if the method has no such number; ``reason`` then says why.
    error : float or None
        Error on held-out rows from which they come.
    settings : dict
        What was chosen, from the training rows alone.
    reason : str
    """

    method: str
    lower: float | None = None
    upper: float | None = None
    error: float | None = None
    settings: Mapping[str, float | int | str] = field(default_factory=dict)
    reason: str = ""

    def __str__(self) -> str:
        low, high = ("-" if value is None else f"{value:.4f}" for value in (self.lower, self.upper))
        return f"{self.method}: {low} to {high} (estimate, no error bound)"


@dataclass(frozen=True)
class Sample:
    """Rows that train and rows that are held out, as numbers.

    Attributes
    ----------
    train, test : ndarray of float, shape (rows, features)
    train_y, test_y : ndarray of int, shape (rows,)
        Codes of the classes.
    classes : int
    metric : {"euclidean", "cosine"}
    seed : int
    """

    train: NDArray[Any]
    test: NDArray[Any]
    train_y: Codes
    test_y: Codes
    classes: int
    metric: Any = "euclidean"
    seed: int = 0

    @property
    def most(self) -> int:
        """Neighbors that methods look at."""
        return min(101, len(self.train) - 1)

    @cached_property
    def held_out(self) -> Codes:
        """Labels of the nearest training rows of each held-out row, shape (rows, most)."""
        return self.train_y[nearest(self.test, self.train, self.most, self.metric)[1]]

    @cached_property
    def among(self) -> tuple[Floats, Codes]:
        """Distances and labels of the nearest other training rows of each training row, shape (rows, most)."""
        distances, indices = nearest(self.train, self.train, self.most + 1, self.metric)
        own = indices == np.arange(len(self.train))[:, None]
        own[~own.any(axis=1), -1] = True  # more copies than neighbors: any of them stands for the row
        shape = len(self.train), self.most
        return distances[~own].reshape(shape), self.train_y[indices[~own]].reshape(shape)


def sample_of(
    X: Any, y: Any, *, test: tuple[Any, Any] | None = None, unit: Any = None, metric: str = "euclidean", seed: int = 0
) -> Sample:
    """Split rows in halves that share no unit, or take the ``test`` rows given.

    An array of numbers is an embedding and is taken as it is. The columns of a table are encoded and scaled.
    """
    if metric not in ("euclidean", "cosine"):
        raise UsageError(f'metric must be "euclidean" or "cosine", got {metric!r}')
    embedding = isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "biuf"
    given, held = X, test
    if embedding:  # only the split is needed
        given = {"row": np.zeros(len(X))}
        held = None if test is None else ({"row": np.zeros(len(test[0]))}, test[1])
    ready = prepare(given, y, unit=unit, test=held, max_rows=MAX_ROWS, seed=seed)
    if ready.train_y.size < 2 or not ready.test_y.size:
        raise DataError(f"{ready.rows} labelled rows are too few to hold some of them out: give ten or more")
    train, tested = ready.train, ready.test
    if embedding:
        train, tested = X[ready.train_rows], (X if test is None else np.asarray(test[0]))[ready.test_rows]
        for part in (train, tested):
            if not np.all(np.isfinite(part)):
                raise DataError(
                    f"X must have finite values, got {part[~np.isfinite(part)][0]}: fill in what is missing"
                )
    return Sample(train, tested, ready.train_y, ready.test_y, ready.classes, metric, seed)
