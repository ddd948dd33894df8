"""Is it worth starting? What accuracy is within reach, from labelled rows alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.feasibility.bayes_error import upper_limit
    from assay.feasibility.cleaning import NeighborLabels
    from assay.feasibility.curve import forecast
    from assay.feasibility.embeddings import best_embedding
    from assay.feasibility.held_out import alpha_of_look, certified_uppers, leave_one_out_upper, lower_of_least
    from assay.feasibility.inequalities import cover_hart, cover_hart_error
    from assay.feasibility.label_noise import clean_bounds, noise_bounds
    from assay.feasibility.leakage_bound import leakage
    from assay.feasibility.learnability import explained_variance, linear_classification_error
    from assay.feasibility.nearest_neighbor import neighbor_estimate
    from assay.feasibility.outcome import Study, study
    from assay.feasibility.repeated import audit_labels, audit_votes, repeated_rows
    from assay.feasibility.scaling import Mix, ScalingLaw, fit_scaling
    from assay.feasibility.side_by_side import bayes_error_estimates
    from assay.feasibility.smoothness import smooth
    from assay.feasibility.soft_labels import soft_label_error

_HOMES = {
    "Mix": "scaling",
    "NeighborLabels": "cleaning",
    "ScalingLaw": "scaling",
    "Study": "outcome",
    "alpha_of_look": "held_out",
    "audit_labels": "repeated",
    "audit_votes": "repeated",
    "bayes_error_estimates": "side_by_side",
    "best_embedding": "embeddings",
    "certified_uppers": "held_out",
    "clean_bounds": "label_noise",
    "cover_hart": "inequalities",
    "cover_hart_error": "inequalities",
    "explained_variance": "learnability",
    "fit_scaling": "scaling",
    "forecast": "curve",
    "leakage": "leakage_bound",
    "leave_one_out_upper": "held_out",
    "linear_classification_error": "learnability",
    "lower_of_least": "held_out",
    "neighbor_estimate": "nearest_neighbor",
    "noise_bounds": "label_noise",
    "repeated_rows": "repeated",
    "smooth": "smoothness",
    "soft_label_error": "soft_labels",
    "study": "outcome",
    "upper_limit": "bayes_error",
}

__all__ = [
    "Mix",
    "NeighborLabels",
    "ScalingLaw",
    "Study",
    "alpha_of_look",
    "audit_labels",
    "audit_votes",
    "bayes_error_estimates",
    "best_embedding",
    "certified_uppers",
    "clean_bounds",
    "cover_hart",
    "cover_hart_error",
    "explained_variance",
    "fit_scaling",
    "forecast",
    "leakage",
    "leave_one_out_upper",
    "linear_classification_error",
    "lower_of_least",
    "neighbor_estimate",
    "noise_bounds",
    "repeated_rows",
    "smooth",
    "soft_label_error",
    "study",
    "upper_limit",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
