"""What a profile keeps of a column: counts, extremes, moments, buckets, values and hashes, each with its own merge."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from assay.validation.sketch import Bucket, smallest, text_hash

K = TypeVar("K")
VALUES = 1000
"""Different values that are counted one by one; of more, the most frequent."""

UNKNOWN = "unknown"
"""A type that Ibis has no name for."""


class Moments(NamedTuple):
    """Number (or weight), mean and the sums of powers 2 to 4 of the distances from it."""

    n: float = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0

    @classmethod
    def of_sums(cls, shift: float, n: float, s1: float, s2: float, s3: float = 0.0, s4: float = 0.0) -> Moments:
        """Center sums of powers of x - `shift`.

        Digits are lost in proportion to (mean - shift)^2 / variance. With the mean of any m of the n values as shift
        that is at most n / m, as those m values alone give the squares m (mean - shift)^2 (Jensen).
        """
        if not n:
            return cls()
        d = s1 / n
        return cls(
            n,
            shift + d,
            max(s2 - n * d * d, 0.0),
            s3 - 3 * d * s2 + 2 * n * d**3,
            max(s4 - 4 * d * s3 + 6 * d * d * s2 - 3 * n * d**4, 0.0),
        )

    def merge(self, other: Moments) -> Moments:
        """Pool two sets of values (Pébay, "Formulas for robust, one-pass parallel computation", SAND2008-6212)."""
        if not (self.n and other.n):
            return other if other.n else self
        a, b, n = self.n, other.n, self.n + other.n
        d = other.mean - self.mean
        return Moments(
            n,
            (a * self.mean + b * other.mean) / n,
            self.m2 + other.m2 + d * d * a * b / n,
            self.m3 + other.m3 + d**3 * a * b * (a - b) / n**2 + 3 * d * (a * other.m2 - b * self.m2) / n,
            self.m4
            + other.m4
            + d**4 * a * b * (a * a - a * b + b * b) / n**3
            + 6 * d * d * (a * a * other.m2 + b * b * self.m2) / n**2
            + 4 * d * (a * other.m3 - b * self.m3) / n,
        )


NOTHING = Moments()


class Comoments(NamedTuple):
    """Of the rows that have both values: number, means and sums of products of the distances from them."""

    n: int = 0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    yy: float = 0.0
    xy: float = 0.0

    @classmethod
    def of_sums(
        cls, shifts: tuple[float, float], n: int, x: float, y: float, xx: float, yy: float, xy: float
    ) -> Comoments:
        """Center sums of products of x and y, each less its shift."""
        if not n:
            return cls()
        dx, dy = x / n, y / n
        return cls(
            n,
            shifts[0] + dx,
            shifts[1] + dy,
            max(xx - n * dx * dx, 0.0),
            max(yy - n * dy * dy, 0.0),
            xy - n * dx * dy,
        )

    def merge(self, other: Comoments) -> Comoments:
        """Pool two sets of rows."""
        if not (self.n and other.n):
            return other if other.n else self
        n = self.n + other.n
        both = self.n * other.n / n
        dx, dy = other.x - self.x, other.y - self.y
        return Comoments(
            n,
            (self.n * self.x + other.n * other.x) / n,
            (self.n * self.y + other.n * other.y) / n,
            self.xx + other.xx + dx * dx * both,
            self.yy + other.yy + dy * dy * both,
            self.xy + other.xy + dx * dy * both,
        )


@dataclass
class ColumnState:
    """One column of one slice.

    Parameters
    ----------
    type : str
        The Ibis type, ``null`` of a column that has none, :data:`UNKNOWN` of one that Ibis does not know.
    counts : counter
        ``rows``, ``present`` (neither NULL nor NaN), ``nan``, ``up`` and ``down`` (infinities), ``zeros``; ``weight``
        and ``weight_present`` where rows have weights.
    low, high : int, float, str or None
        Least and greatest finite value; times as ISO text.
    moments, lengths, weighted : Moments
        Of the finite values below 1e75, of the lengths of texts and lists, and of the values by weight.
    length_low, length_high : int or None
    buckets, bucket_weights : counter
        Finite values by :data:`~assay.validation.sketch.Bucket`.
    values, value_weights : counter
        Rows by value, at most :data:`VALUES`; empty where values are not counted one by one.
    cut : int
        What a value that is not in `values` has at most, and what a value in it may have more than it says.
    family : str
        Which hash `hashes` are of: ``md5`` of every engine, or an engine's own; empty for none.
    hashes : dict of int to str
        The smallest hashes, each with its value where that is a text. Empty while `values` holds all.
    quantiles : dict of float to float
        Exact ones; a merge loses them.
    joint : counter of (cell of this column, cell of the label)
    """

    type: str
    counts: Counter[str] = field(default_factory=Counter)
    low: float | int | str | None = None
    high: float | int | str | None = None
    moments: Moments = NOTHING
    lengths: Moments = NOTHING
    weighted: Moments = NOTHING
    length_low: int | None = None
    length_high: int | None = None
    buckets: Counter[Bucket] = field(default_factory=Counter)
    bucket_weights: dict[Bucket, float] = field(default_factory=dict)
    values: Counter[str] = field(default_factory=Counter)
    value_weights: dict[str, float] = field(default_factory=dict)
    cut: int = 0
    family: str = ""
    hashes: dict[int, str] = field(default_factory=dict)
    quantiles: dict[float, float] = field(default_factory=dict)
    joint: Counter[tuple[str, str]] = field(default_factory=Counter)

    def merge(self, other: ColumnState) -> ColumnState:
        """Pool the rows of two tables; changes neither."""
        mine, theirs = self.sketch(), other.sketch()
        values, cut = _pooled(self, other)
        weights = _added(self.value_weights, other.value_weights)
        # Of an empty part any family will do; two families name the same value by different hashes.
        parts = [(family, found) for family, found in ((self.family, mine), (other.family, theirs)) if found]
        family, hashes = (self.family or other.family), {}
        if len({name for name, _ in parts}) == 1:
            family = parts[0][0]
            hashes = {key: (mine | theirs)[key] for key in smallest(mine.keys() | theirs.keys())}
        elif len(parts) == 2:
            family = "mixed"
        exact = bool(values) and not cut
        return ColumnState(
            type=self.type,
            counts=self.counts + other.counts,
            low=_extreme(min, self.low, other.low),
            high=_extreme(max, self.high, other.high),
            moments=self.moments.merge(other.moments),
            lengths=self.lengths.merge(other.lengths),
            weighted=self.weighted.merge(other.weighted),
            length_low=_extreme(min, self.length_low, other.length_low),
            length_high=_extreme(max, self.length_high, other.length_high),
            buckets=self.buckets + other.buckets,
            bucket_weights=_added(self.bucket_weights, other.bucket_weights),
            values=values,
            value_weights={value: weight for value, weight in weights.items() if value in values},
            cut=cut,
            family=family,
            hashes={} if exact else hashes,
            joint=self.joint + other.joint,
        )

    def sketch(self) -> dict[int, str]:
        """Give the smallest hashes, from the values themselves where all are known."""
        if self.hashes or not self.values:
            return self.hashes
        text = self.type == "string"
        found = {text_hash(value): value if text else "" for value in self.values}
        return {key: found[key] for key in smallest(found)}


def kept(values: Counter[str], cut: int) -> tuple[Counter[str], int]:
    """Keep the most frequent values, ties in the order of their text, and raise the bound to the first one left out."""
    if len(values) <= VALUES:
        return values, cut
    first = sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))
    return Counter(dict(first[:VALUES])), cut + first[VALUES][1]


def _pooled(one: ColumnState, two: ColumnState) -> tuple[Counter[str], int]:
    """Add counts; what either table left out may be among what the other one kept, so their bounds add up."""
    return kept(one.values + two.values, one.cut + two.cut)


def _added(one: dict[K, float], two: dict[K, float]) -> dict[K, float]:
    return {key: one.get(key, 0.0) + two.get(key, 0.0) for key in one.keys() | two.keys()}


def _extreme(pick: Any, one: Any, two: Any) -> Any:
    return two if one is None else one if two is None else pick(one, two)
