"""Sample sizes by Bennett's inequality, where the variance of a row is known to be small.

With E[X^2] <= p and X <= 1, P(mean - E X >= e) <= exp(-N p h(e/p)), h(u) = (1 + u) ln(1 + u) - u (Bennett, JASA 57,
1962): (e^x - 1 - x) / x^2 grows with x, so E exp(t X) <= 1 + t E X + p (e^t - 1 - t), and t = ln(1 + e/p) gives it. X
need not be centered; any X - c will do. For X = "new is right" - "old is right" p bounds the share of changed predictions. The paper's
two patterns (Renggli et al., MLSys 2019, section 4):

* *Pattern 1*, ``d < A +/- B and n - o > C +/- D``: p = A, half of delta_t for the filter on d, two tails:
  N = (Lambda + ln 4) / (p h(D / p)). If d >= A instead, the clause on d has to err for the condition to pass, so p = A
  is sound. Only p N rows of a commit, those that changed, need a label.
* *Pattern 2*, ``n - o > C +/- D`` alone with a known p: N = (Lambda + ln 2) / (p h(D / p)).

Both are Lambda + ln K + ln 2 for K clauses. A floor ``n > A`` with A >= 0.9 (or a ceiling ``n < 1 - A``) has p = 1 - A: at n = A the second moment
of "new is wrong" is 1 - A, above it less, below it the tail is smaller; one tail, no ln 2. So it is where A + 2e can be reached at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.gate import hoeffding
from assay.gate.targets import Size, rounded

if TYPE_CHECKING:
    from assay.gate.targets import Target

SOURCE = "Renggli et al., MLSys 2019; Bennett, JASA 57(297), 1962"
# From here on a floor is near enough to 1.
HIGH = 0.9


def exponent(variance: float, bound: float, tolerance: float) -> float:
    """Give Bennett's exponent a row: P(mean strays by ``tolerance``) <= exp(-N exponent).

    Parameters
    ----------
    variance : float, positive
        Bound on the second moment of a row about some center.
    bound : float, positive
        No row lies further from that center.
    tolerance : float, positive
    """
    u = bound * tolerance / variance
    return variance / bound**2 * ((1 + u) * math.log1p(u) - u)


def size(target: Target) -> Size:
    """Size a clause by Bennett's inequality where the paper does, else by Hoeffding's."""
    form = target.form
    clauses = math.log(target.clauses)
    if target.free:
        found = hoeffding.size(target)
        return Size(found.method, found.source, {}, {}, found.unlabelled)
    if form is not None and form.paired and target.disagreement is not None:
        p = target.disagreement
        tolerance = target.tolerance / abs(form.paired)
        n = (target.nats + clauses + math.log(2)) / exponent(p, 1.0, tolerance)
        return Size("Bennett", SOURCE, {form.rows: rounded(n)}, {form.rows: rounded(p * n)})
    found = hoeffding.size(target)
    rates = target.rates
    if form is not None and rates is not None and not form.score:
        tolerance, variance = target.tolerance / abs(form.rate), 1 - rates[0]
        # A share that has no room for twice the tolerance has no alternative to be told from.
        if 2 * tolerance - 1e-12 <= variance <= 1 - HIGH + 1e-12:
            n = rounded((target.nats + clauses) / exponent(variance, 1.0, tolerance))
            if n < found.labels[form.rows]:
                return Size("Bennett", SOURCE, {form.rows: n}, {form.rows: n})
    return found


def one_tail(target: Target) -> int | None:
    """Give the rows for the value of a whole row, one tail; ``None`` if nothing bounds its variance."""
    form = target.form
    if form is None or target.disagreement is None:
        return None
    nats = max(target.nats_alpha, target.nats_miss)
    return rounded(nats / exponent(*form.moments(target.disagreement), target.tolerance))
