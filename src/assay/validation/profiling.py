"""What a table holds, column by column, in numbers that merge."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from assay.core.layout import columns as in_columns
from assay.data.connection import session
from assay.data.facts import columns_present
from assay.data.sources import table as open_table
from assay.errors import DataError

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt

    from assay.validation.profile_state import ColumnState, Comoments

Kind = Literal[
    "integer", "number", "string", "boolean", "date", "timestamp", "time", "list", "struct", "bytes", "other"
]
# Of these a profile has presence alone, and the number of elements of a list.
NESTED = ("list", "struct", "bytes", "other")
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TOP = 101


class ValueCount(msgspec.Struct, frozen=True):
    """A value and how many rows have it."""

    value: str
    count: int


class Bin(msgspec.Struct, frozen=True):
    """A part of a histogram: from `low` to `high`, and the rows in it; the first one has its `low`, too."""

    low: float
    high: float
    count: float


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column of a table in numbers.

    Parameters
    ----------
    kind : str
        One of :data:`Kind`.
    type : str
        The Ibis type.
    rows, nulls, nan, infinite, zeros : int
        ``nulls`` counts NULL and NaN, for both mean that a value is missing; ``nan`` counts NaN alone.
    distinct : int or None
        Different values; ``None`` for nested types, and where two engines' hashes do not merge.
    distinct_exact : bool
        True when every value was counted. Otherwise see ``distinct_error``.
    distinct_error : float
        Relative standard error of ``distinct``: 0.031 where it is an estimate.
    min, max : float, int, str or None
        Over finite values; times as ISO text.
    mean, sd, variance, sum : float or None
        Over finite values below 1e75; ``sd`` divides by n - 1, ``variance`` by n.
    skewness, kurtosis : float or None
        Of the population: m3 / m2^1.5, and m4 / m2^2 - 3. ``None`` of equal values.
    quantiles : dict of str to float
        At 1, 5, 25, 50, 75, 95 and 99%.
    quantile_error : float
        0 if ``quantiles`` are exact and linearly interpolated (DuckDB, not merged); otherwise each is within this times
        its size of the value of that rank.
    top : tuple of ValueCount
        The most frequent values of a column of texts, whole numbers, dates or truth values, at most 101.
    top_error : int
        0 if counts are exact. Otherwise a value may have that many rows more than ``top`` says, and one that is not
        there at most as many as the last or ``top_error``, whichever is more.
    entropy : float or None
        In nats, of the values of a column all of whose values were counted.
    length_min, length_mean, length_max : float or None
        Characters of texts; elements of lists.
    histogram : tuple of Bin
        Ten bins of equal width over ``min`` to ``max``; counts are of buckets 2% wide, divided where a limit cuts one.
    quantile_histogram : tuple of Bin
        Ten bins of equal count, from the same buckets.
    looks_like : dict of str to float
        Share of the different texts that look like an integer, a number, a truth value, a date, a timestamp, an e-mail
        address, a URL, a UUID or an IP address: of all, or of a random 1,024 where there are more than 1,000.
    weighted : dict of str to float
        With a weight: ``rows``, ``present``, ``mean``, ``sd`` and ``median`` by weight; the median within 1%.
    """

    kind: Kind
    type: str
    rows: int
    nulls: int
    nan: int = 0
    infinite: int = 0
    zeros: int | None = None
    distinct: int | None = None
    distinct_exact: bool = False
    distinct_error: float = 0.0
    min: float | int | str | None = None
    max: float | int | str | None = None
    mean: float | None = None
    sd: float | None = None
    variance: float | None = None
    sum: float | None = None
    skewness: float | None = None
    kurtosis: float | None = None
    quantiles: Mapping[str, float] = msgspec.field(default_factory=dict)
    quantile_error: float = 0.0
    top: tuple[ValueCount, ...] = ()
    top_error: int = 0
    entropy: float | None = None
    length_min: int | None = None
    length_mean: float | None = None
    length_max: int | None = None
    histogram: tuple[Bin, ...] = ()
    quantile_histogram: tuple[Bin, ...] = ()
    looks_like: Mapping[str, float] = msgspec.field(default_factory=dict)
    weighted: Mapping[str, float] = msgspec.field(default_factory=dict)

    @property
    def present(self) -> int:
        """Rows that have a value."""
        return self.rows - self.nulls


