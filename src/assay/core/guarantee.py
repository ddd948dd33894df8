"""What a verdict promises, and what the promise rests on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["exact", "anytime", "asymptotic", "estimate", "none"]
AssumptionStatus = Literal["checked", "declared", "unverifiable"]

PROMISING: frozenset[str] = frozenset({"exact", "anytime", "asymptotic"})


class Assumption(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that has to hold for a guarantee to hold.

    Parameters
    ----------
    text : str
        The assumption in a few plain words: ``"days are independent"``.
    status : {"checked", "declared", "unverifiable"}
        ``checked``: the data were tested for it. ``declared``: the user said so in the project file.
        ``unverifiable``: no data at hand could refute it.
    detail : str
        What the check found, or what to do when the assumption is doubtful.
    """

    text: str
    status: AssumptionStatus
    detail: str = ""


# A larger inflation of the variance that goes unseen would make an error probability meaningless.
MATERIAL_EFFECT = 2.0


def independence(
    looked: Iterable[tuple[str, float]],
    why: str = "no unit or timestamp was given, and no column that repeats as ids do, to check it by",
    what: str = "rows are independent",
) -> Assumption:
    """Say how far the independence of rows or units was checked, where no clustering was found.

    Parameters
    ----------
    looked : iterable of (str, float)
        By what rows were grouped, and the smallest design effect that the test would have found with probability 0.8.
    why : str
        Why rows were grouped by nothing; empty if their independence was declared.
    what : str
        The assumption.

    Returns
    -------
    Assumption
        ``checked`` if every design effect above 2 would have been found, else ``unverifiable``.
    """
    groupings = list(looked)
    if not groupings:
        return Assumption(what, "unverifiable" if why else "declared", why)
    words, worst = max(groupings, key=lambda grouping: grouping[1])
    if worst > MATERIAL_EFFECT:
        return Assumption(
            what,
            "unverifiable",
            f"clustering by {words} would be found only above a design effect of {worst:.3g}"
            if math.isfinite(worst)
            else f"clustering by {words} cannot be seen here",
        )
    names = ", ".join(dict.fromkeys(name for name, _ in groupings))
    return Assumption(
        what,
        "checked",
        f"no clustering found by {names}; a design effect of {max(worst, 1.01):.3g} would have been",
    )


class Guarantee(msgspec.Struct, frozen=True, omit_defaults=True):
    """The error rate of a verdict, or the plain statement that there is none.

    Build one with :meth:`exact`, :meth:`anytime`, :meth:`asymptotic`, :meth:`estimate` or :meth:`none`.

    Parameters
    ----------
    kind : {"exact", "anytime", "asymptotic", "estimate", "none"}
        ``exact`` holds at this sample size, ``anytime`` at every look, ``asymptotic`` in the limit of many
        rows; ``estimate`` is a number without an error bound and ``none`` is not even that.
    error : float in [0, 1) or None
        Probability that the verdict errs in the way that ``scope`` names. ``None`` exactly when ``kind`` is
        ``estimate`` or ``none``; 0 for a fact that was read, not inferred.
    scope : str
        What the error probability is about: ``"false pass, per check"``, ``"any false page within 90 days"``.
    assumptions : tuple of Assumption
        What has to hold.
    source : str
        Theorem and paper, or the reason why there is no guarantee.

    Raises
    ------
    ValueError
        If ``error`` does not fit ``kind``.
    """

    kind: Kind
    error: float | None = None
    scope: str = ""
    assumptions: tuple[Assumption, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        if self.promises:
            if self.error is None or not 0 <= self.error < 1:
                raise ValueError(f"a guarantee of kind {self.kind!r} needs an error in [0, 1), not {self.error}")
        elif self.error is not None:
            raise ValueError(f"a guarantee of kind {self.kind!r} cannot promise an error of {self.error}")

    @classmethod
    def exact(cls, error: float, scope: str, assumptions: Iterable[Assumption] = (), source: str = "") -> Guarantee:
        """Finite-sample guarantee: the bound holds at the sample size at hand."""
        return cls("exact", float(error), scope, tuple(assumptions), source)

    @classmethod
    def anytime(cls, error: float, scope: str, assumptions: Iterable[Assumption] = (), source: str = "") -> Guarantee:
        """Guarantee that holds at every look, however often one looks."""
        return cls("anytime", float(error), scope, tuple(assumptions), source)

    @classmethod
    def asymptotic(
        cls, error: float, scope: str, assumptions: Iterable[Assumption] = (), source: str = ""
    ) -> Guarantee:
        """Guarantee that holds only in the limit of many rows."""
        return cls("asymptotic", float(error), scope, tuple(assumptions), source)

    @classmethod
    def estimate(cls, reason: str, assumptions: Iterable[Assumption] = ()) -> Guarantee:
        """No error bound: the verdict rests on a number alone."""
        return cls("estimate", None, "", tuple(assumptions), reason)

    @classmethod
    def none(cls, reason: str) -> Guarantee:
        """No guarantee of any kind, for the reason given."""
        return cls("none", None, "", (), reason)

    @property
    def promises(self) -> bool:
        """Whether there is an error bound, so that a verdict may block a merge or page somebody."""
        return self.kind in PROMISING

    def __str__(self) -> str:
        if self.error is None:
            return "no guarantee" if self.kind == "none" else "estimate, no error bound"
        if self.error == 0:
            return f"{self.kind}, a fact that was read"
        return f"{self.kind}, {self.error * 100:.3g}% {self.scope}".rstrip()
