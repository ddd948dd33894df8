"""From a reference to rules that say how often they will be wrong."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import msgspec

from assay.data.sources import table as open_table
from assay.errors import UsageError
from assay.stats import binomial
from assay.validation import clusters, limits
from assay.validation.inference import CALENDAR, ERROR, TOLERANCE, infer, unseen_in_half
from assay.validation.prediction import BATCHES_PER_YEAR, alarm_probability
from assay.validation.profiling import Profile, profile
from assay.validation.relations import Relation
from assay.validation.suggestion import LIMIT, Suggestion, Suggestions
from assay.validation.text_patterns import text_rules
from assay.validation.together import relations_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis

    from assay.validation.column import Column
    from assay.validation.profiling import ColumnProfile

_KEY = re.compile(r"(^|_)(id|uuid|key)$|(Id|ID)$")
# Columns that are tested for clustering.
_LOOKED = 3
_SAYS = {
    "nulls": "rows without a value of {column}",
    "range": "rows with {column} outside {low:.6g} to {high:.6g}",
    "tails": "rows with {column} outside {low:.6g} to {high:.6g}, the 1% and 99% quantiles",
    "categories": "rows with {column} not among its {count} known values",
}


def suggest(
    source: Any,
    *,
    unit: str | None = None,
    cadence: str = "daily",
    batch_rows: int | None = None,
    false_alarms: str | float = "1/year",
    references: Mapping[str, Any] | None = None,
    fdr: float = 0.05,
    seed: int = 0,
) -> Suggestions:
    """Suggest rules for the next batches, each with its predicted false alarms.

    A rule is a prediction, not the extremes that were seen: its limit lies above an upper bound on the true share of
    rows that break it, and the threshold for a batch follows from the batch's size when it is checked. What a rule
    will cost is predicted as :mod:`assay.validation.prediction` derives it.

    - ``at_most``: missing values, range (Wilks), tails, categories (learned from one half, bounded by the other),
      lengths, patterns and formats of texts (likewise), and, over several columns, order, sums, functional dependencies
      and foreign keys. These are chosen from many candidates: each is tested against "more than 0.5% of rows break
      it", on rows that did not propose it, under e-BH. If rows are independent, the expected share of suggested ones
      that more rows break is at most `fdr`.
    - ``never``: only with evidence beyond the data, which is a column's name. n clean rows foretell no clean batch:
      on their word alone the next one of m rows has a breaking row with probability m / (n + m + 1).
    - ``drift``: a distance to the reference above a tolerance, whose false alarms its test bounds.

    Parameters
    ----------
    source : anything that :func:`assay.data.table` opens, or a Profile
        A profile has no rows, so nothing is suggested on patterns and on several columns.
    unit : str, optional
        Column of the independent unit. Rows of one unit depend on each other: then nothing is predicted.
    cadence : {"hourly", "daily", "weekly", "monthly"}
        How often a batch comes.
    batch_rows : int, optional
        Rows of a batch; by default as many as the reference has.
    false_alarms : str or float
        Batches without a fault that may raise an alarm: ``"1/year"``, or a number a year.
    references : mapping of str to table, optional
        Other tables, for foreign keys.
    fdr : float in (0, 1)
        Of the rules over several columns.
    seed : int

    Returns
    -------
    Suggestions
        A list; prints as a table, and gives a schema: ``suggestions.accept("nulls:delay")``.

    Raises
    ------
    DataError
        If the table cannot be read, has no rows or no such unit.
    UsageError
        If the cadence is not known or the false alarms are no positive number.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> rng = np.random.default_rng(0)
    >>> found = suggest(pa.table({"origin": rng.choice(["EWR", "JFK"], 5000), "miles": rng.exponential(size=5000)}))
    >>> [one.name for one in found][:3]
    ['nulls:origin', 'categories:origin', 'drift:origin']
    >>> found[1].n, found[1].k, found[1].predicted < 1
    (2500, 0, True)

    References
    ----------
    S. S. Wilks, "Determination of sample sizes for setting tolerance limits", Annals of Mathematical Statistics 12, 1941.
    R. Wang, A. Ramdas, "False discovery rate control with e-values", JRSS B 84, 2022.
    """
    if cadence not in BATCHES_PER_YEAR:
        raise UsageError(f"cadence: {cadence!r} is none of {', '.join(BATCHES_PER_YEAR)}")
    yearly = BATCHES_PER_YEAR[cadence]
    alpha = min(0.5, allowed(false_alarms) / yearly)
    table = None if isinstance(source, Profile) else open_table(source)
    facts = source if isinstance(source, Profile) else profile(source)
    schema = infer(source if unit is not None else facts, unit=unit)
    rows = batch_rows or facts.rows
    kinds = {name: column.type for name, column in schema.columns.items()}
    depends = f"rows of one {unit} depend on each other" if unit is not None else ""
    found = [
        one
        for name, column in schema.columns.items()
        for one in (
            *_column(name, column, facts.columns[name]),
            *_drift(name, column),
        )
    ]
    found += _keys(table, facts)
    left_out: list[str] = []
    if table is not None:
        clustered = "" if unit is not None else _clustered(table)
        depends = depends or clustered
        found += text_rules(table, facts, seed)
        more, why = relations_of(table, facts, references or {}, fdr, seed)
        found += more
        left_out += why
    else:
        left_out.append("patterns of texts and rules over several columns: give the table and not its profile")
    each = alpha / max(1, sum(one.kind != "never" for one in found))
    share = ERROR / max(1, len(found))
    ready = [_predicted(one, rows, each, share, yearly, depends) for one in found]
    order = {name: place for place, name in enumerate(kinds)}
    ready.sort(key=lambda one: order.get(one.column, len(order)))
    return Suggestions(
        ready,
        name=schema.name,
        types=kinds,
        unit=unit,
        rows=rows,
        cadence=cadence,
        alpha=alpha,
        left_out=tuple(left_out),
    )


def allowed(false_alarms: str | float) -> float:
    """Read ``"1/year"`` or ``"2 / month"`` as a number a year.

    Raises
    ------
    UsageError
        If it is no positive number of alarms in a period.
    """
    periods = {"year": 1.0, "quarter": 4.0, "month": 12.0, "week": 365 / 7, "day": 365.0}
    match = re.fullmatch(r"\s*([0-9.]+)\s*(?:/\s*(\w+))?\s*", str(false_alarms))
    period = match.group(2) if match else None
    if match is None or (period is not None and period not in periods) or not _positive(match.group(1)):
        raise UsageError(f'false_alarms: {false_alarms!r} cannot be read; write "1/year" or "2/month"')
    return float(match.group(1)) * periods[period or "year"]


def _positive(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


def _column(name: str, column: Column, facts: ColumnProfile) -> list[Suggestion]:
    found = []
    for family in ("nulls", "range", "tails", "categories"):
        limit = column.limit(family)
        if limit is None:
            continue
        n, k, basis = _evidence(family, facts)
        if isinstance(limit, (limits.Range, limits.Tails)):
            low, high = (limit.min, limit.max) if isinstance(limit, limits.Range) else (limit.low, limit.high)
            says = _SAYS[family].format(column=name, low=float(low or 0), high=float(high or 0))
        elif isinstance(limit, limits.Categories):
            says = _SAYS[family].format(column=name, count=len(limit.values))
        else:
            says = _SAYS[family].format(column=name)
        found.append(
            Suggestion(
                name=f"{family}:{name}",
                kind="at_most",
                rule=f"at most {LIMIT} of {says}",
                n=n,
                k=k,
                bound=None,
                error=0.0,
                predicted=None,
                basis=basis,
                column=name,
                family=family,
                limit=limit,
            )
        )
    return found


def _evidence(family: str, facts: ColumnProfile) -> tuple[int, int, str]:
    """Rows that could have broken a rule, those that count as having, and what the prediction rests on."""
    present = facts.present - facts.infinite
    if family == "nulls":
        return facts.rows, facts.nulls, "beta-binomial"
    if family == "range":
        return present, min(1 + facts.infinite, present), "Wilks: one of n lies beyond the extremes"
    if family == "tails":
        inside = int(0.99 * (present - 1)) - int(0.01 * (present - 1)) - 1
        return present, max(0, present - inside) + facts.infinite, "Wilks: order statistics"
    counts = [value.count for value in facts.top]
    half, lacking = unseen_in_half(counts)
    once = sum(count == 1 for count in counts)
    return half, lacking, f"learned from the other half; Good-Turing says {once:,} of {sum(counts):,}"


def _keys(table: ibis.Table | None, facts: Profile) -> list[Suggestion]:
    """Rules without exception, for columns whose name says that they identify rows, and whose rows do not object."""
    named = [
        name
        for name, column in facts.outer.items()
        if _KEY.search(name) and column.kind in ("integer", "string") and not column.nulls
    ]
    found = [_never("never-null", name, "nulls", f"no row is without {name}", limits.Nulls(), facts) for name in named]
    if table is not None and named:
        different = table.aggregate(**{f"d{i}": table[name].nunique() for i, name in enumerate(named)}).to_pyarrow()
        for i, name in enumerate(named):
            if different[f"d{i}"][0].as_py() == facts.rows:
                found.append(_never("unique", name, "unique", f"no two rows have the same {name}", True, facts))
    return found


def _never(what: str, name: str, family: str, rule: str, limit: limits.Limit | bool, facts: Profile) -> Suggestion:
    return Suggestion(
        name=f"{what}:{name}",
        kind="never",
        rule=rule,
        n=facts.rows,
        k=0,
        bound=None,
        error=0.0,
        predicted=0.0,
        basis="",
        column=name,
        family=family,
        limit=limit,
    )


def _drift(name: str, column: Column) -> list[Suggestion]:
    if column.limit("range") is None and column.limit("categories") is None:
        return []
    drift = limits.Drift()
    return [
        Suggestion(
            name=f"drift:{name}",
            kind="drift",
            rule=f"the distribution of {name} stays within {drift.tolerance:g} of the reference",
            n=0,
            k=0,
            bound=None,
            error=0.0,
            predicted=None,
            basis="the test's own bound",
            column=name,
            family="drift",
            limit=drift,
        )
    ]


def _predicted(one: Suggestion, rows: int, alpha: float, error: float, yearly: float, depends: str) -> Suggestion:
    if one.kind == "never":
        alone = yearly * alarm_probability(0, one.n, rows, 0.0, alpha)
        basis = f"none if its name tells the truth; the data alone foretell {alone:.2g}"
        return msgspec.structs.replace(one, basis=basis)
    if one.kind == "drift":
        predicted = None if depends else alpha * yearly
        return msgspec.structs.replace(one, predicted=predicted, basis=depends or "at most, by its test")
    bound = float(binomial.upper(one.k, one.n, error))
    held = one.relation or one.limit
    assert isinstance(held, (limits.Limit, Relation))
    # The limits that come from `infer` have their bound and tolerance in them.
    limit = held.at_most or min(1.0, math.ceil(1e5 * (bound + TOLERANCE["categories"])) / 1e5)
    held = msgspec.structs.replace(held, at_most=limit)
    one = msgspec.structs.replace(
        one,
        rule=one.rule.replace(LIMIT, f"{100 * limit:.3g}%"),
        limit=held if isinstance(held, limits.Limit) else None,
        relation=held if isinstance(held, Relation) else None,
    )
    if depends:
        return msgspec.structs.replace(one, basis=depends)
    predicted = yearly * alarm_probability(one.k, one.n, rows, limit, alpha)
    return msgspec.structs.replace(one, bound=bound, error=error, predicted=predicted)


def _clustered(table: ibis.Table) -> str:
    """Tell whether rows depend on each other, by the first numbers of the table that count no time."""
    columns = clusters.candidates(table)
    named = {name for name, _ in columns}
    numbers = [
        name
        for name, kind in table.schema().items()
        if kind.is_numeric() and name not in named and not CALENDAR.search(name)
    ]
    for name in numbers[:_LOOKED]:
        found, _ = clusters.find(table, table[name], columns)
        if found is not None:
            return f"{found}; give unit="
    return ""
