"""From a table of mixed columns to a matrix of numbers, learned on the training rows alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# More categories than this are pooled, the most frequent ones kept.
CATEGORIES = 30


def table(X: Any) -> dict[str, NDArray[Any]]:
    """Give the columns of a DataFrame, Arrow table, mapping or two-dimensional array, all of one length."""
    if isinstance(X, np.ndarray):
        if X.ndim != 2:
            raise DataError(f"X must have two dimensions, got shape {X.shape}: one row for each label")
        columns = {f"x{place}": X[:, place] for place in range(X.shape[1])}
    elif hasattr(X, "column_names"):
        columns = {name: _array(X[name]) for name in X.column_names}
    elif hasattr(X, "columns") or hasattr(X, "keys"):
        names = X.columns if hasattr(X, "columns") else X.keys()
        columns = {str(name): _array(X[name]) for name in names}
    else:
        raise DataError(f"X must be a table or a two-dimensional array, not {type(X).__name__}")
    if not columns:
        raise DataError("X has no columns: give the features that are known at prediction time")
    lengths = {name: values.size for name, values in columns.items()}
    first = next(iter(lengths.values()))
    for name, length in lengths.items():
        if length != first:
            raise DataError(f"column {name!r} has {length} rows and the first column has {first}")
    return columns


def kind(values: NDArray[Any]) -> str:
    """Give ``"number"``, ``"text"`` or ``"time"``."""
    if values.dtype.kind in "biuf":
        return "number"
    if values.dtype.kind in "Mm":
        return "time"
    if values.dtype.kind == "O":
        present = [v for v in values if not _missing(v)]
        if present and all(hasattr(v, "isoformat") for v in present):
            return "time"
        if all(isinstance(v, (bool, int, float, np.number, np.bool_)) for v in present):
            return "number"
    return "text"


def days(values: NDArray[Any], name: str) -> NDArray[np.str_]:
    """Give the day of each time, as text."""
    try:
        return np.asarray(values.astype("datetime64[us]").astype("datetime64[D]").astype(str))
    except (TypeError, ValueError) as problem:
        raise DataError(f"column {name!r} must hold times: {problem}") from problem


@dataclass
class Encoder:
    """Numbers scaled by the training rows, missing ones at their median with a mark; categories one column each.

    Times are left out, and so is text that hardly repeats: neither carries over to new rows as it stands.

    Attributes
    ----------
    dropped : list of str
        Columns left out.
    """

    dropped: list[str] = field(default_factory=list)
    _scales: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    _categories: dict[str, list[str]] = field(default_factory=dict)

    def fit(self, columns: dict[str, NDArray[Any]]) -> Encoder:
        """Learn medians, scales and categories."""
        for name, values in columns.items():
            sort = kind(values)
            if sort == "number":
                numbers = _numbers(values)
                present = numbers[np.isfinite(numbers)]
                middle = float(np.median(present)) if present.size else 0.0
                filled = np.where(np.isfinite(numbers), numbers, middle)
                self._scales[name] = (middle, float(filled.mean()), float(filled.std()) or 1.0)
                continue
            found, counts = np.unique(_words(values), return_counts=True)
            if sort == "time" or found.size > max(CATEGORIES, 0.5 * values.size):
                self.dropped.append(name)
            else:
                order = np.argsort(-counts, kind="stable")[:CATEGORIES]
                self._categories[name] = [str(found[place]) for place in order]
        if not self._scales and not self._categories:
            raise DataError(
                f"no column of X can serve as a feature: {', '.join(self.dropped)} are times or hardly repeat"
            )
        return self

    def transform(self, columns: dict[str, NDArray[Any]]) -> Floats:
        """Give the matrix, shape (rows, features), without missing values."""
        parts: list[NDArray[Any]] = []
        for name, (middle, mean, scale) in self._scales.items():
            numbers = _numbers(_named(columns, name))
            missing = ~np.isfinite(numbers)
            parts.append((np.where(missing, middle, numbers) - mean) / scale)
            parts.append(missing)
        for name, categories in self._categories.items():
            words = _words(_named(columns, name))
            parts.extend(words == category for category in categories)
        return np.column_stack(parts).astype(np.float64)


def _named(columns: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    if name not in columns:
        raise DataError(f"there is no column {name!r} in the test rows")
    return columns[name]


def _array(values: Any) -> NDArray[Any]:
    return np.asarray(values)


def _missing(value: Any) -> bool:
    return value is None or (value != value) is not False


def _numbers(values: NDArray[Any]) -> Floats:
    if values.dtype.kind == "O":
        return np.array([np.nan if _missing(v) else float(v) for v in values], dtype=np.float64)
    return values.astype(np.float64)


def _words(values: NDArray[Any]) -> NDArray[np.str_]:
    return np.array(["" if _missing(v) else str(v) for v in values.tolist()], dtype=str)
