"""What breaks each family of limits, as a condition on one value, and the same as SQL for people.

A column is named by its path: ``items.[]`` are the elements of a list, ``address.zip`` is a field of a struct. A row breaks a
limit on the elements of a list if one of its elements does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import ibis

from assay.data.connection import literal, quote
from assay.data.facts import columns_present
from assay.errors import DataError
from assay.validation.analyzers import CREDIT_CARD, EMAIL, SOCIAL_SECURITY_NUMBER_US, URL
from assay.validation.profiling import kind_of
from assay.validation.relations import WAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.datatypes as dt

    from assay.validation.relations import Relation

FORMATS = {
    "credit_card": CREDIT_CARD,
    "email": EMAIL,
    "ipv4": r"^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])$",
    "social_security_number_us": SOCIAL_SECURITY_NUMBER_US,
    "url": URL,
    "uuid": r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$",
}
_TEXTS = ("length", "pattern", "format", "parses")
_LISTS = ("values", "shape")
_NUMBERS = ("integer", "number")
_TIMES = ("date", "timestamp", "time")
# Anybody's DuckDB trusts the statistics of Parquet files, which leave NaN out, and takes isnan() for false; a session of
# assay's own does not.
NAN, IS_NAN = "CAST({} AS VARCHAR) = 'nan'", "isnan({})"
# DuckDB's own cast reads '1.5' as the whole number 2.
_WHOLE = r"^\s*[+-]?[0-9]+\s*$"
_NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*(e[+-]?[0-9]+)?|\.[0-9]+(e[+-]?[0-9]+)?|inf|infinity|nan)\s*$"
_TRUTHS = ("true", "false", "t", "f", "yes", "no", "y", "n", "1", "0")


@ibis.udf.scalar.builtin(signature=(("string", "string"), "timestamp"))
def try_strptime(text, pattern):  # type: ignore[no-untyped-def]
    """Read a time by a format, NULL if it cannot be; DuckDB's own."""


def type_at(table: ibis.Table, path: str) -> dt.DataType | None:
    """Give the type of a column by its path, or ``None`` where the table has none."""
    found = _split(table, path)
    if found is None:
        return None
    column, steps = found
    kind = table.schema()[column]
    for step in steps:
        if step == "[]" and kind.is_array():
            kind = kind.value_type
        elif step != "[]" and kind.is_struct() and step in kind.names:
            kind = kind[step]
        else:
            return None
    return kind


