"""Stretches of an order that answers took, and the labels that came back."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import BudgetSpent, Conflict
from assay.labeling.queue import START, Queue
from assay.store import Store
from assay.store.ledger import Ledger


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(root=tmp_path)


def queue(store: Store | None, tmp_path: Path, dataset: str = "pool", content: str = "c0") -> Queue:
    return Queue(store, project="loans", dataset=dataset, content=content, root=tmp_path / "bought")


def test_an_answer_goes_on_behind_what_others_took(store: Store, tmp_path: Path) -> None:
    for owner, last in (("one", "30"), ("two", "50"), ("one", "70"), ("one", "60")):
        queue(store, tmp_path).take(store, owner, "better", last)
    found = queue(store, tmp_path)
    assert [(one.owner, one.first, one.last) for one in found.stretches] == [
        ("one", START, "30"), ("two", "30", "50"), ("one", "50", "70"), ("one", "70", "70")
    ]  # fmt: skip
    assert found.end == "70"


def test_two_candidates_that_look_at_once_do_not_get_the_same_rows(store: Store, tmp_path: Path) -> None:
    first, second = queue(store, tmp_path), queue(store, tmp_path)
    assert first.end == second.end == START
    first.take(store, "one", "better", "30", rows=["a"], limit=10)
    with pytest.raises(Conflict, match="ask again"):
        second.take(store, "two", "better", "30", rows=["a"], limit=10)
    assert Ledger(store).spent("labels", "loans") == 1
    again = queue(store, tmp_path)
    queue(store, tmp_path).take(store, "one", "better", "35", rows=["b"], limit=10)
    with pytest.raises(Conflict, match="ask again"):  # nor is a row paid for twice
        again.take(store, "one", "better", "35", rows=["b"], limit=10)
    assert Ledger(store).spent("labels", "loans") == 2
    # Two checks of one candidate share its rows.
    third = queue(store, tmp_path)
    queue(store, tmp_path).take(store, "one", "better", "40")
    third.take(store, "one", "other", "35")
    assert queue(store, tmp_path).end == "40"


def test_more_labels_than_the_budget_are_refused_and_nothing_is_taken(store: Store, tmp_path: Path) -> None:
    queue(store, tmp_path).take(store, "one", "better", "30", rows=["a", "b"], limit=3)
    with pytest.raises(BudgetSpent, match=r"2 of 3 spent, 2 asked for"):
        queue(store, tmp_path).take(store, "one", "better", "60", rows=["c", "d"], limit=3)
    assert queue(store, tmp_path).end == "30"
    assert queue(store, tmp_path).asked() == {"a", "b"}


def test_a_pool_is_known_by_its_name_or_its_content(store: Store, tmp_path: Path) -> None:
    queue(store, tmp_path).take(store, "one", "better", "30", rows=["a"], limit=9)
    grown, renamed = queue(store, tmp_path, content="c1"), queue(store, tmp_path, dataset="rows")
    assert (grown.end, grown.key, renamed.end, renamed.key) == ("30", "c0", "30", "c0")
    grown.take(store, "one", "better", "40")
    # Renamed after it grew: still the same pool.
    assert queue(store, tmp_path, dataset="again", content="c1").end == "40"
    other = queue(store, tmp_path, dataset="other", content="other")
    assert (other.end, other.key) == (START, "other")
    assert queue(None, tmp_path).end == START


def test_plans_are_kept_for_the_answer_that_made_them(store: Store, tmp_path: Path) -> None:
    queue(store, tmp_path).take(store, "one", "better", START, plans={"n - o > 0": [(30, 50, 400), None]})
    found = queue(store, tmp_path)
    assert found.plans("one", "n - o > 0") == [(30, 50, 400), None]
    assert found.plans("one", "n - o > 0.1") is None
    assert found.plans("two", "n - o > 0") is None


def test_labels_come_back_with_their_types(store: Store, tmp_path: Path) -> None:
    found = queue(store, tmp_path)
    assert found.labels() == {}
    found.add_labels(["a", "b"], [1.0, 0.0])
    found.add_labels(["c"], [1.0])
    assert queue(None, tmp_path).labels() == {"a": 1.0, "b": 0.0, "c": 1.0}
    texts = queue(store, tmp_path, dataset="texts", content="t")
    texts.add_labels(["a"], ["late"])
    assert texts.labels() == {"a": "late"}
