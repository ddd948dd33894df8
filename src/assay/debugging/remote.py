"""A table in a database, of which only counts are fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.debugging.counting import Cells, keys_of
from assay.debugging.features import Feature, in_database
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from assay.debugging.features import Binning

_ERROR, _ROWS, _TOTAL, _LARGEST, _SQUARES = (
    f"_assay_{name}" for name in ("error", "rows", "total", "largest", "squares")
)


@dataclass(frozen=True)
class Remote:
    """A table, the names of the columns that describe slices, and the error of each row as a further column."""

    table: Any
    columns: tuple[str, ...]

    @classmethod
    def of(cls, table: Any, errors: Any) -> Remote:
        """Take a table, and the name of the column or the expression that gives the error of each row.

        Raises
        ------
        DataError
            If there is no such column, no row, or an error is missing or negative.
        """
        names = tuple(table.columns)
        if isinstance(errors, str):
            if errors not in names:
                raise DataError(f"there is no column {errors!r} to take as the errors: X has {', '.join(names)}")
            names = tuple(name for name in names if name != errors)
            errors = table[errors]
        elif not in_database(errors):
            raise DataError("the errors of an Ibis table are the name of a column, or an Ibis expression")
        if not names:
            raise DataError("X has no columns: give what slices are to be described by")
        given = table.mutate(**{_ERROR: errors})
        error = given[_ERROR].cast("int32") if given[_ERROR].type().is_boolean() else given[_ERROR]
        found = cls(given.mutate(**{_ERROR: error.cast("float64")}), names)
        error = found.table[_ERROR]
        rows, there, least, unknown = _row(
            found.table.aggregate(
                rows=found.table.count(),
                there=error.count(),
                least=error.min(),
                unknown=(error.isnan() | error.isinf()).sum(),
            )
        )
        if not rows:
            raise DataError("X has no rows")
        if there < rows or unknown:
            raise DataError(f"errors must be finite and not negative: {rows - there + (unknown or 0):,} are not")
        if least < 0:
            raise DataError(f"errors must be finite and not negative: the least is {least}")
        return found

    def sums(self) -> tuple[int, float, float, bool]:
        """Give the rows, the sum of the errors and of their squares, and whether all are 0 or 1."""
        error = self.table[_ERROR]
        rows, total, squares, others = _row(
            self.table.aggregate(
                rows=self.table.count(),
                total=error.sum(),
                squares=(error * error).sum(),
                others=(~error.isin([0.0, 1.0])).sum(),
            )
        )
        return int(rows), float(total), float(squares), not others

    def learn(self, bins: int | None, binning: Binning) -> list[Feature]:
        """Learn the codes of all columns from how often each value is there."""
        learned = []
        for name in self.columns:
            counted = self.table.group_by(_value(self.table[name]).name("value")).aggregate(often=self.table.count())
            seen = counted.to_pandas()
            learned.append(Feature.learn(name, _numpy(seen["value"]), bins, binning, seen["often"].to_numpy(np.int64)))
        return learned

    def cells(self, features: list[Feature], sets: list[tuple[int, ...]]) -> Iterator[tuple[tuple[int, ...], Cells]]:
        """Count each set of columns by one GROUP BY."""
        lacking = [feature.name for feature in features if feature.name not in self.columns]
        if lacking:
            raise DataError(f"there is no column {lacking[0]!r} in the rows to add")
        for chosen in sets:
            own = [features[column] for column in chosen]
            keys = {f"_assay_{place}": _code(self.table[each.name], each) for place, each in enumerate(own)}
            error = self.table[_ERROR]
            sums = {_ROWS: self.table.count(), _TOTAL: error.sum(), _LARGEST: error.max()}
            seen = self.table.group_by(**keys).aggregate(**sums).to_pandas()
            codes = np.stack([_read(seen[f"_assay_{place}"], each) for place, each in enumerate(own)], axis=1)
            known = np.all(codes >= 0, axis=1)
            numbers = keys_of(codes[known], [each.domain for each in own])
            order = np.argsort(numbers, kind="stable")
            size, total, largest = (seen[name].to_numpy(np.float64)[known][order] for name in (_ROWS, _TOTAL, _LARGEST))
            yield chosen, Cells(numbers[order], size, total, largest)


def _row(aggregate: Any) -> tuple[Any, ...]:
    [row] = aggregate.to_pandas().itertuples(index=False)
    return tuple(row)


def _value(column: Any) -> Any:
    """Give a column as its values are read elsewhere: not a number is missing, and exact decimals are numbers."""
    if column.type().is_decimal():
        column = column.cast("float64")
    return column.isnan().ifelse(None, column) if column.type().is_floating() else column


def _code(column: Any, feature: Feature) -> Any:
    """Give the bin of each value; where there are no bins, the value."""
    import ibis

    value = _value(column)
    if not feature.edges.size:
        return value
    if feature.kind == "time":
        value = value.cast("timestamp")
    code = ibis.literal(0)
    for edge in range(feature.edges.size):
        code = code + (value >= feature.start(edge)).cast("int32")
    return code


def _read(values: Any, feature: Feature) -> NDArray[np.int64]:
    if not feature.edges.size:
        return feature.encode(_numpy(values))
    seen = values.to_numpy(np.float64)
    return np.where(np.isnan(seen), feature.domain - 1 if feature.missing else -1, seen).astype(np.int64)


def _numpy(values: Any) -> NDArray[Any]:
    return np.asarray(values.to_numpy())
