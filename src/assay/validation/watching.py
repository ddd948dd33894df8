r"""Batch after batch: does a rate stay within its limit, with false alarms counted in years and not in batches?

A check of each batch alone at 5% alarms without a fault every twentieth day. Here the batches of one rule are one bet that
goes on: a Shiryaev-Roberts e-detector (:mod:`assay.stats.rise`), whose false alarms are bounded in number over time.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.core.allowance import Cadence, parse_allowance
from assay.core.fingerprint import digest
from assay.data.facts import require_rows
from assay.data.sources import table as open_table
from assay.errors import DataError, UsageError
from assay.stats import binomial, serial
from assay.stats.rise import Baseline, Detector
from assay.validation.codes import has, measure, percent
from assay.validation.rules import applies, count, rules_of
from assay.validation.schema import as_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from assay.core.check import Severity
    from assay.validation.rules import Rule

CODE = "VAL401"
# Level of each of the tests that batches are what the bound takes them for, over all rules.
LEVEL = 0.01
LAGS = (1, 7)


class _State(msgspec.Struct, forbid_unknown_fields=True):
    """What a watch remembers."""

    version: int
    schema: str
    promise: str
    last: str
    detectors: dict[str, dict[str, Any]]
    broken: dict[str, list[int]]
    rows: dict[str, list[int]]


class _Seen(NamedTuple):
    broken: list[int]
    rows: list[int]


class Watch:
    r"""Watch the rates that a schema limits, batch after batch.

    ``update`` takes in a batch and gives a verdict for each rule with a limit above 0: ``fail`` is an alarm, and the watch of
    that rule then starts anew; ``pass`` is none.

    Guarantee (anytime): the expected number of false alarms, over all rules, in any period of H batches is at most what
    ``false_alarms`` allows, if in each batch, given those before it, the expected share of breaking rows is at most the limit.
    Proof: let k of n rows break the rule. With ``unit`` rows may depend on each other and a batch is one bet,
    1 + l (k - p n) / s, whose expectation given the past is at most 1, since that of k is at most p n; without one, a batch is
    the product of such bets on its rows. M_t = (M_(t-1) + 1) times the batch's factor has expectation at most t, so that with
    M back to 0 at each alarm at level c there are at most H / c of them in H batches (:mod:`assay.stats.rise`). With K rules,
    c = K H / allowed, and expectations add up whatever the rules' dependence. Limits that were inferred lie below the true
    rate and its tolerance with probability at most 1%, which is said and not spent.

    Whether batches are what the proof takes them for is tested: by the correlation of rates one and seven batches apart,
    over all rules, and, where rows are taken for independent, by whether rates differ more than those of independent rows do;
    each at 1%, on the batches before a rise began. Found, the guarantee is withdrawn in words.

    Parameters
    ----------
    schema : Schema, class of typed fields, or Check
    false_alarms : str
        How many in how long: ``"1/year"``.
    cadence : {"hour", "day", "week", "month"}
        How often a batch comes.
    unit : str, optional
        Column of the independent unit, by default the schema's. A batch of dependent rows is one bet: weaker, and right.
    batch_rows : int, optional
        Rows of an ordinary batch, where there is a unit; larger ones count for as many. By default those of the first.
    environment : str, optional
        One of the schema's.

    Raises
    ------
    UsageError
        If no rule has a limit above 0.
    ProjectError
        If ``false_alarms`` cannot be read.

    Notes
    -----
    Misleads when the world moves for good reasons: a season that breaks a limit is an alarm, rightly. Distributions are not
    watched: batches that are compared with one reference are not independent of each other through it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay.validation import Schema
    >>> schema = Schema.from_toml('[columns.x]\ntype = "number"\nnulls = { at_most = 0.05 }')
    >>> watch = Watch(schema, false_alarms="1/year", cadence="day")
    >>> rng = np.random.default_rng(0)
    >>> told = []
    >>> for day in range(9):
    ...     gone = rng.random(500) < (0.03 if day < 6 else 0.12)
    ...     told += watch.update(pa.table({"x": pa.array(np.zeros(500), mask=gone)}), f"2026-03-{day + 1:02d}")
    >>> [verdict.status for verdict in told]
    ['pass', 'pass', 'pass', 'pass', 'pass', 'pass', 'fail', 'fail', 'fail']

    References
    ----------
    J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", The New England
    Journal of Statistics in Data Science 2(2), 2024. W. G. Cochran, "Some methods for strengthening the common chi-square
    tests", Biometrics 10, 1954 (rates that differ too much).
    """

    def __init__(
        self,
        schema: Any,
        *,
        false_alarms: str = "1/year",
        cadence: Cadence = "day",
        unit: str | None = None,
        batch_rows: int | None = None,
        environment: str | None = None,
    ) -> None:
        self.schema = as_schema(schema)
        self.false_alarms, self.cadence = false_alarms, cadence
        self.unit = unit or self.schema.unit
        self.batch_rows = batch_rows
        allowed = parse_allowance(false_alarms, "false_alarms")
        self.rules = [rule for rule in rules_of(self.schema, environment) if not rule.counted and rule.limit < 1]
        if not self.rules:
            raise UsageError("no rule of the schema has a limit above 0: there is no rate to watch")
        self.horizon = allowed.batches(cadence)
        self.allowed = allowed.rate
        self.threshold = len(self.rules) * self.horizon / allowed.rate
        self.last = ""
        self._detectors: dict[str, Detector] = {}
        self._seen: dict[str, _Seen] = {_key(rule): _Seen([], []) for rule in self.rules}

    def update(
        self,
        table: Any,
        time: str,
        *,
        references: Mapping[str, Any] | None = None,
        check: str = "watch",
        dataset: str = "the batch",
        severity: Severity = "error",
        blocking: bool = False,
    ) -> list[Verdict]:
        """Take in a batch.

        Parameters
        ----------
        table : anything that :func:`assay.data.table` opens
        time : str
            ISO date or time of the batch, later than that of the one before.
        references : dict of str to table, optional
            Tables that foreign keys name.
        check, dataset, severity, blocking
            As for :func:`assay.validation.validate`.

        Returns
        -------
        list of Verdict
            One a rule; ``skipped`` where the batch lacks the column.

        Raises
        ------
        DataError
            If the table is empty or the time is not later than the last.
        """
        opened = open_table(table)
        require_rows(opened, dataset)
        readable = [rule for rule in self.rules if applies(opened, rule)]
        parts: dict[str, list[Rule]] = {}
        for rule in readable:
            parts.setdefault(rule.where, []).append(rule)
        counts: dict[str, tuple[int, int]] = {}
        for where, rules in parts.items():
            found = count(opened, rules, where=where, references=references)
            counts |= {_key(rule): (int(found.broken[0, j]), int(found.sizes[0])) for j, rule in enumerate(rules)}
        return self.take(counts, time, check=check, severity=severity, blocking=blocking)

    def take(
        self,
        counts: Mapping[str, tuple[int, int]],
        time: str,
        *,
        check: str = "watch",
        severity: Severity = "error",
        blocking: bool = False,
    ) -> list[Verdict]:
        """Take in a batch that was counted already: by ``"FAMILY:COLUMN"``, its broken rows and its rows.

        Raises
        ------
        DataError
            If the time is not later than the last.
        """
        if time <= self.last:
            raise DataError(
                f"the batch of {time} is not later than the last, of {self.last}: give batches in time order, each once"
            )
        self.last = time
        alarms: dict[str, float] = {}
        for rule in self.rules:
            broken, rows = counts.get(_key(rule), (0, 0))
            if not rows:
                continue
            seen = self._seen[_key(rule)]
            seen.broken.append(broken)
            seen.rows.append(rows)
            detector = self._detector(rule, rows)
            if self.unit is None:
                detector.update_rows(broken, rows)
            else:
                detector.update(broken, rows)
            alarms[_key(rule)] = float(np.exp(min(detector.log_statistic, 700.0)))
        doubts = self._doubts()
        verdicts = [
            self._verdict(rule, counts.get(_key(rule)), alarms.get(_key(rule)), doubts.get(_key(rule), ""), check)
            for rule in self.rules
        ]
        for rule in self.rules:
            if alarms.get(_key(rule), 0.0) >= self.threshold:
                self._detectors[_key(rule)].reset()
        return [msgspec.structs.replace(verdict, severity=severity, blocking=blocking) for verdict in verdicts]

    def to_json(self) -> bytes:
        """Give what the watch remembers, to be kept in a file until the next batch."""
        state = _State(
            version=1,
            schema=self._identity(),
            promise=f"{self.false_alarms} {self.cadence}",
            last=self.last,
            detectors={key: detector.to_dict() for key, detector in self._detectors.items()},
            broken={key: seen.broken for key, seen in self._seen.items()},
            rows={key: seen.rows for key, seen in self._seen.items()},
        )
        return msgspec.json.encode(state)

    def restore(self, state: bytes | str) -> Watch:
        """Go on from what :meth:`to_json` gave.

        Raises
        ------
        DataError
            If it cannot be read, or comes from other rules or another allowance: those bets were on something else.
        """
        try:
            kept = msgspec.json.decode(state, type=_State)
        except msgspec.MsgspecError as problem:
            raise DataError(f"the state of the watch cannot be read: {problem}; start a new one") from problem
        if kept.schema != self._identity() or kept.promise != f"{self.false_alarms} {self.cadence}":
            raise DataError("the state is of other limits or another allowance of false alarms: start a new watch")
        self.last = kept.last
        self._detectors = {key: Detector.from_dict(plain) for key, plain in kept.detectors.items()}
        self._seen = {key: _Seen(kept.broken[key], kept.rows[key]) for key in kept.broken}
        return self

    def _identity(self) -> str:
        return digest([[_key(rule), rule.limit, rule.where] for rule in self.rules] + [[self.unit, self.batch_rows]])

    def _detector(self, rule: Rule, rows: int) -> Detector:
        found = self._detectors.get(_key(rule))
        if found is None:
            # The number of rows is no outcome: the bound holds given it.
            by_row = self.unit is None
            size = 1.0 if by_row else float(self.batch_rows or rows)
            # Where every row is a bet, it is rows within which a rise should be found.
            found = Detector(Baseline.known(rule.limit), size, self.horizon * rows if by_row else self.horizon)
            self._detectors[_key(rule)] = found
        return found

    def _doubts(self) -> dict[str, str]:
        """Tell for each rule what speaks against the guarantee, by the batches before its rate began to rise."""
        found: dict[str, str] = {}
        for rule in self.rules:
            size = self._tested(rule)
            if size:
                seen = self._seen[_key(rule)]
                level = LEVEL / len(self.rules)
                doubt = _doubt(tuple(seen.broken[:size]), tuple(seen.rows[:size]), level, by_row=self.unit is None)
                found[_key(rule)] = doubt
        return found

    def _tested(self, rule: Rule) -> int:
        """Give how many batches its assumptions are tested on: those before the rise, in steps of a tenth; 0 if too few."""
        size, most = 0, _rise(self._seen[_key(rule)], rule.limit)
        step = 2 * serial.PAIRS
        while step <= most:
            size, step = step, math.ceil(1.1 * step)
        return size

    def _verdict(
        self, rule: Rule, counted: tuple[int, int] | None, evidence: float | None, doubt: str, check: str
    ) -> Verdict:
        claim = Claim(f"{measure(rule.family)} stays <= {percent(rule.limit)}")
        if counted is None or not counted[1] or evidence is None:
            return Verdict(
                status="skipped",
                guarantee=Guarantee.none("the batch has nothing to count"),
                check=check,
                code=CODE,
                stage="data",
                claim=claim,
                reason=f"{rule.column} is missing, of another type, or has no rows that the rule speaks of",
                subject=f"{rule.column}.{rule.family}",
            )
        broken, rows = counted
        seen = self._seen[_key(rule)]
        alarm = evidence >= self.threshold
        said = f"{broken:,} of {rows:,} rows ({percent(broken / rows)}) {has(rule.family, rule.column)}, limit {percent(rule.limit)}"
        since = len(seen.rows) - _rise(seen, rule.limit)
        above = f"above it in the last {since} batches" if since > 1 else "above it in this batch"
        if alarm:
            reason = f"{said}: {above}, and the evidence is {evidence:.2g} for {self.threshold:.4g}"
        else:
            reason = f"{said}: no alarm, the evidence is {evidence:.2g} of {self.threshold:.4g}"
        status = "fail" if alarm else "pass"
        guarantee = self._guarantee(self._tested(rule))
        actions = (Action("look at what changed, then go on: the watch of this rule starts anew"),) if alarm else ()
        if doubt:
            status, guarantee = "inconclusive", Guarantee.none(doubt)
            reason += f"; but {doubt}, so that no bound on false alarms holds"
            actions = (Action("watch a rate without the season, or batches of a whole one"), *actions)
        low, high = binomial.interval(broken, rows, 0.05)
        return Verdict(
            status=status,  # type: ignore[arg-type]
            guarantee=guarantee,
            check=check,
            code=CODE,
            stage="data",
            claim=claim,
            evidence=Evidence(
                n=rows,
                measure=measure(rule.family),
                estimate=broken / rows,
                lower=float(low) if self.unit is None else None,
                upper=float(high) if self.unit is None else None,
                level=0.95 if self.unit is None else None,
                limit=rule.limit,
                statistic={
                    "evidence": evidence,
                    "threshold": self.threshold,
                    "batches": len(seen.rows),
                    "rising_for": since,
                },
                method="Shiryaev-Roberts e-detector",
            ),
            actions=actions,
            reason=reason,
            subject=f"{rule.column}.{rule.family}",
        )

    def _guarantee(self, tested: int) -> Guarantee:
        origin = self.schema.reference
        detail = f"inferred, with an error of {percent(origin.error)}" if origin and origin.error else ""
        kind: Literal["checked", "unverifiable"] = "checked" if tested else "unverifiable"
        within = f"no correlation in {tested} batches" if tested else f"needs {2 * serial.PAIRS} batches before a rise"
        alike = f"rates of {tested} batches differ as those of independent rows do" if tested else within
        rows = (
            Assumption("rows of a batch are independent", kind, alike)
            if self.unit is None
            else Assumption(f"units of {self.unit} lie within a batch", "declared")
        )
        allowed = f"{self.allowed:g}" if self.allowed != 1 else "one"
        return Guarantee.anytime(
            self.allowed / self.horizon,
            f"false alarms a batch on average, all rules together: at most {allowed} expected in {self.horizon:,} batches",
            [
                Assumption("given the batches before, the expected rate is within its limit", kind, within),
                rows,
                Assumption("the limits of the schema hold for good data", "declared", detail),
            ],
            "Shin, Ramdas and Rinaldo (2024)",
        )


@lru_cache(1024)
def _doubt(broken: tuple[int, ...], rows: tuple[int, ...], level: float, *, by_row: bool) -> str:
    k, n = np.array(broken, dtype=np.float64), np.array(rows, dtype=np.float64)
    [tied] = serial.autocorrelation(k / n, LAGS, permutations=math.ceil(2 * len(LAGS) / level))
    if tied is not None and tied.p_value <= level:
        what = "after 7 batches: a season" if tied.lag == LAGS[1] else "in the next batch: bad ones come in runs"
        return f"rates return {what} (correlation {tied.correlation:.2f})"
    if by_row and _dispersion(k, n) <= level:
        return "rates differ between batches more than those of independent rows: declare a unit"
    return ""


def _key(rule: Rule) -> str:
    return f"{rule.family}:{rule.column}"


def _rise(seen: _Seen, limit: float) -> int:
    """Give the number of batches before the rate began to lie above its limit: where their excess was least."""
    excess = np.concatenate([[0.0], np.cumsum(np.array(seen.broken) - limit * np.array(seen.rows))])
    # The last of equal minima: what never rose has all batches before it.
    return int(excess.size - 1 - np.argmin(excess[::-1]))


def _dispersion(broken: NDArray[np.float64], rows: NDArray[np.float64]) -> float:
    """Give the p-value of rates that differ as much between batches, were all rows independent and of one rate."""
    from scipy import stats

    rate = float(broken.sum() / rows.sum())
    if not 0 < rate < 1:
        return 1.0
    statistic = float(((broken - rows * rate) ** 2 / (rows * rate * (1 - rate))).sum())
    # With few broken rows a batch the statistic is not chi-square: then nothing is said.
    return float(stats.chi2.sf(statistic, broken.size - 1)) if rows.min() * rate >= 5 else 1.0
