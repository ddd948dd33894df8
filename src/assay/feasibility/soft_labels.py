r"""The Bayes error from class probabilities that are known for each row.

With eta(x_i) the class probabilities of row i, mean_i (1 - max_c eta_c(x_i)) has the Bayes error as its expectation, each
term lies in [0, g] with g = (C - 1) / C, and no model is needed.

References
----------
Ishida, T., Yamane, I., Charoenphakdee, N., Niu, G. and Sugiyama, M. "Is the performance of my deep network too good to be
true? A direct approach to estimating the Bayes error in binary classification." ICLR 2023. Waudby-Smith, I. and Ramdas, A.
"Estimating means of bounded random variables by betting." Journal of the Royal Statistical Society B 86(1), 2024.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay.errors import DataError, UsageError
from assay.stats import betting

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

ROUNDING = 1e-6


class SoftLabelError(NamedTuple):
    """Estimate of the Bayes error, and the ends of its interval."""

    estimate: float
    lower: float
    upper: float


def soft_label_error(probabilities: ArrayLike, *, alpha: float = 0.05) -> SoftLabelError:
    """Estimate the Bayes error from the class probabilities of independent rows.

    Guarantee (exact, if the probabilities are the true ones): P(Bayes error outside [lower, upper]) <= alpha, by betting
    on bounded independent terms. Probabilities that a model gives, or the shares of a few labels for each row, are not
    the true ones: shares of k votes make the number too small by Jensen's inequality, and a calibrated model can be too
    vague. Then it is an estimate.

    Parameters
    ----------
    probabilities : array of float, shape (rows,) or (rows, classes)
        Of one dimension: the probability of the second of two classes. Else each row sums to 1.
    alpha : float, in (0, 1)

    Returns
    -------
    SoftLabelError
        ``estimate``, ``lower``, ``upper``.

    Raises
    ------
    DataError
        Naming the row whose values are no probabilities.
    UsageError
        If alpha is out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = soft_label_error(rng.beta(1, 1, size=2000))
    >>> round(found.estimate, 3), round(found.lower, 3), round(found.upper, 3)
    (0.245, 0.235, 0.255)
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie in (0, 1), got {alpha}")
    shares = np.asarray(probabilities, dtype=np.float64)
    if shares.ndim == 1:
        shares = np.column_stack([1 - shares, shares])
    if shares.ndim != 2 or not len(shares) or shares.shape[1] < 2:
        raise DataError(f"probabilities must have shape (rows,) or (rows, classes), got {np.shape(probabilities)}")
    right = np.all((shares >= 0) & (shares <= 1), axis=1) & (np.abs(shares.sum(axis=1) - 1) <= ROUNDING)
    if not right.all():
        row = int(np.argmin(right))
        raise DataError(f"row {row} of the probabilities is {shares[row].tolist()}: it must be in [0, 1] and sum to 1")
    most = 1 - 1 / shares.shape[1]
    terms = np.clip(1 - shares.max(axis=1), 0, most)
    lower, upper = betting.interval(terms, alpha, low=0, high=most)
    return SoftLabelError(float(terms.mean()), lower, upper)
