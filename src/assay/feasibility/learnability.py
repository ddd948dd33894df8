r"""How much a linear model could explain, from fewer rows than features.

To learn a linear model of d features takes some d rows; how well the best one would do shows from a few times the square root
of d (Kong and Valiant, 2018). The identities are in :mod:`assay.feasibility.moments`.

References
----------
Kong, W. and Valiant, G. "Estimating learnability in the sublinear data regime." NeurIPS 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import linalg, optimize, special

from assay.core import Assumption, Guarantee
from assay.errors import DataError, UsageError
from assay.feasibility import moments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

MAX_DEGREE = 4
FEWEST = 20
# Standard normal on a grid, for integrals over it.
NORMAL = np.linspace(-9, 9, 2001)
WEIGHTS = np.exp(-np.square(NORMAL) / 2)
WEIGHTS /= WEIGHTS.sum()


@dataclass(frozen=True)
class Learnability:
    """What the best linear model could do: an estimate, with no error bound.

    Attributes
    ----------
    estimate : float, in [0, 1]
        Share of the variance of y that is explained, or share of labels that the best linear rule gets wrong.
    interval : tuple of (float, float)
        Two standard errors and the bias to each side of the signal. In simulations with independent normal features it covers the truth in
        more than 95 of 100; that is no promise.
    standard_error : float
        Of the explained share of variance.
    signal : float
        That share before it was cut to [0, 1].
    bias : float
        Largest error, as a share of variance, that comes from not knowing the covariance.
    degree : int
        Moments that were combined.
    rows, features : int
    guarantee : Guarantee
        Of the kind ``estimate``.
    """

    estimate: float
    interval: tuple[float, float]
    standard_error: float
    signal: float
    bias: float
    degree: int
    rows: int
    features: int
    guarantee: Guarantee


def explained_variance(
    X: ArrayLike,
    y: ArrayLike,
    *,
    covariance: Literal["identity", "whiten", "unknown"] = "identity",
    spectrum: tuple[float, float] | None = None,
    degree: int | Literal["auto"] = "auto",
    pool: ArrayLike | None = None,
    seed: int = 0,
) -> Learnability:
    """Estimate the share of the variance of y that the best linear model of X explains.

    An estimate: that rows are independent draws of x = Sigma^(1/2) z with independent coordinates z cannot be tested with
    fewer rows than features.

    Parameters
    ----------
    X : array of float, shape (rows, features)
        Twenty rows or more; features may be many times as many.
    y : array of float, shape (rows,)
    covariance : {"identity", "whiten", "unknown"}
        ``identity``: features are uncorrelated and of one variance, whatever it is. ``whiten``: they are made so by the
        covariance of ``pool``, which leaves no bias: the best way where unlabelled rows are at hand. ``unknown``: the
        eigenvalues of the covariance lie in ``spectrum``, and no more is known.
    spectrum : tuple of (float, float), optional
        Smallest and largest eigenvalue of the covariance of X; needed for ``unknown``.
    degree : int from 1 to 4, or "auto"
        Moments to combine for ``unknown``: more leave less bias and more noise. ``auto`` weighs the two.
    pool : array of float, shape (rows, features), optional
        Unlabelled rows, at least twice as many as features and better ten times; needed for ``whiten``.
    seed : int
        Of the orders in which rows are passed.

    Returns
    -------
    Learnability

    Raises
    ------
    DataError, UsageError
        If shapes, values or arguments cannot be used.

    Notes
    -----
    Standard error with uncorrelated features: sqrt(2 d / n^2 + 4 s / n) at an explained share s. Cost: rows^2 x features
    multiplications in single precision; 100,000 features and 1,000 rows take ten seconds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2000))
    >>> beta = rng.normal(size=2000)
    >>> y = X @ beta * (0.6 / (beta @ beta)) ** 0.5 + 0.4**0.5 * rng.normal(size=500)
    >>> found = explained_variance(X, y)  # the truth is .6
    >>> round(found.estimate, 2), round(found.standard_error, 2)
    (0.41, 0.18)
    """
    matrix, values = _checked(X, y)
    variance = float(np.var(values, ddof=1))
    if variance == 0:
        raise DataError(f"y has one value, {values[0]:g}: there is nothing to explain")
    return _learnability(
        *_signal(matrix, values / variance**0.5, covariance, spectrum, degree, pool, seed), matrix, covariance
    )


def linear_classification_error(
    X: ArrayLike,
    y: ArrayLike,
    *,
    covariance: Literal["identity", "whiten", "unknown"] = "identity",
    spectrum: tuple[float, float] | None = None,
    degree: int | Literal["auto"] = "auto",
    pool: ArrayLike | None = None,
    seed: int = 0,
) -> Learnability:
    """Estimate the least error that a linear rule can have on two classes.

    With labels -1 and 1 and z the standardized score of the best direction, the moments give q = E[z y]. Where the features are
    normal and P(y = 1 | x) = s(t z + b) is logistic, the share of the second class and q determine b and t, and the error is
    E min(s, 1 - s). (Taking 1/2 - q/2 instead, as published code does, leaves .101 where labels have no noise.)

    An estimate, which rests on that model too. Parameters, errors and cost are those of :func:`explained_variance`; ``y`` has
    two distinct values, of any kind.

    Returns
    -------
    Learnability
        ``estimate`` and ``interval`` are errors.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 2000))
    >>> score = X @ np.full(2000, 2 / 2000**0.5)
    >>> y = rng.random(1000) < 1 / (1 + np.exp(-score))
    >>> found = linear_classification_error(X, y)  # the truth is .222
    >>> round(found.estimate, 2)
    0.22
    """
    given = np.asarray(y)
    names, codes = np.unique(given, return_inverse=True)
    if names.size != 2:
        raise DataError(f"y has {names.size} classes: a linear rule here tells two apart, so give one against the rest")
    matrix, signs = _checked(X, 2.0 * codes.reshape(given.shape) - 1)
    share = float(codes.mean())
    variance = float(np.var(signs, ddof=1))
    found = _signal(matrix, signs / variance**0.5, covariance, spectrum, degree, pool, seed)
    told = _learnability(*found, matrix, covariance)
    spread = 2 * told.standard_error + told.bias
    low, middle, high = (
        _logistic_error(share, float(np.sqrt(max(value, 0) * variance)))
        for value in (told.signal + spread, told.signal, told.signal - spread)
    )
    return Learnability(
        middle,
        (low, high),
        told.standard_error,
        told.signal,
        told.bias,
        told.degree,
        told.rows,
        told.features,
        Guarantee.estimate(
            told.guarantee.source,
            [*told.guarantee.assumptions, Assumption("labels follow a logistic law of a normal score", "unverifiable")],
        ),
    )


def _signal(
    X: NDArray[Any],
    y: Floats,
    covariance: str,
    spectrum: tuple[float, float] | None,
    degree: int | str,
    pool: ArrayLike | None,
    seed: int,
) -> tuple[float, float, float, int]:
    """Give the explained share for a y of variance 1, its standard error, the bound of its bias, and the degree."""
    if covariance not in ("identity", "whiten", "unknown"):
        raise UsageError(f'covariance must be "identity", "whiten" or "unknown", got {covariance!r}')
    if degree != "auto" and (isinstance(degree, str) or not 1 <= degree <= MAX_DEGREE or degree != int(degree)):
        raise UsageError(f'degree must be from 1 to {MAX_DEGREE}, or "auto", got {degree!r}')
    rng = np.random.default_rng(seed)
    shrink = 1.0
    if covariance == "whiten":
        X, shrink = _whitened(X, pool)
    products, scale = moments.gram(X)
    centered = y - y.mean()
    if not scale > 0:
        raise DataError("X has the same values in all rows: there is nothing to explain y by")
    if covariance != "unknown":
        # Whitened features have variance 1 up to what the pool does not know, which ``shrink`` corrects.
        products /= scale if covariance == "identity" else 1.0
        one = np.array([shrink])
        signal = float(moments.moments(products, centered, 1, rng)[0] * shrink)
        return signal, moments.standard_error(products, centered, one, rng), 0.0, 1
    if spectrum is None:
        raise UsageError(
            'covariance="unknown" needs spectrum=(smallest, largest) eigenvalue of the covariance; with unlabelled rows '
            'covariance="whiten" and pool= need no guess'
        )
    low, high = (float(end) for end in spectrum)
    if not 0 <= low < high:
        raise UsageError(f"spectrum must be (smallest, largest) with 0 <= smallest < largest, got {spectrum}")
    products /= high
    best: tuple[float, float, float, int] | None = None
    for each in range(1, MAX_DEGREE + 1) if degree == "auto" else [int(degree)]:
        weights, gap = moments.powers(low / high, each)
        signal = float(moments.moments(products, centered, each, rng) @ weights)
        error = moments.standard_error(products, centered, weights, rng)
        # |beta|^2 is at most 1 over the mean eigenvalue, as far as it does not favor small ones.
        bias = gap * high / scale
        if best is None or bias**2 + error**2 < best[2] ** 2 + best[1] ** 2:
            best = signal, error, bias, each
    assert best is not None
    return best


def _learnability(
    signal: float, error: float, bias: float, degree: int, X: NDArray[Any], covariance: str
) -> Learnability:
    told = {
        "identity": Assumption("features are uncorrelated and of one variance", "declared"),
        "whiten": Assumption("unlabelled rows have the covariance of the labelled ones", "unverifiable"),
        "unknown": Assumption("the eigenvalues of the covariance lie in the spectrum given", "declared"),
    }
    low, high = (float(np.clip(signal + side * (2 * error + bias), 0, 1)) for side in (-1, 1))
    return Learnability(
        float(np.clip(signal, 0, 1)),
        (low, high),
        error,
        signal,
        bias,
        degree,
        X.shape[0],
        X.shape[1],
        Guarantee.estimate(
            "Kong and Valiant (2018): moments of the signal, with a jackknife's standard error",
            [told[covariance], Assumption("rows are independent, with independent coordinates", "unverifiable")],
        ),
    )


def _whitened(X: NDArray[Any], pool: ArrayLike | None) -> tuple[Floats, float]:
    """Give X scaled by the covariance of the pool, and the factor that makes the inverse of that unbiased.

    For a normal pool of N rows E[S^-1] = (N - 1) / (N - d - 2) Sigma^-1 (inverse Wishart law).
    """
    if pool is None:
        raise UsageError('covariance="whiten" needs pool=, unlabelled rows with the features of X')
    rows = np.asarray(pool, dtype=np.float64)
    features = X.shape[1]
    if rows.ndim != 2 or rows.shape[1] != features:
        raise DataError(f"pool must have the {features} features of X, got shape {rows.shape}")
    if len(rows) < 2 * features + 3:
        raise DataError(
            f"pool has {len(rows)} rows: {features} features need {2 * features + 3}, and better {10 * features}"
        )
    if not np.all(np.isfinite(rows)):
        raise DataError("pool must have finite values: fill in what is missing")
    try:
        factor = linalg.cholesky(np.cov(rows, rowvar=False).reshape(features, features), lower=True)
    except linalg.LinAlgError as problem:
        raise DataError(
            "pool has features that depend on each other linearly: leave out those that add nothing"
        ) from problem
    white = linalg.solve_triangular(factor, X.astype(np.float64).T, lower=True).T
    return white, (len(rows) - features - 2) / (len(rows) - 1)


def _logistic_error(share: float, q: float) -> float:
    """Give the error of the best rule where a share of labels is 1 and E[z y] is q, under the logistic law."""
    if q <= 0:
        return min(share, 1 - share)

    def offset(t: float) -> float:
        reach = 40 + 12 * t
        found: float = optimize.brentq(lambda b: WEIGHTS @ special.expit(t * NORMAL + b) - share, -reach, reach)
        return found

    def gap(log_t: float) -> float:
        t = float(np.exp(log_t))
        return float(WEIGHTS @ (NORMAL * (2 * special.expit(t * NORMAL + offset(t)) - 1))) - q

    if gap(np.log(1e-4)) >= 0:
        return min(share, 1 - share)
    if gap(np.log(300.0)) <= 0:
        return 0.0
    t = float(np.exp(optimize.brentq(gap, np.log(1e-4), np.log(300.0), xtol=1e-10)))
    right = special.expit(t * NORMAL + offset(t))
    return float(WEIGHTS @ np.minimum(right, 1 - right))


def _checked(X: ArrayLike, y: ArrayLike) -> tuple[NDArray[Any], Floats]:
    matrix = np.asarray(X)
    if matrix.ndim != 2 or matrix.dtype.kind not in "biuf":
        raise DataError(f"X must be numbers of shape (rows, features), got shape {matrix.shape} of {matrix.dtype}")
    values = np.asarray(y, dtype=np.float64)
    if values.shape != (len(matrix),):
        raise DataError(f"y must have one value for each of the {len(matrix)} rows of X, got shape {values.shape}")
    if len(matrix) < FEWEST or not matrix.shape[1]:
        raise DataError(f"X has shape {matrix.shape}: give {FEWEST} rows or more, and a feature")
    for start in range(0, len(matrix), 64):
        if not np.all(np.isfinite(matrix[start : start + 64])):
            row = start + int(np.argmin(np.isfinite(matrix[start : start + 64]).all(axis=1)))
            raise DataError(f"row {row} of X has values that are not finite: fill in what is missing")
    if not np.all(np.isfinite(values)):
        raise DataError(f"row {int(np.argmin(np.isfinite(values)))} of y is not finite: leave it out")
    return matrix, values
