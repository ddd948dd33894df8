"""How many false alarms are allowed in how long: ``"1/year"``."""

from __future__ import annotations

import math
import re
from typing import Literal, NamedTuple

from assay.errors import ProjectError

# A quarter has at most 92 days; the longest of each period makes the promise hold in every one.
Cadence = Literal["hour", "day", "week", "month"]
DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
_ALLOWANCE = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*/\s*([a-z]+)\s*")


class Allowance(NamedTuple):
    """An allowance of false alarms.

    Attributes
    ----------
    rate : float
        False alarms allowed in one period.
    days : int
        Length of the period in days.
    """

    rate: float
    days: int

    @property
    def threshold(self) -> float:
        """The level c at which a statistic fed once a day must alarm: days / rate."""
        return self.days / self.rate

    @property
    def alpha(self) -> float | None:
        """Bound on the probability of any false alarm in one period; None where only their number is bounded."""
        return self.rate if self.rate < 1 else None

    def batches(self, cadence: Cadence) -> int:
        """Give how many batches come in one period at most.

        Examples
        --------
        >>> Allowance(1, 366).batches("day"), Allowance(1, 366).batches("week"), Allowance(1, 366).batches("month")
        (366, 53, 14)
        """
        return math.ceil(self.days / {"hour": 1 / 24, "day": 1, "week": 7, "month": 28}[cadence])


def parse_allowance(text: str, key: str) -> Allowance:
    """Read an allowance such as ``"1/quarter"`` or ``"0.05/year"``.

    Parameters
    ----------
    text : str
        A positive number, a slash and day, week, month, quarter or year. At least one day in a period must be left
        without a false alarm: ``"1/day"`` is refused.
    key : str
        What to call it in messages.

    Raises
    ------
    ProjectError
        If it cannot be read.

    Examples
    --------
    >>> parse_allowance("1/year", "false_alarms")
    Allowance(rate=1.0, days=366)
    """
    found = _ALLOWANCE.fullmatch(text.lower())
    if found is None or found[2] not in DAYS:
        raise ProjectError(
            f'{key} = "{text}" cannot be read: write a number, a slash and one of {", ".join(DAYS)}, such as "1/quarter"'
        )
    allowance = Allowance(float(found[1]), DAYS[found[2]])
    if not 0 < allowance.rate < allowance.days:
        raise ProjectError(
            f'{key} = "{text}": the number must lie between 0 and {allowance.days}, the days of a period'
        )
    return allowance
