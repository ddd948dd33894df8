"""Bounds, tests and detectors with finite-sample guarantees; numpy and scipy, no input or output."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from assay.stats import (
        bets,
        betting,
        binomial,
        clustered,
        clustering,
        coincidence,
        conformal,
        crossing,
        edetector,
        hypergeometric,
        multiplicity,
        neighbors,
        paired,
        rise,
        sampling,
        sequential,
        serial,
        stopping,
        trinomial,
        unit_bets,
        unit_rise,
        unit_sums,
    )

__all__ = [
    "bets",
    "betting",
    "binomial",
    "clustered",
    "clustering",
    "coincidence",
    "conformal",
    "crossing",
    "edetector",
    "hypergeometric",
    "multiplicity",
    "neighbors",
    "paired",
    "rise",
    "sampling",
    "sequential",
    "serial",
    "stopping",
    "trinomial",
    "unit_bets",
    "unit_rise",
    "unit_sums",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
