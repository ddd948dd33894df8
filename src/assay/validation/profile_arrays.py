"""The state of numeric columns of a DuckDB table, from arrays: a column is read once for everything.

A statement for each measure would read, cast and compare a column a dozen times; here blocks that fit a processor's cache
are read from memory once. The states are those that the statements of other engines give.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from assay.validation.profile_measures import LARGEST
from assay.validation.profile_state import VALUES, Comoments, Moments
from assay.validation.profiling import QUANTILES
from assay.validation.sketch import LOG_GAMMA, SMALLEST, SPAN, text_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import ibis.expr.datatypes as dt
    from numpy.typing import NDArray

    from assay.validation.profile_state import ColumnState

BYTES = 256_000_000
"""Of the columns that are in memory at a time; a longer column is left to statements."""
PART = 32_000_000
"""Of them where no two are looked at together."""
BATCH = 2**16
BLOCK = 2**15
DENSE = 2**22
"""Whole numbers over a range up to this are counted by their place in it; over a wider one they are sorted."""
REACH = 40_000
"""No double has a bucket farther from zero than this."""
FEW = 2000
"""Different values up to which hashing them here takes less than a statement."""
_PRIME = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_LEFT = np.uint64(12)
_TEN = np.uint64(10)


class Column:
    """A column in memory.

    Parameters
    ----------
    values : array, shape (rows,)
        Doubles with NaN where missing, or whole numbers with 0 where missing.
    """

    def __init__(self, rows: int, kind: dt.DataType) -> None:
        self.floating = bool(kind.is_floating())
        self.values: NDArray[Any] = np.empty(rows, np.float64 if self.floating else kind.to_numpy())
        self.nulls = 0
        self.known: NDArray[np.bool_] | None = None

    def put(self, start: int, part: pa.Array) -> None:
        """Copy a batch to its place."""
        stop = start + len(part)
        if part.null_count:
            self.nulls += part.null_count
            if not self.floating:
                if self.known is None:
                    self.known = np.ones(len(self.values), bool)
                self.known[start:stop] = part.is_valid().to_numpy(zero_copy_only=False)
            part = part.fill_null(math.nan if self.floating else 0)
        self.values[start:stop] = part.to_numpy()

    def moderate(self, start: int, stop: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Give a block as doubles, and which of them count for moments."""
        values = self.values[start:stop].astype(np.float64)
        known = np.abs(values) < LARGEST if self.floating else np.ones(len(values), bool)
        return values, known if self.known is None else self.known[start:stop]


def fits(kind: dt.DataType, rows: int) -> bool:
    """Whether a column is of doubles or whole numbers that an array holds, and not too long for memory."""
    known = kind.is_floating() or (kind.is_integer() and kind.nbytes <= 8)
    return bool(known and rows * 8 <= BYTES)


def portions(
    columns: Mapping[str, tuple[str, dt.DataType]], rows: int, *, together: bool
) -> Iterator[dict[str, tuple[str, dt.DataType]]]:
    """Divide columns into what is in memory at a time: all of them, where pairs are looked at and they fit."""
    room = {name: rows * (8 if kind.is_floating() else kind.nbytes) for name, (_, kind) in columns.items()}
    most = BYTES if together and sum(room.values()) <= BYTES else PART
    some: dict[str, tuple[str, dt.DataType]] = {}
    for name, pair in columns.items():
        if some and sum(room[each] for each in some) + room[name] > most:
            yield some
            some = {}
        some[name] = pair
    yield some


def hashes_alike(backend: Any) -> bool:
    """Whether this version of DuckDB hashes doubles as :func:`hashed` does, so that sketches of both merge."""
    probe = np.array([1.5, -3.25e10, 1e-300])
    [found] = backend.con.execute(f"SELECT {', '.join(f'hash({x!r}::DOUBLE)' for x in probe.tolist())}").fetchall()
    return tuple(found) == tuple(int(each) for each in _murmur(probe))


