"""Is the newest value of a metric an anomaly? A verdict by any of the rules, with what the rule can promise."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

from assay.core import Action, Claim, Evidence, Guarantee, Verdict
from assay.errors import DataError
from assay.stats import conformal
from assay.validation.conformal import Conformal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from assay.core.check import Severity
    from assay.core.evidence import Scalar
    from assay.core.verdict import Status
    from assay.validation.anomaly_rules import Strategy

CODE = "VAL501"


def newest_value(
    values: Sequence[float],
    strategy: Strategy,
    *,
    times: Sequence[datetime] | None = None,
    check: str = "history",
    subject: str = "",
    severity: Severity = "error",
    blocking: bool = False,
    fingerprints: Mapping[str, str] | None = None,
) -> Verdict:
    """Ask a rule whether the last of some values is an anomaly.

    ``fail``: it is. ``pass``: it is not. ``inconclusive``: no value could have been one yet, or the guarantee of the rule
    does not hold of this history (:class:`assay.validation.Conformal` tests that).

    Guarantee: that of the rule. Those of Deequ have ``none`` (limits that a person chose) or are an ``estimate``; then the
    verdict cannot block.

    Parameters
    ----------
    values : sequence of float
        In time order, the newest last; missing values left out.
    strategy : Strategy
        ``Conformal``, ``SimpleThreshold``, ``AbsoluteChange``, ``RelativeRateOfChange``, ``BatchNormal``, ``OnlineNormal``
        or ``HoltWinters``.
    times : sequence of datetime, optional
        Of the values; for the chart.
    check, severity, blocking
        As in :class:`assay.core.Verdict`.
    subject : str
        The metric.
    fingerprints : dict of str to str, optional

    Raises
    ------
    DataError
        If there is no value, or one is no finite number.

    Notes
    -----
    Misleads after a fault that nobody removed from the history: it makes the next one look ordinary.

    Examples
    --------
    >>> from assay.validation import BatchNormal
    >>> rows = [1020, 974, 1004, 994, 995, 997, 979, 997, 991, 1033, 1002, 996, 997, 993, 989, 996, 1004, 997, 1009]
    >>> verdict = newest_value([*rows, 730], Conformal(0.05))
    >>> verdict.status, str(verdict.guarantee)
    ('fail', 'exact, 5% false alarm, per batch')
    >>> newest_value([*rows[:8], 730], Conformal(0.05)).status
    'inconclusive'
    >>> str(newest_value([*rows, 730], BatchNormal()).guarantee)
    'estimate, no error bound'
    """
    numbers = [_number(value, subject, place) for place, value in enumerate(values)]
    if not numbers:
        raise DataError(f"{subject or 'the metric'} has no value yet: measure a batch and append it")
    name = type(strategy).__name__
    hindrance = strategy.hindrance(numbers)
    doubt = "" if hindrance else strategy.doubt(numbers)
    anomalies = [] if hindrance else strategy.detect(numbers, len(numbers) - 1)
    guarantee = strategy.guarantee
    actions: tuple[Action, ...] = ()
    status: Status = "fail" if anomalies else "pass"
    said = f"{subject or 'the newest value'} is {numbers[-1]:.6g}"
    if hindrance:
        status, reason = "inconclusive", f"{said}; {hindrance}"
        guarantee = Guarantee.none("nothing could have been found")
        actions = (_more(strategy, numbers),)
    elif doubt:
        status, reason = "inconclusive", f"{said}; {doubt}: no bound on false alarms holds"
        guarantee = Guarantee.none(doubt)
        if anomalies:
            reason += f" (by its rank alone it would be one: {anomalies[0].reason})"
        actions = (Action("judge it by the innovations: append the change from what was forecast, or set the season"),)
    elif anomalies:
        reason = f"{said}: {anomalies[0].reason}"
        actions = (Action("look at this batch, and at what writes it"),)
    else:
        reason = f"{said}: no anomaly by {name}"
    return Verdict(
        status=status,
        guarantee=guarantee,
        check=check,
        code=CODE,
        stage="data",
        claim=Claim(f"{subject or 'the newest value'} is like those before it"),
        evidence=_evidence(numbers, strategy, times, subject, hindrance, fingerprints),
        actions=actions,
        reason=reason,
        subject=subject,
        severity=severity,
        blocking=blocking,
    )


def _number(value: object, subject: str, place: int) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise DataError(
            f"{subject or 'the metric'}: value {place} is {value!r}, and an anomaly is asked of numbers: choose a metric "
            "that is one"
        )
    return float(value)


def _more(strategy: Strategy, numbers: Sequence[float]) -> Action:
    if not isinstance(strategy, Conformal):
        return Action("keep a longer history", effect="the rule can then call an anomaly")
    have = len(strategy.same_place(numbers, len(numbers) - 1))
    missing = (conformal.needed(strategy.level) - have) * strategy.season
    return Action(
        f"keep {missing} more batches, or allow more false alarms",
        units=missing,
        effect="an alarm is then possible",
    )


def _evidence(
    numbers: Sequence[float],
    strategy: Strategy,
    times: Sequence[datetime] | None,
    subject: str,
    hindrance: str,
    fingerprints: Mapping[str, str] | None,
) -> Evidence:
    statistic: dict[str, Scalar] = {"history": len(numbers) - 1}
    bounds = None if hindrance else strategy.ordinary(numbers)
    if isinstance(strategy, Conformal):
        statistic["needed"] = conformal.needed(strategy.level)
        statistic["p_value"] = strategy.p_value(numbers, len(numbers) - 1)
    lower, upper = bounds if bounds and all(map(math.isfinite, bounds)) else (None, None)
    return Evidence(
        n=len(numbers),
        measure=subject,
        estimate=numbers[-1],
        lower=lower,
        upper=upper,
        level=1 - strategy.level if lower is not None and isinstance(strategy, Conformal) else None,
        statistic=statistic,
        series={"time": [time.isoformat() for time in times], "value": list(numbers)} if times else {},
        method=type(strategy).__name__,
        fingerprints=dict(fingerprints or {}),
    )
