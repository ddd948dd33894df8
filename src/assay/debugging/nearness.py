"""All rows in the order of their distance to a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

# Of the 52 bits of a distance so many are rounded away, in which the product of matrices may err.
_LEAST_BITS = 20


class Owned:
    """Points by owner.

    Parameters
    ----------
    owners : ndarray of int, shape (points,)
    """

    def __init__(self, owners: Places) -> None:
        self.places = np.argsort(owners, kind="stable")
        ordered = owners[self.places]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])


class Nearness:
    """Orders points by their Euclidean distance to queries, nearest first.

    Squared distances come from one product of matrices in double precision, and are compared to nine digits, fewer above a million rows; rows that
    agree so far are taken in their own order. Copies of a row are always at one distance.

    Parameters
    ----------
    points : ndarray of float64 or scipy sparse matrix, shape (points, features)
    """

    def __init__(self, points: Any) -> None:
        self.count = points.shape[0]
        self._copy: Places | None = None
        if isinstance(points, np.ndarray):
            self._middle: Any = points.mean(axis=0)
            points = np.ascontiguousarray(points - self._middle) + 0.0  # one sign of zero
            if points.shape[1]:
                rows = points.view(np.dtype((np.void, points.itemsize * points.shape[1]))).ravel()
                _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
                if first.size < self.count:
                    points, self._copy = points[first], inverse.ravel()
            self._squares = np.einsum("ij,ij->i", points, points)
        else:
            self._middle = None
            self._squares = np.asarray(points.multiply(points).sum(axis=1)).ravel()
        self._points = points
        bits = max(_LEAST_BITS, (self.count - 1).bit_length())
        self._places, self._half = np.uint64((1 << bits) - 1), np.uint64(1 << (bits - 1))

    def order(self, queries: Any, owned: Owned | None = None) -> Places:
        """Give the points of each query, nearest first.

        Parameters
        ----------
        queries : as the points, shape (queries, features)
        owned : Owned, optional
            Then of each owner the nearest point alone is given.

        Returns
        -------
        ndarray of int, shape (queries, points or owners)
        """
        if self._middle is None:
            squares = -2.0 * np.asarray((queries @ self._points.T).toarray())
            squares += np.asarray(queries.multiply(queries).sum(axis=1)).reshape(-1, 1)
        else:
            queries = queries - self._middle
            squares = queries @ self._points.T
            squares *= -2.0
            squares += np.einsum("ij,ij->i", queries, queries)[:, None]
        squares += self._squares
        np.maximum(squares, 0, out=squares)
        if self._copy is not None:
            squares = squares[:, self._copy]
        # Bits of numbers that are not negative sort as the numbers do: rounded, the last ones give way to the row's place.
        keys = np.ascontiguousarray(squares).view(np.uint64)
        keys += self._half
        keys &= ~self._places
        keys |= np.arange(self.count, dtype=np.uint64)
        if owned is not None:
            keys = np.minimum.reduceat(keys[:, owned.places], owned.starts, axis=1)
        keys.sort(axis=1)
        keys &= self._places
        return keys.view(np.int64)
