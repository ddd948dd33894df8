"""Ours: the newest value of a metric by its rank among those before it, with a bound on false alarms."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from assay.core import Assumption, Guarantee
from assay.core.allowance import Cadence, parse_allowance
from assay.errors import UsageError
from assay.stats import conformal, serial
from assay.validation.anomaly_rules import Anomaly, Strategy, interval_of, series_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# Level of the test for values that depend on those before them, over all lags.
LEVEL = 0.01
WEEK = 7


class Conformal(Strategy, frozen=True):
    r"""Anomaly: a value whose distance from the median is among the largest that the history has.

    The p-value is (1 + values of the history at least as far out) / (n + 1), and a value is an anomaly when it is at most
    alpha (:mod:`assay.stats.conformal`).

    Guarantee (exact): P(an anomaly is called) <= alpha for each value that is exchangeable with its history; so the
    expected number of false alarms in a period of H batches is at most alpha H, whatever their dependence. With
    ``false_alarms = "1/year"``, alpha is 1 / H. With fewer than 1/alpha - 1 values of history nothing can be an anomaly,
    and the verdict says so.

    Whether the history is exchangeable is tested: by its correlation with itself one batch and one week earlier, against
    random orders, at 1%. Found, the guarantee is withdrawn.

    Parameters
    ----------
    alpha : float, in (0, 1)
        Probability of a false alarm, for each batch.
    false_alarms : str, optional
        Instead: how many in how long, such as ``"1/year"``.
    cadence : {"hour", "day", "week", "month"}
        How often a batch comes; for ``false_alarms``.
    season : int, at least 1
        Length of a cycle in batches: 7 for days that have a weekly one. A value is then held against those of the same
        place in the cycle alone, so it needs as many times the history.

    Examples
    --------
    >>> rows = [1020, 974, 1004, 994, 995, 997, 979, 997, 991, 1033, 1002, 996, 997, 993, 989, 996, 1004, 997, 1009]
    >>> Conformal(0.05).detect([*rows, 730], start=19)
    [Anomaly(place=19, value=730.0, reason='further from the median than 95% of 20 values: p = 0.05')]
    """

    alpha: float = 0.05
    false_alarms: str = ""
    cadence: Cadence = "day"
    season: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise UsageError(f"Conformal: alpha is {self.alpha}: give a probability between 0 and 1")
        if self.season < 1:
            raise UsageError(f"Conformal: season is {self.season}: give the batches in a cycle, or 1 for none")
        if self.false_alarms:
            parse_allowance(self.false_alarms, "false_alarms")

    @property
    def level(self) -> float:
        """The probability of a false alarm, for each batch."""
        if not self.false_alarms:
            return self.alpha
        allowed = parse_allowance(self.false_alarms, "false_alarms")
        return min(allowed.rate / allowed.batches(self.cadence), 0.5)

    @property
    def guarantee(self) -> Guarantee:
        """Exact, as long as the history is exchangeable."""
        scope = f"false alarm, per {self.cadence}" if self.false_alarms else "false alarm, per batch"
        within = f"batches of the same place in a cycle of {self.season}" if self.season > 1 else "batches"
        text = f"{within} are exchangeable without a fault"
        found = f"no correlation at lags {_told(self.lags)}"
        return Guarantee.exact(
            self.level,
            scope,
            [Assumption(text, "checked", found)],
            "Vovk, Gammerman and Shafer (2005), Proposition 2.4",
        )

    @property
    def lags(self) -> tuple[int, ...]:
        """Lags at which the history is tested for correlation."""
        return tuple(sorted({1, WEEK, self.season}))

    def same_place(self, values: Sequence[float], place: int) -> list[float]:
        """Give the earlier values that a value is held against."""
        return list(values[place % self.season : place : self.season])

    def hindrance(self, values: Sequence[float]) -> str:
        """It needs 1/alpha - 1 values."""
        have, needed = len(self.same_place(values, len(values) - 1)), conformal.needed(self.level)
        if have >= needed:
            return ""
        what = f" of this place in the cycle of {self.season}" if self.season > 1 else ""
        return (
            f"no value could be an alarm yet: at {self.level:.3g} a batch that takes {needed} earlier values{what}, "
            f"and there are {have}"
        )

    def doubt(self, values: Sequence[float]) -> str:
        """Look for dependence in the values before the newest."""
        return _dependence(tuple(float(x) for x in values[:-1]), self.lags, self.season)

    def ordinary(self, values: Sequence[float]) -> tuple[float, float] | None:
        """Give the ends of the values that would be no anomaly."""
        return conformal.interval(self.same_place(values, len(values) - 1), self.level)

    def p_value(self, values: Sequence[float], place: int) -> float:
        """Give the p-value of one value against those before it."""
        return conformal.newest(self.same_place(values, place), float(values[place]))

    def detect(self, values: Sequence[float], start: int = 0, end: int | None = None) -> list[Anomaly]:
        """Hold each value against those before it."""
        x = series_of(values)
        start, end = interval_of(x, start, end)
        found = []
        for place in range(start, end):
            p = self.p_value(x.tolist(), place)
            if p <= self.level * (1 + 1e-12):
                many = len(self.same_place(values, place)) + 1
                reason = f"further from the median than {100 * (1 - p):.3g}% of {many} values: p = {p:.3g}"
                found.append(Anomaly(place, float(x[place]), reason))
        return found


@functools.lru_cache(maxsize=256)
def _dependence(history: tuple[float, ...], lags: tuple[int, ...], season: int) -> str:
    [found] = serial.autocorrelation(history, lags, phases=season) if history else [None]
    if found is None or found.p_value > LEVEL:
        return ""
    if found.lag == WEEK and season == 1:
        return f"values repeat after 7 batches (correlation {found.correlation:.2f}): a season; set season = 7"
    what = "the one before" if found.lag == 1 else f"the one {found.lag} before"
    return f"each value resembles {what} (correlation {found.correlation:.2f}), so that alarms come in runs"


def _told(lags: tuple[int, ...]) -> str:
    return " and ".join(", ".join(map(str, lags)).rsplit(", ", 1))
