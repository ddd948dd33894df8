"""The portrait of one profile, or of two on the same bars."""

from __future__ import annotations

import datetime as dt
import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from assay.core.portrait import Bars, ColumnPortrait, Fact, Portrait
from assay.core.portrait_html import percent
from assay.validation import sketch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from assay.validation.profile_state import ColumnState
    from assay.validation.profiling import ColumnProfile, Profile

BARS = 24
FEW = 8
"""Values that have a bar each."""
RARE = 0.005
"""The most frequent value of a column of more than FEW is as frequent as this where bars say anything."""
LOOSE = 0.1
"""Correlations nearer to zero are not told."""
INNER = ("0.01", "0.99")
STRETCH = 4
"""Bars show the inner 98% of the values where all of them reach this many times as far."""
Side = tuple["ColumnProfile | None", "ColumnState | None"]


def portrait(*profiles: Profile) -> Portrait:
    """Look at one profile, or at two side by side.

    Bars of two tables have the same limits, and their shares are of the rows that have a value. Nothing in it has an
    error bound: whether a column has moved by more than chance is what :func:`assay.validation.compare` says.

    Parameters
    ----------
    profiles : one or two Profile
        One that came from JSON is drawn by its ten bins; of two, both must have their state.

    Returns
    -------
    Portrait

    Raises
    ------
    DataError
        If one of two came from JSON.
    """
    if len(profiles) > 1:
        known: list[Mapping[str, Mapping[str, ColumnState]]] = [
            {key: table.columns for key, table in each.state.items()} for each in profiles
        ]
    else:
        found = profiles[0].__dict__.get("state_by_slice") or {}
        known = [{key: table.columns for key, table in found.items()}]
    shared = [key for key in profiles[0].slices if all(key in each.slices for each in profiles)]
    whole = _portrait(profiles, [states.get("", {}) for states in known])
    parts = {
        key: _portrait([each.slices[key] for each in profiles], [states.get(key, {}) for states in known])
        for key in shared
    }
    return Portrait(names=whole.names, rows=whole.rows, columns=whole.columns, parts=parts)


def _portrait(profiles: Sequence[Profile], states: Sequence[Mapping[str, ColumnState]]) -> Portrait:
    columns = []
    for name in dict.fromkeys(name for each in profiles for name in each.columns):
        sides: list[Side] = [(p.columns.get(name), s.get(name)) for p, s in zip(profiles, states, strict=True)]
        mine = [column for column, _ in sides]
        drawn = _bars(sides)
        columns.append(
            ColumnPortrait(
                name=name,
                types=tuple(column.type if column else "" for column in mine),
                missing=max((c.nulls / c.rows for c in mine if c and c.rows), default=0.0),
                facts=_facts(name, profiles),
                bars=drawn[0] if drawn else None,
                moved=_moved(mine, drawn[1]) if drawn and len(sides) > 1 and all(mine) else None,
            )
        )
    return Portrait(
        names=tuple(each.name for each in profiles), rows=tuple(each.rows for each in profiles), columns=tuple(columns)
    )


def _facts(name: str, profiles: Sequence[Profile]) -> tuple[Fact, ...]:
    rows = [dict(_numbers(column, name, each)) if (column := each.columns.get(name)) else {} for each in profiles]
    # In the order of the first table that has a fact, those of the second one alone after their neighbor.
    names = list(rows[0])
    for row in rows[1:]:
        last = -1
        for fact in row:
            if fact in names:
                last = names.index(fact)
            else:
                last += 1
                names.insert(last, fact)
    return tuple(Fact(fact, tuple(row.get(fact, "") for row in rows)) for fact in names)


