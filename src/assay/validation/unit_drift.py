"""Has a distribution moved, when only whole units (days, customers) are independent?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.core.fingerprint import digest
from assay.errors import DataError, TooFewUnits
from assay.validation import alarms
from assay.validation.cells import cells
from assay.validation.rules import Counts, halves
from assay.validation.shared_units import inside
from assay.validation.witness import Witness, choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis

    from assay.validation.cells import Cells


@dataclass(frozen=True)
class Moved:
    """What the units that did not choose the rows say of them.

    Attributes
    ----------
    words : str
    before, after : float
        Shares of the rows, in the reference and now.
    p_value, smallest : float
        Against "the units of both tables are exchangeable"; and how small it could have been.
    units : int
        Of both tables, that count.
    """

    words: str
    before: float
    after: float
    p_value: float
    smallest: float
    units: int


def moved(before: ibis.Table, after: ibis.Table, columns: Sequence[str], unit: str, tolerance: float) -> list[Moved]:
    """Choose the rows that moved on one half of the units of each table, and test them on the other.

    Guarantee (exact): if the units of the current table are exchangeable with those of the reference, each p-value
    satisfies P(p <= a) <= a. The halves are drawn by a digest of the unit's name, which knows nothing of its rows; given
    the chosen rows, the other halves are exchangeable, so that the rank of the difference among random choices of as
    many units is a valid p-value (:func:`assay.validation.alarms.units_against_units`). A difference of at most the
    tolerance has p = 1.

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
    rates = reference.broken.sum(axis=0) / reference.sizes.sum()
    seed = int(digest([words for _, words, _, _ in chosen])[:8], 16)
    found = alarms.units_against_units(current, reference, rates + tolerance, seed)
    units = sum(side.sizes.size for side in sides)
    return [
        Moved(words, float(rates[j]), float(found.rates[j]), float(found.p_values[j]), float(found.smallest[j]), units)
        for j, (_, words, _, _) in enumerate(chosen)
    ]


def _count(table: ibis.Table, unit: str, chosen: Sequence[tuple[str, str, Witness, Cells]]) -> Counts:
    wanted = {
        f"c{i}": inside(table, column, witness, counted).sum().cast("int64")
        for i, (column, _, witness, counted) in enumerate(chosen)
    }
    found = table.group_by(unit=table[unit]).aggregate(size=table.count(), **wanted).order_by("unit").to_pyarrow()
    if found["unit"].null_count:
        raise DataError(f"some rows have no {unit}, the declared unit: remove them, or give them one")
    broken = np.column_stack([found[f"c{i}"].to_numpy() for i in range(len(chosen))]).astype(np.int64)
    return Counts(broken, found["size"].to_numpy().astype(np.int64))
