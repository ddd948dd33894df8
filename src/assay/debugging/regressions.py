r"""Did any slice get worse by more than a tolerance?

Each slice of the lattice that has the support is tested against "its error rose by more than tau" at the level alpha. If
all tests reject, that no slice got worse by more than tau is shown: were it false, one fixed slice would have a larger
rise, and its test would have had to err (Berger's intersection-union test). Nothing is divided among the slices. That
some slice did get worse by more than tau is shown if the opposite test of one rejects, at the part of alpha that the
slice has to itself (:mod:`assay.debugging.clearing`).

The test of a slice is the exact one of two models on the same rows (:mod:`assay.stats.paired`): its rows, given which
they are, are independent draws from the slice. With units it is bets on their sums (:mod:`assay.stats.clustered`), each
limited by how many rows of the unit the two models predict differently, which is known before any label.

References
----------
Berger, R. L. "Multiparameter hypothesis testing and acceptance sampling." Technometrics 24(4), 1982.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.guarantee import Assumption, Guarantee, independence
from assay.core.verdict import Verdict
from assay.debugging import features as columns_
from assay.debugging.clearing import MOST_SLICES, Shares
from assay.debugging.lattice import Lattice
from assay.debugging.rows import Rows
from assay.debugging.slices import support_of
from assay.debugging.verdicts import members, undeclared
from assay.errors import DataError, UsageError
from assay.stats import clustered, paired

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from assay.core.evidence import Scalar
    from assay.core.verdict import Status
    from assay.debugging.lattice import Coded, Counts

    Floats = NDArray[np.float64]
    Conditions = tuple[tuple[int, int, int], ...]

# So many slices are shown with the verdict.
_WORST = 12
_SOURCE = (
    "intersection-union test; Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 1982; "
    "exact paired tests; with a unit, Waudby-Smith and Ramdas, JRSS B 2024"
)


def no_slice_regression(
    X: Any,
    labels: ArrayLike,
    new: ArrayLike,
    old: ArrayLike,
    *,
    tau: float = 0.02,
    min_support: float | None = None,
    max_level: int = 2,
    bins: int | None = 10,
    unit: Any = None,
    timestamp: Any = None,
    alpha: float = 0.05,
    seed: int = 0,
    check: str = "no_slice_regression",
    blocking: bool = False,
) -> Verdict:
    """Decide whether no slice got worse by more than ``tau`` from one model to another.

    ``pass``: shown, for every slice of at least ``min_support`` rows and up to ``max_level`` conditions. ``fail``: some
    slice certainly got worse by more than ``tau``. ``inconclusive``: neither; the verdict names the slice that is open.

    Guarantee (exact): P(pass) <= alpha if the error of any such slice rose by more than ``tau``, and P(fail) <= alpha if
    that of none did; the proof is at the top of this module.

    Assumes that rows (with ``unit``: units) are independent, and that labels are right. If the rises of rows (units) cluster
    by the day of a time or by a column that is called like an id, the verdict is ``inconclusive``.

    Parameters
    ----------
    X : DataFrame, Arrow table, mapping of columns, or ndarray of shape (rows, columns)
        What slices are described by.
    labels, new, old : array of shape (rows,)
        True classes, and those that the models predict.
    tau : float, in [0, 1)
        Tolerated rise of the share of errors.
    min_support, max_level, bins, unit, seed
        As for :func:`assay.debugging.find_slices`.
    timestamp : array of dates or times, shape (rows,), optional
        By whose days clustering is looked for too; no slice is described by it.
    alpha : float, in (0, 1)
    check, blocking
        Passed on to the verdict.

    Returns
    -------
    Verdict
        Code GAT103. The evidence is that of the slice with the largest bound, or of the one that certainly got worse.

    Raises
    ------
    DataError
        If lengths differ, or a unit is missing.
    UsageError
        If an option is out of range, or there are more than half a million slices.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> region, y = rng.choice(["north", "south"], 20_000), rng.integers(0, 2, 20_000)
    >>> old = np.where(rng.random(20_000) < 0.1, 1 - y, y)
    >>> new = np.where(rng.random(20_000) < 0.02, 1 - old, old)
    >>> no_slice_regression({"region": region}, y, new, old, tau=0.03).status
    'pass'
    """
    start = time.perf_counter()
    if not 0 <= tau < 1:
        raise UsageError(f"tau must lie in [0, 1), got {tau}")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie in (0, 1), got {alpha}")
    if max_level < 1:
        raise UsageError(f"max_level must be at least 1, got {max_level}")
    truth, said, before = (np.asarray(each) for each in (labels, new, old))
    if not truth.shape == said.shape == before.shape or truth.ndim != 1:
        raise DataError(f"labels, new and old must have one length, got {truth.shape}, {said.shape}, {before.shape}")
    rows = Rows.of(X, said != truth, before != truth, None, unit)
    features = columns_.learn(rows.columns, bins, "quantile")
    coded = columns_.encode(features, rows.columns, ranges=False)
    level = min(max_level, len(features))
    size = rows.values.size
    shares = Shares.of(coded, size, level)
    support = support_of(min_support, size)
    if shares.slices(support) > MOST_SLICES:
        raise UsageError(
            f"there may be {shares.slices(support):,.0f} slices: give fewer columns, a larger min_support or a smaller "
            "max_level"
        )
    changed = said != before
    found = _Slices(support)
    # One number a row: 0 where nothing changed, else 3 and the rise.
    Lattice(coded, np.where(changed, 3.0 + rows.values, 0.0), thresholds=(2.0, 3.0)).walk(found, level)
    groups = columns_.groupings(features, rows.columns)
    if timestamp is not None:
        times = {str(getattr(timestamp, "name", None) or "timestamp"): np.asarray(timestamp)}
        groups |= columns_.groupings(columns_.learn(times, bins, "quantile"), times)
    refused, looked = undeclared(rows.values, groups, seed, rows.units)
    name = unit if isinstance(unit, str) else str(getattr(unit, "name", None) or "unit")
    independent = independence(looked) if rows.units is None else independence(looked, "", f"{name}s are independent")
    further: tuple[Assumption, ...] = ()
    if rows.units is not None:
        further = (Assumption(f"no {name} has more rows, or can move further, than the largest here", "unverifiable"),)
    tests = _Tests(found, rows, coded, changed)
    status: Status = "inconclusive"
    at, open_ = -1, 0
    if not refused:
        status, at, open_ = _decide(tests, tau, alpha, found.parts(shares))
    return _verdict(
        status, at, open_, tests, alpha, features, tau, support, level, check, blocking,
        Guarantee.none(refused) if refused else Guarantee.exact(
            alpha, "false fail" if status == "fail" else "false pass", (
                independent, *further,
                Assumption("bins count as fixed", "unverifiable", "their edges come from the rows, but not from labels"),
                Assumption("labels are right", "unverifiable"),
            ), _SOURCE,
        ),
        Evidence(
            n=size, units=None if rows.units is None else int(rows.units.max()) + 1,
            unit=None if rows.units is None else name, limit=tau, seed=seed, method="intersection-union",
            seconds=time.perf_counter() - start,
        ),
        refused,
    )  # fmt: skip


class _Slices:
    """A visitor that notes all slices that have the support."""

    floor = 0.0

    def __init__(self, support: float) -> None:
        self.support = support
        self.conditions: list[Conditions] = []
        self._counts: list[Floats] = []

    def see(self, counts: Counts) -> Floats:
        """Note the slices, with their rows, and the changed rows on which the new model lost, tied and won."""
        wanted = counts.size >= self.support
        lost = counts.above[1][wanted]
        tied = counts.above[0][wanted] - 2 * lost
        won = (counts.total[wanted] - 4 * lost - 3 * tied) / 2
        self._counts.append(np.stack([counts.size[wanted], lost, tied, won]))
        for group, place in np.argwhere(wanted):
            pairs = zip(counts.columns, counts.groups[group], strict=True)
            own = [(column, int(low), int(high)) for column, (low, high) in pairs]
            own.append((int(counts.last[place]), int(counts.low[place]), int(counts.high[place])))
            self.conditions.append(tuple(sorted(own)))
        return np.where(wanted, np.inf, -np.inf)

    @property
    def counts(self) -> Floats:
        """Rows, and changed rows lost, tied and won; shape (4, slices)."""
        every: Floats = np.concatenate(self._counts, axis=1).astype(np.float64)
        return np.rint(every)

    def parts(self, shares: Shares) -> Floats:
        """Give the share of the error probability that each slice has to itself."""
        size = self.counts[0]
        return np.array([float(shares(len(each), n)) for each, n in zip(self.conditions, size, strict=True)])


class _Tests:
    """Tests of the rise in each slice."""

    def __init__(self, found: _Slices, rows: Rows, coded: Coded, changed: NDArray[np.bool_]) -> None:
        self.found, self.counts = found, found.counts.astype(np.int64)
        self._rows, self._coded = rows, coded
        self._move = 0.0 if rows.units is None else float(np.bincount(rows.units, changed).max())

    def p_below(self, at: int, tau: float) -> float:
        """Give a p-value against "the rise is larger than tau"."""
        size, lost, _, won = self.counts[:, at].tolist()
        if self._rows.units is None:
            return paired.p_value_shifted(won, lost, size, -tau)
        return self._e(clustered.e_value_less, at, tau)

    def p_above(self, at: int, tau: float) -> float:
        """Give a p-value against "the rise is tau at most"."""
        size, lost, _, won = self.counts[:, at].tolist()
        if self._rows.units is None:
            return paired.p_value_shifted(lost, won, size, tau)
        return self._e(clustered.e_value_greater, at, tau)

    def interval(self, at: int, alpha: float) -> tuple[float, float]:
        """Bound the rise on both sides, each end at half of alpha."""
        size, lost, _, won = self.counts[:, at].tolist()
        if self._rows.units is None:
            return paired.difference_interval(lost, won, size, alpha)
        totals, sizes, least, most = self._sums(at)
        return clustered.interval(totals, sizes, alpha, low=-1.0, high=1.0, least=least, most=most)

    def _e(self, e_value: Callable[..., float], at: int, tau: float) -> float:
        totals, sizes, least, most = self._sums(at)
        return min(1.0, 1.0 / max(e_value(totals, sizes, tau, low=-1.0, high=1.0, least=least, most=most), 1e-300))

    def _sums(self, at: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Rise, rows, and the least and greatest rise that a unit could have, of each unit in a slice."""
        assert self._rows.units is not None
        inside = members(self._coded, self.found.conditions[at])
        own = self._rows.units[inside]
        sizes: Floats = np.bincount(own).astype(np.float64)
        totals: Floats = np.bincount(own, self._rows.values[inside]).astype(np.float64)
        most: Floats = np.minimum(sizes, self._move)
        there = sizes > 0
        return totals[there], sizes[there], -most[there], most[there]


