r"""Counts of all slices, level by level, that add up: over batches, and over a table in a database that stays there.

For each set of up to L columns, and each combination of their values that some row has, the rows, the sum of their errors
and the largest one are kept. That is all that a score needs, and all that Fisher's test of a slice needs: its rows and
errors, and those of the whole. So the slices that are found are the ones that :func:`~assay.debugging.find_slices` finds in the
rows. What needs the rows themselves is left out: units, weights, losses that are judged on rows apart, and the search for
clustering.

In a database a set of columns is one GROUP BY, so that what is transferred are counts. Bins are learned from how often each
value of a column is there, by one GROUP BY a column.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import ndtri

from assay.core.guarantee import Assumption, Guarantee
from assay.debugging import features as columns_
from assay.debugging.clearing import MOST_SLICES, Bounds, Shares, Spread, detectable
from assay.debugging.lattice import Coded, Counts
from assay.debugging.objective import Excess, Score
from assay.debugging.rows import Rows
from assay.debugging.search import Best
from assay.debugging.slice_report import FoundSlice, SliceReport
from assay.debugging.slices import check_options, support_of
from assay.debugging.verdicts import END_SHARE, TEST_SHARE, alike
from assay.errors import UsageError
from assay.stats import binomial, hypergeometric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from assay.debugging.features import Binning, Feature
    from assay.debugging.search import Found, Objective

    Floats = NDArray[np.float64]
    Keys = NDArray[np.int64]

# Up to so many combinations are counted in an array of all of them.
_DENSE = 1 << 20
_NO_COUNTS = "losses that are not all 0 or 1 are judged on rows, not on counts: search the rows"


@dataclass(frozen=True)
class Cells:
    """What is known of the combinations of values of some columns: keys are numbers with the domains as their radix."""

    keys: Keys
    size: Floats
    total: Floats
    largest: Floats

    def merged(self, other: Cells) -> Cells:
        """Add what others have counted."""
        keys, place = np.unique(np.concatenate([self.keys, other.keys]), return_inverse=True)
        size: Floats = np.bincount(place, np.concatenate([self.size, other.size])).astype(np.float64)
        total: Floats = np.bincount(place, np.concatenate([self.total, other.total])).astype(np.float64)
        largest = np.zeros(keys.size)
        np.maximum.at(largest, place, np.concatenate([self.largest, other.largest]))
        return Cells(keys, size, total, largest)


class SliceCounts:
    """Counts of all slices of up to ``max_level`` conditions; batches are added to them.

    The columns, their bins and the values that they may have are those of the first batch; a value that comes later and was
    not there is in no slice.

    Parameters
    ----------
    X : DataFrame, Arrow table, mapping of columns, ndarray, or Ibis table
        As for :func:`assay.debugging.find_slices`. The rows of an Ibis table stay where they are.
    errors : array of float, shape (rows,); of an Ibis table the name of a column or an expression
        Not negative.
    max_level : int, at least 1
    bins : int, optional
    binning : {"quantile", "width"}

    Raises
    ------
    DataError
        If lengths differ, an error is missing or negative, or a column has a type that slices cannot be described by.
    UsageError
        If an option is out of range.

    Notes
    -----
    It holds, for each set of columns, no more combinations than rows: 14 columns of 10 values make 372,680 of up to three. To
    add a batch costs as much as to count its rows by each set.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> def week():
    ...     region = rng.choice(["north", "south"], 2000)
    ...     return {"region": region}, rng.random(2000) < np.where(region == "south", 0.3, 0.1)
    >>> counts = SliceCounts(*week())
    >>> counts.add(*week())
    >>> report = counts.report()
    >>> print(report.sentence(report[0]))
    region is south: 30% wrong against 11%, 2,032 rows, certain above 2.14x and below 3.55x
    """

    def __init__(
        self,
        X: Any,
        errors: Any,
        *,
        max_level: int = 3,
        bins: int | None = 10,
        binning: Binning = "quantile",
    ) -> None:
        if max_level < 1:
            raise UsageError(f"max_level must be at least 1, got {max_level}")
        self.bins = None if isinstance(X, np.ndarray) and X.dtype.kind in "iu" else bins
        if self.bins is not None and self.bins < 2:
            raise UsageError(f"bins must be at least 2, got {bins}; None is for no bins")
        if binning not in ("quantile", "width"):
            raise UsageError(f'binning must be "quantile" or "width", got {binning!r}')
        self.binning = binning
        self.features: list[Feature] = []
        self.rows, self.total, self.squares = 0, 0.0, 0.0
        self._counted = True
        self._cells: dict[tuple[int, ...], Cells] = {}
        self.max_level = max_level
        self.add(X, errors)

    def add(self, X: Any, errors: Any) -> None:
        """Add a batch; parameters and errors are those of the class."""
        if columns_.in_database(X):
            from assay.debugging.remote import Remote

            remote = Remote.of(X, errors)
            features = self.features or remote.learn(self.bins, self.binning)
            batch, cells = remote.sums(), remote.cells(features, self._sets(features))
        else:
            rows = Rows.of(X, errors, None, None, None)
            features = self.features or columns_.learn(rows.columns, self.bins, self.binning)
            values = rows.values
            counted = bool(np.all((values == 0) | (values == 1)))
            batch = values.size, float(values.sum()), float(values @ values), counted
            cells = _cells(
                features, columns_.encode(features, rows.columns, ranges=False), values, self._sets(features)
            )
        # All of a batch is read before any of it is taken in.
        fresh = dict(cells)
        self.features = features
        self._cells = {
            chosen: own.merged(self._cells[chosen]) if chosen in self._cells else own for chosen, own in fresh.items()
        }
        self.rows += batch[0]
        self.total += batch[1]
        self.squares += batch[2]
        self._counted &= batch[3]

    def report(
        self,
        *,
        k: int = 10,
        score_weight: float = 0.95,
        min_support: float | None = None,
        rank: Literal["score", "lcb"] = "score",
        alpha: float = 0.05,
    ) -> SliceReport:
        """Give the best slices of all rows so far, and what is certain of them.

        Guarantee (exact), of one report: P(any slice is CONFIRMED that is not worse than the rest) <= alpha, for errors of 0
        and 1, by Fisher's test of each slice at the part of alpha that it has (:mod:`assay.debugging.clearing`). By itself,
        P(any slice has a lift above ``cleared``) <= alpha. Reports after each batch err more often together.

        Assumes that rows are independent, which counts cannot show. Losses of other sizes have no guarantee.

        Parameters
        ----------
        k, score_weight, min_support, rank, alpha
            As for :func:`assay.debugging.find_slices`.
        """
        check_options(k, score_weight, min_support, rank, alpha)
        size, mean = float(self.rows), self.total / self.rows
        support, level = support_of(min_support, size), min(self.max_level, len(self.features))
        coded = Coded(np.zeros((0, len(self.features)), np.uint8), *self._domains())
        shares = Shares.of(coded, size, level)
        variance = max(0.0, self.squares / size - mean * mean)
        objective: Objective = Score(size, mean, mean, score_weight)
        if rank == "lcb":
            number = size / support * sum(shares.members)
            objective = Excess(size, mean, float(np.sqrt(variance)), float(ndtri(1 - alpha / number)))
        best, spread = Best(objective, k, support, (0.0,)), Spread(mean, variance, support)
        bounds = Bounds(size, alpha, spread, self.total, 1.0, counted=self._counted, max_level=level)
        clear = self._counted and shares.slices(support) <= MOST_SLICES
        for counts in self._shown(support):
            if self.total > 0:
                best.see(counts)
            (bounds if clear else spread).see(counts)
        found = best.found()
        judged = [self._judged(each, shares, alpha) for each in found]
        around = self._around(found, judged, alpha)
        told: dict[int, FoundSlice] = {}
        for place in sorted(range(len(found)), key=lambda place: around[place] is not None):
            outer = around[place]
            told[place] = self._told(found[place], judged[place], spread, None if outer is None else told[outer])
        smallest = float(shares(level, support))
        return SliceReport(
            slices=tuple(told[place] for place in range(len(found))),
            others=(),
            cleared=bounds.cleared if clear else None,
            detectable=detectable(mean, support, alpha * smallest) if self._counted else None,
            guarantee=self._guarantee(alpha),
            reason="" if self._counted else _NO_COUNTS,
            rows=self.rows,
            size=size,
            mean_error=mean,
            support=support,
            max_level=level,
            columns=tuple(feature.name for feature in self.features),
            compared=False,
            counted=self._counted,
        )

    def _sets(self, features: list[Feature]) -> list[tuple[int, ...]]:
        columns = range(len(features))
        return [each for level in range(1, self.max_level + 1) for each in combinations(columns, level)]

    def _domains(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return np.array([feature.domain for feature in self.features]), np.zeros(len(self.features), dtype=np.intp)

    def _shown(self, support: float) -> Iterator[Counts]:
        """Give the slices that have the support, of each set of columns."""
        for chosen, cells in self._cells.items():
            wanted = cells.size >= support
            if not wanted.any():
                continue
            domain = self.features[chosen[-1]].domain
            prefix, group = np.unique(cells.keys[wanted] // domain, return_inverse=True)
            at = group, cells.keys[wanted] % domain
            shape = prefix.size, domain
            size, total, largest = np.zeros(shape), np.zeros(shape), np.zeros(shape)
            size[at], total[at], largest[at] = cells.size[wanted], cells.total[wanted], cells.largest[wanted]
            codes = []
            for column in reversed(chosen[:-1]):
                prefix, code = np.divmod(prefix, self.features[column].domain)
                codes.append(np.stack([code, code], axis=1))
            groups = np.stack(codes[::-1], axis=1) if codes else np.zeros((1, 0, 2), np.intp)
            last = np.arange(domain)
            yield Counts(chosen[:-1], groups, np.full(domain, chosen[-1]), last, last, size, total, largest, [total])

    def _of(self, conditions: Mapping[int, int]) -> tuple[float, float] | None:
        """Give rows and errors of a slice; None if it has more conditions than were counted."""
        if not conditions:
            return float(self.rows), self.total
        cells = self._cells.get(tuple(sorted(conditions)))
        if cells is None:
            return None
        key = 0
        for column in sorted(conditions):
            key = key * self.features[column].domain + conditions[column]
        at = int(np.searchsorted(cells.keys, key))
        there = at < cells.keys.size and cells.keys[at] == key
        return (float(cells.size[at]), float(cells.total[at])) if there else (0.0, 0.0)

    def _judged(self, found: Found, shares: Shares, alpha: float) -> tuple[float, tuple[float, float] | None]:
        """Give the p-value, adjusted for all slices, and the interval of the lift of a slice that is confirmed."""
        if not self._counted or found.size >= self.rows:
            return 1.0, None
        own = float(shares(len(found.conditions), found.size))
        inside, outside = (found.total, found.size), (self.total - found.total, self.rows - found.size)
        p_value = _greater(inside, outside) / own / TEST_SHARE
        if p_value > alpha:
            return min(1.0, p_value), None

        def ratio(side: Any, other: Any, part: float) -> float:
            under = float(other(*map(round, outside), part / 2))
            return float(side(*map(round, inside), part / 2)) / under if under > 0 else float("inf")

        low = max(1.0, ratio(binomial.lower, binomial.upper, END_SHARE * alpha * own))
        return p_value, (low, max(low, ratio(binomial.upper, binomial.lower, alpha * own)))

    def _around(self, found: list[Found], judged: list[Any], alpha: float) -> list[int | None]:
        """Give for each slice the place of another that says it already, as for rows (:func:`.verdicts.redundant`)."""
        around: list[int | None] = [None] * len(found)
        sure = [each[1] is not None for each in judged]
        order = sorted(range(len(found)), key=lambda at: (not sure[at], len(found[at].conditions), at))
        for number, place in enumerate(order):
            for other in order[:number]:
                both = self._both(found[place], found[other])
                if around[other] is None and both and alike(both[0], found[place].size, found[other].size):
                    around[place] = other
                    break
        confirmed = [at for at in range(len(found)) if sure[at] and around[at] is None]
        for number, place in enumerate(confirmed):
            for other in confirmed[:number]:
                both = self._both(found[place], found[other])
                if around[other] is not None or both is None:
                    continue
                own, outer = found[place], found[other]
                if both[0] == own.size:
                    rest = outer.total - own.total, outer.size - own.size
                    p_value = _greater((own.total, own.size), rest)
                else:
                    part = own.total - both[1], own.size - both[0]
                    rest = self.total - outer.total - part[0], self.rows - outer.size - part[1]
                    p_value = _greater(part, rest)
                if p_value > alpha / len(confirmed):
                    around[place] = other
                    break
        for place, outer_ in enumerate(around):
            while outer_ is not None and around[outer_] is not None:
                outer_ = around[outer_]
            around[place] = outer_
        return around

    def _both(self, one: Found, other: Found) -> tuple[float, float] | None:
        own = {column: code for column, code, _ in one.conditions}
        more = {column: code for column, code, _ in other.conditions}
        if any(own.get(column, code) != code for column, code in more.items()):
            return 0.0, 0.0
        return self._of(own | more)

    def _told(
        self, found: Found, judged: tuple[float, tuple[float, float] | None], spread: Spread, outer: FoundSlice | None
    ) -> FoundSlice:
        left = self.rows - found.size
        return FoundSlice(
            predicates=tuple(self.features[column].predicate(first, last) for column, first, last in found.conditions),
            score=found.score,
            size=found.size,
            total_error=found.total,
            mean_error=found.total / found.size,
            max_error=found.largest,
            rest_error=(self.total - found.total) / left if left else float("nan"),
            shrunk_error=spread.shrunk(len(found.conditions), found.size, found.total / found.size),
            status="SUSPECTED" if judged[1] is None else "CONFIRMED",
            p_value=judged[0],
            interval=judged[1],
            part_of=outer,
        )

    def _guarantee(self, alpha: float) -> Guarantee:
        if not self._counted:
            return Guarantee.none(_NO_COUNTS)
        assumptions = [Assumption("rows are independent", "unverifiable", "counts do not show whether errors cluster")]
        if any(feature.edges.size for feature in self.features):
            assumptions.append(
                Assumption("bins count as fixed", "unverifiable", "their edges come from rows, but not from the errors")
            )
        return Guarantee.exact(
            alpha,
            "any CONFIRMED slice that is no worse than the rest, in one report",
            assumptions,
            "weighted Bonferroni over the lattice; Lehmann and Romano, Testing Statistical Hypotheses, 2005, section 9.1",
        )


def _cells(
    features: list[Feature], coded: Coded, values: Floats, sets: list[tuple[int, ...]]
) -> Iterator[tuple[tuple[int, ...], Cells]]:
    order = np.argsort(values, kind="stable")
    codes, values = coded.codes[order].astype(np.int64), values[order]
    for chosen in sets:
        domains = [features[column].domain for column in chosen]
        known = np.all(codes[:, chosen] < domains, axis=1)
        own = values if known.all() else values[known]
        keys = keys_of(codes[:, chosen] if known.all() else codes[np.ix_(known, chosen)], domains)
        if math.prod(domains) <= _DENSE:
            there = np.bincount(keys, minlength=math.prod(domains))
            distinct = np.flatnonzero(there)
            place = keys
            shown = distinct
        else:
            distinct, place = np.unique(keys, return_inverse=True)
            there = np.bincount(place)
            shown = np.arange(distinct.size)
        total: Floats = np.bincount(place, own, there.size).astype(np.float64)
        largest = np.zeros(there.size)
        # Rows come in the order of their values, and of several for one place the last one stays.
        largest[place] = own
        yield chosen, Cells(distinct, there[shown].astype(np.float64), total[shown], largest[shown])


def keys_of(codes: Keys, domains: list[int]) -> Keys:
    """Give each combination of codes its number, with the domains as radix.

    Raises
    ------
    UsageError
        If there are more combinations than numbers.
    """
    if math.prod(domains) >= 1 << 62:
        raise UsageError("there are more combinations of values than can be counted: give a smaller max_level or bins")
    keys = np.zeros(codes.shape[0], dtype=np.int64)
    for column, domain in zip(codes.T, domains, strict=True):
        keys = keys * domain + column
    return keys


def _greater(inside: tuple[float, float], outside: tuple[float, float]) -> float:
    """Give Fisher's p-value against "the rate inside is at most that outside", from errors and rows."""
    k, size = map(round, inside)
    if not size or not round(outside[1]):
        return 1.0
    return hypergeometric.p_value_greater(k, size, k + round(outside[0]), size + round(outside[1]))
