"""Rules that no row may break, and those that judge rows by other rows: counted in the batch itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.data.facts import to_arrow
from assay.data.slice import flags
from assay.validation.codes import CODES, has, measure, percent
from assay.validation.edits import at_most
from assay.validation.facts import fact
from assay.validation.profiling import missing
from assay.validation.rates import look_at
from assay.validation.rules import GROUPED, Rule, count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis

    from assay.core import Verdict


def counted_verdicts(
    table: ibis.Table, rules: Sequence[Rule], rows: int, check: str, source: str, references: Mapping[str, Any]
) -> list[Verdict]:
    """Count the rows that break each rule, and hold their share against its limit.

    Guarantee: exact, error 0, of this table. Nothing is said of the rows to come.
    """
    alone = [rule for rule in rules if rule.family not in GROUPED]
    bad = dict(zip(alone, count(table, alone, references=references).broken[0].tolist(), strict=True)) if alone else {}
    verdicts = []
    for rule in rules:
        broken, of = (bad[rule], rows) if rule in bad else _in_groups(table, rule)
        share, held = broken / max(of, 1), "no row may" if rule.limit <= 0 else f"limit {percent(rule.limit)}"
        good = broken == 0 if rule.limit <= 0 else share <= rule.limit
        verdicts.append(
            fact(
                CODES[rule.family],
                rule.column,
                f"{measure(rule.family)} <= {percent(rule.limit)}",
                good=good,
                said=f"{broken:,} of {of:,} rows ({percent(share)}) {has(rule.family, rule.column)}, {held}",
                rows=of,
                check=check,
                actions=(look_at(table, rule, source),),
                edit=at_most(rule, share),
                measure=measure(rule.family),
                estimate=share,
                limit=rule.limit,
                statistic={"broken": broken},
            )
        )
    return verdicts


def _in_groups(table: ibis.Table, rule: Rule) -> tuple[int, int]:
    """Count broken rows and those spoken of by groups, which costs less than to judge each row."""
    if rule.where:
        wide = flags(table, {"assay_where": rule.where})
        table = wide.filter(wide["assay_where"]).drop("assay_where")
    of = _whole(table.count())
    if rule.family == "determines":
        first, second = rule.spec.determines
        present = table
        for column in first:
            present = present.filter(~missing(present, column))
        pairs = present.group_by([*first, *second]).aggregate(assay_n=present.count())
        groups = pairs.group_by(list(first)).aggregate(assay_n=pairs.assay_n.sum(), assay_k=pairs.count())
        return _whole(groups.filter(groups.assay_k > 1).assay_n.sum()), of
    columns = [rule.column] if rule.family == "duplicates" else list(rule.spec.key)
    present = table
    for column in columns:
        present = present.filter(~missing(present, column))
    groups = present.group_by(columns).aggregate(assay_n=present.count())
    repeated = _whole(groups.filter(groups.assay_n > 1).assay_n.sum())
    if rule.family == "duplicates":
        return repeated, of
    return repeated + of - _whole(present.count()), of


def _whole(value: ibis.Value) -> int:
    return int(to_arrow(value.as_table()).column(0)[0].as_py() or 0)
