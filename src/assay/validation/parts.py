"""The parts of a table that rate rules are asked of: all rows, slices, and the rows that a relation speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.core import Claim, Evidence, Guarantee, Verdict
from assay.data.connection import literal, quote
from assay.data.facts import columns_present
from assay.data.slice import columns_of, flags
from assay.errors import DataError
from assay.validation.codes import CODES, measure, percent
from assay.validation.rates import Part

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import ibis

    from assay.validation.relations import Slice
    from assay.validation.rules import Rule
    from assay.validation.schema import Schema

# More parts than this are no question that a person asked.
MOST = 200


def parts_of(
    table: ibis.Table, schema: Schema, rules: Sequence[Rule], check: str, absent: Collection[str] = ()
) -> tuple[list[Part], list[Verdict]]:
    """Sort rate rules into parts; slices of too few rows, or by columns that are absent, are told as skipped.

    Raises
    ------
    DataError
        If a predicate cannot be read, or a slice by columns gives more than 200 parts.
    """
    if not rules:
        return [], []
    slices = [("", "", 1)]
    skipped: list[Verdict] = []
    for part in schema.slices:
        lost = sorted(set(absent) & {*part.by, *(columns_of(part.where) if part.where else ())})
        if lost:
            name = part.name or part.where or ", ".join(part.by)
            why = f"the slice {name} speaks of {', '.join(lost)}, which the table does not have: see VAL101"
            skipped += [_skipped(rule, name, why, Evidence(), check) for rule in rules]
            continue
        slices += [(name, where, part.min_rows) for name, where in _named(table, part)]
    pieces: dict[tuple[str, str], list[Rule]] = {}
    least: dict[tuple[str, str], int] = {}
    for name, where, min_rows in slices:
        for rule in rules:
            key = (name, " AND ".join(f"({each})" for each in (where, rule.where) if each))
            pieces.setdefault(key, []).append(rule)
            least[key] = min_rows
    sizes = _sizes(table, [where for _, where in pieces])
    parts = []
    for (name, where), some in pieces.items():
        if where and sizes[where] < least[name, where]:
            rows, shown = sizes[where], name or where
            why = f"{shown} has {rows:,} rows, and {least[name, where]:,} are needed to ask about it"
            skipped += [_skipped(rule, shown, why, Evidence(n=rows), check) for rule in some]
        else:
            parts.append(Part(name, where, tuple(some)))
    return parts, skipped


def _named(table: ibis.Table, part: Slice) -> list[tuple[str, str]]:
    """Give the name and predicate of each part that a slice stands for."""
    if part.where is not None:
        return [(part.name or part.where, part.where)]
    columns_present(table, part.by)
    groups = table.group_by(list(part.by)).aggregate(assay_n=table.count())
    groups = groups.filter(groups.assay_n >= part.min_rows).order_by(list(part.by)).limit(MOST + 1)
    found = groups.drop("assay_n").mutate(**{c: groups[c].cast("string") for c in part.by}).to_pyarrow().to_pylist()
    if len(found) > MOST:
        raise DataError(
            f"slices by {', '.join(part.by)} give more than {MOST} parts of {part.min_rows} rows: raise min_rows"
        )
    named = []
    for values in found:
        words = ", ".join(f"{column} = {value}" for column, value in values.items())
        predicate = " AND ".join(_equals(column, value) for column, value in values.items())
        named.append((f"{part.name}: {words}" if part.name else words, predicate))
    return named


def _equals(column: str, value: Any) -> str:
    name = quote(column)
    return f"{name} IS NULL" if value is None else f"CAST({name} AS VARCHAR) = {literal(value)}"


def _sizes(table: ibis.Table, predicates: Sequence[str]) -> dict[str, int]:
    wanted = [predicate for predicate in dict.fromkeys(predicates) if predicate]
    if not wanted:
        return {}
    names = {predicate: f"assay_part_{i}" for i, predicate in enumerate(wanted)}
    wide = flags(table, {name: predicate for predicate, name in names.items()})
    counts = wide.aggregate(**{name: wide[name].sum() for name in names.values()}).to_pyarrow().to_pylist()[0]
    return {predicate: int(counts[name] or 0) for predicate, name in names.items()}


def _skipped(rule: Rule, name: str, why: str, evidence: Evidence, check: str) -> Verdict:
    return Verdict(
        status="skipped",
        guarantee=Guarantee.none("nothing was tested"),
        check=check,
        code=CODES[rule.family],
        stage="data",
        claim=Claim(f"{measure(rule.family)} <= {percent(rule.limit)}"),
        evidence=evidence,
        reason=why,
        subject=f"{rule.column} | {name}",
    )
