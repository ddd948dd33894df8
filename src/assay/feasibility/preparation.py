"""What every feasibility check starts from: clean labels, and a split that no unit straddles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError, UsageError
from assay.feasibility.encoding import Encoder, days, kind, table
from assay.stats import clustering, unit_sums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

# Level of the search for clustering that nobody declared, and the inflation of the variance that matters.
CLUSTERED = 0.01
MATERIAL = 1.1


@dataclass(frozen=True)
class Prepared:
    """Encoded features and labels, in a part to train on and a part that is held out.

    Attributes
    ----------
    train, test : ndarray of float64, shape (rows, features)
    train_y, test_y : ndarray of int, shape (rows,)
        Codes of the classes.
    names : ndarray, shape (classes,)
        Distinct labels in both parts together, in the order of their codes.
    units : ndarray or None
        Unit of each held-out row.
    unit : str or None
        Name of the unit.
    groups : dict of str to ndarray
        Groupings of the held-out rows to test for clustering; when a unit is declared, those that are coarser.
    rows : int
        Rows that were given; more than those used if they were thinned.
    dropped : tuple of str
        Columns that are no features.
    train_rows, test_rows : ndarray of int
        Where the rows of each part stand in the table that they come from.
    """

    train: NDArray[np.float64]
    test: NDArray[np.float64]
    train_y: NDArray[np.int64]
    test_y: NDArray[np.int64]
    names: NDArray[Any]
    units: NDArray[Any] | None
    unit: str | None
    groups: dict[str, NDArray[Any]]
    rows: int
    dropped: tuple[str, ...]
    train_rows: NDArray[np.intp]
    test_rows: NDArray[np.intp]

    @property
    def classes(self) -> int:
        """Number of distinct labels."""
        return int(self.names.size)

    @property
    def held_out_units(self) -> int | None:
        """Independent units among the held-out rows."""
        return None if self.units is None else len(np.unique(self.units))

    @property
    def copies(self) -> int:
        """Held-out rows that equal a row that trained, in all features and the label."""
        trained = {row.tobytes() for row in np.column_stack([self.train, self.train_y]) + 0.0}
        held = np.column_stack([self.test, self.test_y]) + 0.0
        return sum(row.tobytes() in trained for row in held)

    def clustering(
        self, errors: NDArray[np.bool_]
    ) -> tuple[tuple[str, clustering.ClusteringTest] | None, tuple[tuple[str, float], ...]]:
        """Find the grouping by which held-out errors cluster most, if any does.

        Guarantee (exact): if rows (units, if declared) are exchangeable, P(something is found) <= 0.01, Bonferroni over groupings and over
        the columns of ``errors``, shape (rows, candidates). Gives also for each grouping the design effect that is found
        with probability 0.8 in the errors of every candidate (an estimate).
        """
        level = CLUSTERED / max(1, len(self.groups) * errors.shape[1])
        worst: tuple[str, clustering.ClusteringTest] | None = None
        seen = dict.fromkeys(self.groups, 1.0)
        for name, codes in self.groups.items():
            for wrong in errors.T:
                permutations = max(999, int(np.ceil(2 / level)))
                each = clustering.of_units(wrong, codes, self.units)
                found = clustering.test(*each, permutations=permutations, level=level)
                if found.p_value > level:
                    seen[name] = max(seen[name], found.detectable)
                serious = found.p_value <= level and found.design_effect > MATERIAL
                if serious and (worst is None or found.design_effect > worst[1].design_effect):
                    worst = (name, found)
        return worst, tuple(seen.items())


def prepare(
    X: Any,
    y: Any,
    *,
    unit: Any = None,
    test: tuple[Any, Any] | None = None,
    timestamp: Any = None,
    columns: Mapping[str, Any] | None = None,
    max_rows: int,
    seed: int,
    what: str = "the label",
) -> Prepared:
    """Check and encode labels and features, and hold out half of the units, or the given ``test`` rows.

    ``what`` is what messages call the labels.
    """
    held, labels = table(X), _labels(y, what)
    rows = _rows(held, labels, "X")
    if test is not None:
        other, more = table(test[0]), _labels(test[1], what)
        _rows(other, more, "test")
        missing = [name for name in held if name not in other]
        if missing:
            raise DataError(f"there is no column {missing[0]!r} in the test rows")
        if unit is not None and not isinstance(unit, str):
            raise UsageError("with test rows of their own, unit must name a column of both tables")
        boundary = rows
        held = {name: np.concatenate([values, other[name]]) for name, values in held.items()}
        labels = np.concatenate([labels, more])
        rows = labels.size
    names, codes = np.unique(labels, return_inverse=True)
    if names.size < 2:
        raise DataError(f"{what} has one class, {names[0]}: there is nothing to predict")
    _classes(labels, names, what)

    units, named = _unit(held, unit, rows)
    groups = _groups(held, timestamp, columns, rows, units)
    grouping = groups if units is None else {}
    features = {name: values for name, values in held.items() if name not in (named, *grouping)}

    rng = np.random.default_rng(seed)
    if test is not None:
        train, tested = np.arange(boundary), np.arange(boundary, rows)
        if units is not None and np.intersect1d(units[train], units[tested]).size:
            shared = np.intersect1d(units[train], units[tested])[0]
            raise DataError(f"{named} {shared} is in the training and the test rows: no unit may be in both")
    else:
        by = np.arange(rows) if units is None else units
        count = int(by.max()) + 1
        chosen = np.zeros(count, dtype=bool)
        chosen[rng.permutation(count)[: count // 2]] = True
        train, tested = np.flatnonzero(chosen[by]), np.flatnonzero(~chosen[by])
    train, tested = _thinned(train, max_rows // 2, rng), _thinned(tested, max_rows // 2, rng)

    training = {name: values[train] for name, values in features.items()}
    encoder = Encoder().fit(training)
    return Prepared(
        train=encoder.transform(training),
        test=encoder.transform({name: values[tested] for name, values in features.items()}),
        train_y=codes[train],
        test_y=codes[tested],
        names=names,
        units=None if units is None else units[tested],
        unit=named,
        groups={name: values[tested] for name, values in groups.items()},
        rows=rows,
        dropped=(*encoder.dropped, *(name for name in grouping if name in held)),
        train_rows=train,
        test_rows=tested if test is None else tested - boundary,
    )


def _labels(y: Any, what: str) -> NDArray[Any]:
    labels = np.asarray(y)
    if labels.ndim != 1:
        raise DataError(f"y must have one dimension, got shape {labels.shape}")
    if not labels.size:
        raise DataError("y has no rows: give labelled rows")
    if labels.dtype.kind == "O":
        missing = np.array([v is None or (v != v) is not False for v in labels])
    else:
        missing = np.asarray(labels != labels)
    if missing.any():
        raise DataError(f"{what} is missing in row {int(np.argmax(missing))}: drop the rows without it")
    if labels.dtype.kind == "O":
        kinds = {type(v) for v in labels.tolist()}
        if str in kinds and len(kinds) > 1:
            row = next(i for i, v in enumerate(labels) if type(v) is not type(labels[0]))
            raise DataError(f"{what} mixes text and other values: row {row} is {labels[row]!r}")
        labels = labels.astype(str) if kinds == {str} else labels.astype(np.float64)
    return labels


def _rows(columns: Columns, labels: NDArray[Any], name: str) -> int:
    rows = len(next(iter(columns.values())))
    if rows != labels.size:
        raise DataError(f"{name} has {rows} rows and its labels have {labels.size}")
    return rows


def _classes(labels: NDArray[Any], names: NDArray[Any], what: str) -> None:
    continuous = labels.dtype.kind == "f" and bool(np.any(names != np.floor(names)))
    if continuous or names.size > max(20, labels.size // 4):
        raise UsageError(
            f"{what} has {names.size} distinct values in {labels.size} rows, as in regression: "
            "the Bayes error is defined for classes only"
        )


def _unit(columns: Columns, unit: Any, rows: int) -> tuple[NDArray[np.intp] | None, str | None]:
    if unit is None:
        return None, None
    named = unit if isinstance(unit, str) else str(getattr(unit, "name", None) or "unit")
    if isinstance(unit, str) and unit not in columns:
        raise DataError(f"there is no column {unit!r} to take as the unit: X has {', '.join(columns)}")
    values = columns[unit] if isinstance(unit, str) else np.asarray(unit)
    if values.shape != (rows,):
        raise DataError(f"unit must have one entry for each of the {rows} rows, got shape {values.shape}")
    try:
        return unit_sums.encode(days(values, named) if kind(values) == "time" else values)[0], named
    except ValueError as problem:
        raise DataError(f"unit {named!r}: {problem}") from problem


def _groups(
    columns: Columns, timestamp: Any, extra: Mapping[str, Any] | None, rows: int, units: NDArray[Any] | None
) -> dict[str, NDArray[Any]]:
    """Number the groups of each grouping; with units those alone that are coarser, whose every row has a group."""
    given: dict[str, NDArray[Any]] = {name: np.asarray(values) for name, values in (extra or {}).items()}
    if isinstance(timestamp, str):
        if timestamp not in columns:
            raise DataError(f"there is no column {timestamp!r} to take as the time: X has {', '.join(columns)}")
        given[timestamp] = days(columns[timestamp], timestamp)
    elif timestamp is not None:
        name = str(getattr(timestamp, "name", None) or "timestamp")
        given[name] = days(np.asarray(timestamp), name)
    for name, values in columns.items():
        sort = kind(values)
        if name not in given and (sort == "time" or name.lower() == "id" or name.lower().endswith("_id")):
            given[name] = days(values, name) if sort == "time" else values
    found = {}
    for name, values in given.items():
        if values.shape != (rows,):
            raise DataError(f"{name!r} must have one entry for each of the {rows} rows, got shape {values.shape}")
        try:
            found[name] = unit_sums.encode(values)[0]
        except ValueError as problem:
            if units is None:
                raise DataError(f"column {name!r}: {problem}") from problem
    if units is None:
        return found
    return {name: codes for name, codes in found.items() if clustering.coarser(codes, units)}


def _thinned(rows: NDArray[np.intp], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    return rows if rows.size <= most else np.sort(rng.choice(rows, most, replace=False))
