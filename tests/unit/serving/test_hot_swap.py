"""The holder swaps to what the alias names, and stays with what works."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from assay.errors import ModelError
from assay.serving.hot_swap import ModelHolder, Served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Alias:
    """An alias and its models, both at the test's command."""

    def __init__(self) -> None:
        self.points: tuple[Any, int] = ("1", 1)
        self.broken: set[str] = set()
        self.unreadable = False
        self.loads: list[str] = []

    def current(self) -> tuple[Any, int]:
        if self.unreadable:
            raise OSError("database is locked")
        return self.points

    def load(self, version: str) -> Any:
        self.loads.append(version)
        if version in self.broken:
            raise ModelError("the model package is damaged")
        return f"model {version}"


@pytest.fixture
def alias() -> Alias:
    return Alias()


@pytest.fixture
def holder(alias: Alias) -> Iterator[ModelHolder]:
    holder = ModelHolder(alias.current, alias.load, poll_seconds=0.005)
    yield holder
    holder.close()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited ten seconds in vain"
        time.sleep(0.002)


def test_the_first_model_is_ready_at_once_and_the_next_follows(alias: Alias, holder: ModelHolder) -> None:
    assert holder.served == Served("1", 1, "model 1")  # type: ignore[arg-type]
    alias.points = (2, 2)
    wait_until(lambda: holder.served.revision == 2)
    assert holder.served == Served("2", 2, "model 2")  # type: ignore[arg-type]
    assert holder.status() == {"version": "2", "revision": 2, "swaps": 1, "problem": None}
    assert holder.resolve().version == holder.resolve("2").version == "2"
    with pytest.raises(LookupError, match="version '1' is not in service, '2' is"):
        holder.resolve("1")


def test_a_move_to_the_same_version_loads_nothing(alias: Alias, holder: ModelHolder) -> None:
    alias.points = ("1", 7)
    wait_until(lambda: holder.served.revision == 7)
    assert alias.loads == ["1"]
    assert holder.swaps == 0


def test_a_broken_model_leaves_the_old_one_and_says_so(alias: Alias, holder: ModelHolder) -> None:
    alias.broken = {"2"}
    alias.points = ("2", 2)
    wait_until(lambda: holder.problem is not None)
    assert holder.served.version == "1"
    assert holder.problem == "version 2 (revision 2) cannot be served: the model package is damaged"
    alias.points = ("3", 3)
    wait_until(lambda: holder.served.version == "3")
    assert holder.problem is None


def test_a_broken_model_is_tried_again_ever_more_rarely(alias: Alias, holder: ModelHolder) -> None:
    alias.broken = {"2"}
    alias.points = ("2", 2)
    wait_until(lambda: alias.loads.count("2") >= 3)
    time.sleep(0.3)
    # Looked at every 5 ms and doubling the pause, it is tried at most about log2(0.3 / 0.005) more times.
    assert alias.loads.count("2") <= 12
    alias.broken = set()
    wait_until(lambda: holder.served.version == "2")


def test_going_back_clears_the_problem(alias: Alias, holder: ModelHolder) -> None:
    alias.broken = {"2"}
    alias.points = ("2", 2)
    wait_until(lambda: holder.problem is not None)
    alias.points = ("1", 3)
    wait_until(lambda: holder.problem is None)
    assert holder.served.revision == 3
    assert alias.loads.count("1") == 1


def test_an_alias_that_cannot_be_read_leaves_the_model(alias: Alias, holder: ModelHolder) -> None:
    alias.unreadable = True
    wait_until(lambda: holder.problem == "the alias cannot be read: database is locked")
    assert holder.served.version == "1"
    alias.unreadable = False
    wait_until(lambda: holder.problem is None)


def test_without_a_first_model_there_is_nothing_to_serve(alias: Alias) -> None:
    alias.broken = {"1"}
    with pytest.raises(ModelError, match="damaged"):
        ModelHolder(alias.current, alias.load)
