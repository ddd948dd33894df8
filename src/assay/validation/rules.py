"""Rules of a schema as Ibis expressions: which rows break them, and how many."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from assay.data.connection import literal, quote
from assay.errors import DataError
from assay.validation.profiling import kind_of, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis
    from numpy.typing import NDArray

    from assay.validation.schema import Schema

Family = Literal["nulls", "range", "categories", "tails"]
# Beyond it a statement takes longer to plan than to run.
EXPRESSIONS = 500
FAMILIES: tuple[Family, ...] = ("nulls", "range", "categories", "tails")


class Rule(NamedTuple):
    """One limit on the share of rows that break a condition."""

    column: str
    family: Family
    limit: float


class Counts(NamedTuple):
    """Rows that break each rule, in all or by unit.

    ``broken`` has one row a unit (one in all, without units) and one column a rule; ``sizes`` counts rows.
    """

    broken: NDArray[np.int64]
    sizes: NDArray[np.int64]


def rules_of(schema: Schema) -> list[Rule]:
    """List the limits of a schema, column by column."""
    found = []
    for name, column in schema.columns.items():
        for family in FAMILIES:
            limit = column.limit(family)
            if limit is not None:
                found.append(Rule(name, family, float(limit.at_most)))
    return found


def breaks(table: ibis.Table, schema: Schema, rule: Rule) -> ibis.Value:
    """Tell for each row whether it breaks a rule; a missing value breaks none but ``nulls``."""
    absent = missing(table, rule.column)
    if rule.family == "nulls":
        return absent
    column = schema.columns[rule.column]
    value = table[rule.column]
    if rule.family == "categories":
        assert column.categories is not None
        # NOT IN of an empty list is true, as it should be.
        return (~value.cast("string").isin(list(column.categories.values))).fill_null(False)
    number = value.cast("float64") if not value.type().is_boolean() else value.cast("int8").cast("float64")
    low, high = thresholds(schema, rule)
    return ((number < low) | (number > high)).fill_null(False) & ~absent


def thresholds(schema: Schema, rule: Rule) -> tuple[float, float]:
    """Give the two ends of a range or of the tails; an open end is infinite."""
    column = schema.columns[rule.column]
    if rule.family == "range" and column.range is not None:
        low, high = column.range.min, column.range.max
        return -math.inf if low is None else float(low), math.inf if high is None else float(high)
    assert column.tails is not None
    return column.tails.low, column.tails.high


def as_sql(schema: Schema, rule: Rule) -> str:
    """Write the condition for a person who wants to see the rows."""
    name = quote(rule.column)
    if rule.family == "nulls":
        return f"{name} IS NULL"
    if rule.family == "categories":
        categories = schema.columns[rule.column].categories
        assert categories is not None
        shown = ", ".join(literal(value) for value in categories.values[:8])
        return f"{name} NOT IN ({shown}{', ...' if len(categories.values) > 8 else ''})"
    low, high = thresholds(schema, rule)
    return f"{name} NOT BETWEEN {low:.10g} AND {high:.10g}"


def applies(table: ibis.Table, rule: Rule) -> bool:
    """Tell whether the table has the column, in a type that the rule can read."""
    if rule.column not in table.columns:
        return False
    kind = kind_of(table.schema()[rule.column])
    if rule.family in ("range", "tails"):
        return kind in ("integer", "number")
    return rule.family == "nulls" or kind == "string"


def count(table: ibis.Table, schema: Schema, rules: Sequence[Rule], unit: str | None = None) -> Counts:
    """Count the rows that break each rule, in one query (one for each 500 rules).

    Raises
    ------
    DataError
        If some row has no unit.
    """
    parts: list[NDArray[np.int64]] = []
    sizes = np.zeros(0, dtype=np.int64)
    for start in range(0, max(len(rules), 1), EXPRESSIONS):
        some = rules[start : start + EXPRESSIONS]
        wanted = {f"r{i}": breaks(table, schema, rule).sum().cast("int64") for i, rule in enumerate(some)}
        wanted["size"] = table.count()
        if unit is None:
            found = table.aggregate(**wanted).to_pyarrow()
        else:
            grouped = table.group_by(unit=table[unit]).aggregate(**wanted)
            found = grouped.order_by("unit").to_pyarrow()
            if found.column("unit").null_count:
                raise DataError(f"some rows have no {unit}, the declared unit: remove them, or give them one")
        sizes = found.column("size").to_numpy().astype(np.int64)
        columns = [found.column(f"r{i}").to_numpy().astype(np.int64) for i in range(len(some))]
        parts.append(np.stack(columns, axis=1) if columns else np.zeros((len(sizes), 0), dtype=np.int64))
    return Counts(np.concatenate(parts, axis=1), sizes)


def halves(table: ibis.Table, unit: str) -> tuple[ibis.Table, ibis.Table]:
    """Split a reference by a digest of the unit: one half sets thresholds, the other stands beside the batch.

    The digest knows nothing of the values, and is the same whenever and wherever the split is made.
    """
    text = table[unit].cast("string").fill_null("")
    if table[unit].type().is_timestamp():
        text = table[unit].strftime("%Y-%m-%d %H:%M:%S")
    first = text.hexdigest("md5").substr(0, 1).isin(list("01234567"))
    return table.filter(first), table.filter(~first)
