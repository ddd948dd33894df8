"""From a reference table to the limits that the next batch is held to."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from assay.data.facts import columns_present
from assay.data.sources import table as open_table
from assay.errors import DataError
from assay.stats import binomial
from assay.validation.column import Column
from assay.validation.limits import (
    Categories,
    Format,
    Formatted,
    Infinite,
    Length,
    NotANumber,
    Nulls,
    Range,
    Tails,
    Values,
)
from assay.validation.profiling import TOP, ColumnProfile, Profile, profile
from assay.validation.rules import count, halves, rules_of
from assay.validation.schema import Reference, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis

ERROR = 0.01
TOLERANCE: Mapping[str, float] = {
    "nulls": 0.01,
    "range": 0.005,
    "categories": 0.005,
    "tails": 0.02,
    "length": 0.005,
    "values": 0.005,
    "format": 0.005,
    "nan": 0.005,
    "infinite": 0.005,
}
# What a text can look like, by the profile's word and the schema's; credit cards are told by their digits alone.
KINDS: Mapping[str, Format] = {"e-mail": "email", "URL": "url", "UUID": "uuid", "IP address": "ipv4"}
KEY = re.compile(r"(^|_)(id|uuid|key)$|(Id|ID)$")
# Time moves on in every batch, so a column that counts it has no range to keep to.
CALENDAR = re.compile(r"(^|_)(year|quarter|month|week|day|yday|doy|date|epoch|timestamp)(_|$|of)", re.IGNORECASE)


def infer(source: Any, *, name: str | None = None, unit: str | None = None) -> Schema:
    r"""Infer types and limits from a reference.

    Each column gets its type and a limit on missing values. Numbers get a range and two tails (beyond the 1% and 99%
    quantiles), texts with at most 100 different values their set, as do truth values that are all the same; other texts
    get the range of their lengths, and their format where every one is an e-mail address, a URL, a UUID or an IP address; lists get the
    range of their numbers of values. NaN has a limit of its own where other values are missing too, and infinite values
    where there is no range. Columns that name rows (nearly every value different) and columns that count time get no
    rule that the next batch must break. A limit is a share of rows with a tolerance in it: 1% for missing values, 2% for
    tails, 0.5% for the others.

    The first column that is named like a key (``id``, ``order_id``) and repeats no value, in a table and not in a profile
    alone, is ``unique``: that is a rule on the table itself, which no share of rows may break, and the name vouches for it.
    How old a batch may be, no reference can say.

    Guarantee (exact), without `unit`: with probability at least 1 - 1% over reference rows drawn independently, no
    limit lies below the true share of breaking rows plus the tolerance. Each of J limits has its own share
    a = 0.01 / J of the error, and adds to the tolerance an upper bound on the share:

    - missing values, NaN, infinite values, k of n: the Clopper-Pearson bound upper(k, n, a);
    - format: the same at a / 4 for each of four formats, of which the data choose one;
    - range, lengths, numbers of values and tails: between order statistics X_(r) and X_(s) lies a Beta(s - r, n - s + r + 1) share of a
      continuous distribution, whatever it is, and no smaller one if it has atoms (Wilks), so with
      c = n - (s - r) - 1 values outside, P(outside > d) <= P(Bin(n, d) <= c + 1): upper(c + 1, n, a);
    - categories: split the rows at random. The k rows of the second half whose text the first half lacks are
      Bin(n/2, share outside the first half's set), so upper(k, n/2, a) bounds that share, and the set of both
      halves misses no more. The split is drawn from the counts (multivariate hypergeometric), seeded by them.

    With `unit`, rows of one unit are not independent and ninety days bound no rate below 8%. Then limits are the rates
    seen plus the tolerance, to be reviewed; thresholds come from one half of the units, and
    :func:`assay.validation.validate` compares the batch with the other half.

    Parameters
    ----------
    source : anything that :func:`assay.data.table` opens, or a Profile
    name : str, optional
        Name of the schema; by default that of the source.
    unit : str, optional
        Column of the independent unit; needs a table, not a profile.

    Returns
    -------
    Schema

    Raises
    ------
    DataError
        If the table cannot be read, has no rows, no such unit, or fewer than 4 units.

    Notes
    -----
    Misleads when the reference itself is at fault: what it holds is taken to be right. Review the file.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> rng = np.random.default_rng(0)
    >>> schema = infer(pa.table({"origin": rng.choice(["EWR", "JFK"], 5000), "hour": rng.integers(5, 23, 5000)}))
    >>> schema.columns["origin"].categories.values
    ('EWR', 'JFK')
    >>> schema.columns["hour"].range.max, round(schema.columns["hour"].range.at_most, 4)
    (22.0, 0.0066)

    References
    ----------
    S. S. Wilks, "Determination of sample sizes for setting tolerance limits", Annals of Mathematical Statistics 12,
    1941. C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934.
    """
    if unit is not None:
        return _by_unit(source, name, unit)
    found = source if isinstance(source, Profile) else profile(source)
    columns = {column: _column(column, facts) for column, facts in found.outer.items()}
    odd: dict[str, int] = {}
    if not isinstance(source, Profile):
        table = open_table(source)
        columns |= _key(table, columns, found)
        asked = [rule for rule in rules_of(Schema(columns=columns)) if rule.family == "format"]
        odd = (
            {rule.column: int(k) for rule, k in zip(asked, count(table, asked).broken[0], strict=True)} if asked else {}
        )
    for column in columns:
        # A profile has looked at some of the texts, and not in the words of the schema.
        if columns[column].format is not None and odd.get(column, found.rows) > 0.01 * found.rows:
            columns[column] = msgspec.structs.replace(columns[column], format=None)
    schema = Schema(name=name or _stem(found.name), columns=columns)
    share = ERROR / max(len(rules_of(schema)), 1)
    bounded = {
        column: _bounded(rule, found.columns[column], share, odd.get(column, 0)) for column, rule in columns.items()
    }
    reference = Reference(rows=found.rows, error=ERROR)
    return msgspec.structs.replace(schema, columns=bounded, reference=reference)


def _by_unit(source: Any, name: str | None, unit: str) -> Schema:
    if isinstance(source, Profile):
        raise DataError("a profile does not know its units: give the table that it describes")
    table = open_table(source)
    label = str(source) if isinstance(source, (str, Path)) else "the table"
    columns_present(table, [unit], label)
    first, second = halves(table, unit)
    units = [half[unit].nunique().to_pyarrow().as_py() for half in (first, second)]
    if min(units) < 2:
        raise DataError(f"{label} has {sum(units)} different {unit}: a reference by unit needs at least 4, better 60")
    found = profile(first)
    whole = profile(table)
    columns = {column: _column(column, facts, grouped=column == unit) for column, facts in found.outer.items()}
    rules = rules_of(Schema(columns=columns))
    counted = count(second, rules)
    rates = counted.broken[0] / counted.sizes[0]
    for rule, rate in zip(rules, rates, strict=True):
        limit = _rounded(float(rate) + TOLERANCE[rule.family])
        part = msgspec.structs.replace(getattr(columns[rule.column], rule.family), at_most=limit)
        columns[rule.column] = msgspec.structs.replace(columns[rule.column], **{rule.family: part})
    columns |= _key(table, columns, whole)
    reference = Reference(rows=whole.rows, unit=unit, units=sum(units))
    return Schema(name=name or _stem(label), columns=columns, reference=reference)


def _key(table: ibis.Table, columns: Mapping[str, Column], found: Profile) -> dict[str, Column]:
    """Find the first column that is named like a key and is one in the reference."""
    for name, column in columns.items():
        facts = found.columns[name]
        likely = KEY.search(name) and column.type in ("integer", "string") and not facts.nulls
        if likely and facts.rows > 1 and (facts.distinct or 0) > 0.8 * facts.rows:
            if int(table[name].nunique().to_pyarrow().as_py()) < facts.rows:
                continue
            why = f"named like a key, and the {facts.rows:,} values of the reference all differ"
            return {name: msgspec.structs.replace(column, unique=True, because=why)}
    return {}


def _column(name: str, facts: ColumnProfile, *, grouped: bool = False) -> Column:
    """Choose the rules of a column; limits are set later."""
    limits: dict[str, Any] = {"nulls": Nulls(1.0)}
    names_rows = grouped or (facts.distinct or 0) > 0.5 * facts.present
    moves = bool(CALENDAR.search(name))
    if facts.kind in ("integer", "number") and facts.quantiles and not moves:
        # Fractions are all different in any measurement; whole numbers that are all different name rows.
        if facts.kind == "number" or not (names_rows and facts.present > 20):
            low, high = float(facts.min or 0), float(facts.max or 0)
            limits["range"] = Range(min=low, max=high, at_most=1.0)
            inner, outer = _outward(facts, "0.01", -1), _outward(facts, "0.99", 1)
            if (inner, outer) != (low, high):
                limits["tails"] = Tails(low=inner, high=outer, at_most=1.0)
    elif facts.kind == "string" and facts.distinct_exact and 0 < len(facts.top) < TOP and not names_rows:
        limits["categories"] = Categories(values=tuple(sorted(value.value for value in facts.top)), at_most=1.0)
    elif facts.kind == "boolean" and facts.distinct == 1 and facts.top:
        limits["categories"] = Categories(values=(facts.top[0].value,), at_most=1.0)
    elif facts.kind == "string" and facts.length_max is not None:
        limits["length"] = Length(min=facts.length_min, max=facts.length_max, at_most=1.0)
        # Some of the texts were looked at; the rows are counted later.
        kinds = [word for word in KINDS if facts.looks_like.get(word) == 1]
        if kinds and facts.present > 1:
            limits["format"] = Formatted(kind=KINDS[kinds[0]], at_most=1.0)
    elif facts.kind == "list" and facts.length_max is not None:
        limits["values"] = Values(min=facts.length_min or 0, max=facts.length_max, at_most=1.0)
    if facts.kind == "number":
        if facts.nan and facts.nulls > facts.nan:
            limits["nan"] = NotANumber(1.0)
        if facts.infinite and "range" not in limits:
            limits["infinite"] = Infinite(1.0)
    return Column(type=facts.kind, **limits)


def _outward(facts: ColumnProfile, q: str, side: int) -> float:
    """Give a quantile, moved outward by its error: no less than between the order statistics lies between such two."""
    value, error = facts.quantiles[q], facts.quantile_error
    return value + side * abs(value) * error / (1 - error)


def _bounded(column: Column, facts: ColumnProfile, share: float, odd: int = 0) -> Column:
    n = facts.present - facts.infinite
    # Values without end lie outside every range; their share is bounded beside that of the finite ones.
    half = share / 2 if facts.infinite else share
    endless = float(binomial.upper(facts.infinite, facts.rows, half)) if facts.infinite else 0.0
    changed: dict[str, Any] = {}
    if column.nulls is not None:
        bound = binomial.upper(facts.nulls, facts.rows, share)
        changed["nulls"] = Nulls(_rounded(bound + TOLERANCE["nulls"]))
    if column.range is not None:
        bound = binomial.upper(min(1, n), n, half) + endless
        changed["range"] = msgspec.structs.replace(column.range, at_most=_rounded(bound + TOLERANCE["range"]))
    if column.tails is not None:
        # The interpolated quantiles lie outside the order statistics r and s, so no less lies between them.
        r, s = math.floor(0.01 * (n - 1)) + 2, math.floor(0.99 * (n - 1)) + 1
        outside = min(n - (s - r), n) if s > r else n
        bound = binomial.upper(outside, n, half) + endless
        changed["tails"] = msgspec.structs.replace(column.tails, at_most=_rounded(bound + TOLERANCE["tails"]))
    for family in ("length", "values"):
        if getattr(column, family) is not None:
            bound = binomial.upper(min(1, n), n, share)
            limit = _rounded(bound + TOLERANCE[family])
            changed[family] = msgspec.structs.replace(getattr(column, family), at_most=limit)
    for family, broken in (("nan", facts.nan), ("infinite", facts.infinite)):
        if getattr(column, family) is not None:
            bound = binomial.upper(broken, facts.rows, share)
            changed[family] = msgspec.structs.replace(
                getattr(column, family), at_most=_rounded(bound + TOLERANCE[family])
            )
    if column.format is not None:
        bound = binomial.upper(odd, facts.rows, share / len(KINDS))
        changed["format"] = msgspec.structs.replace(column.format, at_most=_rounded(bound + TOLERANCE["format"]))
    if column.categories is not None:
        bound = _unseen([value.count for value in facts.top], share)
        changed["categories"] = msgspec.structs.replace(
            column.categories, at_most=_rounded(bound + TOLERANCE["categories"])
        )
    return msgspec.structs.replace(column, **changed)


def _unseen(counts: list[int], share: float) -> float:
    """Bound the share of texts outside the set, by a random split of the rows."""
    rows, lacking = unseen_in_half(counts)
    return float(binomial.upper(lacking, rows, share))


def unseen_in_half(counts: list[int]) -> tuple[int, int]:
    """Split rows of texts at random; give the rows of the second half, and those whose text the first half lacks."""
    total = sum(counts)
    first = total // 2
    rng = np.random.default_rng([len(counts), total, max(counts)])
    drawn = rng.multivariate_hypergeometric(counts, first, method="marginals")
    lacking = int(sum(c for c, d in zip(counts, drawn, strict=True) if d == 0))
    return total - first, lacking


def _rounded(limit: float) -> float:
    """Round up, so that rounding never takes from a bound."""
    return min(1.0, math.ceil(limit * 1e5) / 1e5)


def _stem(name: str) -> str:
    return "" if name == "the table" else Path(name).name.partition(".")[0]
