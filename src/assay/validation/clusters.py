"""Columns whose values may group rows that are not independent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from assay.core.unit_names import names_unit
from assay.stats import clustering

if TYPE_CHECKING:
    import ibis
    from numpy.typing import NDArray

MOST = 5
ROWS = 20_000
LEVEL = 0.01


class Clustering(NamedTuple):
    """Rows of one value of ``column`` resemble each other."""

    column: str
    by_day: bool
    units: int
    design_effect: float
    p_value: float

    def __str__(self) -> str:
        what = f"the day of {self.column}" if self.by_day else self.column
        return (
            f"rows cluster by {what}: their variance is {self.design_effect:.3g} times that of independent rows "
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


def find(table: ibis.Table, values: ibis.Value, columns: list[tuple[str, bool]], *, seed: int = 0) -> Clustering | None:
    """Test whether values cluster by any of some columns.

    Guarantee (exact): P(something is found) <= 1% if the values are exchangeable over rows; each column has
    its own share. Beyond 20,000 rows, whole units are drawn at random until there are that many.

    Parameters
    ----------
    table : ibis.Table
    values : ibis.Value
        Number or truth value of each row of `table`.
    columns : list of (name, by_day)
        As :func:`candidates` gives them, times first.

    Returns
    -------
    Clustering or None
        The first time that groups rows, else the column with the largest effect.
    """
    strongest: Clustering | None = None
    for name, by_day in columns:
        unit = table[name].cast("date") if by_day and table[name].type().is_timestamp() else table[name]
        rows = table.select(unit=unit.cast("string"), value=values.cast("float64")).drop_null().to_pyarrow()
        units, numbers = _sample(rows.column("unit"), rows.column("value").to_numpy(), seed)
        if numbers.size < 10:
            continue
        permutations = max(199, int(2 * len(columns) / LEVEL) - 1)
        tested = clustering.test(numbers, units, permutations=permutations, seed=seed)
        if tested.p_value > LEVEL / len(columns):
            continue
        found = Clustering(name, by_day, tested.units, tested.design_effect, tested.p_value)
        if by_day:
            # Days hold what is in them: customers and machines of one day share its weather.
            return found
        if strongest is None or found.design_effect > strongest.design_effect:
            strongest = found
    return strongest


def _sample(units: Any, values: NDArray[np.float64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    codes = units.combine_chunks().dictionary_encode().indices.to_numpy()
    if codes.size <= ROWS:
        return codes, values
    order = np.random.default_rng(seed).permutation(int(codes.max()) + 1)
    sizes = np.bincount(codes)
    enough = int(np.searchsorted(np.cumsum(sizes[order]), ROWS)) + 1
    kept = np.isin(codes, order[: max(enough, min(order.size, 30))])
    return codes[kept], values[kept]
