"""The verdict of a harm monitor: since when, where, how sure, and what to do."""

from __future__ import annotations

import math
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.core.verdict import Status
    from assay.monitoring.harm import HarmMonitor

METHOD = "Shiryaev-Roberts e-detector, profiled over the baseline"
SOURCE = (
    "Shin, Ramdas and Rinaldo (2024), e-detectors; Markov's inequality for the Shiryaev-Roberts statistic; "
    "infimum over baselines of reference e-value times statistic"
)
# Nats of evidence that the mixture over bets costs, stream and reference together; from simulation.
OVERHEAD = 3.0
# Level of the test for clustering in rows taken as independent, and the inflation of the variance that matters.
CLUSTERED = 0.01
MATERIAL = 1.1


def named(parts: NDArray[np.float64], log_threshold: float) -> list[int]:
    """Name the streams that have risen, by weighted e-BH at one look after an alarm.

    Guarantee: the expected share of wrongly named streams is at most alpha. A stream's statistic divided by the
    horizon is an e-value at any stopping time within it; weighted and ranked, the k largest are named with the
    largest k for which each is at least c/k.

    Parameters
    ----------
    parts : ndarray of float64, shape (streams,)
        Logarithm of weight times statistic; the weights sum to 1.
    log_threshold : float

    Returns
    -------
    list of int
        Places of the named streams, in order; perhaps none.

    Examples
    --------
    >>> named(np.log([900.0, 20.0, 1100.0]), np.log(1800.0))
    [0, 2]
    """
    order = np.argsort(-parts, kind="stable")
    enough = parts[order] >= log_threshold - np.log(np.arange(1, parts.size + 1))
    count = int(np.flatnonzero(enough)[-1]) + 1 if np.any(enough) else 0
    return sorted(int(place) for place in order[:count])


def verdict(monitor: HarmMonitor) -> Verdict:
    """Put the state of a monitor into words and numbers."""
    reader, trail, alarm = monitor.reader, monitor.trail, monitor.alarm
    unit = reader.unit
    parts = monitor.log_statistics() if alarm else np.zeros(1)
    lead = int(np.argmax(parts))
    detector = monitor.detectors[lead]
    reference = detector.baseline.estimate
    limit = min(reference + monitor.tolerance, 1.0)
    start = trail.change_point(lead, limit) if alarm else 0
    level = 0.05 / (max(monitor.horizon, len(trail.units)) if alarm else 1)
    lower, upper = trail.interval(lead, start, detector.size, level)
    tested = monitor.clustering
    clustered = tested is not None and tested["p_value"] <= CLUSTERED and tested["design_effect"] > MATERIAL
    detectable, needed = _power(monitor)

    statistic: dict[str, Any] = {
        "log_statistic": _finite(trail.log_statistic[-1]) if trail.units else None,
        "log_threshold": monitor.log_threshold,
        "horizon": monitor.horizon,
        "allowed_false_alarms": monitor.rate,
        "stream": monitor.streams[lead],
        "reference_loss": reference,
        "reference_units": detector.baseline.units or None,
        "least_favorable_baseline": detector.least_favorable if trail.units else None,
        "tolerance": monitor.tolerance,
        "detectable_rise": detectable,
        "units_since_start": monitor.units,
        "late_rows": monitor.arrivals.late,
        "oversized_units": monitor.oversized,
        "open_units": len(monitor.arrivals.pending),
    }
    if monitor.clustering is not None:
        statistic |= {f"clustering_{key}": value for key, value in monitor.clustering.items()}
    if alarm:
        strongest = min(
            math.log(monitor.rate) if monitor.rate < 1 else 0.0, math.log(monitor.horizon) - max(trail.log_statistic)
        )
        statistic |= {
            "alarm_at": alarm["at"],
            "since": trail.names[start],
            "units_since": sum(trail.units[start:]),
            "slices": ", ".join(monitor.streams[place] for place in named(parts, monitor.log_threshold) if place)
            or None,
            "false_alarm_probability": math.exp(strongest),
        }
    evidence = Evidence(
        n=int(sum(trail.rows[0])),
        units=None if unit == "row" else sum(trail.units),
        unit=None if unit == "row" else unit,
        measure=_measure(monitor) + (f" since {trail.names[start]}" if alarm else ""),
        estimate=trail.mean(lead, start),
        lower=lower if trail.units else None,
        upper=upper if trail.units else None,
        limit=limit,
        level=0.95 if trail.units else None,
        statistic=statistic,
        series={
            "time": list(trail.names),
            "loss": [t / r if r else None for t, r in zip(trail.totals[lead], trail.rows[lead], strict=True)],
            "log_statistic": [_finite(value) for value in trail.log_statistic],
        },
        method=METHOD,
        versions={name: version(name) for name in ("numpy", "scipy")},
    )
    status, reason, actions, guarantee = _outcome(monitor, evidence, clustered, detectable, needed)
    return Verdict(
        status=status,
        guarantee=guarantee,
        check=monitor.check,
        code="MON101",
        stage="monitor",
        claim=Claim(_claim(monitor, lead if alarm else 0, reference, limit)),
        evidence=evidence,
        actions=actions,
        reason=reason,
        pages=status == "fail" and guarantee.promises,
    )


