"""From the mergeable state of a table to its numbers."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import DataError
from assay.validation import sketch
from assay.validation.profile_state import UNKNOWN
from assay.validation.profiling import NESTED, QUANTILES, TOP, Bin, ColumnProfile, Kind, Profile, Table, ValueCount

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from assay.validation.profile_state import ColumnState, Comoments

BINS = 10
_DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
PATTERNS: Mapping[str, re.Pattern[str]] = {
    "integer": re.compile(r"\s*[+-]?\d+\s*"),
    "number": re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*"),
    "boolean": re.compile(r"(?i:true|false|yes|no|t|f|y|n)"),
    "date": re.compile(_DATE),
    "timestamp": re.compile(_DATE + r"[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"),
    "e-mail": re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"),
    "URL": re.compile(r"(?i:https?|ftp)://[^\s/$.?#][^\s]*"),
    "UUID": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "IP address": re.compile(r"((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}"),
}


def profile_of(states: Mapping[str, Table]) -> Profile:
    """Compute every number from the states of a table and its slices."""
    whole = _one(states[""])
    whole = Profile(
        name=whole.name,
        rows=whole.rows,
        columns=whole.columns,
        correlation=whole.correlation,
        lift=whole.lift,
        information=whole.information,
        slices={key: _one(table) for key, table in sorted(states.items()) if key},
    )
    whole.__dict__["state_by_slice"] = dict(states)
    return whole


def merged(one: Profile, two: Profile) -> dict[str, Table]:
    """Pool the states of two profiles, slice by slice."""
    mine, theirs = one.state, two.state
    a, b = mine[""], theirs[""]
    for what, here, there in (("by", a.by, b.by), ("weight", a.weight, b.weight), ("label", a.label, b.label)):
        if here != there:
            raise DataError(
                f"profiles merge when made alike: {what} is {here or 'none'} in one, {there or 'none'} in the other"
            )
    if odd := sorted(a.columns.keys() ^ b.columns.keys()):
        raise DataError(f"profiles of different columns do not merge: {', '.join(odd[:8])} is in one alone")
    for name, state in a.columns.items():
        # Engines call one type by different names; an all-null column of Arrow has none.
        types = [state.type, b.columns[name].type]
        if "null" not in types and len({_kind(each) for each in types}) == 2:
            raise DataError(f"{name} is {types[0]} in one profile and {types[1]} in the other: cast one")
    found = {key: table for side in (mine, theirs) for key, table in side.items()}
    for key in mine.keys() & theirs.keys():
        left, right = mine[key], theirs[key]
        found[key] = Table(
            name=a.name if a.name == b.name else f"{a.name} and {b.name}",
            columns={name: state.merge(right.columns[name]) for name, state in left.columns.items()},
            pairs={pair: left.pairs[pair].merge(right.pairs[pair]) for pair in left.pairs if pair in right.pairs},
            by=a.by,
            weight=a.weight,
            label=a.label,
        )
    return found


def _one(table: Table) -> Profile:
    columns = {name: _column(state) for name, state in table.columns.items()}
    rows = max((state.counts["rows"] for name, state in table.columns.items() if "[]" not in name), default=0)
    correlation: dict[str, dict[str, float]] = {}
    for (x, y), pair in table.pairs.items():
        value = _pearson(pair)
        if value is not None:
            correlation.setdefault(x, {})[y] = value
            correlation.setdefault(y, {})[x] = value
    joint = {name: _cells(columns[name], state.joint) for name, state in table.columns.items() if state.joint}
    return Profile(
        name=table.name,
        rows=rows,
        columns=columns,
        correlation=correlation,
        lift={name: _lift(counts) for name, counts in joint.items()},
        information={name: _adjusted(counts) for name, counts in joint.items()},
    )


def _column(state: ColumnState) -> ColumnProfile:
    kind = _kind(state.type)
    counts, n = state.counts, state.moments.n
    distinct, error = sketch.distinct(sorted(state.sketch()))
    known = bool(state.values) and not state.cut
    if known:
        distinct, error = len(state.values), 0.0
    endless = counts["up"] + counts["down"]
    finite = sum(state.buckets.values())
    # Sketches hold finite values; the two infinities are values, too.
    distinct = min(distinct + (counts["up"] > 0) + (counts["down"] > 0), counts["present"])
    hashed = kind not in NESTED and state.family != "mixed"
    m2 = state.moments.m2
    spread = m2 > 0 and n > 0
    quantiles = {f"{q:g}": v for q, v in state.quantiles.items()}
    if not quantiles and finite:
        quantiles = {f"{q:g}": _within(state, sketch.quantile(state.buckets, q)) for q in QUANTILES}
    shares = [count / counts["present"] for count in state.values.values()] if known else []
    return ColumnProfile(
        kind=kind,
        type=state.type,
        rows=counts["rows"],
        nulls=counts["rows"] - counts["present"],
        nan=counts["nan"],
        infinite=endless,
        zeros=counts["zeros"] if kind in ("integer", "number") else None,
        distinct=round(distinct) if hashed else None,
        distinct_exact=hashed and error == 0.0,
        distinct_error=error,
        min=state.low,
        max=state.high,
        mean=state.moments.mean if n else None,
        sd=math.sqrt(m2 / (n - 1)) if n > 1 else None,
        variance=m2 / n if n else None,
        sum=state.moments.mean * n if n else None,
        skewness=state.moments.m3 / n / (m2 / n) ** 1.5 if spread and (m2 / n) ** 1.5 > 0 else None,
        kurtosis=state.moments.m4 / n / (m2 / n) ** 2 - 3 if spread and (m2 / n) ** 2 > 0 else None,
        quantiles=quantiles,
        quantile_error=0.0 if state.quantiles or not finite else sketch.ALPHA,
        top=tuple(ValueCount(v, c) for v, c in sorted(state.values.items(), key=lambda p: (-p[1], p[0]))[:TOP]),
        top_error=state.cut,
        entropy=abs(-sum(p * math.log(p) for p in shares)) if known else None,
        length_min=state.length_low,
        length_mean=state.lengths.mean if state.lengths.n else None,
        length_max=state.length_high,
        histogram=_equal_width(state),
        quantile_histogram=_equal_count(state),
        looks_like=_looks(state.sketch().values() if state.cut else state.values) if kind == "string" else {},
        weighted=_weighted(state),
    )


def _within(state: ColumnState, value: float | None) -> float:
    """A bucket's center may lie beyond the least or greatest value; neither is farther from any value."""
    assert value is not None
    return min(max(value, float(state.low or 0)), float(state.high or 0))


