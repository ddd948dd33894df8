"""One statement of a study: what it says, and on what it rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rests = Literal["certified", "conditional", "estimate"]


@dataclass(frozen=True)
class Statement:
    """A number about the Bayes error, never without what it rests on.

    Attributes
    ----------
    rests : {"certified", "conditional", "estimate"}
        ``certified``: it fails with probability of at most ``alpha``, whatever the law. ``conditional``: that, if what
        ``given`` says is so, which these data cannot show. ``estimate``: no error bound.
    side : {"upper", "lower", "level"}
        Whether the Bayes error is at most, at least, or about ``value``.
    name : str
        Of the method, for tables.
    value : float
    alpha : float or None
    given : str
        What it is conditional on.
    text : str
        In words.
    """

    rests: Rests
    side: Literal["upper", "lower", "level"]
    name: str
    value: float
    text: str
    alpha: float | None = None
    given: str = ""

    def __str__(self) -> str:
        sure = {"certified": f"certified, wrong with at most {self.alpha or 0:.0%}", "conditional": f"if {self.given}"}
        return f"{self.text} ({sure.get(self.rests, 'estimate, no error bound')})"
