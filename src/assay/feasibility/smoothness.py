r"""What one nearest neighbor says of the Bayes error if class probabilities move slowly: a conditional limit from below.

Assumption: class probabilities move by at most L for each unit of distance, TV(eta(x), eta(x')) <= L d(x, x'). No data
can show it.

Let test row j have its nearest training row at distance d_j, W_j tell whether their labels differ, and m be the number of
test rows. Given all features, labels are independent draws, and with r(x) = 1 - sum_c eta_c(x)^2

    E W_j = 1 - sum_c eta_c(x_j) eta_c(x'_j) <= r(x_j) + TV(eta(x_j), eta(x'_j)) <= r(x_j) + L d_j .

One test label moves the mean of W by at most 1 / m, and a training label that is nearest to s_i test rows by s_i / m. By
McDiarmid's inequality the mean of W is above its expectation by

    t = sqrt((m + sum_i s_i^2) log(2 / alpha) / 2) / m

with probability of at most alpha / 2. So mean r(x_j) >= mean W - t - L mean d. By Cover and Hart 1 - max eta >= h(r) at each
x_j, and h is convex, so that the mean of 1 - max eta(x_j) is at least h of that mean. It is a mean of m draws from [0, g]
whose expectation is the Bayes error, and above it by g sqrt(log(2 / alpha) / (2 m)) with probability of at most alpha / 2
(Hoeffding). Together

    R >= h(mean W - t - L mean d) - g sqrt(log(2 / alpha) / (2 m))      with probability of at least 1 - alpha.

A binomial limit on the errors would be of no use here: given the training *labels* their probability is another number than
the one that the inequality of Cover and Hart speaks of.

References
----------
Cover, T. M. and Hart, P. E. "Nearest neighbor pattern classification." IEEE Transactions on Information Theory 13(1), 1967.
McDiarmid, C. "On the method of bounded differences." Surveys in Combinatorics, 1989.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import UsageError
from assay.feasibility.inequalities import cover_hart, cover_hart_error

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Smooth:
    """One nearest neighbor on held-out rows, and what it says for each rate L at which probabilities may move.

    Attributes
    ----------
    error : float
        Share of held-out rows whose nearest training row has another label.
    distance : float
        Mean distance to it.
    slack_labels, slack_rows : float
        What chance in the labels, and in the rows, may add.
    classes : int
    alpha : float
    """

    error: float
    distance: float
    slack_labels: float
    slack_rows: float
    classes: int
    alpha: float

    def lower(self, rate: float) -> float:
        """Give the limit on the Bayes error if probabilities move by at most ``rate`` for each unit of distance.

        Guarantee (exact, if they do): P(limit > Bayes error) <= alpha; proof at the top of this module.
        """
        if not rate >= 0:
            raise UsageError(f"rate must be at least 0, got {rate}")
        left = max(0.0, self.error - self.slack_labels - rate * self.distance)
        return max(0.0, float(cover_hart(left, self.classes)) - self.slack_rows)

    def break_even(self, bayes_error: float) -> float:
        """Give L0: the Bayes error is above ``bayes_error`` unless probabilities move faster than this.

        Negative where not even constant probabilities would show it; infinite if all neighbors are at distance 0.
        """
        needed = bayes_error + self.slack_rows
        if needed >= (self.classes - 1) / self.classes:
            return -math.inf
        gap = self.error - self.slack_labels - float(cover_hart_error(needed, self.classes))
        if not self.distance:
            return math.copysign(math.inf, gap)
        return gap / self.distance


def smooth(
    wrong: NDArray[np.bool_], distances: NDArray[np.float64], nearest: NDArray[np.intp], classes: int, alpha: float
) -> Smooth:
    """Read one nearest neighbor on held-out rows.

    Parameters
    ----------
    wrong : ndarray of bool, shape (rows,)
        Whether the label of the nearest training row is another one.
    distances : ndarray of float, shape (rows,)
        To that training row.
    nearest : ndarray of int, shape (rows,)
        Which one it is.
    classes : int
    alpha : float, in (0, 1)

    Examples
    --------
    >>> rows = np.arange(5000)
    >>> found = smooth(rows % 10 < 3, np.full(5000, 0.01), rows, 2, 0.05)
    >>> round(found.lower(1.0), 3), round(found.break_even(0.05), 1)
    (0.146, 16.1)
    """
    rows = wrong.size
    served = np.bincount(nearest)
    log_term = math.log(2 / alpha)
    chance = (classes - 1) / classes
    return Smooth(
        error=float(wrong.mean()),
        distance=float(distances.mean()),
        slack_labels=math.sqrt((rows + float(np.square(served).sum())) * log_term / 2) / rows,
        slack_rows=chance * math.sqrt(log_term / (2 * rows)),
        classes=classes,
        alpha=alpha,
    )
