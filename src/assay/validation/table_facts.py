"""Facts of the table as a whole: rows, columns, freshness, different values, metrics."""

from __future__ import annotations

import ast
import math
import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from assay.core import Action, Guarantee
from assay.data.facts import columns_present, row_count, to_arrow
from assay.data.slice import columns_of
from assay.errors import DataError
from assay.validation.analyzers import Analyzer, ApproxCountDistinct, ApproxQuantile
from assay.validation.codes import COLUMNS, DISTINCT, FRESH, METRIC, ROWS
from assay.validation.edits import Edit, rounded_up
from assay.validation.facts import fact
from assay.validation.measuring import measure
from assay.validation.profiling import kind_of
from assay.validation.schema import toml_key
from assay.validation.table_analyzers import ColumnExists

if TYPE_CHECKING:
    from collections.abc import Collection

    import ibis

    from assay.core import Verdict
    from assay.validation.relations import Fresh, Metric
    from assay.validation.schema import Schema

_WITHIN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def row_verdicts(
    table: ibis.Table, schema: Schema, rows: int, check: str, name: str, reference: ibis.Table | None, now: datetime
) -> list[Verdict]:
    """Hold the number of rows and columns, and the newest time, against ``[rows]``.

    Guarantee: exact, error 0. These are facts.
    """
    limits = schema.rows
    if limits is None:
        return []
    found = _bounds(ROWS, "rows", "rows", rows, limits.min, limits.max, ("rows.min", "rows.max"), rows, check, name)
    if limits.ratio_min is not None or limits.ratio_max is not None:
        if reference is None:
            found.append(_lacking(ROWS, "rows for each row of the reference", "no reference is given", rows, check))
        else:
            ratio = rows / max(row_count(reference), 1)
            keys = ("rows.ratio_min", "rows.ratio_max")
            what = "rows for each row of the reference"
            found += _bounds(ROWS, "ratio", what, ratio, limits.ratio_min, limits.ratio_max, keys, rows, check, name)
    width = len(table.columns)
    keys = ("rows.columns_min", "rows.columns_max")
    found += _bounds(
        COLUMNS, "columns", "columns", width, limits.columns_min, limits.columns_max, keys, rows, check, name
    )
    if limits.fresh is not None:
        found.append(_freshness(table, limits.fresh, rows, check, name, now))
    return found


def distinct_verdicts(
    table: ibis.Table, schema: Schema, environment: str | None, rows: int, check: str, name: str
) -> list[Verdict]:
    """Hold the number of different values of each column that bounds it against its bounds; counted exactly."""
    wanted = {
        path: column.distinct
        for path, column in schema.columns.items()
        if column.distinct is not None and column.expected(environment) and path in table.columns
    }
    if not wanted:
        return []
    counts = table.aggregate(**{f"d{i}": table[path].nunique() for i, path in enumerate(wanted)})
    values = to_arrow(counts).to_pylist()[0]
    found = []
    for i, (path, limit) in enumerate(wanted.items()):
        keys = tuple(f"columns.{toml_key(path)}.distinct.{end}" for end in ("min", "max"))
        found += _bounds(
            DISTINCT, path, "different values", values[f"d{i}"] or 0, limit.min, limit.max, keys, rows, check, name
        )
    return found


def metric_verdicts(
    table: ibis.Table, schema: Schema, rows: int, check: str, name: str, absent: Collection[str] = ()
) -> list[Verdict]:
    """Hold metrics of the table against their bounds; one on columns that are absent is skipped.

    Guarantee: exact, error 0, of this table; `estimate` where the metric itself is one (a sketch).

    Raises
    ------
    DataError
        If a metric is not written as an analyzer is, or is not one number.
    """
    if not schema.metrics:
        return []
    analyzers = [analyzer(metric) for metric in schema.metrics]
    lost = {asked: sorted(set(absent) & _columns(asked)) for asked in analyzers}
    values = measure(table, [asked for asked in analyzers if not lost[asked]])
    found: list[Verdict] = []
    for i, (metric, asked) in enumerate(zip(schema.metrics, analyzers, strict=True)):
        subject = metric.name or metric.measure
        if lost[asked]:
            found.append(_lacking(METRIC, subject, f"{name} has no column {', '.join(lost[asked])}", rows, check))
            continue
        value = values[asked]
        if value is None:
            found.append(_lacking(METRIC, subject, f"{name} has nothing to measure it on", rows, check))
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise DataError(
                f"metrics: {metric.measure} gives {type(value).__name__} {value}, and a bound needs a number"
            )
        sketched = isinstance(asked, (ApproxQuantile, ApproxCountDistinct))
        guarantee = Guarantee.estimate("a sketch without an error bound") if sketched else None
        keys = (f"metrics.{i}.min", f"metrics.{i}.max")
        found += _bounds(
            METRIC, subject, subject, value, metric.min, metric.max, keys, rows, check, name, guarantee, whole=False
        )
    return found


