"""A schema from code: Deequ's constraints by their names, in Python's spelling.

Each call adds to a schema and nothing else: a ``Check`` and the :class:`Schema` that it builds are validated by the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from assay.data.connection import literal, quote
from assay.errors import UsageError
from assay.validation.conditions import FORMATS
from assay.validation.relations import Metric, Relation, Rows
from assay.validation.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.validation.limits import Format

_TYPES = {
    "Integral": "integer",
    "Fractional": "number",
    "Numeric": "number",
    "Boolean": "boolean",
    "String": "string",
}
_PARSES = {"integer": r"^\s*[+-]?[0-9]+\s*$", "boolean": "(?i)^(true|false)$"}


class Check:
    """A schema under construction; every method returns the check, so that calls chain.

    Rules on rows take ``at_least``, the smallest share of rows that keeps the rule: 1 by default, which is a fact, and
    below 1 a rate that is tested. Rules on metrics take ``at_least`` and ``at_most``, or ``equals``: facts of the table.
    :meth:`where` narrows the rule before it.

    Parameters
    ----------
    name : str, optional
        Name of the schema.
    unit : str, optional
        Column of the independent unit.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay.validation import validate
    >>> check = Check().is_complete("id").has_min("age", at_least=0).satisfies("a <= b", at_least=0.99)
    >>> table = pa.table({"id": [1, 2, None], "age": [30, 41, 5], "a": [1, 2, 3], "b": [1, 2, 3]})
    >>> [(verdict.subject, verdict.status) for verdict in validate(table, check)]
    [('a <= b', 'pass'), ('id is complete', 'fail'), ('Minimum(age)', 'pass')]
    """

    def __init__(self, name: str = "", *, unit: str | None = None) -> None:
        self._schema = Schema(name=name, unit=unit)

    def to_schema(self) -> Schema:
        """Give the schema."""
        return self._schema

    def where(self, predicate: str) -> Check:
        """Ask the rule before it of the rows for which a predicate is true.

        Raises
        ------
        UsageError
            If no rule stands before it, or that rule is about the table as a whole.
        """
        last = self._last
        if last is None:
            raise UsageError("where() narrows the rule before it, and there is none that speaks of rows")
        items = list(getattr(self._schema, last))
        items[-1] = msgspec.structs.replace(items[-1], where=predicate)
        self._schema = msgspec.structs.replace(self._schema, **{last: tuple(items)})
        return self

    _last: str | None = None

    # The table as a whole.

    def has_size(self, at_least: int | None = None, at_most: int | None = None, *, equals: int | None = None) -> Check:
        """Bound the number of rows."""
        low, high = _ends(at_least, at_most, equals, "has_size")
        return self._rows(min=low, max=high)

    def has_column_count(
        self, at_least: int | None = None, at_most: int | None = None, *, equals: int | None = None
    ) -> Check:
        """Bound the number of columns."""
        low, high = _ends(at_least, at_most, equals, "has_column_count")
        return self._rows(columns_min=low, columns_max=high)

    def has_column(self, column: str) -> Check:
        """Ask for a column, of whatever type."""
        return self._metric(f"ColumnExists({column!r})", 1, None, f"{column} is there")

    # Completeness.

    def is_complete(self, column: str) -> Check:
        """No row lacks a value."""
        return self.has_completeness(column, at_least=1)

    def has_completeness(self, column: str, at_least: float) -> Check:
        """Bound the share of rows that have a value."""
        return self._row_rule(_present(column), at_least, f"{column} is complete")

    def are_complete(self, columns: Sequence[str]) -> Check:
        """No row lacks any of several values."""
        return self.have_completeness(columns, at_least=1)

    def have_completeness(self, columns: Sequence[str], at_least: float) -> Check:
        """Bound the share of rows that have all of several values."""
        return self._row_rule(" AND ".join(map(_present, columns)), at_least, f"{', '.join(columns)} are complete")

    def are_any_complete(self, columns: Sequence[str]) -> Check:
        """No row lacks all of several values."""
        return self.have_any_completeness(columns, at_least=1)

    def have_any_completeness(self, columns: Sequence[str], at_least: float) -> Check:
        """Bound the share of rows that have one of several values."""
        return self._row_rule(" OR ".join(map(_present, columns)), at_least, f"one of {', '.join(columns)} is there")

    # Uniqueness.

    def is_unique(self, column: str) -> Check:
        """Every value comes once."""
        return self.has_uniqueness([column], at_least=1)

    def are_unique(self, columns: Sequence[str]) -> Check:
        """Every combination of values comes once."""
        return self.has_uniqueness(columns, at_least=1)

    def is_primary_key(self, column: str, *more: str) -> Check:
        """No two rows agree on all columns, and none lacks a value."""
        columns = (column, *more)
        return self._relation(Relation(key=columns, name=f"key {', '.join(columns)}"))

    def has_uniqueness(
        self, columns: str | Sequence[str], at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound the share of rows whose values come once."""
        return self._of_columns("Uniqueness", columns, at_least, at_most)

    def has_distinctness(
        self, columns: str | Sequence[str], at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound different values for each row."""
        return self._of_columns("Distinctness", columns, at_least, at_most)

    def has_unique_value_ratio(
        self, columns: str | Sequence[str], at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound the share of different values that come once."""
        return self._of_columns("UniqueValueRatio", columns, at_least, at_most)

    def has_duplicate_row_count(
        self, columns: str | Sequence[str] = (), at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound the number of rows that come more than once, on some columns or on all."""
        return self._of_columns("DuplicateRowCount", columns, at_least, at_most)

    def has_number_of_distinct_values(
        self, column: str, at_least: int | None = None, at_most: int | None = None, *, equals: int | None = None
    ) -> Check:
        """Bound the exact number of different values."""
        return self._metric(f"CountDistinct([{column!r}])", *_ends(at_least, at_most, equals, "CountDistinct"))

    def has_approx_count_distinct(
        self, column: str, at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound the estimated number of different values: an estimate, without an error bound."""
        return self._metric(f"ApproxCountDistinct({column!r})", *_ends(at_least, at_most, None, "ApproxCountDistinct"))

    # Shares of values.

    def has_histogram_values(
        self, column: str, value: Any, at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound the share of rows that have one value."""
        name = f"share of {column} = {value}"
        measure = f"Compliance({name!r}, {f'CAST({quote(column)} AS VARCHAR) = {literal(str(value))}'!r})"
        return self._metric(measure, *_ends(at_least, at_most, None, name), name)

    def has_histogram_binned_values(
        self,
        column: str,
        low: float,
        high: float,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> Check:
        """Bound the share of rows whose number lies in one bin, from ``low`` up to, and without, ``high``."""
        name = f"share of {column} in [{low:g}, {high:g})"
        predicate = f"{quote(column)} >= {low!r} AND {quote(column)} < {high!r}"
        return self._metric(f"Compliance({name!r}, {predicate!r})", *_ends(at_least, at_most, None, name), name)

    def is_contained_in(
        self,
        column: str,
        values: Iterable[Any] | None = None,
        *,
        lower: float | None = None,
        upper: float | None = None,
        closed: str = "both",
        at_least: float = 1,
    ) -> Check:
        """Bound the share of rows whose value is one of some, or lies in an interval; a missing one is let pass.

        ``closed``: which ends belong to the interval: ``"both"``, ``"left"``, ``"right"`` or ``"neither"``.
        """
        if (values is None) == (lower is None and upper is None):
            raise UsageError("is_contained_in: give values, or the ends of an interval: lower, upper")
        if closed not in ("both", "left", "right", "neither"):
            raise UsageError(f'is_contained_in: closed = {closed!r}; write "both", "left", "right" or "neither"')
        name = quote(column)
        if values is not None:
            listed = ", ".join(literal(_text(value)) for value in values)
            if not listed:
                raise UsageError("is_contained_in: values is empty, so that nothing is contained")
            return self._row_rule(f"CAST({name} AS VARCHAR) IN ({listed})", at_least, f"{column} is known")
        ends = []
        if lower is not None:
            ends.append(f"{name} {'>=' if closed in ('both', 'left') else '>'} {lower!r}")
        if upper is not None:
            ends.append(f"{name} {'<=' if closed in ('both', 'right') else '<'} {upper!r}")
        return self._row_rule(" AND ".join(ends), at_least, " and ".join(ends).replace('"', ""))

    # Numbers of one column.

    def has_min(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the smallest value."""
        return self._number("Minimum", column, at_least, at_most)

    def has_max(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the largest value."""
        return self._number("Maximum", column, at_least, at_most)

    def has_range(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the largest value less the smallest."""
        return self._number("Range", column, at_least, at_most)

    def has_mean(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the mean."""
        return self._number("Mean", column, at_least, at_most)

    def has_sum(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the sum."""
        return self._number("Sum", column, at_least, at_most)

    def has_standard_deviation(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the standard deviation of the population."""
        return self._number("StandardDeviation", column, at_least, at_most)

    def has_variance(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the variance of the population."""
        return self._number("Variance", column, at_least, at_most)

    def has_skewness(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the skewness of the population."""
        return self._number("Skewness", column, at_least, at_most)

    def has_kurtosis(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the excess kurtosis of the population."""
        return self._number("Kurtosis", column, at_least, at_most)

    def has_interquartile_range(
        self, column: str, at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound the distance of the quartiles."""
        return self._number("InterquartileRange", column, at_least, at_most)

    def has_zeros_count(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the number of zeros."""
        return self._number("ZerosCount", column, at_least, at_most)

    def has_min_length(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the length of the shortest text."""
        return self._number("MinLength", column, at_least, at_most)

    def has_max_length(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the length of the longest text."""
        return self._number("MaxLength", column, at_least, at_most)

    def has_entropy(self, column: str, at_least: float | None = None, at_most: float | None = None) -> Check:
        """Bound the entropy, in nats."""
        return self._of_columns("Entropy", column, at_least, at_most)

    def has_approx_quantile(
        self, column: str, quantile: float, at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound a quantile that a sketch gives: an estimate, without an error bound."""
        return self._metric(
            f"ApproxQuantile({column!r}, {quantile!r})", *_ends(at_least, at_most, None, "ApproxQuantile")
        )

    def has_exact_quantile(
        self, column: str, quantile: float, at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound a quantile."""
        return self._metric(
            f"ExactQuantile({column!r}, {quantile!r})", *_ends(at_least, at_most, None, "ExactQuantile")
        )

    # Two columns.

    def has_correlation(
        self, first: str, second: str, at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound Pearson's correlation."""
        return self._metric(f"Correlation({first!r}, {second!r})", *_ends(at_least, at_most, None, "Correlation"))

    def has_mutual_information(
        self, first: str, second: str, at_least: float | None = None, at_most: float | None = None
    ) -> Check:
        """Bound the mutual information, in nats."""
        return self._metric(
            f"MutualInformation({first!r}, {second!r})", *_ends(at_least, at_most, None, "MutualInformation")
        )

    def is_less_than(self, first: str, second: str, at_least: float = 1) -> Check:
        """Bound the share of rows in which one column is below another."""
        return self._compared(first, "<", second, at_least)

    def is_less_than_or_equal_to(self, first: str, second: str, at_least: float = 1) -> Check:
        """Bound the share of rows in which one column is not above another."""
        return self._compared(first, "<=", second, at_least)

    def is_greater_than(self, first: str, second: str, at_least: float = 1) -> Check:
        """Bound the share of rows in which one column is above another."""
        return self._compared(first, ">", second, at_least)

    def is_greater_than_or_equal_to(self, first: str, second: str, at_least: float = 1) -> Check:
        """Bound the share of rows in which one column is not below another."""
        return self._compared(first, ">=", second, at_least)

    # Rows.

    def satisfies(self, predicate: str, at_least: float = 1, *, name: str = "") -> Check:
        """Bound the share of rows for which an SQL predicate is not false."""
        return self._row_rule(predicate, at_least, name or predicate)

    def is_non_negative(self, column: str, at_least: float = 1) -> Check:
        """Bound the share of rows whose number is not below 0."""
        return self._row_rule(f"{quote(column)} >= 0", at_least, f"{column} >= 0")

    def is_positive(self, column: str, at_least: float = 1) -> Check:
        """Bound the share of rows whose number is above 0."""
        return self._row_rule(f"{quote(column)} > 0", at_least, f"{column} > 0")

    def has_pattern(self, column: str, pattern: str, at_least: float = 1, *, name: str = "") -> Check:
        """Bound the share of rows whose text holds a match of a regular expression (RE2)."""
        matched = f"regexp_matches({quote(column)}, {literal(pattern)})"
        return self._row_rule(matched, at_least, name or f"{column} matches {pattern}")

    def contains_email(self, column: str, at_least: float = 1) -> Check:
        """Bound the share of rows whose text is an e-mail address."""
        return self._format(column, "email", at_least)

    def contains_url(self, column: str, at_least: float = 1) -> Check:
        """Bound the share of rows whose text is a URL."""
        return self._format(column, "url", at_least)

    def contains_credit_card_number(self, column: str, at_least: float = 1) -> Check:
        """Bound the share of rows whose text has the form of a credit card's number."""
        return self._format(column, "credit_card", at_least)

    def contains_social_security_number(self, column: str, at_least: float = 1) -> Check:
        """Bound the share of rows whose text has the form of a US social security number."""
        return self._format(column, "social_security_number_us", at_least)

    def has_data_type(self, column: str, data_type: str, at_least: float = 1) -> Check:
        """Bound the share of rows whose value, as text, reads as a type.

        ``data_type``: ``"integer"``, ``"number"``, ``"boolean"``, ``"string"``, or Deequ's name for it.
        """
        kind = _TYPES.get(data_type, data_type)
        text = f"CAST({quote(column)} AS VARCHAR)"
        if kind == "string":
            others = " OR ".join(f"regexp_matches({text}, {literal(pattern)})" for pattern in _PARSES.values())
            predicate = f"NOT ({others} OR TRY_CAST({text} AS DOUBLE) IS NOT NULL)"
        elif kind == "number":
            predicate = f"{text} IS NULL OR TRY_CAST({text} AS DOUBLE) IS NOT NULL"
        elif kind in _PARSES:
            predicate = f"regexp_matches({text}, {literal(_PARSES[kind])})"
        else:
            raise UsageError(f'has_data_type: {data_type!r}; write "integer", "number", "boolean" or "string"')
        return self._row_rule(predicate, at_least, f"{column} reads as {kind}")

    # Other tables, and SQL.

    def custom_sql(
        self, query: str, at_least: float | None = None, at_most: float | None = None, *, equals: float | None = None
    ) -> Check:
        """Bound the one number of a query over the table, which is called ``rows``."""
        return self._metric(f"CustomSql({query!r})", *_ends(at_least, at_most, equals, "custom_sql"))

    def does_dataset_match(
        self, keys: Mapping[str, str] | Sequence[str], references: str, at_least: float = 1
    ) -> Check:
        """Bound the share of rows whose key is found in another table, ``references``: a dataset's name or a source.

        ``keys``: the columns by name, or a mapping of ours to theirs. :func:`validate` is given tables by name as
        ``references``.
        """
        pairs = dict(keys) if isinstance(keys, Mapping) else {key: key for key in keys}
        return self._relation(
            Relation(
                foreign_key=tuple(pairs),
                references=f"{references}:{','.join(pairs.values())}",
                at_most=_broken(at_least),
            )
        )

    has_referential_integrity = does_dataset_match

    def _rows(self, **bounds: int | None) -> Check:
        given = {key: value for key, value in bounds.items() if value is not None}
        rows = msgspec.structs.replace(self._schema.rows or Rows(), **given)
        self._schema = msgspec.structs.replace(self._schema, rows=rows)
        self._last = None
        return self

    def _relation(self, relation: Relation) -> Check:
        relations = (*self._schema.relations, relation)
        self._schema = msgspec.structs.replace(self._schema, relations=relations)
        self._last = "relations"
        return self

    def _row_rule(self, predicate: str, at_least: float, name: str) -> Check:
        return self._relation(Relation(sql=predicate, at_most=_broken(at_least), name=name))

    def _metric(self, measure: str, low: float | None, high: float | None, name: str = "") -> Check:
        metrics = (*self._schema.metrics, Metric(measure=measure, min=low, max=high, name=name or _short(measure)))
        self._schema = msgspec.structs.replace(self._schema, metrics=metrics)
        self._last = "metrics"
        return self

    def _number(self, analyzer: str, column: str, low: float | None, high: float | None) -> Check:
        return self._metric(f"{analyzer}({column!r})", *_ends(low, high, None, analyzer))

    def _of_columns(self, analyzer: str, columns: str | Sequence[str], low: float | None, high: float | None) -> Check:
        listed = [columns] if isinstance(columns, str) else list(columns)
        return self._metric(f"{analyzer}({listed!r})" if listed else f"{analyzer}()", *_ends(low, high, None, analyzer))

    def _compared(self, first: str, sign: str, second: str, at_least: float) -> Check:
        return self._row_rule(f"{quote(first)} {sign} {quote(second)}", at_least, f"{first} {sign} {second}")

    def _format(self, column: str, kind: Format, at_least: float) -> Check:
        matched = f"regexp_matches({quote(column)}, {literal(FORMATS[kind])})"
        return self._row_rule(matched, at_least, f"{column} is of the form {kind}")


def _present(column: str) -> str:
    name = quote(column)
    # NaN is no value either; a text that spells it is one.
    return f"({name} IS NOT NULL AND (typeof({name}) NOT IN ('FLOAT', 'DOUBLE') OR CAST({name} AS VARCHAR) <> 'nan'))"


def _broken(at_least: float) -> float:
    if not 0 <= at_least <= 1:
        raise UsageError(f"at_least is {at_least}: give the share of rows that keeps the rule, from 0 to 1")
    # 1 - 0.99 is 0.010000000000000009: what a person wrote has few digits.
    return round(1 - at_least, 12)


def _ends(low: Any, high: Any, equals: Any, what: str) -> tuple[Any, Any]:
    if equals is not None:
        if low is not None or high is not None:
            raise UsageError(f"{what}: give equals, or at_least and at_most")
        return equals, equals
    if low is None and high is None:
        raise UsageError(f"{what}: give at_least, at_most or both")
    return low, high


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _short(measure: str) -> str:
    return measure.replace("'", "").replace("[", "").replace("]", "")
