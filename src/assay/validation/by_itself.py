"""What a table shows by itself, when there is nothing to hold it against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.core import Action
from assay.data.content import row_hashes
from assay.validation.codes import COLUMN
from assay.validation.facts import fact
from assay.validation.profiling import profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis

    from assay.core import Verdict
    from assay.validation.profiling import ColumnProfile

_SORTED = 5_000_000
"""Rows up to which copies are looked for."""

_NAMED = 3


def alone(table: ibis.Table, name: str, *, label: str | None, check: str) -> Verdict:
    """Tell whether a table could teach a model: no column is empty, and the label has a value in each row, and several.

    Columns with one value and rows that are copies of others are told, and are no fault: there are tables in which
    either is right.

    Guarantee: exact, error 0. These are facts, of this table alone: that its values are right, only other rows or a
    person can say.

    Parameters
    ----------
    table : ibis.Table
    name : str
        Of the dataset.
    label : str, optional
        Column of the label.
    check : str
        Id of the check.

    Returns
    -------
    Verdict
    """
    facts = profile(table)
    rows, columns = facts.rows, facts.outer
    empty = [column for column, found in columns.items() if not found.present]
    constant = [column for column, found in columns.items() if found.present and found.distinct == 1]
    faults, ways = _of_label(label, columns.get(label)) if label else ([], [])
    others = [column for column in empty if column != label]
    if others:
        faults.append(f"{_listed(others)} {'has' if len(others) == 1 else 'have'} no value")
        ways.append(f"fill {_listed(others)}, or leave {'it' if len(others) == 1 else 'them'} out")
    known = [f"{rows:,} row{'s' * (rows != 1)}, {len(columns)} column{'s' * (len(columns) != 1)}"]
    if not faults:
        known[0] += ", none empty"
        if label is not None:
            known.append(f"{label} has {columns[label].distinct or 0:,} different values")
    told = [column for column in constant if column != label]
    if told:
        known.append(f"{_listed(told)} {'has' if len(told) == 1 else 'have'} one value only")
    copies = rows - np.unique(row_hashes(table)).size if rows <= _SORTED else 0
    if copies:
        known.append(f"{copies:,} {'row is a copy' if copies == 1 else 'rows are copies'} of others")
    return fact(
        COLUMN,
        "",
        f"{name} by itself: no column is empty, the label has several values and one in each row",
        good=not faults,
        said="; ".join([*faults, *known]),
        rows=rows,
        check=check,
        actions=[Action(way) for way in ways],
        statistic={"empty": len(empty), "constant": len(constant), "copies": copies},
    )


def _of_label(label: str, found: ColumnProfile | None) -> tuple[list[str], list[str]]:
    """What is wrong with the label, and the ways out."""
    if found is None:
        return [f"the label {label!r} is no column"], [f"name the label: label = ... instead of {label!r}"]
    if not found.present:
        return [f"the label {label!r} has no value in any row"], ["label rows, or name another column as the label"]
    if found.distinct == 1:
        value = f" ({found.top[0].value})" if found.top else ""
        why = f"the label {label!r} has one value{value} in all rows that have one: no model can learn from it"
        return [why], ["add rows of another class, or name another column as the label"]
    if found.nulls:
        why = f"the label {label!r} has no value in {found.nulls:,} of {found.rows:,} rows"
        return [why], ["label these rows, or leave them out"]
    return [], []


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
