"""The condition under test, as plain data: clauses that are linear in metrics, joined by ``and``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Mode = Literal["fp-free", "fn-free"]
Comparison = Literal[">", "<", ">=", "<="]

TEMPLATE = "{slice}"
_FLIPPED: dict[str, Comparison] = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_MODELS = ("new", "old", "")


class Term(msgspec.Struct, frozen=True):
    """One metric of one model on one slice.

    Parameters
    ----------
    metric : str
        ``"accuracy"``, ``"error"``, ``"precision"``, ``"recall"``, ``"f1"``, ``"brier"`` (mean squared error of the
        probability), ``"absolute"`` (its mean absolute error), ``"mean"`` of a column, or ``"changed"``; each lies
        in [0, 1].
    model : {"new", "old", ""}
        Whose; empty for ``"changed"``, which speaks of both, and for ``"mean"``, which speaks of neither.
    slice : str
        Name or SQL predicate of the rows that it is taken over; empty for all rows, ``"{slice}"`` in a template.
    column : str
        What ``"mean"`` is the mean of; else empty.
    """

    metric: str
    model: str = ""
    slice: str = ""
    column: str = ""

    @property
    def order(self) -> tuple[bool, str, str, str, int]:
        """Where it stands among the terms of a clause."""
        return (self.metric == "changed", self.metric, self.column, self.slice, _MODELS.index(self.model))

    def __str__(self) -> str:
        if not self.slice and self.metric == "accuracy":
            return self.model[0]
        if self.metric == "changed":
            return f"changed(new | {self.slice})" if self.slice else "d"
        of = self.model or self.column
        return f"{self.metric}({of} | {self.slice})" if self.slice else f"{self.metric}({of})"


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
    times : tuple of (float, Term)
        What the tolerance is multiplied by: a ratio ``n / o > 1.02 +/- 0.01`` is ``n - 1.02*o > 0 +/- 0.01*o``.
        Coefficients are positive, the first is 1; empty stands for 1.
    """

    terms: tuple[tuple[float, Term], ...]
    comparison: Comparison
    threshold: float
    tolerance: float = 0.0
    times: tuple[tuple[float, Term], ...] = ()

    @classmethod
    def of(
        cls,
        terms: dict[Term, float],
        comparison: Comparison,
        threshold: float,
        tolerance: float = 0.0,
        times: dict[Term, float] | None = None,
    ) -> Clause:
        """Bring a linear form into canonical order, with a positive leading coefficient."""
        ordered = _ordered(terms)
        if ordered[0][0] < 0:
            ordered = [(-c, term) for c, term in ordered]
            comparison, threshold = _FLIPPED[comparison], -threshold
        return cls(tuple(ordered), comparison, threshold + 0.0, tolerance, tuple(_ordered(times or {})))

    def moved(self, tolerances: float) -> Clause:
        """Move the limit by so many tolerances, away from what is claimed if positive."""
        step = tolerances * self.tolerance * (1 if self.upward else -1)
        if not self.times:
            return msgspec.structs.replace(self, threshold=round(self.threshold + step, 15))
        terms = {term: c for c, term in self.terms}
        for c, term in self.times:
            terms[term] = round(terms.get(term, 0.0) - step * c, 15)
        return msgspec.structs.replace(self, terms=tuple(_ordered(terms)))

    @property
    def upward(self) -> bool:
        """Whether it claims that the form is large."""
        return self.comparison in (">", ">=")

    @property
    def measure(self) -> str:
        """The linear form in words: ``"n - o"``."""
        return _sum(self.terms)

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest value that the form can take, as every term lies in [0, 1]."""
        return sum(min(c, 0.0) for c, _ in self.terms), sum(max(c, 0.0) for c, _ in self.terms)

    @property
    def slices(self) -> tuple[str, ...]:
        """Slices that it speaks of, in order, without repeats."""
        return tuple(dict.fromkeys(term.slice for _, term in (*self.terms, *self.times) if term.slice))

    def on(self, name: str) -> Clause:
        """Put a slice in the place of ``{slice}``."""

        def filled(pairs: tuple[tuple[float, Term], ...]) -> dict[Term, float]:
            return {
                msgspec.structs.replace(term, slice=name) if term.slice == TEMPLATE else term: c for c, term in pairs
            }

        return Clause.of(filled(self.terms), self.comparison, self.threshold, self.tolerance, filled(self.times))

    def __str__(self) -> str:
        margin = f" +/- {_number(self.tolerance)}" if self.tolerance else ""
        if self.times:
            margin += f"*{_sum(self.times)}" if len(self.times) == 1 else f"*({_sum(self.times)})"
        return f"{self.measure} {self.comparison} {_number(self.threshold)}{margin}"


class Everywhere(msgspec.Struct, frozen=True):
    """That a clause holds in every slice that the columns of the table describe.

    Parameters
    ----------
    tau : float
        The tolerated rise of the error.
    min_support : float
        Smallest slice: a share of the rows below 1, else rows.
    max_level : int
        Most conditions of a slice.
    """

    tau: float
    min_support: float = 0.01
    max_level: int = 2

    def __str__(self) -> str:
        usual = Everywhere(self.tau)
        told = [f"tau={self.tau:g}"]
        told += [f"min_support={self.min_support:g}"] if self.min_support != usual.min_support else []
        told += [f"max_level={self.max_level}"] if self.max_level != usual.max_level else []
        return f"no_slice_regression({', '.join(told)})"


class Condition(msgspec.Struct, frozen=True):
    """Clauses that must all hold.

    Parameters
    ----------
    clauses : tuple of Clause
        At least one, as written, without repeats.
    everywhere : Everywhere, optional
        Of ``no_slice_regression(tau=0.02)``, which claims its clause of every slice there is.

    Examples
    --------
    >>> from assay.gate import parse
    >>> str(parse("0.02 +/- 0.01 < new - old /\\\\ changed < 10%"))
    'n - o > 0.02 +/- 0.01 and d < 0.1'
    """

    clauses: tuple[Clause, ...]
    everywhere: Everywhere | None = None

    @property
    def slices(self) -> tuple[str, ...]:
        """Slices that the clauses speak of, in order, without repeats."""
        return tuple(dict.fromkeys(name for clause in self.clauses for name in clause.slices))

    @property
    def models(self) -> tuple[str, ...]:
        """Models that it needs predictions of: ``("new",)`` or ``("new", "old")``."""
        needed = {t.model for t in self.terms}
        if "changed" in self.metrics:
            needed |= {"new", "old"}
        return tuple(model for model in _MODELS if model and model in needed)

    @property
    def terms(self) -> tuple[Term, ...]:
        """Terms of all clauses, without repeats."""
        return tuple(dict.fromkeys(t for clause in self.clauses for _, t in (*clause.terms, *clause.times)))

    @property
    def metrics(self) -> frozenset[str]:
        """Metrics that it needs."""
        return frozenset(term.metric for term in self.terms)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it takes means of."""
        return tuple(dict.fromkeys(term.column for term in self.terms if term.column))

    @property
    def template(self) -> bool:
        """Whether it holds ``{slice}``, to be repeated over slices."""
        return TEMPLATE in self.slices

    def on(self, name: str) -> Condition:
        """Put a slice in the place of ``{slice}``."""
        return Condition(tuple(clause.on(name) for clause in self.clauses))

    def evaluate(
        self, estimates: Mapping[str, float] | None = None, /, *, mode: Mode | None = None, **named: float
    ) -> bool | None:
        """Evaluate it on point estimates as Ease.ML/CI does: see :func:`assay.gate.evaluation.evaluate`."""
        from assay.gate.evaluation import evaluate

        return evaluate(self, {**(estimates or {}), **named}, mode)

    def __str__(self) -> str:
        return str(self.everywhere) if self.everywhere else " and ".join(map(str, self.clauses))


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


def _ordered(terms: dict[Term, float]) -> list[tuple[float, Term]]:
    return sorted(((c, term) for term, c in terms.items() if c != 0), key=lambda pair: pair[1].order)


def _sum(pairs: tuple[tuple[float, Term], ...]) -> str:
    first, *rest = (_product(c, term) for c, term in pairs)
    signs = ((" - " if c < 0 else " + ") for c, _ in pairs[1:])
    return first + "".join(sign + product for sign, product in zip(signs, rest, strict=True))


def _product(coefficient: float, term: Term) -> str:
    size = abs(coefficient)
    return str(term) if size == 1 else f"{_number(size)}*{term}"
