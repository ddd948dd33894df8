"""Many processes ask for the last unit of a budget at once.

Usage: racers.py URL ROOT HOW PROCESSES
    HOW  reserve, or look-then-leap (the mutant: the balance is read before the write lock is taken)
Prints as JSON what became of each.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from assay.errors import BudgetSpent
from assay.store import Ledger, Store
from assay.store.ledger import append

KEY, LIMIT = "f00d" * 16, 5


def reserve(store: Store) -> None:
    Ledger(store).reserve("answers", KEY, 1, limit=LIMIT, check="racer")


def look_then_leap(store: Store) -> None:
    balance = Ledger(store).balance("answers", KEY)
    if balance.spent + balance.held + 1 > LIMIT:
        raise BudgetSpent("none left")
    time.sleep(0.2)
    with store.transaction() as connection:
        append(connection, "answers", KEY, 1, check="racer")


def race(url: str | None, root: Path, ask: Callable[[Store], None], start: Barrier, results: Any) -> None:
    with Store.open(url, root=root) as store:
        start.wait()
        try:
            ask(store)
            results.put("won")
        except BudgetSpent:
            results.put("refused")
        except Exception as problem:
            results.put(repr(problem))


def main() -> None:
    url, root, how, many = sys.argv[1] or None, Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    with Store.open(url, root=root) as store, store.transaction() as connection:
        append(connection, "answers", KEY, LIMIT - 1, check="before")
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(many), context.SimpleQueue()
    ask = reserve if how == "reserve" else look_then_leap
    racers = [context.Process(target=race, args=(url, root, ask, start, results)) for _ in range(many)]
    for racer in racers:
        racer.start()
    found = [results.get() for _ in racers]
    for racer in racers:
        racer.join()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