class Profile(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A table in numbers; prints as one line a column.

    Parameters
    ----------
    name : str
        What the table is called in messages.
    rows : int
    columns : dict of str to ColumnProfile
        In the table's order; a field of a struct as ``path.field``, the elements of a list as ``path.[]``.
    correlation : dict of str to dict of str to float
        Pearson's, over the rows that have both values: of every pair of up to 16 numeric columns, of more than that with
        a numeric label.
    lift : dict of str to dict of str to dict of str to float
        By column, value and label's value: P(both) / (P(value) P(label's value)) over the rows that have both. Numbers
        go by their ten quantile bins, whose name is the range.
    information : dict of str to float
        Adjusted mutual information of each column with the label: 0 is what chance gives, 1 is the same.
    slices : dict of str to Profile
        By ``column=value``.
    """

    name: str
    rows: int
    columns: Mapping[str, ColumnProfile]
    correlation: Mapping[str, Mapping[str, float]] = msgspec.field(default_factory=dict)
    lift: Mapping[str, Mapping[str, Mapping[str, float]]] = msgspec.field(default_factory=dict)
    information: Mapping[str, float] = msgspec.field(default_factory=dict)
    slices: Mapping[str, Profile] = msgspec.field(default_factory=dict)

    @property
    def outer(self) -> Mapping[str, ColumnProfile]:
        """The columns of the table itself, without fields of structs and elements of lists."""
        inside = tuple(
            f"{name}{sign}"
            for name, column in self.columns.items()
            for sign in ({"struct": ".", "list": ".[]"}.get(column.kind),)
            if sign is not None
        )
        return {name: column for name, column in self.columns.items() if not name.startswith(inside)}

    @property
    def state(self) -> Mapping[str, Table]:
        """The mergeable state of each slice; the whole table is the slice ``""``.

        Raises
        ------
        DataError
            If the profile was read from JSON, which has the numbers alone.
        """
        found: Mapping[str, Table] | None = self.__dict__.get("state_by_slice")
        if found is None:
            raise DataError(f"the profile of {self.name} came from JSON, which cannot merge: use save() and load()")
        return found

    def merge(self, other: Profile) -> Profile:
        """Describe the rows of both tables, without reading either again.

        Counts, extremes, buckets and hashes are those of the two tables together, bit for bit; moments to 1e-9 of their
        scale; quantiles then come from the buckets, within 1%. Values are exact while there are at most 1,000 different
        ones and within ``top_error`` after that. Any order and any grouping of merges gives the same, but for the last
        digits of moments and, past 1,000 values, which of the rare ones are kept.

        Raises
        ------
        DataError
            If the tables differ in columns, types, weight, label or slicing column.
        """
        from assay.validation.profile_summary import merged, profile_of

        return profile_of(merged(self, other))

    def save(self, path: str | Path) -> None:
        """Write the state as a Parquet file, whole or not at all."""
        from assay.validation.profile_store import save

        save(self.state, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Profile:
        """Read what :meth:`save` wrote.

        Raises
        ------
        DataError
            If there is no such file, or it is none of assay's, or of a newer version.
        """
        from assay.validation.profile_store import load
        from assay.validation.profile_summary import profile_of

        return profile_of(load(Path(path)))

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, ready for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def to_json(self) -> bytes:
        """Encode as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, data: bytes | str) -> Profile:
        """Decode what :meth:`to_json` wrote."""
        return msgspec.json.decode(data, type=cls)

    def to_text(self, width: int = sys.maxsize) -> str:
        """Write a line for each column; more where they are longer than ``width`` columns of a screen."""
        head = ("column", "type", "missing", "distinct", "min", "mean", "max", "most frequent")
        body = [head, *(_line(name, column) for name, column in self.columns.items())]
        lines = in_columns(body, width, right=range(2, 7), head=True)
        return "\n".join([f"{self.name}: {self.rows:,} rows, {len(self.columns)} columns", *lines])

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """What a notebook shows: each column with its picture and its numbers."""
        from assay.core.portrait_html import STYLE, columns_html, key
        from assay.validation.profile_portrait import portrait

        found = portrait(self)
        return f'<style>{STYLE}</style><p class="portrait">{key(found)}</p>{columns_html(found)}'


class Table(msgspec.Struct, kw_only=True):
    """The mergeable state of one slice of a table."""

    name: str
    columns: dict[str, ColumnState]
    pairs: dict[tuple[str, str], Comoments] = msgspec.field(default_factory=dict)
    by: tuple[str, ...] = ()
    weight: str | None = None
    label: str | None = None


