"""May I ship it? One process that answers, logs what it answered, and takes on a new model without a failed request."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.serving.app import create_app
    from assay.serving.hot_swap import ModelHolder, Served
    from assay.serving.inference import serve
    from assay.serving.request_log import RequestLog

_HOME = {
    "ModelHolder": "hot_swap",
    "RequestLog": "request_log",
    "Served": "hot_swap",
    "create_app": "app",
    "serve": "inference",
}
__all__ = ["ModelHolder", "RequestLog", "Served", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"assay.serving.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
