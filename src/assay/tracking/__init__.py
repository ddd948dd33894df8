"""Which run, which data and which model that was."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.tracking.lineage import edges_of, trace
    from assay.tracking.registry import ModelVersion, Registry
    from assay.tracking.runs import Run, run

_HOME = {
    "ModelVersion": "registry",
    "Registry": "registry",
    "Run": "runs",
    "edges_of": "lineage",
    "run": "runs",
    "trace": "lineage",
}

__all__ = ["ModelVersion", "Registry", "Run", "edges_of", "run", "trace"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
