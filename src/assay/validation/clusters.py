"""Columns whose values may group rows that are not independent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.core.unit_names import names_unit
from assay.stats import clustering

if TYPE_CHECKING:
    import ibis
    from numpy.typing import NDArray

MOST = 5
ROWS = 20_000
LEVEL = 0.01
_FLAGS = ({"0", "1"}, {"yes", "no"}, {"true", "false"}, {"y", "n"}, {"t", "f"})


class Clustering(NamedTuple):
    """Rows of one value of ``column`` resemble each other, or units of rows that do."""

    column: str
    by_day: bool
    units: int
    design_effect: float
    p_value: float
    of: str = "rows"

    def __str__(self) -> str:
        what = f"the day of {self.column}" if self.by_day else self.column
        return (
            f"{self.of} cluster by {what}: their variance is {self.design_effect:.3g} times that of independent {self.of} "
            f"(p = {self.p_value:.2g})"
        )


def candidates(table: ibis.Table, exclude: tuple[str, ...] = ()) -> list[tuple[str, bool]]:
    """List the columns that look like time (grouped by day) and like ids, at most five."""
    found = []
    for name, kind in table.schema().items():
        if name in exclude:
            continue
        if kind.is_timestamp() or kind.is_date():
            found.append((name, True))
        elif names_unit(name) and (kind.is_string() or kind.is_integer()):
            found.append((name, False))
    return sorted(found, key=lambda pair: not pair[1])[:MOST]


def find(
    table: ibis.Table, values: ibis.Value, columns: list[tuple[str, bool]], *, unit: str | None = None, seed: int = 0
) -> tuple[Clustering | None, tuple[tuple[str, float], ...]]:
    """Test whether values cluster by any of some columns.

    Guarantee (exact): P(something is found) <= 1% if the values are exchangeable over rows (with a unit: if units are
    exchangeable); each column has its own share. Beyond 20,000 rows (units), whole groups are drawn at random until there
    are that many.

    Parameters
    ----------
    table : ibis.Table
    values : ibis.Value
        Number or truth value of each row of `table`.
    columns : list of (name, by_day)
        As :func:`candidates` gives them, times first.
    unit : str, optional
        Column of the unit that was declared: its totals are tested (:func:`assay.stats.clustering.of_units`), by those
        columns that are coarser, in which each unit lies in one group.

    Returns
    -------
    found : Clustering or None
        The first time that groups rows, else the column with the largest effect.
    looked : tuple of (str, float)
        By what rows were grouped, but for columns that group none, and the design effect that would have been found
        with probability 0.8 (an estimate), where nothing was.
    """
    # PostgreSQL casts a truth value to an INTEGER alone.
    numbers_of = (values.cast("int32") if values.type().is_boolean() else values).cast("float64")
    strongest: Clustering | None = None
    looked: list[tuple[str, float]] = []
    for name, by_day in columns:
        group = table[name].cast("date") if by_day and table[name].type().is_timestamp() else table[name]
        rows = table.select(group=group.cast("string"), value=numbers_of, **_named(table, unit))
        read = rows.drop_null().to_pyarrow() if unit is None else _totals(rows)
        if read is None:
            continue
        if not by_day and _flags(read.column("group")):
            continue
        units, numbers = _sample(read.column("group"), read.column("value").to_numpy(), seed)
        words = f"the day of {name}" if by_day else name
        if numbers.size < 10:
            looked.append((words, math.inf))
            continue
        permutations = max(199, int(2 * len(columns) / LEVEL) - 1)
        level = LEVEL / len(columns)
        tested = clustering.test(numbers, units, permutations=permutations, seed=seed, level=level)
        if tested.p_value > level:
            if tested.detectable > 1:
                looked.append((words, tested.detectable))
            continue
        of = "rows" if unit is None else f"units of {unit}"
        found = Clustering(name, by_day, tested.units, tested.design_effect, tested.p_value, of)
        if by_day:
            # Days hold what is in them: customers and machines of one day share its weather.
            return found, ()
        if strongest is None or found.design_effect > strongest.design_effect:
            strongest = found
    return strongest, tuple(looked)


def _flags(groups: pa.ChunkedArray) -> bool:
    """Whether values are yes and no: they tell rows apart, as those of ``returning_user``, and name no unit."""
    words = {str(word).lower() for word in pc.unique(groups).slice(0, 3).to_pylist()}
    return any(words <= pair for pair in _FLAGS)


def _named(table: ibis.Table, unit: str | None) -> dict[str, ibis.Value]:
    return {} if unit is None else {"unit": table[unit]}


def _totals(rows: ibis.Table) -> pa.Table | None:
    """Give the total of each unit about its expectation, and its group; ``None`` if some unit lies in no one group."""
    # A row without a value has no say, as it is no row of its part.
    known = rows.filter(rows.value.notnull())
    found = known.group_by("unit").aggregate(
        size=known.count(), total=known.value.sum(), group=known.group.min(), last=known.group.max(),
        absent=known.group.isnull().sum(),
    ).to_pyarrow()  # fmt: skip
    if pc.sum(found["absent"]).as_py() or not pc.all(pc.equal(found["group"], found["last"])).as_py():
        return None
    size, total = (found[name].to_numpy().astype(np.float64) for name in ("size", "total"))
    return pa.table({"group": found["group"], "value": total - total.sum() / max(size.sum(), 1.0) * size})


def _sample(units: Any, values: NDArray[np.float64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    codes = units.combine_chunks().dictionary_encode().indices.to_numpy()
    if codes.size <= ROWS:
        return codes, values
    rows, codes = clustering.canonical(values[:, None], codes)
    values = values[rows]
    order = np.random.default_rng(seed).permutation(int(codes.max()) + 1)
    sizes = np.bincount(codes)
    enough = int(np.searchsorted(np.cumsum(sizes[order]), ROWS)) + 1
    kept = np.isin(codes, order[: max(enough, min(order.size, 30))])
    return codes[kept], values[kept]
