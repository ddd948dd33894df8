"""Tables: where they come from, what they hold and how they are told apart."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.data import slice  # noqa: A004, named for the noun
    from assay.data.content import fingerprint, row_hashes
    from assay.data.facts import columns_present, require_rows, row_count, schema, to_arrow, to_pandas
    from assay.data.slice import flags, mask, query, where
    from assay.data.sources import table

__all__ = [
    "columns_present",
    "fingerprint",
    "flags",
    "mask",
    "query",
    "require_rows",
    "row_count",
    "row_hashes",
    "schema",
    "slice",
    "table",
    "to_arrow",
    "to_pandas",
    "where",
]

_HOME = {
    "columns_present": "facts",
    "fingerprint": "content",
    "flags": "slice",
    "mask": "slice",
    "query": "slice",
    "require_rows": "facts",
    "row_count": "facts",
    "row_hashes": "content",
    "schema": "facts",
    "table": "sources",
    "to_arrow": "facts",
    "to_pandas": "facts",
    "where": "slice",
}


def __getattr__(name: str) -> Any:
    if name == "slice":
        return import_module("assay.data.slice")
    if name in _HOME:
        return getattr(import_module(f"assay.data.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
