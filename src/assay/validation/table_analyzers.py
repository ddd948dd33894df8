"""What needs a query of its own: shape, moments, a sketch of the distribution, queries of one's own, another table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from assay.data.facts import columns_present
from assay.data.slice import query
from assay.data.sources import table as open_table
from assay.errors import DataError
from assay.validation.analyzers import Analyzer, ratio
from assay.validation.group_analyzers import HistogramBinned
from assay.validation.profiling import kind_of

if TYPE_CHECKING:
    import ibis


class TableAnalyzer(Analyzer, frozen=True):
    """A metric of the rows that count."""

    def of(self, table: ibis.Table) -> Any:
        """Give the metric."""
        raise TypeError(type(self).__name__)


class ColumnCount(TableAnalyzer, frozen=True):
    """Number of columns."""

    def of(self, table: ibis.Table) -> int:
        """Count."""
        return len(table.columns)


class ColumnExists(TableAnalyzer, frozen=True):
    """1 if the table has the column, else 0."""

    name: str

    def of(self, table: ibis.Table) -> int:
        """Look."""
        return int(self.name in table.columns)


class _Moment(TableAnalyzer, frozen=True):
    column: str
    where: str = ""

    def central(self, table: ibis.Table) -> tuple[int, float, float, float] | None:
        """Give n and the sums of the second, third and fourth powers of the distances from the mean, in two passes."""
        if kind_of(table.schema()[self.column]) not in ("integer", "number"):
            raise DataError(
                f"{type(self).__name__}: {self.column!r} is {table.schema()[self.column]}, and this needs numbers"
            )
        number = table[self.column].cast("float64")
        x = table.select(x=number).filter(lambda t: t.x.notnull() & ~t.x.isnan())
        mean = x.x.mean().to_pyarrow().as_py()
        if mean is None:
            return None
        far = x.select(d=x.x - mean)
        square = far.d * far.d
        [sums] = (
            far.aggregate(n=far.count(), m2=square.sum(), m3=(square * far.d).sum(), m4=(square * square).sum())
            .to_pyarrow()
            .to_pylist()
        )
        return int(sums["n"]), float(sums["m2"]), float(sums["m3"]), float(sums["m4"])


class Skewness(_Moment, frozen=True):
    """Third central moment over the third power of the population's standard deviation; 0 when that is 0."""

    def of(self, table: ibis.Table) -> float | None:
        """Compute."""
        found = self.central(table)
        if found is None:
            return None
        n, m2, m3, _ = found
        return float(n**0.5 * m3 / m2**1.5) if m2 else 0.0


class Kurtosis(_Moment, frozen=True):
    """Fourth central moment over the squared variance of the population, less 3; 0 when that is 0."""

    def of(self, table: ibis.Table) -> float | None:
        """Compute."""
        found = self.central(table)
        if found is None:
            return None
        n, m2, _, m4 = found
        return n * m4 / (m2 * m2) - 3 if m2 else 0.0


class Distribution(msgspec.Struct, frozen=True):
    """A column's distribution: rows in bins of equal width, and the quantiles at 1, 2, ... 99%."""

    buckets: tuple[tuple[float, float, int], ...]
    percentiles: tuple[float, ...]


class KLLSketch(TableAnalyzer, frozen=True):
    """A column's distribution. Deequ sketches it; here the counts and percentiles are exact."""

    column: str
    buckets: int = 100
    where: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.buckets <= 100:
            raise DataError(f"KLLSketch: buckets is {self.buckets}: give 1 to 100")

    def of(self, table: ibis.Table) -> Distribution:
        """Count and rank."""
        bins = HistogramBinned(self.column, self.buckets).of(table)
        number = table[self.column].cast("float64")
        levels = [level / 100 for level in range(1, 100)]
        percentiles = number.isnan().ifelse(None, number).quantile(levels).to_pyarrow().as_py()
        return Distribution(tuple(bins), tuple(percentiles or ()))


class CustomSql(TableAnalyzer, frozen=True):
    """One number from an SQL query over a table called ``rows``: ``"SELECT max(paid - due) FROM rows"``."""

    query: str
    where: str = ""

    def of(self, table: ibis.Table) -> Any:
        """Ask."""
        found = query(table, self.query).to_pyarrow()
        if found.num_rows != 1 or found.num_columns != 1:
            raise DataError(
                f"CustomSql gives {found.num_rows} rows of {found.num_columns} columns: select one number: {self.query}"
            )
        return found.column(0)[0].as_py()


class CustomAggregator(TableAnalyzer, frozen=True):
    """A number of one's own: a function from an Ibis table to a scalar expression."""

    name: str
    function: Callable[[Any], Any]
    where: str = ""

    def of(self, table: ibis.Table) -> Any:
        """Ask."""
        return self.function(table).to_pyarrow().as_py()


class DatasetMatchAnalyzer(TableAnalyzer, frozen=True):
    """Share of rows that another table has: one with the same keys, and the same values in the compared columns.

    Parameters
    ----------
    other : anything that :func:`assay.data.table` opens
    keys : sequence of str
        Columns that tell rows apart, in both tables.
    compare : sequence of str, optional
        Columns whose values are to be the same; missing values are the same.
    """

    other: Any
    keys: tuple[str, ...]
    compare: tuple[str, ...] = ()
    where: str = ""

    def __post_init__(self) -> None:
        for name in ("keys", "compare"):
            value = getattr(self, name)
            msgspec.structs.force_setattr(self, name, (value,) if isinstance(value, str) else tuple(value))

    def __hash__(self) -> int:
        return hash((id(self.other), self.keys, self.compare, self.where))

    @property
    def columns(self) -> tuple[str, ...]:
        """Keys and compared columns."""
        return (*self.keys, *self.compare)

    def of(self, table: ibis.Table) -> float | None:
        """Join."""
        other = open_table(self.other)
        columns_present(other, self.columns, "the other table of DatasetMatchAnalyzer")
        there = other.select(*self.columns).distinct()
        if there.get_backend() is not table.get_backend():
            there = there.to_pyarrow()
        matches: list[Any] = [table[key] == there[key] for key in self.keys]
        matches += [table[name].identical_to(there[name]) for name in self.compare]
        kept = table.semi_join(there, matches)
        counts: Sequence[int] = [int(each.count().to_pyarrow().as_py()) for each in (kept, table)]
        return ratio(counts[0], counts[1])
