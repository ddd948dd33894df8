"""The condition under test, as plain data: clauses that are linear in metrics, joined by ``and``."""

from __future__ import annotations

from typing import Literal

import msgspec

Comparison = Literal[">", "<", ">=", "<="]

TEMPLATE = "{slice}"
_FLIPPED: dict[str, Comparison] = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_MODELS = ("new", "old", "")


class Term(msgspec.Struct, frozen=True):
    """One metric of one model on one slice.

    Parameters
    ----------
    metric : str
        ``"accuracy"``, ``"error"``, ``"brier"``, ``"precision"``, ``"recall"`` or ``"changed"``; each lies in [0, 1].
    model : {"new", "old", ""}
        Whose; empty for ``"changed"``, which speaks of both.
    slice : str
        Name or SQL predicate of the rows that it is taken over; empty for all rows, ``"{slice}"`` in a template.
    """

    metric: str
    model: str = ""
    slice: str = ""

    @property
    def order(self) -> tuple[bool, str, str, int]:
        """Where it stands among the terms of a clause."""
        return (self.metric == "changed", self.metric, self.slice, _MODELS.index(self.model))

    def __str__(self) -> str:
        if not self.slice and self.metric == "accuracy":
            return self.model[0]
        if self.metric == "changed":
            return f"changed(new | {self.slice})" if self.slice else "d"
        return f"{self.metric}({self.model} | {self.slice})" if self.slice else f"{self.metric}({self.model})"


class Clause(msgspec.Struct, frozen=True):
    """A linear form of terms held against a threshold: ``sum(c * term) > threshold +/- tolerance``.

    Parameters
    ----------
    terms : tuple of (float, Term)
        Coefficients, none of them 0, and terms, in canonical order; the first coefficient is positive.
    comparison : {">", "<", ">=", "<="}
    threshold : float
    tolerance : float
        Half the width of the zone beyond the threshold in which either answer is acceptable; 0 for none.
    """

    terms: tuple[tuple[float, Term], ...]
    comparison: Comparison
    threshold: float
    tolerance: float = 0.0

    @classmethod
    def of(cls, terms: dict[Term, float], comparison: Comparison, threshold: float, tolerance: float = 0.0) -> Clause:
        """Bring a linear form into canonical order, with a positive leading coefficient."""
        ordered = sorted(((c, term) for term, c in terms.items() if c != 0), key=lambda pair: pair[1].order)
        if ordered[0][0] < 0:
            ordered = [(-c, term) for c, term in ordered]
            comparison, threshold = _FLIPPED[comparison], -threshold
        return cls(tuple(ordered), comparison, threshold + 0.0, tolerance)

    @property
    def upward(self) -> bool:
        """Whether it claims that the form is large."""
        return self.comparison in (">", ">=")

    @property
    def measure(self) -> str:
        """The linear form in words: ``"n - o"``."""
        first, *rest = (_product(c, term) for c, term in self.terms)
        signs = ((" - " if c < 0 else " + ") for c, _ in self.terms[1:])
        return first + "".join(sign + product for sign, product in zip(signs, rest, strict=True))

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest value that the form can take, as every term lies in [0, 1]."""
        return sum(min(c, 0.0) for c, _ in self.terms), sum(max(c, 0.0) for c, _ in self.terms)

    @property
    def slices(self) -> tuple[str, ...]:
        """Slices that it speaks of, in order, without repeats."""
        return tuple(dict.fromkeys(term.slice for _, term in self.terms if term.slice))

    def on(self, name: str) -> Clause:
        """Put a slice in the place of ``{slice}``."""
        terms = {
            Term(term.metric, term.model, name if term.slice == TEMPLATE else term.slice): c for c, term in self.terms
        }
        return Clause.of(terms, self.comparison, self.threshold, self.tolerance)

    def __str__(self) -> str:
        margin = f" +/- {_number(self.tolerance)}" if self.tolerance else ""
        return f"{self.measure} {self.comparison} {_number(self.threshold)}{margin}"


class Condition(msgspec.Struct, frozen=True):
    """Clauses that must all hold.

    Parameters
    ----------
    clauses : tuple of Clause
        At least one, as written, without repeats.

    Examples
    --------
    >>> from assay.gate import parse
    >>> str(parse("0.02 +/- 0.01 < new - old /\\\\ changed < 10%"))
    'n - o > 0.02 +/- 0.01 and d < 0.1'
    """

    clauses: tuple[Clause, ...]

    @property
    def slices(self) -> tuple[str, ...]:
        """Slices that the clauses speak of, in order, without repeats."""
        return tuple(dict.fromkeys(name for clause in self.clauses for name in clause.slices))

    @property
    def models(self) -> tuple[str, ...]:
        """Models that it needs predictions of: ``("new",)`` or ``("new", "old")``."""
        needed = {
            m for clause in self.clauses for _, t in clause.terms for m in ((t.model,) if t.model else _MODELS[:2])
        }
        return tuple(model for model in _MODELS if model in needed)

    @property
    def metrics(self) -> frozenset[str]:
        """Metrics that it needs."""
        return frozenset(term.metric for clause in self.clauses for _, term in clause.terms)

    @property
    def template(self) -> bool:
        """Whether it holds ``{slice}``, to be repeated over slices."""
        return TEMPLATE in self.slices

    def on(self, name: str) -> Condition:
        """Put a slice in the place of ``{slice}``."""
        return Condition(tuple(clause.on(name) for clause in self.clauses))

    def __str__(self) -> str:
        return " and ".join(map(str, self.clauses))


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


def _product(coefficient: float, term: Term) -> str:
    size = abs(coefficient)
    return str(term) if size == 1 else f"{_number(size)}*{term}"