def _weighted(state: ColumnState) -> dict[str, float]:
    if "weight" not in state.counts:
        return {}
    found = {"rows": float(state.counts["weight"]), "present": float(state.counts["weight_present"])}
    if state.weighted.n:
        found |= {"mean": state.weighted.mean, "sd": math.sqrt(state.weighted.m2 / state.weighted.n)}
    median = sketch.quantile(state.bucket_weights, 0.5)
    return found if median is None else found | {"median": _within(state, median)}


def _equal_width(state: ColumnState) -> tuple[Bin, ...]:
    if not state.buckets or isinstance(state.low, str) or state.low is None or state.high is None:
        return ()
    low, high = float(state.low), float(state.high)
    if not math.isfinite(high - low):
        return ()
    if low == high:
        return (Bin(low, high, float(sum(state.buckets.values()))),)
    limits = [low + (high - low) * i / BINS for i in range(BINS)] + [high]
    # The outermost buckets reach beyond the least and greatest value.
    first, *inner, last = limits
    least, greatest, _ = sketch.arranged(state.buckets)
    wide = [min(first, float(least[0])), *inner, max(last, float(greatest[-1]))]
    counts = sketch.counts_between(state.buckets, wide)
    return tuple(Bin(a, b, count) for a, b, count in zip(limits, limits[1:], counts, strict=False))


