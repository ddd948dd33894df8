"""One condition of a slice on one column: a value, a range of numbers or times, or a missing value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Predicate:
    """A condition on one column.

    Attributes
    ----------
    column : str
    value : object
        What the column equals; ``None`` where it is missing, or where there is a range.
    low, high : float, int, datetime or None
        A range ``low <= column < high``; ``None`` is no limit.
    ranged : bool
        Whether it is a range.
    whole : bool
        Whether the column holds whole numbers.
    """

    column: str
    value: Any = None
    low: Any = None
    high: Any = None
    ranged: bool = False
    whole: bool = False

    @property
    def sql(self) -> str:
        """Give the condition as SQL."""
        name = _name(self.column)
        if not self.ranged:
            return f"{name} IS NULL" if self.value is None else f"{name} = {_literal(self.value)}"
        if self.low is None and self.high is None:
            return f"{name} IS NOT NULL"
        ends = [] if self.low is None else [f"{name} >= {_literal(self.low)}"]
        ends += [] if self.high is None else [f"{name} < {_literal(self.high)}"]
        return " AND ".join(ends)

    @property
    def words(self) -> str:
        """Give the condition as a person says it."""
        if not self.ranged:
            return f"{self.column} is missing" if self.value is None else f"{self.column} is {_said(self.value)}"
        low, high = self.low, self.high
        if low is None and high is None:
            return f"{self.column} is known"
        if low is None:
            return f"{self.column} below {_said(high)}"
        if high is None:
            return f"{self.column} from {_said(low)}"
        if self.whole:
            last = high - 1
            return f"{self.column} is {_said(low)}" if last == low else f"{self.column} in {_said(low)}-{_said(last)}"
        return f"{self.column} from {_said(low)} to below {_said(high)}"

    def __str__(self) -> str:
        return self.sql


def _name(column: str) -> str:
    plain = column.isidentifier() and column.isascii() and f" {column.upper()} " not in _RESERVED
    return column if plain else '"' + column.replace('"', '""') + '"'


def _literal(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return "'" + str(value).replace("'", "''") + "'"


def _said(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return f"{value:g}"
    return str(value)


# Words that a column cannot be named by without quotes.
_RESERVED = (
    " ALL AND ANY AS ASC BETWEEN BOTH CASE CAST CHECK COLLATE COLUMN CONSTRAINT CREATE CROSS DEFAULT DESC DISTINCT DO"
    " ELSE END EXCEPT FALSE FETCH FOR FOREIGN FROM FULL GRANT GROUP HAVING IN INNER INTERSECT INTO IS JOIN LATERAL LEFT"
    " LIKE LIMIT NATURAL NOT NULL OFFSET ON ONLY OR ORDER OUTER PRIMARY REFERENCES RIGHT SELECT SOME TABLE THEN TO TRUE"
    " UNION UNIQUE USING WHEN WHERE WINDOW WITH "
)
