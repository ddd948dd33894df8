"""How far one column's distribution has moved: estimate, bounds, the rows that moved, and what would decide."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from assay.stats import twosample
from assay.validation import distances, witness

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from assay.validation.cells import Cells
    from assay.validation.witness import Witness

_NAMES = {"ordered": "Kolmogorov-Smirnov distance", "unordered": "total variation"}
# Standard errors beyond a bound that give a power of 0.8 and of 0.9.
_LIKELY, _VERY_LIKELY = 0.84, 1.28
# Mean of the Kolmogorov distribution: what the distance of two samples of one law is about, over sqrt(1/n + 1/m).
_NOISE = 0.8687


@dataclass(frozen=True)
class ColumnDrift:
    """A column of two tables.

    Attributes
    ----------
    name : str
    cells : Cells
    distance : float
        Of the samples: Kolmogorov-Smirnov of ordered cells, total variation of others.
    witness : Witness
    n, m : int
        Rows of the reference and of the current table.
    """

    name: str
    cells: Cells
    distance: float
    witness: Witness
    n: int
    m: int

    @classmethod
    def of(cls, column: str, counted: Cells, tolerance: float) -> ColumnDrift:
        """Measure the distance of a column's counts and look for the rows that moved."""
        distance = twosample.kolmogorov_smirnov if counted.scale == "ordered" else twosample.total_variation
        return cls(
            column,
            counted,
            distance(counted.reference, counted.current),
            witness.find(counted, tolerance),
            int(counted.reference.sum()),
            int(counted.current.sum()),
        )

    @property
    def ordered(self) -> bool:
        """Whether the distance is that of distribution functions."""
        return self.cells.scale == "ordered"

    @property
    def distance_name(self) -> str:
        """Name of the distance."""
        return _NAMES[self.cells.scale]

    def upper(self, alpha: float) -> float:
        """Bound the distance of the laws from above."""
        bound = twosample.kolmogorov_smirnov_upper if self.ordered else twosample.total_variation_upper
        return bound(self.distance, self.n, self.m, alpha)

    def p_within(self, tolerance: float) -> float:
        """Test "the distance is above the tolerance"."""
        test = twosample.kolmogorov_smirnov_p_value if self.ordered else twosample.total_variation_p_value
        return test(self.distance, self.n, self.m, tolerance)

    def detectable(self, tolerance: float, alpha: float) -> float:
        """Give about the smallest rise of a half of the rows that is found with probability 0.9."""
        reach = special.ndtri(1 - alpha) + _VERY_LIKELY
        return float(min(1.0, tolerance + reach * math.sqrt(0.25 / self.witness.n + 0.25 / self.witness.m)))

    def rows_needed(self, tolerance: float, alpha: float) -> int | None:
        """Give about how many current rows decide if the truth is what is seen; ``None`` if none do by themselves."""
        seen = self.witness
        excess = seen.rise - tolerance
        if excess > 0:
            p, q = seen.before / seen.n, seen.after / seen.m
            allowed = (excess / (special.ndtri(1 - alpha) + _LIKELY)) ** 2 - p * (1 - p) / seen.n
            # Half of the current rows only choose where to look.
            needed = 2 * q * (1 - q) / allowed if allowed > 0 else math.inf
        elif self.ordered:
            gap = tolerance - max(self.distance - _NOISE * math.sqrt(1 / self.n + 1 / self.m), 0.0)
            allowed = gap / math.sqrt(0.5 * math.log(4 / alpha)) - (1 + _NOISE) / math.sqrt(self.n)
            needed = ((1 + _NOISE) / allowed) ** 2 if allowed > 0 else math.inf
        else:
            before, after = self.cells.reference / self.n, self.cells.current / self.m
            spread = np.sqrt(before * (1 - before) / self.n + after * (1 - after) / self.m)
            gap = tolerance - max(self.distance - float(spread.sum()) / math.sqrt(2 * math.pi), 0.0)
            allowed = 2 * gap * gap / math.log(1 / alpha) - 1 / self.n
            needed = 1 / allowed if allowed > 0 else math.inf
        return max(math.ceil(needed), self.m + 1) if needed < 1e9 else None

    def named(self) -> dict[str, float]:
        """Give the numbers by which other tools decide; they have no error bound."""
        return _unordered(self.cells) if not self.ordered else _ordered(self.cells)


def _unordered(counted: Cells) -> dict[str, float]:
    sides: list[Mapping[Hashable, float]] = [
        {
            (key, bool(word)): float(count)
            for key, word, count in zip(counted.keys, counted.special, counts, strict=True)
        }
        for counts in (counted.reference, counted.current)
    ]
    return {
        "l_infinity": distances.l_infinity(sides[0], sides[1]),
        "jensen_shannon": distances.jensen_shannon(sides[0], sides[1]),
        "psi": distances.population_stability(counted.reference, counted.current),
    }


def _ordered(counted: Cells) -> dict[str, float]:
    plain = ~counted.special
    values = np.array(list(itertools.compress(counted.keys, plain)), dtype=np.float64)
    finite = np.isfinite(values)
    values = distances.scaled(values[finite])  # Every measure is free of the scale.
    before, after = counted.reference[plain][finite], counted.current[plain][finite]
    if not before.sum() or not after.sum():
        return {}
    # Ten cells of about equal share of the reference.
    place = np.minimum((10 * (np.cumsum(before) - before / 2) / before.sum()).astype(np.intp), 9)
    tenths = [np.bincount(place, counts, minlength=10) for counts in (before, after)]
    found = {
        "jensen_shannon": distances.jensen_shannon(_tenths(values, before), _tenths(values, after)),
        "psi": distances.population_stability(*tenths),
        "wasserstein": distances.wasserstein(values, before, after),
    }
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _tenths(values: Any, counts: Any) -> distances.Buckets:
    """Give ten buckets of equal width between the least and greatest value, as TensorFlow Data Validation makes them."""
    some = counts > 0
    low, high = float(values[some].min()), float(values[some].max())
    if low == high:
        return distances.Buckets([low], [high], [counts.sum()])
    edges = np.linspace(low, high, 11)
    place = np.clip(np.searchsorted(edges, values[some], side="right") - 1, 0, 9)
    return distances.Buckets(edges[:-1], edges[1:], np.bincount(place, counts[some], minlength=10))
