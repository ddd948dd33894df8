"""Distances between two tables by the names that other tools give them: numbers without an error bound.

Their popular limits (0.1 for PSI and Jensen-Shannon) mean different things at different numbers of rows: with 10 cells
and 100 new rows a PSI above 0.1 is expected of identical data. So they decide nothing here;
:func:`assay.validation.compare` prints them beside its verdict.

References
----------
Breck, E. et al. "Data validation for machine learning." MLSys 2019. Lin, J. "Divergence measures based on the Shannon
entropy." IEEE Transactions on Information Theory 37(1), 1991.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# What an empty cell counts as in the population stability index.
_EMPTY = 1e-4


@dataclass(frozen=True)
class Buckets:
    """Buckets of numbers.

    Attributes
    ----------
    low, high : array of float, shape (buckets,)
        Ends; equal for a single point, infinite where a bucket has no end.
    counts : array of float, shape (buckets,)
    nan : float
        Values that are not a number.
    """

    low: ArrayLike
    high: ArrayLike
    counts: ArrayLike
    nan: float = 0.0


def l_infinity(reference: Mapping[Hashable, float], current: Mapping[Hashable, float]) -> float:
    """Give the largest difference of two shares of a value.

    Parameters
    ----------
    reference, current : mapping of value to count or weight

    Examples
    --------
    >>> round(l_infinity({"b": 0.9, "c": 0.1}, {"a": 0.3, "b": 0.7}), 12)
    0.3
    """
    p, q = _aligned(reference, current)
    return float(np.abs(_normal(p) - _normal(q)).max(initial=0.0))


def normalized_absolute_difference(reference: Mapping[Hashable, float], current: Mapping[Hashable, float]) -> float:
    """Give the largest difference of two counts over all counts together: it moves with the number of rows too.

    Examples
    --------
    >>> normalized_absolute_difference({"a": 10}, {"a": 30})
    0.5
    """
    p, q = _aligned(reference, current)
    total = p.sum() + q.sum()
    return float(np.abs(p - q).max(initial=0.0) / total) if total else 0.0


def jensen_shannon(reference: Mapping[Hashable, float] | Buckets, current: Mapping[Hashable, float] | Buckets) -> float:
    """Give the Jensen-Shannon divergence, to base 2, in [0, 1].

    Histograms are brought to the union of their edges, the mass of a bucket spread evenly over it, as TensorFlow Data
    Validation does. There a bucket without end shares nothing with one of the other side, nor does NaN; so two
    histograms of the same values with an infinity in each are apart, and edges that follow the extremes of each sample
    make a distance where there is none.

    Parameters
    ----------
    reference, current : mapping of value to count, or Buckets; both of one kind

    Raises
    ------
    DataError
        If one side is empty, or they are of different kinds.

    Examples
    --------
    >>> one = Buckets([1, 2], [2, 3], [2, 2])
    >>> other = Buckets([2, 4], [4, 6], [2, 2])
    >>> round(jensen_shannon(one, other), 10)
    0.6556390622
    """
    if isinstance(reference, Buckets) and isinstance(current, Buckets):
        p, q = _rebucketed(reference, current)
    elif isinstance(reference, Mapping) and isinstance(current, Mapping):
        p, q = _aligned(reference, current)
    else:
        raise DataError("jensen_shannon: give two histograms, or two mappings of values to counts")
    if not p.sum() or not q.sum():
        raise DataError("jensen_shannon: one side has no values, and a divergence needs some on both")
    p, q = _normal(p), _normal(q)
    middle = (p + q) / 2
    return min(1.0, float((_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2))


def population_stability(reference: ArrayLike, current: ArrayLike) -> float:
    """Give the population stability index of counts of the same cells, shape (cells,); empty cells count as 0.0001.

    Examples
    --------
    >>> round(population_stability([50, 50], [75, 25]), 4)
    0.2747
    """
    p = np.maximum(_normal(np.asarray(reference, dtype=np.float64)), _EMPTY)
    q = np.maximum(_normal(np.asarray(current, dtype=np.float64)), _EMPTY)
    return float(((q - p) * np.log(q / p)).sum())


def scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring the largest value near 1 by a power of two, so that squares and differences neither overflow nor vanish.

    Nothing is rounded, but for values beside which the largest is more than 10^300 times as large.

    Examples
    --------
    >>> scaled(np.array([-1.5e308, 0.0, 1.5e308])).tolist()
    [-0.8344023702767426, 0.0, 0.8344023702767426]
    """
    exponent = int(np.frexp(np.abs(values).max(initial=0.0))[1])
    return np.ldexp(values, -exponent)


