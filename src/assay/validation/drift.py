"""Two tables, column by column: has a distribution moved by more than a tolerance?"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from assay.core import Action, Guarantee, Verdict
from assay.data.content import fingerprint
from assay.data.facts import columns_present, nearest, require_rows
from assay.data.sources import table as open_table
from assay.errors import DataError, UsageError
from assay.validation import shared_units, unit_drift
from assay.validation.cells import cells, comparable
from assay.validation.column_drift import ColumnDrift
from assay.validation.drift_verdicts import LOOK, Across, Terms, built, moved_words, named, skipped, verdict_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis

    from assay.core.check import Severity
    from assay.core.verdict import Status


def compare(
    reference: Any,
    current: Any,
    *,
    tolerance: float = 0.05,
    alpha: float = 0.05,
    across: Across = "fdr",
    columns: Sequence[str] | None = None,
    unit: str | None = None,
    check: str = "drift",
    dataset: str = "",
    severity: Severity = "error",
    blocking: bool = False,
    fingerprints: Mapping[str, str] | None = None,
) -> list[Verdict]:
    r"""Compare the distribution of each column in two tables with a tolerance.

    Numbers are compared by the Kolmogorov-Smirnov distance, texts and truth values by total variation; missing values,
    NaN, infinities and texts that the reference lacks are part of the distribution. ``fail``: the distance is shown to
    be above the tolerance, and the reason names the rows that moved. ``pass``: it is shown to be within it.
    ``inconclusive``: neither, with the number of rows that would decide; or rows are not independent.

    Guarantee (exact). ``across="familywise"``: P(any column fails whose distance is at most the tolerance) <= alpha, and
    P(any column passes whose distance is above it) <= alpha. ``across="fdr"``: the expected share of such columns among
    those that fail is at most alpha, and likewise among those that pass. Either holds under any dependence of columns.

    - *fail*. A third of the reference and half of the current rows choose a set A of cells that seems to have grown
      (:mod:`assay.validation.witness`). Given A, the other rows are independent of it, and the rise Q(A) - P(A) is at
      most the total variation; for a half-line A at most the Kolmogorov-Smirnov distance. "The rise is at most the
      tolerance" is tested by exact binomial bounds (:func:`assay.stats.twosample.rise_p_value`) with Holm, or by
      an e-value (:func:`assay.stats.twosample.rise_e_value`) with e-BH.
    - *pass*. The distance of the samples plus a McDiarmid (total variation) or Dvoretzky-Kiefer-Wolfowitz-Massart
      (Kolmogorov-Smirnov) radius bounds that of the laws; the levels at which these bounds reach the tolerance are
      p-values, joined by Holm or by Benjamini and Yekutieli.

    Numbers are rounded to 12 binary digits (0.05%) first, so a pass does not speak of finer moves.

    Assumes that rows (units) are independent within and between the tables. Those that decide are tested for clustering by
    day and by columns that look like ids, units by those that are coarser; found, the column is ``inconclusive``. To the
    others it counts as one that says nothing (e = 0 and p = 1, which are valid whatever its rows are), so that their
    guarantee stays: left out after the correction, it would have eased their thresholds.

    Parameters
    ----------
    reference, current : anything that :func:`assay.data.table` opens
    tolerance : float, in (0, 1)
        The largest distance that does no harm.
    alpha : float, in (0, 1)
    across : {"fdr", "familywise"}
    columns : sequence of str, optional
        Columns to compare; by default all of the reference.
    unit : str, optional
        Column of the independent unit, in both tables. Then ``fail`` has the guarantee above for independent units, by bets
        on what units that did not choose the rows hold of them (:func:`assay.validation.unit_drift.moved`), joined by Holm
        or e-BH; units of the two tables need not be alike. ``pass`` is not given, for so few units bound no distribution.
    check, severity, blocking
        As in :class:`assay.core.Verdict`.
    dataset : str, optional
        Name of the current table in messages and fingerprints.
    fingerprints : dict of str to str, optional
        What was read, if it is known already; by default both are computed.

    Returns
    -------
    list of Verdict
        One a column, code VAL201, in the order of the reference. Times and nested columns are ``skipped``; a column
        that one table lacks is an ``error`` of the comparison, said by VAL101. ``evidence.statistic`` also holds
        ``estimate_l_infinity``, ``estimate_jensen_shannon``, ``estimate_psi`` and, for numbers,
        ``estimate_wasserstein``, by which other tools decide: they have no error bound.

    Raises
    ------
    DataError
        If a table cannot be read or has no rows, or a named column is in neither.
    UsageError
        If tolerance, alpha or across is out of range.

    Notes
    -----
    Misleads when the tables are of different seasons: then a truthful ``fail`` may be no fault. Cost: one group-by a
    table and up to 100 columns.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> rng = np.random.default_rng(0)
    >>> before = pa.table({"carrier": rng.choice(["AA", "B6", "UA"], 20000, p=[0.4, 0.4, 0.2])})
    >>> after = pa.table({"carrier": rng.choice(["AA", "B6", "UA"], 5000, p=[0.4, 0.2, 0.4])})
    >>> [verdict] = compare(before, after)
    >>> verdict.status, verdict.reason
    ('fail', 'rows with carrier in AA, UA went from 59.8% to 79.6%: up by at least 17.3 points, tolerance 5')

    References
    ----------
    As in :mod:`assay.stats.twosample`; Holm, S., Scandinavian Journal of Statistics 6, 1979; Wang, R. and Ramdas, A.,
    JRSS B 84(3), 2022; Benjamini, Y. and Yekutieli, D., Annals of Statistics 29(4), 2001.
    """
    started = time.perf_counter()
    _check_terms(tolerance, alpha, across)
    before, after = open_table(reference), open_table(current)
    names = [
        str(t) if isinstance(t, (str, Path)) else word
        for t, word in ((reference, "the reference"), (current, dataset or "the current table"))
    ]
    for opened, name in zip((before, after), names, strict=True):
        require_rows(opened, name)
    wanted = list(columns) if columns is not None else list(before.columns)
    for column in wanted:
        if column not in before.columns and column not in after.columns:
            raise DataError(f"{names[0]} has no column {column!r}{nearest(column, before.columns)}")
    hindrances = {column: _hindrance(before, after, column) for column in wanted}
    free = [column for column in wanted if not hindrances[column]]
    compared = [
        ColumnDrift.of(column, counted, tolerance)
        for column, counted in zip(free, cells(before, after, free), strict=True)
    ]
    terms = Terms(tolerance, alpha, across, len(compared), unit)
    if unit is not None:
        for opened, name in zip((before, after), names, strict=True):
            columns_present(opened, [unit], name)
        judged = _by_unit(before, after, [c for c in compared if c.name != unit], terms, check)
        hindrances[unit] = "it is the unit"
    else:
        judged = _by_row(before, after, compared, terms, check)
    verdicts = [
        skipped(column, hindrances[column], check, tolerance) if hindrances[column] else judged[column]
        for column in wanted
    ]
    if fingerprints is None:
        fingerprints = {"reference": fingerprint(before), dataset or "current": fingerprint(after)}
    seconds = time.perf_counter() - started
    return [
        msgspec.structs.replace(
            verdict,
            severity=severity,
            blocking=blocking,
            evidence=msgspec.structs.replace(verdict.evidence, fingerprints=dict(fingerprints), seconds=seconds),
        )
        for verdict in verdicts
    ]


def _check_terms(tolerance: float, alpha: float, across: str) -> None:
    for name, value in (("tolerance", tolerance), ("alpha", alpha)):
        if isinstance(value, bool) or not 0 < value < 1:
            raise UsageError(f"{name}: {value!r} does not lie in (0, 1); write for example 0.05")
    if across not in ("fdr", "familywise"):
        raise UsageError(f'across: {across!r} is not known: write "fdr" or "familywise"')


def _hindrance(before: ibis.Table, after: ibis.Table, column: str) -> str:
    for table, name in ((before, "the reference"), (after, "the current table")):
        if column not in table.columns:
            return f"{name} has no column {column!r}{nearest(column, table.columns)}"
    found = comparable(before, column) or comparable(after, column)
    if found:
        return found
    types = [t.schema()[column] for t in (before, after)]
    if len({"number" if t.is_numeric() and not t.is_boolean() else str(t.copy(nullable=True)) for t in types}) > 1:
        return f"it is {types[0]} in the reference and {types[1]} now: see VAL101"
    return ""


def _by_row(
    before: ibis.Table, after: ibis.Table, compared: Sequence[ColumnDrift], terms: Terms, check: str
) -> dict[str, Verdict]:
    if not compared:
        return {}
    p_within = np.array([column.p_within(terms.tolerance) for column in compared])
    against = np.array(
        [
            column.witness.p_value(terms.tolerance) if terms.familywise else column.witness.e_value(terms.tolerance)
            for column in compared
        ]
    )
    fails, passes = terms.fails(against), terms.passes(p_within)
    decided = [column for column, one in zip(compared, fails | passes, strict=True) if one]
    clustered, looked = shared_units.found(before, after, [(c.name, c.witness, c.cells) for c in decided])
    terms = replace(terms, screened=looked)
    silent = np.array([column.name in clustered for column in compared])
    fails, passes = terms.fails(against, silent), terms.passes(np.where(silent, 1.0, p_within))
    return {
        # Both at once is one error or the other, and nobody can say which.
        column.name: verdict_of(
            column,
            "inconclusive" if fail == within else "fail" if fail else "pass",
            clustered.get(column.name),
            terms,
            check,
        )
        for column, fail, within in zip(compared, fails, passes, strict=True)
    }


def _by_unit(
    before: ibis.Table, after: ibis.Table, compared: Sequence[ColumnDrift], terms: Terms, check: str
) -> dict[str, Verdict]:
    if not compared or terms.unit is None:
        return {}
    tested = unit_drift.moved(before, after, [column.name for column in compared], terms.unit, terms.tolerance)
    against = np.array([each.p_value if terms.familywise else each.e_value for each in tested])
    first = terms.fails(against)
    decided = [each for each, fail in zip(tested, first, strict=True) if fail]
    clustered, looked = unit_drift.clustered(before, after, terms.unit, decided)
    terms = replace(terms, screened=looked)
    fails = terms.fails(against, np.array([column.name in clustered for column in compared]))
    found = {}
    for column, each, fail in zip(compared, tested, fails, strict=True):
        moved, cluster = moved_words(each.words, each.before, each.after), clustered.get(column.name)
        status: Status = "fail" if fail else "inconclusive"
        verdict = built(column, status, terms, check, each.largest)
        points = f"{100 * terms.tolerance:.3g} points"
        reason = f"{moved}: by more than {points}, as far as {each.units} {terms.unit}s tell"
        actions = LOOK
        if cluster is not None:
            reason = f"{moved}; but {cluster}, so that no bound for independent {cluster.of} holds"
            actions = (Action(f'declare the unit: unit = "{cluster.column}"'),)
            verdict = msgspec.structs.replace(
                verdict, guarantee=Guarantee.none(f"{cluster.of} are not independent: {cluster}")
            )
        elif status == "inconclusive":
            reason = f"{moved}: no shift of more than {points} is shown, nor excluded"
            actions = (Action(f"compare tables of more {terms.unit}s", effect="more units make chance smaller"),)
        statistic = {"moved": each.words, "share_before": each.before, "share_after": each.after}
        found[column.name] = msgspec.structs.replace(
            verdict,
            reason=reason,
            actions=actions,
            evidence=msgspec.structs.replace(
                verdict.evidence,
                units=each.units,
                unit=terms.unit,
                statistic=statistic | {"p_moved": each.p_value, "e_moved": each.e_value} | named(column),
                method=f"betting on units that did not choose the rows, {'Holm' if terms.familywise else 'e-BH'}",
            ),
        )
    return found
