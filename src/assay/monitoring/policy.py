r"""How many false pages are allowed, and the threshold that keeps to it.

Let M_t be a Shiryaev-Roberts statistic, so that E[M_t | past] <= M_{t-1} + 1 while nothing has risen, and let an
alarm be raised, and M set to 0, whenever M_t >= c. Three facts follow, for any dependence on the past.

Expected number. Let N_t count the alarms up to t and let V_t be M_t plus the value of M at each alarm so far. Then
V_t - t is a supermartingale, so c E[N_t] <= E[V_t] <= t: **at most t/c false alarms are expected in the first t
units**, and in the long run at most one in c units.

Probability. By Markov's inequality P(any false alarm in the first H units) <= E[N_H] <= H/c.

Many monitors. Both bounds are sums, so allowances of several monitors add up, whatever their dependence.

So an allowance of r false pages in H units means c = H/r. With r < 1 it bounds the probability of any false page in H
units by r. With r >= 1 it bounds the expected number only: ``1/quarter`` expects up to one false page a quarter from
a model that is fine; ``0.05/quarter`` risks one with probability of at most 5% in the quarter, and needs about twice
the evidence.

If M is multiplied by an e-value of an independent reference (:mod:`assay.monitoring.detectors`), the same proof holds
given the reference, and its expectation is at most 1.

References
----------
Shin, J., Ramdas, A. and Rinaldo, A. "E-detectors: a nonparametric framework for sequential change detection." The New
England Journal of Statistics in Data Science 2(2), 2024 (bounds the mean time to a false
alarm; the two statements above are derived here).
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from assay.errors import ProjectError

# A quarter has at most 92 days; the longest of each period makes the promise hold in every one.
DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
_ALLOWANCE = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*/\s*([a-z]+)\s*")


class FalsePages(NamedTuple):
    """An allowance of false pages.

    Attributes
    ----------
    rate : float
        False pages allowed in one period.
    days : int
        Length of the period in days.
    """

    rate: float
    days: int

    @property
    def threshold(self) -> float:
        """The level c at which a statistic fed once a day must page: days / rate."""
        return self.days / self.rate

    @property
    def alpha(self) -> float | None:
        """Bound on the probability of any false page in one period; None where only their number is bounded."""
        return self.rate if self.rate < 1 else None


def parse_false_pages(text: str) -> FalsePages:
    """Read an allowance such as ``"1/quarter"`` or ``"0.05/year"``.

    Parameters
    ----------
    text : str
        A positive number, a slash and day, week, month, quarter or year. At least one day in a period must be left
        without a false page: ``"1/day"`` is refused.

    Returns
    -------
    FalsePages

    Raises
    ------
    ProjectError
        If it cannot be read.

    Examples
    --------
    >>> parse_false_pages("0.05/quarter")
    FalsePages(rate=0.05, days=92)
    >>> round(parse_false_pages("0.05/quarter").threshold), parse_false_pages("1/quarter").alpha
    (1840, None)
    """
    found = _ALLOWANCE.fullmatch(text.lower())
    if found is None or found[2] not in DAYS:
        raise ProjectError(
            f'false_pages = "{text}" cannot be read: write a number, a slash and one of {", ".join(DAYS)}, '
            'such as "1/quarter"'
        )
    allowance = FalsePages(float(found[1]), DAYS[found[2]])
    if not 0 < allowance.rate < allowance.days:
        raise ProjectError(
            f'false_pages = "{text}": the number must lie between 0 and {allowance.days}, the days of a period'
        )
    return allowance


def log_threshold(horizon: int, rate: float) -> float:
    """Give ln(horizon / rate), the level at which a statistic pages."""
    return math.log(horizon / rate)
