r"""The decisions of Ease.ML/CI: estimates held against limit and tolerance, once there are as many rows as it plans.

A clause ``F > A +/- E`` is true if the estimate of F exceeds A + E, false if it is less than A - E, else unknown
(:mod:`assay.gate.evaluation`). With a the error probability of the condition, K clauses, and n rows for each term:

* ``hoeffding``. F = sum(c v) over k rates v. Each rate is within e of its estimate, on the side that matters, but for
  probability exp(-2 n e^2) (Hoeffding); with e = E / sum(|c|) and a / (K k) for each, n must reach
  (sum|c|)^2 ln(K k / a) / (2 E^2).
* ``bennett``. F = c (n - o) in a condition that also claims ``d < p``. Rows where both models are right, or both
  wrong, are 0, so that the second moment of a row is at most d, and if d < p then P(|estimate - F| > E) is at most
  2 exp(-n p h(E / (c p))), h(u) = (1 + u) ln(1 + u) - u (Bennett, for variables of at most 1 by their second moment:
  Boucheron, Lugosi and Massart, Concentration Inequalities, 2013, Theorem 2.9). So n must reach
  ln(2 K / a) / (p h(E / (c p))). All other clauses are as in ``hoeffding``.

Then the estimates of clauses that err do so with probability at most a / K each. ``fp-free``: if F <= A, a true needs
an estimate that is off by more than E; if F >= A + 2E, so does a value that is not true. ``fn-free`` mirrors it. The
bound of ``bennett`` needs d < p: if d >= p, the clause that claims it must itself err for the condition to pass.

References
----------
Renggli, C. et al. "Continuous integration of machine learning models with ease.ml/ci: towards a rigorous yet
practical treatment." MLSys 2019, sections 3 and 4.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import optimize

from assay.errors import ClaimError
from assay.gate.condition import Clause
from assay.gate.judge import Finding
from assay.gate.measure import parts, quantity

if TYPE_CHECKING:
    from assay.gate.condition import Condition, Mode, Term
    from assay.gate.inputs import Inputs
    from assay.gate.judge import Value


@dataclass(frozen=True)
class Deviation:
    """An estimate, and how improbable it is that it errs by a given amount.

    Attributes
    ----------
    estimate : float
    rows : int
        The fewest that any of its terms is taken over.
    scale : float
        Sum of the absolute coefficients.
    variables : int
    disagreement : float or None
        The limit p of ``d``, with which Bennett's inequality is used.
    """

    estimate: float
    rows: int
    scale: float
    variables: int
    disagreement: float | None = None

    @property
    def method(self) -> str:
        """Whose inequality."""
        return "Hoeffding's inequality" if self.disagreement is None else "Bennett's inequality"

    @property
    def source(self) -> str:
        """Where it is from."""
        where = "Hoeffding, JASA 58(301), 1963" if self.disagreement is None else "Bennett, JASA 57(297), 1962"
        return f"{where}; Renggli et al., MLSys 2019"

    @property
    def statistic(self) -> dict[str, float | int]:
        """Rows."""
        return {"rows": self.rows}

    def _tail(self, gap: float) -> float:
        """Give the exponent by row, and the factor, of the probability to err by ``gap``."""
        u = gap / self.scale
        if self.disagreement is None:
            return 2 * u * u
        p = self.disagreement
        return p * ((1 + u / p) * math.log1p(u / p) - u / p) if u > 0 else 0.0

    @property
    def _factor(self) -> int:
        return self.variables if self.disagreement is None else 2

    def needed(self, gap: float, alpha: float) -> int:
        """Give the rows at which the estimate errs by ``gap`` with probability at most ``alpha``."""
        return math.ceil(math.log(self._factor / alpha) / self._tail(gap))

    def _p(self, gap: float) -> float:
        return min(1.0, self._factor * math.exp(-self.rows * self._tail(gap))) if gap > 0 else 1.0

    def _half(self, alpha: float) -> float:
        reach = math.log(self._factor / alpha) / self.rows
        if self.disagreement is None:
            return self.scale * math.sqrt(reach / 2)
        end = self.scale
        while self._tail(end) < reach:
            end *= 2
        return float(optimize.brentq(lambda gap: self._tail(gap) - reach, 0.0, end))

    def lower(self, alpha: float) -> float:
        """Bound from below."""
        return self.estimate - self._half(alpha)

    def upper(self, alpha: float) -> float:
        """Bound from above."""
        return self.estimate + self._half(alpha)

    def p_greater(self, limit: float) -> float:
        """Test against "at most"."""
        return self._p(self.estimate - limit)

    def p_less(self, limit: float) -> float:
        """Test against "at least"."""
        return self._p(limit - self.estimate)

    def further(self, limit: float, alpha: float) -> int | None:
        """Rows until the estimate, were it the truth, would err by its distance to the limit."""
        gap = abs(self.estimate - limit)
        return max(1, self.needed(gap, alpha) - self.rows) if gap > 1e-4 else None


def judge_all(condition: Condition, inputs: Inputs, alpha: float, mode: Mode, method: str) -> list[Finding]:
    """Judge every clause of a condition as Ease.ML/CI does.

    Parameters
    ----------
    condition : Condition
    inputs : Inputs
    alpha : float, in (0, 1)
        Error probability of the whole condition.
    mode : {"fp-free", "fn-free"}
    method : {"hoeffding", "bennett"}

    Raises
    ------
    ClaimError
        If a clause has no tolerance or is none that the method covers.
    """
    if inputs.unit is not None:
        raise ClaimError(
            f"method {method!r} takes rows for independent and has no version for units; write method='exact'"
        )
    caps: dict[str, float] = {}
    for clause in condition.clauses:
        (c, term), *others = clause.terms
        if term.metric == "changed" and not others and not clause.upward:
            caps[term.slice] = min(clause.threshold / c, caps.get(term.slice, 1.0))
    level = alpha / len(condition.clauses)
    return [_judge(clause, inputs, level, mode, method, caps) for clause in condition.clauses]


def _judge(clause: Clause, inputs: Inputs, level: float, mode: Mode, method: str, caps: dict[str, float]) -> Finding:
    _require_covered(clause, method)
    terms = clause.terms
    measured = [quantity(*parts(Clause(((1.0, term),), ">", 0.0), inputs), inputs) for _, term in terms]
    if any(one is None for one in measured):
        return Finding(clause, "unknown", None)
    rows = [_rows(term, inputs) for _, term in terms]
    cap = _cap(clause, method, caps)
    deviation = Deviation(
        estimate=sum(c * one.estimate for (c, _), one in zip(terms, measured, strict=True) if one is not None),
        rows=min(rows),
        scale=abs(terms[0][0]) if cap is not None else sum(abs(c) for c, _ in terms),
        variables=len(terms),
        disagreement=cap,
    )
    needed = deviation.needed(clause.tolerance, level)
    above = (deviation.estimate - clause.threshold) * (1 if clause.upward else -1)
    value: Value = "unknown"
    if needed <= deviation.rows and abs(above) > clause.tolerance:
        value = "true" if above > 0 else "false"
    limits = (
        clause.moved(-2 if mode == "fn-free" else 0).threshold,
        clause.moved(2 if mode == "fp-free" else 0).threshold,
    )
    tests = (deviation.p_greater, deviation.p_less) if clause.upward else (deviation.p_less, deviation.p_greater)
    return Finding(
        clause=clause,
        value=value,
        measured=deviation,
        p_true=tests[0](limits[0]),
        p_false=tests[1](limits[1]),
        lower=deviation.lower(level),
        upper=deviation.upper(level),
        further=max(0, needed - deviation.rows) or None,
        rows=max(rows),
        planned=needed,
    )


def _rows(term: Term, inputs: Inputs) -> int:
    [part], _ = parts(Clause(((1.0, term),), ">", 0.0), inputs)
    return int(part.rows.sum())


def _require_covered(clause: Clause, method: str) -> None:
    if not clause.tolerance:
        raise ClaimError(f"method {method!r} needs a tolerance: write {str(clause)!r} with +/- 0.01, or method='exact'")
    if clause.times:
        raise ClaimError(f"method {method!r} knows no ratios: {str(clause)!r} needs method='exact'")
    if any(term.metric == "f1" for _, term in clause.terms):
        raise ClaimError(f"method {method!r} is for means, and an F1 score is a ratio: write method='exact'")


def _cap(clause: Clause, method: str, caps: dict[str, float]) -> float | None:
    """Give the limit of ``d`` if the clause is a multiple of ``n - o``, which is where Bennett's inequality helps."""
    kinds = [(term.metric, term.model, term.slice) for _, term in clause.terms]
    if method != "bennett" or len(kinds) != 2 or clause.terms[0][0] != -clause.terms[1][0]:
        return None
    where = kinds[0][2]
    if {kind[0] for kind in kinds} not in ({"accuracy"}, {"error"}) or kinds[1][2] != where:
        return None
    cap = caps.get(where)
    if cap is None or cap <= 0:
        changed = f"changed(new | {where})" if where else "d"
        raise ClaimError(
            f"method 'bennett' needs a limit of the changed predictions: write {str(clause)!r} and {changed} < 0.1 +/- 0.01"
        )
    return cap
