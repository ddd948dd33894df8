r"""The Shiryaev-Roberts e-detector: since when has a mean been above its limit, with a bound on false alarms.

Hypothesis ("nothing has changed"): E[x_t | past] <= mean for all t, each x_t in [low, high]. Nothing else is
assumed: no independence, no common law. For each bet theta in (0, 1) the factor
e_t = 1 + theta (x_t - mean) / (mean - low) is positive and has conditional mean at most 1. The statistic adds up,
over all starts s, the wealth of one who began to bet at s,

    M_t = sum_k w_k M_(k,t),   M_(k,t) = (M_(k,t-1) + 1) e_(k,t) = sum_(s <= t) prod_(i = s..t) e_(k,i),

and alarms at the first t with M_t >= c. Two bounds hold.

* Run length: E[observations to a false alarm] >= c. M_t - t is a supermartingale, so at the alarm c <= E[M] <= E[t].
* Horizon: P(any false alarm within H observations) <= H / c. The sum over starts s <= H of the wealth, counted
  as 1 before its start, is a nonnegative supermartingale that begins at H and is at least M_t up to H (Ville).

References
----------
Shin, J., Ramdas, A. and Rinaldo, A. "E-detectors: a nonparametric framework for sequential change detection."
New England Journal of Statistics in Data Science 2(2), 2024, Definition 2.2 and Proposition 2.4.
Roberts, S. W. "A comparison of some control chart procedures." Technometrics 8(3), 1966.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.stats import multiplicity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_CHUNK = 1 << 14
_STATE_VERSION = 1


class ShiryaevRoberts:
    """Watch for a rise of a mean above its limit.

    Guarantee (anytime): while E[x_t | past] <= mean, E[observations to a false alarm] >= threshold, and P(any
    false alarm within H observations) <= H / threshold for every H.

    Parameters
    ----------
    mean : float, in (low, high)
        The limit. Take an upper bound of the baseline, never its estimate: with the estimate itself about
        half of all quiet streams lie above the limit, and alarm.
    low, high : float
        Range of one value, known beforehand.
    threshold : float, at least 1, optional
        The threshold c.
    horizon, alpha : float, optional
        Instead of ``threshold``: at most probability ``alpha`` of any false alarm within ``horizon``
        observations, that is c = horizon / alpha.
    bets : sequence of float in (0, 1), optional
        Fractions theta, with equal shares. By default 1/32, 1/16, ..., 2 times the bet of the largest possible
        standard deviation, sqrt((mean - low) / (high - mean)), at most 0.95.

    Attributes
    ----------
    statistic, log_statistic : float
        M_t; its logarithm never overflows.
    time : int
        Observations so far.
    alarm_at : int or None
        Index (from 0) of the observation at the first alarm.
    since : int or None
        Index of the first observation of the change, as estimated now: the start of the largest single term
        of M_t. An estimate without error bound; None before the first observation.
    capped : int
        Units that were larger than declared; see :meth:`update_units`.

    Notes
    -----
    With no threshold it only keeps the statistic, for use in :class:`AverageDetector`. Misleads if which
    values arrive depends on them (labels that come sooner for errors), or if the mean was above its limit
    from the start: then the alarm is true but no change happened. To watch for a fall, pass ``-x``.
    The state is a few numbers a bet; ten thousand observations take about 10 ms.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> detector = ShiryaevRoberts(0.22, horizon=2000, alpha=0.05)
    >>> detector.update(rng.random(1000) < 0.2)
    False
    >>> detector.update(rng.random(1000) < 0.4)
    True
    >>> detector.alarm_at, detector.since
    (1061, 1006)
    """

    def __init__(
        self,
        mean: float,
        *,
        low: float = 0.0,
        high: float = 1.0,
        threshold: float | None = None,
        horizon: float | None = None,
        alpha: float | None = None,
        bets: Sequence[float] | None = None,
    ) -> None:
        if not (np.isfinite(low) and np.isfinite(high) and low < mean < high):
            raise ValueError(f"mean must lie strictly between low and high, got {low}, {mean}, {high}")
        self.mean = float(mean)
        self.low = float(low)
        self.high = float(high)
        self.threshold = _threshold(threshold, horizon, alpha)
        if bets is None:
            widest = np.sqrt((mean - low) / (high - mean))
            chosen = np.unique(np.minimum(2.0 ** np.arange(-5, 2) * widest, 0.95))
        else:
            chosen = np.asarray(bets, dtype=np.float64)
        if chosen.ndim != 1 or not chosen.size or not np.all((chosen > 0) & (chosen < 1)):
            raise ValueError("bets must be fractions in (0, 1)")
        self._bets: Floats = chosen
        self.time = 0
        self.capped = 0
        self.alarm_at: int | None = None
        self._log_m: Floats = np.full(chosen.size, -np.inf)
        # The largest term of each bet's sum: its logarithm and its start.
        self._log_best: Floats = np.full(chosen.size, -np.inf)
        self._start: NDArray[np.int64] = np.zeros(chosen.size, dtype=np.int64)

    @property
    def log_statistic(self) -> float:
        """Give ln M_t; minus infinity before the first observation."""
        return float(np.logaddexp.reduce(self._log_m) - np.log(self._bets.size))

    @property
    def statistic(self) -> float:
        """Give M_t; infinity once it no longer fits a float."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.log_statistic))

    @property
    def alarm(self) -> bool:
        """Say whether it has alarmed; it stays so."""
        return self.alarm_at is not None

    @property
    def since(self) -> int | None:
        """Give the estimated index of the first observation of the change."""
        return int(self._start[np.argmax(self._log_best)]) if self.time else None

    def update(self, x: ArrayLike) -> bool:
        """Take in one value or several in time order; say whether it has alarmed by now.

        Raises
        ------
        ValueError
            If a value is outside [low, high] or NaN; the state is then unchanged.
        """
        values = np.atleast_1d(np.asarray(x, dtype=np.float64))
        if values.ndim != 1:
            raise ValueError(f"x must be a number or have one dimension, got shape {values.shape}")
        outside = ~((values >= self.low) & (values <= self.high))
        if np.any(outside):
            row = int(np.argmax(outside))
            raise ValueError(f"x must lie in [{self.low}, {self.high}], but row {row} is {values[row]}")
        return self._advance((values - self.mean) / (self.mean - self.low))

    def update_units(self, totals: ArrayLike, sizes: ArrayLike, max_size: float) -> bool:
        """Take in sums over units (days, customers) in time order; each is one observation.

        The hypothesis is then E[total_t - mean size_t | past] <= 0: the row-weighted mean of each unit is at most
        ``mean``; rows inside a unit may depend in any way. The factor is 1 + theta (total - mean size) /
        ((mean - low) max_size), so ``max_size`` must be fixed before the units are seen (it may change
        between calls).

        A unit larger than ``max_size`` is scaled down to it and counted in ``capped``. The estimand then weights
        such a unit by max_size rows, and the bound needs E[total_t | size_t, past] <= mean size_t for it.

        Parameters
        ----------
        totals : array of float, shape (units,)
        sizes : array of float, shape (units,), positive
        max_size : float, positive

        Raises
        ------
        ValueError
            If a total lies outside [low size, high size]; the state is then unchanged.
        """
        sums = np.atleast_1d(np.asarray(totals, dtype=np.float64))
        rows = np.atleast_1d(np.asarray(sizes, dtype=np.float64))
        if sums.ndim != 1 or sums.shape != rows.shape:
            raise ValueError(f"totals and sizes must have one length, got {sums.shape} and {rows.shape}")
        if not np.all(np.isfinite(rows) & (rows > 0)) or not max_size > 0:
            raise ValueError("sizes and max_size must be positive")
        # Sums of many rows are rounded.
        slack = 1e-9 * rows * max(abs(self.low), abs(self.high), 1.0)
        outside = ~((sums >= self.low * rows - slack) & (sums <= self.high * rows + slack))
        if np.any(outside):
            unit = int(np.argmax(outside))
            raise ValueError(f"totals must lie in [low * size, high * size], but unit {unit} has {sums[unit]}")
        self.capped += int(np.count_nonzero(rows > max_size))
        excess = np.maximum(
            np.clip(sums, self.low * rows, self.high * rows) - self.mean * rows, (self.low - self.mean) * rows
        )
        return self._advance(excess / (self.mean - self.low) / np.maximum(rows, max_size))

    def _advance(self, gains: Floats) -> bool:
        """Take in gains, each at least -1 with conditional mean at most 0 under the hypothesis."""
        for start in range(0, gains.size, _CHUNK):
            part = gains[start : start + _CHUNK]
            logs = np.log1p(self._bets[:, None] * part)
            walk = np.cumsum(logs, axis=1)
            # M_t = exp(walk_t) (M_0 + sum over s <= t of exp(-walk_(s-1))), in logarithms.
            openings = np.concatenate([np.zeros((walk.shape[0], 1)), -walk[:, :-1]], axis=1)
            openings[:, 0] = np.logaddexp(self._log_m, 0.0)
            log_m = walk + np.logaddexp.accumulate(openings, axis=1)
            if self.threshold is not None and self.alarm_at is None:
                mixed = np.logaddexp.reduce(log_m, axis=0) - np.log(self._bets.size)
                crossed = mixed >= np.log(self.threshold)
                if np.any(crossed):
                    self.alarm_at = self.time + int(np.argmax(crossed))
            self._log_m = log_m[:, -1].copy()

            openings[:, 0] = 0.0
            best = np.argmax(openings, axis=1)
            fresh = walk[:, -1] + openings[np.arange(best.size), best]
            carried = self._log_best + walk[:, -1]
            self._start = np.where(fresh > carried, self.time + best, self._start)
            self._log_best = np.maximum(fresh, carried)
            self.time += part.size
        return self.alarm

    def to_dict(self) -> dict[str, Any]:
        """Give the whole state as JSON-safe values; :meth:`from_dict` resumes from it exactly."""
        return {
            "version": _STATE_VERSION,
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "threshold": self.threshold,
            "bets": self._bets.tolist(),
            "time": self.time,
            "capped": self.capped,
            "alarm_at": self.alarm_at,
            # JSON has no infinity; before the first observation there is nothing to keep.
            "log_m": self._log_m.tolist() if self.time else None,
            "log_best": self._log_best.tolist() if self.time else None,
            "start": self._start.tolist(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> ShiryaevRoberts:
        """Rebuild a detector from :meth:`to_dict`."""
        if state.get("version") != _STATE_VERSION:
            raise ValueError(f"state version must be {_STATE_VERSION}, got {state.get('version')!r}")
        detector = cls(
            state["mean"],
            low=state["low"],
            high=state["high"],
            threshold=state["threshold"],
            bets=state["bets"],
        )
        detector.time = int(state["time"])
        detector.capped = int(state["capped"])
        detector.alarm_at = state["alarm_at"]
        if detector.time:
            detector._log_m = np.asarray(state["log_m"], dtype=np.float64)
            detector._log_best = np.asarray(state["log_best"], dtype=np.float64)
            detector._start = np.asarray(state["start"], dtype=np.int64)
        return detector


class AverageDetector:
    """Watch several detectors (slices, models) under one bound, whatever their dependence.

    The average of the statistics is again an e-detector: each satisfies E[M_t] <= t at any stopping time, so
    their average does. One threshold serves all, with no correction for their number.

    Guarantee (anytime): while no limit is exceeded, E[ticks to a false alarm] >= threshold and P(any false alarm
    within H ticks) <= H / threshold. A tick is a common clock on which each detector takes in at most one
    observation (a row each, or with :meth:`ShiryaevRoberts.update_units` a day each), and each E[x_t | past] <=
    mean must hold given the past of all of them.

    Parameters
    ----------
    detectors : mapping of str to ShiryaevRoberts
        Updated by the caller; their own thresholds play no part here.
    threshold, horizon, alpha : float
        As for :class:`ShiryaevRoberts`; one of the two forms is needed.

    Attributes
    ----------
    statistic, log_statistic : float
        The average and its logarithm.
    alarm_at : int or None
        Time (observations of the longest detector) of the first look that found the average at the threshold.

    Examples
    --------
    >>> slices = {name: ShiryaevRoberts(0.2) for name in ("all", "evening")}
    >>> watch = AverageDetector(slices, horizon=365, alpha=0.05)
    >>> for error in [1.0] * 12:
    ...     _ = slices["evening"].update(error), slices["all"].update(0.0)
    >>> watch.look(), watch.culprits()
    (True, ['evening'])
    """

    def __init__(
        self,
        detectors: Mapping[str, ShiryaevRoberts],
        *,
        threshold: float | None = None,
        horizon: float | None = None,
        alpha: float | None = None,
    ) -> None:
        if not detectors:
            raise ValueError("detectors must not be empty")
        limit = _threshold(threshold, horizon, alpha)
        if limit is None:
            raise ValueError("give threshold, or horizon and alpha")
        self.detectors = dict(detectors)
        self.threshold = limit
        self.alarm_at: int | None = None

    @property
    def log_statistic(self) -> float:
        """Give the logarithm of the average."""
        logs = [detector.log_statistic for detector in self.detectors.values()]
        return float(np.logaddexp.reduce(logs) - np.log(len(logs)))

    @property
    def statistic(self) -> float:
        """Give the average; infinity once it no longer fits a float."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.log_statistic))

    @property
    def alarm(self) -> bool:
        """Say whether a look has found an alarm; it stays so."""
        return self.alarm_at is not None

    def look(self) -> bool:
        """Compare the average with the threshold now; say whether it has alarmed by now.

        Looking less often than once a tick delays alarms and keeps the guarantee.
        """
        if self.alarm_at is None and self.log_statistic >= np.log(self.threshold):
            self.alarm_at = max(detector.time for detector in self.detectors.values())
        return self.alarm

    def culprits(self) -> list[str]:
        """Name the detectors that e-BH rejects now: the k largest with the k-th at least J c / k.

        Guarantee: with c = horizon / alpha, the statistics over the horizon are e-values at any stopping time within
        it, so the expected share of falsely named ones is at most alpha. There may be none although the
        average is at the threshold.
        """
        names = list(self.detectors)
        with np.errstate(over="ignore"):
            ratios = np.exp([self.detectors[name].log_statistic - np.log(self.threshold) for name in names])
        # e-BH at one half on twice the ratios is the rule k M_(k) >= J c.
        named = multiplicity.e_bh(2 * ratios, 0.5)
        order = np.argsort(-ratios, kind="stable")
        return [names[i] for i in order if named[i]]


def _threshold(threshold: float | None, horizon: float | None, alpha: float | None) -> float | None:
    if threshold is not None:
        if horizon is not None or alpha is not None:
            raise ValueError("give threshold, or horizon and alpha, not both")
        if not (np.isfinite(threshold) and threshold >= 1):
            raise ValueError(f"threshold must be at least 1, got {threshold}")
        return float(threshold)
    if horizon is None and alpha is None:
        return None
    if horizon is None or alpha is None:
        raise ValueError("horizon and alpha go together")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
    if not (np.isfinite(horizon) and horizon >= 1):
        raise ValueError(f"horizon must be at least 1, got {horizon}")
    return float(horizon) / alpha
