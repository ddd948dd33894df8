"""Sample sizes as the paper plans them: Hoeffding's inequality for each variable, a union bound over all.

With Lambda = ln(1/delta_t), a clause sum(c_i v_i) over k variables in a condition of K clauses gets

    N = (sum |c_i|)^2 (Lambda + ln k + ln K) / (2 e^2),

from a tolerance split as e_i = e |c_i| / sum |c|, each variable at delta_t / (k K) (Renggli et al., MLSys 2019, 1.5 and
appendix A; their recursion gives delta / 2, delta / 4, ... for k > 2). Each estimate strays by e_i on the side that
matters with probability exp(-2 N e_i^2 / 1) at most (Hoeffding, JASA 58, 1963, Theorem 1), so that with the threshold
A + e both halves of the contract hold. The paper counts samples: whether a variable needs labels makes no difference.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.gate.targets import Size, rounded

if TYPE_CHECKING:
    from assay.gate.targets import Target

SOURCE = "Renggli et al., MLSys 2019; Hoeffding, JASA 58(301), 1963"


def size(target: Target) -> Size:
    """Size a clause by the closed form at the top of this module."""
    nats = target.nats + math.log(len(target.clause.terms)) + math.log(target.clauses)
    n = rounded(target.weight**2 * nats / (2 * target.tolerance**2))
    labels = target.everywhere(n)
    return Size("Hoeffding", SOURCE, labels, labels, n if target.free else 0)


def one_tail(target: Target) -> int:
    """Give the rows for the value of a whole row, if there is one: N = r^2 ln(1/a) / (2 e^2) with its range r.

    Both tails at the smaller of the two errors, with the threshold in the middle. Where a clause speaks of J kinds of
    rows, each kind strays by a share of e in proportion to its range, at 1/J of the error: N then is that for each.
    """
    reach = sum(form.reach for form in target.forms)
    nats = max(target.nats_alpha, target.nats_miss) + math.log(len(target.forms))
    return rounded(reach**2 * nats / (2 * target.tolerance**2))
