"""The known word that a misspelled one was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the nearest known word, whatever its case; ``None`` when none is near.

    Examples
    --------
    >>> nearest("Blokcing", ["blocking", "severity"])
    'blocking'
    """
    lowered = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), list(lowered), n=1)
    return lowered[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], what: str) -> str:
    """Return advice: the nearest known word, else the list of them."""
    known = sorted(known)
    near = nearest(word, known)
    return f"did you mean {near!r}?" if near else f"{what}: {', '.join(known) or 'none'}"
