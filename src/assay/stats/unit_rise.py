r"""Has a rate risen by more than a tolerance between two samples of whole units?

Let P = E[total] / E[rows] of the units of a reference, and Q the same of later ones. Two bets run over units
(:mod:`assay.stats.unit_bets`), each with nine tenths of its wealth: B(p) against "P is at least p" and A(q) against "Q is at most q". Under the hypothesis
Q <= P + tolerance, A(P + tolerance) and B(P) are e-values of independent samples, and so is their product. P is not
known, so the product is taken where it is smallest:

.. math:: e = \inf_{0 \le p \le 1} B(p) A(p + tolerance), \qquad A(q) = 1 \text{ for } q \ge 1,

which is at most the product at P. B rises with p and A falls with q, so that between a and b the product is at least
B(a) A(b + tolerance): the infimum is bounded from below cell by cell. Beyond p = 1 - tolerance A is 1, and B only rises.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING

import numpy as np

from assay.stats.unit_bets import UnitBets

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Cells to begin with, and how many are halved at most.
_CELLS, _SPLITS = 24, 60
# Below this gap in log wealth a finer search brings nothing.
_GAP = 0.02
# Share of the wealth that is not bet: near q = 1 a bet loses all that it stakes, where the other has won for certain.
_KEPT = 0.1
# Bets end short of rates of 0 and 1.
_LEAST = 1e-12


def e_value(before: tuple[ArrayLike, ArrayLike], after: tuple[ArrayLike, ArrayLike], tolerance: float) -> float:
    """Give an e-value against "the row-weighted rate of units rose by at most the tolerance".

    Guarantee (exact): E[e] <= 1 under the hypothesis, whatever the sizes of units are and however rows of one unit depend
    on each other, so min(1, 1/e) is a p-value. Given the units nothing need be assumed of their sizes; for the
    populations that they are drawn from, no unit may have more rows than the largest here (:mod:`assay.stats.clustered`).
    Assumes independent units and independent samples; units of the two need not be alike.

    Parameters
    ----------
    before, after : tuple of (totals, sizes), arrays of float of shape (units,)
        Sums of values in [0, 1] and rows of each unit, of the reference and of the later sample; at least one unit each.
    tolerance : float, in [0, 1)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sizes = np.full(40, 50)
    >>> e = e_value((rng.binomial(50, 0.2, 40), sizes), (rng.binomial(50, 0.5, 40), sizes), 0.05)
    >>> e > 1000
    True
    """
    reference, current = (UnitBets.from_sums(*side, 0.5, 0.0, 1.0, None, None, None) for side in (before, after))
    seen = [float(side.totals.sum() / side.sizes.sum()) for side in (reference, current)]
    if seen[1] - seen[0] <= tolerance:
        # At the rate seen neither bet has gained, and no smaller number is of use.
        return 0.0
    under, over = reference.negated().merged(), current.merged()

    def bounds(p: float) -> tuple[float, float]:
        return _kept(under.log_wealth(-p)), _kept(over.log_wealth(min(p + tolerance, 1 - _LEAST)))

    places = np.linspace(_LEAST, 1.0 - tolerance, _CELLS + 1).tolist()
    values = [bounds(p) for p in places]
    best = min(sum(pair) for pair in values)
    cells = [
        (values[i][0] + values[i + 1][1], places[i], places[i + 1], values[i], values[i + 1]) for i in range(_CELLS)
    ]
    heapq.heapify(cells)
    for _ in range(_SPLITS):
        if best - cells[0][0] < _GAP:
            break
        _, a, b, at_a, at_b = heapq.heappop(cells)
        middle = (a + b) / 2
        at = bounds(middle)
        best = min(best, sum(at))
        heapq.heappush(cells, (at_a[0] + at[1], a, middle, at_a, at))
        heapq.heappush(cells, (at[0] + at_b[1], middle, b, at, at_b))
    return math.exp(min(cells[0][0], 700.0))


def _kept(log_wealth: float) -> float:
    return float(np.logaddexp(math.log(1 - _KEPT) + log_wealth, math.log(_KEPT)))
