"""What can be measured of a table from its groups of equal values, by the names that Deequ gives it.

Groups are those of the rows in which at least one of the columns has a value; NULL is a value like another beside one
that is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from assay.data.facts import to_arrow
from assay.errors import DataError
from assay.validation.analyzers import Analyzer, ratio
from assay.validation.profiling import kind_of

if TYPE_CHECKING:
    import ibis

MOST_BINS = 1000
NULL_VALUE = "NullValue"


class GroupAnalyzer(Analyzer, frozen=True):
    """A number made of the sizes of groups."""

    on: tuple[str, ...]
    where: str = ""

    def __post_init__(self) -> None:
        on = (self.on,) if isinstance(self.on, str) else tuple(self.on)
        if not on:
            raise DataError(f"{type(self).__name__}: name at least one column to group by")
        msgspec.structs.force_setattr(self, "on", on)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that make the groups."""
        return self.on

    def of(self, groups: Groups) -> Any:
        """Give the metric."""
        raise TypeError(type(self).__name__)


class Groups(msgspec.Struct, frozen=True):
    """What the sizes of groups add up to.

    Parameters
    ----------
    groups, rows : int
        How many groups there are, and rows in them.
    single : int
        Groups of one row.
    repeated : int
        Rows of groups of more than one.
    n_log_n : float
        Sum of size * ln(size).
    """

    groups: int
    rows: int
    single: int
    repeated: int
    n_log_n: float

    @property
    def entropy(self) -> float:
        """Entropy of a row's group, in nats: ln N - sum n ln n / N."""
        return max(0.0, math.log(self.rows) - self.n_log_n / self.rows) if self.rows else 0.0


class CountDistinct(GroupAnalyzer, frozen=True):
    """Number of different values, exactly."""

    def of(self, groups: Groups) -> Any:
        """Count."""
        return groups.groups


class Distinctness(GroupAnalyzer, frozen=True):
    """Different values over rows."""

    def of(self, groups: Groups) -> Any:
        """Divide."""
        return ratio(groups.groups, groups.rows)


class Uniqueness(GroupAnalyzer, frozen=True):
    """Values that occur once over rows."""

    def of(self, groups: Groups) -> Any:
        """Divide."""
        return ratio(groups.single, groups.rows)


class UniqueValueRatio(GroupAnalyzer, frozen=True):
    """Values that occur once over different values."""

    def of(self, groups: Groups) -> Any:
        """Divide."""
        return ratio(groups.single, groups.groups)


class DuplicateRowCount(GroupAnalyzer, frozen=True):
    """Rows that have an equal; over all columns when none is named."""

    on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        on = (self.on,) if isinstance(self.on, str) else tuple(self.on)
        msgspec.structs.force_setattr(self, "on", on)

    def of(self, groups: Groups) -> Any:
        """Count."""
        return groups.repeated


class Entropy(GroupAnalyzer, frozen=True):
    """Entropy of the values, in nats."""

    def of(self, groups: Groups) -> Any:
        """Compute."""
        return groups.entropy


