"""Is it worth starting? What accuracy is within reach, from labelled rows alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.feasibility.bayes_error import upper_limit
    from assay.feasibility.nearest_neighbor import cover_hart

__all__ = ["cover_hart", "upper_limit"]

_HOMES = {"cover_hart": "nearest_neighbor", "upper_limit": "bayes_error"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