def load(backend: Any, rows: str, columns: Mapping[str, tuple[str, dt.DataType]], count: int) -> dict[str, Column]:
    """Read columns of a subquery of `count` rows into memory, all in one pass."""
    found = {name: Column(count, kind) for name, (_, kind) in columns.items()}
    # Instances of one column may have names that differ in case alone, which DuckDB does not tell apart.
    wanted = ", ".join(
        f"{f'CAST({sql} AS DOUBLE)' if kind.is_floating() else sql} AS c{i}"
        for i, (sql, kind) in enumerate(columns.values())
    )
    start = 0
    for batch in backend.con.sql(f"SELECT {wanted} FROM {rows}").to_arrow_reader(BATCH):
        for column, part in zip(found.values(), batch.columns, strict=True):
            column.put(start, part)
        start += len(batch)
    return found


def comoments(columns: Mapping[str, Column]) -> dict[tuple[str, str], Comoments]:
    """Sums of products of every pair, over the rows that have both: a matrix product for each block."""
    names = list(columns)
    pairs = list(combinations(range(len(names)), 2))
    found = [Comoments()] * len(pairs)
    for start, stop in _blocks(len(next(iter(columns.values())).values)):
        parts = [column.moderate(start, stop) for column in columns.values()]
        shifts = [float(values[known].mean()) if known.any() else 0.0 for values, known in parts]
        with np.errstate(invalid="ignore"):
            x = np.stack([np.where(k, v - s, 0.0) for (v, k), s in zip(parts, shifts, strict=True)])
        known = np.stack([k for _, k in parts]).astype(np.float64)
        n, first, second, product = known @ known.T, x @ known.T, (x * x) @ known.T, x @ x.T
        for place, (i, j) in enumerate(pairs):
            sums = (first[i, j], first[j, i], second[i, j], second[j, i], product[i, j])
            part = Comoments.of_sums((shifts[i], shifts[j]), round(n[i, j]), *map(float, sums))
            found[place] = found[place].merge(part)
    return {(names[i], names[j]): each for (i, j), each in zip(pairs, found, strict=True)}


def fill(state: ColumnState, column: Column, backend: Any) -> None:
    """Put everything that a state holds of a numeric column into it; what was in the column is then in another order."""
    state.counts["rows"] = len(column.values)
    if column.floating:
        _floats(state, column)
    else:
        _whole(state, column, backend)
    if state.low is not None:
        state.family = f"hash {backend.name} {backend.version}" if column.floating else "md5"
    for key in [key for key, count in state.counts.items() if not count]:
        del state.counts[key]


def _blocks(rows: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK))


def _floats(state: ColumnState, column: Column) -> None:
    values, counts = column.values, state.counts
    places = np.zeros((2, 2 * REACH), np.int64)
    kept = _Smallest(len(values))
    low, high, missing = math.inf, -math.inf, 0
    for start, stop in _blocks(len(values)):
        x = values[start:stop]
        finite = np.isfinite(x)
        if not finite.all():
            missing += int(np.isnan(x).sum())
            counts["up"] += int((x == math.inf).sum())
            counts["down"] += int((x == -math.inf).sum())
            x = x[finite]
            if not len(x):
                continue
        least, greatest = float(x.min()), float(x.max())
        low, high = min(low, least), max(high, greatest)
        moderate = x if least > -LARGEST and greatest < LARGEST else x[np.abs(x) < LARGEST]
        state.moments = state.moments.merge(_moments(moderate))
        kept.add(x)
        counts["zeros"] += len(x) - _count_buckets(places, x)
    counts["nan"] = missing - column.nulls
    counts["present"] = len(values) - missing
    finite_values = counts["present"] - counts["up"] - counts["down"]
    if finite_values:
        state.low, state.high = low + 0.0, high + 0.0
        _put_buckets(state, places)
        ordered = values if finite_values == len(values) else values[np.isfinite(values)]
        ranks = sorted({rank for q in QUANTILES for rank in _ranks(q, len(ordered))})
        ordered.partition(ranks)
        state.quantiles = {q: _between(q, len(ordered), lambda rank: float(ordered[rank])) for q in QUANTILES}
        state.hashes = dict.fromkeys(kept.hashes(values), "")


