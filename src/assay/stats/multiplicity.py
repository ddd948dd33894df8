"""Corrections for many tests at once: Holm, Benjamini-Hochberg, Benjamini-Yekutieli and e-BH.

References
----------
Holm, S. "A simple sequentially rejective multiple test procedure." Scandinavian Journal of Statistics 6(2),
1979. Benjamini, Y. and Hochberg, Y. "Controlling the false discovery rate." Journal of the Royal Statistical
Society B 57(1), 1995. Benjamini, Y. and Yekutieli, D. "The control of the false discovery rate in multiple testing under
dependency." Annals of Statistics 29(4), 2001, Theorem 1.3. Wang, R. and Ramdas, A. "False discovery rate control with e-values." Journal of the
Royal Statistical Society B 84(3), 2022, Theorem 5.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def holm(p_values: ArrayLike) -> Floats:
    """Give Holm's adjusted p-values.

    Guarantee (exact, any dependence): rejecting where the adjusted value is at most alpha makes one or more false
    rejections with probability at most alpha. Among the true hypotheses, the smallest p-value meets a
    threshold of at most alpha / (number of true hypotheses); the union bound does the rest.

    Parameters
    ----------
    p_values : array of float, shape (tests,), each in [0, 1]

    Returns
    -------
    ndarray of float64, shape (tests,), in the order given

    Raises
    ------
    ValueError
        If a value is NaN or outside [0, 1].

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    return _restored(steps, order)


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Give the Benjamini-Hochberg adjusted p-values.

    Guarantee (exact, for independent or positively regression dependent p-values): rejecting where the
    adjusted value is at most q keeps the expected share of false rejections at most q. Under any
    dependence use :func:`e_bh` or :func:`holm`.

    Parameters and errors as for :func:`holm`.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(4).tolist()
    [0.03, 0.04, 0.04]
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    ratios = p[order] * p.size / np.arange(1, p.size + 1)
    return _restored(np.minimum.accumulate(ratios[::-1])[::-1], order)


def benjamini_yekutieli(p_values: ArrayLike) -> Floats:
    """Give the Benjamini-Yekutieli adjusted p-values.

    Guarantee (exact, any dependence): rejecting where the adjusted value is at most q keeps the expected share of
    false rejections at most q. They are those of :func:`benjamini_hochberg` times 1 + 1/2 + ... + 1/tests.

    Parameters and errors as for :func:`holm`.

    Examples
    --------
    >>> benjamini_yekutieli([0.01, 0.04, 0.03]).round(4).tolist()
    [0.055, 0.0733, 0.0733]
    """
    adjusted = benjamini_hochberg(p_values)
    return np.minimum(adjusted * np.sum(1.0 / np.arange(1, adjusted.size + 1)), 1.0)


def e_bh(e_values: ArrayLike, alpha: float) -> NDArray[np.bool_]:
    """Give the hypotheses that e-BH rejects.

    Guarantee (exact, any dependence): if E[e_i] <= 1 for each true hypothesis, the expected share of false
    rejections is at most alpha. It rejects the k largest with the k-th at least tests / (alpha k), for the
    largest such k; each false one adds at most alpha e_i / tests to the share.

    Parameters
    ----------
    e_values : array of float, shape (tests,), each >= 0, infinity allowed
    alpha : float, in (0, 1)

    Returns
    -------
    ndarray of bool, shape (tests,)

    Examples
    --------
    >>> e_bh([60.0, 2.0, 30.0], 0.05).tolist()
    [True, False, True]
    """
    e = np.asarray(e_values, dtype=np.float64)
    if e.ndim != 1 or np.any(np.isnan(e)) or np.any(e < 0):
        raise ValueError("e_values must be one row of numbers that are not negative and not NaN")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
    order = np.argsort(-e, kind="stable")
    passing = np.flatnonzero(e[order] * np.arange(1, e.size + 1) * alpha >= e.size)
    rejected = np.zeros(e.size, dtype=bool)
    if passing.size:
        rejected[order[: passing[-1] + 1]] = True
    return rejected


def _checked(p_values: ArrayLike) -> Floats:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise ValueError(f"p_values must have one dimension, got shape {p.shape}")
    wrong = ~((p >= 0) & (p <= 1))
    if np.any(wrong):
        place = int(np.argmax(wrong))
        raise ValueError(f"p_values must lie in [0, 1], but entry {place} is {p[place]}")
    return p


def _restored(sorted_values: Floats, order: NDArray[np.intp]) -> Floats:
    out = np.empty(sorted_values.size)
    out[order] = np.minimum(sorted_values, 1.0)
    return out
