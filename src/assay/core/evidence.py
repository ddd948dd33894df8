"""The numbers under a verdict: enough to read it, and enough to compute it again."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

Scalar = float | int | str | bool | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was measured.

    Parameters
    ----------
    n : int
        Rows used.
    units : int or None
        Independent units among them (customers, days), when a unit is declared.
    unit : str or None
        Name of the unit's column.
    measure : str
        What ``estimate`` measures: ``"accuracy(new) - accuracy(old)"``.
    estimate, lower, upper, limit : float or None
        Point estimate, the ends of its interval and the value that it is held against; finite.
    level : float in (0, 1) or None
        Confidence of the interval, both sides together.
    statistic : dict
        Named scalars of the method: p-value, log e-value, wins, losses.
    series : dict of str to list
        Columns of equal length that a chart draws and a table prints.
    method, method_version : str, int
        The procedure and its version; a change that can change verdicts raises the version.
    fingerprints : dict of str to str
        Content fingerprint of each dataset and model that was read.
    versions : dict of str to str
        Versions of the packages that computed it.
    seed : int or None
        Seed of whatever was drawn.
    seconds : float
        Time taken; not part of the verdict's identity.

    Raises
    ------
    ValueError
        If a number is not finite: a missing value is ``None``.
    """

    n: int = 0
    units: int | None = None
    unit: str | None = None
    measure: str = ""
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    limit: float | None = None
    level: float | None = None
    statistic: Mapping[str, Scalar] = msgspec.field(default_factory=dict)
    series: Mapping[str, list[Scalar]] = msgspec.field(default_factory=dict)
    method: str = ""
    method_version: int = 1
    fingerprints: Mapping[str, str] = msgspec.field(default_factory=dict)
    versions: Mapping[str, str] = msgspec.field(default_factory=dict)
    seed: int | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for name in ("estimate", "lower", "upper", "limit", "level"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"evidence.{name} is {value}: use None for a value that is not there")
        for name, value in self.statistic.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"evidence.statistic[{name!r}] is {value}: use None for a value that is not there")
