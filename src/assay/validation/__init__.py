"""Is the data fit? Profile a table, infer what it should look like, check the next batch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.validation.checking import check
    from assay.validation.distances import (
        Histogram,
        jensen_shannon,
        l_infinity,
        normalized_absolute_difference,
        population_stability,
        wasserstein,
    )
    from assay.validation.drift import compare
    from assay.validation.inference import infer
    from assay.validation.profiling import ColumnProfile, Profile, profile
    from assay.validation.schema import Schema
    from assay.validation.suggest import describe_project

_HOME = {
    "ColumnProfile": "profiling",
    "Histogram": "distances",
    "Profile": "profiling",
    "Schema": "schema",
    "check": "checking",
    "compare": "drift",
    "describe_project": "suggest",
    "infer": "inference",
    "jensen_shannon": "distances",
    "l_infinity": "distances",
    "normalized_absolute_difference": "distances",
    "population_stability": "distances",
    "profile": "profiling",
    "wasserstein": "distances",
}

__all__ = [
    "ColumnProfile",
    "Histogram",
    "Profile",
    "Schema",
    "check",
    "compare",
    "describe_project",
    "infer",
    "jensen_shannon",
    "l_infinity",
    "normalized_absolute_difference",
    "population_stability",
    "profile",
    "wasserstein",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"assay.validation.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
