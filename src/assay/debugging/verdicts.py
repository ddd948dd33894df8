r"""What is certain of slices that were found, and of those that were not.

Two tests share the error probability ``alpha`` in halves, so that any slice is CONFIRMED falsely with probability at
most ``alpha``:

* on all rows, for errors of 0 and 1, each slice of the lattice at its own part of ``alpha`` (:mod:`.clearing`). The
  parts sum to ``alpha`` whatever slices are chosen, and however;
* on rows that the search did not see, given or a half of the rows (of the units) drawn by ``seed``, at Holm's level for
  the slices that the other half ranks best. For losses without a limit known beforehand this is the only one; it counts
  losses up to the largest of the searched rows.

Four fifths of each part go to the test of "no worse than the rest", a fifth to the lower end of the interval; upper ends
have ``alpha`` of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assay.core.guarantee import Assumption, Guarantee, independence
from assay.debugging.clearing import MOST_SLICES, Shares, Spread, bounds, detectable
from assay.debugging.contrast import Sample
from assay.debugging.lattice import Lattice
from assay.stats import clustered, clustering, crossing, multiplicity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from assay.debugging.features import Feature
    from assay.debugging.lattice import Coded
    from assay.debugging.search import Found

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Conditions = tuple[tuple[int, int, int], ...]

TEST_SHARE, END_SHARE = 0.8, 0.2
# Two slices say the same if so large a share of the rows of either is in both.
_SAME = 0.8
# Level of the search for clustering that nobody declared, and the inflation of the variance that matters.
_CLUSTERED, _MATERIAL = 0.01, 1.1


@dataclass(frozen=True)
class Judged:
    """What is certain of one slice.

    Attributes
    ----------
    p_value : float
        Adjusted for all slices of the lattice, or of the confirmation; the smaller of both times two.
    interval : tuple of float or None
        For the factor between the mean errors, or for the rise of the error; None unless confirmed.
    by : {"lattice", "hold-out", ""}
        Which test confirmed it.
    """

    p_value: float
    interval: tuple[float, float] | None
    by: str

    @property
    def confirmed(self) -> bool:
        """Whether it is certain that the slice is worse."""
        return self.interval is not None


@dataclass(frozen=True)
class Judgement:
    """What is certain of a search.

    Attributes
    ----------
    slices : list of Judged
        One for each slice that was found.
    others : list of (Found, Judged)
        Slices that the confirmation found, and the search of all rows did not rank.
    cleared : float or None
        No slice of the lattice has a larger factor; None if that was not bounded.
    detectable : float or None
        Factor at which the smallest slices would be found with probability 0.8.
    spread : Spread
        For shrunken estimates.
    refused : str
        Why nothing is certain; empty if something may be.
    looked : list of (str, float)
        By what clustering was looked for, and the design effect that would have been found with probability 0.8.
    """

    slices: list[Judged]
    others: list[tuple[Found, Judged]]
    cleared: float | None
    detectable: float | None
    spread: Spread
    refused: str
    looked: list[tuple[str, float]]


@dataclass(frozen=True)
class Searched:
    """Rows that were searched, and how.

    ``look`` searches some of the rows in the same way.
    """

    coded: Coded
    values: Floats
    weights: Floats | None
    units: NDArray[np.intp] | None
    compared: bool
    support: float
    max_level: int
    look: Callable[[Mask], list[Found]]


def members(coded: Coded, conditions: Conditions) -> Mask:
    """Tell which rows are in a slice."""
    inside = np.ones(coded.codes.shape[0], dtype=bool)
    for column, first, last in conditions:
        own = coded.codes[:, column]
        inside &= (own >= first) & (own <= last)
    return inside


def judge(
    found: Sequence[Found],
    rows: Searched,
    *,
    confirm: Searched | None,
    groups: Mapping[str, NDArray[np.intp]],
    alpha: float,
    seed: int,
) -> Judgement:
    """Judge slices that were found; ``groups`` are groupings of the rows that may be units that nobody declared."""
    size = float(rows.values.size if rows.weights is None else rows.weights.sum())
    shares = Shares.of(rows.coded, size, rows.max_level)
    counts = bool(np.all(np.isin(rows.values, (-1.0, 0.0, 1.0) if rows.compared else (0.0, 1.0))))
    largest = _largest_unit(rows)
    effect = design_effect(rows.values, rows.weights, rows.units)
    spread = Spread.of(rows.values, rows.weights, effect, rows.support)
    cleared, least = None, None
    refused, looked = undeclared(rows.values, groups, seed, rows.units)
    if counts and not rows.compared and not refused:
        smallest = float(shares(rows.max_level, rows.support))
        least = detectable(spread.mean, rows.support / effect, alpha / 2 * smallest)
        if shares.slices(rows.support) <= MOST_SLICES:
            cleared = bounds(
                rows.coded, rows.values, weights=rows.weights, independent=largest, max_level=rows.max_level,
                alpha=alpha, spread=spread,
            ).cleared  # fmt: skip
    if not spread.seen:
        Lattice(rows.coded, rows.values, rows.weights).walk(spread, 1)
    if refused:
        return Judgement([Judged(1.0, None, "") for _ in found], [], None, None, spread, refused, looked)

    part = alpha / 2 if counts else alpha
    by_lattice: list[Judged] = []
    if counts:
        sample = Sample(rows.values, rows.weights, rows.units, 1.0, rows.compared)
        for each in found:
            inside = members(rows.coded, each.conditions)
            own = float(shares(len(each.conditions), each.size))
            by_lattice.append(
                _judged(sample, inside, sample.p_value(inside) / own, part, part * own, alpha * own, "lattice")
            )
    held: dict[Conditions, tuple[Found, Judged]] = {}
    if confirm is not None:
        held = _held_out(found, confirm, float(np.abs(rows.values).max(initial=0.0)), part, alpha, counts)
    else:
        searched = _half(rows, seed)
        if 0 < searched.sum() < searched.size:
            candidates = _distinct(rows.look(searched), replace(rows.coded, codes=rows.coded.codes[searched]))
            limit = float(np.abs(rows.values[searched]).max(initial=0.0))
            held = _held_out(candidates, _part(rows, ~searched), limit, part, alpha, counts)
    slices = []
    for place, each in enumerate(found):
        ways = [by_lattice[place]] if by_lattice else []
        if each.conditions in held:
            ways.append(held.pop(each.conditions)[1])
        slices.append(_best(ways, 2 if counts else 1))
    others = [(each, _best([judged], 2 if counts else 1)) for each, judged in held.values() if judged.confirmed]
    return Judgement(slices, others, cleared, least, spread, "", looked)


def _best(ways: list[Judged], share: int) -> Judged:
    if not ways:
        return Judged(1.0, None, "")
    best = min(ways, key=lambda each: (not each.confirmed, each.p_value))
    return Judged(min(1.0, share * best.p_value), best.interval, best.by if best.confirmed else "")


def _judged(sample: Sample, inside: Mask, p_value: float, test: float, low: float, high: float, by: str) -> Judged:
    """Confirm at ``test``, with an interval whose ends err with parts of ``low`` and with ``high``."""
    p_value = min(1.0, p_value / TEST_SHARE)
    if p_value > test:
        return Judged(p_value, None, by)
    neutral = 0.0 if sample.compared else 1.0
    lower = max(neutral, sample.lower(inside, END_SHARE * low))
    return Judged(p_value, (lower, max(lower, sample.upper(inside, high))), by)


def _held_out(
    candidates: Sequence[Found], rows: Searched, limit: float, part: float, alpha: float, counts: bool
) -> dict[Conditions, tuple[Found, Judged]]:
    """Test slices that were chosen without these rows."""
    if not candidates or not limit:
        return {}
    sample = Sample(rows.values, rows.weights, rows.units, 1.0 if counts else limit, rows.compared)
    inside = [members(rows.coded, each.conditions) for each in candidates]
    adjusted = multiplicity.holm([sample.p_value(each) for each in inside])
    number = len(candidates)
    return {
        each.conditions: (each, _judged(sample, own, float(p), part, part / number, alpha / number, "hold-out"))
        for each, own, p in zip(candidates, inside, adjusted, strict=True)
    }


def _largest_unit(rows: Searched) -> float:
    each = np.ones_like(rows.values) if rows.weights is None else rows.weights
    return float((each if rows.units is None else np.bincount(rows.units, each)).max())


def design_effect(values: Floats, weights: Floats | None, units: NDArray[np.intp] | None) -> float:
    """Estimate how many times the variance of a mean is that of independent rows; at least 1."""
    if units is None:
        return 1.0
    each = np.ones_like(values) if weights is None else weights
    mean = float(each @ values / each.sum())
    variance = float(each @ (values - mean) ** 2 / each.sum())
    if variance <= 0:
        return 1.0
    effect = clustered.design_effect(np.bincount(units, each * values), np.bincount(units, each), variance=variance)
    return max(1.0, effect) if np.isfinite(effect) else 1.0


def _half(rows: Searched, seed: int) -> Mask:
    """Draw the rows to search, by whole units."""
    rng = np.random.default_rng(seed)
    units = np.arange(rows.values.size) if rows.units is None else rows.units
    count = int(units.max()) + 1
    chosen = np.zeros(count, dtype=bool)
    chosen[rng.permutation(count)[: count // 2]] = True
    return chosen[units]


def _part(rows: Searched, kept: Mask) -> Searched:
    return replace(
        rows,
        coded=replace(rows.coded, codes=rows.coded.codes[kept]),
        values=rows.values[kept],
        weights=None if rows.weights is None else rows.weights[kept],
        units=None if rows.units is None else np.unique(rows.units[kept], return_inverse=True)[1],
    )


def undeclared(
    values: Floats, groups: Mapping[str, NDArray[np.intp]], seed: int, units: NDArray[np.intp] | None = None
) -> tuple[str, list[tuple[str, float]]]:
    """Say by what the errors of rows, or of whole units, cluster if they do, and what the test would have found.

    Guarantee (exact): P(something is found) <= 1% if the errors are exchangeable over rows (units).
    """
    looked: list[tuple[str, float]] = []
    crossed: set[str] = set()
    if units is not None:
        crossed = {name for name, codes in groups.items() if crossing.crosses(codes, units)}
        groups = {name: codes for name, codes in groups.items() if name in crossed or clustering.coarser(codes, units)}
    what = "rows" if units is None else "units"
    level = _CLUSTERED / max(1, len(groups))
    permutations = max(199, int(2 / level))
    for name, codes in groups.items():
        if np.unique(codes).size == codes.size:
            continue
        if units is not None and name in crossed:
            tested = crossing.test(values, codes, units, permutations=permutations, seed=seed)
            if tested.p_value <= level and tested.design_effect > _MATERIAL:
                return (
                    f"errors cluster by {name} across units: their variance is {tested.design_effect:.3g} times that of "
                    f"independent units (p = {tested.p_value:.2g}); declare as the unit what both lie in as a whole"
                ), looked
            continue
        each = clustering.of_units(values, codes, units)
        tested = clustering.test(*each, permutations=permutations, seed=seed, level=level)
        if tested.p_value <= level and tested.design_effect > _MATERIAL:
            return (
                f"errors cluster by {name}: their variance is {tested.design_effect:.3g} times that of independent "
                f"{what} (p = {tested.p_value:.2g}); declare the unit, and slices are judged on units"
            ), looked
        if tested.p_value > level:
            looked.append((name, tested.detectable))
    return "", looked


def redundant(found: Sequence[Found], judged: Sequence[Judged], rows: Searched, alpha: float) -> list[int | None]:
    """Give for each slice the place of another that says it already, if one does.

    A slice is said by one that has :data:`_SAME` of the rows of both in common: the certain one, the one of fewer
    conditions and the better one first. A confirmed slice is said by a better one unless it adds to it: if it lies inside,
    by being worse than the rest of that one, else by being worse outside of it than all else is there. That is tested at
    the level ``alpha`` over the number of confirmed slices; it is a filter, without a guarantee.
    """
    inside = [members(rows.coded, each.conditions) for each in found]
    around: list[int | None] = [None] * len(found)
    order = sorted(range(len(found)), key=lambda at: (not judged[at].confirmed, len(found[at].conditions), at))
    for number, place in enumerate(order):
        alike = (each for each in order[:number] if around[each] is None and _alike(inside[place], inside[each]))
        around[place] = next(alike, None)
    limit = float(np.abs(rows.values).max(initial=1.0))
    sample = Sample(rows.values, rows.weights, rows.units, limit, rows.compared)
    confirmed = [place for place in range(len(found)) if judged[place].confirmed and around[place] is None]
    for number, place in enumerate(confirmed):
        for other in confirmed[:number]:
            if around[other] is not None:
                continue
            kept = inside[other] if _within(found[place], found[other]) else ~inside[other]
            if _part_of(sample, kept).p_value(inside[place][kept]) > alpha / len(confirmed):
                around[place] = other
                break
    for place, outer in enumerate(around):
        while outer is not None and around[outer] is not None:
            outer = around[outer]
        around[place] = outer
    return around


def _distinct(found: Sequence[Found], coded: Coded) -> list[Found]:
    """Leave out slices that have most rows in common with a shorter or better one."""
    kept: list[tuple[Found, Mask]] = []
    for each in sorted(found, key=lambda each: len(each.conditions)):
        inside = members(coded, each.conditions)
        if not any(_alike(inside, other) for _, other in kept):
            kept.append((each, inside))
    return [each for each, _ in kept]


def _alike(one: Mask, other: Mask) -> bool:
    both = int(np.count_nonzero(one & other))
    return alike(both, int(np.count_nonzero(one)), int(np.count_nonzero(other)))


def alike(both: float, one: float, other: float) -> bool:
    """Whether two slices have so many rows in common that they say the same."""
    return both >= _SAME * (one + other - both)


def _within(inner: Found, outer: Found) -> bool:
    """Whether a slice is a part of another by its conditions."""
    own = {column: (first, last) for column, first, last in inner.conditions}
    return inner.conditions != outer.conditions and all(
        column in own and first <= own[column][0] and own[column][1] <= last for column, first, last in outer.conditions
    )


def _part_of(sample: Sample, kept: Mask) -> Sample:
    units = None if sample.units is None else np.unique(sample.units[kept], return_inverse=True)[1]
    values, weights = sample.values[kept], None if sample.weights is None else sample.weights[kept]
    # Of two models, whether it got worse in a part than in all of the slice.
    if sample.compared:
        values = (values + sample.limit) / (2 * sample.limit)
    return Sample(values, weights, units, 1.0 if sample.compared else sample.limit, compared=False)


def guarantee(
    judgement: Judgement, rows: Searched, confirm: Searched | None, alpha: float, unit: str, features: Sequence[Feature]
) -> Guarantee:
    """Say what holds of the slices that are CONFIRMED, and under what."""
    if judgement.refused:
        return Guarantee.none(judgement.refused)
    if rows.units is not None:
        assumptions = [independence(judgement.looked, "", f"{unit}s are independent")]
    else:
        assumptions = [independence(judgement.looked)]
    if any(feature.edges.size for feature in features):
        assumptions.append(
            Assumption(
                "bins count as fixed", "unverifiable", "their edges come from the same rows, but not from the errors"
            )
        )
    if confirm is not None:
        assumptions.append(Assumption("the rows to confirm with had no part in the search", "declared"))
    worse = "in which the error did not rise" if rows.compared else "that is no worse than the rest"
    return Guarantee.exact(
        alpha,
        f"any CONFIRMED slice {worse}",
        assumptions,
        "weighted Bonferroni over the lattice and Holm on rows apart; Lehmann and Romano, Testing Statistical "
        "Hypotheses, 2005, sections 4.5 and 9.1; Waudby-Smith and Ramdas, JRSS B 2024",
    )