def analyzer(metric: Metric) -> Analyzer:
    """Read an analyzer as it is written in Python, without running anything.

    Raises
    ------
    DataError
        If it is not a call of an analyzer with plain values.
    """
    said = f"metrics: measure = {metric.measure!r} is no analyzer"
    way_out = """; write for example Mean("delay")"""
    try:
        call = ast.parse(metric.measure, mode="eval").body
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Name)
        given = [ast.literal_eval(each) for each in call.args]
        named = {each.arg: ast.literal_eval(each.value) for each in call.keywords if each.arg}
    except (SyntaxError, ValueError, AssertionError) as problem:
        raise DataError(said + way_out) from problem
    kind = getattr(import_module("assay.validation"), call.func.id, None)
    if not (isinstance(kind, type) and issubclass(kind, Analyzer)):
        raise DataError(said + way_out)
    if metric.where:
        named.setdefault("where", metric.where)
    try:
        return kind(*given, **named)
    except TypeError as problem:
        raise DataError(f"{said}: {problem}") from problem


def _columns(asked: Analyzer) -> set[str]:
    if isinstance(asked, ColumnExists):
        return set()
    where = getattr(asked, "where", None)
    predicates = (*asked.predicates, where) if where else asked.predicates
    return {*asked.columns, *(column for predicate in predicates for column in columns_of(predicate))}


def _bounds(
    code: str,
    subject: str,
    what: str,
    value: float,
    low: float | None,
    high: float | None,
    keys: tuple[str, ...],
    rows: int,
    check: str,
    name: str,
    guarantee: Guarantee | None = None,
    *,
    whole: bool = True,
) -> list[Verdict]:
    if low is None and high is None:
        return []
    under, over = low is not None and value < low, high is not None and value > high
    if low is not None and high is not None:
        said = f"between {low:,g} and {high:,g}"
    else:
        said = f"at least {low:,g}" if low is not None else f"at most {high:,g}"
    widened: float | int = value if whole or under else rounded_up(value)
    edit = Edit(keys[0] if under else keys[1], widened)
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return [
        fact(
            code,
            subject,
            f"{what} {said}",
            good=not (under or over),
            said=f"{what} of {name}: {shown}, the schema says {said}",
            rows=rows,
            check=check,
            edit=edit,
            measure=what,
            estimate=float(value),
            limit=low if under else high if high is not None else low,
            guarantee=guarantee,
        )
    ]


def _lacking(code: str, subject: str, why: str, rows: int, check: str) -> Verdict:
    from assay.core import Claim, Evidence, Verdict

    return Verdict(
        status="skipped",
        guarantee=Guarantee.none(why),
        check=check,
        code=code,
        stage="data",
        claim=Claim(f"{subject} keeps to its bounds"),
        evidence=Evidence(n=rows),
        reason=f"{subject}: {why}",
        subject=subject,
    )


def _freshness(table: ibis.Table, fresh: Fresh, rows: int, check: str, name: str, now: datetime) -> Verdict:
    columns_present(table, [fresh.column], name)
    if kind_of(table.schema()[fresh.column]) not in ("date", "timestamp"):
        kind = table.schema()[fresh.column]
        raise DataError(f"rows.fresh: {fresh.column} of {name} is {kind}, and only a date or timestamp grows old")
    within = duration(fresh.within)
    newest: Any = table[fresh.column].max().cast("timestamp").to_pyarrow().as_py()
    claim = f"the newest {fresh.column} is no older than {fresh.within}"
    mend = Action("look at what delivers the batch: it may have sent an old one again")
    if newest is None:
        said = f"{fresh.column} has no value in {name}"
        return fact(FRESH, fresh.column, claim, good=False, said=said, rows=rows, check=check, actions=(mend,))
    # Times without a zone are taken to be in UTC.
    newest = newest.replace(tzinfo=UTC) if newest.tzinfo is None else newest.astimezone(UTC)
    age = now - newest
    hours = math.ceil(age / timedelta(hours=1))
    return fact(
        FRESH,
        fresh.column,
        claim,
        good=age <= within,
        said=f"the newest {fresh.column} of {name} is {newest:%Y-%m-%d %H:%M} UTC, {age / timedelta(hours=1):,.1f} hours old; "
        f"the schema says {fresh.within}",
        rows=rows,
        check=check,
        actions=(mend,),
        edit=Edit("rows.fresh.within", f"{hours}h"),
        measure="hours since the newest",
        estimate=age / timedelta(hours=1),
        limit=within / timedelta(hours=1),
    )


def duration(text: str) -> timedelta:
    """Read ``"26h"``, ``"2d"``, ``"90m"``, ``"1w"``.

    Raises
    ------
    DataError
        If it is none.
    """
    found = _WITHIN.fullmatch(text)
    if not found:
        raise DataError(f'rows.fresh.within = {text!r} is no length of time: write "26h", "90m", "2d" or "1w"')
    return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])
