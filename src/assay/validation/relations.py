"""Rules of a schema over more than one column: the table as a whole, relations, metrics and slices."""

from __future__ import annotations

import msgspec

# What a relation can be.
WAYS = ("sql", "sum", "key", "determines", "foreign_key")


class Fresh(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The newest value of ``column`` is no older than ``within``, such as ``"26h"`` or ``"2d"``."""

    column: str
    within: str


class Rows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The table as a whole. All of these are facts of the table, counted and not inferred.

    Parameters
    ----------
    min, max : int or None
        Number of rows.
    ratio_min, ratio_max : float or None
        Rows of the table for each row of the reference.
    columns_min, columns_max : int or None
        Number of columns.
    new_columns : bool
        Whether columns that the schema does not name may come.
    fresh : Fresh or None
    """

    min: int | None = None
    max: int | None = None
    ratio_min: float | None = None
    ratio_max: float | None = None
    columns_min: int | None = None
    columns_max: int | None = None
    new_columns: bool = True
    fresh: Fresh | None = None


class Relation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule over several columns. One of ``sql``, ``sum``, ``key``, ``determines``, ``foreign_key`` says which.

    Parameters
    ----------
    sql : str or None
        A predicate that each row satisfies: ``"paid_at >= created_at"``. A row for which it is NULL satisfies it.
    sum, equals, within : tuple of str, str or float, float
        The columns of ``sum`` add up to the column or number ``equals``, within ``within``.
    key : tuple of str
        No two rows agree on all of these, and none of them is missing.
    determines : tuple of two tuples of str
        Functional dependency: rows that agree on the first agree on the second.
    foreign_key, references : tuple of str, str
        The columns' values are found in another table, ``"customers.csv:id"`` (a dataset's name or a source, and its
        columns).
    name, where, at_most, owner, because
        ``where`` keeps the rows that the rule speaks of.
    """

    sql: str | None = None
    sum: tuple[str, ...] = ()
    equals: str | float | None = None
    within: float = 0.0
    key: tuple[str, ...] = ()
    determines: tuple[tuple[str, ...], ...] = ()
    foreign_key: tuple[str, ...] = ()
    references: str | None = None
    name: str = ""
    where: str | None = None
    at_most: float = 0.0
    owner: str = ""
    because: str = ""


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Bounds on a number of the table that :func:`assay.validation.measure` reads. A fact of the table.

    Parameters
    ----------
    measure : str
        An analyzer as it is written in Python: ``Mean("delay")``, ``ApproxQuantile("delay", 0.9)``.
    min, max : float or None
    where, name, owner, because
    """

    measure: str
    min: float | None = None
    max: float | None = None
    name: str = ""
    where: str | None = None
    owner: str = ""
    because: str = ""


class Slice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of the table that every rate rule is asked of again: a predicate, or each value of columns.

    A part of fewer than ``min_rows`` rows is not asked about, and is told as skipped.
    """

    name: str = ""
    where: str | None = None
    by: tuple[str, ...] = ()
    min_rows: int = 100
