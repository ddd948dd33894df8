"""What can be measured of a table in one pass, by the names that Deequ gives it.

Each analyzer is a value: two that are written alike are equal, so that :func:`assay.validation.measure` can give a mapping.
``where`` keeps the rows that an SQL predicate is true for. A missing value (NULL, and NaN among numbers) is no value:
it takes part in no statistic but ``Size`` and as a row that has none.

References
----------
Schelter, S. et al. "Automating large-scale data quality verification." PVLDB 11(12), 2018.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from assay.errors import DataError
from assay.validation.profiling import kind_of, missing

if TYPE_CHECKING:
    import ibis

EMAIL = r"^[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}$"
URL = r"^(https?|ftp)://[^\s/$.?#][^\s/]*\.[^\s]*$"
SOCIAL_SECURITY_NUMBER_US = (
    r"^(00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])-(0[1-9]|[1-9][0-9])-"
    r"(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})$"
)
CREDIT_CARD = (
    r"^(4[0-9]{3}([ -]?[0-9]{4}){3}|4[0-9]{12}|(5[1-5][0-9]{2}|2[2-7][0-9]{2})([ -]?[0-9]{4}){3}"
    r"|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}|3(0[0-5]|[68][0-9])[0-9][ -]?[0-9]{6}[ -]?[0-9]{4})$"
)


class Analyzer(msgspec.Struct, frozen=True):
    """A number, or several, of a table.

    ``columns`` are those that it reads. ``expressions`` gives the aggregates that it needs, by a word each; ``result`` makes
    the metric from their values.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it reads."""
        return (self.column,) if hasattr(self, "column") else ()

    @property
    def predicates(self) -> tuple[str, ...]:
        """Predicates that it needs as flags of rows, beside ``where``."""
        return ()

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Give the aggregates over the rows that count."""
        raise TypeError(f"{type(self).__name__} measures nothing in one pass")

    def result(self, values: dict[str, Any]) -> Any:
        """Make the metric; by default the only value."""
        [value] = values.values()
        return value


class Rows:
    """A table with its flags, and which rows count."""

    def __init__(self, table: ibis.Table, flags: dict[str, str], where: str) -> None:
        self.table = table
        self.flags = flags
        self.kept = table[flags[where]] if where else None

    def flag(self, predicate: str) -> ibis.Value:
        """Whether a predicate is true."""
        return self.table[self.flags[predicate]]

    def count(self, condition: ibis.Value | None = None) -> ibis.Value:
        """Count the rows that count, and of which a condition is true."""
        whole = self.kept if condition is None else condition if self.kept is None else condition & self.kept
        return self.table.count() if whole is None else whole.sum().fill_null(0)

    def values(self, column: str) -> ibis.Value:
        """Give the values of a column in the rows that count, missing ones as NULL."""
        value = self.table[column]
        if value.type().is_floating():
            value = value.isnan().ifelse(None, value)
        return value if self.kept is None else self.kept.ifelse(value, None)

    def numbers(self, column: str, what: str) -> ibis.Value:
        """Give a column of numbers."""
        if kind_of(self.table.schema()[column]) not in ("integer", "number"):
            raise DataError(f"{what}: {column!r} is {self.table.schema()[column]}, and this needs numbers")
        return self.values(column)

    def texts(self, column: str, what: str) -> ibis.Value:
        """Give a column of texts."""
        if kind_of(self.table.schema()[column]) != "string":
            raise DataError(f"{what}: {column!r} is {self.table.schema()[column]}, and this needs texts")
        return self.values(column)


class Size(Analyzer, frozen=True):
    """Number of rows."""

    where: str = ""

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Count."""
        return {"rows": rows.count()}


class Completeness(Analyzer, frozen=True):
    """Share of rows that have a value."""

    column: str
    where: str = ""

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Count values and rows."""
        return {"present": rows.count(~missing(rows.table, self.column)), "rows": rows.count()}

    def result(self, values: dict[str, Any]) -> Any:
        """Divide."""
        return ratio(values["present"], values["rows"])


