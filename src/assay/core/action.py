"""What to do next, with its price."""

from __future__ import annotations

import msgspec


class Action(msgspec.Struct, frozen=True, omit_defaults=True):
    """One next step that a person could take.

    Parameters
    ----------
    title : str
        Verb and object: ``"label 1,450 more disagreements"``.
    command : str
        The exact command, where there is one.
    labels : int or None
        Price in labels; ``None`` when it costs none or is not known.
    units : int or None
        Price in further independent units (days, customers).
    hours : float or None
        Price in hours of a person.
    effect : str
        What it is predicted to do: ``"decides with probability 0.8 if the gain is the estimated one"``.
    """

    title: str
    command: str = ""
    labels: int | None = None
    units: int | None = None
    hours: float | None = None
    effect: str = ""

    def __str__(self) -> str:
        parts = [self.title]
        if self.command:
            parts.append(f"`{self.command}`")
        if self.effect:
            parts.append(f"({self.effect})")
        return " ".join(parts)
