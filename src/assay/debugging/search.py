"""The best slices by a score, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from assay.debugging.lattice import Coded, Counts, Lattice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Scores that agree to so many digits are ties, which go to the shorter slice, then to the first columns and codes.
_DIGITS = 10
# Thresholds of the bound on values that are not all 0 or 1: these quantiles of the values.
_QUANTILES = (0.9, 0.99)


class Objective(Protocol):
    """A score that does not fall with the sum of a slice, and a bound on that of its parts."""

    def __call__(self, size: Floats, total: Floats) -> Floats:
        """Give the score of slices from their sizes and sums."""

    def most(self, size: Floats, lines: Sequence[tuple[float | Floats, Floats]], support: float) -> Floats:
        """Bound the score of every part of slices that is not smaller than the support."""


@dataclass(frozen=True)
class Found:
    """A slice by the codes of its columns.

    Attributes
    ----------
    score, size, total, largest : float
        Its score, rows (or their weights), sum and largest value.
    conditions : tuple of (column, first code, last code)
        Ordered by column.
    """

    score: float
    size: float
    total: float
    largest: float
    conditions: tuple[tuple[int, int, int], ...]


def search(
    coded: Coded,
    values: Floats,
    objective: Objective,
    *,
    k: int,
    support: float,
    max_level: int,
    weights: Floats | None = None,
) -> list[Found]:
    """Find the ``k`` slices of the highest positive score, best first.

    Exact: every slice of at most ``max_level`` conditions and at least ``support`` rows is among them, or scores no
    more than the last of them, or no more than 0, up to ten digits after the point. A slice is passed over only if
    :meth:`Objective.most` of a slice that contains it is below that of ``k`` slices at hand.

    Parameters
    ----------
    coded : Coded
    values : ndarray of float64, shape (rows,)
    objective : Objective
    k : int, at least 1
    support : float, positive
        Smallest size of a slice.
    max_level : int, at least 1
        Most conditions of a slice.
    weights : ndarray of float64, shape (rows,), optional

    Returns
    -------
    list of Found
    """
    binary = bool(np.all((values == 0) | (values == 1)))
    inner = () if binary else tuple(float(q) for q in np.quantile(values, _QUANTILES) if q > 0)
    best = Best(objective, k, support, (0.0, *inner))
    Lattice(coded, values, weights, best.thresholds).walk(best, min(max_level, coded.codes.shape[1]))
    return best.found()


class Best:
    """A visitor that keeps the best slices seen."""

    def __init__(self, objective: Objective, k: int, support: float, thresholds: tuple[float, ...]) -> None:
        self.objective, self.k, self.support, self.thresholds = objective, k, support, thresholds
        self.floor = 10.0**-_DIGITS
        self._pool: list[Found] = []

    def see(self, counts: Counts) -> Floats:
        """Take in the good ones, and bound what may be inside each."""
        most = np.full(counts.size.shape, -np.inf)
        wanted = np.nonzero(counts.size >= self.support)
        size, total = counts.size[wanted], counts.total[wanted]
        if not size.size:
            return most
        score = self.objective(size, total)
        good = score >= self.floor
        if good.any():
            self._take(counts, wanted[0][good], wanted[1][good], score[good])
        lines: list[tuple[float | Floats, Floats]] = [(counts.largest[wanted], np.zeros_like(size))]
        lines += [(at, above[wanted]) for at, above in zip(self.thresholds, counts.above, strict=True)]
        most[wanted] = self.objective.most(size, lines, self.support)
        return most

    def found(self) -> list[Found]:
        """Give the best, best first."""
        return self._pool[: self.k]

    def _take(self, counts: Counts, groups: NDArray[np.intp], last: NDArray[np.intp], score: Floats) -> None:
        if score.size > self.k:
            # The k-th best of these is a floor for them all.
            least = np.partition(score, -self.k)[-self.k] - 2 * 10.0**-_DIGITS
            kept = score >= least
            groups, last, score = groups[kept], last[kept], score[kept]
        for group, place, value in zip(groups.tolist(), last.tolist(), score.tolist(), strict=True):
            conditions = [
                (column, int(low), int(high))
                for column, (low, high) in zip(counts.columns, counts.groups[group], strict=True)
            ]
            conditions.append((int(counts.last[place]), int(counts.low[place]), int(counts.high[place])))
            self._pool.append(
                Found(
                    value,
                    float(counts.size[group, place]),
                    float(counts.total[group, place]),
                    float(counts.largest[group, place]),
                    tuple(sorted(conditions)),
                )
            )
        self._pool.sort(key=lambda each: (-round(each.score, _DIGITS), len(each.conditions), each.conditions))
        # Ties of the last place are settled by the order, which is one of all slices, so no more than k are needed.
        del self._pool[self.k :]
        if len(self._pool) == self.k:
            self.floor = max(self.floor, self._pool[-1].score - 2 * 10.0**-_DIGITS)
