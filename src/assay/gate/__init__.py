"""May I merge this model? Conditions on a new model, decided with a stated error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.gate.condition import Clause, Condition, Term
    from assay.gate.decision import decide, decide_slices
    from assay.gate.grammar import parse
    from assay.gate.planning import ClausePlan, Plan, plan
    from assay.gate.sequential import Sequential

__all__ = [
    "Clause",
    "ClausePlan",
    "Condition",
    "Plan",
    "Sequential",
    "Term",
    "decide",
    "decide_slices",
    "parse",
    "plan",
]

_HOME = {
    "Clause": "condition",
    "ClausePlan": "planning",
    "Condition": "condition",
    "Plan": "planning",
    "Sequential": "sequential",
    "Term": "condition",
    "decide": "decision",
    "decide_slices": "decision",
    "parse": "grammar",
    "plan": "planning",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