def _equal_count(state: ColumnState) -> tuple[Bin, ...]:
    """Limits at the buckets where each tenth is full, so that counts are exact and ties stay together."""
    if not state.buckets:
        return ()
    low, high, counts = sketch.arranged(state.buckets)
    ends = np.cumsum(counts)
    total, last = int(ends[-1]), -1
    found: list[Bin] = []
    while last < len(ends) - 1:
        full = -(-total * (len(found) + 1) // BINS)
        place = min(max(last + 1, int(np.searchsorted(ends, full))), len(ends) - 1)
        before, start = (0, low[0]) if last < 0 else (ends[last], high[last])
        found.append(Bin(float(start), float(high[place]), float(ends[place] - before)))
        last = place
    return tuple(found)


def _looks(texts: Iterable[str]) -> dict[str, float]:
    every = list(texts)
    found = {name: sum(map(bool, map(pattern.fullmatch, every))) for name, pattern in PATTERNS.items()}
    return {name: count / len(every) for name, count in found.items() if count}


def _pearson(pair: Comoments) -> float | None:
    scale = math.sqrt(pair.xx) * math.sqrt(pair.yy)
    return min(1.0, max(-1.0, pair.xy / scale)) if pair.n > 1 and scale > 0 else None


def _cells(column: ColumnProfile, joint: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Name the cells for a reader, and put the buckets of a number into its ten quantile bins."""
    found: Counter[tuple[str, str]] = Counter()
    numeric = column.kind == "number" or (any(x.startswith("[") for x, _ in joint) and column.kind == "integer")
    for (x, y), count in joint.items():
        where = x
        if numeric:
            sign, key = json.loads(x)
            _, high = sketch.edges((sign, key))
            bins = column.quantile_histogram
            place = next((b for b in bins if high <= b.high * (1 + math.copysign(1e-9, b.high))), bins[-1])
            where = f"{place.low:.4g} to {place.high:.4g}"
        found[where, y] += count
    return dict(found)


def _lift(joint: Mapping[tuple[str, str], int]) -> dict[str, dict[str, float]]:
    total = sum(joint.values())
    xs, ys = _margins(joint)
    found: dict[str, dict[str, float]] = {}
    for (x, y), count in sorted(joint.items()):
        found.setdefault(x, {})[y] = count * total / (xs[x] * ys[y])
    return found


def _margins(joint: Mapping[tuple[str, str], int]) -> tuple[Counter[str], Counter[str]]:
    xs: Counter[str] = Counter()
    ys: Counter[str] = Counter()
    for (x, y), count in joint.items():
        xs[x] += count
        ys[y] += count
    return xs, ys


def _adjusted(joint: Mapping[tuple[str, str], int]) -> float:
    r"""Adjust mutual information for what chance gives: (MI - E) / (mean(H(x), H(y)) - E).

    E is the expectation over all tables with these margins (hypergeometric cells), in closed form.

    References
    ----------
    N. X. Vinh, J. Epps, J. Bailey, "Information theoretic measures for clusterings comparison", JMLR 11, 2010.
    """
    from scipy.special import gammaln

    xs, ys = (np.array(sorted(side.values())) for side in _margins(joint))
    if len(xs) == 1 or len(ys) == 1:
        return 1.0 if len(xs) == len(ys) == 1 else 0.0
    n = int(xs.sum())
    rows, columns = _margins(joint)
    mutual = sum(c / n * math.log(c * n / (rows[x] * columns[y])) for (x, y), c in joint.items())
    entropies = [float(-(side / n * np.log(side / n)).sum()) for side in (xs, ys)]
    expected = 0.0
    for a, times_a in Counter(xs.tolist()).items():
        for b, times_b in Counter(ys.tolist()).items():
            # Beyond twelve standard deviations a cell adds less than the last digit.
            mean = a * b / n
            reach = 12 * math.sqrt(mean + 1) + 12
            k = np.arange(max(1, a + b - n, math.floor(mean - reach)), min(a, b, math.ceil(mean + reach)) + 1)
            log_p = (
                gammaln(a + 1)
                + gammaln(b + 1)
                + gammaln(n - a + 1)
                + gammaln(n - b + 1)
                - gammaln(n + 1)
                - gammaln(k + 1)
                - gammaln(a - k + 1)
                - gammaln(b - k + 1)
                - gammaln(n - a - b + k + 1)
            )
            expected += times_a * times_b * float((k / n * np.log(n * k / (a * b)) * np.exp(log_p)).sum())
    scale = sum(entropies) / 2 - expected
    return (mutual - expected) / scale if abs(scale) > 1e-12 else 1.0


def _kind(type_: str) -> Kind:
    import ibis

    from assay.validation.profiling import kind_of

    return "other" if type_ == UNKNOWN else kind_of(ibis.dtype(type_))