def _decide(tests: _Tests, tau: float, alpha: float, parts: Floats) -> tuple[Status, int, int]:
    """Give the verdict, the slice on which it hangs, and how many slices are not shown to be good."""
    size, lost, _, won = tests.counts
    if not size.size:
        return "pass", -1, 0
    rise = (lost - won) / size
    below = np.array([tests.p_below(at, tau) for at in range(size.size)])
    open_ = np.flatnonzero(below > alpha)
    worse = {at: tests.p_above(int(at), tau) / parts[at] for at in np.flatnonzero(rise > tau)}
    if worse and min(worse.values()) <= alpha:
        return "fail", int(min(worse, key=lambda at: worse[at])), open_.size
    if open_.size:
        return "inconclusive", int(open_[np.argmax(rise[open_])]), open_.size
    return "pass", int(np.argmax(below)), 0


def _worst(tests: _Tests, first: int, alpha: float, features: list[columns_.Feature]) -> dict[str, list[Scalar]]:
    """Give the slices that rose most, each with its interval, beginning with the one that the verdict names."""
    size, lost, _, won = tests.counts
    order = [first, *(int(at) for at in np.argsort(-(lost - won) / size, kind="stable") if at != first)][:_WORST]
    ends = [tests.interval(at, 2 * alpha if 2 * alpha < 1 else alpha) for at in order]
    return {
        "slice": [
            " and ".join(
                features[column].predicate(low, high).words for column, low, high in tests.found.conditions[at]
            )
            for at in order
        ],
        "size": [int(size[at]) for at in order],
        "value": [float((lost[at] - won[at]) / size[at]) for at in order],
        "lower": [lower for lower, _ in ends],
        "upper": [upper for _, upper in ends],
    }


