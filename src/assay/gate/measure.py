"""From a clause and arrays to the quantity that the clause speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from assay.gate.counts import Difference, Rate
from assay.gate.means import Mean, UnitMean
from assay.gate.quantity import Affine, Combination

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.gate.condition import Clause, Term
    from assay.gate.inputs import Inputs
    from assay.gate.quantity import Quantity

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

# What a row can be: new right, old right, predictions differ.
_CASES = ((1, 1, 0), (0, 0, 0), (1, 0, 1), (0, 1, 1), (0, 0, 1))


@dataclass(frozen=True)
class Part:
    """The terms of a clause that are taken over the same rows, as one value a row.

    Attributes
    ----------
    rows : ndarray of bool, shape (n,)
        The rows: a slice, and for recall (precision) its positive labels (predictions).
    new, old, changed : float
        Coefficients of "new is right", "old is right" and "predictions differ".
    brier_new, brier_old : float
        Coefficients of the squared errors of the probabilities.
    """

    rows: Mask
    new: float = 0.0
    old: float = 0.0
    changed: float = 0.0
    brier_new: float = 0.0
    brier_old: float = 0.0

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest value that a row can have."""
        counts = [self.new * n + self.old * o + self.changed * d for n, o, d in _CASES]
        losses = [self.brier_new * n + self.brier_old * o for n, o in product((0, 1), repeat=2)]
        return min(counts) + min(losses), max(counts) + max(losses)

    def values(self, inputs: Inputs) -> Floats:
        """Give the value of each of its rows."""
        total = np.zeros(int(self.rows.sum()))
        for c, model in ((self.new, "new"), (self.old, "old")):
            if c:
                total += c * (inputs.predicted[model] == inputs.labels)[self.rows]
        if self.changed:
            total += self.changed * (inputs.predicted["new"] != inputs.predicted["old"])[self.rows]
        for c, model in ((self.brier_new, "new"), (self.brier_old, "old")):
            if c and inputs.positive is not None:
                total += c * (inputs.scores[model][self.rows] - inputs.positive[self.rows]) ** 2
        return total

    def limits(self, inputs: Inputs) -> tuple[Floats, Floats]:
        """Give the least and greatest value that each row can have, whatever its label turns out to be."""
        least = np.zeros(int(self.rows.sum()))
        most = np.zeros_like(least)
        if self.new or self.old or self.changed:
            if len(inputs.predicted) == 2:
                differ = (inputs.predicted["new"] != inputs.predicted["old"])[self.rows]
            else:
                differ = np.zeros(least.size, dtype=np.bool_)
            for which in (0, 1):
                cases = [self.new * n + self.old * o + self.changed * d for n, o, d in _CASES if d == which]
                least[differ == which] += min(cases)
                most[differ == which] += max(cases)
        if self.brier_new or self.brier_old:
            outcomes = []
            for truth in (0.0, 1.0):
                outcome = np.zeros_like(least)
                for c, model in ((self.brier_new, "new"), (self.brier_old, "old")):
                    if c:
                        outcome += c * (inputs.scores[model][self.rows] - truth) ** 2
                outcomes.append(outcome)
            least += np.minimum(*outcomes)
            most += np.maximum(*outcomes)
        return least, most

    def quantity(self, inputs: Inputs) -> Quantity:
        """Choose the sharpest exact test: counts where there are counts, bets elsewhere and on units."""
        if inputs.unit is not None:
            return self._on_units(inputs, inputs.unit)
        n = int(self.rows.sum())
        if not (self.brier_new or self.brier_old):
            for c, others in (
                (self.new, (self.old, self.changed)),
                (self.old, (self.new, self.changed)),
                (self.changed, (self.new, self.old)),
            ):
                if c and not any(others):
                    hits = round(float((self.values(inputs) / c).sum()))
                    return _affine(Rate(hits, n), c)
            if not self.changed and self.old == -self.new:
                gains = self.values(inputs) / self.new
                return _affine(Difference(int((gains > 0.5).sum()), int((gains < -0.5).sum()), n), self.new)
        return Mean(self.values(inputs), *self.range)

    def _on_units(self, inputs: Inputs, unit: NDArray[np.intp]) -> UnitMean:
        _, codes = np.unique(unit[self.rows], return_inverse=True)
        least, most = self.limits(inputs)
        return UnitMean(
            _summed(codes, self.values(inputs)),
            _summed(codes, np.ones(codes.size)),
            _summed(codes, least),
            _summed(codes, most),
            *self.range,
        )


def parts(clause: Clause, inputs: Inputs) -> tuple[list[Part], float]:
    """Sort the terms of a clause by the rows that they are taken over; give also the constant that ``error`` leaves."""
    coefficients: dict[tuple[str, str], dict[str, float]] = {}
    constant = 0.0
    for c, term in clause.terms:
        where, name = _place(term)
        if term.metric == "error":
            constant, c = constant + c, -c
        row = coefficients.setdefault((where, term.slice), {})
        row[name] = row.get(name, 0.0) + c
    found = []
    for (where, name), row in coefficients.items():
        rows = inputs.slices[name] if name else np.ones(inputs.n, dtype=np.bool_)
        if where == "positive" and inputs.positive is not None:
            rows = rows & inputs.positive
        elif where in ("new", "old"):
            rows = rows & _called_positive(inputs, where)
        if any(row.values()):
            found.append(Part(rows, **row))
    return found, constant


def quantity(found: list[Part], constant: float, inputs: Inputs) -> Quantity | None:
    """Give what the parts of a clause measure together; ``None`` if one of them has no rows."""
    if not all(part.rows.any() for part in found):
        return None
    measured = [part.quantity(inputs) for part in found]
    whole: Quantity = measured[0] if len(measured) == 1 else Combination(tuple((1.0, one) for one in measured))
    return _affine(whole, 1.0, constant)


def _summed(codes: NDArray[np.intp], values: Floats) -> Floats:
    return np.asarray(np.bincount(codes, values), dtype=np.float64)


def _place(term: Term) -> tuple[str, str]:
    if term.metric == "changed":
        return "", "changed"
    if term.metric == "brier":
        return "", f"brier_{term.model}"
    where = {"recall": "positive", "precision": term.model}.get(term.metric, "")
    return where, term.model


def _called_positive(inputs: Inputs, model: str) -> Mask:
    """Give the rows that a model calls positive."""
    return np.asarray(inputs.predicted[model] == inputs.positive_label)


def _affine(base: Quantity, scale: float, shift: float = 0.0) -> Quantity:
    return base if scale == 1 and shift == 0 else Affine(base, scale, shift)
