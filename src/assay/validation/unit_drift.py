"""Has a distribution moved, when only whole units (days, customers) are independent?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.data.connection import quote, session
from assay.errors import DataError, TooFewUnits
from assay.stats import unit_rise
from assay.validation import clusters
from assay.validation.cells import cells
from assay.validation.rules import CONDITIONS, Counts, halves
from assay.validation.shared_units import inside, inside_sql
from assay.validation.witness import Witness, choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis
    from numpy.typing import NDArray

    from assay.validation.cells import Cells
    from assay.validation.clusters import Clustering


@dataclass(frozen=True)
class Moved:
    """What the units that did not choose the rows say of them.

    Attributes
    ----------
    column : str
    words : str
    before, after : float
        Shares of the rows, in the reference and now.
    e_value : float
        Against "the share rose by at most the tolerance".
    units, largest : int
        Units of both tables that count, and the most rows that one of them has.
    witness : Witness
    cells : Cells
    """

    column: str
    words: str
    before: float
    after: float
    e_value: float
    units: int
    largest: int
    witness: Witness
    cells: Cells

    @property
    def p_value(self) -> float:
        """By Markov's inequality."""
        return min(1.0, 1.0 / self.e_value) if self.e_value > 0 else 1.0


def moved(before: ibis.Table, after: ibis.Table, columns: Sequence[str], unit: str, tolerance: float) -> list[Moved]:
    """Choose the rows that moved on one half of the units of each table, and test them on the other.

    Guarantee (exact): each e-value has E[e] <= 1 if the column's distance is at most the tolerance. The halves are drawn by
    a digest of the unit's name, which knows nothing of its rows; given the chosen rows, the other halves are independent
    units, and the share of these rows rises by at most the total variation (of a half-line: the Kolmogorov-Smirnov
    distance), which :func:`assay.stats.unit_rise.e_value` tests.

    Parameters
    ----------
    before, after : ibis.Table
    columns : sequence of str
        At least one.
    unit : str
        Column of the unit, in both tables.
    tolerance : float

    Raises
    ------
    DataError
        If some row has no unit, or a table has too few units to split.
    """
    (seen, apart), (glance, rest) = halves(before, unit), halves(after, unit)
    chosen = []
    for column, counted in zip(columns, cells(seen, glance, columns), strict=True):
        if not counted.reference.sum() or not counted.current.sum():
            raise TooFewUnits(f"too few different {unit} to compare by: give tables of more units, better 60")
        mask, words = choose(counted, counted.reference, counted.current, tolerance)
        chosen.append((column, words, Witness(mask, words, 0, 1, 0, 1, ()), counted))
    sides = [_count(table, unit, chosen) for table in (apart, rest)]
    reference, current = sides
    if min(side.sizes.size for side in sides) < 2:
        raise TooFewUnits(f"too few different {unit} to compare by: give tables of more units, better 60")
    shares = [side.broken.sum(axis=0) / side.sizes.sum() for side in sides]
    units, largest = sum(side.sizes.size for side in sides), max(int(side.sizes.max()) for side in sides)
    found = []
    for j, (column, words, witness, counted) in enumerate(chosen):
        e = unit_rise.e_value(
            (reference.broken[:, j], reference.sizes), (current.broken[:, j], current.sizes), tolerance
        )
        here = float(shares[0][j]), float(shares[1][j])
        found.append(Moved(column, words, *here, e, units, largest, witness, counted))
    return found


def clustered(
    before: ibis.Table, after: ibis.Table, unit: str, decided: Sequence[Moved]
) -> tuple[dict[str, Clustering], tuple[tuple[str, float], ...]]:
    """Test the units that a decision rests on for clustering by days and id-like columns in which they are nested.

    Guarantee (exact): for each decided column, P(something is found) <= 1% in each table whose units are exchangeable:
    they are those that did not choose the rows.

    Returns
    -------
    found : dict of column to Clustering
    looked : tuple of (str, float)
        By what units were grouped, and the design effect that would have been found with probability 0.8 (an estimate).
    """
    found: dict[str, Clustering] = {}
    looked: dict[str, float] = {}
    for table in (before, after):
        columns = clusters.candidates(table, (unit,))
        apart = halves(table, unit)[1]
        for each in decided if columns else ():
            value = inside(apart, each.column, each.witness, each.cells)
            others = [(name, by_day) for name, by_day in columns if name != each.column]
            cluster, seen = clusters.find(apart, value, others, unit=unit) if others else (None, ())
            if cluster is not None:
                found.setdefault(each.column, cluster)
            for words, effect in seen:
                looked[words] = max(effect, looked.get(words, 1.0))
    return found, tuple(looked.items())


def _count(table: ibis.Table, unit: str, chosen: Sequence[tuple[str, str, Witness, Cells]]) -> Counts:
    if table.get_backend() is session().backend:
        return _count_here(table, unit, chosen)
    wanted = {
        f"c{i}": inside(table, column, witness, counted).sum().cast("int64")
        for i, (column, _, witness, counted) in enumerate(chosen)
    }
    found = table.group_by(unit=table[unit]).aggregate(size=table.count(), **wanted).to_pyarrow().sort_by("unit")
    if found["unit"].null_count:
        raise _no_unit(unit)
    broken = np.column_stack([found[f"c{i}"].to_numpy() for i in range(len(chosen))]).astype(np.int64)
    return Counts(broken, found["size"].to_numpy().astype(np.int64))


def _count_here(table: ibis.Table, unit: str, chosen: Sequence[tuple[str, str, Witness, Cells]]) -> Counts:
    """Count as :func:`_count` does, by DuckDB's SQL."""
    here, kinds = session(), table.schema()
    conditions = [inside_sql(kinds[column], column, witness, counted) for column, _, witness, counted in chosen]
    rows, by = here.backend.compile(table), quote(unit)
    sizes: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    parts = []
    for start in range(0, len(conditions), CONDITIONS):
        counted = ", ".join(f"count_if({condition})" for condition in conditions[start : start + CONDITIONS])
        found = here.run(f"SELECT {by} IS NULL, count(*), {counted} FROM ({rows}) GROUP BY {by} ORDER BY {by}")
        if any(row[0] for row in found):
            raise _no_unit(unit)
        numbers = np.array([row[1:] for row in found], dtype=np.int64).reshape(len(found), -1)
        sizes = numbers[:, 0]
        parts.append(numbers[:, 1:])
    return Counts(np.concatenate(parts, axis=1), sizes)


def _no_unit(unit: str) -> DataError:
    return DataError(f"some rows have no {unit}, the declared unit: remove them, or give them one")
