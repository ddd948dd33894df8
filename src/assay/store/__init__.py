"""Where records are: database, ledger, artifacts, and the one transaction that holds a verdict and its spend."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.store.aliases import AliasMove, AliasState
    from assay.store.artifacts import Artifacts
    from assay.store.chain import Entry
    from assay.store.database import Store
    from assay.store.edges import Edge
    from assay.store.ledger import Ledger, Reservation
    from assay.store.records import StoredVerdict, find, get, history, latest, record, since

_HOME = {
    "AliasMove": "aliases",
    "AliasState": "aliases",
    "Artifacts": "artifacts",
    "Edge": "edges",
    "Entry": "chain",
    "Ledger": "ledger",
    "Reservation": "ledger",
    "Store": "database",
    "StoredVerdict": "records",
    "find": "records",
    "get": "records",
    "history": "records",
    "latest": "records",
    "record": "records",
    "since": "records",
}

__all__ = [
    "AliasMove",
    "AliasState",
    "Artifacts",
    "Edge",
    "Entry",
    "Ledger",
    "Reservation",
    "Store",
    "StoredVerdict",
    "find",
    "get",
    "history",
    "latest",
    "record",
    "since",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