def _moments(x: NDArray[np.float64], times: NDArray[np.int64] | None = None) -> Moments:
    if not len(x):
        return Moments()
    n = len(x) if times is None else int(times.sum())
    shift = float(x.mean() if times is None else (x * times).sum() / n)
    term = x - shift
    # Without products of vectors, for which a library of linear algebra wakes every core.
    often = term if times is None else term * times
    square = term * term
    sums = (often.sum(), (often * term).sum(), (often * square).sum(), (often * term * square).sum())
    return Moments.of_sums(shift, n, *map(float, sums))


def _count_buckets(places: NDArray[np.int64], x: NDArray[np.float64], times: NDArray[np.int64] | None = None) -> int:
    """Count values in their buckets, those above zero first; returns how many are not zero."""
    found = 0
    for row, side in enumerate((x > 0, x < 0)):
        size = np.abs(x[side])
        if len(size):
            keys = np.ceil(np.log(size) / LOG_GAMMA).astype(np.int64)
            first = int(keys.min())
            # Counts are sums of whole doubles, which are exact.
            counted = np.bincount(keys - first, None if times is None else times[side]).astype(np.int64)
            places[row, REACH + first : REACH + first + len(counted)] += counted
            found += len(size)
    return found


def _put_buckets(state: ColumnState, places: NDArray[np.int64]) -> None:
    for row, sign in enumerate((1, -1)):
        [keys] = np.nonzero(places[row])
        counted = zip(zip(repeat(sign), (keys - REACH).tolist(), strict=False), places[row, keys].tolist(), strict=True)
        dict.update(state.buckets, counted)
    if state.counts["zeros"]:
        state.buckets[0, 0] = state.counts["zeros"]


def _ranks(q: float, n: int) -> tuple[int, int]:
    place = q * (n - 1)
    return int(place), math.ceil(place)


def _between(q: float, n: int, at: Any) -> float:
    place = q * (n - 1)
    low, high = (at(rank) for rank in _ranks(q, n))
    return float(low + (high - low) * (place - int(place)))


