"""Promote a model again and again, and die on the way.

Usage: promotions.py URL ROOT HOW WHERE KILLS
    HOW    at-once (one transaction) or in-two (verdict first, alias next: the mutant)
    WHERE  statements (die before each SQL statement in turn) or moments (be killed at random moments)
Prints as JSON how many children were killed and how many promotions were seen to end.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import event

from assay.core import Claim, Evidence, Guarantee, Verdict
from assay.errors import StoreError
from assay.store import AliasMove, Ledger, Store, record
from assay.tracking import Registry

NAME, ALIAS, DATA = "flights", "champion", "f1a9" * 16


class Package:
    content, format, signature = b"a model", "test", {"inputs": {}}


def verdict(number: int) -> Verdict:
    return Verdict(
        status="pass",
        guarantee=Guarantee.exact(0.01, "false pass"),
        check="better",
        code="GAT101",
        stage="gate",
        claim=Claim("n - o > 0"),
        evidence=Evidence(n=number),
    )


def move(store: Store) -> AliasMove:
    registry = Registry(store)
    state = registry.alias(NAME, ALIAS)
    versions = registry.versions(NAME)
    target = versions[0].version if state and state.version == versions[-1].version else versions[-1].version
    return AliasMove(NAME, ALIAS, target, state.revision if state else 0)


def promote_at_once(store: Store, number: int) -> None:
    held = Ledger(store).reserve("answers", DATA, 1, limit=10**9, check="better")
    record(store, verdicts=[verdict(number)], settle=[(held, 1)], alias=move(store), datasets={"test": DATA})


def promote_in_two(store: Store, number: int) -> None:
    held = Ledger(store).reserve("answers", DATA, 1, limit=10**9, check="better")
    planned = move(store)
    with store.transaction() as connection:
        Registry(store).set_alias(connection, NAME, ALIAS, planned.version, planned.expected_revision, "in two")
    record(store, verdicts=[verdict(number)], settle=[(held, 1)], datasets={"test": DATA})


def die_before_statement(store: Store, fatal: int) -> None:
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store._engine, "before_cursor_execute", count)
    event.listen(store._engine, "commit", count)


def child(work: Callable[[], None]) -> int:
    """Start a process that does some work, without the cost of a new interpreter."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def main() -> None:
    url, root, how, where, kills = sys.argv[1] or None, Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
    promote = promote_at_once if how == "at-once" else promote_in_two
    with Store.open(url, root=root) as store:
        for _ in range(2):
            Registry(store).register(NAME, Package())
    killed = 0
    dice = random.Random(7)

    def until(fatal: int) -> Callable[[], None]:
        def work() -> None:
            with Store.open(url, root=root) as store:
                die_before_statement(store, fatal)
                promote(store, fatal)

        return work

    def forever(start: int, begun: int) -> Callable[[], None]:
        def work() -> None:
            with Store.open(url, root=root) as store:
                for number in range(start, start + 10**6):
                    promote(store, number)
                    os.write(begun, b".")

        return work

    if where == "statements":
        for fatal in range(1, 10**4):
            _, status = os.waitpid(child(until(fatal)), 0)
            if os.WIFEXITED(status):
                if os.WEXITSTATUS(status):
                    raise StoreError("a child failed before it was killed")
                break
            killed += 1
    else:
        for attempt in range(kills):
            heard, begun = os.pipe()
            pid = child(forever(10**7 * (attempt + 1), begun))
            os.read(heard, 1)
            time.sleep(dice.uniform(0.0, 0.05))
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            killed += os.WIFSIGNALED(status)
            os.close(heard)
            os.close(begun)
    print(json.dumps({"killed": killed}))


if __name__ == "__main__":
    main()
