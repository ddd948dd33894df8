r"""Exact comparison of two samples: has a rate, or a distribution, moved by more than a tolerance?

Everything works on counts of independent rows: n of a reference with law P, m of a current sample with law Q.

References
----------
Clopper, C. J. and Pearson, E. S. "The use of confidence or fiducial limits illustrated in the case of the binomial."
Biometrika 26(4), 1934. McDiarmid, C. "On the method of bounded differences." Surveys in Combinatorics, 1989. Massart,
P. "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality." Annals of Probability 18(3), 1990. Wasserman, L.,
Ramdas, A. and Balakrishnan, S. "Universal inference." PNAS 117(29), 2020, Theorem 3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from assay.stats import binomial

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    Counts = NDArray[np.int64]

# Smaller p-values are reported as this one.
_SMALLEST = 1e-250
# The side with more rows takes at least this share of the error probability.
_LEAST_SHARE = 0.05


def split(counts: ArrayLike, size: int, rng: np.random.Generator) -> tuple[Counts, Counts]:
    """Split rows at random into ``size`` of them and the rest, knowing only how many fall into each cell.

    A random choice of rows has multivariate hypergeometric counts, whatever the rows are; and the two parts of
    independent rows are independent. So nothing but the counts has to leave the engine that holds the rows.

    Parameters
    ----------
    counts : array of int, shape (cells,)
    size : int, at least 0 and at most the sum of the counts
    rng : numpy.random.Generator

    Returns
    -------
    tuple of ndarray of int64, shape (cells,)

    Examples
    --------
    >>> first, second = split([5, 0, 3], 4, np.random.default_rng(0))
    >>> first.sum(), (first + second).tolist()
    (np.int64(4), [5, 0, 3])
    """
    whole = np.asarray(counts, dtype=np.int64)
    first = rng.multivariate_hypergeometric(whole, size, method="marginals").astype(np.int64)
    return first, whole - first


def total_variation(reference: ArrayLike, current: ArrayLike) -> float:
    """Give half the sum of the absolute differences of two laws, from counts of shape (cells,).

    As an estimate it is too large: the expectation lies above the distance of the true laws by up to
    sqrt(cells (1/n + 1/m)) / 2.

    Examples
    --------
    >>> total_variation([50, 50], [75, 25])
    0.25
    """
    p, q = _shares(reference), _shares(current)
    return float(0.5 * np.abs(p - q).sum())


def total_variation_upper(distance: float, n: int, m: int, alpha: float) -> float:
    r"""Give an upper bound of the total variation between two laws on fixed cells.

    Guarantee (exact): P(TV(P, Q) > bound) <= alpha. The bound is the distance D of the samples plus
    sqrt(s ln(1/alpha) / 2), s = 1/n + 1/m. Proof: E[D] >= TV(P, Q) as the distance is convex (Jensen); one row moves D
    by at most 1/n or 1/m, so P(D < E[D] - t) <= exp(-2 t^2 / s) (McDiarmid).

    Assumes independent rows, and cells that do not depend on them.

    Parameters
    ----------
    distance : float, in [0, 1]
        :func:`total_variation` of the two samples.
    n, m : int, at least 1
    alpha : float, in (0, 1)

    Examples
    --------
    >>> round(total_variation_upper(0.02, 10_000, 10_000, 0.01), 4)
    0.0415
    """
    return min(1.0, distance + math.sqrt(0.5 * math.log(1 / alpha) * (1 / n + 1 / m)))


def total_variation_p_value(distance: float, n: int, m: int, tolerance: float) -> float:
    """Give the p-value against "the total variation is above ``tolerance``": the level at which the bound reaches it."""
    gap = tolerance - distance
    return math.exp(-2 * gap * gap / (1 / n + 1 / m)) if gap > 0 else 1.0


def kolmogorov_smirnov(reference: ArrayLike, current: ArrayLike) -> float:
    """Give the largest difference of two distribution functions, from counts of cells in order, shape (cells,).

    Examples
    --------
    >>> kolmogorov_smirnov([25, 25, 50], [50, 25, 25])
    0.25
    """
    return float(np.abs(np.cumsum(_shares(reference)) - np.cumsum(_shares(current))).max(initial=0.0))


def kolmogorov_smirnov_upper(distance: float, n: int, m: int, alpha: float) -> float:
    r"""Give an upper bound of the Kolmogorov-Smirnov distance of two laws.

    Guarantee (exact): P(KS(P, Q) > bound) <= alpha, whatever the laws. Each empirical distribution function stays
    within sqrt(ln(4/alpha) / 2n) of its own but for probability alpha/2 (Dvoretzky-Kiefer-Wolfowitz with Massart's
    constant), and the triangle inequality does the rest.

    Parameters
    ----------
    distance : float, in [0, 1]
        :func:`kolmogorov_smirnov` of the two samples.
    n, m : int, at least 1
    alpha : float, in (0, 1)

    Examples
    --------
    >>> round(kolmogorov_smirnov_upper(0.02, 10_000, 10_000, 0.01), 4)
    0.0546
    """
    reach = math.sqrt(0.5 * math.log(4 / alpha))
    return min(1.0, distance + reach * (1 / math.sqrt(n) + 1 / math.sqrt(m)))


def kolmogorov_smirnov_p_value(distance: float, n: int, m: int, tolerance: float) -> float:
    """Give the p-value against "the distance is above ``tolerance``": the level at which the bound reaches it."""
    gap = tolerance - distance
    if gap <= 0:
        return 1.0
    reach = gap / (1 / math.sqrt(n) + 1 / math.sqrt(m))
    return min(1.0, 4 * math.exp(-2 * reach * reach))


def rise_lower(before: int, n: int, after: int, m: int, alpha: float) -> float:
    """Give a lower bound of the rise of a rate between two samples.

    Guarantee (exact): P(bound > Q(A) - P(A)) <= alpha for the event A that was counted. It is the lower
    Clopper-Pearson bound of the later rate less the upper one of the earlier; they share alpha by the numbers of rows,
    which are known before any row is seen.

    Parameters
    ----------
    before, n : int, 0 <= before <= n
        Events and rows of the reference.
    after, m : int, 0 <= after <= m
    alpha : float, in (0, 1)

    Examples
    --------
    >>> round(rise_lower(1210, 10_000, 214, 1000, 0.01), 4)
    0.0526
    """
    share = min(max(m / (n + m), _LEAST_SHARE), 1 - _LEAST_SHARE)
    low = binomial.lower(after, m, (1 - share) * alpha)
    high = binomial.upper(before, n, share * alpha)
    return float(low - high)


def rise_p_value(before: int, n: int, after: int, m: int, margin: float) -> float:
    """Give an exact p-value against "the rate rose by at most ``margin``": the smallest level whose bound is above it.

    Examples
    --------
    >>> f"{rise_p_value(1210, 10_000, 214, 1000, 0.05):.4f}"
    '0.0061'
    """
    if after / m - before / n <= margin:
        return 1.0
    refused, rejects = math.log(_SMALLEST), math.log(0.999)
    if not rise_lower(before, n, after, m, math.exp(rejects)) > margin:
        return 1.0
    if rise_lower(before, n, after, m, _SMALLEST) > margin:
        return _SMALLEST
    for _ in range(50):
        middle = 0.5 * (refused + rejects)
        if rise_lower(before, n, after, m, math.exp(middle)) > margin:
            rejects = middle
        else:
            refused = middle
    return math.exp(rejects)


def rise_e_value(
    before: int, n: int, after: int, m: int, margin: float, alternatives: Iterable[tuple[float, float]]
) -> float:
    r"""Give an e-value against "the rate rose by at most ``margin``".

    Guarantee (exact): E[e] <= 1 under the hypothesis. It is the mean over the alternatives (p1, q1) of the likelihood
    ratio L(p1, q1) / sup {L(p, q): q <= p + margin}. At any law of the hypothesis the supremum is at least its own
    likelihood, and L(p1, q1) / L(p, q) has expectation 1 (split likelihood ratio; Wasserman, Ramdas and Balakrishnan,
    Theorem 3). The alternatives must not depend on the rows counted here.

    Parameters
    ----------
    before, n, after, m : int
        As for :func:`rise_lower`.
    margin : float, in [0, 1)
    alternatives : iterable of (float, float), in (0, 1)
        At least one.

    Examples
    --------
    >>> f"{rise_e_value(1210, 10_000, 214, 1000, 0.05, [(0.12, 0.21)]):.3g}"
    '267'
    """
    p0 = _constrained(before, n, after, m, margin)
    null = _log_likelihood(before, n, p0[0]) + _log_likelihood(after, m, p0[1])
    gains = [_log_likelihood(before, n, p) + _log_likelihood(after, m, q) - null for p, q in alternatives]
    return float(min(np.exp(min(special.logsumexp(gains) - math.log(len(gains)), 700.0)), 1e300))


def _constrained(before: int, n: int, after: int, m: int, margin: float) -> tuple[float, float]:
    """Maximise the likelihood subject to q <= p + margin; it is concave, so its slope is bisected along the edge."""
    p, q = before / n, after / m
    if q <= p + margin:
        return p, q

    def slope(rate: float) -> float:
        top = rate + margin
        rising = (before / rate if before else 0.0) + (after / top if after else 0.0)
        falling = ((n - before) / (1 - rate) if n > before else 0.0) + ((m - after) / (1 - top) if m > after else 0.0)
        return rising - falling

    low, high = 0.0, 1.0 - margin
    for _ in range(80):
        middle = 0.5 * (low + high)
        if slope(middle) > 0:
            low = middle
        else:
            high = middle
    return low, min(low + margin, 1.0)


def _log_likelihood(hits: int, rows: int, rate: float) -> float:
    return float(special.xlogy(hits, rate) + special.xlog1py(rows - hits, -rate))


def _shares(counts: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(counts, dtype=np.float64)
    shares: NDArray[np.float64] = values / values.sum()
    return shares
