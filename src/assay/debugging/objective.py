r"""What slices are ranked by, and the most that any part of a slice can reach.

SliceLine's score of a slice S of size s in n rows, with a the weight of the error,

.. math:: a \left(\frac{\bar e_S}{\bar e} - 1\right) - (1 - a) \left(\frac{n}{s} - 1\right),

is kept for losses. Where values may be negative (a rise of the error from one model to another) the same is written as

.. math:: a \, \frac{\bar v_S - \bar v}{\mathrm{mean} |v|} - (1 - a) \left(\frac{n}{s} - 1\right).

Bound. Let S have the values v, and let a part of it have the size t. For each threshold c the values of the part sum to
at most c t + sum over S of max(v - c, 0), and to at most t max(v). So the sum is at most the smallest of some lines in t,
whatever the part. On one line the score is monotone in t, so the most over sizes from the support to s is reached at one
of the ends or where two lines cross. n is the number of rows; with the number of one-hot columns in its place, as public
code has it, the bound is loose, or false when there are more columns than rows.

References
----------
Sagadeeva, S. and Boehm, M. "SliceLine: fast, linear-algebra-based slice finding for ML model debugging." SIGMOD 2021,
section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """SliceLine's score.

    Attributes
    ----------
    rows : float
        All rows, or the sum of their weights.
    mean, scale : float
        Mean of the values, and of their absolute values.
    weight : float, in (0, 1]
        Share of the error in the score; the rest goes to the size.
    """

    rows: float
    mean: float
    scale: float
    weight: float

    def __call__(self, size: Floats, total: Floats) -> Floats:
        """Give the score of slices from their sizes and sums."""
        error = (total / size - self.mean) / self.scale
        score: Floats = self.weight * error - (1 - self.weight) * (self.rows / size - 1)
        return score

    def most(self, size: Floats, lines: Sequence[tuple[float | Floats, Floats]], support: float) -> Floats:
        """Bound the score of every part of slices that is not smaller than the support.

        Parameters
        ----------
        size : ndarray of float64, shape (slices,)
            At least ``support``.
        lines : sequence of (slope, height)
            A part of size t sums to at most slope * t + height, for each of them.
        support : float
        """

        def at(t: Floats) -> Floats:
            total = lines[0][0] * t + lines[0][1]
            for slope, height in lines[1:]:
                total = np.minimum(total, slope * t + height)
            return self(t, total)

        best = np.maximum(at(size), at(np.full_like(size, support)))
        for (slope, height), (other, more) in combinations(lines, 2):
            with np.errstate(divide="ignore", invalid="ignore"):
                crossing = (more - height) / np.asarray(slope - other)
            inside = (crossing > support) & (crossing < size)
            if inside.any():
                best = np.maximum(best, at(np.where(inside, crossing, size)))
        return best


@dataclass(frozen=True)
class Excess:
    r"""Errors of a slice beyond those that it would have at the rate of all other rows, less ``deviations`` of their spread.

    For a slice of size s and sum t, with f = s / n the share of the rows and sigma the standard deviation of all values,

    .. math:: \frac{t - s \bar v - z \sigma \sqrt{s (1 - f)}}{1 - f},

    since s (mean of S - mean of the rest) = (t - s mean) / (1 - f). It needs no weight of the size. It is a ranking,
    not a bound: sigma is the same for all slices, and nothing accounts for the choice among many.

    Attributes
    ----------
    rows, mean : float
        As for :class:`Score`.
    spread : float
        Standard deviation of the values, times the root of the mean squared weight over the mean weight.
    deviations : float
    """

    rows: float
    mean: float
    spread: float
    deviations: float

    def __call__(self, size: Floats, total: Floats) -> Floats:
        """Give the excess of slices from their sizes and sums; -inf for a slice that is all rows."""
        rest = 1 - size / self.rows
        low = total - size * self.mean - self.deviations * self.spread * np.sqrt(size * np.maximum(rest, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(rest > 1e-12, low / rest, -np.inf)

    def most(self, size: Floats, lines: Sequence[tuple[float | Floats, Floats]], support: float) -> Floats:
        """Bound the excess of every part of slices that is not smaller than the support.

        Sizes are cut into pieces, and each term is taken at the better end of a piece; the root is concave in the
        size, so that it is least at an end.
        """
        ends = support * (size / support) ** np.linspace(0, 1, 17)[:, None]
        low, high = ends[:-1], ends[1:]
        total = np.full_like(low, np.inf)
        for slope, height in lines:
            total = np.minimum(total, np.maximum(slope * low, slope * high) + height)
        root = np.sqrt(ends * np.maximum(1 - ends / self.rows, 0.0))
        spread = self.deviations * self.spread * np.minimum(root[:-1], root[1:])
        excess = total - np.minimum(low * self.mean, high * self.mean) - spread
        with np.errstate(divide="ignore"):
            scaled = np.where(excess > 0, excess / np.maximum(1 - high / self.rows, 0.0), excess)
        return np.asarray(scaled.max(axis=0))
