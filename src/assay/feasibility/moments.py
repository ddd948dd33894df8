r"""Moments beta' Sigma^k beta of a linear signal from fewer rows than features.

For distinct rows i_1, ..., i_k of means 0, E[y_i1 (x_i1 . x_i2) (x_i2 . x_i3) ... y_ik] = beta' Sigma^k beta with
beta = Sigma^-1 E[x y] (Kong and Valiant, 2018). With K = X X' and G its part above the diagonal, products along G pass rows in
rising order, so none twice: M_k = y' G^(k-1) y / C(n, k), k = 2, 3, ..., is unbiased; its mean over random orders of the rows
has less variance.

Means are not known. Centering X subtracts d / n from each entry of K, which moves M_2 by d / n^2 of the variance of y: no
small thing where d >> n. So K is U-centered (Szekely and Rizzo, 2014): from entries off the diagonal alone, such that each row
sums to 0. Then y' K y / (n (n - 3)) is exactly unbiased for |Cov(x, y)|^2, whatever the means (Song et al., 2012).

What is wanted is beta' Sigma beta, of which no unbiased estimator exists here. Where all eigenvalues lie in [low, high],
sum_k a_k t^k, k from 2 on, is chosen near t there, and sum_k a_k M_k is off by at most the largest gap times |beta|^2.

References
----------
Kong, W. and Valiant, G. "Estimating learnability in the sublinear data regime." NeurIPS 2018. Szekely, G. J. and Rizzo, M. L.
"Partial distance correlation with methods for dissimilarities." Annals of Statistics 42(6), 2014. Song, L., Smola, A., Gretton,
A., Bedo, J. and Borgwardt, K. "Feature selection via dependence maximization." JMLR 13, 2012, theorem 2.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import linprog

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Columns of a product; points of the grid on which powers are fitted; orders that are averaged; groups left out in turn.
COLUMNS, GRID, ORDERS, GROUPS = 4096, 1001, 6, 20
# How much of the smallest gap is given up for smaller coefficients.
SLACK = 2.0


def gram(X: NDArray[Any]) -> tuple[Floats, float]:
    """Give the U-centered inner products of rows, shape (rows, rows), and the mean variance of the features.

    Blocks of columns are shifted by their means, which changes nothing but rounding, and multiplied in single precision.
    """
    count, features = X.shape
    products, variance = np.zeros((count, count)), 0.0
    for start in range(0, features, COLUMNS):
        part = X[:, start : start + COLUMNS].astype(np.float64)
        part -= part.mean(axis=0)
        variance += float(np.square(part).sum()) / (count - 1)
        single = part.astype(np.float32)
        products += single @ single.T
    np.fill_diagonal(products, 0)
    return u_centered(products), variance / features


def u_centered(products: Floats) -> Floats:
    """Center a symmetric matrix with a zero diagonal, such that its rows sum to 0 and the diagonal stays 0."""
    count = len(products)
    rows = products.sum(axis=1)
    centered: Floats = products - (rows[:, None] + rows[None]) / (count - 2) + rows.sum() / ((count - 1) * (count - 2))
    np.fill_diagonal(centered, 0)
    return centered


def moments(products: Floats, y: Floats, degree: int, rng: np.random.Generator) -> Floats:
    """Give the estimates of beta' Sigma^k beta, k from 2 to degree + 1.

    Parameters
    ----------
    products : ndarray, shape (rows, rows)
        U-centered.
    y : ndarray, shape (rows,)
        Of mean 0.
    """
    count = y.size
    total = np.zeros(degree)
    for _ in range(ORDERS if degree > 1 else 1):
        order = rng.permutation(count) if degree > 1 else np.arange(count)
        above, ordered = np.triu(products[np.ix_(order, order)], 1), y[order]
        passed = ordered
        for place in range(degree):
            k = place + 2
            # 1 / C(n, k), one factor at each step.
            passed = (above @ passed) * (k / (count - k + 1) / (count if place == 0 else 1))
            total[place] += ordered @ passed
    found: Floats = total / (ORDERS if degree > 1 else 1)
    # Of the U-centered entries n (n - 3), not n (n - 1), is the divisor that makes the first moment unbiased.
    found[0] *= (count - 1) / (count - 3)
    return found


def standard_error(products: Floats, y: Floats, weights: Floats, rng: np.random.Generator) -> float:
    """Give the jackknife's standard error of sum_k weights_k M_k, too large by up to the root of 2 (Efron and Stein, 1981).

    One row at a time for a single moment, a twentieth of the rows at a time for several.
    """
    count = y.size
    if weights.size == 1:
        sums = y * (products @ y)
        left = (sums.sum() - 2 * sums) / ((count - 1) * (count - 2))
        return float(abs(weights[0]) * np.sqrt((count - 1) / count * np.square(left - left.mean()).sum()))
    groups = np.array_split(rng.permutation(count), GROUPS)
    found = []
    for group in groups:
        kept = np.setdiff1d(np.arange(count), group)
        found.append(moments(products[np.ix_(kept, kept)], y[kept], weights.size, rng) @ weights)
    values = np.array(found)
    return float(np.sqrt((GROUPS - 1) / GROUPS * np.square(values - values.mean()).sum()))


@lru_cache(maxsize=64)
def powers(low: float, degree: int) -> tuple[Floats, float]:
    """Give a_2, ..., a_(degree+1) with sum_k a_k t^k near t on [low, 1], and the largest gap.

    First the smallest possible largest gap is found; then, within twice that, the coefficients of which the sum of
    2^(k-2) |a_k| is least, because higher moments are noisier.
    """
    t = np.linspace(low, 1, GRID)
    table = np.stack([t**k for k in range(2, degree + 2)], axis=1)
    ones, nothing = np.ones((GRID, 1)), np.zeros((GRID, degree))
    first = linprog(
        np.r_[np.zeros(degree), 1.0],
        np.block([[table, -ones], [-table, -ones]]),
        np.r_[t, -t],
        bounds=[(None, None)] * degree + [(0, None)],
    )
    gap = SLACK * float(first.fun)
    eye = np.eye(degree)
    second = linprog(
        np.r_[np.zeros(degree), 2.0 ** np.arange(degree)],
        np.block([[table, nothing], [-table, nothing], [eye, -eye], [-eye, -eye]]),
        np.r_[t + gap, gap - t, np.zeros(2 * degree)],
        bounds=[(None, None)] * degree + [(0, None)] * degree,
    )
    chosen = second.x[:degree] if second.status == 0 else first.x[:degree]
    return chosen, float(np.max(np.abs(table @ chosen - t)))
