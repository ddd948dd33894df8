"""Are the features that a model was trained on those that it is served? Row by row, joined by key."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from assay.core import Action, Claim, Evidence, Guarantee, Verdict
from assay.core.guarantee import independence
from assay.data.content import fingerprint
from assay.data.facts import columns_present, require_rows, row_count
from assay.data.sources import table as open_table
from assay.errors import UsageError
from assay.stats import binomial, clustered
from assay.stats.multiplicity import holm
from assay.validation import clusters
from assay.validation.profiling import NESTED, kind_of
from assay.validation.row_join import NUMBERS, Counts, count, differs, join, no_duplicates, same_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis
    from numpy.typing import NDArray

    from assay.core.check import Severity
    from assay.core.evidence import Scalar
    from assay.core.verdict import Status
    from assay.validation.clusters import Clustering

CODE, KEYS = "VAL301", "VAL302"


def skew(
    train: Any,
    serve: Any,
    *,
    on: Sequence[str],
    ignore: Sequence[str] = (),
    tolerance: float = 0.0,
    digits: int | None = None,
    alpha: float = 0.05,
    unit: str | None = None,
    examples: int = 5,
    check: str = "skew",
    dataset: str = "",
    severity: Severity = "error",
    blocking: bool = False,
    fingerprints: Mapping[str, str] | None = None,
) -> list[Verdict]:
    r"""Join the rows of training and serving by key, and compare every feature that both have.

    One verdict says how the keys match (VAL302: ``fail`` if no row does), one for each feature how often it differs
    (VAL301), with examples of rows that differ in ``evidence.series``. Missing values are equal to each other and to
    nothing else.

    With ``tolerance=0`` a verdict is a fact about the joined rows: ``fail`` if any differs, ``pass`` if none does; the
    interval in the evidence bounds the share among rows like these. With a tolerance it speaks of that share: ``fail``:
    shown to be above it, ``pass``: shown to be at most that, ``inconclusive``: neither, or the rows are not independent.

    Guarantee (exact). Tolerance 0: read, not inferred. Otherwise P(any feature fails whose share is at most the
    tolerance) <= alpha, and P(any passes whose share is above it) <= alpha, under any dependence of features: exact
    binomial p-values (with a unit: 1/e of a bet on independent units, by Markov) joined by Holm.

    Parameters
    ----------
    train, serve : anything that :func:`assay.data.table` opens
    on : sequence of str
        Columns that together tell rows apart, in both tables.
    ignore : sequence of str
        Columns that are not compared.
    tolerance : float, in [0, 1)
        Share of rows that may differ.
    digits : int, optional
        Numbers are equal if they differ by at most half a unit of this decimal place; by default only if they are equal.
    alpha : float, in (0, 1)
    unit : str, optional
        Column of the independent unit, in the training table; for a tolerance above 0.
    examples : int, at least 0
        Rows that differ to show for each feature, in the order of the keys.
    check, severity, blocking
        As in :class:`assay.core.Verdict`.
    dataset : str, optional
        Name of the serving table in messages and fingerprints.
    fingerprints : dict of str to str, optional
        What was read, if it is known already; by default both are computed.

    Returns
    -------
    list of Verdict
        VAL302, then VAL301 for each column of the training table that is neither key nor ignored. Columns that serving
        lacks, and nested ones, are ``skipped``.

    Raises
    ------
    DataError
        If a table is empty, a key is missing, of another type, or stands in several rows of one table.
    UsageError
        If a term is out of range.

    Notes
    -----
    Misleads where a row may rightly change between training and serving (a running total). To compare distributions,
    where rows have no key, use :func:`assay.validation.compare`. Cost: one join and a pass over it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> train = pa.table({"id": [1, 2, 3, 4], "miles": [100.0, 200.0, 300.0, None], "carrier": ["AA", "UA", "UA", "B6"]})
    >>> serve = pa.table({"id": [2, 3, 4, 5], "miles": [322.0, 483.0, None, 100.0], "carrier": ["UA", "UA", "B6", "AA"]})
    >>> for verdict in skew(train, serve, on=["id"]):
    ...     print(verdict.code, verdict.status, verdict.reason)
    VAL302 pass 3 rows joined by id; 1 only in training, 1 only in serving
    VAL301 fail miles differs in 2 of 3 joined rows (66.7%), for example 200.0 in training and 322.0 in serving
    VAL301 pass carrier is the same in all 3 joined rows

    References
    ----------
    Breck, E. et al. "Data validation for machine learning." MLSys 2019 (feature skew by join). Clopper, C. J. and Pearson,
    E. S., Biometrika 26(4), 1934. Holm, S., Scandinavian Journal of Statistics 6, 1979.
    """
    started = time.perf_counter()
    keys = [on] if isinstance(on, str) else list(on)
    _check_terms(keys, tolerance, alpha, examples)
    before, after = open_table(train), open_table(serve)
    names = [
        str(t) if isinstance(t, (str, Path)) else word
        for t, word in ((train, "the training table"), (serve, dataset or "the serving table"))
    ]
    for opened, name in zip((before, after), names, strict=True):
        require_rows(opened, name)
        columns_present(opened, keys, name)
        no_duplicates(opened, keys, name)
    if unit is not None:
        columns_present(before, [unit], names[0])
    same_keys(before, after, keys)
    columns_present(before, [c for c in ignore if c not in after.columns], names[0])
    wanted = [c for c in before.columns if c not in keys and c not in ignore]
    hindrances = {column: _hindrance(before, after, column) for column in wanted}
    tested = [column for column in wanted if not hindrances[column]]
    if fingerprints is None:
        fingerprints = {"train": fingerprint(before), dataset or "serve": fingerprint(after)}
    joined = join(before, after, keys, tested, unit)
    counts = count(joined, tested, digits, unit)
    matched = _matched(before, after, keys, counts.rows, check)
    terms = _Terms(keys, tolerance, alpha, unit, digits, examples, check)
    found = {column: _skipped(column, why, terms) for column, why in hindrances.items() if why}
    if counts.rows:
        found |= _judge(joined, tested, counts, terms)
    else:
        found |= {column: _skipped(column, "no row is joined", terms) for column in tested}
    seconds = time.perf_counter() - started
    return [
        msgspec.structs.replace(
            verdict,
            severity=severity,
            blocking=blocking,
            evidence=msgspec.structs.replace(verdict.evidence, fingerprints=dict(fingerprints), seconds=seconds),
        )
        for verdict in (matched, *(found[column] for column in wanted))
    ]


@dataclass(frozen=True)
class _Terms:
    keys: list[str]
    tolerance: float
    alpha: float
    unit: str | None
    digits: int | None
    examples: int
    check: str


def _check_terms(keys: list[str], tolerance: float, alpha: float, examples: int) -> None:
    if not keys:
        raise UsageError('on: name the columns that tell rows apart, for example on=["id"]')
    if isinstance(tolerance, bool) or not 0 <= tolerance < 1:
        raise UsageError(f"tolerance: {tolerance!r} does not lie in [0, 1); write for example 0.01")
    if isinstance(alpha, bool) or not 0 < alpha < 1:
        raise UsageError(f"alpha: {alpha!r} does not lie in (0, 1); write for example 0.05")
    if examples < 0:
        raise UsageError(f"examples: {examples} is below 0")


def _hindrance(before: ibis.Table, after: ibis.Table, column: str) -> str:
    if column not in after.columns:
        return "serving has no such column"
    kinds = [kind_of(t.schema()[column]) for t in (before, after)]
    if set(kinds) & set(NESTED):
        return "values of its type are not compared"
    if kinds[0] != kinds[1] and not set(kinds) <= set(NUMBERS):
        return f"it is {kinds[0]} in training and {kinds[1]} in serving: see VAL101"
    return ""


def _matched(before: ibis.Table, after: ibis.Table, keys: list[str], rows: int, check: str) -> Verdict:
    totals = [row_count(t) for t in (before, after)]
    keyless = [row_count(t.filter(~_all([t[key].notnull() for key in keys]))) for t in (before, after)]
    only = [total - none - rows for total, none in zip(totals, keyless, strict=True)]
    named = " and ".join(keys)
    said = f"{rows:,} rows joined by {named}; {only[0]:,} only in training, {only[1]:,} only in serving"
    if any(keyless):
        said += f"; {keyless[0]:,} and {keyless[1]:,} without a key"
    return Verdict(
        status="pass" if rows else "fail",
        guarantee=Guarantee.exact(0.0, "", (), "read from the tables"),
        check=check,
        code=KEYS,
        stage="data",
        claim=Claim(f"rows of training and serving are joined by {named}"),
        evidence=Evidence(
            n=rows,
            measure="joined rows",
            estimate=float(rows),
            statistic={
                "joined": rows,
                "only_in_training": only[0],
                "only_in_serving": only[1],
                "training_without_key": keyless[0],
                "serving_without_key": keyless[1],
            },
            method="join",
        ),
        actions=() if rows else (Action(f"see whether {named} is written alike in both tables"),),
        reason=said,
        subject="keys",
    )


def _all(conditions: list[ibis.Value]) -> ibis.Value:
    whole = conditions[0]
    for each in conditions[1:]:
        whole = whole & each
    return whole


def _judge(joined: ibis.Table, columns: list[str], counts: Counts, terms: _Terms) -> dict[str, Verdict]:
    broken = counts.differ.sum(axis=0)
    if terms.tolerance == 0:
        statuses: list[Status] = ["fail" if k else "pass" for k in broken.tolist()]
        return {
            column: _verdict(joined, i, column, statuses[i], counts, terms, None) for i, column in enumerate(columns)
        }
    above, within = _p_values(counts, terms)
    fails, passes = holm(above) <= terms.alpha, holm(within) <= terms.alpha
    found: dict[str, Verdict] = {}
    candidates = [
        (name, by_day)
        for name, by_day in clusters.candidates(joined)
        if not name.startswith(("key_", "there_", "train_", "serve_")) and name != terms.unit
    ]
    for i, column in enumerate(columns):
        # Both at once is one error or the other, and nobody can say which.
        status: Status = "inconclusive" if fails[i] == passes[i] else "fail" if fails[i] else "pass"
        cluster: Clustering | None = None
        looked: tuple[tuple[str, float], ...] = ()
        if candidates and status != "inconclusive" and broken[i]:
            cluster, looked = clusters.find(joined, differs(joined, i, terms.digits), candidates, unit=terms.unit)
        found[column] = _verdict(joined, i, column, status, counts, terms, cluster, screened=looked)
    return found


def _p_values(counts: Counts, terms: _Terms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    features = range(counts.differ.shape[1])
    if terms.unit is None:
        broken, rows = counts.differ.sum(axis=0), counts.rows
        above = [binomial.p_value_greater(int(broken[j]), rows, terms.tolerance) for j in features]
        within = [binomial.p_value_less(int(broken[j]), rows, terms.tolerance) for j in features]
    else:
        sides = (clustered.e_value_greater, clustered.e_value_less)
        above, within = (
            [_as_p(side(counts.differ[:, j], counts.sizes, terms.tolerance)) for j in features] for side in sides
        )
    return np.array(above, dtype=np.float64), np.array(within, dtype=np.float64)


def _as_p(e_value: float) -> float:
    return min(1.0, 1.0 / e_value) if e_value > 0 else 1.0


def _verdict(
    joined: ibis.Table,
    i: int,
    column: str,
    status: Status,
    counts: Counts,
    terms: _Terms,
    cluster: Clustering | None,
    screened: Sequence[tuple[str, float]] = (),
) -> Verdict:
    broken, rows = int(counts.differ[:, i].sum()), counts.rows
    rate = broken / rows
    if terms.unit is None:
        ends = binomial.interval(broken, rows, terms.alpha)
    else:
        ends = clustered.interval(counts.differ[:, i], counts.sizes, terms.alpha)
    lower, upper = max(0.0, float(ends[0])), min(1.0, float(ends[1]))
    shown = _examples(joined, i, terms) if broken and terms.examples else {}
    said = f"{column} differs in {broken:,} of {rows:,} joined rows ({100 * rate:.3g}%)"
    if not broken:
        said = f"{column} is the same in all {rows:,} joined rows"
    elif shown:
        said += f", for example {shown['train'][0]} in training and {shown['serve'][0]} in serving"
    guarantee = _guarantee(terms, screened)
    actions: tuple[Action, ...] = ()
    if cluster is not None:
        status, guarantee = "inconclusive", Guarantee.none(f"{cluster.of} are not independent: {cluster}")
        said += f"; but {cluster}, so that no bound for independent {cluster.of} holds"
        actions = (Action(f'declare the unit: unit = "{cluster.column}"'),)
    elif status == "fail":
        actions = (Action(f"compare the code that makes {column} for training with that for serving"),)
    elif status == "inconclusive":
        said += f": between {100 * lower:.3g}% and {100 * upper:.3g}%, tolerance {100 * terms.tolerance:.3g}%"
        actions = (Action("log and join more served rows", effect="more rows make the interval narrower"),)
    elif terms.tolerance:
        said += f": shown to be within the tolerance of {100 * terms.tolerance:.3g}%"
    return Verdict(
        status=status,
        guarantee=guarantee,
        check=terms.check,
        code=CODE,
        stage="data",
        claim=Claim(f"share of rows whose {column} differs <= {terms.tolerance:g}"),
        evidence=Evidence(
            n=rows,
            units=counts.sizes.size if terms.unit else None,
            unit=terms.unit,
            measure="share of joined rows that differ",
            estimate=rate,
            lower=lower,
            upper=upper,
            limit=terms.tolerance,
            level=1 - terms.alpha,
            statistic={"differ": broken, "same": rows - broken, "digits": terms.digits},
            series=shown,
            method="join; "
            + (
                "read"
                if not terms.tolerance
                else "exact binomial test, Holm"
                if not terms.unit
                else "betting on units, Holm"
            ),
        ),
        actions=actions,
        reason=said,
        subject=column,
    )


def _guarantee(terms: _Terms, screened: Sequence[tuple[str, float]]) -> Guarantee:
    if not terms.tolerance:
        return Guarantee.exact(0.0, "", (), "read from the joined rows")
    if terms.unit is not None:
        assumed = independence(screened, "", f"units of {terms.unit} are independent")
        source = "Waudby-Smith and Ramdas (2024), Holm (1979)"
    else:
        why = "clustering is looked for where rows differ, by columns that look like a time or an id"
        assumed = independence(screened, why)
        source = "Clopper-Pearson (1934), Holm (1979)"
    return Guarantee.exact(terms.alpha, "any wrong pass or any false alarm, all features together", [assumed], source)


def _examples(joined: ibis.Table, i: int, terms: _Terms) -> dict[str, list[Scalar]]:
    keys = {key: joined[f"key_{place}"] for place, key in enumerate(terms.keys)}
    rows = joined.filter(differs(joined, i, terms.digits)).order_by([f"key_{k}" for k in range(len(keys))])
    some = (
        rows.limit(terms.examples)
        .select(*[f"key_{k}" for k in range(len(keys))], f"train_{i}", f"serve_{i}")
        .to_pyarrow()
    )
    columns = [[_scalar(value) for value in column.to_pylist()] for column in some.columns]
    return dict(zip([*terms.keys, "train", "serve"], columns, strict=True))


def _scalar(value: Any) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _skipped(column: str, why: str, terms: _Terms) -> Verdict:
    return Verdict(
        status="skipped",
        guarantee=Guarantee.none("nothing was compared"),
        check=terms.check,
        code=CODE,
        stage="data",
        claim=Claim(f"share of rows whose {column} differs <= {terms.tolerance:g}"),
        reason=f"{column} is not compared: {why}",
        subject=column,
    )
