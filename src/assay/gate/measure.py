"""From a clause and arrays to the quantity that the clause speaks of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from assay.gate.counts import Difference, Rate
from assay.gate.means import Mean, UnitMean
from assay.gate.quantity import Affine, Combination
from assay.gate.ratios import F1, Pair, PositiveRatio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.gate.condition import Clause, Term
    from assay.gate.inputs import Inputs
    from assay.gate.quantity import Quantity

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

# What a row can be: new right, old right, predictions differ.
_CASES = ((1, 1, 0), (0, 0, 0), (1, 0, 1), (0, 1, 1), (0, 0, 1))
# Losses of a probability, by the distance from it to the label, 0 or 1.
_POWERS = {"brier": 2, "absolute": 1}


@dataclass(frozen=True)
class Part:
    """The terms of a clause that are taken over the same rows, as one value a row.

    Attributes
    ----------
    rows : ndarray of bool, shape (n,)
        The rows: a slice, and of it for recall (precision) those with the positive label (prediction), for F1 those
        with either.
    new, old, changed : float
        Coefficients of "new is right", "old is right" and "predictions differ".
    losses : dict of (metric, model) to float
        Coefficients of the losses of the probabilities.
    means : dict of str to float
        Coefficients of columns.
    ratio : PositiveRatio, optional
        What it is, if it is one of the ratios over the positive class by itself; the coefficient of an F1 score is
        there, as it applies after the score is computed from the share of the rows that are right.
    """

    rows: Mask
    new: float = 0.0
    old: float = 0.0
    changed: float = 0.0
    losses: dict[tuple[str, str], float] = field(default_factory=dict)
    means: dict[str, float] = field(default_factory=dict)
    ratio: PositiveRatio | None = None

    @property
    def counted(self) -> bool:
        """Whether it has counts only: no losses of probabilities and no columns."""
        return not (self.losses or self.means)

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest value that a row can have."""
        counts = [self.new * n + self.old * o + self.changed * d for n, o, d in _CASES]
        others = [*self.losses.values(), *self.means.values()]
        return min(counts) + sum(min(c, 0.0) for c in others), max(counts) + sum(max(c, 0.0) for c in others)

    def values(self, inputs: Inputs) -> Floats:
        """Give the value of each of its rows."""
        total = np.zeros(int(self.rows.sum()))
        for c, model in ((self.new, "new"), (self.old, "old")):
            if c:
                total += c * (inputs.predicted[model] == inputs.labels)[self.rows]
        if self.changed:
            total += self.changed * (inputs.predicted["new"] != inputs.predicted["old"])[self.rows]
        if inputs.positive is not None:
            total += self._lost(inputs, inputs.positive[self.rows])
        for name, c in self.means.items():
            total += c * inputs.columns[name][self.rows]
        return total

    def _lost(self, inputs: Inputs, truth: Mask | float) -> Floats:
        total = np.zeros(int(self.rows.sum()))
        for (metric, model), c in self.losses.items():
            total += c * np.abs(inputs.scores[model][self.rows] - truth) ** _POWERS[metric]
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
        if self.losses:
            outcomes = [self._lost(inputs, truth) for truth in (0.0, 1.0)]
            least += np.minimum(*outcomes)
            most += np.maximum(*outcomes)
        for c in self.means.values():
            least += min(c, 0.0)
            most += max(c, 0.0)
        return least, most

    def quantity(self, inputs: Inputs) -> Quantity:
        """Choose the sharpest exact test: counts where there are counts, bets elsewhere and on units."""
        if self.ratio is not None and self.ratio.metric == "f1":
            return _affine(F1(self._linear(inputs)), self.ratio.coefficient)
        return self._linear(inputs)

    def _linear(self, inputs: Inputs) -> Quantity:
        if inputs.unit is not None:
            return self._on_units(inputs, inputs.unit)
        n = int(self.rows.sum())
        if self.counted:
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
        codes = _renumbered(unit[self.rows])
        sizes = _summed(codes, np.ones(codes.size))
        low, high = self.range
        if inputs.max_unit_size is None:
            least, most = (_summed(codes, limit) for limit in self.limits(inputs))
        else:
            # How far the predictions of a larger unit could differ is not known, only how many rows it has.
            least, most = low * sizes, high * sizes
        values = self.values(inputs)
        return UnitMean(
            _summed(codes, values), sizes, least, most, low, high, inputs.max_unit_size, float(values.var())
        )


