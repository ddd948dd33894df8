"""Drift and skew as a schema limits them: each column against its own tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from assay.core import Action, Claim, Evidence, Guarantee, Verdict
from assay.data.sources import table as open_table
from assay.errors import DataError, TooFewUnits
from assay.validation import distances
from assay.validation.cells import cells, comparable
from assay.validation.codes import DISTANCE, DRIFT, SKEW
from assay.validation.column_drift import ColumnDrift
from assay.validation.drift import compare
from assay.validation.edits import Edit, accept, rounded_up
from assay.validation.schema import toml_key

if TYPE_CHECKING:
    import ibis

    from assay.validation.limits import Drift
    from assay.validation.schema import Schema

_WORDS = {
    DRIFT: ("drift", "the reference is"),
    SKEW: ("skew", "training data are held against serving data (in a project, a dataset of role live), and those are"),
}


def limited(schema: Schema, environment: str | None, family: str) -> dict[str, Drift]:
    """Give the columns whose drift or skew is limited."""
    return {
        path: getattr(column, family)
        for path, column in schema.columns.items()
        if getattr(column, family) is not None and column.expected(environment)
    }


def comparisons(schema: Schema, environment: str | None, *, reference: bool, serving: bool) -> int:
    """Count the tests that will share alpha."""
    found = 0
    for family, given in (("drift", reference), ("skew", serving)):
        found += sum(limit.metric is None for limit in limited(schema, environment, family).values()) if given else 0
    return found


def distribution_verdicts(
    table: ibis.Table,
    other: Any,
    wanted: dict[str, Drift],
    code: str,
    share: float,
    *,
    fdr: bool,
    unit: str | None,
    check: str,
    name: str,
) -> list[Verdict]:
    """Compare columns with the reference (drift) or with serving data (skew).

    Guarantee: that of :func:`assay.validation.compare` at `share` for each column, columns of one tolerance together, so
    that by a union bound over tolerances alpha is `share` times their number. `estimate` for a named distance.
    """
    family, whose = _WORDS[code]
    if other is None:
        why = f"{whose} not given"
        return [_skipped(path, limit, code, why, check) for path, limit in wanted.items()]
    opened = open_table(other)
    verdicts = [
        _named(table, opened, path, limit, family, check) for path, limit in wanted.items() if limit.metric is not None
    ]
    tested = {path: limit for path, limit in wanted.items() if limit.metric is None}
    for path in [path for path in tested if path not in table.columns and path not in opened.columns]:
        verdicts.append(_skipped(path, tested.pop(path), code, "neither table has it as a column", check))
    for tolerance in sorted({limit.tolerance for limit in tested.values()}):
        columns = [path for path, limit in tested.items() if limit.tolerance == tolerance]
        # The training table stands for what serving should be like; otherwise what came before does.
        before, after = (opened, table) if code == DRIFT else (table, opened)
        try:
            compared = compare(
                before,
                after,
                tolerance=tolerance,
                alpha=share * len(columns),
                across="fdr" if fdr else "familywise",
                columns=columns,
                unit=unit,
                check=check,
                dataset=name,
                fingerprints={},
            )
        except TooFewUnits as problem:
            # The other rules of the schema have their say still.
            verdicts += [_skipped(path, tested[path], code, str(problem), check) for path in columns]
            continue
        verdicts += [_held(verdict, family, code, share * len(columns)) for verdict in compared]
    return verdicts


def _held(verdict: Verdict, family: str, code: str, spent: float) -> Verdict:
    evidence, actions = verdict.evidence, verdict.actions
    statistic = {**evidence.statistic, "alpha_spent": spent}
    if verdict.failed and evidence.estimate is not None:
        edit = Edit(f"columns.{toml_key(verdict.subject)}.{family}.tolerance", rounded_up(evidence.estimate))
        statistic |= edit.said()
        actions = (*actions, accept(edit))
    evidence = msgspec.structs.replace(evidence, statistic=statistic)
    scope = verdict.guarantee.scope.replace("all columns together", f"all columns of this {family} tolerance together")
    guarantee = msgspec.structs.replace(verdict.guarantee, scope=scope)
    return msgspec.structs.replace(verdict, code=code, guarantee=guarantee, evidence=evidence, actions=actions)


def _named(table: ibis.Table, other: ibis.Table, path: str, limit: Drift, family: str, check: str) -> Verdict:
    """Hold a named distance against its limit: a number without an error bound."""
    for side in (table, other):
        hindrance = "one table has no such column" if path not in side.columns else comparable(side, path)
        if hindrance:
            return _skipped(path, limit, DISTANCE, hindrance, check)
    before, after = (other, table) if family == "drift" else (table, other)
    [counted] = cells(before, after, [path])
    if limit.metric == "normalized_absolute_difference":
        sides: list[dict[Any, float]] = [
            {(key, bool(word)): float(n) for key, word, n in zip(counted.keys, counted.special, counts, strict=True)}
            for counts in (counted.reference, counted.current)
        ]
        value, rows = distances.normalized_absolute_difference(*sides), int(counted.current.sum())
    else:
        drift = ColumnDrift.of(path, counted, limit.tolerance)
        numbers, word = drift.named(), "psi" if limit.metric == "population_stability" else str(limit.metric)
        if word not in numbers:
            raise DataError(f"columns.{path}.{family}.metric: {limit.metric} is not defined for such a column")
        value, rows = numbers[word], drift.n + drift.m
    good, edit = value <= limit.tolerance, Edit(f"columns.{toml_key(path)}.{family}.tolerance", rounded_up(value))
    what = str(limit.metric).replace("_", " ")
    return Verdict(
        status="pass" if good else "fail",
        guarantee=Guarantee.estimate("a distance of samples: with few rows it is large without a fault"),
        check=check,
        code=DISTANCE,
        stage="data",
        claim=Claim(f"{what} <= {limit.tolerance:g}", path),
        evidence=Evidence(
            n=rows,
            measure=what,
            estimate=value,
            limit=limit.tolerance,
            statistic={"alpha_spent": 0.0} | ({} if good else edit.said()),
            method=what,
        ),
        actions=() if good else (Action(f"leave metric out of {family}, and the tolerance is tested"), accept(edit)),
        reason=f"{what} of {path} is {value:.4g}, limit {limit.tolerance:g}",
        subject=path,
    )


def _skipped(path: str, limit: Drift, code: str, why: str, check: str) -> Verdict:
    return Verdict(
        status="skipped",
        guarantee=Guarantee.none("nothing was tested"),
        check=check,
        code=code,
        stage="data",
        claim=Claim(f"distance <= {limit.tolerance:g}", path),
        reason=f"{path}: {why}",
        subject=path,
    )
