"""The sentence under test."""

from __future__ import annotations

import msgspec


class Claim(msgspec.Struct, frozen=True, omit_defaults=True):
    """A statement about data or models that a check decides.

    Parameters
    ----------
    text : str
        The sentence, as written or in plain words: ``"n - o > 0.02 +/- 0.01"``.
    slice : str
        Name of the slice of rows that it speaks of; empty for all rows.
    """

    text: str
    slice: str = ""

    def __str__(self) -> str:
        return f"{self.text} in {self.slice}" if self.slice else self.text
