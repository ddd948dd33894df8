r"""Is the newest value like those before it? The rank of its score among theirs.

Let x_1..x_n be the history and x_(n+1) the newest value. Each gets a score s_i that treats all n + 1 alike: here
|x_i - median(x_1..x_(n+1))|. If the n + 1 values are exchangeable, so are the scores, and

    p = (1 + #{i <= n: s_i >= s_(n+1)}) / (n + 1)

satisfies P(p <= a) <= a for every a and n: the newest value is equally likely to have any rank, and ties only make p
larger (Vovk, Gammerman and Shafer, Proposition 2.4). The median takes in the newest value as it takes in the others, so
that nothing of the history has to be set aside to choose the center.

The p-value is at least 1 / (n + 1). So with fewer than 1/a - 1 values no value whatever can be an alarm at level a, and
who uses such a test should say so.

Several newest values, one after the other, each held against its own history: their alarms depend on each other, but the
expected number of false ones among H is at most H a, because expectations add up.

References
----------
Vovk, V., Gammerman, A. and Shafer, G. "Algorithmic learning in a random world." Springer, 2005. Angelopoulos, A. N. and
Bates, S. "Conformal prediction: a gentle introduction." Foundations and Trends in Machine Learning 16(4), 2023.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# Scores that differ by rounding alone are equal.
_SAME = 1e-9


def p_value(scores: ArrayLike, newest: float) -> float:
    """Give the rank p-value of a score among others.

    Guarantee (exact): P(p <= a) <= a for every a if the scores and the newest one are exchangeable. Large scores are
    strange.

    Parameters
    ----------
    scores : array of float, shape (n,)
    newest : float

    Returns
    -------
    float, at least 1 / (n + 1)

    Examples
    --------
    >>> p_value([0.1, 0.4, 0.2, 0.3], 0.35)
    0.4
    """
    known = np.asarray(scores, dtype=np.float64)
    slack = _SAME * max(float(np.abs(known).max(initial=0.0)), abs(newest))
    return float((1 + np.count_nonzero(known >= newest - slack)) / (known.size + 1))


def p_values(scores: ArrayLike, asked: ArrayLike) -> Floats:
    """Give the rank p-value of each of several scores among the same known ones.

    Guarantee (exact): each is valid as that of :func:`p_value`. They depend on each other by the known scores, positively
    so: Benjamini and Hochberg's procedure on them keeps the false discovery rate (Bates et al., Annals of Statistics
    2023, theorem 2) if known scores and those of ordinary rows are exchangeable.

    Parameters
    ----------
    scores : array of float, shape (n,)
        Of the known rows; large is strange.
    asked : array of float, shape (m,)

    Examples
    --------
    >>> p_values([0.1, 0.4, 0.2, 0.3], [0.35, 0.05]).tolist()
    [0.4, 1.0]
    """
    known, new = np.sort(np.asarray(scores, dtype=np.float64)), np.asarray(asked, dtype=np.float64)
    slack = _SAME * np.maximum(float(np.abs(known).max(initial=0.0)), np.abs(new))
    return np.asarray((1 + known.size - np.searchsorted(known, new - slack)) / (known.size + 1))


def newest(history: ArrayLike, value: float) -> float:
    """Give the p-value of a value against its history, by the distance from the median of them all.

    Guarantee (exact): P(p <= a) <= a for every a if history and value are exchangeable.

    Parameters
    ----------
    history : array of float, shape (n,)
    value : float

    Raises
    ------
    ValueError
        If a number is not finite.

    Examples
    --------
    >>> history = [101, 98, 103, 100, 97, 102, 99, 100, 104]
    >>> newest(history, 140), newest(history, 101)
    (0.1, 1.0)
    """
    known = np.asarray(history, dtype=np.float64)
    if known.ndim != 1 or not np.all(np.isfinite(known)) or not math.isfinite(value):
        raise ValueError("history and value must be finite numbers")
    scores = np.abs(np.append(known, value) - np.median(np.append(known, value)))
    return p_value(scores[:-1], float(scores[-1]))


def interval(history: ArrayLike, alpha: float) -> tuple[float, float]:
    """Give the values that :func:`newest` would not call strange, as far as they form one interval around the median.

    It is the set of v with p(v) > alpha, widened to its ends; with fewer than 1/alpha - 1 values in the history it is
    everything.

    Parameters
    ----------
    history : array of float, shape (n,)
    alpha : float, in (0, 1)

    Examples
    --------
    >>> interval([101, 98, 103, 100, 97, 102, 99, 100, 104], 0.15)
    (96.0, 104.0)
    """
    known = np.sort(np.asarray(history, dtype=np.float64))
    if known.size < needed(alpha):
        return -math.inf, math.inf
    n = known.size
    # A value beyond the history leaves the median of all at one of two places, whatever the value.
    ends = []
    for side in (-1.0, 1.0):
        center = float(np.median(np.append(known, side * np.inf)))
        scores = np.sort(np.abs(known - center))
        # p > alpha as long as at least `least` scores reach it.
        least = math.floor(alpha * (n + 1) + 1e-12)
        ends.append(center + side * float(scores[n - least]) if least else side * math.inf)
    return ends[0], ends[1]


def needed(alpha: float) -> int:
    """Give how many values of history the test needs before it can alarm at all: 1/alpha - 1, rounded up.

    Examples
    --------
    >>> needed(0.05), needed(0.01), needed(1 / 366)
    (19, 99, 365)
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
    return math.ceil(1 / alpha - 1 - 1e-9)
