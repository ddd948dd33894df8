"""The whole life of a machine-learning model, in which every verdict carries its guarantee.

The public names below load on first use, so that ``import assay`` stays instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from assay import (
        data,
        debugging,
        errors,
        feasibility,
        gate,
        monitoring,
        serving,
        stats,
        testing,
        tracking,
        validation,
    )
    from assay.checks.project import Project, load
    from assay.core import Action, Assumption, Check, Claim, Evidence, Guarantee, Verdict
    from assay.errors import ExitCode
    from assay.tracking.runs import run

_ROOMS = (
    "data",
    "debugging",
    "errors",
    "feasibility",
    "gate",
    "monitoring",
    "serving",
    "stats",
    "testing",
    "tracking",
    "validation",
)
_HOMES = {
    "Action": "assay.core.action",
    "Assumption": "assay.core.guarantee",
    "Check": "assay.core.check",
    "Claim": "assay.core.claim",
    "Evidence": "assay.core.evidence",
    "ExitCode": "assay.errors",
    "Guarantee": "assay.core.guarantee",
    "Project": "assay.checks.project",
    "Verdict": "assay.core.verdict",
    "load": "assay.checks.project",
    "run": "assay.tracking.runs",
}

__all__ = [
    "Action",
    "Assumption",
    "Check",
    "Claim",
    "Evidence",
    "ExitCode",
    "Guarantee",
    "Project",
    "Verdict",
    "data",
    "debugging",
    "errors",
    "feasibility",
    "gate",
    "load",
    "monitoring",
    "run",
    "serving",
    "stats",
    "testing",
    "tracking",
    "validation",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"assay.{name}")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'assay' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