def _outcome(
    monitor: HarmMonitor, evidence: Evidence, clustered: bool, detectable: float, needed: int | None
) -> tuple[Status, str, tuple[Action, ...], Guarantee]:
    seen, unit = evidence.statistic, monitor.reader.unit
    many = "rows" if unit == "row" else f"units of {unit}"
    if clustered:
        reason = (
            f"losses of one day resemble each other (design effect {seen['clustering_design_effect']:.1f}), "
            "so rows are not independent and no bound on them holds"
        )
        advice = Action(
            f'declare unit = "{monitor.reader.time}"',
            effect="bounds then run on days, and alarms keep to their allowance",
        )
        return "inconclusive", reason, (advice,), Guarantee.none("rows of one day depend on each other")
    guarantee = _guarantee(monitor)
    if not monitor.trail.units:
        wait = "the last one closes when a later one starts" if monitor.arrivals.pending else "no label has arrived"
        return "skipped", f"no complete {'row' if unit == 'row' else unit} to judge yet: {wait}", (), guarantee
    if monitor.alarm:
        assert evidence.estimate is not None
        assert evidence.limit is not None
        where = "" if seen["stream"] == "all" else f" in {seen['stream']}"
        slices = f"; slices: {seen['slices']}" if seen["slices"] else ""
        reason = (
            f"the {_measure(monitor)}{where} rose from {seen['reference_loss']:.3f} to {evidence.estimate:.3f}, "
            f"since about {seen['since']}, found at {seen['alarm_at']}{slices}"
        )
        retrain = Action(
            "retrain on recent data and gate the candidate against the champion",
            command=f"assay adapt {monitor.model or 'MODEL'}",
            effect=f"could win back up to {max(evidence.estimate - evidence.limit, 0):.3f} of {_measure(monitor)}",
        )
        return "fail", reason, (retrain,), guarantee
    if detectable > monitor.smallest_rise:
        reason = (
            f"no rise shown, but one of less than {detectable:.3f} would go unseen for {monitor.horizon} {many}, "
            f"and {monitor.smallest_rise:g} is to be found"
        )
        units = monitor.detectors[0].baseline.units
        if needed is None:
            action = Action(f"watch over a horizon longer than {monitor.horizon} {many}, or allow more false pages")
        else:
            action = Action(
                f"add {needed - units} {many} of labelled reference",
                units=needed - units,
                effect=f"a rise of {monitor.smallest_rise:g} is then found within {monitor.horizon} {many}",
            )
        return "inconclusive", reason, (action,), guarantee
    level = max(monitor.trail.log_statistic[-1], 0.0)
    reason = (
        f"no rise of the {_measure(monitor)} above the reference's {seen['reference_loss']:.3f}{_by(monitor.tolerance)}"
        f" in {sum(monitor.trail.units)} {many}: evidence {level:.1f} of the {monitor.log_threshold:.1f} that pages"
    )
    return "pass", reason, (), guarantee


