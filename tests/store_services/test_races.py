"""Processes that race for the last unit of a budget."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

from assay.store import Ledger, Store

PROCESSES = 32


def test_exactly_one_of_32_processes_gets_the_last_unit(program: Callable[..., str], store: Store) -> None:
    results = Counter(json.loads(program("racers.py", "reserve", PROCESSES)))
    assert results == {"won": 1, "refused": PROCESSES - 1}
    assert Ledger(store).verify() == 2


def test_a_look_before_the_lock_is_caught(program: Callable[..., str]) -> None:
    results = Counter(json.loads(program("racers.py", "look-then-leap", PROCESSES)))
    assert results["won"] > 1


def test_processes_that_open_a_new_store_at_once_all_get_it(empty_url: str | None, tmp_path, monkeypatch) -> None:
    import multiprocessing

    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()

    def opened() -> None:
        try:
            with Store.open(empty_url, root=tmp_path) as new:
                queue.put(Ledger(new).verify())
        except Exception as problem:
            queue.put(repr(problem))

    processes = [context.Process(target=opened) for _ in range(8)]
    for process in processes:
        process.start()
    assert [queue.get() for _ in processes] == [0] * 8
    for process in processes:
        process.join()
