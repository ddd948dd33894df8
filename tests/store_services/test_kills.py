"""Whenever a process dies, what it leaves behind is whole."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from assay.store import Edge, Ledger, Store, history
from assay.tracking import Registry, edges_of

NAME, ALIAS = "flights", "champion"


def faults(store: Store) -> list[str]:
    """What is on record without its counterpart."""
    ledger = Ledger(store)
    found = []
    entries = ledger.entries()
    if ledger.verify() != len(entries):
        found.append("entries are missing")
    known = {stored.verdict.id for stored in history(store)}
    moves = [entry for entry in entries if entry.kind == "promotion"]
    paid = [entry.verdict_id for entry in entries if entry.kind == "answers" and entry.state == "settle"]
    found += [
        f"alias moved by entry {entry.seq} without its verdict" for entry in moves if entry.verdict_id not in known
    ]
    found += [f"verdict {name} on record without its spend" for name in known - set(paid)]
    found += [f"spend for {name} without its verdict" for name in set(paid) - known]
    if len(paid) != len(set(paid)):
        found.append("spent twice for one verdict")
    state = Registry(store).alias(NAME, ALIAS)
    if (state.revision if state else 0) != len(moves):
        found.append(f"{state} after {len(moves)} moves on the ledger")
    if state and moves and moves[-1].detail["to"] != state.version:
        found.append("the alias is not where the ledger moved it")
    edges = edges_of(store, "alias", f"{NAME}@{ALIAS}")
    allowed = {edge.source_id for edge in edges if edge.relation == "allowed"}
    if allowed != {entry.verdict_id for entry in moves if entry.verdict_id}:
        found.append("lineage and ledger name different verdicts")
    for stored in known:
        if not any(edge.relation == "read" for edge in edges_of(store, "verdict", stored) if isinstance(edge, Edge)):
            found.append(f"verdict {stored} without the data that it read")
    return found


def test_killed_before_each_statement_in_turn(program: Callable[..., str], store: Store) -> None:
    killed = json.loads(program("promotions.py", "at-once", "statements", 0))["killed"]
    assert killed >= 20
    assert faults(store) == []
    # The one that lived has promoted; of the others at least those killed after the reservation left it open.
    assert Registry(store).alias(NAME, ALIAS) is not None
    assert len(Ledger(store).held()) >= 10


def test_killed_at_random_moments(program: Callable[..., str], store: Store) -> None:
    assert json.loads(program("promotions.py", "at-once", "moments", 10))["killed"] == 10
    assert faults(store) == []
    assert len(history(store)) >= 10


@pytest.mark.slow
def test_killed_at_many_random_moments(program: Callable[..., str], store: Store) -> None:
    assert json.loads(program("promotions.py", "at-once", "moments", 60))["killed"] == 60
    assert faults(store) == []


def test_a_promotion_in_two_transactions_is_caught(program: Callable[..., str], store: Store) -> None:
    program("promotions.py", "in-two", "statements", 0)
    assert any("without its verdict" in fault for fault in faults(store))
