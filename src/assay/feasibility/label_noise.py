r"""How wrong labels move the Bayes error: bounds on both sides for any matrix of confusions.

Let T[i, j] = P(label j is written | class i), independent of the features given the class, pi the class shares,
rhobar = sum_i pi_i (1 - T[i, i]) the share of wrong labels, and m, M the least and largest T[i, i] - T[i, j] over i != j.

Lemma. The Bayes error R' of the written labels and R of the classes satisfy R' <= rhobar + M R, and if m >= 0 also
R' >= rhobar + m R.

Proof. A classifier h meets the written label of class i with probability sum_j P(h = j | i) T[i, j], so its error on
written labels is

    1 - sum_i pi_i sum_j P(h = j | i) T[i, j] = rhobar + sum_i pi_i sum_{j != i} (T[i, i] - T[i, j]) P(h = j | i),

because P(h = i | i) = 1 - sum_{j != i} P(h = j | i). The weights pi_i P(h = j | i), j != i, are not negative and sum to
the error of h on the classes. With the Bayes classifier of the classes that sum is R, so R' <= rhobar + M R. For every h
the error is at least rhobar + m error(h) >= rhobar + m R if m >= 0. Uniform noise of strength rho has
T[i, i] - T[i, j] = 1 - rho everywhere, and both hold with equality: R' = R + rho (1 - 1/C - R).

If m < 0 the error of h is at most 1, and R' >= rhobar + m remains. In all cases 1 - max T <= R' <= 1 - max_j (pi T)_j:
no label is written with more than the largest probability, and the most common one can always be said.

The lemma speaks of a target measured on written labels. Noise of training labels alone does not limit what can be reached
on clean ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# How far sums of probabilities may be from 1.
ROUNDING = 1e-6


class NoiseBounds(NamedTuple):
    """Bounds between which an error must lie."""

    lower: float
    upper: float


def noise_bounds(transition: ArrayLike, class_prior: ArrayLike, bayes_error: float) -> NoiseBounds:
    """Bound the least error that can be had on noisy labels, given the Bayes error of clean ones.

    Exact for the matrix, shares and Bayes error that are given (the lemma above); how well these are known is not part
    of it.

    Parameters
    ----------
    transition : array of float, shape (classes, classes)
        ``transition[i, j]``: probability that label j is written for class i. Rows sum to 1.
    class_prior : array of float, shape (classes,)
        Shares of the classes.
    bayes_error : float, in [0, 1 - largest share]
        Of clean labels.

    Returns
    -------
    NoiseBounds
        ``lower`` and ``upper``; equal for uniform noise.

    Raises
    ------
    UsageError
        If rows or shares are not probabilities, or no law has such a Bayes error with these shares.

    Examples
    --------
    Of a fifth of the labels drawn by lot in two classes, a tenth of all labels are wrong:

    >>> noise_bounds([[0.9, 0.1], [0.1, 0.9]], [0.5, 0.5], 0.05)
    NoiseBounds(lower=0.14, upper=0.14)
    >>> low, high = noise_bounds([[1.0, 0.0], [0.3, 0.7]], [0.5, 0.5], 0.05)
    >>> round(low, 4), round(high, 4)
    (0.17, 0.2)
    """
    matrix, prior = _checked(transition, class_prior)
    most = 1 - float(prior.max())
    if not 0 <= bayes_error <= most + ROUNDING:
        raise UsageError(
            f"bayes_error must lie in [0, {most:g}], where the largest class share leaves it, got {bayes_error}"
        )
    rate, least, largest = _slopes(matrix, prior)
    lower = rate + least * (bayes_error if least >= 0 else 1.0)
    upper = rate + largest * bayes_error
    floor, ceiling = 1 - float(matrix.max()), 1 - float((prior @ matrix).max())
    return NoiseBounds(_rounded(max(lower, floor, 0.0)), _rounded(min(upper, ceiling)))


def clean_bounds(transition: ArrayLike, class_prior: ArrayLike, noisy_error: float) -> NoiseBounds:
    """Bound the Bayes error of clean labels, given that of noisy ones: the lemma solved for it.

    R lies in [(R' - rhobar) / M, (R' - rhobar) / m], and in [0, 1 - largest share]. Parameters and errors as for
    :func:`noise_bounds`; where m or M is not positive, that side is not bounded by the noise.

    Examples
    --------
    >>> low, high = clean_bounds([[0.9, 0.1], [0.1, 0.9]], [0.5, 0.5], 0.14)
    >>> round(low, 6), round(high, 6)
    (0.05, 0.05)
    """
    matrix, prior = _checked(transition, class_prior)
    if not 0 <= noisy_error <= 1:
        raise UsageError(f"noisy_error must lie in [0, 1], got {noisy_error}")
    rate, least, largest = _slopes(matrix, prior)
    most = 1 - float(prior.max())
    excess = noisy_error - rate
    lower = excess / largest if largest > 0 else 0.0
    upper = excess / least if least > 0 else most
    if upper < -ROUNDING or lower > most + ROUNDING:
        raise UsageError(
            f"no law has an error of {noisy_error:g} on labels of which {rate:g} are wrong in this way: the noise, the "
            "class shares or the error must be other than given"
        )
    return NoiseBounds(_rounded(min(max(lower, 0.0), most)), _rounded(min(max(upper, 0.0), most)))


def clean_range(transition: ArrayLike, noisy_error: float) -> NoiseBounds:
    """Bound the Bayes error of clean labels, given that of noisy ones, whatever the class shares are.

    rhobar lies between the least and the largest 1 - T[i, i], so that R lies in [(R' - max) / M, (R' - min) / m]. Where
    ``noisy_error`` is a limit of R' on one side, the same side of the result is one of R.

    Examples
    --------
    >>> low, high = clean_range([[0.9, 0.1], [0.2, 0.8]], 0.25)
    >>> round(low, 4), round(high, 4)
    (0.0625, 0.25)
    """
    matrix, _ = _checked(transition, np.full(len(np.asarray(transition)), 1 / len(np.asarray(transition))))
    wrong = 1 - np.diag(matrix)
    _, least, largest = _slopes(matrix, np.full(len(matrix), 1 / len(matrix)))
    most = 1 - 1 / len(matrix)
    lower = (noisy_error - float(wrong.max())) / largest if largest > 0 else 0.0
    upper = (noisy_error - float(wrong.min())) / least if least > 0 else most
    return NoiseBounds(_rounded(min(max(lower, 0.0), most)), _rounded(min(max(upper, 0.0), most)))


def _slopes(matrix: Floats, prior: Floats) -> tuple[float, float, float]:
    right = np.diag(matrix)
    gaps = (right[:, None] - matrix)[~np.eye(len(matrix), dtype=bool)]
    return float(prior @ (1 - right)), float(gaps.min()), float(gaps.max())


def _checked(transition: ArrayLike, class_prior: ArrayLike) -> tuple[Floats, Floats]:
    matrix = np.asarray(transition, dtype=np.float64)
    prior = np.asarray(class_prior, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise UsageError(f"transition must be square, with a row for each of two classes or more, got {matrix.shape}")
    if prior.shape != (len(matrix),):
        raise UsageError(
            f"class_prior must have {len(matrix)} entries, one for each row of transition, got {prior.shape}"
        )
    for name, rows in [("class_prior", prior), *((f"row {i} of transition", row) for i, row in enumerate(matrix))]:
        if not (np.all(rows >= 0) and abs(float(rows.sum()) - 1) <= ROUNDING):
            raise UsageError(f"{name} must be probabilities that sum to 1, got {rows.tolist()}")
    return matrix, prior


def _rounded(value: float) -> float:
    # Sums of binary fractions; the fifteenth digit is not meant.
    return float(f"{value:.15g}")