def _verdict(
    status: Status,
    at: int,
    open_: int,
    tests: _Tests,
    alpha: float,
    features: list[columns_.Feature],
    tau: float,
    support: float,
    level: int,
    check: str,
    blocking: bool,
    guarantee: Guarantee,
    evidence: Evidence,
    refused: str,
) -> Verdict:
    number = len(tests.found.conditions)
    scope = f"{number:,} slices of {support:,.0f} rows or more and up to {level} conditions"
    if refused:
        reason = refused
    elif at < 0:
        reason = f"there are no slices of {support:,.0f} rows"
    else:
        name = " and ".join(
            features[column].predicate(low, high).words for column, low, high in tests.found.conditions[at]
        )
        size, lost, _, won = tests.counts[:, at].tolist()
        told = f"{name}: {lost:,.0f} new errors and {won:,.0f} mended in {size:,.0f} rows"
        reason = {
            "pass": f"none of {scope} got worse by more than {tau:g}; the least certain is {told}",
            "fail": f"worse by more than {tau:g} for certain: {told}",
            "inconclusive": f"{open_:,} of {scope} may be worse by more than {tau:g}; the worst is {told}",
        }[status]  # fmt: skip
        lower, upper = tests.interval(at, 2 * alpha if 2 * alpha < 1 else alpha)
        evidence = msgspec.structs.replace(
            evidence,
            measure="rise of the error in a slice",
            estimate=(lost - won) / size,
            lower=lower,
            upper=upper,
            level=1 - 2 * alpha if 2 * alpha < 1 else 1 - alpha,
            statistic={"slices": number, "open": open_, "slice": name, "rows": int(size)},
            series=_worst(tests, at, alpha, features),
        )
    return Verdict(
        status=status,
        guarantee=guarantee,
        check=check,
        code="GAT103",
        stage="gate",
        claim=Claim(f"no_slice_regression(tau={tau:g})"),
        evidence=evidence,
        reason=reason,
        blocking=blocking,
    )