class MutualInformation(Analyzer, frozen=True):
    """Mutual information of two columns in nats, over rows that have both."""

    first: str
    second: str
    where: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Both."""
        return (self.first, self.second)

    def of(self, table: ibis.Table) -> float:
        """Give H(first) + H(second) - H(both)."""
        both = table.filter(table[self.first].notnull() & table[self.second].notnull())
        sides = [groups_of(both, on).entropy for on in dict.fromkeys(((self.first,), (self.second,)))]
        if len(sides) == 1:
            return sides[0]
        return max(0.0, sum(sides) - groups_of(both, self.columns).entropy)


class Histogram(Analyzer, frozen=True):
    """Rows (or a column's sum) of each value as text, the most frequent first; ``"NullValue"`` for missing ones.

    ``binning`` maps an Ibis column to another before values are counted.
    """

    column: str
    binning: Callable[[Any], Any] | None = None
    max_bins: int = MOST_BINS
    sum_of: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.max_bins <= MOST_BINS:
            raise DataError(f"Histogram: max_bins is {self.max_bins}: give 1 to {MOST_BINS}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The column, and the one that is summed."""
        return (self.column, self.sum_of) if self.sum_of else (self.column,)

    def of(self, table: ibis.Table) -> dict[str, float]:
        """Group."""
        value = table[self.column] if self.binning is None else self.binning(table[self.column])
        weight = (
            table[self.sum_of].cast("float64") if self.sum_of else table[self.column].isnull().cast("int64") * 0 + 1
        )
        narrow = table.select(value=value.cast("string").fill_null(NULL_VALUE), weight=weight)
        grouped = narrow.group_by("value").aggregate(total=narrow.weight.sum())
        first = grouped.order_by(grouped.total.desc(), grouped.value).limit(self.max_bins).to_pyarrow()
        return dict(zip(first["value"].to_pylist(), first["total"].to_pylist(), strict=True))


class HistogramBinned(Analyzer, frozen=True):
    """Rows in bins of equal width, or between given edges: ``(low, high, count)``; the last bin holds its upper end."""

    column: str
    bins: int = 10
    edges: tuple[float, ...] = ()
    where: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "edges", tuple(float(edge) for edge in self.edges))
        if self.edges and (len(self.edges) < 2 or sorted(set(self.edges)) != list(self.edges)):
            raise DataError(f"HistogramBinned: edges {list(self.edges)}: give at least two, rising")
        if self.bins < 1:
            raise DataError(f"HistogramBinned: bins is {self.bins}: give at least 1")

    def of(self, table: ibis.Table) -> list[tuple[float, float, int]]:
        """Count between edges."""
        if kind_of(table.schema()[self.column]) not in ("integer", "number"):
            raise DataError(
                f"HistogramBinned: {self.column!r} is {table.schema()[self.column]}, and this needs numbers"
            )
        number = table[self.column].cast("float64")
        narrow = table.select(x=number).filter(lambda t: t.x.notnull() & ~t.x.isinf() & ~t.x.isnan())
        edges: Sequence[float] = self.edges
        if not edges:
            [ends] = narrow.aggregate(low=narrow.x.min(), high=narrow.x.max()).to_pyarrow().to_pylist()
            if ends["low"] is None:
                return []
            step = (ends["high"] - ends["low"]) / self.bins
            edges = [ends["low"] + i * step for i in range(self.bins)] + [ends["high"]]
        if edges[0] == edges[-1]:
            return [(edges[0], edges[-1], int(narrow.count().to_pyarrow().as_py()))]
        inside = narrow.filter((narrow.x >= edges[0]) & (narrow.x <= edges[-1]))
        bucket = inside.select(bin=inside.x.bucket(list(edges), closed="left", close_extreme=True))
        counted = bucket.group_by("bin").aggregate(rows=bucket.count()).to_pyarrow()
        found = dict(zip(counted["bin"].to_pylist(), counted["rows"].to_pylist(), strict=True))
        return [(edges[i], edges[i + 1], int(found.get(i, 0))) for i in range(len(edges) - 1)]


def groups_of(table: ibis.Table, on: Sequence[str]) -> Groups:
    """Add up the sizes of the groups that some columns make."""
    there = table[on[0]].notnull()
    for column in on[1:]:
        there |= table[column].notnull()
    narrow = table.filter(there).select(**{f"k{i}": table[column] for i, column in enumerate(on)})
    sizes = narrow.group_by(list(narrow.columns)).aggregate(n=narrow.count())
    n = sizes.n.cast("float64")
    sums = sizes.aggregate(
        groups=sizes.count(),
        rows=sizes.n.sum().fill_null(0),
        single=(sizes.n == 1).sum().fill_null(0),
        repeated=(sizes.n > 1).ifelse(sizes.n, 0).sum().fill_null(0),
        n_log_n=(n * n.ln()).sum().fill_null(0.0),
    )
    [found] = to_arrow(sums).to_pylist()
    counts = {name: int(found[name]) for name in ("groups", "rows", "single", "repeated")}
    return Groups(**counts, n_log_n=float(found["n_log_n"]))
