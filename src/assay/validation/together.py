"""Rules over several columns: proposed by one half of the rows, tested on the other."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from assay.data.connection import quote
from assay.data.sources import table as open_table
from assay.stats.multiplicity import e_bh
from assay.validation.prediction import log_evidence_below
from assay.validation.profiling import NESTED
from assay.validation.relations import Relation
from assay.validation.suggestion import LIMIT, Suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import ibis
    from numpy.typing import NDArray

    from assay.validation.profiling import Profile

    Broken = NDArray[np.bool_]

# Rows that more columns are compared on; a rule that a hundred thousand rows keep needs no more.
ROWS = 100_000
LEAST = 200
# Pairs of columns grow with the square of their number, sums with the cube.
MOST_NUMBERS, MOST_SUMMED, MOST_TEXTS = 40, 12, 30
# A rule that more rows break is spurious.
SPURIOUS = 0.005
# Were two columns dealt to rows apart from each other, at least this share would break an order worth a rule.
APART = 0.01


class _Candidate(NamedTuple):
    """A rule that the first half keeps, and which rows of the second half break it."""

    name: str
    words: str
    relation: Relation
    broken: Broken


def relations_of(
    table: ibis.Table, facts: Profile, references: Mapping[str, Any], fdr: float, seed: int
) -> tuple[list[Suggestion], list[str]]:
    """Suggest order, sums, functional dependencies and foreign keys.

    Guarantee (exact, rows independent): of the suggested rules, the expected share that more than 0.5% of rows break
    is at most `fdr`. The first half of the rows chooses the candidates; given it, the broken rows of the second half
    are Bin(n, rate) for each, :func:`assay.validation.prediction.log_evidence_below` an e-value, and e-BH holds under
    any dependence (Wang and Ramdas 2022).
    """
    wanted = [name for name, column in facts.outer.items() if column.kind not in (*NESTED, "time")]
    if facts.rows < LEAST or not wanted:
        return [], []
    rows = table.select(*wanted)
    if facts.rows > ROWS:
        import ibis

        step = math.ceil(facts.rows / ROWS)
        rows = rows.mutate(row_=ibis.row_number()).filter(lambda t: t.row_ % step == 0).drop("row_")
    frame = rows.to_pandas()
    order = np.random.default_rng([seed, len(frame)]).permutation(len(frame))
    numbers = [name for name in wanted if facts.columns[name].kind in ("integer", "number")]
    times = [name for name in wanted if facts.columns[name].kind in ("date", "timestamp")]
    groups = [
        name
        for name in wanted
        if facts.columns[name].kind in ("string", "integer", "boolean")
        and 1 < (facts.columns[name].distinct or 0) <= len(frame) / 5
    ]
    values = {name: frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in numbers[:MOST_NUMBERS]}
    values |= {name: _instants(frame[name]) for name in times}
    half = len(frame) // 2
    first, second = order[:half], order[half:]
    candidates = [
        *_ordered(values, [numbers[:MOST_NUMBERS], times], first, second),
        *_sums(values, numbers[:MOST_SUMMED], first, second),
        *_determined({name: frame[name].to_numpy(dtype=object) for name in groups[:MOST_TEXTS]}, first, second),
        *_keys(frame, wanted, references, first, second),
    ]
    left_out = [
        f"{what}: only the first {most} of {len(names)} columns were compared"
        for what, most, names in (
            ("order", MOST_NUMBERS, numbers), ("sums", MOST_SUMMED, numbers), ("dependencies", MOST_TEXTS, groups)
        )
        if len(names) > most
    ]  # fmt: skip
    if not candidates:
        return [], left_out
    counts = [int(one.broken.sum()) for one in candidates]
    evidence = np.exp(
        np.minimum(
            [log_evidence_below(k, one.broken.size, SPURIOUS) for k, one in zip(counts, candidates, strict=True)], 700
        )
    )
    kept = e_bh(evidence, fdr)
    return [_suggestion(one, k) for one, k, keep in zip(candidates, counts, kept, strict=True) if keep], left_out


def _suggestion(one: _Candidate, k: int) -> Suggestion:
    return Suggestion(
        name=one.name,
        kind="at_most",
        rule=f"{one.words} in all but {LIMIT} of rows",
        n=one.broken.size,
        k=k,
        bound=None,
        error=0.0,
        predicted=None,
        basis="proposed by the other half, confirmed under e-BH",
        relation=msgspec.structs.replace(one.relation, name=one.name),
    )


def _instants(column: Any) -> NDArray[np.float64]:
    import pandas as pd

    instants = pd.to_datetime(column, errors="coerce")
    seconds: NDArray[np.float64] = (instants - pd.Timestamp(0, tz=instants.dt.tz)).dt.total_seconds().to_numpy()
    return seconds


def _ordered(
    values: Mapping[str, NDArray[np.float64]], kinds: list[list[str]], first: Any, second: Any
) -> Iterator[_Candidate]:
    for names in kinds:
        for low, high in itertools.permutations(names, 2):
            a, b = values[low], values[high]
            both = ~np.isnan(a) & ~np.isnan(b)
            here = first[both[first]]
            if here.size < LEAST / 4 or (a[here] > b[here]).any():
                continue
            # Columns whose ranges hardly meet, and equal ones, are in order for no reason.
            if (a[here] > np.roll(b[here], here.size // 2)).mean() < APART or (a[here] == b[here]).all():
                continue
            there = second[both[second]]
            sql = f"{quote(low)} <= {quote(high)}"
            yield _Candidate(f"order:{low}<={high}", f"{low} <= {high}", Relation(sql=sql), a[there] > b[there])


def _sums(values: Mapping[str, NDArray[np.float64]], names: list[str], first: Any, second: Any) -> Iterator[_Candidate]:
    for one, two in itertools.combinations(names, 2):
        together = values[one] + values[two]
        for total in names:
            if total in (one, two):
                continue
            gap = np.abs(together - values[total])
            known = ~np.isnan(gap)
            within = 1e-6 * float(np.nanmax(np.abs(values[total]), initial=0.0))
            here, there = first[known[first]], second[known[second]]
            if here.size < LEAST / 4 or (gap[here[:20]] > within).any() or (gap[here] > within).any():
                continue
            # A part that is always zero makes no sum.
            if not (values[one][here].any() and values[two][here].any()):
                continue
            relation = Relation(sum=(one, two), equals=total, within=within)
            yield _Candidate(f"sum:{one}+{two}={total}", f"{one} + {two} = {total}", relation, gap[there] > within)


def _determined(columns: Mapping[str, NDArray[Any]], first: Any, second: Any) -> Iterator[_Candidate]:
    import pandas as pd

    codes = {name: pd.factorize(values)[0] for name, values in columns.items()}
    for one, two in itertools.permutations(codes, 2):
        a, b = codes[one], codes[two]
        known = (a >= 0) & (b >= 0)
        here, there = first[known[first]], second[known[second]]
        if here.size < LEAST / 4 or np.unique(b[here]).size < 2:
            continue
        # Where hardly two rows agree on the one, they cannot disagree on the other.
        repeated = np.bincount(a[here])[a[here]] > 1
        said = np.full(int(a.max()) + 1, -1)
        said[a[here]] = b[here]
        if repeated.mean() < 0.5 or (said[a[here]] != b[here]).any():
            continue
        met = there[said[a[there]] >= 0]
        if met.size < LEAST / 4:
            continue
        relation = Relation(determines=((one,), (two,)))
        yield _Candidate(f"determines:{one}->{two}", f"{one} determines {two}", relation, said[a[met]] != b[met])


def _keys(
    frame: Any, wanted: list[str], references: Mapping[str, Any], first: Any, second: Any
) -> Iterator[_Candidate]:
    for place, source in references.items():
        other = open_table(source)
        for key in other.columns:
            kind = other.schema()[key]
            if not (kind.is_string() or kind.is_integer()):
                continue
            keys = other.select(key=other[key]).drop_null().to_pyarrow()["key"].to_pandas()
            if not keys.is_unique:
                continue
            known = set(keys)
            for name in wanted:
                values = frame[name]
                if values.dtype.kind != keys.dtype.kind and not (values.dtype == object and keys.dtype == object):
                    continue
                there = values.notna().to_numpy()
                found = values.isin(known).to_numpy()
                here, rest = first[there[first]], second[there[second]]
                if here.size < LEAST / 4 or not found[here].all():
                    continue
                relation = Relation(foreign_key=(name,), references=f"{place}:{key}")
                yield _Candidate(
                    f"foreign-key:{name}->{place}.{key}", f"{name} is found in {place}.{key}", relation, ~found[rest]
                )
