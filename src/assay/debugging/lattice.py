"""Walk the lattice of slices depth first, and count all slices that differ in their last column in one pass.

A node is a sequence of columns; its groups are the combinations of their values that are worth a look, and its
rows are those of the groups. One histogram over (group, value of a later column) gives size, sum and largest value of
every slice that is one condition longer. No candidates are built and no slice gets a number, so that there
is nothing to overflow; memory is the rows of a path.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

# Elements of a histogram's keys that are made at a time: they stay in the cache.
_CHUNK = 1 << 17
# Rows of groups that overlap, as ranges do, are taken in parts of about this many.
_ROWS = 1 << 22


@dataclass(frozen=True)
class Coded:
    """Columns as codes.

    Attributes
    ----------
    codes : ndarray of unsigned int, shape (rows, columns)
    domains : ndarray of int, shape (columns,)
        Codes of column j are 0 to ``domains[j] - 1``.
    ordered : ndarray of int, shape (columns,)
        The first so many codes of a column are bins in order, and every range of them is a condition; 0 for none.
    """

    codes: NDArray[np.unsignedinteger]
    domains: Ints
    ordered: Ints

    def conditions(self, column: int) -> tuple[Ints, Ints]:
        """List first and last code of each condition: each code, and each range of bins that is not the whole column."""
        single = np.arange(self.domains[column])
        low, high = np.triu_indices(self.ordered[column], 1)
        proper = high - low + 1 < self.domains[column]
        return np.concatenate([single, low[proper]]), np.concatenate([single, high[proper]])

    def memberships(self, level: int) -> float:
        """Bound the number of slices with ``level`` conditions that a row can be in.

        It is the elementary symmetric polynomial of the largest numbers of conditions that a row meets in a column.
        """
        polynomial = np.zeros(level + 1)
        polynomial[0] = 1.0
        for column in range(self.domains.size):
            low, high = self.conditions(column)
            cover = np.bincount(low, minlength=self.domains[column] + 1) - np.bincount(
                high + 1, minlength=self.domains[column] + 1
            )
            polynomial[1:] += polynomial[:-1] * int(np.cumsum(cover).max())
        return float(polynomial[level])


@dataclass(frozen=True)
class Counts:
    """Slices that share their columns but the last.

    Attributes
    ----------
    columns : tuple of int
        Columns of the conditions but the last.
    groups : ndarray of int, shape (groups, level - 1, 2)
        First and last code of these conditions.
    last, low, high : ndarray of int, shape (conditions,)
        Column and codes of the last condition.
    size, total, largest : ndarray of float64, shape (groups, conditions)
    above : list of ndarray of float64, shape (groups, conditions)
        Sums of max(value - threshold, 0), one for each threshold.
    """

    columns: tuple[int, ...]
    groups: Ints
    last: Ints
    low: Ints
    high: Ints
    size: Floats
    total: Floats
    largest: Floats
    above: list[Floats]


class Visitor(Protocol):
    """Sees the counts; slices whose parts stay below ``floor`` are not looked into."""

    floor: float

    def see(self, counts: Counts) -> Floats:
        """Give, for each slice, what no part of it exceeds; -inf where none is wanted."""


@dataclass(frozen=True)
class _Column:
    """A column to come: its number of local codes, and of each condition the local and the true codes."""

    at: int
    domain: int
    low: Ints
    high: Ints
    first: Ints
    last: Ints

    @property
    def plain(self) -> bool:
        """Whether no two conditions share a code."""
        return bool(np.all(self.low == self.high))


@dataclass(frozen=True)
class _Node:
    """Rows of some slices, ordered by their values, and the columns to come."""

    codes: NDArray[np.unsignedinteger]
    rows: NDArray[np.int32]
    group: NDArray[np.int32] | None
    columns: tuple[int, ...]
    groups: Ints
    tail: list[_Column]


class Lattice:
    """Coded rows in the order of their values, and the walk over their slices.

    Parameters
    ----------
    coded : Coded
    values : ndarray of float64, shape (rows,)
    weights : ndarray of float64, shape (rows,), optional
        By default each row counts 1.
    thresholds : tuple of float
        Where :attr:`Counts.above` is taken.
    """

    def __init__(
        self, coded: Coded, values: Floats, weights: Floats | None = None, thresholds: tuple[float, ...] = (0.0,)
    ) -> None:
        order = np.argsort(values, kind="stable")
        self.coded = coded
        self.thresholds = thresholds
        self._codes = coded.codes[order]
        self._values = values[order]
        self._weights = None if weights is None else weights[order]
        self._binary = bool(np.all((values == 0) | (values == 1)))

    def walk(self, visitor: Visitor, max_level: int) -> None:
        """Show the visitor every slice that may be worth it, and none twice."""
        tail = []
        for at in range(self._codes.shape[1]):
            first, last = self.coded.conditions(at)
            tail.append(_Column(at, int(self.coded.domains[at]), first, last, first, last))
        rows = np.arange(self._values.size, dtype=np.int32)
        root, counts = _by_strength(_Node(self._codes, rows, None, (), np.zeros((1, 0, 2), np.intp), tail), self._count)
        most = visitor.see(counts)
        if max_level > 1:
            self._descend(*_without(root, most, most[0] >= visitor.floor), visitor, max_level)

    def _descend(self, node: _Node, most: Floats, visitor: Visitor, max_level: int) -> None:
        """Look into the slices of a node that were seen, the most promising column first."""
        if len(node.tail) < 2:
            return
        ends = np.cumsum([column.low.size for column in node.tail])
        reach = np.maximum.reduceat(most, np.concatenate([[0], ends[:-1]]), axis=1)
        for place in np.argsort(-reach[:, :-1].max(axis=0), kind="stable"):
            hopeful = np.flatnonzero(reach[:, place] >= visitor.floor)
            later = np.flatnonzero((reach[hopeful, place + 1 :] >= visitor.floor).any(axis=0))
            if not later.size:
                continue
            alive = most[:, ends[place] - node.tail[place].low.size : ends[place]] >= visitor.floor
            for child in _children(node, int(place), alive, place + 1 + later):
                found = visitor.see(self._count(child))
                if len(child.columns) + 1 < max_level:
                    self._descend(child, found, visitor, max_level)

    def _count(self, node: _Node) -> Counts:
        """Count all slices one condition longer than the groups of a node."""
        values = self._values[node.rows]
        weights = None if self._weights is None else self._weights[node.rows]
        sums = _Sums(node)
        size = sums.of(0, weights)
        nonzero = 0 if values.size and values[0] < 0 else int(np.searchsorted(values, 0.0, side="right"))
        if self._binary:
            total = sums.of(nonzero, None if weights is None else weights[nonzero:])
            largest = (total > 0).astype(np.float64)
            above = [total * max(0.0, 1.0 - threshold) for threshold in self.thresholds]
        else:
            own = values if weights is None else values * weights
            total = sums.of(nonzero, own[nonzero:])
            largest = sums.largest(nonzero, values, 0.0 if nonzero else float(values.min(initial=0.0)))
            above = []
            for threshold in self.thresholds:
                start = int(np.searchsorted(values, threshold, side="right"))
                extra = values[start:] - threshold
                above.append(sums.of(start, extra if weights is None else extra * weights[start:]))
        return Counts(
            columns=node.columns,
            groups=node.groups,
            last=np.repeat([column.at for column in node.tail], [column.low.size for column in node.tail]),
            low=np.concatenate([column.first for column in node.tail]),
            high=np.concatenate([column.last for column in node.tail]),
            size=sums.over_conditions(size, np.add),
            total=sums.over_conditions(total, np.add),
            largest=sums.over_conditions(largest, np.maximum),
            above=[sums.over_conditions(each, np.add) for each in above],
        )


class _Sums:
    """Histograms over (group, column, code) of a node."""

    def __init__(self, node: _Node) -> None:
        domains = np.array([column.domain for column in node.tail])
        self.node = node
        self.offsets = np.cumsum(domains) - domains
        self.width = int(domains.sum())
        self.cells = node.groups.shape[0] * self.width
        self.step = max(1, max(_CHUNK, 2 * self.cells) // len(node.tail))
        self.low = np.concatenate([at + column.low for at, column in zip(self.offsets, node.tail, strict=True)])
        self.high = np.concatenate([at + column.high for at, column in zip(self.offsets, node.tail, strict=True)])
        self.plain = bool(np.all(self.low == self.high))

    def of(self, start: int, weights: Floats | None) -> Floats:
        """Count the rows from ``start`` on, or sum their weights."""
        found = np.zeros(self.cells)
        for low, keys in self._keys(start):
            each = None if weights is None else np.repeat(weights[low - start : low - start + len(keys)], keys.shape[1])
            found += np.bincount(keys.ravel(), each, self.cells)
        return found

    def largest(self, start: int, values: Floats, least: float) -> Floats:
        """Give the largest value of each cell, of rows from ``start`` on."""
        found = np.full(self.cells, least)
        for low, keys in self._keys(start):
            # Rows come in the order of their values, and of several values for one place the last one stays.
            found[keys.ravel()] = np.repeat(values[low : low + len(keys)], keys.shape[1])
        return found

    def over_conditions(self, cells: Floats, combine: np.ufunc) -> Floats:
        """Combine the codes of each condition; shape (groups, conditions)."""
        square = cells.reshape(-1, self.width)
        if self.plain:
            return square if self.low.size == self.width else square[:, self.low]
        ends = np.stack([self.low, self.high + 1], axis=1).ravel()
        padded = np.concatenate([square, np.zeros((square.shape[0], 1))], axis=1)
        return np.asarray(combine.reduceat(padded, ends, axis=1)[:, ::2])

    def _keys(self, start: int) -> Iterator[tuple[int, Ints]]:
        node = self.node
        for low in range(start, node.rows.size, self.step):
            keys = node.codes[low : low + self.step] + self.offsets
            if node.group is not None:
                keys += (node.group[low : low + self.step].astype(np.intp) * self.width)[:, None]
            yield low, keys


def _by_strength(root: _Node, count: Callable[[_Node], Counts]) -> tuple[_Node, Counts]:
    """Order the columns by the variance that they explain, so that good slices are met early; gives their counts too."""
    counts = count(root)
    size, total = counts.size[0], counts.total[0]
    starts = np.cumsum([0, *(column.low.size for column in root.tail)])
    gain = []
    for column, start in zip(root.tail, starts, strict=False):
        # The first conditions of a column are its codes, which part the rows.
        own = slice(start, start + column.domain)
        mean = total[own].sum() / size[own].sum()
        gain.append(-float(np.sum((total[own] - mean * size[own]) ** 2 / np.maximum(size[own], 1e-300))))
    order = np.argsort(gain, kind="stable")
    places = np.concatenate([np.arange(starts[at], starts[at + 1]) for at in order])
    ordered = replace(
        counts,
        last=counts.last[places],
        low=counts.low[places],
        high=counts.high[places],
        size=counts.size[:, places],
        total=counts.total[:, places],
        largest=counts.largest[:, places],
        above=[each[:, places] for each in counts.above],
    )
    return replace(root, codes=root.codes[:, order], tail=[root.tail[at] for at in order]), ordered


def _without(node: _Node, most: Floats, alive: NDArray[np.bool_]) -> tuple[_Node, Floats]:
    """Give all codes of the root that are in no living condition one local code, and drop columns without any."""
    tail, codes, kept, start = [], [], np.zeros(alive.size, dtype=bool), 0
    for place, column in enumerate(node.tail):
        living = alive[start : start + column.low.size]
        if living.any():
            own = node.codes[:, place]
            if column.plain:
                number = int(living.sum())
                new = np.full(column.domain, number, dtype=own.dtype)
                new[column.low[living]] = np.arange(number)
                local = np.arange(number)
                column = _Column(
                    column.at,
                    number + (number < column.domain),
                    local,
                    local,
                    column.first[living],
                    column.last[living],
                )
                own = new[own]
            else:
                living = np.ones_like(living)
            kept[start : start + living.size] = living
            tail.append(column)
            codes.append(own)
        start += living.size
    packed = np.stack(codes, axis=1) if codes else node.codes[:, :0]
    return replace(node, codes=packed, tail=tail), most[:, kept]


def _children(node: _Node, place: int, alive: NDArray[np.bool_], later: Ints) -> Iterator[_Node]:
    """Give the node of the living slices that end with one column; where conditions overlap, in parts."""
    column = node.tail[place]
    own = node.codes[:, place]
    if column.plain:
        groups, condition = np.nonzero(alive)
        number = np.full((alive.shape[0], column.domain), -1, dtype=np.int32)
        number[groups, column.low[condition]] = np.arange(groups.size)
        flat = number.ravel()
        group = flat[own] if node.group is None else flat[node.group.astype(np.intp) * column.domain + own]
        rows = np.flatnonzero(group >= 0)
        yield _child(node, place, groups, condition, rows, group[rows], later)
        return
    parts: list[tuple[Ints, NDArray[np.int32]]] = []
    pairs: list[tuple[int, int]] = []
    for condition_ in np.flatnonzero(alive.any(axis=0)):
        numbers = np.full(alive.shape[0], -1, dtype=np.int32)
        members = np.flatnonzero(alive[:, condition_])
        numbers[members] = len(pairs) + np.arange(members.size)
        inside = (own >= column.low[condition_]) & (own <= column.high[condition_])
        rows = np.flatnonzero(inside if node.group is None else inside & (numbers[node.group] >= 0))
        parts.append((rows, numbers[node.group[rows]] if node.group is not None else np.full(rows.size, numbers[0])))
        pairs += [(int(member), int(condition_)) for member in members]
        if sum(rows.size for rows, _ in parts) > _ROWS:
            yield _joined(node, place, pairs, parts, later)
            parts, pairs = [], []
    if pairs:
        yield _joined(node, place, pairs, parts, later)


def _joined(
    node: _Node, place: int, pairs: list[tuple[int, int]], parts: list[tuple[Ints, NDArray[np.int32]]], later: Ints
) -> _Node:
    groups, conditions = np.array(pairs).T
    rows, group = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(rows, kind="stable")
    return _child(node, place, groups, conditions, rows[order], group[order], later)


def _child(
    node: _Node, place: int, groups: Ints, conditions: Ints, rows: Ints, group: NDArray[np.int32], later: Ints
) -> _Node:
    column = node.tail[place]
    own = np.stack([column.first[conditions], column.last[conditions]], axis=1)[:, None, :]
    suffix = later.size == len(node.tail) - later[0]
    codes = node.codes[:, later[0] :].take(rows, axis=0) if suffix else node.codes[np.ix_(rows, later)]
    return _Node(
        codes=codes,
        rows=node.rows[rows],
        group=group,
        columns=(*node.columns, column.at),
        groups=np.concatenate([node.groups[groups], own], axis=1),
        tail=[node.tail[at] for at in later],
    )
