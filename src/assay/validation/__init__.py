"""Is the data fit? Profile a table, infer what it should look like, check the next batch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.validation.checking import check
    from assay.validation.inference import infer
    from assay.validation.profiling import ColumnProfile, Profile, profile
    from assay.validation.schema import Schema
    from assay.validation.suggest import describe_project

__all__ = ["ColumnProfile", "Profile", "Schema", "check", "describe_project", "infer", "profile"]

_HOME = {
    "ColumnProfile": "profiling",
    "Profile": "profiling",
    "Schema": "schema",
    "check": "checking",
    "describe_project": "suggest",
    "infer": "inference",
    "profile": "profiling",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"assay.validation.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
