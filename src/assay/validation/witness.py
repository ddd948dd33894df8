"""The rows that moved: a set of cells chosen by one part of the data and tested on another."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assay.core.fingerprint import digest
from assay.stats import twosample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.validation.cells import Cells

    Counts = NDArray[np.int_]
    Mask = NDArray[np.bool_]

# Known texts beyond these share one cell, so that a set of cells can be read.
MOST_CELLS = 200
UNSEEN, OTHER = "never seen before", "others"
# Where between the tolerance and the rise seen the alternatives of the e-value lie.
_ALTERNATIVES = (0.25, 0.5, 0.75, 1.0)
_HIGHER = (0.0, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Witness:
    """A set of cells and what the rows that did not choose it say of it.

    Attributes
    ----------
    inside : ndarray of bool, shape (cells,)
    words : str
        The set for a person: ``"carrier in B6, EV"``.
    before, n, after, m : int
        Rows inside and in all, of the reference and of the current table, among those that did not choose it.
    alternatives : tuple of (float, float)
        Rates to expect inside, from the rows that chose it.
    """

    inside: Mask
    words: str
    before: int
    n: int
    after: int
    m: int
    alternatives: tuple[tuple[float, float], ...]

    @property
    def rise(self) -> float:
        """How much larger the later rate is."""
        return self.after / self.m - self.before / self.n

    def lower(self, alpha: float) -> float:
        """Bound the rise from below: :func:`assay.stats.twosample.rise_lower`."""
        return twosample.rise_lower(self.before, self.n, self.after, self.m, alpha)

    def p_value(self, tolerance: float) -> float:
        """Test "the rise is at most the tolerance": :func:`assay.stats.twosample.rise_p_value`."""
        return twosample.rise_p_value(self.before, self.n, self.after, self.m, tolerance)

    def e_value(self, tolerance: float) -> float:
        """Give the evidence against the same: :func:`assay.stats.twosample.rise_e_value`."""
        return twosample.rise_e_value(self.before, self.n, self.after, self.m, tolerance, self.alternatives)


def find(cells: Cells, tolerance: float) -> Witness:
    """Choose a set of cells on one part of the rows, and count it on the rest.

    A third of the reference and half of the current rows choose, split at random by their counts with a seed that
    depends on the counts alone: cells without an order are taken by them, so that their names decide nothing. In an ordered column the set is a half-line; in an unordered one, cells are taken in
    from the one whose share rose by the largest factor, as Neyman and Pearson would. With too few rows to choose by, it
    is empty.
    """
    places = np.arange(len(cells.keys))
    if cells.scale == "unordered":
        places = np.lexsort((cells.current, cells.reference, cells.special))
        cells = replace(
            cells,
            keys=tuple(cells.keys[place] for place in places),
            special=cells.special[places],
            reference=cells.reference[places],
            current=cells.current[places],
        )
    seed = int(digest([cells.reference.tolist(), cells.current.tolist()])[:12], 16)
    rng = np.random.default_rng(seed)
    known, before = twosample.split(cells.reference, int(cells.reference.sum()) // 3, rng)
    glance, after = twosample.split(cells.current, int(cells.current.sum()) // 2, rng)
    if not known.sum() or not glance.sum():
        # One row on a side chooses nothing; that no row rose says nothing either.
        nothing = np.zeros(len(cells.keys), dtype=bool)
        words = _words(cells, (), nothing)
        return Witness(nothing, words, 0, int(before.sum()), 0, int(after.sum()), ((0.5, 0.5),))
    inside, words = choose(cells, known, glance, tolerance)
    as_given = np.empty_like(inside)
    as_given[places] = inside
    p1, q1 = (float(part[inside].sum() / part.sum()) for part in (known, glance))
    excess = max(q1 - p1 - tolerance, 0.0)
    # The rows that chose the set exaggerate the rise: rates before may be some standard errors higher. Away from 0 and
    # 1, where a single row would rule an alternative out.
    error = math.sqrt(max(p1 * (1 - p1), 1 / known.sum()) / known.sum())
    most = 1 - 0.5 / (glance.sum() + 1)
    alternatives = tuple(
        (p, min(max(p + tolerance + place * excess, 1e-9), most))
        for higher in _HIGHER
        for p in [min(max(p1 + higher * error, 0.5 / (known.sum() + 1)), 1 - tolerance - 1e-9)]
        for place in _ALTERNATIVES
    )
    kept = (int(before[inside].sum()), int(before.sum()), int(after[inside].sum()), int(after.sum()))
    return Witness(as_given, words, *kept, alternatives)


def choose(cells: Cells, known: Counts, glance: Counts, tolerance: float) -> tuple[Mask, str]:
    """Choose the set of cells whose rise beyond the tolerance stands out most from chance, and put it in words.

    Parameters
    ----------
    cells : Cells
    known, glance : ndarray of int, shape (cells,)
        The rows of the reference and of the current table that may choose.
    tolerance : float
    """
    if cells.scale == "ordered":
        inside = _best(known, glance, np.arange(known.size), tolerance, both=True)
        return inside, _words(cells, (), inside)
    groups, labels = _groups(cells, known)
    e, d = (np.bincount(groups, part, minlength=len(labels)).astype(np.int64) for part in (known, glance))
    # From the cell whose share rose by the largest factor.
    ratio = ((d + 0.5) / (d.sum() + 1)) / ((e + 0.5) / (e.sum() + 1))
    inside = _best(e, d, np.argsort(-ratio, kind="stable"), tolerance, both=False)
    return inside[groups], _words(cells, labels, inside)


def _groups(cells: Cells, known: NDArray[np.int64]) -> tuple[NDArray[np.intp], list[str]]:
    """Map cells to what a person can read: texts that the choosing rows never saw share a cell, and so do rare ones."""
    rank = np.argsort(np.argsort(-known, kind="stable"), kind="stable")
    groups = np.zeros(len(cells.keys), dtype=np.intp)
    labels = [UNSEEN, OTHER]
    for i, key in enumerate(cells.keys):
        if cells.special[i] or (known[i] and rank[i] < MOST_CELLS):
            groups[i] = len(labels)
            labels.append(str(key))
        else:
            groups[i] = 1 if known[i] else 0
    return groups, labels


def _best(known: Counts, glance: Counts, order: NDArray[np.intp], tolerance: float, *, both: bool) -> Mask:
    n, m = known.sum(), glance.sum()
    p, q = np.cumsum(known[order]) / n, np.cumsum(glance[order]) / m
    spread = np.sqrt((p * (1 - p) + 0.5 / n) / n + (q * (1 - q) + 0.5 / m) / m)
    # All cells together have risen by nothing.
    up = ((q - p - tolerance) / spread)[:-1]
    down = ((p - q - tolerance) / spread)[:-1]
    inside = np.zeros(order.size, dtype=bool)
    if up.size == 0:
        return inside
    if both:
        place = int(down.argmax()) if down.max() > up.max() else int(up.argmax())
        inside[order[: place + 1]] = True
        return ~inside if down.max() > up.max() else inside
    inside[order[: int(up.argmax()) + 1]] = True
    # A cell that the choosing rows never saw was not chosen.
    return inside & (known + glance > 0)


def _words(cells: Cells, labels: Sequence[str], inside: Mask) -> str:
    name = cells.measure
    if not inside.any():
        return f"nothing of {name}"
    if cells.scale == "unordered":
        named = sorted(
            label for label, chosen in zip(labels, inside, strict=True) if chosen and label not in (UNSEEN, OTHER)
        )
        rest = [word for word, chosen in zip((UNSEEN, OTHER), inside, strict=False) if chosen]
        shown = [*named[:6], *([f"{len(named) - 6} more"] if len(named) > 6 else []), *rest]
        return f"{name} in {', '.join(shown)}"
    at = np.flatnonzero(inside)
    words = [str(cells.keys[i]) for i in at if cells.special[i]]
    values = [cells.keys[i] for i in at if not cells.special[i]]
    if values and not inside[0]:
        words.insert(0, f">= {values[0]:.6g}")
    elif values:
        # A cell reaches up to the next one.
        beyond = at[-1] + 1
        ends = beyond == len(cells.keys) or cells.special[beyond]
        words.insert(0, f"<= {values[-1]:.6g}" if ends else f"< {cells.keys[beyond]:.6g}")
    return f"{name} {' or '.join(words)}"
