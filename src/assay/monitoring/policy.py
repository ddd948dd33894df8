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

If M is multiplied by an e-value of an independent reference (:mod:`assay.stats.rise`), the same proof holds
given the reference, and its expectation is at most 1.

References
----------
Shin, J., Ramdas, A. and Rinaldo, A. "E-detectors: a nonparametric framework for sequential change detection." The New
England Journal of Statistics in Data Science 2(2), 2024 (bounds the mean time to a false
alarm; the two statements above are derived here).
"""

from __future__ import annotations

import math

from assay.core.allowance import Allowance as FalsePages
from assay.core.allowance import parse_allowance

__all__ = ["FalsePages", "log_threshold", "parse_false_pages"]


def parse_false_pages(text: str) -> FalsePages:
    """Read an allowance of false pages: :func:`assay.core.allowance.parse_allowance`.

    Examples
    --------
    >>> parse_false_pages("0.05/quarter")
    Allowance(rate=0.05, days=92)
    >>> round(parse_false_pages("0.05/quarter").threshold), parse_false_pages("1/quarter").alpha
    (1840, None)
    """
    return parse_allowance(text, "false_pages")


def log_threshold(horizon: int, rate: float) -> float:
    """Give ln(horizon / rate), the level at which a statistic pages."""
    return math.log(horizon / rate)