def parts(clause: Clause, inputs: Inputs) -> tuple[list[Part], float]:
    """Sort the terms of a clause by the rows that they are taken over; give also the constant that ``error`` leaves."""
    sorted_terms: dict[tuple[str, str], list[tuple[float, Term]]] = {}
    constant = 0.0
    for c, term in clause.terms:
        constant += c if term.metric == "error" else 0.0
        sorted_terms.setdefault((_place(term), term.slice), []).append((c, term))
    found = []
    for (where, name), pairs in sorted_terms.items():
        rows = inputs.slices[name] if name else np.ones(inputs.n, dtype=np.bool_)
        called = {model: _called_positive(inputs, model) for model in ("new", "old") if model in where}
        if where.startswith("either") and inputs.positive is not None:
            rows = rows & (inputs.positive | next(iter(called.values())))
        elif where == "positive" and inputs.positive is not None:
            rows = rows & inputs.positive
        elif called:
            rows = rows & next(iter(called.values()))
        part = _part(rows, pairs)
        if any((part.new, part.old, part.changed, *part.losses.values(), *part.means.values())):
            found.append(part)
    return found, constant


def _part(rows: Mask, pairs: list[tuple[float, Term]]) -> Part:
    weights = {"new": 0.0, "old": 0.0, "changed": 0.0}
    losses: dict[tuple[str, str], float] = {}
    means: dict[str, float] = {}
    for c, term in pairs:
        if term.metric == "changed":
            weights["changed"] += c
        elif term.metric in _POWERS:
            losses[term.metric, term.model] = c
        elif term.metric == "mean":
            means[term.column] = c
        else:
            weights[term.model] += {"error": -c, "f1": 1.0}.get(term.metric, c)
    ratio = None
    if len(pairs) == 1 and pairs[0][1].metric in ("precision", "recall", "f1"):
        c, term = pairs[0]
        ratio = PositiveRatio(term.metric, term.model, term.slice, c)
    return Part(rows, weights["new"], weights["old"], weights["changed"], losses, means, ratio)


def quantity(found: list[Part], constant: float, inputs: Inputs) -> Quantity | None:
    """Give what the parts of a clause measure together; ``None`` if one of them has no rows."""
    if not all(part.rows.any() for part in found):
        return None
    measured = [part.quantity(inputs) for part in found]
    if len(measured) == 1:
        return _affine(measured[0], 1.0, constant)
    ratios = [part.ratio for part in found if part.ratio is not None]
    if len(found) == len(ratios) == 2 and ratios[0].slice == ratios[1].slice:
        return _affine(_pair(ratios, measured[1], inputs), 1.0, constant)
    return _affine(Combination(tuple((1.0, one) for one in measured)), 1.0, constant)


def _pair(ratios: list[PositiveRatio], second: Quantity, inputs: Inputs) -> Pair:
    """Count the kinds of rows by unit (each row a unit of its own if there is none), over the slice of both."""
    name = ratios[0].slice
    rows = inputs.slices[name] if name else np.ones(inputs.n, dtype=np.bool_)
    assert inputs.positive is not None
    kinds = 4 * inputs.positive[rows].astype(np.intp)
    for bit, ratio in zip((2, 1), ratios, strict=True):
        kinds += bit * _called_positive(inputs, ratio.model)[rows]
    if inputs.unit is None:
        return Pair.of_rows(ratios[0], ratios[1], np.bincount(kinds, minlength=8), second)
    codes = _renumbered(inputs.unit[rows])
    counts = np.bincount(8 * codes + kinds, minlength=8 * (int(codes.max()) + 1)).reshape(-1, 8)
    return Pair.of_units(ratios[0], ratios[1], counts, second, inputs.max_unit_size)


def _renumbered(unit: NDArray[np.intp]) -> NDArray[np.intp]:
    """Number the units that occur from 0, without a gap."""
    seen = np.bincount(unit) > 0
    return np.asarray((np.cumsum(seen) - 1)[unit])


def _summed(codes: NDArray[np.intp], values: Floats) -> Floats:
    return np.asarray(np.bincount(codes, values), dtype=np.float64)


def _place(term: Term) -> str:
    """Name the rows that a term is taken over, within its slice."""
    if term.metric == "f1":
        return f"either {term.model}"
    return {"recall": "positive", "precision": f"called by {term.model}"}.get(term.metric, "")


def _called_positive(inputs: Inputs, model: str) -> Mask:
    """Give the rows that a model calls positive."""
    return np.asarray(inputs.predicted[model] == inputs.positive_label)


def _affine(base: Quantity, scale: float, shift: float = 0.0) -> Quantity:
    return base if scale == 1 and shift == 0 else Affine(base, scale, shift)
