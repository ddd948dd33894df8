"""Is it worth starting? What accuracy is within reach, from labelled rows alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.feasibility.bayes_error import upper_limit
    from assay.feasibility.inequalities import cover_hart, cover_hart_error
    from assay.feasibility.label_noise import clean_bounds, noise_bounds
    from assay.feasibility.nearest_neighbor import neighbor_estimate

__all__ = ["clean_bounds", "cover_hart", "cover_hart_error", "neighbor_estimate", "noise_bounds", "upper_limit"]

_HOMES = {
    "clean_bounds": "label_noise",
    "cover_hart": "inequalities",
    "cover_hart_error": "inequalities",
    "neighbor_estimate": "nearest_neighbor",
    "noise_bounds": "label_noise",
    "upper_limit": "bayes_error",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
