"""A column of two tables as counts of the same cells, from one group-by a column and table.

Numbers are rounded to 12 binary digits (a relative step of at most 0.05%) and keep their order; texts and truth values
are their own cells. Missing values, NaN and the two infinities have cells of their own. The cells depend on no row, so
counts of rows that are independent are multinomial, which is what the bounds of :mod:`assay.stats.twosample` need.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.validation.profiling import NESTED, kind_of

if TYPE_CHECKING:
    import ibis
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

Scale = Literal["ordered", "unordered"]
MISSING, NAN = "missing", "NaN"
DIGITS = 12
# Texts of more different values are compared by their length: names and notes have no distribution of values.
MOST_TEXTS = 10_000
_SMALLEST_EXPONENT = -1000


@dataclass(frozen=True)
class Cells:
    """Rows of two tables in the same cells.

    Attributes
    ----------
    measure : str
        What was counted: the column's name, or ``"length of NAME"``.
    scale : {"ordered", "unordered"}
        Ordered cells run from missing over -inf, numbers and +inf to NaN.
    keys : tuple
        Floats, texts, or the words ``"missing"`` and ``"NaN"`` for cells that are no value.
    special : ndarray of bool, shape (cells,)
        Which keys are such words.
    reference, current : ndarray of int64, shape (cells,)
    """

    measure: str
    scale: Scale
    keys: tuple[Any, ...]
    special: NDArray[np.bool_]
    reference: Counts
    current: Counts


def comparable(table: ibis.Table, column: str) -> str:
    """Say why a column cannot be compared, or nothing."""
    kind = kind_of(table.schema()[column])
    if kind in ("date", "timestamp", "time"):
        return "time moves on in every batch"
    return "its type has no order and no set of values" if kind in NESTED else ""


def cells(reference: ibis.Table, current: ibis.Table, column: str) -> Cells:
    """Count a column's cells in both tables.

    Parameters
    ----------
    reference, current : ibis.Table
        Both with the column, of kinds that :func:`comparable` allows and that are alike.
    column : str
    """
    numeric = all(kind_of(t.schema()[column]) in ("integer", "number") for t in (reference, current))
    measure = column
    if not numeric and kind_of(reference.schema()[column]) == "string":
        found = [_count(table, column, _text) for table in (reference, current)]
        if max(len(each) for each in found) > MOST_TEXTS:
            measure, numeric = f"length of {column}", True
            found = [_count(table, column, _length) for table in (reference, current)]
    else:
        found = [_count(table, column, _number if numeric else _text) for table in (reference, current)]
    before, after = found
    special = [key for key in (MISSING,) if (key,) in before or (key,) in after]
    values = sorted(key for key in {*before, *after} if not isinstance(key, tuple))
    last = [key for key in (NAN,) if (key,) in before or (key,) in after]
    keys: list[Any] = [(key,) for key in special] + values + [(key,) for key in last]
    return Cells(
        measure,
        "ordered" if numeric else "unordered",
        tuple(key[0] if isinstance(key, tuple) else key for key in keys),
        np.array([isinstance(key, tuple) for key in keys]),
        np.array([before.get(key, 0) for key in keys], dtype=np.int64),
        np.array([after.get(key, 0) for key in keys], dtype=np.int64),
    )


def rounded(value: ibis.Value) -> ibis.Value:
    """Round numbers towards minus infinity to 12 binary digits; 0 and infinities stay."""
    import ibis

    number = value.cast("float64")
    size = number.abs()
    plain = (size > 0) & (size < math.inf)
    exponent = ibis.greatest(plain.ifelse(size, 1.0).log2().floor(), _SMALLEST_EXPONENT)
    step = ibis.literal(2.0) ** (exponent - (DIGITS - 1))
    return plain.ifelse((plain.ifelse(number, 1.0) / step).floor() * step, number)


def _number(column: ibis.Value) -> ibis.Value:
    if column.type().is_integer():
        return rounded(column)
    # NaN is counted apart: engines do not agree on what it equals.
    return column.isnan().ifelse(None, rounded(column))


def _text(column: ibis.Value) -> ibis.Value:
    return column.cast("string")


def _length(column: ibis.Value) -> ibis.Value:
    return column.length().cast("float64")


def _count(table: ibis.Table, column: str, cell: Any) -> dict[Any, int]:
    """Count rows by cell; the words for what is no value are tuples, so that no text can be one of them."""
    value = table[column]
    floating = value.type().is_floating()
    nan = value.isnan().fill_null(False) if floating else value.isnull() & False
    narrow = table.select(cell=cell(value), nan=nan)
    rows = narrow.group_by("cell", "nan").aggregate(rows=narrow.count()).to_pyarrow()
    found: dict[Any, int] = {}
    for key, is_nan, count in zip(
        rows["cell"].to_pylist(), rows["nan"].to_pylist(), rows["rows"].to_pylist(), strict=True
    ):
        name = (NAN,) if is_nan else (MISSING,) if key is None else key
        found[name] = found.get(name, 0) + int(count)
    return found
