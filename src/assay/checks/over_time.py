"""Declared checks of batch after batch: rates that go on (VAL4), and the newest value of each metric (VAL5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from assay.checks.job import Job
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.guarantee import Guarantee
from assay.core.strict_toml import read
from assay.core.verdict import Verdict
from assay.errors import ProjectError
from assay.validation import Conformal, MetricHistory, Schema, Watch, measure
from assay.validation.rules import applies, count
from assay.validation.table_facts import analyzer

if TYPE_CHECKING:
    import ibis

    from assay.checks.dataset import Dataset
    from assay.checks.inputs import Inputs
    from assay.core.project import CheckTable

_PERIOD = "assay_period"
_UNITS = {"hour": "h", "day": "D", "week": "W", "month": "M"}


def prepare(check: CheckTable, inputs: Inputs, alpha: float) -> Job:
    """Cut each dataset into batches by its timestamp, and read them in time order from the first one on.

    ``alpha`` is not used: false alarms are counted in time, by ``false_alarms``.
    """
    del alpha
    project = inputs.project
    path = project.root / project.file.project.schema
    if not path.exists():
        raise ProjectError(
            f"it watches what a schema limits, and {path.name} is not there: write it with `assay schema infer`"
        )
    text = read(path)
    schema = Schema.from_toml(text, str(path))
    metrics = check.use.upper().startswith("VAL5")
    if metrics and not schema.metrics:
        raise ProjectError(
            f"it follows metrics, and {path.name} has none: add [[metrics]] with measure = 'Mean(\"delay\")'"
        )
    names = check.datasets or tuple(n for n, d in project.file.datasets.items() if d.role == "live" and d.timestamp)
    if not names:
        raise ProjectError("it needs batches: name datasets that declare a timestamp")
    datasets = [inputs.dataset(name) for name in names]
    for dataset in datasets:
        if dataset.declared.timestamp is None:
            raise ProjectError(
                f"it cuts {dataset.name!r} into batches by time: add timestamp = ... to [datasets.{dataset.name}]"
            )
    depends = {f"dataset:{d.name}": d.fingerprint for d in datasets} | {"schema": text}
    depends |= {"declared": repr([(d.declared.timestamp, d.declared.unit) for d in datasets])}
    judge = _metrics if metrics else _rates

    def evaluate() -> list[Verdict]:
        return [_signed(verdict, check, d) for d in datasets for verdict in judge(check, schema, d)]

    return Job(depends, evaluate)


def _periods(dataset: Dataset, cadence: str) -> ibis.Table:
    time = dataset.table[str(dataset.declared.timestamp)].cast("timestamp")
    kept = dataset.table.filter(time.notnull())
    period = kept[str(dataset.declared.timestamp)].cast("timestamp").truncate(_UNITS[cadence])
    return kept.mutate(**{_PERIOD: period.cast("string")})


def _rates(check: CheckTable, schema: Schema, dataset: Dataset) -> list[Verdict]:
    watch = Watch(
        schema,
        false_alarms=check.false_alarms,
        cadence=check.cadence,
        unit=dataset.declared.unit,
        environment=check.environment or None,
    )
    table = _periods(dataset, check.cadence)
    parts: dict[str, list[Any]] = {}
    for rule in watch.rules:
        if applies(table, rule):
            parts.setdefault(rule.where, []).append(rule)
    periods = sorted(table.select(_PERIOD).distinct().to_pyarrow().column(0).to_pylist())
    counted: dict[str, dict[str, tuple[int, int]]] = {period: {} for period in periods}
    for where, rules in parts.items():
        found = count(table, rules, _PERIOD, where=where)
        # Periods without a row that the rule speaks of are not in the answer.
        kept = table if not where else _where(table, where)
        present = sorted(kept.select(_PERIOD).distinct().to_pyarrow().column(0).to_pylist())
        for i, period in enumerate(present):
            for j, rule in enumerate(rules):
                counted[period][f"{rule.family}:{rule.column}"] = (int(found.broken[i, j]), int(found.sizes[i]))
    alarmed: dict[str, Verdict] = {}
    newest: list[Verdict] = []
    for period in periods:
        newest = watch.take(counted[period], period, check=check.name)
        for verdict in newest:
            if verdict.failed:
                alarmed[verdict.subject] = msgspec.structs.replace(
                    verdict, reason=f"in the batch of {period}, {verdict.reason}"
                )
    # An alarm stands until the batch is looked at, taken out or the schema mended; the newest batch says the rest.
    return [alarmed.get(verdict.subject, verdict) if not verdict.failed else verdict for verdict in newest]


def _where(table: ibis.Table, predicate: str) -> ibis.Table:
    from assay.data.slice import flags

    wide = flags(table, {"assay_where": predicate})
    return wide.filter(wide["assay_where"])


def _metrics(check: CheckTable, schema: Schema, dataset: Dataset) -> list[Verdict]:
    table = _periods(dataset, check.cadence)
    asked = [analyzer(metric) for metric in schema.metrics]
    missing = {one: [c for c in one.columns if c not in table.columns] for one in asked}
    history = MetricHistory()
    for period in sorted(table.select(_PERIOD).distinct().to_pyarrow().column(0).to_pylist()):
        batch = table.filter(table[_PERIOD] == period).drop(_PERIOD)
        found = measure(batch, [one for one in asked if not missing[one]])
        numbers = {one: value for one, value in found.items() if value is not None and np.isfinite(value)}
        history.append(numbers, period)
    rule = Conformal(false_alarms=check.false_alarms, cadence=check.cadence)
    verdicts = []
    for metric, one in zip(schema.metrics, asked, strict=True):
        if missing[one]:
            verdicts.append(_skipped(check, metric.name or metric.measure, f"no column {', '.join(missing[one])}"))
        else:
            verdicts.append(history.newest(one, rule, check=check.name))
    return verdicts


def _skipped(check: CheckTable, subject: str, why: str) -> Verdict:
    return Verdict(
        status="skipped",
        guarantee=Guarantee.none("nothing was measured"),
        check=check.name,
        code="VAL501",
        stage="data",
        claim=Claim(f"{subject} is like those before it"),
        evidence=Evidence(),
        reason=f"{subject}: the dataset has {why}",
        subject=subject,
    )


def _signed(verdict: Verdict, check: CheckTable, dataset: Dataset) -> Verdict:
    evidence = msgspec.structs.replace(verdict.evidence, fingerprints={dataset.key: dataset.fingerprint})
    return msgspec.structs.replace(verdict, evidence=evidence, severity=check.severity, blocking=check.blocking)
