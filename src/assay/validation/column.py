"""One column of a schema: its type, and the limits on its values."""

from __future__ import annotations

from typing import Literal

import msgspec

from assay.validation import limits
from assay.validation.profiling import Kind

Type = Literal[Kind, "any"]
Stage = Literal["planned", "alpha", "beta", "production", "deprecated", "debug", "disabled"]
SKIPPED = ("planned", "alpha", "deprecated", "debug", "disabled")
FAMILIES = (
    "nulls",
    "nan",
    "infinite",
    "range",
    "categories",
    "tails",
    "length",
    "pattern",
    "format",
    "parses",
    "values",
    "duplicates",
)
# Families that the word "never" may stand for.
NEVER = {"nulls": limits.Nulls, "nan": limits.NotANumber, "infinite": limits.Infinite}


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One column: its type and the limits on its values.

    Parameters
    ----------
    type : str
        Whole numbers pass for numbers; ``any`` is not checked, as where the schema of another tool says no type. The
        elements of a list and the fields of a struct are columns of their own, named by path: ``items``, ``items.[]``, ``address.zip``.
    required : bool
        Whether a table without the column is at fault.
    in_environment, not_in_environment : tuple of str
        Where the column is expected, ``("train",)`` for a label; by default everywhere.
    stage : str
        A ``planned``, ``alpha``, ``debug``, ``deprecated`` or ``disabled`` column is described, and not checked.
    nulls : Nulls or "never" or None
    nan, infinite, range, tails, categories, length, pattern, format, parses, values, distinct, drift, skew
        The limits, see :mod:`assay.validation.limits`. ``values`` bounds the number of values of a list, ``drift``
        compares with earlier data, ``skew`` training with serving data.
    shape : tuple of int
        Lengths of nested lists that never vary: ``(28, 28)``.
    unique : bool
        No value comes twice; ``duplicates`` is the same with a limit.
    unit_of_measure, owner, because : str
        For people: what a value is measured in, who answers for the column, why a limit is what it is.
    """

    type: Type
    required: bool = True
    in_environment: tuple[str, ...] = ()
    not_in_environment: tuple[str, ...] = ()
    stage: Stage = "production"
    nulls: limits.Nulls | Literal["never"] | None = None
    nan: limits.NotANumber | Literal["never"] | None = None
    infinite: limits.Infinite | Literal["never"] | None = None
    range: limits.Range | None = None
    tails: limits.Tails | None = None
    categories: limits.Categories | None = None
    length: limits.Length | None = None
    pattern: limits.Pattern | None = None
    format: limits.Formatted | None = None
    parses: limits.Parses | None = None
    values: limits.Values | None = None
    shape: tuple[int, ...] = ()
    unique: bool = False
    duplicates: limits.Duplicates | None = None
    distinct: limits.Distinct | None = None
    drift: limits.Drift | None = None
    skew: limits.Drift | None = None
    unit_of_measure: str = ""
    owner: str = ""
    because: str = ""

    def limit(self, family: str) -> limits.Limit | None:
        """Return the limit of a family such as ``"nulls"``; the word "never" stands for a limit of 0."""
        found = getattr(self, family)
        if found == "never":
            return NEVER[family]()
        assert found is None or isinstance(found, limits.Limit)
        return found

    def expected(self, environment: str | None) -> bool:
        """Tell whether the column is checked in an environment (``None``: in none in particular)."""
        if self.stage in SKIPPED:
            return False
        if environment is None:
            return True
        return environment not in self.not_in_environment and (
            not self.in_environment or environment in self.in_environment
        )
