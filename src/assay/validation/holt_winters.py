r"""Deequ's HoltWinters: additive exponential smoothing with a season, and a fixed band around its forecasts.

Level l, trend b and season s start from the first two cycles of p values: l = mean of the first, b = (mean of the second -
mean of the first) / p, s_t = x_t - l. Then, for each t,

    l' = alpha (x_t - s_t) + (1 - alpha)(l + b),  b' = beta (l' - l) + (1 - beta) b,
    s_(t+p) = gamma (x_t - l - b) + (1 - gamma) s_t,

with (alpha, beta, gamma) in the unit cube chosen by L-BFGS-B from (0.3, 0.1, 0.1) to make the squared errors of one-step
forecasts smallest. Beyond the history each forecast is taken for the value. A value is an anomaly if it is more than 1.96
times the sample standard deviation of the *absolute* errors away from its forecast.

Two things make that band too narrow. The deviation of absolute errors is 0.6 of that of the errors (for normal ones), so
that one in four ordinary values lies outside even if the forecast is right; and the errors are those that the
parameters were chosen to make small, on a history that may be two cycles long.

References
----------
Schelter, S. et al. "Automating large-scale data quality verification." PVLDB 11(12), 2018; awslabs/deequ,
``anomalydetection/seasonal/HoltWinters.scala``. Winters, P. R. "Forecasting sales by exponentially weighted moving averages."
Management Science 6(3), 1960.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from assay.core import Guarantee
from assay.errors import UsageError
from assay.validation.anomaly_rules import Anomaly, Strategy, interval_of, series_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_PERIODS = {("hourly", "daily"): 24, ("daily", "weekly"): 7, ("monthly", "yearly"): 12}
_FIRST = (0.3, 0.1, 0.1)
_FACTOR = 1.96


class HoltWinters(Strategy, frozen=True):
    """Anomaly: a value far from the forecast of exponential smoothing with a season.

    Parameters
    ----------
    interval : {"hourly", "daily", "monthly"}
        How often a value comes.
    seasonality : {"daily", "weekly", "yearly"}
        Length of a cycle: hourly values have a daily one, daily ones a weekly, monthly ones a yearly.
    period : int, optional
        Instead: the values in a cycle.
    """

    interval: Literal["hourly", "daily", "monthly"] = "daily"
    seasonality: Literal["daily", "weekly", "yearly"] = "weekly"
    period: int = 0

    def __post_init__(self) -> None:
        if self.period < 0 or (not self.period and (self.interval, self.seasonality) not in _PERIODS):
            known = ", ".join(f"{interval} with {season}" for interval, season in _PERIODS)
            raise UsageError(
                f"HoltWinters: {self.interval} values have no {self.seasonality} cycle here: write {known}, or period = N"
            )

    @property
    def cycle(self) -> int:
        """Values in a cycle."""
        return self.period or _PERIODS[self.interval, self.seasonality]

    @property
    def guarantee(self) -> Guarantee:
        """An estimate."""
        return Guarantee.estimate(
            "the band is 1.96 deviations of the absolute errors of a fit: of normal values without a fault, 46% lie outside "
            "after two weeks of days, 23% after eight"
        )

    def hindrance(self, values: Sequence[float]) -> str:
        """It needs two whole cycles before the newest value."""
        if len(values) > 2 * self.cycle:
            return ""
        return f"it needs two cycles of {self.cycle} values before the newest, and has {max(len(values) - 1, 0)}"

    def detect(self, values: Sequence[float], start: int = 0, end: int | None = None) -> list[Anomaly]:
        """Fit to the values before ``start`` and forecast the others.

        Raises
        ------
        UsageError
            If fewer than two cycles come before ``start``.
        """
        x = series_of(values)
        start, end = interval_of(x, start, end)
        if start < 2 * self.cycle:
            raise UsageError(
                f"HoltWinters: two cycles of {self.cycle} values are needed before the first that is tested, not {start}"
            )
        history, steps = x[:start], end - start
        if steps <= 0:
            return []
        forecasts, errors = smooth(history, self.cycle, *self._fitted(history), steps)
        reach = _FACTOR * float(np.abs(errors).std(ddof=1))
        return [
            Anomaly(start + i, float(value), f"forecast {forecast:.6g} +/- {reach:.6g} for value {value:.6g}")
            for i, (value, forecast) in enumerate(zip(x[start:end], forecasts, strict=True))
            if abs(value - forecast) > reach
        ]

    def _fitted(self, history: Floats) -> tuple[float, float, float]:
        from scipy.optimize import minimize

        def loss(parameters: Floats) -> float:
            alpha, beta, gamma = parameters.tolist()
            _, errors = smooth(history, self.cycle, alpha, beta, gamma, 0)
            return float((errors**2).sum())

        found = minimize(loss, _FIRST, method="L-BFGS-B", bounds=[(0.0, 1.0)] * 3).x
        return float(found[0]), float(found[1]), float(found[2])


def smooth(history: Floats, period: int, alpha: float, beta: float, gamma: float, steps: int) -> tuple[Floats, Floats]:
    """Give the forecasts of the next ``steps`` values, and the errors of the one-step forecasts within the history.

    Examples
    --------
    >>> forecasts, errors = smooth(np.tile([1.0, 3.0], 4), 2, 0.3, 0.1, 0.1, 2)
    >>> forecasts.round(3).tolist(), errors.round(3).max()
    ([1.0, 3.0], np.float64(0.0))
    """
    x = history.tolist()
    first, second = sum(x[:period]), sum(x[period : 2 * period])
    level, trend = first / period, (second - first) / period**2
    season = [value - level for value in x[:period]]
    errors = [x[0] - (level + trend + season[0])]
    forecasts = []
    for t in range(len(x) + steps):
        if t >= len(x):
            forecasts.append(level + trend + season[t])
        value = x[t] if t < len(x) else forecasts[-1]
        risen = alpha * (value - season[t]) + (1 - alpha) * (level + trend)
        season.append(gamma * (value - level - trend) + (1 - gamma) * season[t])
        trend = beta * (risen - level) + (1 - beta) * trend
        level = risen
        if t + 1 < len(x):
            errors.append(x[t + 1] - (level + trend + season[t + 1]))
    return np.array(forecasts), np.array(errors)
