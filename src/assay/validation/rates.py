"""Rate rules of one batch, tested together: in all rows, in slices, and in the rows that a relation speaks of."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.core.fingerprint import digest
from assay.core.guarantee import independence
from assay.data.facts import columns_present
from assay.data.sources import table as open_table
from assay.errors import DataError
from assay.stats import binomial, clustered
from assay.stats.multiplicity import benjamini_yekutieli, holm
from assay.validation import alarms, clusters
from assay.validation.codes import CODES, has, measure, percent
from assay.validation.conditions import IS_NAN, NAN, as_sql, type_at
from assay.validation.edits import accept, at_most, rounded_up
from assay.validation.profiling import Profile
from assay.validation.rules import Rule, applies, broken, count, halves

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis
    from numpy.typing import NDArray

    from assay.validation.clusters import Clustering
    from assay.validation.schema import Schema

_POWER = 0.9
# A longer condition is nothing to read.
_LONG = 300


class Part(NamedTuple):
    """Rows that rules are asked of: all (no name, no predicate), a slice, or those that a relation speaks of."""

    name: str
    where: str
    rules: tuple[Rule, ...]


class _Tested(NamedTuple):
    """One rule in one part, with what the batch says."""

    rule: Rule
    part: Part
    broken: NDArray[np.int64]
    sizes: NDArray[np.int64]
    rate: float
    p_value: float
    smallest: float

    @property
    def rows(self) -> int:
        return int(self.sizes.sum())

    @property
    def subject(self) -> str:
        return f"{self.rule.column} | {self.part.name}" if self.part.name else self.rule.column


class Rates:
    """The statistical rules of one batch, tested together."""

    def __init__(
        self,
        table: ibis.Table,
        schema: Schema,
        parts: Sequence[Part],
        level: float,
        *,
        unit: str | None,
        reference: Any,
        fdr: bool,
        references: Mapping[str, Any],
    ) -> None:
        self.table, self.schema, self.level, self.unit, self.fdr = table, schema, level, unit, fdr
        self.references = references
        self.intervals: dict[bytes, tuple[float, float]] = {}
        self.seed: int | None = None
        origin = schema.reference
        self.method = "exact binomial test" if unit is None else "betting on units"
        apart = unit is not None and origin is not None and origin.unit == unit
        beside: ibis.Table | None = None
        # Limits that a person declared are held against as they are; inferred ones with the rows that they came from.
        if unit is not None and apart and reference is not None and not isinstance(reference, Profile):
            self.method = "permutation of units"
            beside = open_table(reference)
            columns_present(beside, [unit], "the reference")
            beside = halves(beside, unit)[1]
        self.method += ", Benjamini-Yekutieli" if fdr else ", Holm"
        self.tested = [tested for part in parts for tested in self._test(part, beside)]
        correct = benjamini_yekutieli if fdr else holm
        self.adjusted = correct([tested.p_value for tested in self.tested])
        self.alarms = self.adjusted <= level
        # What one test is left with when all others are true: the smallest threshold of either correction.
        harmonic = float(np.sum(1 / np.arange(1, len(self.tested) + 1))) if fdr else 1.0
        self.share = level / max(len(self.tested) * harmonic, 1)
        self.columns = clusters.candidates(table, () if unit is None else (unit,))
        self.looked: list[tuple[str, float]] = []
        self.clusters = self._clustering()
        p_values = np.array([1.0 if j in self.clusters else tested.p_value for j, tested in enumerate(self.tested)])
        self.adjusted = correct(p_values)
        self.alarms = self.adjusted <= level
        self.promise = self._guarantee()

    def _test(self, part: Part, beside: ibis.Table | None) -> list[_Tested]:
        rules = part.rules
        limits = np.array([rule.limit for rule in rules])
        counts = count(self.table, rules, self.unit, where=part.where, references=self.references)
        if self.unit is None:
            found = alarms.against_limits(counts, limits)
        elif beside is None:
            found = alarms.units_against_limits(counts, limits)
        else:
            lost = next((rule.column for rule in rules if not applies(beside, rule)), None)
            if lost is not None:
                raise DataError(f"the reference has no column {lost!r} of the schema's type: infer the schema again")
            plain = [[rule.column, rule.family, rule.limit] for rule in rules]
            self.seed = int(digest([*plain, [part.name, part.where]] if part.where else plain)[:8], 16)
            against = count(beside, rules, self.unit, where=part.where, references=self.references)
            if not against.sizes.size:
                name = f" in {part.name or part.where}" if part.where else ""
                raise DataError(
                    f"the half of the reference that stands beside the batch has no {self.unit}{name}: "
                    "give a reference of more units, better 60"
                )
            found = alarms.units_against_units(counts, against, limits, self.seed)
        return [
            _Tested(rule, part, counts.broken[:, j], counts.sizes, *(float(x[j]) for x in found))
            for j, rule in enumerate(rules)
        ]

    def _clustering(self) -> dict[int, Clustering]:
        """Test the rows (units) under each alarm for clustering.

        A refuted rule takes nothing from the others: with p = 1 in its place, which is valid whatever its rows are, the
        correction is made again. So these keep their level; for Benjamini and Yekutieli they would not, were the alarm
        just left out, as a rejected rule eases the threshold of the others.
        """
        found = {}
        for j in np.flatnonzero(self.alarms).tolist() if self.columns else ():
            tested = self.tested[j]
            wide, [value], kept = broken(self.table, [tested.rule], where=tested.part.where, references=self.references)
            if kept is not None:
                # A row of another part has no say.
                value = kept.ifelse(value, None)
            cluster, looked = clusters.find(wide, value, self.columns, unit=self.unit)
            self.looked += looked
            if cluster is not None:
                found[j] = cluster
        return found

    def verdicts(self, check: str, source: str) -> list[Verdict]:
        """Give one verdict for each rule and part; ``source`` stands for the table in SQL."""
        return [self._verdict(j, check, source) for j in range(len(self.tested))]

    def _verdict(self, j: int, check: str, source: str) -> Verdict:
        tested = self.tested[j]
        rule, rows, rate = tested.rule, tested.rows, tested.rate
        adjusted = float(self.adjusted[j])
        bad = int(tested.broken.sum())
        lower, upper = self._interval(tested)
        inside = f" of {tested.part.name or tested.part.where}" if tested.part.where else ""
        seen = f"{bad:,} of {rows:,} rows{inside} ({percent(rate)}) {has(rule.family, rule.column)}"
        held = f"limit {percent(rule.limit)}"
        guarantee = self.promise
        actions: tuple[Action, ...] = ()
        statistic: dict[str, float | int | str | bool | None] = {
            "broken": bad,
            "p_value": tested.p_value,
            "adjusted_p_value": adjusted,
            "tests": len(self.tested),
            "alpha_spent": self.level,
        }
        look = look_at(self.table, rule, source, tested.part.where)
        edit = at_most(rule, rate)
        cluster = self.clusters.get(j)
        if self.alarms[j]:
            status = "fail"
            reason = f"{seen}, {held}: chance does that with {_p(adjusted)}, over all rules"
            actions = (look, accept(edit))
            statistic |= edit.said()
        elif cluster is not None:
            status = "inconclusive"
            declared = "no unit is declared" if self.unit is None else "that is not the unit"
            reason = f"{seen}, {held}; but {cluster}, and {declared}, so no alarm can be trusted"
            actions = (_declare(cluster), look)
            guarantee = Guarantee.none(f"{cluster.of} are not independent: {cluster}")
        elif rate > rule.limit:
            status = "inconclusive"
            if tested.smallest > self.share:
                reason = f"{seen}, {held}; so few {'units' if self.unit else 'rows'} could not have raised an alarm"
            else:
                reason = f"{seen}, {held}; chance could have done it ({_p(adjusted)} over all rules)"
            actions = (self._more(tested), look)
        else:
            # A pass alarms at nothing: that the rate is below the limit is another claim, which the interval may not hold.
            open_ = f", though rates up to {percent(upper)} are not excluded" if upper > rule.limit else ""
            status, reason = "pass", f"{seen}, {held}: no fault shown{open_}"
            smallest = self._detectable(tested)
            if smallest is not None:
                statistic["found_with_power_90"] = smallest
                reason += f"; a rate of {percent(smallest)} would have been found with probability {_POWER:g}"
        return Verdict(
            status=status,  # type: ignore[arg-type]
            guarantee=guarantee,
            check=check,
            code=CODES[rule.family],
            stage="data",
            claim=Claim(f"{measure(rule.family)} <= {percent(rule.limit)}"),
            evidence=Evidence(
                n=rows,
                units=tested.sizes.size if self.unit else None,
                unit=self.unit,
                measure=measure(rule.family),
                estimate=rate,
                lower=lower,
                upper=upper,
                limit=rule.limit,
                level=1 - self.level,
                statistic=statistic,
                method=self.method,
                seed=self.seed,
            ),
            actions=actions,
            reason=reason,
            subject=tested.subject,
        )

    def _interval(self, tested: _Tested) -> tuple[float, float]:
        if self.unit is None:
            return _clopper_pearson(int(tested.broken[0]), int(tested.sizes[0]), self.level)
        # Most rules are broken by no row: one interval serves them all.
        key = tested.broken.tobytes() + tested.sizes.tobytes()
        known = self.intervals.get(key)
        if known is None:
            low, high = clustered.interval(tested.broken, tested.sizes, self.level)
            known = self.intervals[key] = (max(0.0, float(low)), min(1.0, float(high)))
        return known

    def _detectable(self, tested: _Tested) -> float | None:
        """Give the smallest true rate that the test finds with probability 0.9, rows being independent."""
        return None if self.unit is not None else _found_with_power(tested.rows, tested.rule.limit, self.share)

    def _more(self, tested: _Tested) -> Action:
        if self.unit is not None:
            return Action(f"check a batch of more {self.unit}s", effect="more units make chance smaller")
        needed = _rows_to_decide(tested.rate, tested.rule.limit, self.share)
        title = f"check a batch of about {needed:,} rows" if needed else "check a larger batch"
        return Action(title, effect="decides with probability about 0.8 if the rate is the one seen")

    def _guarantee(self) -> Guarantee:
        origin = self.schema.reference
        scope = f"{'share of false alarms' if self.fdr else 'any false alarm'}, all columns together"
        if self.unit is not None:
            assumptions = [independence(self.looked, "", f"units of {self.unit} are independent")]
            if self.method.startswith("permutation"):
                assumptions.append(
                    Assumption("a batch without a fault is like the reference", "unverifiable", "seasons break it")
                )
            else:
                largest = max(int(tested.sizes.max()) for tested in self.tested)
                assumptions.append(Assumption("the limits of the schema hold for good data", "declared"))
                assumptions.append(
                    Assumption(
                        f"no {self.unit} has more rows than {largest:,}",
                        "unverifiable",
                        "the largest here; for these units alone nothing need be assumed",
                    )
                )
            return Guarantee.exact(self.level, scope, assumptions, self.method)
        independent = independence(self.looked, "declare a unit if they are not")
        error = self.level + (origin.error if origin is not None else 0.0)
        source = f"Clopper-Pearson (1934), {'Benjamini and Yekutieli (2001)' if self.fdr else 'Holm (1979)'}"
        if origin is not None:
            source += ", limits of the reference at their own share"
        right = "the limits are right" if origin is None else "the reference is right"
        return Guarantee.exact(error, scope, [independent, Assumption(right, "declared")], source)


# Hundreds of columns have the same limit, and few rows that break it.
@lru_cache(4096)
def _clopper_pearson(broken: int, rows: int, level: float) -> tuple[float, float]:
    low, high = binomial.interval(broken, rows, level)
    return float(low), float(high)


@lru_cache(4096)
def _found_with_power(rows: int, limit: float, share: float) -> float | None:
    low, high = 0, rows + 1
    while high - low > 1:
        middle = (low + high) // 2
        if binomial.p_value_greater(middle, rows, limit) <= share:
            high = middle
        else:
            low = middle
    # P(Bin(rows, q) >= high) >= 0.9 exactly when q is the upper bound after high - 1 events at level 0.1.
    return float(binomial.upper(high - 1, rows, 1 - _POWER)) if high <= rows else None


def _rows_to_decide(rate: float, limit: float, share: float) -> int | None:
    """Give about the rows that find a rate with probability 0.8, by the normal approximation (Fleiss, 1981)."""
    if not 0 < limit < rate:
        return None
    quantile = NormalDist().inv_cdf
    spread = quantile(1 - share) * math.sqrt(limit * (1 - limit)) + quantile(0.8) * math.sqrt(rate * (1 - rate))
    return int(rounded_up((spread / (rate - limit)) ** 2))


def look_at(table: ibis.Table, rule: Rule, source: str, where: str = "") -> Action:
    """Propose to look at the rows that break a rule: in SQL where there is a short one and `source` names the table."""
    condition = ""
    if source:
        # Only Parquet has statistics that leave NaN out.
        nan = NAN if ".parquet" in source or ".pq" in source else IS_NAN
        condition = as_sql(type_at(table, rule.column), rule.column, rule.family, rule.spec, nan)
    if not condition or len(condition) > _LONG:
        return Action("look at the rows", "assay.validation.failing_rows(table, schema, verdict)")
    kept = [f"({each})" for each in dict.fromkeys((condition, rule.where, where)) if each]
    both = " AND ".join(kept) if len(kept) > 1 else condition
    return Action("look at the rows", f"SELECT * FROM {source} WHERE {both}".replace("FROM rows", f"FROM {source}"))


def _p(value: float) -> str:
    return f"p = {value:.2g}" if value >= 1e-12 else "p < 1e-12"


def _declare(cluster: Clustering) -> Action:
    if cluster.by_day:
        return Action(f'declare the day of {cluster.column} as the unit: unit = "date" or a column of days')
    return Action(f'declare the unit: unit = "{cluster.column}"')
