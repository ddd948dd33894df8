r"""What held-out errors certify: a limit from above on the Bayes error, for as many classifiers and looks as there are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import UsageError
from assay.stats import binomial, clustered

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def certified_uppers(wrong: NDArray[np.bool_], alpha: float, units: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Bound the true errors of several classifiers from above, all at once.

    Guarantee (exact): P(all true errors are at most their limits) >= 1 - alpha, so that the least of the limits is one of
    the Bayes error, which is at most any error. Proof: classifiers that never saw the held-out rows have errors there
    that are a sample of their true error; each limit (Clopper-Pearson on rows, betting on units) fails with
    probability of at most alpha / M, and M of them together with at most alpha (Bonferroni). The least limit pays
    for its choice by this: without the division, the least of eight limits of equal classifiers fails in three of ten
    samples where one in twenty was promised.

    Parameters
    ----------
    wrong : ndarray of bool, shape (rows, classifiers)
        Held-out errors.
    alpha : float, in (0, 1)
    units : ndarray, shape (rows,), optional
        Independent unit of each row.

    Returns
    -------
    ndarray of float, shape (classifiers,)

    References
    ----------
    Clopper, C. J. and Pearson, E. S. "The use of confidence or fiducial limits illustrated in the case of the
    binomial." Biometrika 26(4), 1934.

    Examples
    --------
    >>> wrong = np.arange(1000)[:, None] < np.array([100, 120])
    >>> certified_uppers(wrong, 0.05).round(4).tolist()
    [0.1203, 0.1418]
    """
    share = alpha / wrong.shape[1]
    if units is None:
        return np.asarray(binomial.upper(wrong.sum(axis=0), wrong.shape[0], share))
    sums = [clustered.by_unit(column, units) for column in wrong.T]
    return np.array([clustered.upper(each.totals, each.sizes, share) for each in sums])


def leave_one_out_upper(errors: int, rows: int, k: int, alpha: float) -> float:
    """Bound the error of k nearest neighbors on all rows by how often it is wrong on each when that row is left out.

    Guarantee (exact, and loose): P(true error > limit) <= alpha. Errors of rows that are left out in turn depend on each
    other, so their count is not binomial, and a Clopper-Pearson limit from it promises what it does not hold. But
    E (share left out - true error)^2 <= (6 k + 1) / n for k nearest neighbors with ties broken at random (Devroye and
    Wagner), and Chebyshev's inequality gives the rest. A held-out part is sharper in nearly every case.

    Parameters
    ----------
    errors : int, 0 .. rows
    rows : int
    k : int
        Neighbors that vote.
    alpha : float, in (0, 1)

    References
    ----------
    Devroye, L., Gyorfi, L. and Lugosi, G. "A Probabilistic Theory of Pattern Recognition." Springer, 1996, theorem 24.4.

    Examples
    --------
    >>> round(leave_one_out_upper(2_000, 100_000, 1, 0.05), 3)
    0.057
    """
    if not 0 <= errors <= rows or rows < 1 or k < 1:
        raise UsageError(f"errors must be 0 to the number of rows, and k at least 1; got {errors}, {rows} and {k}")
    return min(1.0, errors / rows + math.sqrt((6 * k + 1) / (rows * alpha)))


def lower_of_least(lowers: ArrayLike) -> float:
    """Bound the least of several true values from below, by limits that hold for each alone.

    Guarantee: if P(lower_i > value_i) <= alpha for each i, then P(least lower > least value) <= alpha, whatever their
    number. Proof: let j be where the least value is, which is no matter of chance. The least lower is at most lower_j, and
    that is above value_j with probability of at most alpha. So a limit from below on the best of several embeddings
    costs no correction; only the upper side does.

    Examples
    --------
    >>> lower_of_least([0.12, 0.08, 0.3])
    0.08
    """
    values = np.asarray(lowers, dtype=np.float64)
    if not values.size:
        raise UsageError("give at least one limit")
    return float(values.min())


def alpha_of_look(alpha: float, look: int) -> float:
    """Give the error probability of the j-th look at data that are cleaned in between: 6 alpha / (pi j)^2.

    Guarantee: over any number of looks P(any limit fails) <= sum_j 6 alpha / (pi^2 j^2) = alpha. Each cleaning changes the
    law of the labels, so that each look is a question of its own. It must rest on rows that were drawn, and cleaned, at
    random: rows picked for cleaning are no sample.

    Examples
    --------
    >>> [round(alpha_of_look(0.05, look), 4) for look in (1, 2, 3)]
    [0.0304, 0.0076, 0.0034]
    """
    if look < 1 or look != int(look):
        raise UsageError(f"look must be a whole number, at least 1, got {look}")
    return 6 * alpha / (math.pi * look) ** 2
