"""A table against its schema."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from assay.core import Claim, Guarantee, Verdict
from assay.data.content import fingerprint
from assay.data.facts import columns_present, require_rows
from assay.data.sources import file_in_sql
from assay.data.sources import table as open_table
from assay.errors import DataError
from assay.validation.codes import CODES, DRIFT, SKEW, measure, percent
from assay.validation.counted import counted_verdicts
from assay.validation.distributions import comparisons, distribution_verdicts, limited
from assay.validation.facts import column_verdicts
from assay.validation.inference import infer
from assay.validation.parts import parts_of
from assay.validation.profiling import Profile
from assay.validation.rates import Rates
from assay.validation.rules import Rule, absent_columns, applies, named_columns, rules_of
from assay.validation.schema import as_schema
from assay.validation.table_facts import distinct_verdicts, metric_verdicts, row_verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.core.check import Severity


def validate(
    table: Any,
    schema: Any = None,
    *,
    environment: str | None = None,
    reference: Any = None,
    serving: Any = None,
    training: Any = None,
    alpha: float = 0.05,
    fdr: float | None = None,
    unit: str | None = None,
    now: datetime | None = None,
    references: Mapping[str, Any] | None = None,
    check: str = "data",
    dataset: str = "",
    source: str = "",
    severity: Severity = "error",
    blocking: bool = False,
    fingerprints: Mapping[str, str] | None = None,
) -> list[Verdict]:
    r"""Hold a table against a schema: one verdict for each rule, and for each rule in each slice.

    Three kinds of rule are told apart by what the schema says. **never** (``at_most`` 0, and what judges rows by other
    rows: uniqueness, keys, functional dependencies; also columns, types, row counts, freshness, metrics): facts of this
    table, that are read. **at_most**: asks whether the share of breaking rows is above its limit by more than chance.
    ``fail``: it is, and the guarantee below covers saying so. ``inconclusive``: the share seen is above the limit, and
    chance could have done it; or rows are not independent and no unit is declared. ``pass``: the share seen is within
    the limit; that no fault is there is not claimed, and the reason says how small a fault would have been found.
    **drift** and **skew**: as :func:`assay.validation.compare`.

    Guarantee (exact). Facts: error 0, and no alpha is spent. The others: P(any ``fail`` without a fault) <= alpha, all
    rules, columns and slices together; with `fdr`, the expected share of those without a fault among what fails is at
    most `fdr`. A rate rule is without a fault

    - with independent rows, when its true share of breaking rows is at most that of the reference plus the tolerance.
      Proof: with probability at least 1 - error (1%, spent by :func:`infer`), every limit is at least that share. Then
      every rejected hypothesis "rate <= limit" is true, the exact binomial p-values are valid given the reference
      (which the batch is independent of), and Holm at alpha - error rejects any with probability at most
      alpha - error. The sum is alpha. With limits that a person declared, error is 0;
    - with `unit`, inferred limits and a reference table, when its units are exchangeable with those of the reference. Proof: thresholds
      come from one half of the reference's units, chosen by a digest of the unit's name. Given them, the other half
      and the batch are exchangeable, so the rank of the batch's excess among random choices of as many units is a
      valid p-value (Phipson & Smyth), for each column; Holm at alpha joins them;
    - with `unit` otherwise, when its true share is at most the limit in the schema. Proof: the wealth of
      a bet on independent units is an e-value, 1/e is a p-value (Markov), Holm joins them.

    Of alpha, rate rules have R / (R + D) for R rules and D columns whose drift or skew is limited: the union bound
    joins the two, and for `fdr` the share of false alarms among all is at most the sum of the shares within each.

    Parameters
    ----------
    table : anything that :func:`assay.data.table` opens
    schema : Schema, class of typed fields (:func:`from_class`), or Check, optional
        By default inferred from `reference`.
    environment : str, optional
        One of the schema's: only columns that are expected there are checked.
    reference : anything that :func:`assay.data.table` opens, or a Profile, optional
        Table that the schema came from: needed when there is no schema, for drift and row ratios, and used with `unit`.
    serving : anything that :func:`assay.data.table` opens, optional
        What `table`, the training data, is compared with where ``skew`` is limited.
    training : anything that :func:`assay.data.table` opens, optional
        What `table`, the serving data, is compared with where ``skew`` is limited; one of the two.
    alpha : float in (0, 1)
    fdr : float in (0, 1), optional
        Limit the share of false alarms among all alarms (Benjamini-Yekutieli, e-BH), instead of the probability of any.
    unit : str, optional
        Column of the independent unit; by default the schema's.
    now : datetime, optional
        When freshness is judged; by default the present. Without a time zone it is UTC.
    references : dict of str to table, optional
        Tables that foreign keys name.
    check : str
        Id of the check.
    dataset : str, optional
        Name of the table in messages and fingerprints.
    source : str, optional
        What stands for the table in the SQL that verdicts propose, ``"'data/new.parquet'"``; by default `table`, if
        it is the path of a file.
    severity, blocking
        As in :class:`assay.core.Verdict`; what has no error bound never blocks.
    fingerprints : dict of str to str, optional
        What was read, if it is known already; by default the table's fingerprint is computed, which takes longer than all
        else. With ``{}`` the verdicts do not name what they were given on.

    Returns
    -------
    list of Verdict
        In the order of the schema's columns, then relations, metrics and the table as a whole. ``evidence.statistic``
        holds ``alpha_spent``, and for a fault ``edit`` and ``edit_value``: see :func:`proposed_edits`.

    Raises
    ------
    DataError
        If the table is empty, has no column `unit`, a rule names what is not there, or nothing says what the table
        should look like.
    ValueError
        If alpha or fdr is not above the error that the schema has spent, or the environment is not the schema's.

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
    >>> for verdict in validate(km, schema):
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
    name = dataset or (str(table) if isinstance(table, (str, Path)) else "the batch")
    opened = open_table(table)
    source = source or file_in_sql(table)
    rows = require_rows(opened, name)
    if schema is None and reference is None:
        raise DataError("nothing says what the batch should look like: give a schema, or a reference to infer it from")
    fitting = infer(reference, unit=unit) if schema is None else as_schema(schema)
    unit = unit or fitting.unit
    if unit is not None:
        columns_present(opened, [unit], name)
    if environment is not None and environment not in fitting.environments:
        known = ", ".join(fitting.environments) or "none"
        raise ValueError(f"environment is {environment!r}; the schema has {known}: declare it in environments = [...]")
    spent = fitting.reference.error if fitting.reference is not None and unit is None else 0.0
    word, total = ("alpha", alpha) if fdr is None else ("fdr", fdr)
    if not spent < total < 1:
        raise ValueError(f"{word} is {total}: it must lie above {spent}, the error of the schema's limits, and below 1")

    before = open_table(reference) if reference is not None and not isinstance(reference, Profile) else None
    linked = references or {}
    rules = rules_of(fitting, environment)
    absent = absent_columns(opened, fitting)
    lacking = {rule: lost for rule in rules if (lost := sorted(absent & named_columns(rule)))} if absent else {}
    readable = [rule for rule in rules if rule not in lacking and applies(opened, rule)]
    verdicts = column_verdicts(opened, fitting, rows, check, name, environment)
    verdicts += counted_verdicts(opened, [rule for rule in readable if rule.counted], rows, check, source, linked)
    verdicts += [_skipped(rule, check, lacking.get(rule, ())) for rule in rules if rule not in readable]
    parts, too_small = parts_of(opened, fitting, [rule for rule in readable if not rule.counted], check, absent)
    verdicts += too_small
    drift, skew = (limited(fitting, environment, family) for family in ("drift", "skew"))
    if serving is not None and training is not None:
        raise ValueError("serving and training are both given, and the table is one of the two: leave one out")
    trained, served = (opened, serving) if training is None else (open_table(training), opened)
    compared = comparisons(fitting, environment, reference=before is not None, serving=served is not None)
    tested = sum(len(part.rules) for part in parts)
    share = (total - spent) / max(tested + compared, 1)
    if parts:
        level = share * tested if compared else total - spent
        rates = Rates(
            opened, fitting, parts, level, unit=unit, reference=reference, fdr=fdr is not None, references=linked
        )
        verdicts += rates.verdicts(check, source)
    for mine, other, wanted, code in ((opened, before, drift, DRIFT), (trained, served, skew, SKEW)):
        if wanted:
            verdicts += distribution_verdicts(
                mine, other, wanted, code, share, fdr=fdr is not None, unit=unit, check=check, name=name
            )
    verdicts += distinct_verdicts(opened, fitting, environment, rows, check, name)
    places = {column: i for i, column in enumerate(fitting.columns)}
    verdicts.sort(key=lambda v: (places.get(v.subject.split(" | ")[0], len(places)), v.code, v.subject))
    moment = (now.replace(tzinfo=UTC) if now.tzinfo is None else now) if now is not None else datetime.now(UTC)
    verdicts += metric_verdicts(opened, fitting, rows, check, name, absent)
    verdicts += row_verdicts(opened, fitting, rows, check, name, before, moment)
    read = dict(fingerprints) if fingerprints is not None else {dataset or "batch": fingerprint(opened)}
    seconds = time.perf_counter() - started
    return [
        msgspec.structs.replace(
            verdict,
            severity=severity,
            blocking=blocking and verdict.guarantee.kind != "estimate",
            evidence=msgspec.structs.replace(verdict.evidence, fingerprints=read, seconds=seconds),
        )
        for verdict in verdicts
    ]


def _skipped(rule: Rule, check: str, lost: Sequence[str]) -> Verdict:
    why = f"{rule.column} is missing or of another type: see VAL101"
    if lost:
        why = f"it speaks of {', '.join(lost)}, which the table does not have: see VAL101"
    return Verdict(
        status="skipped",
        guarantee=Guarantee.none("the column cannot be read as the schema says"),
        check=check,
        code=CODES[rule.family],
        stage="data",
        claim=Claim(f"{measure(rule.family)} <= {percent(rule.limit)}"),
        reason=why,
        subject=rule.column,
    )