class Compliance(Analyzer, frozen=True):
    """Share of rows for which an SQL predicate is true."""

    name: str
    predicate: str
    where: str = ""

    @property
    def predicates(self) -> tuple[str, ...]:
        """Its own."""
        return (self.predicate,)

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Count true ones and rows."""
        return {"true": rows.count(rows.flag(self.predicate)), "rows": rows.count()}

    def result(self, values: dict[str, Any]) -> Any:
        """Divide."""
        return ratio(values["true"], values["rows"])


class PatternMatch(Analyzer, frozen=True):
    """Share of rows in whose text a regular expression is found."""

    column: str
    pattern: str
    where: str = ""

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Count matches and rows."""
        found = rows.texts(self.column, "PatternMatch").re_search(self.pattern).fill_null(False)
        return {"matches": rows.count(found), "rows": rows.count()}

    def result(self, values: dict[str, Any]) -> Any:
        """Divide."""
        return ratio(values["matches"], values["rows"])


class _OfNumbers(Analyzer, frozen=True):
    """An aggregate of the numbers of a column; ``None`` when there are none."""

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Aggregate."""
        return {"value": self.of(rows.numbers(self.columns[0], type(self).__name__))}

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Give the aggregate."""
        raise TypeError(type(self).__name__)

    def result(self, values: dict[str, Any]) -> Any:
        """Give a float."""
        return None if values["value"] is None else float(values["value"])


class _OfColumn(_OfNumbers, frozen=True):
    column: str
    where: str = ""


class Minimum(_OfColumn, frozen=True):
    """Least number."""

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return numbers.min()


class Maximum(_OfColumn, frozen=True):
    """Greatest number."""

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return numbers.max()


class Range(_OfColumn, frozen=True):
    """Greatest less least number."""

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return numbers.max() - numbers.min()


class Mean(_OfColumn, frozen=True):
    """Mean."""

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return numbers.cast("float64").mean()


class Sum(_OfColumn, frozen=True):
    """Sum."""

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return numbers.cast("float64").sum()


class Variance(_OfColumn, frozen=True):
    """Variance of the population: squares over n."""

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return numbers.cast("float64").var(how="pop")


class StandardDeviation(_OfColumn, frozen=True):
    """Standard deviation of the population: squares over n."""

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return numbers.cast("float64").std(how="pop")


class ZerosCount(_OfColumn, frozen=True):
    """Number of zeros."""

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return (numbers == 0).fill_null(False).sum().fill_null(0)

    def result(self, values: dict[str, Any]) -> Any:
        """Give a whole number."""
        return int(values["value"])


class InterquartileRange(_OfColumn, frozen=True):
    """Exact 75% quantile less exact 25% quantile, linearly interpolated."""

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return numbers.cast("float64").quantile(0.75) - numbers.cast("float64").quantile(0.25)


class ExactQuantile(_OfNumbers, frozen=True):
    """Exact quantile, linearly interpolated."""

    column: str
    quantile: float = 0.5
    where: str = ""

    def __post_init__(self) -> None:
        _within_unit("quantile", self.quantile)

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return numbers.cast("float64").quantile(self.quantile)


class ApproxQuantile(_OfNumbers, frozen=True):
    """Quantile whose rank is off by at most ``relative_error``; it is computed exactly, so it always is."""

    column: str
    quantile: float = 0.5
    relative_error: float = 0.01
    where: str = ""

    def __post_init__(self) -> None:
        _within_unit("quantile", self.quantile)
        _within_unit("relative_error", self.relative_error)

    def of(self, numbers: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return numbers.cast("float64").quantile(self.quantile)


class ApproxQuantiles(Analyzer, frozen=True):
    """Several quantiles, by their level."""

    column: str
    quantiles: tuple[float, ...]
    relative_error: float = 0.01
    where: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "quantiles", tuple(self.quantiles))
        for level in self.quantiles:
            _within_unit("quantiles", level)

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """One aggregate a level."""
        numbers = rows.numbers(self.column, "ApproxQuantiles").cast("float64")
        return {f"q{i}": numbers.quantile(level) for i, level in enumerate(self.quantiles)}

    def result(self, values: dict[str, Any]) -> Any:
        """By level."""
        return {level: values[f"q{i}"] for i, level in enumerate(self.quantiles)}


