"""Columns of any kind as codes, and each code or range of codes as a condition that a person can read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from assay.core.unit_names import names_unit
from assay.debugging.lattice import Coded
from assay.debugging.predicate import Predicate
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Codes = NDArray[np.int64]
# Microseconds.
_DAY = 86_400_000_000
# Whole numbers that lie so near to each other are looked up in a table, instead of being sorted.
_TABLE = 1 << 12
Binning = Literal["quantile", "width"]


@dataclass(frozen=True)
class Feature:
    """How a column becomes codes.

    Attributes
    ----------
    name : str
    kind : {"category", "number", "time"}
    labels : ndarray
        The value of each code, sorted; empty where there are bins.
    edges : ndarray
        Where each bin but the first begins; empty where there are labels.
    whole : bool
        Whether all numbers are whole.
    missing : bool
        Whether values may be missing; their code is the last.
    """

    name: str
    kind: Literal["category", "number", "time"]
    labels: NDArray[Any]
    edges: NDArray[Any]
    whole: bool
    missing: bool

    @classmethod
    def learn(
        cls, name: str, values: NDArray[Any], bins: int | None, binning: Binning, often: Codes | None = None
    ) -> Feature:
        """Learn the codes of a column: its values, or bins of numbers with more than ``bins`` values.

        With ``often``, ``values`` are all different, and this is how many rows have each.
        """
        kind, known = _read(name, values)
        none = np.array([])
        missing = known.size < values.size
        if kind == "category":
            return cls(name, kind, _sorted(pd.unique(known)), none, False, missing)
        if often is None:
            distinct, counts = _distinct(known)
        else:
            order = np.argsort(known, kind="stable")
            distinct, counts = known[order], often[~_missing(values)][order]
        whole = bool(kind == "number" and np.all(np.isfinite(distinct)) and np.all(distinct == np.floor(distinct)))
        if bins is None or distinct.size <= bins:
            return cls(name, kind, distinct, none, whole, missing)
        if binning == "width":
            if not np.all(np.isfinite(distinct)):
                raise DataError(f'column {name!r} has infinite values, which have no width: bin it by "quantile"')
            edges = np.linspace(float(distinct[0]), float(distinct[-1]), bins + 1)[1:-1]
            edges = np.unique(np.ceil(edges) if whole or kind == "time" else edges)
            if kind == "time":
                edges = edges.astype(np.int64)
            return cls(name, kind, none, edges, whole, missing)
        # A value that would fill a bin gets one of its own; the quantiles alone may all fall on it.
        rank = np.cumsum(counts)
        at = np.searchsorted(rank, np.arange(1, bins) * rank[-1] / bins)
        heavy = np.flatnonzero(counts * bins >= rank[-1])
        starts = np.unique(np.concatenate([at, heavy, heavy + 1]))
        return cls(name, kind, none, distinct[starts[(starts > 0) & (starts < distinct.size)]], whole, missing)

    @property
    def bins(self) -> int:
        """Codes of values that are there."""
        return self.labels.size if self.labels.size else self.edges.size + 1

    @property
    def domain(self) -> int:
        """All codes."""
        return max(1, self.bins * bool(self.labels.size or self.edges.size) + self.missing)

    def encode(self, values: NDArray[Any]) -> Codes:
        """Give the code of each value; -1 for one that was never seen."""
        kind, known = _read(self.name, values)
        present = ~_missing(values)
        codes = np.full(values.size, self.domain - 1 if self.missing else -1, dtype=np.int64)
        if self.kind == "category":
            codes[present] = pd.Index(self.labels).get_indexer(pd.Index(known))
            return codes
        if known.size and kind != self.kind:
            raise DataError(f"column {self.name!r} held a {self.kind} and now holds a {kind}")
        if self.edges.size or self.labels.size:
            codes[present] = self._place(known)
        return codes

    def _place(self, known: NDArray[Any]) -> Codes:
        near = _near(known)
        if near is not None:
            # Each value is looked up once.
            least, beyond = near
            return self._search(np.arange(least, least + _TABLE))[beyond]
        return self._search(known)

    def _search(self, known: NDArray[Any]) -> Codes:
        if self.edges.size:
            return np.searchsorted(self.edges, known, side="right")
        place = np.minimum(np.searchsorted(self.labels, known), self.labels.size - 1)
        return np.where(self.labels[place] == known, place, -1)

    def predicate(self, first: int, last: int) -> Predicate:
        """Give the condition "the code is from ``first`` to ``last``"."""
        if self.missing and first == self.domain - 1:
            return Predicate(self.name)
        if first == last and self.labels.size:
            return Predicate(self.name, self._value(self.labels[first]))
        starts = self.labels[1:] if self.labels.size else self.edges
        low = None if first == 0 else self._value(starts[first - 1])
        high = None if last == self.bins - 1 else self._value(starts[last])
        return Predicate(self.name, low=low, high=high, ranged=True, whole=self.whole)

    def start(self, edge: int) -> Any:
        """Give where a bin but the first begins, as a value of the column."""
        return self._value(self.edges[edge])

    def _value(self, value: Any) -> Any:
        if self.kind == "time":
            return datetime.fromtimestamp(int(value) / 1e6, UTC).replace(tzinfo=None)
        if self.kind == "number":
            return int(value) if self.whole else float(value)
        return value


def columns_of(X: Any) -> dict[str, NDArray[Any]]:
    """Give the columns of a frame, an Arrow table, a mapping, or a two-dimensional array.

    Raises
    ------
    DataError
        If it is none of them, has no columns or rows, or columns of several lengths.
    """
    if isinstance(X, np.ndarray):
        if X.ndim != 2:
            raise DataError(f"X must have two dimensions, got shape {X.shape}")
        columns = {f"x{place}": X[:, place] for place in range(X.shape[1])}
    elif hasattr(X, "column_names"):
        columns = {name: np.asarray(X[name]) for name in X.column_names}
    elif hasattr(X, "columns") or hasattr(X, "keys"):
        names = list(X.columns) if hasattr(X, "columns") else list(X)
        if len(set(map(str, names))) < len(names):
            raise DataError(f"X has two columns with the name {next(n for n in names if names.count(n) > 1)!r}")
        columns = {str(name): np.asarray(X[name]) for name in names}
    else:
        raise DataError(f"X must be a table or a two-dimensional array, not {type(X).__name__}")
    if not columns:
        raise DataError("X has no columns: give what slices are to be described by")
    rows = len(next(iter(columns.values())))
    for name, values in columns.items():
        if values.ndim != 1 or values.size != rows:
            raise DataError(f"column {name!r} has shape {values.shape}, and the first column has {rows} rows")
    if not rows:
        raise DataError("X has no rows")
    return columns


def in_database(given: Any) -> bool:
    """Whether it is a table, or an expression, that Ibis speaks of."""
    return type(given).__module__.partition(".")[0] == "ibis"


def learn(columns: dict[str, NDArray[Any]], bins: int | None, binning: Binning) -> list[Feature]:
    """Learn the codes of all columns."""
    return [Feature.learn(name, values, bins, binning) for name, values in columns.items()]


def encode(features: Sequence[Feature], columns: dict[str, NDArray[Any]], *, ranges: bool) -> Coded:
    """Encode columns; values that were never seen get a code of their own that is in no condition.

    Raises
    ------
    DataError
        If a column is missing.
    """
    lacking = [feature.name for feature in features if feature.name not in columns]
    if lacking:
        raise DataError(f"there is no column {lacking[0]!r} in the rows to confirm with")
    domains = np.array([feature.domain for feature in features])
    codes = np.stack([feature.encode(columns[feature.name]) for feature in features], axis=1)
    unseen = codes < 0
    if unseen.any():
        codes = np.where(unseen, domains, codes)
    largest = int(codes.max(initial=0))
    small = np.uint8 if largest < 1 << 8 else np.uint16 if largest < 1 << 16 else np.uint32
    ordered = [feature.bins if ranges and feature.kind != "category" else 0 for feature in features]
    return Coded(codes.astype(small), domains, np.array(ordered))


def groupings(features: Sequence[Feature], columns: dict[str, NDArray[Any]]) -> dict[str, Codes]:
    """Give codes of what may group rows that are not independent: the day of a time, and columns called like ids."""
    found = {}
    for feature in features:
        values = columns[feature.name]
        present = ~_missing(values)
        if feature.kind == "time":
            days = np.full(values.size, -1, dtype=np.int64)
            days[present] = _read(feature.name, values)[1] // _DAY
            found[f"the day of {feature.name}"] = np.unique(days, return_inverse=True)[1]
        elif names_unit(feature.name) and feature.labels.dtype.kind != "b":
            found[feature.name] = pd.factorize(values, use_na_sentinel=False)[0]
    return found


def _read(name: str, values: NDArray[Any]) -> tuple[Literal["category", "number", "time"], NDArray[Any]]:
    """Tell the kind of a column, and give the values that are there; times as microseconds."""
    kind = values.dtype.kind
    if kind == "b" or kind in "US":
        return "category", values
    if kind in "iu":
        return "number", values
    if kind == "f":
        return "number", values[~np.isnan(values)]
    if kind == "M":
        return "time", values[~np.isnat(values)].astype("datetime64[us]").astype(np.int64)
    if kind != "O":
        raise DataError(f"column {name!r} has the type {values.dtype}, which slices cannot be described by")
    known = values[~_missing(values)]
    inferred = pd.api.types.infer_dtype(known, skipna=False)
    if inferred in ("integer", "floating", "mixed-integer-float", "decimal"):
        return "number", known.astype(np.int64 if inferred == "integer" else np.float64)
    if inferred in ("datetime", "datetime64", "date"):
        return "time", pd.to_datetime(pd.Series(known)).to_numpy("datetime64[us]").astype(np.int64)
    return "category", known


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.zeros(values.shape, dtype=bool) if values.dtype.kind in "biuUS" else np.asarray(pd.isna(values))


def _distinct(known: NDArray[Any]) -> tuple[NDArray[Any], Codes]:
    """Give the values that there are, sorted, and how often each is there."""
    near = _near(known)
    if near is None:
        return np.unique(known, return_counts=True)
    least, beyond = near
    counts = np.bincount(beyond)
    there = np.flatnonzero(counts)
    return (least + there).astype(known.dtype), counts[there]


def _near(known: NDArray[Any]) -> tuple[int, Codes] | None:
    """Give the least value, and how far each lies above it, if they are many whole numbers near to each other."""
    if known.dtype.kind not in "iu" or known.dtype == np.uint64 or known.size < _TABLE:
        return None
    least = int(known.min())
    return (least, known.astype(np.int64) - least) if int(known.max()) - least < _TABLE else None


def _sorted(labels: NDArray[Any]) -> NDArray[Any]:
    try:
        return np.sort(labels)
    except TypeError:
        order = sorted(range(labels.size), key=lambda at: (type(labels[at]).__name__, str(labels[at])))
        return labels[order]
