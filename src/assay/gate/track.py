"""One clause on its way to a decision: the rows that it is about, in order, and the bets on those with labels."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from assay.errors import UsageError
from assay.gate.judge import judge
from assay.gate.lone_part import COUNTS, only_part
from assay.stats import binomial, sequential

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.gate.condition import Clause, Condition, Mode
    from assay.gate.inputs import Inputs
    from assay.gate.judge import Value

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Kind = Literal["difference", "rate", "mean"]
    Plan = tuple[int, int, int]

_LEAST = 1e-9
"""Smallest stake, for a limit at the end of the range: one row beyond it decides."""


def tracks_of(
    condition: Condition, inputs: Inputs, order: Rows, alpha: float, mode: Mode, plans: Sequence[Plan | None] | None
) -> list[Track]:
    """Give a track for each clause; passes are tested at ``alpha``, fails at ``alpha`` over the number of clauses."""
    count = len(condition.clauses)
    given = [None] * count if plans is None else list(plans)
    if len(given) != count:
        raise UsageError(f"plans: {len(given)} for {count} clauses; give one for each")
    return [
        Track(clause, inputs, order, alpha, alpha / count, mode, plan)
        for clause, plan in zip(condition.clauses, given, strict=True)
    ]


class Track:
    """A clause, and what the labels say of it so far.

    Attributes
    ----------
    value : {"true", "false", "unknown"}
    open : bool
        Whether further labels can change the value.
    needs : ndarray of bool, shape (n,)
        Rows of the pool whose label the clause needs.
    plan : tuple of int or None
        After how many labels the exact test is made, and how many rows of how many needed a label when that was
        fixed; ``None`` where there is no such test.
    labels, won, lost : int
        Labels that count so far; of these wins and losses (hits and misses for a rate).
    rows : int
        Rows that count so far.
    log_true, log_false : float
        Largest logarithm of the wealth against "it does not hold" and "it holds" so far.
    """

    def __init__(
        self,
        clause: Clause,
        inputs: Inputs,
        order: Rows,
        level_true: float,
        level_false: float,
        mode: Mode,
        plan: Plan | None,
    ) -> None:
        self.clause, self.mode = clause, mode
        self.level_true, self.level_false = level_true, level_false
        self.value: Value = "unknown"
        self.open, self.final = True, ""
        self.labels = self.won = self.lost = self.rows = self.looked = 0
        self.log_true = self.log_false = 0.0
        self._sum = self._squares = self._size = 0.0
        self._items = 0
        self.part, self.constant = only_part(clause, inputs)
        self.needs = np.zeros(inputs.n, dtype=np.bool_)
        self._place = np.full(inputs.n, -1, dtype=np.intp)
        self._place[order] = np.arange(order.size)
        self._seq = order if self.part is None else order[self.part.rows[order]]
        self._seq_place = self._place[self._seq]
        self._unit = inputs.unit
        self.kind: Kind = "mean"
        self.plan: Plan | None = None
        self.estimate: float | None = None
        self._bounds: tuple[float, float] | None = None
        self.used: Rows = np.empty(0, dtype=np.intp)
        if self.part is not None:
            least, most = self.part.limits(inputs)
            self.needs[np.flatnonzero(self.part.rows)] = most - least > 1e-12
            outside = np.ones(inputs.n, dtype=np.bool_)
            outside[order] = False
            self.needs[outside] = False
        self._queue = self._seq[self.needs[self._seq]]
        self._at = self._next = 0
        if self.part is None or not self._queue.size:
            self._decide_without_labels(inputs, order)
            return
        self._lay_bets(inputs)
        self._fix(plan)

    def _decide_without_labels(self, inputs: Inputs, order: Rows) -> None:
        """Test once, on all rows: no label matters."""
        chosen = inputs.at(order)
        if chosen.unit is not None:
            chosen = replace(chosen, unit=np.unique(chosen.unit, return_inverse=True)[1].astype(np.intp))
        clauses = max(1, round(self.level_true / self.level_false))
        finding = judge(self.clause, chosen, self.level_true, clauses=clauses, mode=self.mode)
        self.value, self.open = finding.value, False
        self.final = "idle" if finding.idle else "no rows" if finding.measured is None else "no label matters"
        self.rows = finding.rows
        self.estimate = None if finding.measured is None else finding.measured.estimate
        self._bounds = None if finding.measured is None else (finding.lower, finding.upper)

    def _lay_bets(self, inputs: Inputs) -> None:
        part, clause = self.part, self.clause
        assert part is not None
        sign = 1 if clause.upward else -1
        zone = 2 * clause.tolerance * sign
        low, high = part.range
        limit_true = clause.threshold - self.constant - (zone if self.mode == "fn-free" else 0.0)
        limit_false = clause.threshold - self.constant + (zone if self.mode == "fp-free" else 0.0)
        self._sign = sign
        self._limit_true = float(np.clip(round(limit_true, 15), low, high))
        self._limit_false = float(np.clip(round(limit_false, 15), low, high))
        plain = inputs.unit is None and {term.metric for _, term in clause.terms} <= COUNTS
        self._scale = 1.0
        if plain and not part.changed and part.new == -part.old and part.new:
            self.kind, self._scale = "difference", part.new
        elif plain and sum(map(bool, (part.new, part.old, part.changed))) == 1:
            self.kind, self._scale = "rate", part.new or part.old or part.changed
        under = sign * self._limit_true - (low if sign > 0 else -high)
        over = (high if sign > 0 else -low) - sign * self._limit_false
        if inputs.unit is None or inputs.max_unit_size is not None:
            # How far the predictions of a larger unit could differ is not known, only how many rows it has.
            rows = 1 if inputs.unit is None else inputs.max_unit_size or 1
            self.loss_true, self.loss_false = rows * under, rows * over
        else:
            limits = part.limits(inputs)
            codes = inputs.unit[np.flatnonzero(part.rows)]
            size = np.bincount(codes).astype(np.float64)
            least, most = (np.bincount(codes, limit) for limit in (limits if sign > 0 else (-limits[1], -limits[0])))
            self.loss_true = float((sign * self._limit_true * size - least).max())
            self.loss_false = float((most - sign * self._limit_false * size).max())
        self.loss_true, self.loss_false = max(self.loss_true, _LEAST), max(self.loss_false, _LEAST)
        self._design = self._designed()
        self._wealth_true = sequential.Wealth(self.loss_true, design=self._design)
        self._wealth_false = sequential.Wealth(self.loss_false, design=self._design)

    def _in_units(self, limit: float) -> float:
        """Bring a limit to the scale on which a win counts 1, in the direction of the claim."""
        return self._sign * limit / abs(self._scale)

    def _designed(self) -> bool:
        """Whether the tolerance names a mean to bet on, and the bet on it has a closed form."""
        if self.kind == "mean" or not self.clause.tolerance:
            return False
        low, high = (-1.0, 1.0) if self.kind == "difference" else self._ends()
        under, over = self._in_units(self._limit_true), self._in_units(self._limit_false)
        return low < under < over < high

    def _ends(self) -> tuple[float, float]:
        """Range of a rate on the scale of :meth:`_in_units`."""
        return (0.0, 1.0) if self._sign * self._scale > 0 else (-1.0, 0.0)

    def _fix(self, plan: Plan | None) -> None:
        """Fix after how many labels the exact test is made: before any of them, from the predictions alone."""
        self._goal_true, self._goal_false = -math.log(self.level_true), -math.log(self.level_false)
        if self.kind == "mean":
            return
        self._goal_true += math.log(2)
        self._goal_false += math.log(2)
        cap = self._queue.size
        if self.clause.tolerance and plan is None:
            pass_side, fail_side = self._needed("true"), self._needed("false")
            if pass_side is not None and fail_side is not None:
                cap = min(cap, max(pass_side, fail_side))
        self.plan = plan or (cap, self._queue.size, self._seq.size)

    @property
    def needed(self) -> tuple[Rows, NDArray[np.bool_]]:
        """Rows of the pool that the clause is about, in order, and whether it needs the label of each."""
        return self._seq, self.needs[self._seq]

    @property
    def cap(self) -> int | None:
        """After how many labels the exact test is made; ``None`` where there is none."""
        return None if self.plan is None else self.plan[0]

    def _needed(self, side: Literal["true", "false"]) -> int | None:
        level = self.level_true if side == "true" else self.level_false
        under, over = self._in_units(self._limit_true), self._in_units(self._limit_false)
        if self.kind == "difference":
            limit, aim = (under, over) if side == "true" else (-over, -under)
            if not -1 < limit < aim < 1:
                return None
            return sequential.labels_at_cap(limit, aim, self._queue.size, self._seq.size, level / 2, 1 - level)
        low = self._ends()[0]
        p0, p1 = under - low, over - low
        if side == "false":
            p0, p1 = 1 - p1, 1 - p0
        return binomial.units_needed(p1, p0, level / 2, 1 - level) if 0 < p0 < p1 else None

    def waiting(self, known: NDArray[np.bool_], k: int) -> Rows:
        """Give the next rows whose labels it needs, at most ``k``, in order."""
        end = self._queue.size if self.cap is None else min(self.cap, self._queue.size)
        found: list[Rows] = []
        count, start = 0, self._at
        while count < k and start < end:
            ahead = self._queue[start : min(start + max(k, 4096), end)]
            found.append(ahead[~known[ahead]][: k - count])
            count, start = count + found[-1].size, start + ahead.size
        return np.concatenate(found) if found else np.empty(0, dtype=np.intp)

    def ready(self, known: NDArray[np.bool_]) -> Rows | None:
        """Give the rows up to the next one whose label is missing, or ``None`` if it is the first."""
        end = self._queue.size if self.cap is None else min(self.cap, self._queue.size)
        while self._at < end:
            stretch = known[self._queue[self._at : self._at + 4096]]
            gap = int(np.argmin(stretch))
            if not stretch[gap]:
                self._at += gap
                break
            self._at += stretch.size
        self._at = min(self._at, end)
        stop = self._seq.size
        if self._at < self._queue.size:
            row = self._queue[self._at]
            stop = int(np.searchsorted(self._seq_place, self._place[row]))
            if self._unit is not None:
                # A unit counts when it is whole.
                codes = self._unit[self._seq]
                while stop > self._next and codes[stop - 1] == self._unit[row]:
                    stop -= 1
        done = self._seq[self._next : stop]
        return done if done.size else None

    def take(self, facts: Inputs, rows: Rows) -> None:
        """Bet on further rows, in order, whose values are known."""
        part = self.part
        assert part is not None
        values = replace(part, rows=np.ones(rows.size, dtype=np.bool_)).values(facts)
        needed = self.needs[rows]
        if facts.unit is None:
            sizes, totals, ends = np.ones(rows.size), values, np.arange(1, rows.size + 1)
        else:
            starts = np.flatnonzero(np.append(True, facts.unit[1:] != facts.unit[:-1]))
            ends = np.append(starts[1:], rows.size)
            totals, sizes = np.add.reduceat(values, starts), (ends - starts).astype(np.float64)
        moves_true = self._sign * (totals - self._limit_true * sizes)
        moves_false = -self._sign * (totals - self._limit_false * sizes)
        fractions = self._fractions(needed) if self._design else (None, None)
        path_true = self._wealth_true.play(moves_true, fractions[0])
        path_false = self._wealth_false.play(moves_false, fractions[1])
        count = self._stop(path_true, path_false)
        stop = int(ends[count - 1])
        self.log_true = max(self.log_true, float(path_true[:count].max()))
        self.log_false = max(self.log_false, float(path_false[:count].max()))
        self._count(totals[:count], sizes[:count], values[:stop], rows[:stop], needed[:stop])
        if self.value == "unknown" and self.cap is not None and self.labels >= self.cap:
            self._test_at_cap()
        if self.value == "unknown" and self._next >= self._seq.size and self.open:
            self.open, self.final = False, "exhausted"

    def _fractions(self, needed: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Bets on the mean that the tolerance names, for the rate of disagreement seen before each row."""
        under, over = self._in_units(self._limit_true), self._in_units(self._limit_false)
        if self.kind == "difference":
            before = self.labels + np.cumsum(needed) - needed
            rate = (before + 1) / (self._items + np.arange(needed.size) + 5)
            up, down = (sequential.design_fraction(a, b, rate) for a, b in ((under, over), (-over, -under)))
        else:
            low = self._ends()[0]
            p0, p1 = under - low, over - low
            ones = np.ones(needed.size)
            up, down = (p1 - p0) / (p0 * (1 - p0)) * ones, (p1 - p0) / (p1 * (1 - p1)) * ones
        return up / abs(self._scale), down / abs(self._scale)

    def _stop(self, path_true: Floats, path_false: Floats) -> int:
        """Find the first look at which one of the bets has won; give how many items were looked at."""
        shown, refuted = path_true >= self._goal_true, path_false >= self._goal_false
        never = path_true.size
        first_true = int(np.argmax(shown)) if shown.any() else never
        first_false = int(np.argmax(refuted)) if refuted.any() else never
        if first_true == first_false == never:
            return never
        # At one moment both can only have won inside the tolerance, where either is right.
        true = first_true < first_false or (first_true == first_false and self.mode == "fp-free")
        self.value, self.open, self.final = "true" if true else "false", False, "bets"
        return min(first_true, first_false) + 1

    def _count(self, totals: Floats, sizes: Floats, values: Floats, rows: Rows, needed: NDArray[np.bool_]) -> None:
        self._next += rows.size
        self._items += totals.size
        self.rows += rows.size
        self.labels += int(needed.sum())
        self.used = self._queue[: self.labels]
        self.looked = int(self._place[rows[-1]]) + 1
        moves = totals - self._limit_true * sizes
        # Added up one by one, so that the same rows give the same bits however they came.
        self._sum = float(np.cumsum(np.append(self._sum, totals))[-1])
        self._squares = float(np.cumsum(np.append(self._squares, moves * moves))[-1])
        self._size += float(sizes.sum())
        self.estimate = self._sum / self._size + self.constant
        toward = self._sign * values[needed] / abs(self._scale)
        if self.kind == "difference":
            self.won += int((toward > 0.5).sum())
            self.lost += int((toward < -0.5).sum())
        elif self.kind == "rate":
            hits = int((toward > self._ends()[0] + 0.5).sum())
            self.won += hits
            self.lost += toward.size - hits

    def _test_at_cap(self) -> None:
        under, over = self._in_units(self._limit_true), self._in_units(self._limit_false)
        if self.kind == "difference":
            assert self.plan is not None
            pool = (self.labels, *self.plan[1:])
            shown = under < 1 and sequential.conditional_test(self.won, self.lost, *pool, under, self.level_true / 2)
            refuted = over > -1 and sequential.conditional_test(self.lost, self.won, *pool, -over, self.level_false / 2)
        else:
            low = self._ends()[0]
            shown = binomial.p_value_greater(self.won, self.labels, min(under - low, 1.0)) <= self.level_true / 2
            refuted = binomial.p_value_less(self.won, self.labels, max(over - low, 0.0)) <= self.level_false / 2
        if shown or refuted:
            self.value = "true" if shown and not (refuted and self.mode == "fn-free") else "false"
        self.open, self.final = False, "cap"

    def bounds(self) -> tuple[float, float] | None:
        """Give bounds that hold at every look, each at the level of its side, and agree with what was decided.

        ``None`` where only bets on other values than wins and losses were made. That they hold and that the decision
        does are two events: together they err with probability of at most twice the levels. The decision rests on the
        sharper test of the plan; where that has not decided yet, the bounds are widened to the limit, which is valid.
        """
        if self._bounds is not None or self.kind == "mean" or not self.rows:
            return self._bounds
        low, high = (-1.0, 1.0) if self.kind == "difference" else self._ends()
        if self.kind == "difference":
            values, counts = np.array([1.0, -1.0, 0.0]), [self.won, self.lost, self.rows - self.won - self.lost]
        else:
            values, counts = np.array([high, low]), [self.won, self.lost]
        below = sequential.lower(values, counts, self.level_true, low=low)
        above = -sequential.lower(-values, counts, self.level_false, low=-high)
        shown, refuted = (self._in_units(limit) for limit in (self._limit_true, self._limit_false))
        below = max(below, shown) if self.value == "true" else min(below, shown)
        above = min(above, refuted) if self.value == "false" else max(above, refuted)
        ends = sorted(self._sign * abs(self._scale) * end + self.constant for end in (below, above))
        return ends[0], ends[1]

    @property
    def beyond(self) -> bool:
        """Whether the estimate of 20 labels or more lies where the clause does not hold."""
        if self.labels < 20 or self.estimate is None:
            return False
        limit = self.clause.threshold
        return self.estimate < limit if self.clause.upward else self.estimate > limit

    def further(self) -> tuple[int | None, int]:
        """Labels still needed: expected if the truth is the estimate (before 20 labels: the tolerance's aim), and at most."""
        if not self.open:
            return 0, 0
        end = self._queue.size if self.cap is None else min(self.cap, self._queue.size)
        most = max(1, end - self.labels)
        a_label = (self._queue.size / self._seq.size) * (self._size / self._items if self._items else 1.0)
        if self.labels >= 20 and self.estimate is not None:
            gap_true = self._sign * (self.estimate - self.constant - self._limit_true) * self._size / self._items
            gap_false = self._sign * (self._limit_false - self.estimate + self.constant) * self._size / self._items
            second = self._squares / self._items
        elif self._design:
            gap_true = gap_false = abs(self._limit_false - self._limit_true)
            spread = abs(self._in_units(self._limit_true) - self._ends()[0]) if self.kind == "rate" else a_label
            second = self._scale**2 * (spread * (1 - spread) if self.kind == "rate" else spread) + gap_true**2
        else:
            return None, most
        needed = []
        for gap, loss, goal in (
            (gap_true, self.loss_true, self._goal_true - self._wealth_true.log_wealth),
            (gap_false, self.loss_false, self._goal_false - self._wealth_false.log_wealth),
        ):
            if gap > 0 and second > 0:
                fraction = min(gap / second, 1 / loss)
                growth = fraction * gap - fraction * fraction * second / 2
                needed.append(goal / growth * a_label)
        expected = max(1.0, min(needed, default=math.inf))
        return (math.ceil(expected) if expected < most else most), most
