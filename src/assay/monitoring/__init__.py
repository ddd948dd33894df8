"""Is the model still right? Alarms on its losses, with a bound on false ones."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.monitoring.harm import HarmMonitor
    from assay.monitoring.performance import losses
    from assay.monitoring.policy import FalsePages, parse_false_pages
    from assay.stats.rise import Baseline, Detector

__all__ = ["Baseline", "Detector", "FalsePages", "HarmMonitor", "losses", "parse_false_pages"]

_HOMES = {
    "Baseline": "assay.stats.rise",
    "Detector": "assay.stats.rise",
    "FalsePages": "assay.monitoring.policy",
    "HarmMonitor": "assay.monitoring.harm",
    "losses": "assay.monitoring.performance",
    "parse_false_pages": "assay.monitoring.policy",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
