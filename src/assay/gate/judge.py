"""One clause against the data, and three-valued ``and`` over clauses.

Contract of a clause ``F > A +/- e`` with true value F and error probability a (Renggli et al., 2019, appendix
A.2, as tests):

* ``fp-free``: true only if "F <= A" is rejected at level a, so F <= A implies P(true) <= a; false only if
  "F >= A + 2e" is rejected, so F >= A + 2e implies P(false) <= a. Between the two either answer is right.
* ``fn-free``: false only if "F >= A" is rejected; true only if "F <= A - 2e" is.

Conjunction of k clauses. True if every clause is true at the whole level a: if the conjunction does not hold, some
clause does not, and a pass needs just that clause to err (intersection-union test; Berger, Technometrics 24(4),
1982). False if some clause is false at level a/k: if all hold, a refusal needs one of k errors (union bound).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from assay.gate.measure import parts, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assay.gate.condition import Clause, Condition, Mode
    from assay.gate.inputs import Inputs
    from assay.gate.quantity import Quantity

Value = Literal["true", "false", "unknown"]


@dataclass(frozen=True)
class Finding:
    """What the data say of one clause.

    Attributes
    ----------
    clause : Clause
    value : {"true", "false", "unknown"}
    measured : Quantity or None
        ``None`` if a term has no rows.
    p_true, p_false : float
        P-values against "the clause does not hold" and against "it holds", moved by the tolerance as the mode asks.
    lower, upper : float
        One-sided bounds at the levels at which the clause is tested.
    further : int or None
        Rows or units still needed to decide it.
    rows : int
        Rows that it looked at.
    planned : int or None
        Rows without which its method does not decide.
    idle : bool
        Whether it asks for a gain and the two models never disagree, so that no label matters.
    """

    clause: Clause
    value: Value
    measured: Quantity | None
    p_true: float = 1.0
    p_false: float = 1.0
    lower: float = 0.0
    upper: float = 0.0
    further: int | None = None
    rows: int = 0
    planned: int | None = None
    idle: bool = False

    @property
    def blind(self) -> bool:
        """Whether the rows cannot speak of it, so that "not refuted" would say nothing."""
        short = (
            self.planned is not None and self.measured is not None and self.planned > self.measured.statistic["rows"]
        )
        return self.value == "unknown" and (self.measured is None or self.idle or short)


def kleene_and(values: Iterable[Value]) -> Value:
    """Give the conjunction in Kleene's strong three-valued logic."""
    seen = set(values)
    return "false" if "false" in seen else "unknown" if "unknown" in seen else "true"


def judge_all(condition: Condition, inputs: Inputs, alpha: float, mode: Mode) -> list[Finding]:
    """Judge every clause of a condition with the sharpest exact test of its own."""
    clauses = condition.clauses
    return [judge(clause, inputs, alpha, clauses=len(clauses), mode=mode) for clause in clauses]


def judge(clause: Clause, inputs: Inputs, alpha: float, *, clauses: int = 1, mode: Mode = "fp-free") -> Finding:
    """Test one clause of a conjunction; the contract is at the top of this module.

    Parameters
    ----------
    clause : Clause
    inputs : Inputs
    alpha : float, in (0, 1)
        Error probability of the whole conjunction.
    clauses : int, at least 1
        How many clauses the conjunction has.
    mode : {"fp-free", "fn-free"}
    """
    claimed = clause.moved(-2) if mode == "fn-free" else clause
    denied = clause.moved(2) if mode == "fp-free" else clause
    found, constant = parts(claimed, inputs)
    measured = quantity(found, constant, inputs)
    against = quantity(*parts(denied, inputs), inputs) if clause.times else measured
    if measured is None or against is None:
        return Finding(clause, "unknown", None)
    level_true, level_false = alpha, alpha / clauses
    limit_true, limit_false = claimed.threshold, denied.threshold
    if clause.upward:
        p_true, p_false = measured.p_greater(limit_true), against.p_less(limit_false)
        lower, upper = measured.lower(level_true), measured.upper(level_false)
        hopeful, doubtful = measured.estimate > limit_true, against.estimate < limit_false
    else:
        p_true, p_false = measured.p_less(limit_true), against.p_greater(limit_false)
        lower, upper = measured.lower(level_false), measured.upper(level_true)
        hopeful, doubtful = measured.estimate < limit_true, against.estimate > limit_false
    shown, refuted = p_true <= level_true, p_false <= level_false
    if shown and refuted:  # inside the zone of tolerance, where either is right
        refuted = mode == "fn-free"
    idle = _idle(clause, inputs)
    # With a tolerance, fn-free could show that equal models are as good as equal; a gain is still not shown.
    value: Value = "false" if refuted else "true" if shown and not idle else "unknown"
    needs: list[int | None] = []
    if value == "unknown":
        needs += [measured.further(limit_true, level_true)] if hopeful else []
        needs += [against.further(limit_false, level_false)] if doubtful else []
    return Finding(
        clause=clause,
        value=value,
        measured=measured,
        p_true=p_true,
        p_false=p_false,
        lower=lower,
        upper=upper,
        further=min((need for need in needs if need is not None), default=None),
        rows=int(np.any([part.rows for part in found], axis=0).sum()),
        idle=idle,
    )


def _idle(clause: Clause, inputs: Inputs) -> bool:
    """Tell whether a gain is claimed of two models whose losses are the same on every row."""
    net: dict[tuple[str, str, str], float] = {}
    for c, term in clause.terms:
        place = (term.metric, term.slice, term.column)
        net[place] = net.get(place, 0.0) + c
    if len(inputs.predicted) < 2 or any(net.values()) or clause.threshold * (1 if clause.upward else -1) < 0:
        return False
    same = np.array_equal(inputs.predicted["new"], inputs.predicted["old"])
    if {"brier", "absolute"} & {term.metric for _, term in clause.terms}:
        same = same and np.array_equal(inputs.scores["new"], inputs.scores["old"])
    return same
