"""Is the model still right? Alarms on its losses, with a bound on false ones."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.monitoring.detectors import Baseline, Detector
    from assay.monitoring.harm import HarmMonitor
    from assay.monitoring.performance import losses
    from assay.monitoring.policy import FalsePages, parse_false_pages

__all__ = ["Baseline", "Detector", "FalsePages", "HarmMonitor", "losses", "parse_false_pages"]

_HOMES = {
    "Baseline": "detectors",
    "Detector": "detectors",
    "FalsePages": "policy",
    "HarmMonitor": "harm",
    "losses": "performance",
    "parse_false_pages": "policy",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
