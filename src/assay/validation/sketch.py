"""Sketches that merge: log-spaced buckets for quantiles, the smallest hashes for the number of different values."""

from __future__ import annotations

import hashlib
import heapq
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

ALPHA = 0.01
"""Relative error of a value that is read from its bucket."""
GAMMA = (1 + ALPHA) / (1 - ALPHA)
LOG_GAMMA = math.log(GAMMA)
SMALLEST = 1024
"""Hashes that a sketch keeps; with fewer different values it knows them all."""
HEX = 13
SPAN = 16**HEX
"""Hashes are whole numbers below this, 2**52, which every engine's integers and doubles hold."""

Bucket = tuple[int, int]
"""Sign and key: values x with sign(x) = sign and GAMMA**(key - 1) < |x| <= GAMMA**key; zero is (0, 0)."""


def bucket_of(value: float) -> Bucket:
    """Tell the bucket of a finite value."""
    if value == 0:
        return 0, 0
    return (1 if value > 0 else -1), math.ceil(math.log(abs(value)) / LOG_GAMMA)


def ordered(buckets: Iterable[Bucket]) -> list[Bucket]:
    """Sort buckets by the values that they hold."""
    return sorted(buckets, key=lambda bucket: (bucket[0], bucket[0] * bucket[1]))


def edges(bucket: Bucket) -> tuple[float, float]:
    """Give the least and the greatest value of a bucket."""
    sign, key = bucket
    if sign == 0:
        return 0.0, 0.0
    near, far = _power(key - 1), _power(key)
    return (near, far) if sign > 0 else (-far, -near)


def arranged(buckets: Mapping[Bucket, float]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]]:
    """Sort buckets by the values that they hold: the least value of each, its greatest, and its count or weight."""
    pairs = np.array(list(buckets), np.int64).reshape(-1, 2)
    counts = np.array(list(buckets.values()))
    signs, keys = pairs[:, 0], pairs[:, 1]
    order = np.argsort(signs * (keys + 2**20))
    signs, keys = signs[order], keys[order]
    with np.errstate(over="ignore"):
        near, far = np.exp((keys - 1) * LOG_GAMMA) * abs(signs), np.exp(keys * LOG_GAMMA) * abs(signs)
    return np.where(signs < 0, -far, near), np.where(signs < 0, -near, far), counts[order]


def center(bucket: Bucket) -> float:
    """Give the value within ``ALPHA`` of all values of a bucket."""
    sign, key = bucket
    return sign * 2 * _power(key - 1) * GAMMA / (GAMMA + 1) if sign else 0.0


def quantile(buckets: Mapping[Bucket, float], q: float) -> float | None:
    """Read a quantile off weighted buckets.

    Guarantee (exact): within ``ALPHA`` times its size of the value of rank floor(q (n - 1)) among the n values, for
    each bucket's center is within that of each value in it (Masson, Rim, Lee, proposition 3). Values under 1e-307 in
    size are outside of it.

    Parameters
    ----------
    buckets : mapping of bucket to weight
    q : float
        In [0, 1].

    Returns
    -------
    float or None
        ``None`` of no value.

    References
    ----------
    C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
    guarantees", PVLDB 12(12), 2019.
    """
    total = sum(buckets.values())
    if not total:
        return None
    # Whole counts have ranks from 0 to n - 1; weights have no unit, so their rank is a share of the total.
    whole = all(isinstance(weight, int) for weight in buckets.values())
    rank, seen = q * (total - 1) if whole else q * total, 0.0
    last = None
    for bucket in ordered(buckets):
        if buckets[bucket] > 0:
            seen, last = seen + buckets[bucket], bucket
            if seen > rank:
                break
    return None if last is None else center(last)


def counts_between(buckets: Mapping[Bucket, float], limits: Sequence[float]) -> list[float]:
    """Count the values between limits, of a bucket that straddles a limit the part that a straight line gives.

    Parameters
    ----------
    buckets : mapping of bucket to weight
    limits : sequence of float, shape (k + 1,)
        Increasing.

    Returns
    -------
    list of float, shape (k,)
        What lies outside the first and last limit is left out.
    """
    if not buckets:
        return [0.0] * (len(limits) - 1)
    low, high, counts = arranged(buckets)
    # Zero and a bucket too narrow for floats are steps.
    xs = np.stack([low, np.where(high > low, high, np.nextafter(low, np.inf))], axis=1).ravel()
    ends = np.cumsum(counts)
    seen = float(ends[-1])
    below = np.stack([ends - counts, ends], axis=1).ravel()
    at = np.interp(np.asarray(limits), xs, below, left=0.0, right=seen)
    # The first limit is itself inside.
    at[0] = np.interp(math.nextafter(limits[0], -math.inf), xs, below, left=0.0, right=seen)
    return [float(width) for width in np.diff(at)]


def text_hash(text: str) -> int:
    """Hash a text as every engine does: the first 13 hexadecimal digits of the MD5 of its UTF-8."""
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:HEX], 16)


def smallest(hashes: Iterable[int]) -> list[int]:
    """Keep the hashes that stand for all: the 1,024 smallest different ones, in order."""
    return heapq.nsmallest(SMALLEST, set(hashes))


def distinct(hashes: Sequence[int]) -> tuple[float, float]:
    r"""Estimate how many different values there are, with the relative standard error.

    With fewer than k = 1,024 hashes, they are all there are: the count is exact but for two values of one hash, which
    has probability below 2**-33. Otherwise the k-th smallest of D uniform hashes, U, gives the unbiased (k - 1) / U with
    relative standard error below 1/sqrt(k - 2) = 3.1% (Beyer et al., theorem 2), whatever D is.

    References
    ----------
    K. Beyer, P. J. Haas, B. Reinwald, Y. Sismanis, R. Gemulla, "On synopses for distinct-value estimation under
    multiset operations", SIGMOD 2007.
    """
    if len(hashes) < SMALLEST:
        return len(hashes), 0.0
    return (SMALLEST - 1) * SPAN / (hashes[-1] + 1), 1 / math.sqrt(SMALLEST - 2)


def _power(key: int) -> float:
    try:
        return math.exp(key * LOG_GAMMA)
    except OverflowError:
        return math.inf