def _numbers(column: ColumnProfile, name: str, whole: Profile) -> list[tuple[str, str]]:
    shares = [("missing", column.nulls), ("NaN", column.nan), ("infinite", column.infinite), ("zero", column.zeros)]
    found = [
        (word, percent(n / column.rows))
        for word, n in shares
        if column.rows and n is not None and (n or word == "missing")
    ]
    if column.distinct is not None:
        found.append(("distinct", f"{'' if column.distinct_exact else '~'}{column.distinct:,}"))
    quantiles = column.quantiles
    numbers: list[tuple[str, float | int | str | None]] = [
        ("least", column.min),
        ("5%", quantiles.get("0.05")),
        ("median", quantiles.get("0.5")),
        ("95%", quantiles.get("0.95")),
        ("greatest", column.max),
        ("mean", column.mean),
        ("sd", column.sd),
        ("skewness", column.skewness),
        ("kurtosis", column.kurtosis),
    ]
    found += [(word, shown(value)) for word, value in numbers if value is not None]
    if column.entropy is not None:
        found.append(("entropy", f"{column.entropy:.3g} nats"))
    if column.length_mean is not None:
        found.append(("length", f"{column.length_min} to {column.length_max}"))
    found += [("looks like", f"{word} {percent(share)}") for word, share in list(column.looks_like.items())[:1]]
    found += [(f"weighted {key}", shown(value)) for key, value in column.weighted.items() if key in ("mean", "median")]
    if name in whole.information:
        found.append(("tells of label", f"{whole.information[name]:.2f}"))
    near = whole.correlation.get(name, {})
    other = max(near, key=lambda each: abs(near[each]), default="")
    if other and abs(near[other]) >= LOOSE:
        found.append(("correlates", f"{near[other]:+.2f} {other}"))
    return found


def shown(value: float | int | str) -> str:
    """Write an end, a mean or a quantile: whole numbers in full, others with four digits."""
    if isinstance(value, str):
        return value[:19]
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if (value == int(value) or abs(value) >= 1e4) and abs(value) < 1e15 else f"{value:.4g}"


Drawn = tuple[Bars, list[list[float]]]
"""The bars, and for each table the share of its rows with a value in each cell: the bars and what lies outside."""


def _bars(sides: Sequence[Side]) -> Drawn | None:
    kinds = {column.kind for column, _ in sides if column}
    if kinds <= {"integer", "number"}:
        return _values(sides) or _histogram(sides)
    if kinds == {"date"}:
        return _values(sides) or _dates(sides)
    return _values(sides) if kinds <= {"string", "boolean"} else None


def _values(sides: Sequence[Side]) -> Drawn | None:
    """A bar for each value of a column of few, or for the most frequent ones of a column of texts."""
    shares: list[dict[str, float]] = []
    for column, state in sides:
        counts = state.values if state else {each.value: each.count for each in column.top} if column else {}
        shares.append(
            {value: count / column.present for value, count in counts.items()} if column and column.present else {}
        )
    values = {value for side in shares for value in side}
    kinds = {column.kind for column, _ in sides if column}
    exact = not any((state.cut if state else column.top_error) for column, state in sides if column)
    few = exact and len(values) <= FEW
    if not values or (kinds != {"string"} and not few):
        return None
    most = {value: max(side.get(value, 0.0) for side in shares) for value in values}
    if few and kinds <= {"integer"}:
        names = sorted(values, key=int)
    else:
        names = sorted(values, key=lambda value: (-most[value], value))[:FEW]
        if kinds == {"date"}:
            names.sort()
    if not few and most[names[0]] < RARE:
        return None
    cells = [[side.get(value, 0.0) for value in names] if side else [] for side in shares]
    rest = [max(0.0, 1 - sum(side)) for side in cells if side]
    note = "" if max(rest) < 1e-9 else f"other values: {' · '.join(percent(share) for share in rest)}"
    bars = Bars(names=tuple(names), shares=tuple(tuple(side) for side in cells), note=note)
    return bars, [[*side, max(0.0, 1 - sum(side))] for side in cells if side]


def _histogram(sides: Sequence[Side]) -> Drawn | None:
    known = [column for column, _ in sides if column and isinstance(column.min, (int, float))]
    if not known:
        return None
    if any(column and state is None for column, state in sides):
        bins = known[0].histogram
        total = sum(each.count for each in bins)
        if not total:
            return None
        names = [f"{shown(each.low)} to {shown(each.high)}" for each in bins]
        cells = [[each.count / total for each in bins]]
        return Bars(
            names=tuple(names), shares=(tuple(cells[0]),), ends=(shown(bins[0].low), shown(bins[-1].high))
        ), cells
    low = min(float(column.min) for column in known if column.min is not None)
    high = max(float(column.max) for column in known if column.max is not None)
    inner = [min(c.quantiles[INNER[0]] for c in known), max(c.quantiles[INNER[1]] for c in known)]
    if high - low > STRETCH * (inner[1] - inner[0]) > 0:
        low, high = inner
    if not math.isfinite(high - low):
        return None
    whole = all(_whole(column) for column in known)
    exact = all(column.kind == "integer" for column in known)
    limits = _limits(low, high, whole=whole)
    counts = [_counts(state, limits, exact=exact) if state and state.buckets else [] for _, state in sides]

    def name(a: float, b: float) -> str:
        a, b = (a + 0.5, b - 0.5) if whole else (a, b)
        return shown(a) if whole and a == b else f"{shown(a)} to {shown(b)}"

    return _drawn(counts, limits, name, (shown(low), shown(high)))