class _Smallest:
    """The smallest different hashes of doubles, block by block."""

    def __init__(self, rows: int) -> None:
        # Of n values that differ, about 4,096 are below this; where fewer differ than that, all of them are looked at.
        self.limit = min(SPAN, 4 * SMALLEST * SPAN // max(rows, 1))
        self.kept: list[NDArray[np.uint64]] = []

    def add(self, x: NDArray[np.float64]) -> None:
        found = _murmur(x + 0.0) >> _LEFT
        self.kept.append(_different(found[found < self.limit]))

    def hashes(self, values: NDArray[np.float64]) -> list[int]:
        found = _different(np.concatenate(self.kept))
        if len(found) < SMALLEST and self.limit < SPAN:
            self.limit, self.kept = SPAN, [found]
            for start, stop in _blocks(len(values)):
                self.add(values[start:stop][np.isfinite(values[start:stop])])
                self.kept = [_different(np.concatenate(self.kept))[:SMALLEST]]
            [found] = self.kept
        smallest: list[int] = found[:SMALLEST].tolist()
        return smallest


def _different(values: NDArray[Any]) -> NDArray[Any]:
    """Give the different values in order."""
    ordered = np.sort(values)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def _murmur(x: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Hash the bits of doubles as DuckDB does: the last steps of MurmurHash3, with D. Stafford's constants."""
    found = x.view(np.uint64).copy()
    for _ in range(2):
        found ^= found >> _HALF
        found *= _PRIME
    found ^= found >> _HALF
    return found


def _whole(state: ColumnState, column: Column, backend: Any) -> None:
    values = column.values if column.known is None else column.values[column.known]
    state.counts["present"] = n = len(values)
    if not n:
        return
    different, counts = _counted(values)
    state.low, state.high = int(different[0]), int(different[-1])
    state.counts["zeros"] = int(counts[different == 0].sum())
    places = np.zeros((2, 2 * REACH), np.int64)
    for start, stop in _blocks(len(different)):
        x, times = different[start:stop].astype(np.float64), counts[start:stop]
        state.moments = state.moments.merge(_moments(x, times))
        _count_buckets(places, x, times)
    _put_buckets(state, places)
    ends = np.cumsum(counts)
    state.quantiles = {
        q: _between(q, n, lambda rank: int(different[np.searchsorted(ends, rank, "right")])) for q in QUANTILES
    }
    if len(different) <= VALUES:
        state.values = Counter(dict(zip(map(str, different.tolist()), counts.tolist(), strict=True)))
        return
    first = _most_frequent(different, counts, VALUES + 1)
    state.values = Counter({str(different[place]): int(counts[place]) for place in first[:VALUES]})
    state.cut = int(counts[first[VALUES]])
    if len(different) <= FEW:
        keys_ = sorted(text_hash(str(value)) for value in different.tolist())[:SMALLEST]
    else:
        keys_ = _hashes_of(different, backend)
    state.hashes = dict.fromkeys(keys_, "")


def _counted(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Give the different values in order, and the rows of each."""
    low, high = int(values.min()), int(values.max())
    if high - low < DENSE:
        places = np.bincount((values - low).astype(np.int64, copy=False))
        [found] = np.nonzero(places)
        return (found + low).astype(values.dtype), places[found]
    ordered = np.sort(values)
    starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
    return ordered[starts], np.diff(np.append(starts, len(ordered)))


def _most_frequent(values: NDArray[Any], counts: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Places of the most frequent values, ties in the order of their text."""
    least = np.partition(counts, len(counts) - most)[len(counts) - most]
    [above], [level] = np.nonzero(counts > least), np.nonzero(counts == least)
    need = most - len(above)
    first = []
    for start, stop in _blocks(len(level)):
        near = level[start:stop]
        if need < len(near):
            [key, *_] = _text_keys(values[near])
            near = near[key <= np.partition(key, need)[need]]
        first.append(near)
    level = np.concatenate(first)
    return np.concatenate([above, level[np.lexsort(_text_keys(values[level])[::-1])][:need]])


def _text_keys(values: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Numbers that order whole numbers as their texts: a sign before any digit, digits as of a fraction, fewer first.

    The first is a double, coarser than the others together.
    """
    size = np.where(values < 0, np.uint64(0) - values.astype(np.uint64), values.astype(np.uint64))
    digits = np.ones(len(values), np.uint64)
    for power in range(1, 20):
        digits += size >= np.uint64(10**power)
    # Twenty digits scaled up do not fit: the last one of so large a number comes after the others.
    long = digits == 20
    scaled = np.where(long, size // _TEN, size * _TEN ** (np.uint64(19) - np.minimum(digits, np.uint64(19))))
    last = np.where(long, size % _TEN, np.uint64(0))
    return scaled.astype(np.float64) - np.where(values < 0, 1e20, 0.0), scaled, last, digits


def _hashes_of(different: NDArray[Any], backend: Any) -> list[int]:
    name = "assay_different"
    backend.con.register(name, pa.table({"v": different}))
    try:
        found = backend.con.execute(
            f"SELECT md5(CAST(v AS VARCHAR)) AS h FROM {name} ORDER BY h LIMIT {SMALLEST}"
        ).fetchall()
    finally:
        backend.con.unregister(name)
    return [int(text[:13], 16) for (text,) in found]
