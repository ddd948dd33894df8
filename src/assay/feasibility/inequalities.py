r"""What the error of nearest neighbors says of the Bayes error when rows are without end.

Let eta(x) be the class probabilities at x. With ever more rows the k nearest neighbors of x carry k labels drawn from
eta(x), and their vote errs with probability r_k(eta(x)).

One neighbor: r_1 = 1 - sum_c eta_c^2. Write e = 1 - max_c eta_c. Given e, the sum of squares is least when the other
C - 1 classes share e equally, so r_1 <= 1 - (1 - e)^2 - e^2 / (C - 1) = e (2 - e / g) with g = (C - 1) / C. The right
side is concave in e, so by Jensen's inequality R_1 <= R (2 - R / g) for the Bayes error R = E e. Solved for R:
R >= g (1 - sqrt(1 - R_1 / g)).

More neighbors, two classes, k odd: r_k = e + (1 - 2 e) P(Bin(k, e) > k / 2), and R_k is at most the least concave
function above r_k, at R.

References
----------
Cover, T. M. and Hart, P. E. "Nearest neighbor pattern classification." IEEE Transactions on Information Theory 13(1),
1967. Devroye, L., Gyorfi, L. and Lugosi, G. "A Probabilistic Theory of Pattern Recognition." Springer, 1996, chapter 5.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from assay.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def cover_hart(error: ArrayLike, classes: int) -> Any:
    """Give the least Bayes error at which one nearest neighbor, with rows without end, can have this error.

    No guarantee from finitely many rows: their error can be above its limit, and this number then above the Bayes
    error. A number called a lower bound of the Bayes error rests on that limit.

    Parameters
    ----------
    error : float or array of float, in [0, 1]
        Above chance, (classes - 1) / classes, it counts as chance.
    classes : int, at least 2

    Returns
    -------
    float, or ndarray of the shape of ``error``

    Raises
    ------
    UsageError
        If an argument is out of range.

    Examples
    --------
    >>> round(cover_hart(6711 / 25000, 2), 6), round(cover_hart(0.5, 10), 4)
    (0.159735, 0.3)
    """
    chance = _chance(classes)
    capped = np.minimum(_shares("error", error), chance)
    # The same as g (1 - sqrt(1 - r / g)), without cancellation at small r.
    return _plain(capped / (1 + np.sqrt(1 - capped / chance)))


def cover_hart_error(bayes_error: ArrayLike, classes: int) -> Any:
    """Give the largest error that one nearest neighbor can tend to: R (2 - R / g), the inverse of :func:`cover_hart`.

    Examples
    --------
    >>> round(cover_hart_error(0.1, 2), 6), round(cover_hart_error(0.2, 2), 6)
    (0.18, 0.32)
    """
    chance = _chance(classes)
    least = np.minimum(_shares("bayes_error", bayes_error), chance)
    return _plain(least * (2 - least / chance))


def vote_lower(error: ArrayLike, classes: int, k: int) -> Any:
    """Give the least Bayes error at which the vote of k neighbors, with rows without end, can have this error.

    For two classes and odd k it is the inequality above, which no other can better for the given k; an even k votes as
    k - 1 does, a tie being decided by a coin. For more classes it is that of one neighbor, as in the literature on
    estimates of the Bayes error.

    Examples
    --------
    >>> round(vote_lower(0.18, 2, 1), 6), round(vote_lower(0.18, 2, 5), 4), round(vote_lower(0.18, 2, 101), 4)
    (0.1, 0.1478, 0.1737)
    """
    if k < 1:
        raise UsageError(f"k must be at least 1, got {k}")
    odd = k if k % 2 else k - 1
    if classes != 2 or odd == 1:
        return cover_hart(error, classes)
    capped = np.minimum(_shares("error", error), 0.5)
    bayes, limit = _envelope(odd)
    return _plain(np.interp(capped, limit, bayes))


@lru_cache(maxsize=64)
def _envelope(k: int) -> tuple[Floats, Floats]:
    """Knots of the least concave function above r_k on [0, 1/2]."""
    bayes = np.linspace(0, 0.5, 2001)
    limit = bayes + (1 - 2 * bayes) * stats.binom.sf(k // 2, k, bayes)
    hull: list[int] = []
    for place in range(bayes.size):
        while len(hull) > 1 and _below(bayes, limit, hull[-2], hull[-1], place):
            hull.pop()
        hull.append(place)
    return bayes[hull], limit[hull]


def _below(x: Floats, y: Floats, a: int, b: int, c: int) -> bool:
    return bool((y[b] - y[a]) * (x[c] - x[a]) <= (y[c] - y[a]) * (x[b] - x[a]))


def _chance(classes: int) -> float:
    if classes != int(classes) or classes < 2:
        raise UsageError(f"classes must be a whole number, at least 2, got {classes}")
    return (classes - 1) / classes


def _shares(name: str, values: ArrayLike) -> Floats:
    shares = np.asarray(values, dtype=np.float64)
    inside = (shares >= 0) & (shares <= 1)
    if not np.all(inside):
        raise UsageError(f"{name} must lie in [0, 1], got {shares[~inside].flat[0]}")
    return shares


def _plain(values: Floats) -> Any:
    return float(values) if values.ndim == 0 else values
