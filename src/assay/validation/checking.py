"""A batch against its schema."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.core.fingerprint import digest
from assay.data.content import fingerprint
from assay.data.facts import columns_present, require_rows
from assay.data.sources import table as open_table
from assay.errors import DataError
from assay.stats import binomial, clustered
from assay.stats.multiplicity import holm
from assay.validation import alarms, clusters
from assay.validation.facts import column_verdicts
from assay.validation.inference import infer
from assay.validation.profiling import Profile
from assay.validation.rules import Counts, Rule, applies, as_sql, breaks, count, halves, rules_of
from assay.validation.schema import toml_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis

    from assay.core.check import Severity
    from assay.validation.clusters import Clustering
    from assay.validation.schema import Schema

CODES = {"nulls": "VAL102", "range": "VAL103", "categories": "VAL104", "tails": "VAL105"}
_SAYS = {
    "nulls": "missing values",
    "range": "values out of range",
    "categories": "unknown categories",
    "tails": "values in the tails",
}
_POWER = 0.9


def check(
    batch: Any,
    schema: Schema | None = None,
    *,
    reference: Any = None,
    alpha: float = 0.05,
    unit: str | None = None,
    check: str = "data",
    dataset: str = "",
    severity: Severity = "error",
    blocking: bool = False,
    fingerprints: Mapping[str, str] | None = None,
) -> list[Verdict]:
    r"""Hold a batch against a schema: one verdict for each column and rule.

    VAL101 columns and types are facts that are read. VAL102 missing values, VAL103 range, VAL104 categories and
    VAL105 tails ask whether the share of breaking rows is above its limit by more than chance. ``fail``: it is, and the
    guarantee below covers saying so. ``inconclusive``: the share seen is above the limit, and chance could have done
    it; or rows are not independent and no unit is declared. ``pass``: the share seen is within the limit; that no
    fault is there is not claimed, and the reason says how small a fault would have been found.

    Guarantee (exact): P(any ``fail`` on VAL102 to VAL105 without a fault) <= alpha, all columns together. A column is
    without a fault

    - with independent rows, when its true share of breaking rows is at most that of the reference plus the tolerance.
      Proof: with probability at least 1 - error (1%, spent by :func:`infer`), every limit is at least that share. Then
      every rejected hypothesis "rate <= limit" is true, the exact binomial p-values are valid given the reference
      (which the batch is independent of), and Holm at alpha - error rejects any with probability at most
      alpha - error. The sum is alpha. With limits that a person declared, error is 0;
    - with `unit` and a reference table, when its units are exchangeable with those of the reference. Proof: thresholds
      come from one half of the reference's units, chosen by a digest of the unit's name. Given them, the other half
      and the batch are exchangeable, so the rank of the batch's excess among random choices of as many units is a
      valid p-value (Phipson & Smyth), for each column; Holm at alpha joins them;
    - with `unit` and no reference table, when its true share is at most the limit in the schema. Proof: the wealth of
      a bet on independent units is an e-value, 1/e is a p-value (Markov), Holm joins them.

    Parameters
    ----------
    batch : anything that :func:`assay.data.table` opens
    schema : Schema, optional
        By default inferred from `reference`.
    reference : anything that :func:`assay.data.table` opens, or a Profile, optional
        Table that the schema came from; needed when there is no schema, and used with `unit`.
    alpha : float in (0, 1)
    unit : str, optional
        Column of the independent unit.
    check : str
        Id of the check.
    dataset : str, optional
        Name of the batch in messages and fingerprints.
    severity, blocking
        As in :class:`assay.core.Verdict`.
    fingerprints : dict of str to str, optional
        What was read, if it is known already; by default the batch's fingerprint is computed.

    Returns
    -------
    list of Verdict
        In the order of the schema's columns; VAL101 first for each.

    Raises
    ------
    DataError
        If the batch is empty, has no column `unit`, or nothing says what it should look like.
    ValueError
        If alpha is not above the error that the schema has spent.

    Notes
    -----
    Misleads when seasons differ: a batch of July is no batch of January, and will fail truthfully. Without `unit`, the
    rows that break a rule are tested for clustering by day and by columns that look like ids; found, the alarm
    becomes ``inconclusive``. A dependence that no such column shows goes unseen.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> rng = np.random.default_rng(1)
    >>> schema = infer(pa.table({"miles": rng.normal(1000, 200, 5000)}))
    >>> km = pa.table({"miles": 1.609 * rng.normal(1000, 200, 2000)})
    >>> for verdict in check(km, schema):
    ...     print(verdict.code, verdict.status)
    VAL101 pass
    VAL102 pass
    VAL103 fail
    VAL105 fail

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
    B. Phipson, G. K. Smyth, "Permutation p-values should never be zero", Statistical Applications in Genetics and
    Molecular Biology 9, 2010. V. Vovk, R. Wang, "E-values: calibration, combination and applications", Annals of
    Statistics 49, 2021.
    """
    started = time.perf_counter()
    name = dataset or (str(batch) if isinstance(batch, (str, Path)) else "the batch")
    table = open_table(batch)
    require_rows(table, name)
    if unit is not None:
        columns_present(table, [unit], name)
    if schema is None:
        if reference is None:
            raise DataError(
                "nothing says what the batch should look like: give a schema, or a reference to infer it from"
            )
        schema = infer(reference, unit=unit)
    spent = schema.reference.error if schema.reference is not None and unit is None else 0.0
    if not spent < alpha < 1:
        raise ValueError(f"alpha is {alpha}: it must lie above {spent}, the error of the schema's limits, and below 1")

    facts = column_verdicts(table, schema, check, name)
    rules = rules_of(schema)
    tested = [rule for rule in rules if applies(table, rule)]
    verdicts = list(facts)
    if tested:
        counts = count(table, schema, tested, unit)
        test = _Test(table, schema, tested, counts, alpha - spent, unit, reference)
        verdicts += test.verdicts(check, name)
    verdicts += [_skipped(rule, check) for rule in rules if rule not in tested]
    places = {column: i for i, column in enumerate(schema.columns)}
    verdicts.sort(key=lambda v: (places.get(v.subject, len(places)), v.code))
    read = dict(fingerprints) if fingerprints is not None else {dataset or "batch": fingerprint(table)}
    seconds = time.perf_counter() - started
    return [
        msgspec.structs.replace(
            verdict,
            severity=severity,
            blocking=blocking,
            evidence=msgspec.structs.replace(verdict.evidence, fingerprints=read, seconds=seconds),
        )
        for verdict in verdicts
    ]


class _Test:
    """The statistical rules of one batch, tested together."""

    def __init__(
        self,
        table: ibis.Table,
        schema: Schema,
        rules: list[Rule],
        counts: Counts,
        level: float,
        unit: str | None,
        reference: Any,
    ) -> None:
        self.table, self.schema, self.rules, self.counts = table, schema, rules, counts
        self.level, self.unit = level, unit
        self.intervals: dict[bytes, tuple[float, float]] = {}
        limits = np.array([rule.limit for rule in rules])
        self.seed: int | None = None
        origin = schema.reference
        apart = unit is not None and origin is not None and origin.unit == unit
        if unit is None:
            self.method = "exact binomial test, Holm"
            self.found = alarms.against_limits(counts, limits)
        elif reference is not None and not isinstance(reference, Profile) and (apart or origin is None):
            self.method = "permutation of units, Holm"
            beside = open_table(reference)
            columns_present(beside, [unit], "the reference")
            if apart:
                beside = halves(beside, unit)[1]
            known = [rule for rule in rules if applies(beside, rule)]
            if len(known) < len(rules):
                lost = next(rule.column for rule in rules if rule not in known)
                raise DataError(f"the reference has no column {lost!r} of the schema's type: infer the schema again")
            self.seed = int(digest([[*rule] for rule in rules])[:8], 16)
            against = count(beside, schema, rules, unit)
            if not against.sizes.size:
                where = "the half of the reference that stands beside the batch" if apart else "the reference"
                raise DataError(f"{where} has no {unit}: give a reference of more units, better 60")
            self.found = alarms.units_against_units(counts, against, limits, self.seed)
        else:
            self.method = "betting on units, Holm"
            self.found = alarms.units_against_limits(counts, limits)
        self.adjusted = holm(self.found.p_values)
        self.alarms = self.adjusted <= level
        self.clusters = self._clustering() if unit is None else {}

    def _clustering(self) -> dict[int, Clustering]:
        """Test the rows under each alarm for clustering.

        A refuted rule takes nothing from the others: when Holm first rejects a rule whose p-value is valid, at least as
        many hypotheses are left as there are valid true ones, so that these keep their level.
        """
        columns = clusters.candidates(self.table)
        found = {}
        for j in np.flatnonzero(self.alarms).tolist() if columns else ():
            cluster = clusters.find(self.table, breaks(self.table, self.schema, self.rules[j]), columns)
            if cluster is not None:
                found[j] = cluster
        return found

    def verdicts(self, check: str, name: str) -> list[Verdict]:
        return [self._verdict(j, check, name) for j in range(len(self.rules))]

    def _verdict(self, j: int, check: str, name: str) -> Verdict:
        rule = self.rules[j]
        rows = int(self.counts.sizes.sum())
        rate, p, adjusted = (float(x[j]) for x in (self.found.rates, self.found.p_values, self.adjusted))
        broken = int(self.counts.broken[:, j].sum())
        lower, upper = self._interval(j)
        seen = f"{broken:,} of {rows:,} rows ({_percent(rate)}) have {_SAYS[rule.family]} in {rule.column}"
        held = f"limit {_percent(rule.limit)}"
        guarantee = self._guarantee()
        actions: tuple[Action, ...] = ()
        statistic: dict[str, float | int | str | bool | None] = {
            "broken": broken,
            "p_value": p,
            "adjusted_p_value": adjusted,
            "tests": len(self.rules),
        }
        look = Action("look at the rows", f"SELECT * FROM {name} WHERE {as_sql(self.schema, rule)}")
        widen = Action(
            f"widen {rule.family} in [columns.{toml_key(rule.column)}] of the schema file",
            effect="if the new values are right",
        )
        cluster = self.clusters.get(j)
        if self.alarms[j] and cluster is None:
            status, reason = "fail", f"{seen}, {held}: chance does that with {_p(adjusted)}, over all rules"
            actions = (look, widen)
        elif cluster is not None:
            status = "inconclusive"
            reason = f"{seen}, {held}; but {cluster}, and no unit is declared, so no alarm can be trusted"
            actions = (_declare(cluster), look)
            guarantee = Guarantee.none(f"rows are not independent: {cluster}")
        elif rate > rule.limit:
            status = "inconclusive"
            if self.found.smallest[j] * len(self.rules) > self.level:
                reason = f"{seen}, {held}; so few {'units' if self.unit else 'rows'} could not have raised an alarm"
            else:
                reason = f"{seen}, {held}; chance could have done it ({_p(adjusted)} over all rules)"
            actions = (self._more(j), look)
        else:
            status, reason = "pass", f"{seen}, {held}: no fault shown"
            smallest = self._detectable(j)
            if smallest is not None:
                statistic["found_with_power_90"] = smallest
                reason += f"; a rate of {_percent(smallest)} would have been found with probability {_POWER:g}"
        return Verdict(
            status=status,  # type: ignore[arg-type]
            guarantee=guarantee,
            check=check,
            code=CODES[rule.family],
            stage="data",
            claim=Claim(f"share of rows with {_SAYS[rule.family]} <= {_percent(rule.limit)}"),
            evidence=Evidence(
                n=rows,
                units=self.counts.sizes.size if self.unit else None,
                unit=self.unit,
                measure=f"share of rows with {_SAYS[rule.family]}",
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
            subject=rule.column,
        )

    def _interval(self, j: int) -> tuple[float, float]:
        if self.unit is None:
            low, high = binomial.interval(int(self.counts.broken[0, j]), int(self.counts.sizes[0]), self.level)
            return float(low), float(high)
        broken = self.counts.broken[:, j]
        # Most rules are broken by no row: one interval serves them all.
        known = self.intervals.get(broken.tobytes())
        if known is None:
            low, high = clustered.interval(broken, self.counts.sizes, self.level)
            known = self.intervals[broken.tobytes()] = (max(0.0, float(low)), min(1.0, float(high)))
        return known

    def _detectable(self, j: int) -> float | None:
        """Give the smallest true rate that the test finds with probability 0.9, rows being independent."""
        if self.unit is not None:
            return None
        rows, limit, share = int(self.counts.sizes.sum()), self.rules[j].limit, self.level / len(self.rules)
        low, high = 0, rows + 1
        while high - low > 1:
            middle = (low + high) // 2
            if binomial.p_value_greater(middle, rows, limit) <= share:
                high = middle
            else:
                low = middle
        # P(Bin(rows, q) >= high) >= 0.9 exactly when q is the upper bound after high - 1 events at level 0.1.
        return float(binomial.upper(high - 1, rows, 1 - _POWER)) if high <= rows else None

    def _more(self, j: int) -> Action:
        if self.unit is not None:
            return Action(f"check a batch of more {self.unit}s", effect="more units make chance smaller")
        share = self.level / len(self.rules)
        rate = float(self.found.rates[j])
        needed = binomial.units_needed(rate, self.rules[j].limit, share) if 0 < self.rules[j].limit < rate else None
        title = f"check a batch of {needed:,} rows" if needed else "check a larger batch"
        return Action(title, effect="decides with probability 0.8 if the rate is the one seen")

    def _guarantee(self) -> Guarantee:
        origin = self.schema.reference
        if self.unit is not None:
            assumptions = [Assumption(f"units of {self.unit} are independent", "declared")]
            if self.method.startswith("permutation"):
                assumptions.append(
                    Assumption("a batch without a fault is like the reference", "unverifiable", "seasons break it")
                )
            else:
                assumptions.append(Assumption("the limits of the schema hold for good data", "declared"))
                assumptions.append(
                    Assumption(
                        f"no {self.unit} has more rows than {int(self.counts.sizes.max()):,}",
                        "unverifiable",
                        "the largest here; for these units alone nothing need be assumed",
                    )
                )
            return Guarantee.exact(self.level, "any false alarm, all columns together", assumptions, self.method)
        touched = bool(self.alarms.any())
        columns = ", ".join(column for column, _ in clusters.candidates(self.table))
        if touched and columns:
            independent = Assumption("rows are independent", "checked", f"no clustering found by {columns}")
        else:
            independent = Assumption("rows are independent", "unverifiable", "declare a unit if they are not")
        error = self.level + (origin.error if origin is not None else 0.0)
        source = "Clopper-Pearson (1934), Holm (1979)" + (
            ", limits of the reference at their own share" if origin else ""
        )
        limits = (
            Assumption("the reference is right", "declared")
            if origin
            else Assumption("the limits are right", "declared")
        )
        return Guarantee.exact(error, "any false alarm, all columns together", [independent, limits], source)


def _skipped(rule: Rule, check: str) -> Verdict:
    return Verdict(
        status="skipped",
        guarantee=Guarantee.none("the column cannot be read as the schema says"),
        check=check,
        code=CODES[rule.family],
        stage="data",
        claim=Claim(f"share of rows with {_SAYS[rule.family]} <= {_percent(rule.limit)}"),
        reason=f"{rule.column} is missing or of another type: see VAL101",
        subject=rule.column,
    )


def _p(value: float) -> str:
    return f"p = {value:.2g}" if value >= 1e-12 else "p < 1e-12"


def _declare(cluster: Clustering) -> Action:
    if cluster.by_day:
        return Action(f'declare the day of {cluster.column} as the unit: unit = "date" or a column of days')
    return Action(f'declare the unit: unit = "{cluster.column}"')


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