def _split(table: ibis.Table, path: str) -> tuple[str, list[str]] | None:
    """Split a path into the column, which may have dots in its name, and the steps inside it."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        head = ".".join(parts[:length])
        if head in table.columns:
            return head, parts[length:]
    return None


def readable(kind: dt.DataType, family: str) -> bool:
    """Tell whether a limit of a family can be asked of values of a type."""
    name = kind_of(kind)
    if family in _TEXTS:
        return name == "string"
    if family in _LISTS:
        return name == "list"
    if family == "range":
        return name in (*_NUMBERS, *_TIMES)
    if family in ("tails", "nan", "infinite"):
        return name in _NUMBERS
    if family == "categories":
        return name in ("string", "integer", "boolean")
    return True


def breaks(table: ibis.Table, path: str, family: str, spec: Any) -> ibis.Value:
    """Tell for each row whether a column breaks a limit."""
    found = _split(table, path)
    assert found is not None
    column, steps = found
    return _somewhere(table[column], steps, path, family, spec).fill_null(False)


def _somewhere(value: ibis.Value, steps: Sequence[str], path: str, family: str, spec: Any) -> ibis.Value:
    if not steps:
        return _broken(value, path, family, spec)
    step, rest = steps[0], steps[1:]
    if step == "[]":
        return value.filter(lambda each: _somewhere(each, rest, path, family, spec)).length() > 0
    return _somewhere(value[step], rest, path, family, spec)


def _absent(value: ibis.Value) -> ibis.Value:
    return value.isnull() | value.isnan().fill_null(False) if value.type().is_floating() else value.isnull()


def _never(value: ibis.Value) -> ibis.Value:
    # A plain False is no column, and has no sum.
    return value.isnull() & ibis.literal(False)


def _broken(value: ibis.Value, path: str, family: str, spec: Any) -> ibis.Value:
    floating = value.type().is_floating()
    if family == "nulls":
        return _absent(value)
    if family == "nan":
        return value.isnan() if floating else _never(value)
    if family == "infinite":
        return value.isinf() if floating else _never(value)
    if family == "range":
        return _outside(value, spec.min, spec.max, path) & ~_absent(value)
    if family == "tails":
        return _outside(value, spec.low, spec.high, path) & ~_absent(value)
    if family == "categories":
        return ~value.cast("string").isin(list(spec.values)) if spec.values else value.notnull()
    if family == "length":
        return _outside(value.length(), spec.min, spec.max, path)
    if family == "pattern":
        return ~value.re_search(f"^(?:{spec.regex})$")
    if family == "format":
        return ~value.re_search(FORMATS[spec.kind])
    if family == "parses":
        return value.notnull() & ~_parsed(value, spec.to, spec.format, path)
    if family == "values":
        return _outside(value.length(), spec.min, spec.max, path)
    if family == "shape":
        return _misshapen(value, spec)
    raise DataError(f"{path}: no rule is called {family!r}")


def _outside(value: ibis.Value, low: Any, high: Any, path: str) -> ibis.Value:
    kind = value.type()
    if kind_of(kind) in _TIMES:
        bounds = [None if end is None else ibis.literal(str(end)).cast(kind) for end in (low, high)]
    else:
        for end in (low, high):
            if isinstance(end, str):
                raise DataError(f"columns.{path}: {end!r} is no number, and the column holds {kind}")
        value = value if _exact(kind, low, high) else value.cast("float64")
        bounds = [low, high]
    low, high = bounds
    if low is None:
        return _never(value) if high is None else value > high
    return value < low if high is None else (value < low) | (value > high)


def _exact(kind: dt.DataType, low: Any, high: Any) -> bool:
    """Tell whether values and limits are all written in whole digits, and compared without rounding."""
    return (kind.is_integer() or kind.is_decimal()) and all(end is None or isinstance(end, int) for end in (low, high))


def _parsed(text: ibis.Value, to: str, pattern: str | None, path: str) -> ibis.Value:
    if to == "integer":
        return text.re_search(_WHOLE)
    if to == "boolean":
        return text.lower().isin(list(_TRUTHS))
    engine = text.get_backend().name
    if to == "number":
        # PostgreSQL stops at the first text that it cannot cast, and to Spark a NaN is missing.
        return text.try_cast("float64").notnull() if engine == "duckdb" else text.lower().re_search(_NUMBER)
    if engine == "postgres" or (pattern and engine != "duckdb"):
        raise DataError(
            f"columns.{path}.parses: {engine} cannot tell which texts are a {to}{f' as {pattern}' if pattern else ''}: "
            "check this table on DuckDB, or leave the limit to an environment of its own"
        )
    return (try_strptime(text, pattern) if pattern else text.try_cast(to)).notnull()


def _misshapen(value: ibis.Value, shape: tuple[int, ...]) -> ibis.Value:
    found = value.length() != shape[0]
    if len(shape) > 1 and value.type().value_type.is_array():
        rest = shape[1:]
        found = found | (value.filter(lambda each: _misshapen(each, rest).fill_null(True)).length() > 0)
    elif len(shape) > 1:
        return ibis.literal(True)
    return found


def wrong_sum(table: ibis.Table, relation: Relation) -> ibis.Value:
    """Tell for each row whether the columns do not add up; a missing part leaves it open."""
    columns_present(table, relation.sum)
    whole = ibis.literal(True)
    total = ibis.literal(0.0)
    for column in relation.sum:
        total = total + table[column].cast("float64")
        whole = whole & ~_absent(table[column])
    if isinstance(relation.equals, str):
        columns_present(table, [relation.equals])
        total = total - table[relation.equals].cast("float64")
        whole = whole & ~_absent(table[relation.equals])
    else:
        total = total - float(relation.equals or 0.0)
    return whole & (total.abs() > relation.within)


def undetermined(table: ibis.Table, relation: Relation, kept: ibis.Value | None) -> ibis.Value:
    """Tell for each row whether another agrees with it on the first columns and not on the second.

    A missing value among the first leaves it open; among the second it is a value of its own.
    """
    first, second = relation.determines
    columns_present(table, [*first, *second])
    by = [table[column] for column in first] + ([kept] if kept is not None else [])
    differs = ibis.literal(False)
    for column in second:
        text = table[column].cast("string")
        missing = text.isnull()
        lacking = missing.sum().over(group_by=by)
        rows = table.count().over(group_by=by)
        apart = text.min().over(group_by=by) != text.max().over(group_by=by)
        differs = differs | apart.fill_null(False) | ((lacking > 0) & (lacking < rows))
    whole = ibis.literal(True)
    for column in first:
        whole = whole & ~_absent(table[column])
    return whole & differs


def as_sql(kind: dt.DataType | None, column: str, family: str, spec: Any, nan: str) -> str:
    """Write a condition in DuckDB's SQL, true for exactly the rows that break it; empty where there is no short one.

    Parameters
    ----------
    nan : str
        How NaN is told: :data:`NAN` or, where DuckDB does not trust the statistics of Parquet files, :data:`IS_NAN`.
    kind : ibis data type or None
        Of the column; ``None`` for a relation.
    column, family, spec
        Of a :class:`assay.validation.rules.Rule`.
    """
    if family == "sql":
        return f"NOT ({spec.sql})"
    if family == "sum":
        equals = quote(spec.equals) if isinstance(spec.equals, str) else _shown(spec.equals or 0.0)
        parts = list(map(quote, (*spec.sum, spec.equals) if isinstance(spec.equals, str) else spec.sum))
        present = f"'nan' NOT IN ({', '.join(f'CAST({part} AS VARCHAR)' for part in parts)})"
        total = " + ".join(f"CAST({quote(part)} AS DOUBLE)" for part in spec.sum)
        return f"abs({total} - {equals}) > {_shown(spec.within)} AND {present}"
    if family in WAYS or kind is None or "[]" in column.split("."):
        return ""
    name = quote(column)
    floating = kind.is_floating()
    if family == "nulls":
        return f"{name} IS NULL OR {nan.format(name)}" if floating else f"{name} IS NULL"
    if family in ("nan", "infinite"):
        return (nan.format(name) if family == "nan" else f"isinf({name})") if floating else "FALSE"
    if family == "categories":
        text = name if kind.is_string() else f"CAST({name} AS VARCHAR)"
        return f"{text} NOT IN ({', '.join(map(literal, spec.values))})" if spec.values else f"{name} IS NOT NULL"
    if family == "pattern":
        return f"NOT regexp_matches({name}, {literal(f'^(?:{spec.regex})$')})"
    if family == "format":
        return f"NOT regexp_matches({name}, {literal(FORMATS[spec.kind])})"
    if family == "duplicates":
        return f"{name} IN (SELECT {name} FROM rows GROUP BY ALL HAVING count(*) > 1)"
    if family not in ("range", "tails", "length", "values"):
        return ""
    low, high = (spec.low, spec.high) if family == "tails" else (spec.min, spec.max)
    value = {"length": f"length({name})", "values": f"len({name})"}.get(family, name)
    if (
        family in ("range", "tails")
        and kind_of(kind) in _NUMBERS
        and not (kind.is_float64() or _exact(kind, low, high))
    ):
        # Else DuckDB rounds the limit to the type of the column, and a FLOAT of 16777216 is not below 16777217.
        value = f"CAST({name} AS DOUBLE)"
    if low is not None and high is not None:
        outside = f"{value} NOT BETWEEN {_shown(low)} AND {_shown(high)}"
    elif low is None and high is None:
        return "FALSE"
    else:
        outside = f"{value} < {_shown(low)}" if low is not None else f"{value} > {_shown(high)}"
    # DuckDB holds NaN to be above every number.
    return f"{outside} AND NOT {nan.format(name)}" if floating and high is not None else outside


def _shown(end: float | int | str) -> str:
    if isinstance(end, str):
        return literal(end)
    if isinstance(end, int) or (end.is_integer() and abs(end) < 1e15):
        return str(int(end))
    if not math.isfinite(end):
        return f"'{end}'::DOUBLE"
    said = repr(end)
    # Without an exponent it is a DECIMAL, which is not the nearest DOUBLE when it has more than 15 digits.
    return said if "e" in said or len(said.strip("-0.").replace(".", "")) <= 15 else f"{said}e0"