class _Length(Analyzer, frozen=True):
    column: str
    where: str = ""
    nulls: Literal["ignore", "empty", "fail"] = "ignore"

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Aggregate lengths, and count what is missing."""
        text = rows.texts(self.column, type(self).__name__)
        if self.nulls == "empty":
            text = text.fill_null("") if rows.kept is None else rows.kept.ifelse(text.fill_null(""), None)
        return {"length": self.of(text.length()), "nulls": rows.count(missing(rows.table, self.column))}

    def of(self, lengths: ibis.Value) -> ibis.Value:
        """Give the aggregate."""
        raise TypeError(type(self).__name__)

    def result(self, values: dict[str, Any]) -> Any:
        """Refuse missing texts where that is asked for."""
        if self.nulls == "fail" and values["nulls"]:
            raise DataError(
                f"{type(self).__name__}({self.column!r}): {values['nulls']} texts are missing; fill them in, or say "
                'nulls="ignore"'
            )
        return values["length"]


class MinLength(_Length, frozen=True):
    """Characters of the shortest text. Missing ones are ignored, empty, or refused."""

    def of(self, lengths: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return lengths.min()


class MaxLength(_Length, frozen=True):
    """Characters of the longest text. Missing ones are ignored, empty, or refused."""

    def of(self, lengths: ibis.Value) -> ibis.Value:
        """Aggregate."""
        return lengths.max()


class ApproxCountDistinct(Analyzer, frozen=True):
    """About how many different values there are; the error has no bound, so let nothing rest on it."""

    column: str
    where: str = ""

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Sketch."""
        return {"distinct": rows.values(self.column).approx_nunique()}


class Correlation(Analyzer, frozen=True):
    """Pearson's correlation over rows that have both numbers; NaN when one of them is constant."""

    first: str
    second: str
    where: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Both."""
        return (self.first, self.second)

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Co-moments of the population."""
        x, y = (rows.numbers(column, "Correlation").cast("float64") for column in self.columns)
        both = x.notnull() & y.notnull()
        x, y = both.ifelse(x, None), both.ifelse(y, None)
        return {"xy": x.cov(y, how="pop"), "x": x.std(how="pop"), "y": y.std(how="pop")}

    def result(self, values: dict[str, Any]) -> Any:
        """Divide."""
        if values["xy"] is None:
            return None
        spread = values["x"] * values["y"]
        return max(-1.0, min(1.0, values["xy"] / spread)) if spread else float("nan")


class RatioOfSums(Analyzer, frozen=True):
    """Sum of one column over that of another."""

    numerator: str
    denominator: str
    where: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Both."""
        return (self.numerator, self.denominator)

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Sum both."""
        first, second = (rows.numbers(column, "RatioOfSums").cast("float64").sum() for column in self.columns)
        return {"numerator": first, "denominator": second}

    def result(self, values: dict[str, Any]) -> Any:
        """Divide."""
        return ratio(values["numerator"], values["denominator"])


class DataType(Analyzer, frozen=True):
    """What the values look like as text: counts of ``Unknown`` (missing), ``Fractional``, ``Integral``, ``Boolean``, ``String``."""

    column: str
    where: str = ""

    def expressions(self, rows: Rows) -> dict[str, ibis.Value]:
        """Match each value with a pattern a type."""
        text = rows.values(self.column).cast("string")
        wanted = {
            name: rows.count(text.re_search(pattern).fill_null(False))
            for name, pattern in (
                ("Fractional", r"^[-+]? ?[0-9]*\.[0-9]*([eE][-+]?[0-9]+)?$"),
                ("Integral", r"^[-+]? ?[0-9]+$"),
                ("Boolean", r"^(true|false)$"),
            )
        }
        return wanted | {"Unknown": rows.count(missing(rows.table, self.column)), "rows": rows.count()}

    def result(self, values: dict[str, Any]) -> Any:
        """What is none of these is a text."""
        found = {name: int(values[name]) for name in ("Unknown", "Fractional", "Integral", "Boolean")}
        return found | {"String": int(values["rows"]) - sum(found.values())}


def ratio(part: Any, whole: Any) -> float | None:
    """Divide, where there is something to divide by."""
    return None if not whole or part is None else float(part) / float(whole)


def _within_unit(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise DataError(f"{name} is {value:g}: give a share from 0 to 1")
