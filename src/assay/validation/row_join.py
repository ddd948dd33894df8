"""The rows of two tables that have one key, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import DataError
from assay.validation import clusters
from assay.validation.profiling import kind_of, missing

if TYPE_CHECKING:
    import ibis
    from numpy.typing import NDArray

NUMBERS = ("integer", "number")
# More features in one statement take longer to plan than to run.
_FEATURES = 300


@dataclass(frozen=True)
class Counts:
    """Rows of each unit (one for all, if there is none), and how many of them differ: shape (units, features)."""

    differ: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """All joined rows."""
        return int(self.sizes.sum())


def no_duplicates(table: ibis.Table, keys: list[str], name: str) -> None:
    """Refuse a table in which several rows have one key."""
    known = table.filter([table[key].notnull() for key in keys])
    counted = known.group_by(keys).aggregate(assay_rows=known.count())
    several = counted.filter(counted["assay_rows"] > 1)
    worst = several.order_by([several["assay_rows"].desc(), *keys]).limit(1).to_pyarrow().to_pylist()
    if worst:
        told = ", ".join(f"{key} = {worst[0][key]!r}" for key in keys)
        raise DataError(
            f"{name} has {worst[0]['assay_rows']} rows with {told}, so that rows cannot be joined one to one: add a column to "
            "the keys, or keep one row of each"
        )


def same_keys(before: ibis.Table, after: ibis.Table, keys: list[str]) -> None:
    """Refuse keys that are of different kinds."""
    for key in keys:
        kinds = [kind_of(t.schema()[key]) for t in (before, after)]
        if kinds[0] != kinds[1] and not set(kinds) <= set(NUMBERS):
            raise DataError(f"key {key!r} is {kinds[0]} in training and {kinds[1]} in serving: write it alike in both")


def join(before: ibis.Table, after: ibis.Table, keys: list[str], columns: list[str], unit: str | None) -> ibis.Table:
    """Join by key: columns ``key_0``.. , ``train_0``.. and ``serve_0``.., and those that rows may be grouped by."""
    import ibis

    if after.get_backend() is not before.get_backend():
        after = ibis.memtable(after.select(*keys, *columns).to_pyarrow())
    left = {f"key_{i}": before[key] for i, key in enumerate(keys)}
    left |= {f"train_{i}": before[column] for i, column in enumerate(columns)}
    # What rows may be grouped by, to see whether they are independent.
    left |= {name: before[name] for name, _ in clusters.candidates(before, tuple(keys)) if name not in left}
    left |= {unit: before[unit]} if unit else {}
    right = {f"there_{i}": after[key] for i, key in enumerate(keys)}
    right |= {f"serve_{i}": after[column] for i, column in enumerate(columns)}
    a, b = before.select(**left), after.select(**right)
    return a.inner_join(b, [a[f"key_{i}"] == b[f"there_{i}"] for i in range(len(keys))])


def differs(joined: ibis.Table, i: int, digits: int | None) -> ibis.Value:
    """Whether feature i differs; missing values are equal to each other and to nothing else."""
    one, other = joined[f"train_{i}"], joined[f"serve_{i}"]
    absent = missing(joined, f"train_{i}"), missing(joined, f"serve_{i}")
    if digits is not None and all(kind_of(x.type()) in NUMBERS for x in (one, other)):
        reach = 0.5 * 10.0**-digits
        # Equal infinities have no difference.
        apart = (one != other) & ~((one.cast("float64") - other.cast("float64")).abs() <= reach)
    else:
        apart = one != other
    return (absent[0] != absent[1]) | (~absent[0] & ~absent[1] & apart).fill_null(False)


def count(joined: ibis.Table, columns: list[str], digits: int | None, unit: str | None) -> Counts:
    """Count the joined rows, and those of them that differ."""
    parts, sizes = [], np.zeros(0, dtype=np.int64)
    for start in range(0, max(len(columns), 1), _FEATURES):
        wanted = {
            f"d{i}": differs(joined, i, digits).sum().fill_null(0)
            for i in range(start, min(start + _FEATURES, len(columns)))
        }
        rows = {"assay_rows": joined.count(), **wanted}
        if unit is None:
            answer = joined.aggregate(**rows).to_pyarrow()
        else:
            answer = joined.group_by(unit).aggregate(**rows).to_pyarrow().sort_by(unit)
        sizes = answer["assay_rows"].to_numpy().astype(np.int64)
        parts += [answer[name].to_numpy().astype(np.int64) for name in wanted]
    differ = np.stack(parts, axis=1) if parts else np.zeros((sizes.size, 0), dtype=np.int64)
    return Counts(differ, sizes)
