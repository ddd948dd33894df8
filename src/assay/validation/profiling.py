"""What a table holds, column by column, from one query."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from assay.data.facts import columns_present
from assay.data.sources import table as open_table
from assay.errors import DataError

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt

Kind = Literal[
    "integer", "number", "string", "boolean", "date", "timestamp", "time", "list", "struct", "bytes", "other"
]
# Of these a profile counts missing values alone.
NESTED = ("list", "struct", "bytes", "other")
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TOP = 101
# A wider statement takes longer to plan than its columns take to read.
COLUMNS = 100
# Squares of larger numbers overflow, which DuckDB refuses.
LARGEST = 1e150


class ValueCount(msgspec.Struct, frozen=True):
    """A value and how many rows have it."""

    value: str
    count: int


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
        Different values; ``None`` for nested types.
    distinct_exact : bool
        True when ``top`` holds every value. Otherwise the count is HyperLogLog's, typically within 5%, without a bound.
    min, max : float, int, str or None
        Over finite values; times as ISO text.
    mean, sd : float or None
        Over finite values below 1e150; ``sd`` divides by n - 1.
    quantiles : dict of str to float
        Exact, linearly interpolated, at 1, 5, 25, 50, 75, 95 and 99%.
    top : tuple of ValueCount
        The most frequent values of a text or truth column, at most 101, with exact counts.
    length_min, length_mean, length_max : float or None
        Characters of texts.
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
    min: float | int | str | None = None
    max: float | int | str | None = None
    mean: float | None = None
    sd: float | None = None
    quantiles: Mapping[str, float] = msgspec.field(default_factory=dict)
    top: tuple[ValueCount, ...] = ()
    length_min: int | None = None
    length_mean: float | None = None
    length_max: int | None = None

    @property
    def present(self) -> int:
        """Rows that have a value."""
        return self.rows - self.nulls


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A table in numbers; prints as one line a column.

    Parameters
    ----------
    name : str
        What the table is called in messages.
    rows : int
    columns : dict of str to ColumnProfile
        In the table's order.
    """

    name: str
    rows: int
    columns: Mapping[str, ColumnProfile]

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

    def __str__(self) -> str:
        head = ("column", "type", "missing", "distinct", "min", "mean", "max", "most frequent")
        body = [head, *(_line(name, column) for name, column in self.columns.items())]
        widths = [max(len(row[i]) for row in body) for i in range(len(head))]
        lines = [
            "  ".join(
                cell.rjust(width) if 2 <= i <= 6 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in body
        ]
        return "\n".join([f"{self.name}: {self.rows:,} rows, {len(self.columns)} columns", *lines])

    __repr__ = __str__


def profile(source: Any, *, columns: Sequence[str] | None = None) -> Profile:
    """Describe every column of a table.

    One Ibis query computes everything where the data is; a table of more than 100 columns takes a query for each
    hundred. No row reaches Python.

    Parameters
    ----------
    source : anything that :func:`assay.data.table` opens
    columns : sequence of str, optional
        Columns to describe; all by default.

    Returns
    -------
    Profile

    Raises
    ------
    DataError
        If the table cannot be opened, has no rows, or has no such column.

    Notes
    -----
    Quantiles are exact, which costs memory for the numeric columns; the number of different values is an estimate
    where ``distinct_exact`` is False, and no verdict of assay rests on it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> found = profile(pa.table({"origin": ["EWR", "JFK", "EWR", None], "delay": [3.0, float("nan"), 5.0, 40.0]}))
    >>> print(found)
    the table: 4 rows, 2 columns
    column  type     missing  distinct  min  mean  max  most frequent
    origin  string       25%         2                  EWR 50%, JFK 25%
    delay   float64      25%        ~3    3    16   40
    """
    table = open_table(source)
    name = str(source) if isinstance(source, (str, Path)) else "the table"
    if columns is not None:
        columns_present(table, columns, name)
        table = table.select(*columns)
    rows = 0
    kinds = dict(table.schema().items())
    names = list(kinds)
    found: dict[str, ColumnProfile] = {}
    for start in range(0, max(len(names), 1), COLUMNS):
        some = names[start : start + COLUMNS]
        part = table.select(*some)
        wanted: dict[str, ibis.Value] = {"rows": part.count()}
        for i, column in enumerate(some):
            wanted |= {f"c{i}_{key}": value for key, value in _measures(part, column, kinds[column]).items()}
        [values] = part.aggregate(**wanted).to_pyarrow().to_pylist()
        rows = values.pop("rows")
        if not rows:
            raise DataError(f"{name} has no rows: check the export or the query that wrote it")
        mine: list[dict[str, Any]] = [{} for _ in some]
        for key, value in values.items():
            place, _, measure = key.partition("_")
            mine[int(place[1:])][measure] = value
        found |= {column: _column(kinds[column], rows, facts) for column, facts in zip(some, mine, strict=True)}
    return Profile(name=name, rows=rows, columns=found)


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


def _measures(table: ibis.Table, column: str, type_: dt.DataType) -> dict[str, ibis.Value]:
    kind = kind_of(type_)
    value = table[column]
    wanted: dict[str, ibis.Value] = {"nulls": missing(table, column).sum()}
    finite = value
    if kind in ("integer", "number"):
        if type_.is_floating():
            wanted["nan"] = value.isnan().sum()
            wanted["infinite"] = value.isinf().sum()
            finite = (value.isnan() | value.isinf()).ifelse(None, value)
        number = finite.cast("float64")
        moderate = (number.abs() < LARGEST).ifelse(number, None)
        wanted |= {
            "zeros": (finite == 0).sum(),
            "min": finite.min(),
            "max": finite.max(),
            "mean": moderate.mean(),
            "sd": moderate.std(how="sample"),
            "quantiles": number.quantile(list(QUANTILES)),
        }
    elif kind == "string":
        length = value.length()
        wanted |= {"lmin": length.min(), "lmean": length.mean(), "lmax": length.max(), "top": _top(table, column)}
    elif kind == "boolean":
        wanted["true"] = value.sum()
    elif kind not in NESTED:
        wanted |= {"min": value.min(), "max": value.max()}
    if kind not in (*NESTED, "boolean"):
        wanted["distinct"] = finite.approx_nunique()
    return wanted


def _top(table: ibis.Table, column: str) -> ibis.Value:
    """Collect the most frequent texts as one value, so that they come with the same query."""
    import ibis

    # Of the one column: Ibis is slow to carry hundreds of others through each subquery.
    texts = table.select(value=column)
    counts = texts.filter(texts.value.notnull()).group_by("value").aggregate(count=ibis._.count())
    first = counts.order_by(counts["count"].desc(), counts["value"]).limit(TOP)
    pair = ibis.struct({"value": first["value"], "count": first["count"]})
    return first.aggregate(top=pair.collect()).as_scalar()


def _column(type_: dt.DataType, rows: int, found: dict[str, Any]) -> ColumnProfile:
    kind = kind_of(type_)
    nulls = int(found["nulls"] or 0)
    top: tuple[ValueCount, ...] = ()
    distinct, exact = found.get("distinct"), False
    if kind == "string":
        pairs = sorted(((p["value"], int(p["count"])) for p in found["top"] or ()), key=lambda p: (-p[1], p[0]))
        top = tuple(ValueCount(value, count) for value, count in pairs)
        if len(top) < TOP:
            distinct, exact = len(top), True
    elif kind == "boolean":
        true = int(found["true"] or 0)
        counts = [ValueCount("true", true), ValueCount("false", rows - nulls - true)]
        top = tuple(sorted((c for c in counts if c.count), key=lambda c: -c.count))
        distinct, exact = len(top), True
    quantiles = found.get("quantiles") or []
    return ColumnProfile(
        kind=kind,
        type=str(type_.copy(nullable=True)),
        rows=rows,
        nulls=nulls,
        nan=int(found.get("nan") or 0),
        infinite=int(found.get("infinite") or 0),
        zeros=_whole(found.get("zeros")),
        distinct=_whole(distinct),
        distinct_exact=exact,
        min=_plain(found.get("min")),
        max=_plain(found.get("max")),
        mean=_finite(found.get("mean")),
        sd=_finite(found.get("sd")),
        quantiles={f"{q:g}": float(v) for q, v in zip(QUANTILES, quantiles, strict=False) if v is not None},
        top=top,
        length_min=_whole(found.get("lmin")),
        length_mean=_finite(found.get("lmean")),
        length_max=_whole(found.get("lmax")),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _plain(value: Any) -> float | int | str | None:
    if value is None or isinstance(value, (int, str)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else float(value)


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
