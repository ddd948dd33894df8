r"""Exact nearest neighbors by blocked matrix products, with every near-tie decided in double precision.

Half the squared distance of a query q and a point p, less what q alone adds, is |p|^2 / 2 - q . p: one product of
matrices in single precision. Rounding moves it by at most c (|q| |p| + |p|^2 / 2), where c is a little more than the
terms of a sum times the unit roundoff (Higham, 2002, section 3.1, whatever the order of the sum). The product therefore
bounds each distance from below; what the bound does not exclude is computed again from the rows as they were given.

References
----------
Higham, N. J. "Accuracy and Stability of Numerical Algorithms." Second edition, SIAM, 2002.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Places = NDArray[np.intp]

# Entries of one product, 2 MB; terms of one sum; entries of single-precision rows, 64 MB, and of differences, 2 MB.
TILE, TERMS, HELD, DIFFERENCES = 1 << 19, 8192, 1 << 24, 1 << 18
# Points among which copies are looked for.
SAMPLE = 1000
ROUNDOFF = 2.0**-24
# Squares of larger numbers leave the range of double precision.
LARGEST = 1e150


def nearest(
    queries: ArrayLike, points: ArrayLike, k: int = 1, metric: Literal["euclidean", "cosine"] = "euclidean"
) -> tuple[Floats, Places]:
    """Give the k nearest points of each query.

    Exact: the result is that of computing every distance in double precision as it is defined, and sorting by
    distance, then by index. Of points at the same distance the one with the lowest index comes first.

    Parameters
    ----------
    queries : array, shape (queries, features)
    points : array, shape (points, features)
        Finite numbers of at most 1e150 in size.
    k : int, from 1 to points
    metric : {"euclidean", "cosine"}
        Cosine distance is half the squared distance of the rows scaled to length 1, which is 1 - cos. A row of zeros has
        no direction, and lies at distance 1 of everything.

    Returns
    -------
    distances : ndarray of float64, shape (queries, k)
        Ascending.
    indices : ndarray of int, shape (queries, k)

    Raises
    ------
    ValueError
        If shapes do not fit, a value is missing, infinite or too large, or k is out of range.

    Notes
    -----
    Cost: queries x points x features multiplications in single precision. Beyond the result it holds some 150 MB
    a processor, whatever the number of rows. Copies are searched once. Where very many distinct points are at equal distances (whole
    numbers in many features), each of them is looked at in double precision, which takes some twenty times longer.

    Examples
    --------
    >>> distances, indices = nearest([[0.0, 0.0]], [[3.0, 4.0], [1.0, 0.0], [0.0, 1.0]], k=2)
    >>> distances.tolist(), indices.tolist()
    ([[1.0, 1.0]], [[1, 2]])
    """
    if metric not in ("euclidean", "cosine"):
        raise ValueError(f'metric must be "euclidean" or "cosine", got {metric!r}')
    asked, given = _checked("queries", queries), _checked("points", points)
    if asked.shape[1] != given.shape[1]:
        raise ValueError(f"queries have {asked.shape[1]} features and points have {given.shape[1]}")
    if isinstance(k, bool) or k != int(k) or not 1 <= k <= len(given):
        raise ValueError(f"k must be a whole number from 1 to the number of points, {len(given)}, got {k}")
    copies = _Copies.among(given)
    if copies is None:
        return _nearest(asked, given, int(k), metric)
    few = min(int(k), len(copies.first))
    return copies.expanded(*_nearest(asked, given[copies.first], few, metric), int(k))


def _nearest(asked: NDArray[Any], given: NDArray[Any], k: int, metric: str) -> tuple[Floats, Places]:
    left, right = _Rows.of(asked, metric, 0), _Rows.of(given, metric, 1)
    squares = np.full((len(asked), k), np.inf)
    indices = np.full((len(asked), k), len(given), dtype=np.intp)
    if len(asked) and asked.shape[1]:
        frame = _Frame.around(left, right)
        step = max(1, HELD // left.features)
        workers = min(len(asked) // 256 + 1, _processors())
        step = min(-(-len(asked) // workers), max(1, HELD // left.features))
        parts = [slice(start, start + step) for start in range(0, len(asked), step)]

        def search(part: slice) -> None:
            _search(left, np.arange(len(asked))[part], right, frame, squares[part], indices[part])

        # One thread for each part of the queries: threads inside a product wait for each other at each product.
        with _libraries().limit(limits=1, user_api="blas"):
            if len(parts) == 1:
                search(parts[0])
            else:
                with ThreadPoolExecutor(workers) as threads:
                    list(threads.map(search, parts))
    elif len(asked):  # no feature tells any two rows apart
        squares[:], indices[:] = 0.0, np.arange(k)
    return (squares / 2 if metric == "cosine" else np.sqrt(squares)), indices


@dataclass(frozen=True)
class _Copies:
    """Points of which many are equal: they are searched once, in the order of their first places."""

    first: Places  # shape (distinct,), ascending
    members: Places  # all places, grouped by distinct point, ascending in each
    starts: Places  # shape (distinct + 1,)

    @classmethod
    def among(cls, given: NDArray[Any]) -> _Copies | None:
        """None if a sample of the points has few copies."""
        sample = given[np.linspace(0, len(given) - 1, min(len(given), SAMPLE)).astype(np.intp)]
        if not given.shape[1] or len({row.tobytes() for row in sample}) > 0.9 * len(sample):
            return None
        plain = np.ascontiguousarray(given + given.dtype.type(0))  # one sign of zero
        rows = plain.view(np.dtype((np.void, plain.dtype.itemsize * plain.shape[1]))).ravel()
        _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(order.size)
        label = rank[inverse.ravel()]
        members = np.argsort(label, kind="stable")
        starts = np.r_[0, np.cumsum(np.bincount(label))]
        return cls(first[order], members, starts)

    def expanded(self, distances: Floats, indices: Places, k: int) -> tuple[Floats, Places]:
        """Give the k nearest of all points.

        Those that were found suffice: a distinct point that was not is as far as the last or farther, and at the same
        distance its first place is behind the first places of k others.
        """
        far, places = np.empty((len(distances), k)), np.empty((len(distances), k), dtype=np.intp)
        most = min(k, int(np.diff(self.starts).max()))
        step = max(1, DIFFERENCES // (indices.shape[1] * most))
        for begin in range(0, len(distances), step):
            part = slice(begin, begin + step)
            found = indices[part, :, None]
            place = self.starts[found] + np.arange(most)
            inside = place < self.starts[found + 1]
            member = np.where(inside, self.members[np.minimum(place, len(self.members) - 1)], len(self.members))
            far_of = np.where(inside, distances[part, :, None], np.inf)
            shape = len(found), -1
            flat, flat_far = member.reshape(shape), far_of.reshape(shape)
            order = np.lexsort((flat, flat_far), axis=-1)[:, :k]
            far[part] = np.take_along_axis(flat_far, order, axis=1)
            places[part] = np.take_along_axis(flat, order, axis=1)
        return far, places


@dataclass(frozen=True)
class _Rows:
    """Rows as they were given, and in double precision those that are asked for.

    For the cosine metric rows are scaled to length 1. Rows of zeros then get a direction of their own, orthogonal to
    all others: one for queries, another for points.
    """

    given: NDArray[Any]
    zeros: NDArray[np.bool_] | None  # of the cosine metric
    own: int
    largest: float

    @classmethod
    def of(cls, given: NDArray[Any], metric: str, own: int) -> _Rows:
        if metric == "cosine":
            return cls(given, ~np.any(given, axis=1), own, 1.0)
        return cls(given, None, own, max(-float(given.min(initial=0)), float(given.max(initial=0))))

    @property
    def features(self) -> int:
        return int(self.given.shape[1]) + (0 if self.zeros is None else 2)

    def take(self, places: Any) -> Floats:
        rows: Floats = self.given[places].astype(np.float64)
        if self.zeros is None:
            return rows
        zeros = self.zeros[places]
        with np.errstate(invalid="ignore"):
            rows /= np.abs(rows).max(axis=1, keepdims=True)
            rows /= np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
        rows[zeros] = 0.0
        more = np.zeros((len(rows), 2))
        more[zeros, self.own] = 1.0
        return np.concatenate([rows, more], axis=1)


@dataclass(frozen=True)
class _Frame:
    """Where the origin of the product lies, and its unit; the error bound is relative to lengths from there."""

    origin: Floats
    unit: float
    roundoff: float
    underflow: float

    @classmethod
    def around(cls, left: _Rows, right: _Rows) -> _Frame:
        # A median is not dragged along by a few far points.
        count = len(right.given)
        sample = min(count, 512, max(16, 4 * DIFFERENCES // right.features))
        origin = np.median(right.take(np.linspace(0, count - 1, sample).astype(np.intp)), axis=0)
        largest = float(np.abs(origin).max()) + max(left.largest, right.largest)
        unit = 2.0 ** np.ceil(np.log2(largest)) if largest > 0 else 1.0
        terms = left.features + 2
        sums = min(terms, TERMS) + -(-terms // TERMS) + 12
        return cls(origin, float(unit), 1.01 * sums * ROUNDOFF, terms * 2.0**-120)

    def single(self, rows: _Rows, places: Places) -> tuple[Singles, Floats]:
        """Give rows in single precision, with two columns to spare, and their lengths."""
        wide = np.empty((places.size, rows.features + 2), dtype=np.float32)
        lengths = np.empty(places.size)
        step = max(1, DIFFERENCES // rows.features)
        for start in range(0, places.size, step):
            part = slice(start, start + step)
            moved = rows.take(places[part])
            moved -= self.origin
            moved /= self.unit
            wide[part, :-2] = moved
            lengths[part] = np.sqrt(np.square(moved, out=moved).sum(axis=1))
        return wide, lengths


def _search(left: _Rows, asked: Places, right: _Rows, frame: _Frame, squares: Floats, indices: Places) -> None:
    """Fill in squared distances and indices of the queries ``asked``."""
    k = squares.shape[1]
    wide, lengths = frame.single(left, asked)
    wide[:, -2], wide[:, -1] = 1.0, -frame.roundoff * lengths * (1 + 1e-6)
    count = len(right.given)
    tile = max(k, min(2048, HELD // wide.shape[1], count))
    block = max(1, TILE // tile)
    # Memory that is new at each product costs more than the product where features are few.
    room = np.empty((2 if wide.shape[1] > TERMS else 1, block * tile), dtype=np.float32)
    for first in range(0, count, tile):
        last = min(first + tile, count)
        points, reach = frame.single(right, np.arange(first, last))
        points = np.ascontiguousarray(points.T)
        np.negative(points[:-2], out=points[:-2])
        halves = np.square(reach) / 2
        points[-2], points[-1] = halves * (1 - frame.roundoff), reach * (1 + 1e-6)
        for start in range(0, len(asked), block):
            part = slice(start, start + block)
            lower = _product(wide[part], points, room)
            if first == 0:
                limit = _kth(lower, k, frame, lengths[part], reach, halves)
            else:
                limit = squares[part, -1] / (2 * frame.unit**2) - np.square(lengths[part]) / 2
                limit += _slack(frame, lengths[part], squares[part, -1])
            edge = np.nextafter(limit.astype(np.float32), np.float32(np.inf))
            rows, columns = _below(lower, edge)
            if rows.size:
                _merge(left, asked[part], right, rows, columns + first, squares[part], indices[part])


def _product(queries: Singles, points: Singles, room: Singles) -> Singles:
    shape = len(queries), points.shape[1]
    total: Singles
    total, *more = (part[: shape[0] * shape[1]].reshape(shape) for part in room)
    np.matmul(queries[:, :TERMS], points[:TERMS], out=total)
    for start in range(TERMS, queries.shape[1], TERMS):
        part = slice(start, start + TERMS)
        total += np.matmul(queries[:, part], points[part], out=more[0])
    return total


def _slack(frame: _Frame, lengths: Floats, squares: Floats) -> Floats:
    """Rounding of the double-precision distances, which are to be ordered as they are computed."""
    terms = 8 * (frame.origin.size + 8) * 2.0**-53
    return terms * (np.square(lengths) + squares / frame.unit**2) + frame.underflow


def _kth(lower: Singles, k: int, frame: _Frame, lengths: Floats, reach: Floats, halves: Floats) -> Floats:
    """Bound the k-th smallest distance from above: the largest upper bound of the k that seem nearest."""
    near = lower.argmin(axis=1)[:, None] if k == 1 else np.argpartition(lower, k - 1, axis=1)[:, :k]
    error = frame.roundoff * (lengths[:, None] * reach[near] + halves[near])
    upper = np.take_along_axis(lower, near, axis=1) + 2.1 * error
    worst: Floats = upper.max(axis=1)
    return worst + _slack(frame, lengths, (2 * worst + np.square(lengths)) * frame.unit**2)


def _below(lower: Singles, edge: Singles) -> tuple[Any, Any]:
    rows = np.flatnonzero(lower.min(axis=1) <= edge)
    inside = lower <= edge[:, None] if rows.size == len(lower) else lower[rows] <= edge[rows, None]
    inner, columns = np.divmod(np.flatnonzero(inside), lower.shape[1])
    return rows[inner], columns


def _merge(
    left: _Rows, asked: Places, right: _Rows, rows: Places, found: Places, squares: Floats, indices: Places
) -> None:
    """Take the points ``found`` of the queries ``rows`` up among the nearest."""
    # Few rows at a time: thousands of points may be at one distance.
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    ends = np.r_[starts[1:], rows.size]
    group = np.cumsum(ends - starts) // max(DIFFERENCES // 4, 1)
    for label in range(int(group[-1]) + 1):
        chosen = np.flatnonzero(group == label)
        if not chosen.size:
            continue
        part = slice(starts[chosen[0]], ends[chosen[-1]])
        touched = rows[starts[chosen]]
        k = squares.shape[1]
        owner = np.r_[np.repeat(touched, k), rows[part]]
        values = np.r_[squares[touched].ravel(), _squares(left, asked[rows[part]], right, found[part])]
        places = np.r_[indices[touched].ravel(), found[part]]
        # Distances that are equal after the root are equal.
        order = np.lexsort((places, values if left.zeros is not None else np.sqrt(values), owner))
        owner = owner[order]
        begins = np.r_[True, owner[1:] != owner[:-1]]
        rank = np.arange(owner.size) - np.flatnonzero(begins)[np.cumsum(begins) - 1]
        kept = order[rank < k]
        squares[touched], indices[touched] = values[kept].reshape(-1, k), places[kept].reshape(-1, k)


def _squares(left: _Rows, asked: Places, right: _Rows, found: Places) -> Floats:
    """Give squared distances in double precision, pair by pair."""
    squares = np.empty(asked.size)
    step = max(1, DIFFERENCES // left.features)
    for start in range(0, asked.size, step):
        part = slice(start, start + step)
        squares[part] = np.square(left.take(asked[part]) - right.take(found[part])).sum(axis=1)
    if left.zeros is not None and right.zeros is not None:
        squares[left.zeros[asked] | right.zeros[found]] = 2.0
    return squares


@cache
def _libraries() -> Any:
    return ThreadpoolController()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(name: str, rows: ArrayLike) -> NDArray[Any]:
    given = np.asarray(rows)
    if given.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, rows and features, got shape {given.shape}")
    if given.dtype.kind not in "biuf" or given.dtype.itemsize > 8:
        try:
            given = given.astype(np.float64)
        except (TypeError, ValueError) as problem:
            raise ValueError(f"{name} must be numbers: {problem}") from problem
    if given.dtype.kind == "f":
        low, high = float(given.min(initial=0)), float(given.max(initial=0))
        if not (low >= -LARGEST and high <= LARGEST):  # missing values too
            row = next(place for place, row in enumerate(given) if not np.all(np.abs(row) <= LARGEST))
            column = int(np.argmin(np.abs(given[row]) <= LARGEST))
            raise ValueError(
                f"{name} must be finite and at most {LARGEST:g} in size: row {row}, column {column} is {given[row, column]}"
            )
    return given
