"""A number held against bounds, as rule languages write it: ``> 0.95``, ``between 1 and 5``, ``mustBeLessThan: 3``."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from assay.validation.relations import Metric

if TYPE_CHECKING:
    from assay.validation.interop.drafting import Draft

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SIGN = re.compile(rf"(>=|<=|==|=|>|<)\s*({NUMBER})\s*(%?)", re.IGNORECASE)
_BETWEEN = re.compile(rf"between\s+({NUMBER})\s*(%?)\s+and\s+({NUMBER})\s*(%?)", re.IGNORECASE)

Ends = tuple[float | None, float | None]


def ends_of(sign: str, value: float) -> Ends:
    """Give the least and the greatest number for which a comparison holds; an end that is outside is the next number.

    Examples
    --------
    >>> ends_of(">=", 2), ends_of("=", 2), ends_of("<", 2)
    ((2.0, None), (2.0, 2.0), (None, 1.9999999999999998))
    """
    value = float(value)
    low = value if sign in (">=", "=", "==") else math.nextafter(value, math.inf) if sign == ">" else None
    high = value if sign in ("<=", "=", "==") else math.nextafter(value, -math.inf) if sign == "<" else None
    return low, high


def compared(text: str, *, open_between: bool = False) -> Ends | None:
    """Read a comparison with numbers; percents become shares. ``None`` if it is none.

    Examples
    --------
    >>> compared(">= 95%"), compared("between 1 and 5"), compared("= avg(last(3))")
    ((0.95, None), (1.0, 5.0), None)
    """
    text = text.strip()
    found = _SIGN.fullmatch(text)
    if found:
        sign, number, percent = found.groups()
        return ends_of(sign, float(number) / (100 if percent else 1))
    found = _BETWEEN.fullmatch(text)
    if found is None:
        return None
    first, one, second, two = found.groups()
    low, high = float(first) / (100 if one else 1), float(second) / (100 if two else 1)
    return (math.nextafter(low, math.inf), math.nextafter(high, -math.inf)) if open_between else (low, high)


def whole(ends: Ends) -> tuple[int | None, int | None]:
    """Give the least and the greatest whole number between two ends.

    Examples
    --------
    >>> whole(ends_of(">", 2)), whole((None, 2.5))
    ((3, None), (None, 2))
    """
    low, high = ends
    return None if low is None else math.ceil(low), None if high is None else math.floor(high)


def measure(analyzer: str, *columns: Any) -> str:
    """Write an analyzer as :class:`~assay.validation.relations.Metric` has it.

    Examples
    --------
    >>> measure("Mean", "delay"), measure("Uniqueness", ["a", "b"])
    ('Mean("delay")', 'Uniqueness(["a", "b"])')
    """
    return f"{analyzer}({', '.join(json.dumps(column, ensure_ascii=False) for column in columns)})"


def bounded(draft: Draft, analyzer: str, ends: Ends, where: str | None = None, name: str = "") -> None:
    """Bound a number of the table."""
    draft.metrics.append(Metric(measure=analyzer, min=ends[0], max=ends[1], where=where, name=name))
