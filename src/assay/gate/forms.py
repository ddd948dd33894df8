"""What a clause measures, before there are rows: one bounded value a row, by the rows that it is taken over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.gate.condition import TEMPLATE

if TYPE_CHECKING:
    from assay.gate.condition import Clause, Term

# Every metric lies in [0, 1]; these are shares of rows that a model gets right.
_COUNTED = ("accuracy", "error", "precision", "recall", "f1")
# What a row can be: new right, old right, predictions differ.
_CASES = ((1, 1, 0), (0, 0, 0), (1, 0, 1), (0, 1, 1), (0, 0, 1))


@dataclass
class Form:
    """The terms of a clause that are taken over the same rows.

    Attributes
    ----------
    kind : str
        Which rows of the slice, in words; empty for all.
    slice : str
        Slice that they lie in; empty for none.
    new, old, changed : float
        Coefficients of "the new model is right", "the old one is", "their predictions differ".
    losses : list of float
        Coefficients of other values in [0, 1].
    score : bool
        Whether it is an F1 score, whose rows carry the share t with F1 = 2t / (1 + t).
    """

    kind: str
    slice: str
    new: float = 0.0
    old: float = 0.0
    changed: float = 0.0
    losses: list[float] = field(default_factory=list)
    score: bool = False

    @property
    def rows(self) -> str:
        """Which rows, in words; empty for all."""
        if not self.slice:
            return self.kind
        return f"{self.kind or 'rows'} {'of each slice' if self.slice == TEMPLATE else f'with {self.slice}'}"

    @property
    def free(self) -> bool:
        """Whether predictions alone decide it."""
        return self.changed != 0 and not (self.new or self.old or self.losses)

    @property
    def rate(self) -> float:
        """Coefficient, if it is that of a single share of rows; else 0."""
        if self.losses or (bool(self.new) + bool(self.old) + bool(self.changed)) != 1:
            return 0.0
        return self.new or self.old or self.changed

    @property
    def paired(self) -> float:
        """Coefficient, if it is that of a difference of two accuracies; else 0."""
        return self.new if self.new == -self.old and not (self.changed or self.losses or self.score) else 0.0

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest value of a row."""
        counts = [self.new * n + self.old * o + self.changed * d for n, o, d in _CASES]
        return (
            min(counts) + sum(min(c, 0.0) for c in self.losses),
            max(counts) + sum(max(c, 0.0) for c in self.losses),
        )

    @property
    def reach(self) -> float:
        """How far its value can move when the mean of its rows moves by 1: F1 has a slope of up to 2."""
        low, high = self.range
        return (high - low) * (2 if self.score else 1)

    def moments(self, disagreement: float) -> tuple[float, float]:
        """Bound a row about a center c, if predictions differ with probability of at most ``disagreement``.

        c is the middle of the values that it has where the models agree.

        Returns
        -------
        second, bound : float
            E (X - c)^2 <= second, |X - c| <= bound.
        """
        if self.losses or self.score:
            low, high = self.range
            return (high - low) ** 2 / 4, (high - low) / 2
        agree = [self.new * n + self.old * o for n, o, d in _CASES if not d]
        differ = [self.new * n + self.old * o + self.changed * d for n, o, d in _CASES if d]
        center = (min(agree) + max(agree)) / 2
        still = max(abs(x - center) for x in agree)
        most = max(still, *(abs(x - center) for x in differ))
        return still**2 + disagreement * (most**2 - still**2), most


def forms_of(clause: Clause) -> tuple[list[Form], float]:
    """Sort the terms of a clause by their rows; give also the constant that ``error`` leaves.

    What cancels out everywhere leaves no form.
    """
    found: dict[tuple[str, str], Form] = {}
    constant = 0.0
    for c, term in clause.terms:
        kind = _kind(term)
        form = found.setdefault((kind, term.slice), Form(kind, term.slice))
        if term.metric == "changed":
            form.changed += c
        elif term.metric not in _COUNTED:
            form.losses.append(c)
        else:
            if term.metric == "error":
                constant, c = constant + c, -c
            form.score = form.score or term.metric == "f1"
            setattr(form, term.model, getattr(form, term.model) + c)
    return [f for f in found.values() if f.new or f.old or f.changed or f.losses], constant


def _kind(term: Term) -> str:
    """Name the rows that a metric is taken over, within its slice."""
    if term.metric == "recall":
        return "positive rows"
    if term.metric == "precision":
        return f"rows called positive by the {term.model} model"
    if term.metric == "f1":
        return f"rows that are positive or called so by the {term.model} model"
    return ""