def profile(
    source: Any,
    *,
    columns: Sequence[str] | None = None,
    by: str | Sequence[str] | None = None,
    weight: str | None = None,
    label: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Profile:
    """Describe every column of a table, in a form that merges with that of other rows.

    One statement computes the counts, extremes and sums of many columns where the data is; buckets, values and hashes
    take a statement for each column, which reads that column alone. No row reaches Python: of a text column the 1,000
    most frequent values and a random 1,024 of the different ones do.

    Parameters
    ----------
    source : anything that :func:`assay.data.table` opens
    columns : sequence of str, optional
        Columns to describe; all by default.
    by : str or sequence of str, optional
        Columns of which each value is a slice with a profile of its own, at most 1,000.
    weight : str, optional
        Column of non-negative weights.
    label : str, optional
        Column that lift and mutual information are about.
    progress : callable, optional
        Is told the share of the work that is done.

    Returns
    -------
    Profile

    Raises
    ------
    DataError
        If the table cannot be opened, has no rows, has no such column, or a weight is missing or negative.

    Notes
    -----
    The number of different values is exact up to 1,000, then an estimate whose standard error is in
    ``distinct_error``. No verdict of assay rests on it. Hashes of texts, dates and whole numbers are the same on every
    engine; those of fractions and times are of each engine's own text, so their sketches merge within one engine.

    Examples
    --------
    >>> import pyarrow as pa
    >>> found = profile(pa.table({"origin": ["EWR", "JFK", "EWR", None], "delay": [3.0, float("nan"), 5.0, 40.0]}))
    >>> print(found)
    the table: 4 rows, 2 columns
    column  type     missing  distinct  min  mean  max  most frequent
    origin  string       25%         2                  EWR 50%, JFK 25%
    delay   float64      25%         3    3    16   40
    >>> found.merge(found).columns["delay"].rows
    8
    """
    from assay.validation.profile_scan import Scan
    from assay.validation.profile_summary import profile_of

    table = open_table(source)
    name = str(source) if isinstance(source, (str, Path)) else "the table"
    sides = [] if by is None else [by] if isinstance(by, str) else list(by)
    columns_present(table, [*(columns or ()), *sides, *(each for each in (weight, label) if each)], name)
    names = list(table.columns) if columns is None else list(columns)
    if label is not None and label not in names:
        names.append(label)
    table = _named(table)
    if weight is not None:
        _require_weights(table, weight, name)
    states: dict[str, Table] = {}
    for i, side in enumerate([None, *sides]):

        def step(share: float, i: int = i) -> None:
            if progress is not None:
                progress((i + share) / (len(sides) + 1))

        scan = Scan(table, names, by=side, weight=weight, label=label, step=step)
        scan.run()
        if side is None and not any(state.counts["rows"] for state in scan.slices.states.get("", {}).values()):
            raise DataError(f"{name} has no rows: check the export or the query that wrote it")
        states |= {
            key: Table(
                name=name,
                columns=found,
                pairs=scan.slices.pairs.get(key, {}),
                by=tuple(sides),
                weight=weight,
                label=label,
            )
            for key, found in scan.slices.states.items()
        }
    return profile_of(states)


def _named(table: ibis.Table) -> ibis.Table:
    """A table that the engine knows by name: a query is run once, not again for each column."""
    import ibis.expr.operations as ops

    if isinstance(table.op(), (ops.DatabaseTable, ops.SQLQueryResult)):
        return table
    here = session()
    return here.keep(table) if table.get_backend() is here.backend else table.cache()


def _require_weights(table: ibis.Table, weight: str, name: str) -> None:
    value = table[weight]
    if not value.type().is_numeric():
        raise DataError(f"{name}: the weight {weight} is not a number but {value.type()}")
    bad = (value.isnull() | (value < 0)).sum()
    if value.type().is_floating():
        bad = (value.isnull() | value.isnan() | value.isinf() | (value < 0)).sum()
    if found := int(bad.to_pyarrow().as_py() or 0):
        raise DataError(f"{name}: {found} rows have a weight {weight} that is missing, negative or infinite: mend them")


def kind_of(kind: dt.DataType) -> Kind:
    """Sort an Ibis type into the kinds that a schema file speaks of."""
    if kind.is_boolean():
        return "boolean"
    if kind.is_integer():
        return "integer"
    if kind.is_numeric():
        return "number"
    if kind.is_string():
        return "string"
    if kind.is_date():
        return "date"
    if kind.is_timestamp():
        return "timestamp"
    if kind.is_time():
        return "time"
    if kind.is_array():
        return "list"
    if kind.is_struct():
        return "struct"
    return "bytes" if kind.is_binary() else "other"


def missing(table: ibis.Table, column: str) -> ibis.Value:
    """Tell where a value is missing: NULL or NaN."""
    value = table[column]
    return value.isnull() | value.isnan().fill_null(False) if value.type().is_floating() else value.isnull()


def _line(name: str, column: ColumnProfile) -> tuple[str, ...]:
    distinct = "" if column.distinct is None else f"{'' if column.distinct_exact else '~'}{column.distinct:,}"
    frequent = ", ".join(f"{v.value[:20]} {_percent(v.count, column.rows)}" for v in column.top[:3])
    ends = [_shown(value) for value in (column.min, column.mean, column.max)]
    return (name[:40], column.type, _percent(column.nulls, column.rows), distinct, *ends, frequent)


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return "0%" if part == 0 else "<0.1%" if share < 0.1 else f"{share:.3g}%"


def _shown(value: float | int | str | None) -> str:
    if value is None:
        return ""
    return value[:19] if isinstance(value, str) else f"{value:.5g}" if isinstance(value, float) else str(value)
