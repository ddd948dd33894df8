"""Where, and why, does it fail?"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.debugging.certainty import CertainPredictions, certain_predictions
    from assay.debugging.confident_learning import label_errors
    from assay.debugging.counting import SliceCounts
    from assay.debugging.cross_validation import out_of_sample_probabilities
    from assay.debugging.flagged_labels import LabelErrors
    from assay.debugging.importance_report import Importance
    from assay.debugging.losses import false_alarms, misses, wrong_alarms
    from assay.debugging.regressions import no_slice_regression
    from assay.debugging.repairs import Cell
    from assay.debugging.slice_report import FoundSlice, SliceReport
    from assay.debugging.slices import find_slices
    from assay.debugging.tracing import trace_rows
    from assay.debugging.valuation import importance

__all__ = [
    "Cell",
    "CertainPredictions",
    "FoundSlice",
    "Importance",
    "LabelErrors",
    "SliceCounts",
    "SliceReport",
    "certain_predictions",
    "false_alarms",
    "find_slices",
    "importance",
    "label_errors",
    "misses",
    "no_slice_regression",
    "out_of_sample_probabilities",
    "trace_rows",
    "wrong_alarms",
]

_HOMES = {
    "Cell": "repairs",
    "CertainPredictions": "certainty",
    "FoundSlice": "slice_report",
    "Importance": "importance_report",
    "LabelErrors": "flagged_labels",
    "SliceCounts": "counting",
    "SliceReport": "slice_report",
    "certain_predictions": "certainty",
    "false_alarms": "losses",
    "find_slices": "slices",
    "importance": "valuation",
    "label_errors": "confident_learning",
    "misses": "losses",
    "no_slice_regression": "regressions",
    "out_of_sample_probabilities": "cross_validation",
    "trace_rows": "tracing",
    "wrong_alarms": "losses",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