def wasserstein(values: ArrayLike, reference: ArrayLike, current: ArrayLike) -> float:
    """Give the first Wasserstein distance in standard deviations of the reference, as Evidently does.

    Parameters
    ----------
    values : array of float, shape (cells,), rising
    reference, current : array of int, shape (cells,)
        How often each value occurs.

    Returns
    -------
    float
        At least 0; nan when all reference values are alike.

    Examples
    --------
    >>> wasserstein([0, 1, 2], [1, 0, 1], [0, 1, 1])
    0.5
    """
    place = scaled(np.asarray(values, dtype=np.float64))
    p, q = (_normal(np.asarray(counts, dtype=np.float64)) for counts in (reference, current))
    # Not by `@`: the threads of the linear algebra cost more than so short a sum, far more on a busy machine.
    mean = float((p * place).sum())
    spread = math.sqrt(float((p * (place - mean) ** 2).sum()))
    if spread == 0:
        return math.nan
    gaps = np.abs(np.cumsum(p) - np.cumsum(q))[:-1]
    return float((gaps * np.diff(place)).sum()) / spread


def _aligned(reference: Mapping[Hashable, float], current: Mapping[Hashable, float]) -> tuple[Floats, Floats]:
    keys = [*reference, *(key for key in current if key not in reference)]
    sides = (np.array([float(side.get(key, 0.0)) for key in keys]) for side in (reference, current))
    p, q = sides
    return p, q


def _rebucketed(one: Buckets, other: Buckets) -> tuple[Floats, Floats]:
    first, second = _parts(one), _parts(other)
    edges = np.unique(np.concatenate([*first.buckets[:2], *second.buckets[:2]]))
    spread = [_spread(part.buckets, edges) for part in (first, second)]
    points = sorted({*first.points, *second.points})
    masses = [np.array([part.points.get(point, 0.0) for point in points]) for part in (first, second)]
    apart = [np.array([first.endless, 0.0, one.nan, 0.0]), np.array([0.0, second.endless, 0.0, other.nan])]
    p, q = (np.concatenate([spread[i], masses[i], apart[i]]) for i in (0, 1))
    return p, q


@dataclass(frozen=True)
class _Parts:
    buckets: tuple[Floats, Floats, Floats]
    points: dict[float, float]
    endless: float


def _parts(histogram: Buckets) -> _Parts:
    low, high, counts = (np.asarray(x, dtype=np.float64) for x in (histogram.low, histogram.high, histogram.counts))
    finite = np.isfinite(low) & np.isfinite(high)
    single = finite & (low == high)
    points: dict[float, float] = {}
    for place, mass in zip(low[single], counts[single], strict=True):
        points[float(place)] = points.get(float(place), 0.0) + float(mass)
    wide = finite & ~single
    return _Parts((low[wide], high[wide], counts[wide]), points, float(counts[~finite].sum()))


def _spread(buckets: tuple[Floats, Floats, Floats], edges: Floats) -> Floats:
    low, high, counts = buckets
    if edges.size < 2:
        return np.zeros(0)
    left, right = edges[:-1], edges[1:]
    shared = np.clip(np.minimum(right, high[:, None]) - np.maximum(left, low[:, None]), 0.0, None)
    mass: Floats = (counts[:, None] * shared / (high - low)[:, None]).sum(axis=0)
    return mass


def _relative_entropy(p: Floats, middle: Floats) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / middle[some])).sum())


def _normal(counts: Floats) -> Floats:
    total = counts.sum()
    return counts / total if total else counts
