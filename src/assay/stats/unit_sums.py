"""Values summed by unit, the first step of every bound on units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class UnitSums:
    """Values summed by unit.

    Attributes
    ----------
    totals : ndarray of float64, shape (units,)
    sizes : ndarray of int64, shape (units,)
        Rows of each unit, at least 1.
    labels : ndarray, shape (units,)
        The units, sorted.
    """

    totals: Floats
    sizes: NDArray[np.int64]
    labels: NDArray[Any]


def by_unit(values: ArrayLike, units: ArrayLike) -> UnitSums:
    """Sum the values of each unit.

    Parameters
    ----------
    values : array of float, shape (rows,)
    units : array of str, int, date, datetime64 or other hashable values, shape (rows,)

    Returns
    -------
    UnitSums
        In the order of the sorted labels, whatever the order of the rows.

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, or a row has no unit.

    Examples
    --------
    >>> by_unit([1, 0, 1], ["b", "a", "b"])
    UnitSums(totals=array([0., 2.]), sizes=array([1, 2]), labels=array(['a', 'b'], dtype='<U1'))
    """
    numbers = np.asarray(values, dtype=np.float64)
    codes, labels = encode(units)
    if numbers.shape != codes.shape:
        raise ValueError(f"values and units must have one length, got {numbers.shape} and {codes.shape}")
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"values must be finite, but row {int(np.argmin(np.isfinite(numbers)))} is not")
    sizes = np.bincount(codes, minlength=labels.size).astype(np.int64)
    totals = np.bincount(codes, numbers, labels.size).astype(np.float64, copy=False)
    return UnitSums(totals, sizes, labels)


def encode(units: ArrayLike) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Give each row the position of its unit among the sorted labels, and the labels."""
    raw = np.asarray(units)
    if raw.ndim != 1:
        raise ValueError(f"units must have one dimension, got shape {raw.shape}")
    if raw.dtype.kind not in "OUS":
        missing = raw != raw
        if np.any(missing):
            raise ValueError(f"units: row {int(np.argmax(missing))} has no unit")
        labels, codes = np.unique(raw, return_inverse=True)
        return codes.astype(np.intp, copy=False), labels

    # A dictionary is several times faster than sorting a million strings.
    seen: dict[Any, int] = {}
    first = np.fromiter((seen.setdefault(unit, len(seen)) for unit in raw.tolist()), np.intp, raw.size)
    names = list(seen)
    for name, code in seen.items():
        # NaN, NaT and their like differ from themselves or refuse to compare.
        if name is None or (name != name) is not False:
            raise ValueError(f"units: row {int(np.argmax(first == code))} has no unit")
    try:
        order = sorted(range(len(names)), key=names.__getitem__)
    except TypeError:
        order = sorted(range(len(names)), key=lambda i: (type(names[i]).__name__, str(names[i])))
    labels = np.empty(len(names), dtype=raw.dtype)
    labels[:] = [names[i] for i in order]
    place = np.empty(len(names), dtype=np.intp)
    place[order] = np.arange(len(names))
    return place[first], labels