def _guarantee(monitor: HarmMonitor) -> Guarantee:
    unit, learned = monitor.reader.unit, monitor.detectors[0].baseline.units > 0
    many = "rows" if unit == "row" else f"units of {unit}"
    assumptions = []
    if learned:
        text = f"{many} of the reference are independent"
        if unit != "row":
            assumptions.append(Assumption(text, "declared", f'unit = "{unit}"'))
        elif monitor.clustering is not None:
            found = f"no clustering by day found, p = {monitor.clustering['p_value']:.3g}"
            assumptions.append(Assumption(text, "checked", found))
        else:
            assumptions.append(Assumption(text, "unverifiable", "declare a unit, or a time so that days can be tested"))
        assumptions.append(Assumption("the reference stands for normal times and was not trained on", "unverifiable"))
    assumptions.append(
        Assumption("whether a label arrives does not depend on the prediction being right", "unverifiable")
    )
    if unit != "row":
        size = monitor.detectors[0].size
        text = f"the loss of a unit of more than {size:.0f} rows does not depend on its size"
        assumptions.append(
            Assumption(text, "checked" if not monitor.oversized else "unverifiable", f"{monitor.oversized} seen")
        )
    if monitor.rate < 1:
        return Guarantee.anytime(
            monitor.rate, f"any false alarm within {monitor.horizon} {many} of the start", assumptions, SOURCE
        )
    scope = f"false alarms a unit on average, so at most {monitor.rate:g} expected in {monitor.horizon} {many}"
    return Guarantee.anytime(monitor.rate / monitor.horizon, scope, assumptions, SOURCE)


def _power(monitor: HarmMonitor) -> tuple[float, int | None]:
    """Give the rise that is about to be found within the horizon, and the reference units that `smallest_rise` takes.

    With deviation s over units, r reference units and n units since a rise of d, the evidence grows like
    d^2 / (2 s^2) n r / (n + r); it must exceed the threshold and what the bets cost. A plan, not a bound.
    """
    detector = monitor.detectors[0]
    base = detector.baseline
    # Calm or perfect references still have at least the noise of rows at the risen rate.
    rows = base.rows / base.units if base.units else detector.size
    rate = min(base.estimate + monitor.smallest_rise, 0.5)
    variance = max(base.deviation**2, rate * (1 - rate) / rows if monitor.reader.loss == "error" else 0.0, 1e-12)
    cost = 2 * (monitor.log_threshold + OVERHEAD) * variance
    share = 1 / base.units if base.units else 0.0
    detectable = min(math.sqrt(cost * (1 / monitor.horizon + share)) + monitor.tolerance, 1.0)
    excess = max(monitor.smallest_rise - monitor.tolerance, 0.0)
    left = excess**2 / cost - 1 / monitor.horizon
    return detectable, math.ceil(1 / left) if left > 0 else None


def _measure(monitor: HarmMonitor) -> str:
    return "error" if monitor.reader.loss == "error" else "Brier loss"


def _claim(monitor: HarmMonitor, lead: int, reference: float, limit: float) -> str:
    """State the limit and where it comes from; before an alarm for all rows, then for the stream that raised it."""
    tolerance = f" + {monitor.tolerance:g}" if monitor.tolerance else ""
    others = len(monitor.streams) - 1
    measure = _measure(monitor)
    where = f" in {monitor.streams[lead]}" if lead else ""
    alike = f", and likewise in each of {others} slice{'s' * (others > 1)}" if others and not lead else ""
    return f"{measure[0].upper()}{measure[1:]}{where} <= {limit:.3f} (reference {reference:.3f}{tolerance}){alike}"


def _by(tolerance: float) -> str:
    return f" by more than {tolerance:g}" if tolerance else ""


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
