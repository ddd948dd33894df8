"""Checked columns, losses, weights and units of the rows that are searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.debugging import features as columns_
from assay.errors import DataError
from assay.stats import unit_sums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Checked columns, values, weights and units of the rows that count."""

    columns: dict[str, NDArray[Any]]
    values: Floats
    weights: Floats | None
    units: NDArray[np.intp] | None

    @classmethod
    def of(cls, X: Any, errors: Any, errors_old: Any, weights: Any, unit: Any) -> Rows:
        """Check what was given, and take the rows that count.

        Raises
        ------
        DataError
            Naming what is wrong, and the row.
        """
        columns = columns_.columns_of(X)
        rows = next(iter(columns.values())).size
        values = _losses("errors", errors, rows)
        out = np.ma.getmaskarray(values).copy()
        if errors_old is not None:
            before = _losses("errors_old", errors_old, rows)
            out |= np.ma.getmaskarray(before)
            values = values - before
        each = None
        if weights is not None:
            each = np.asarray(weights, dtype=np.float64)
            if each.shape != (rows,):
                raise DataError(f"weights must have one entry for each of the {rows} rows, got shape {each.shape}")
            wrong = ~(np.isfinite(each) & (each >= 0))
            if wrong.any():
                row = int(np.argmax(wrong))
                raise DataError(f"weights must be finite and not negative: row {row} has {each[row]}")
            out |= each == 0
        if out.all():
            raise DataError("no row counts: all are masked or have the weight 0")
        codes = None
        if unit is not None:
            if isinstance(unit, str):
                if unit not in columns:
                    raise DataError(f"there is no column {unit!r} to take as the unit: X has {', '.join(columns)}")
                if len(columns) == 1:
                    raise DataError(f"X has no column but the unit {unit!r}: give what slices are to be described by")
                named, unit = unit, columns.pop(unit)
            else:
                named = "unit"
            values_of = np.asarray(unit)
            if values_of.shape != (rows,):
                raise DataError(f"unit must have one entry for each of the {rows} rows, got shape {values_of.shape}")
            try:
                codes = unit_sums.encode(values_of)[0]
            except ValueError as problem:
                raise DataError(f"unit {named!r}: {problem}") from problem
        found = cls(columns, np.asarray(np.ma.getdata(values), dtype=np.float64), each, codes)
        return found.part(~out) if out.any() else found

    def part(self, kept: NDArray[np.bool_]) -> Rows:
        """Take some of the rows."""
        return Rows(
            {name: values[kept] for name, values in self.columns.items()},
            self.values[kept],
            None if self.weights is None else self.weights[kept],
            None if self.units is None else np.unique(self.units[kept], return_inverse=True)[1],
        )

    def sums(self, inside: NDArray[np.bool_]) -> tuple[float, float]:
        """Give size and sum of some rows."""
        each = np.ones_like(self.values) if self.weights is None else self.weights
        return float(each[inside].sum()), float(each[inside] @ self.values[inside])

    @property
    def size(self) -> float:
        """Rows, or the sum of their weights."""
        return float(self.values.size if self.weights is None else self.weights.sum())

    @property
    def mean(self) -> float:
        """Mean of the values."""
        return float(np.average(self.values, weights=self.weights))

    @property
    def scale(self) -> float:
        """Mean of their absolute values."""
        return float(np.average(np.abs(self.values), weights=self.weights))

    @property
    def spread(self) -> float:
        """Standard deviation of a weighted value, in units of the mean weight."""
        weights = np.ones_like(self.values) if self.weights is None else self.weights
        return float(np.sqrt(np.sum((weights * (self.values - self.mean)) ** 2) / weights.sum()))


def _losses(name: str, given: ArrayLike, rows: int) -> np.ma.MaskedArray[Any, Any]:
    try:
        values: np.ma.MaskedArray[Any, Any] = np.ma.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise DataError(f"{name} must be numbers or truth values: {problem}") from problem
    if values.shape != (rows,):
        raise DataError(f"{name} must have one entry for each of the {rows} rows, got shape {values.shape}")
    plain = np.ma.getdata(values)
    wrong = ~(np.isfinite(plain) & (plain >= 0)) & ~np.ma.getmaskarray(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{name} must be finite and not negative: row {row} has {plain[row]}")
    return values