def _whole(column: ColumnProfile) -> bool:
    """Whether every number known of a column is a whole one, as of integers that were read as floats for their nulls."""
    known = [value for value in (column.min, column.max, *column.quantiles.values()) if not isinstance(value, str)]
    return column.kind == "integer" or all(value is not None and float(value).is_integer() for value in known)


def _limits(low: float, high: float, *, whole: bool) -> list[float]:
    """Limits of bars of equal width; of whole numbers halfway between two, as many to each bar."""
    if whole:
        width = max(1, math.ceil((high - low + 1) / BARS))
        return [low - 0.5 + width * i for i in range(math.ceil((high - low + 1) / width) + 1)]
    if low == high:
        return [low, math.nextafter(high, math.inf)]
    return [low + (high - low) * i / BARS for i in range(BARS)] + [high]


def _counts(state: ColumnState, limits: Sequence[float], *, exact: bool) -> list[float]:
    """Counts below the first limit, between limits, and above the last one.

    Of a whole and a broken column both come from buckets, lest one of two equal columns be smoother.
    """
    if exact and state.values and not state.cut:
        values = np.array([float(value) for value in state.values])
        rows = np.array(list(state.values.values()), dtype=float)
        place = np.searchsorted(np.asarray(limits), values, "right")
        found = np.bincount(np.minimum(place, len(limits)), rows, len(limits) + 1)
        return [float(each) for each in found]
    lows, highs, _ = sketch.arranged(state.buckets)
    least, greatest = float(lows[0]), float(highs[-1])
    counts = sketch.counts_between(state.buckets, [min(least, limits[0]), *limits, max(greatest, limits[-1])])
    # The outermost buckets reach beyond the least and the greatest value, which are inside.
    if state.low is not None and float(state.low) >= limits[0]:
        counts[:2] = [0.0, counts[0] + counts[1]]
    if state.high is not None and float(state.high) <= limits[-1]:
        counts[-2:] = [counts[-2] + counts[-1], 0.0]
    return counts


def _dates(sides: Sequence[Side]) -> Drawn | None:
    if any(column and (state is None or state.cut or not state.values) for column, state in sides):
        return None
    days = [
        {dt.date.fromisoformat(value[:10]).toordinal(): count for value, count in state.values.items()} if state else {}
        for _, state in sides
    ]
    low, high = (pick(day for side in days for day in side) for pick in (min, max))
    limits = _limits(low, high, whole=True)
    counts = [
        [0.0, *map(float, np.histogram(list(side), limits, weights=list(side.values()))[0]), 0.0] if side else []
        for side in days
    ]

    def day(value: float) -> str:
        return dt.date.fromordinal(min(int(value), dt.date.max.toordinal())).isoformat()

    def name(a: float, b: float) -> str:
        first, last = day(a + 0.5), day(b - 0.5)
        return first if first == last else f"{first} to {last}"

    return _drawn(counts, limits, name, (day(low), day(high)))


def _drawn(
    counts: Sequence[list[float]],
    limits: Sequence[float],
    name: Callable[[float, float], str],
    ends: tuple[str, str],
) -> Drawn | None:
    cells = [[count / sum(side) for count in side] if sum(side) else [] for side in counts]
    some = [side for side in cells if side]
    if not some:
        return None
    outside = [
        f"{word} {' · '.join(percent(side[place]) for side in some)}"
        for place, word in ((0, "below:"), (-1, "above:"))
        if max(side[place] for side in some) > 1e-6
    ]
    bars = Bars(
        names=tuple(name(a, b) for a, b in pairwise(limits)),
        shares=tuple(tuple(side[1:-1]) for side in cells),
        ends=ends,
        note=", ".join(outside),
    )
    return bars, some


def _moved(columns: Sequence[ColumnProfile | None], cells: Sequence[Sequence[float]]) -> float | None:
    """Total variation distance between the cells of two tables, with missing as a cell."""
    if len(cells) < 2:
        return None
    absent = [column.nulls / column.rows if column and column.rows else 0.0 for column in columns]
    one, two = ([*((1 - gone) * share for share in side), gone] for gone, side in zip(absent, cells, strict=True))
    return sum(abs(a - b) for a, b in zip(one, two, strict=True)) / 2
