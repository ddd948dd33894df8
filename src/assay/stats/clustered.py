r"""Bounds for a row-weighted mean when only whole units (customers, days, machines) are independent.

The estimand is E[total of a unit] / E[rows of a unit]. It is at most m exactly when Z = total - m rows has
E[Z] <= 0, and Z is one independent bounded number for each unit, so the bets of :mod:`assay.stats.bets`
run over units: the wealth of one bet is the product of 1 + theta Z / B, with B the largest loss of any unit.
Theta and B are fixed before the labels are seen and are the same for all units; a bet that looked at the size
of its own unit would weight units by it, and change the estimand.

The guarantee reads in two ways.

* Given the units (their sizes and ``least``, ``most`` are taken as they are): exact, with no bound on size
  to assume, for the mean sum(E[total]) / sum(rows) over those units. Units must be independent given
  their sizes, and need not be alike: prod(1 + l E[Z_u]) <= (1 + l mean(E[Z_u]))^n <= 1.
* For the population from which units are drawn: exact if no unit of it has more than ``max_size`` rows.
  By default that is the largest size seen, which is then an assumption to print.

If it is known before labels are seen how far each unit's total can go (``least``, ``most``: two models can
differ only where their predictions do), B is the largest loss possible under these limits, often ten
times smaller, and the bound that much tighter.

References
----------
Waudby-Smith, I. and Ramdas, A. "Estimating means of bounded random variables by betting." Journal of the
Royal Statistical Society B 86(1), 2024.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.stats.unit_bets import UnitBets
from assay.stats.unit_sums import UnitSums, by_unit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "UnitSums",
    "by_unit",
    "design_effect",
    "e_value_greater",
    "e_value_less",
    "interval",
    "log_wealth_greater",
    "log_wealth_less",
    "lower",
    "upper",
]


def lower(
    totals: ArrayLike,
    sizes: ArrayLike,
    alpha: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> float:
    """Give a lower bound for the row-weighted mean, from sums by unit.

    Guarantee (exact): P(mean < lower) <= alpha, for every dependence of rows inside a unit and every
    relation between the size of a unit and its values; the two readings are at the top of this module.

    Parameters
    ----------
    totals : array of float, shape (units,)
        Sum of the values of each unit.
    sizes : array of float, shape (units,), positive
        Rows of each unit.
    alpha : float, in (0, 1)
    low, high : float
        Range of one row's value, known before the values are seen.
    least, most : array of float, shape (units,), optional
        Limits of each unit's total, known before the labels are seen; by default ``low * sizes`` and
        ``high * sizes``.
    max_size : float, optional
        Declared largest size of any unit; by default the largest seen. With ``least`` or ``most`` it
        scales the largest possible loss and gain by ``max_size / max(sizes)``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Naming the argument and the first unit at fault.

    Notes
    -----
    Misleads if units are not independent either (days with seasons, customers of one household), or if one
    huge unit dwarfs the rest: then B is its size and the bound is wide, which is honest.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sizes = rng.integers(50, 100, size=40)
    >>> totals = rng.binomial(sizes, rng.beta(8, 2, size=40))
    >>> round(lower(totals, sizes, 0.05), 3), round(float(totals.sum() / sizes.sum()), 3)
    (0.699, 0.784)
    """
    units = UnitBets.from_sums(totals, sizes, alpha, low, high, least, most, max_size)
    return units.merged().bound(alpha)


def upper(
    totals: ArrayLike,
    sizes: ArrayLike,
    alpha: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> float:
    """Give an upper bound for the row-weighted mean, from sums by unit.

    Guarantee (exact): P(mean > upper) <= alpha. The mirror image of :func:`lower` under a change of sign,
    with the same parameters, errors and notes.
    """
    units = UnitBets.from_sums(totals, sizes, alpha, low, high, least, most, max_size)
    return -units.negated().merged().bound(alpha)


def interval(
    totals: ArrayLike,
    sizes: ArrayLike,
    alpha: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> tuple[float, float]:
    """Give a two-sided interval for the row-weighted mean, alpha/2 on each side.

    Guarantee (exact): P(mean outside) <= alpha, by the union of :func:`lower` and :func:`upper`.
    """
    units = UnitBets.from_sums(totals, sizes, alpha, low, high, least, most, max_size)
    return units.merged().bound(alpha / 2), -units.negated().merged().bound(alpha / 2)


def log_wealth_greater(
    totals: ArrayLike,
    sizes: ArrayLike,
    mean: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> Floats:
    """Give the running log wealth against the hypothesis that the row-weighted mean is at most ``mean``.

    Guarantee (anytime, units in time order): if E[total - mean rows | past units] <= 0 for each unit and no unit
    exceeds the declared limits, P(some entry >= ln(1/alpha)) <= alpha. The last entry alone needs only
    independent units. Limits taken from the sample itself (no ``max_size``) look ahead, so the running
    entries are then exact given the sizes only.

    Returns
    -------
    ndarray of float64, shape (units,)
    """
    return UnitBets.from_sums(totals, sizes, 0.5, low, high, least, most, max_size).path(_tested(mean, low, high))


def log_wealth_less(
    totals: ArrayLike,
    sizes: ArrayLike,
    mean: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> Floats:
    """Give the running log wealth against the hypothesis that the row-weighted mean is at least ``mean``.

    The mirror image of :func:`log_wealth_greater`.
    """
    return (
        UnitBets.from_sums(totals, sizes, 0.5, low, high, least, most, max_size)
        .negated()
        .path(-_tested(mean, low, high))
    )


def e_value_greater(
    totals: ArrayLike,
    sizes: ArrayLike,
    mean: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> float:
    """Give an e-value against the hypothesis that the row-weighted mean is at most ``mean``.

    Guarantee (exact): E[e] <= 1 under the hypothesis, so min(1, 1/e) is a p-value. ``lower(alpha)`` lies
    above ``mean`` only if e >= 1/alpha.
    """
    units = UnitBets.from_sums(totals, sizes, 0.5, low, high, least, most, max_size)
    with np.errstate(over="ignore"):
        return float(np.exp(units.merged().log_wealth(_tested(mean, low, high))))


def e_value_less(
    totals: ArrayLike,
    sizes: ArrayLike,
    mean: float,
    *,
    low: float = 0.0,
    high: float = 1.0,
    least: ArrayLike | None = None,
    most: ArrayLike | None = None,
    max_size: float | None = None,
) -> float:
    """Give an e-value against the hypothesis that the row-weighted mean is at least ``mean``.

    The mirror image of :func:`e_value_greater`.
    """
    units = UnitBets.from_sums(totals, sizes, 0.5, low, high, least, most, max_size).negated().merged()
    with np.errstate(over="ignore"):
        return float(np.exp(units.log_wealth(-_tested(mean, low, high))))


def design_effect(totals: ArrayLike, sizes: ArrayLike, *, variance: float | None = None) -> float:
    """Give how many times the variance of the mean exceeds that of as many independent rows.

    This is an estimate, not a bound: the linearised variance of the ratio sum(totals) / sum(sizes) over units,
    divided by ``variance / rows``.

    Parameters
    ----------
    totals, sizes : array of float, shape (units,)
    variance : float, optional
        Variance of the rows' values; by default p (1 - p), which is right for values 0 and 1.

    Returns
    -------
    float
        1 for independent rows in expectation; nan with fewer than two units or without variance.
    """
    sums, rows = np.asarray(totals, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    mean = float(sums.sum() / rows.sum()) if rows.size else 0.0
    spread = mean * (1 - mean) if variance is None else variance
    if rows.size < 2 or spread <= 0:
        return float("nan")
    residual = sums - mean * rows
    between = float(residual @ residual) * rows.size / (rows.size - 1)
    return between / (spread * float(rows.sum()))


def _tested(mean: float, low: float, high: float) -> float:
    if not low < mean < high:
        raise ValueError(f"mean must lie strictly between {low} and {high}, got {mean}")
    return float(mean)
