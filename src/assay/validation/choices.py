"""Where the free choices of a generator come from: a seeded generator, or hypothesis.

A table is built from whole numbers alone, so that one construction serves independent trials, which carry a bound, and
a search that shrinks, which carries none.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol, TypeVar

T = TypeVar("T")
_STEPS = 1 << 53


class Choices(Protocol):
    """A source of whole numbers."""

    def integer(self, low: int, high: int) -> int:
        """Give a number from ``low`` to ``high``, both included; ``low`` is the simplest."""


class Seeded:
    """Independent uniform choices. Each trial has a generator of its own, by the seed and its number."""

    def __init__(self, seed: int, trial: int) -> None:
        self._random = random.Random(sha256(f"{seed}/{trial}".encode()).digest())

    def integer(self, low: int, high: int) -> int:
        """Give a uniform number from ``low`` to ``high``."""
        return self._random.randint(low, high)


def one_of(choices: Choices, items: Sequence[T]) -> T:
    """Choose an item; the first is the simplest."""
    return items[choices.integer(0, len(items) - 1)]


def chance(choices: Choices, percent: int) -> bool:
    """Come out true in ``percent`` of 100 cases; false is the simplest."""
    return choices.integer(0, 99) >= 100 - percent


def between(choices: Choices, low: float, high: float) -> float:
    """Choose a number between two finite ones; ``low`` is the simplest."""
    share = choices.integer(0, _STEPS) / _STEPS
    # Not low + share * (high - low), which overflows for the widest range.
    return min(max(low * (1 - share) + high * share, low), high)
