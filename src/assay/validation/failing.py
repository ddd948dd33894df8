"""Rows that show a fault, and a verdict on each row: filters, put to the engine that holds the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from assay.data.sources import table as open_table
from assay.errors import UsageError
from assay.validation.codes import CODES
from assay.validation.parts import parts_of
from assay.validation.rules import Rule, absent_columns, applies, broken, named_columns, rules_of
from assay.validation.schema import as_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis

    from assay.core import Verdict


class RowResults(NamedTuple):
    """A verdict on each row.

    Parameters
    ----------
    table : ibis.Table
        The columns of the table, and a truth column for each rule, named as ``rules`` names them: whether the row keeps
        it.
    rules : dict of str to (str, str)
        Code and subject of each added column.
    valid, invalid : ibis.Table
        The rows, as they came, that keep all rules, and those that break at least one.
    """

    table: ibis.Table
    rules: dict[str, tuple[str, str]]
    valid: ibis.Table
    invalid: ibis.Table


def failing_rows(
    table: Any, schema: Any, verdict: Verdict, *, references: Mapping[str, Any] | None = None
) -> ibis.Table:
    """Give the rows of a table that break the rule of a verdict.

    Nothing is read before the result is: it is a filter of the table.

    Parameters
    ----------
    table : anything that :func:`assay.data.table` opens
    schema : Schema, class of typed fields (:func:`from_class`), or Check
        The one that the verdict came from.
    verdict : Verdict
        Of :func:`assay.validation.validate`.
    references : dict of str to table, optional
        Tables that foreign keys name.

    Raises
    ------
    UsageError
        If the verdict is not about rows (a missing column, a row count, drift), or its rule is not in the schema.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay.validation import Schema, validate
    >>> schema = Schema.from_toml('version = 1\\n[columns.a]\\ntype = "integer"\\nrange = { min = 0 }')
    >>> table = pa.table({"a": [3, -1, 4]})
    >>> failed = [verdict for verdict in validate(table, schema) if verdict.failed]
    >>> failing_rows(table, schema, failed[0]).to_pyarrow().to_pylist()
    [{'a': -1}]
    """
    opened, fitting = open_table(table), as_schema(schema)
    subject, _, part = verdict.subject.partition(" | ")
    found = [rule for rule in rules_of(fitting) if (CODES[rule.family], rule.column) == (verdict.code, subject)]
    if not found and (part or verdict.code in CODES.values()):
        # The name of a relation may itself hold what parts a slice from a rule.
        part, subject = "", verdict.subject
        found = [rule for rule in rules_of(fitting) if (CODES[rule.family], rule.column) == (verdict.code, subject)]
    if not found:
        raise UsageError(f"{verdict.name} ({verdict.code}) is about no rows, or its rule is not in this schema")
    where = ""
    if part:
        pieces, _ = parts_of(opened, fitting, found, verdict.check, absent_columns(opened, fitting))
        where = next((piece.where for piece in pieces if piece.name == part), "")
    wide, values, kept = broken(opened, found[:1], where=where, references=references)
    shown = wide.filter(values[0] if kept is None else values[0] & kept)
    return shown.select(*opened.columns)


def row_results(
    table: Any, schema: Any, *, environment: str | None = None, references: Mapping[str, Any] | None = None
) -> RowResults:
    """Judge each row by each rule of a schema, whatever share of rows may break it.

    Parameters
    ----------
    table, schema, references
        As for :func:`failing_rows`.
    environment : str, optional
        Only columns that are expected there are asked about.

    Returns
    -------
    RowResults

    Notes
    -----
    Rules that judge rows by other rows (uniqueness, keys, dependencies) take a window over the table: costly on one that
    does not fit in memory.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay.validation import Schema
    >>> schema = Schema.from_toml('version = 1\\n[columns.a]\\ntype = "integer"\\nnulls = "never"\\nunique = true')
    >>> judged = row_results(pa.table({"a": [1, 2, 2, None]}), schema)
    >>> judged.table.order_by("a").to_pyarrow().to_pylist()[0]
    {'a': 1, 'a.nulls': True, 'a.duplicates': True}
    >>> judged.valid.to_pyarrow().to_pylist()
    [{'a': 1}]
    """
    opened, fitting = open_table(table), as_schema(schema)
    absent = absent_columns(opened, fitting)
    rules = [
        rule for rule in rules_of(fitting, environment) if applies(opened, rule) and not absent & named_columns(rule)
    ]
    wide, values, _ = broken(opened, rules, references=references)
    names = _names(rules, list(opened.columns))
    judged = wide.mutate(**{name: ~value for name, value in zip(names, values, strict=True)})
    judged = judged.select(*opened.columns, *names)
    every: Any = None
    for name in names:
        every = judged[name] if every is None else every & judged[name]
    valid = judged if every is None else judged.filter(every)
    invalid = judged.limit(0) if every is None else judged.filter(~every)
    about = {name: (CODES[rule.family], rule.column) for name, rule in zip(names, rules, strict=True)}
    columns = opened.columns
    return RowResults(judged, about, valid.select(*columns), invalid.select(*columns))


def _names(rules: list[Rule], taken: list[str]) -> list[str]:
    """Name the added columns ``COLUMN.FAMILY``, apart from each other and from the table's."""
    seen = {column.lower() for column in taken}
    names = []
    for rule in rules:
        name = wanted = f"{rule.column}.{rule.family}"
        number = 2
        while name.lower() in seen:
            name, number = f"{wanted}.{number}", number + 1
        seen.add(name.lower())
        names.append(name)
    return names
