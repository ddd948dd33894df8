"""Has the loss of a model risen above what it was on reference data? The monitor that may page somebody."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError, StoreError, UsageError
from assay.monitoring import incidents, policy
from assay.monitoring.arrivals import Arrivals, Reader
from assay.monitoring.trail import Trail
from assay.stats import clustering, sampling
from assay.stats.rise import Baseline, Detector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.core import Verdict
    from assay.monitoring.performance import Loss

    Floats = NDArray[np.float64]

STATE_VERSION = 1


class HarmMonitor:
    r"""Watch the losses of a model, in all and by slice, and alarm when they have risen.

    Verdicts (code MON101): ``fail`` when a rise is shown, with its estimated start, the slices and the present loss;
    ``pass`` while none is; ``inconclusive`` when the reference is too small to find a rise of ``smallest_rise``
    within the horizon, or when rows that were taken as independent turn out to come in days; ``skipped`` before the
    first unit.

    Guarantee (anytime): while no stream's mean loss exceeds that of its reference by more than the tolerance,
    P(any alarm in the first ``horizon`` units) <= alpha, at every look. It includes the error of the reference, and
    holds over all slices together, whatever their dependence: the mean over streams of e-detectors, all rows having
    half the weight, is an e-detector. Proofs: :mod:`assay.stats.rise` and :mod:`assay.monitoring.policy`.
    With ``false_pages`` of 1 or more it is the expected number of false alarms in ``horizon`` units that is bounded.
    The slices named at an alarm come from weighted e-BH: among them the expected share of wrongly named ones is at
    most alpha.

    Assumes that units of the reference are independent; that the mean loss of each new unit, given what was seen
    before, stays at most the baseline while nothing is wrong (new units may depend on the past in any other way); and
    that whether a label arrives does not depend on whether the prediction was right. The clock is the arrival of
    labels.

    Parameters
    ----------
    baseline : float or mapping of stream to float, in (0, 1), optional
        The loss that is accepted, if it is known without error; streams are ``"all"`` and the slices.
    reference : table, optional
        Labelled predictions on held-out rows from normal times, with the columns of a batch. One of ``baseline`` and
        ``reference`` is needed. Rows on which the model was trained make the baseline too low, and alarms false.
    tolerance : float, at least 0
        Rise of the loss that is of no concern.
    horizon : int
        Number of units to which the allowance of false alarms refers: 92 for a quarter of days.
    alpha : float, in (0, 1)
        Probability of any false alarm within the horizon.
    false_pages : float or None
        Instead of ``alpha``: false alarms allowed within the horizon; below ``horizon``.
    slices : sequence of str
        Columns of booleans; each slice has its own baseline.
    unit : str
        Column of the independent unit (day, customer); a time stands for its day. ``"row"``: each row is independent.
    max_unit_size : int or None
        Most rows that a unit brings. By default a quarter more than the largest in the reference. Larger units count,
        scaled down to it, in the reference and in the stream.
    loss : {"error", "brier"}
        Ignored if the table has a column ``loss`` with values in [0, 1].
    label, prediction, score : str
        Columns from which the loss is computed.
    time : str or None
        Column of the time of each row; with ``unit="row"`` its days are tested for clustering.
    smallest_rise : float
        Rise that must be findable within the horizon for a quiet stream to count as a pass.
    check, model : str
        Names for the verdict.

    Raises
    ------
    UsageError
        If arguments contradict each other.
    DataError
        If a table cannot be used: names the column and row.

    Notes
    -----
    Misleads if the reference is not like normal times (another season), for then an alarm is true but says nothing
    about the model's age; and if labels of wrong predictions arrive more often. A pass is no proof that nothing rose:
    see ``evidence.statistic["detectable_rise"]``. Cost: about 15 microseconds a unit and stream; the state is some
    tens of kilobytes a stream, plus the names of closed units.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> def day_errors(days, rate):
    ...     chance = rng.beta(rate * 15, (1 - rate) * 15, size=days)
    ...     return rng.random((days, 200)) < chance[:, None]
    >>> def table(errors, first):
    ...     days = np.datetime64(first) + np.repeat(np.arange(len(errors)), 200)
    ...     return {"loss": errors.ravel().astype(float), "date": days}
    >>> monitor = HarmMonitor(reference=table(day_errors(90, 0.2), "2013-01-01"), unit="date", horizon=92)
    >>> monitor.update(table(day_errors(30, 0.2), "2013-04-01")).status
    'pass'
    >>> verdict = monitor.update(table(day_errors(50, 0.3), "2013-05-01"), complete=True)
    >>> verdict.status, verdict.evidence.statistic["since"], verdict.evidence.statistic["alarm_at"]
    ('fail', '2013-04-24', '2013-05-13')

    References
    ----------
    Shin, J., Ramdas, A. and Rinaldo, A. "E-detectors: a nonparametric framework for sequential change detection." The
    New England Journal of Statistics in Data Science 2(2), 2024. Podkopaev, A. and Ramdas, A. "Tracking the risk of a
    deployed model and detecting harmful distribution shifts." ICLR 2022. Wang, R. and Ramdas, A. "False discovery
    rate control with e-values." Journal of the Royal Statistical Society B 84(3), 2022.
    """

    def __init__(
        self,
        *,
        horizon: int,
        baseline: float | Mapping[str, float] | None = None,
        reference: Any = None,
        tolerance: float = 0.0,
        alpha: float = 0.05,
        false_pages: float | None = None,
        slices: Sequence[str] = (),
        unit: str = "row",
        max_unit_size: int | None = None,
        loss: Loss = "error",
        label: str = "label",
        prediction: str = "prediction",
        score: str = "score",
        time: str | None = None,
        smallest_rise: float = 0.1,
        check: str = "harm",
        model: str = "",
    ) -> None:
        rate = alpha if false_pages is None else false_pages
        if horizon < 1 or not 0 < rate < horizon:
            raise UsageError(f"false_pages must lie between 0 and the horizon of {horizon} units, got {rate}")
        if false_pages is None and not 0 < alpha < 1:
            raise UsageError(f"alpha must lie in (0, 1), got {alpha}: use false_pages to allow one or more")
        if not 0 <= tolerance < 1 or not 0 < smallest_rise < 1:
            raise UsageError(f"tolerance ({tolerance}) and smallest_rise ({smallest_rise}) must lie in [0, 1)")
        if "all" in slices or len(set(slices)) < len(slices):
            raise UsageError(f'slices must have different names, none of them "all", got {list(slices)}')
        self.horizon = horizon
        self.rate = rate
        self.tolerance = tolerance
        self.smallest_rise = smallest_rise
        self.max_unit_size = max_unit_size
        self.check = check
        self.model = model
        self.reader = Reader(tuple(slices), unit, time, loss, label, prediction, score)
        self.log_threshold = policy.log_threshold(horizon, rate)
        self.units = 0
        self.resets = 0
        self.arrivals = Arrivals()
        self._start(reference, baseline)

    @property
    def streams(self) -> tuple[str, ...]:
        """``"all"`` and the slices."""
        return ("all", *self.reader.slices)

    def update(self, batch: Any, *, complete: bool = False) -> Verdict:
        """Take in rows whose labels have arrived, and give the verdict.

        Parameters
        ----------
        batch : mapping of columns, DataFrame or Arrow table
            In order of arrival, with ``loss`` or the columns from which it is computed, the column of the unit, and
            one of booleans for each slice. It may be empty.
        complete : bool
            Whether the units in it will get no more rows. By default the unit that was started last waits for a later
            one. Rows of a unit that was closed before are left out, and counted in the evidence.

        Returns
        -------
        Verdict

        Raises
        ------
        DataError
            If a column is missing or a value cannot be used; the monitor is then as it was before.
        """
        losses = self.reader.losses(batch)
        sums = self.reader.sums(batch, losses, self.rows + 1)
        if self.clustering is None and self.reader.unit == "row" and self.reader.time and losses.size:
            self._test_clustering(losses, sums.names)
        self.rows += losses.size
        if self.reader.unit == "row":
            for name, totals, rows in zip(sums.names, sums.totals.tolist(), sums.rows.tolist(), strict=True):
                self._feed(name, totals, rows)
        else:
            for name, totals, rows in self.arrivals.add(sums, complete):
                self._feed(name, totals, rows)
        return self.verdict()

    def verdict(self) -> Verdict:
        """Give the verdict on what came so far."""
        return incidents.verdict(self)

    def reset(self, *, reference: Any = None, baseline: float | Mapping[str, float] | None = None) -> None:
        """Start anew with another baseline, as after a promotion or when a rise is accepted.

        Evidence, incident and open units are dropped; closed units stay closed. The allowance of false alarms runs
        on: with c = horizon / allowance, N alarms in T units over all epochs have E[N] <= T/c, because the statistic
        starts again from 0 and each new reference brings a new e-value. The reference must not be chosen by its losses
        (the worst weeks of the stream do not serve). Rows on which the gate passed the model do, with this reading: the
        probability that it is promoted *and* a false alarm follows keeps to the bound; given a promotion by luck it is
        larger in theory. In simulations of models promoted by luck of one in a hundred it stayed below the bound.
        """
        closed, late = self.arrivals.closed | set(self.arrivals.pending), self.arrivals.late
        self._start(reference, baseline)
        self.arrivals = Arrivals({}, closed, late)
        self.resets += 1

    def to_dict(self) -> dict[str, Any]:
        """Give the whole state as plain values that JSON can hold."""
        return {
            "version": STATE_VERSION,
            "settings": {
                "horizon": self.horizon,
                "false_pages": self.rate,
                "tolerance": self.tolerance,
                "smallest_rise": self.smallest_rise,
                "max_unit_size": self.max_unit_size,
                "check": self.check,
                "model": self.model,
                "slices": list(self.reader.slices),
                "unit": self.reader.unit,
                "time": self.reader.time,
                "loss": self.reader.loss,
                "label": self.reader.label,
                "prediction": self.reader.prediction,
                "score": self.reader.score,
            },
            "detectors": [detector.to_dict() for detector in self.detectors],
            "arrivals": self.arrivals.to_dict(),
            "trail": self.trail.to_dict(),
            "alarm": self.alarm,
            "clustering": self.clustering,
            "oversized": self.oversized,
            "rows": self.rows,
            "units": self.units,
            "resets": self.resets,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> HarmMonitor:
        """Restore what :meth:`to_dict` gave; it continues as if there had been no break.

        Raises
        ------
        StoreError
            If it was written by a newer version.
        """
        if state.get("version") != STATE_VERSION:
            raise StoreError(
                f"monitor state of version {state.get('version')}, this assay reads {STATE_VERSION}: upgrade assay"
            )
        settings = dict(state["settings"])
        declared = settings.pop("max_unit_size")
        # Any baseline will do: the detectors are restored below, with their own.
        monitor = cls(**settings, max_unit_size=declared or 1, baseline=0.5)
        monitor.max_unit_size = declared
        monitor.detectors = [Detector.from_dict(item) for item in state["detectors"]]
        monitor.arrivals = Arrivals.from_dict(state["arrivals"])
        monitor.trail = Trail.from_dict(state["trail"])
        monitor.alarm = state["alarm"]
        monitor.clustering = state["clustering"]
        monitor.oversized = state["oversized"]
        monitor.rows = state["rows"]
        monitor.units = state["units"]
        monitor.resets = state["resets"]
        return monitor

    def log_statistics(self) -> Floats:
        """Give the logarithm of each stream's share of the statistic; their sum is the statistic."""
        others = len(self.streams) - 1
        weights = np.array([0.5] + [0.5 / others] * others if others else [1.0])
        return np.asarray(np.log(weights) + np.array([detector.log_statistic for detector in self.detectors]))

    def _start(self, reference: Any, baseline: float | Mapping[str, float] | None) -> None:
        if (reference is None) == (baseline is None):
            raise UsageError("a harm monitor needs a reference or a baseline, and not both")
        self.rows = 0
        self.oversized = 0
        self.alarm: dict[str, Any] | None = None
        self.clustering: dict[str, float] | None = None
        self.trail = Trail(len(self.streams))
        baselines, sizes = self._known(baseline) if reference is None else self._learned(reference)
        self.detectors = [
            Detector(base, size, self.horizon, self.tolerance) for base, size in zip(baselines, sizes, strict=True)
        ]

    def _known(self, baseline: float | Mapping[str, float] | None) -> tuple[list[Baseline], list[float]]:
        if self.reader.unit != "row" and self.max_unit_size is None:
            raise UsageError("with a baseline and a unit, max_unit_size must say how many rows a unit brings at most")
        size = float(self.max_unit_size or 1) if self.reader.unit != "row" else 1.0
        limits = baseline if isinstance(baseline, Mapping) else dict.fromkeys(self.streams, baseline)
        found = []
        for stream in self.streams:
            limit = limits.get(stream)
            if limit is None or not 0 < limit < 1:
                raise UsageError(f'the baseline of "{stream}" must lie in (0, 1), got {limit}')
            found.append(Baseline.known(float(limit)))
        return found, [size] * len(found)

    def _learned(self, reference: Any) -> tuple[list[Baseline], list[float]]:
        losses = self.reader.losses(reference)
        if not losses.size:
            raise DataError("the reference has no rows: give labelled predictions from normal times")
        sums = self.reader.sums(reference, losses, 1)
        if self.reader.unit == "row" and self.reader.time:
            self._test_clustering(losses, sums.names)
        baselines, sizes = [], []
        for place, stream in enumerate(self.streams):
            rows = sums.rows[:, place]
            kept = rows > 0
            if not np.any(kept):
                raise DataError(f"slice {stream!r} has no rows in the reference: drop it, or widen the reference")
            largest = 1.0 if self.reader.unit == "row" else math.ceil(1.25 * float(rows.max()))
            sizes.append(
                float(min(largest, self.max_unit_size or largest)) if place else float(self.max_unit_size or largest)
            )
            baselines.append(
                Baseline.from_reference(sums.totals[kept, place], rows[kept], self.log_threshold, sizes[-1])
            )
        return baselines, sizes

    def _test_clustering(self, losses: Floats, days: list[str]) -> None:
        if len(set(days)) < 2:
            return
        found = clustering.test(losses, np.array(days), seed=sampling.seed("harm", self.check))
        effect = 1.0 if math.isnan(found.design_effect) else found.design_effect
        self.clustering = {"p_value": found.p_value, "design_effect": effect}

    def _feed(self, name: str, totals: list[float], rows: list[float]) -> None:
        self.units += 1
        for detector, total, count in zip(self.detectors, totals, rows, strict=True):
            detector.update(total, count)
        self.oversized += any(n > d.size for n, d in zip(rows, self.detectors, strict=True))
        statistic = float(np.logaddexp.reduce(self.log_statistics()))
        self.trail.add(name, totals, rows, statistic)
        if self.alarm is None and statistic >= self.log_threshold:
            self.alarm = {"at": name, "unit": self.units, "log_statistic": statistic}
