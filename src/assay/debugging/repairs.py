"""What missing cells may be, and the candidates that each row then has."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assay.core.nearest import did_you_mean
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

# Candidates of one row.
MOST = 10_000
QUANTILES = (0.0, 0.25, 0.75, 1.0)
FREQUENT = 5


@dataclass(frozen=True)
class Cell:
    """A missing cell.

    Attributes
    ----------
    row : int
        Its place, from 0.
    column : str or int
    repairs : tuple
        What it may be.
    gain : float
        How much cleaning it lowers the mean entropy of the predictions, in expectation, in bits.
    """

    row: int
    column: Any
    repairs: tuple[Any, ...]
    gain: float = 0.0


class Encoding:
    """Numbers in standard deviations from the mean of those that are there; each other value a column of its own."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._columns: list[tuple[Any, Any]] = []
        for name in frame:
            present = frame[name].dropna()
            if present.empty:
                raise DataError(f"column {name!r} has no value: leave it out")
            if is_number(frame[name]):
                values = present.to_numpy(np.float64)
                if not np.isfinite(values).all():
                    raise DataError(f"column {name!r} has infinite values: replace them")
                self._columns.append((name, (values.mean(), values.std() or 1.0)))
            else:
                self._columns.append((name, pd.Index(present.unique())))

    def encode(self, columns: Mapping[Any, Any], rows: int) -> Floats:
        """Give numbers; a value that was never there has no column."""
        parts = []
        for name, learned in self._columns:
            values = columns[name]
            if isinstance(learned, tuple):
                try:
                    numbers = np.asarray(values, dtype=np.float64)
                except (TypeError, ValueError) as problem:
                    raise DataError(f"column {name!r} holds numbers: {problem}") from problem
                parts.append(((numbers - learned[0]) / learned[1])[:, None])
            else:
                marks = np.zeros((rows, learned.size))
                at = learned.get_indexer(pd.Index(np.asarray(values, dtype=object)))
                marks[np.flatnonzero(at >= 0), at[at >= 0]] = 1.0
                parts.append(marks)
        return np.concatenate(parts, axis=1)


def is_number(column: pd.Series) -> bool:
    """Whether values are numbers or truth values."""
    return bool(pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dropna()))


@dataclass(frozen=True)
class Candidates:
    """What each row may be.

    Attributes
    ----------
    rows : ndarray of int, shape (candidates,)
        Ascending.
    points : ndarray of float64, shape (candidates, features)
    cells : tuple of Cell
        By row.
    choices : tuple of ndarray of int, shape (candidates of the row,)
        For each cell the repair that each candidate of its row takes.
    """

    rows: Places
    points: Floats
    cells: tuple[Cell, ...]
    choices: tuple[Places, ...]

    @classmethod
    def of(cls, frame: pd.DataFrame, encoding: Encoding, repairs: Mapping[Any, Sequence[Any]] | None) -> Candidates:
        """Combine the repairs of the cells of each row.

        Raises
        ------
        DataError
            If repairs are of no column or cell, none, or of another type; or a row has too many candidates.
        """
        given = _checked(frame, repairs or {})
        missing = frame.isna().to_numpy()
        counts = np.ones(len(frame), dtype=np.intp)
        cells: list[Cell] = []
        choices: list[Places] = []
        filled: dict[int, list[tuple[Any, ...]]] = {}
        names = list(frame)
        defaults: dict[Any, tuple[Any, ...]] = {}
        for row in np.flatnonzero(missing.any(axis=1)).tolist():
            lacking = [name for at, name in enumerate(names) if missing[row, at]]
            for name in lacking:
                if (row, name) not in given and name not in given and name not in defaults:
                    defaults[name] = guesses(frame[name])
            options = [given.get((row, name), given.get(name, defaults.get(name, ()))) for name in lacking]
            counts[row] = np.prod([len(each) for each in options])
            if counts[row] > MOST:
                raise DataError(
                    f"row {row} has {len(lacking)} missing cells, which may be {counts[row]:,} things, {MOST:,} at most: give "
                    "fewer repairs"
                )
            places = list(product(*(range(len(each)) for each in options)))
            filled[row] = [tuple(o[p] for o, p in zip(options, place, strict=True)) for place in places]
            for at, name in enumerate(lacking):
                cells.append(Cell(row, name, tuple(options[at])))
                choices.append(np.array([place[at] for place in places]))
        rows = np.repeat(np.arange(len(frame)), counts)
        starts = np.r_[0, np.cumsum(counts)]
        columns = {}
        for at, name in enumerate(names):
            values = frame[name].to_numpy(dtype=np.float64 if is_number(frame[name]) else object, na_value=np.nan)[rows]
            for row, combinations in filled.items():
                if missing[row, at]:
                    place = int(missing[row, :at].sum())
                    values[starts[row] : starts[row + 1]] = [each[place] for each in combinations]
            columns[name] = values
        return cls(rows, encoding.encode(columns, rows.size), tuple(cells), tuple(choices))

    def kept(self, chosen: NDArray[np.bool_], cells: Sequence[int]) -> Candidates:
        """Leave some candidates out, and the cells that are no longer missing."""
        left = [at for at in range(len(self.cells)) if at not in cells]
        starts = np.searchsorted(self.rows, [self.cells[at].row for at in left])
        choices = [
            self.choices[at][chosen[start : start + self.choices[at].size]]
            for at, start in zip(left, starts, strict=True)
        ]
        return Candidates(self.rows[chosen], self.points[chosen], tuple(self.cells[at] for at in left), tuple(choices))


def guesses(column: pd.Series) -> tuple[Any, ...]:
    """What a missing cell may be where nobody said: extremes, quartiles and mean, or the five most frequent values."""
    present = column.dropna()
    if is_number(column) and not pd.api.types.is_bool_dtype(present):
        values = present.to_numpy(np.float64)
        return tuple(dict.fromkeys(float(each) for each in sorted([*np.quantile(values, QUANTILES), values.mean()])))
    counted = present.value_counts()
    return tuple(counted.index[:FREQUENT].tolist())


def _checked(frame: pd.DataFrame, repairs: Mapping[Any, Sequence[Any]]) -> dict[Any, tuple[Any, ...]]:
    found = {}
    for where, values in repairs.items():
        row, name = where if isinstance(where, tuple) and len(where) == 2 else (None, where)
        if name not in frame:
            raise DataError(f"repairs of {name!r}: {did_you_mean(str(name), [str(each) for each in frame], 'columns')}")
        if row is not None and not (0 <= row < len(frame) and pd.isna(frame[name].iloc[row])):
            raise DataError(f"repairs of row {row}, column {name!r}: there is no missing cell")
        kept = tuple(dict.fromkeys(values))
        if not kept or any(pd.isna(each) for each in kept):
            raise DataError(f"repairs of {where!r} must be values, at least one: say what the cell may be")
        if is_number(frame[name]) and any(isinstance(each, str) or not np.isfinite(each) for each in kept):
            raise DataError(f"repairs of {where!r} must be finite numbers, as the column is")
        found[where] = kept
    return found
