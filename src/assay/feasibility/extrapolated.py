r"""The kNN-extrapolate estimator: the error of one neighbor in the limit, from its error at growing sizes.

For smooth densities in d dimensions the error of one nearest neighbor at n rows is R + sum_j b_j n^(-j/d), j = 2, 3, ...
(Snapp and Xu, 1995). d is the dimension near which the rows lie, which is estimated from distances to neighbors, not the
number of features: with a hundred of these the powers are so flat that R cannot be told from them.

References
----------
Snapp, R. R. and Xu, T. "Estimating the Bayes risk from sample data." NeurIPS 1995. Levina, E. and Bickel, P. J. "Maximum
likelihood estimation of intrinsic dimension." NeurIPS 2004, with the harmonic mean of MacKay and Ghahramani (2005).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import lsq_linear

from assay.errors import DataError
from assay.feasibility.curve import convergence
from assay.feasibility.estimates import Estimate
from assay.feasibility.inequalities import cover_hart

if TYPE_CHECKING:
    from assay.feasibility.estimates import Floats, Sample

NEIGHBORS = 10
# A first power that falls by less than this over all sizes leaves the limit open.
FLAT = 0.8


def limit_of_one_neighbor(sample: Sample) -> Estimate:
    """Give the fitted limit of one neighbor's error, and the Cover-Hart number below it."""
    try:
        curve = convergence(sample)
    except DataError as problem:
        return Estimate("kNN-extrapolate", reason=str(problem))
    dimension = intrinsic_dimension(sample.among[0][:, :NEIGHBORS])
    sizes, errors = np.array(curve.sizes, dtype=np.float64), np.array(curve.means)
    settings = {"dimension": round(dimension, 2), "sizes": len(sizes), "largest": int(sizes[-1])}
    steepness = (sizes[-1] / sizes[0]) ** (-2 / dimension)
    if not steepness < FLAT:
        reason = f"in {dimension:.0f} dimensions the powers are too flat to tell the limit"
        return Estimate("kNN-extrapolate", None, None, float(errors[-1]), settings, reason)
    powers = np.column_stack(
        [np.ones(sizes.size), (sizes / sizes[0]) ** (-2 / dimension), (sizes / sizes[0]) ** (-3 / dimension)]
    )
    weights = np.sqrt([len(each) for each in curve.errors])
    chance = (sample.classes - 1) / sample.classes
    fit = lsq_linear(powers * weights[:, None], errors * weights, bounds=([0, 0, 0], [chance, np.inf, np.inf]))
    limit = float(fit.x[0])
    return Estimate("kNN-extrapolate", cover_hart(limit, sample.classes), limit, float(errors[-1]), settings)


def intrinsic_dimension(distances: Floats) -> float:
    """Estimate the dimension near which rows lie from the ascending distances to their neighbors.

    Parameters
    ----------
    distances : ndarray of float, shape (rows, neighbors), neighbors at least 3
        Rows that have copies among their neighbors are left out. With too few left it is 1.
    """
    apart = distances[distances[:, 0] > 0]
    if not len(apart) or apart.shape[1] < 3:
        return 1.0
    logs = np.log(apart[:, -1:] / apart[:, :-1])
    # The mean of the inverse over rows; k - 2 makes the inverse of each row's estimate unbiased.
    inverse = float(logs.sum(axis=1).mean() / (apart.shape[1] - 1))
    return max(1.0, 1 / inverse) if inverse > 0 else float("inf")
