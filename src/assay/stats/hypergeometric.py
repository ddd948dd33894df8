r"""Does a rate differ between some rows and all others? The exact test of a two-by-two table.

Let k of n rows of one kind and K of N rows in all be events. If the rows are independent, with one rate p in the kind
and one rate q elsewhere, then given K the count k is hypergeometric where p = q, and stochastically smaller where p < q,
whatever the rates are (it is then Fisher's noncentral hypergeometric law with an odds ratio below 1, of monotone
likelihood ratio in it).

References
----------
Fisher, R. A. Statistical Methods for Research Workers, 5th edition, 1934, section 21.02. Lehmann, E. L. and Romano, J.
P. Testing Statistical Hypotheses, 3rd edition, 2005, section 4.5.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def p_value_greater(k: int, n: int, events: int, rows: int) -> float:
    """Give P(X >= k) for X hypergeometric, the exact p-value against "the rate of the kind is at most that elsewhere".

    Guarantee (exact): under the hypothesis P(p-value <= a) <= a, given how many rows are of the kind and how many are
    events. Assumes independent rows of one rate in the kind and one elsewhere, as independent draws from a population
    are for a kind that was fixed beforehand.

    Parameters
    ----------
    k : int
        Events among the rows of the kind.
    n : int
        Rows of the kind.
    events, rows : int
        Of the kind and elsewhere together.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the counts contradict each other.

    Examples
    --------
    >>> round(p_value_greater(8, 10, 20, 100), 8)
    2.378e-05
    """
    if not 0 <= k <= n <= rows or not k <= events <= rows or events - k > rows - n:
        raise ValueError(f"{k} of {n} and {events} of {rows} rows cannot be events at once")
    least, most = max(0, n + events - rows), min(n, events)
    if k <= least:
        return 1.0
    mean = n * (events / rows)
    spread = math.sqrt(max(mean * (1 - events / rows) * (rows - n) / max(rows - 1, 1), 0.0))
    # Beyond the mode each probability is a smaller share of the one before: what is left out is below rounding.
    start = max(k, least)
    end = min(most, max(start, math.ceil(mean)) + math.ceil(40 * spread) + 100)
    x = np.arange(start, end + 1, dtype=np.float64)
    log_tail = _log_ways(float(n), x) + _log_ways(float(rows - n), events - x) - _log_ways(float(rows), float(events))
    return float(min(1.0, np.exp(np.logaddexp.reduce(log_tail))))


def lower(k: int, n: int, rows: int, alpha: float) -> int:
    """Bound the number of events among some rows from below, by those among n of them that were drawn at random.

    Guarantee (exact): P(limit > number) <= alpha over the draw without replacement, whatever the rows are. The limit is the
    least number under which k events or more have probability above alpha; that probability grows with the number, so
    that the limit is found by halving.

    Parameters
    ----------
    k, n : int, 0 <= k <= n
        Events among the rows that were drawn.
    rows : int, at least n
    alpha : float, in (0, 1)

    Examples
    --------
    >>> lower(18, 20, 100, 0.05), lower(100, 100, 100, 0.05)
    (74, 100)
    """
    if not 0 <= k <= n <= rows or not n:
        raise ValueError(f"{k} of {n} of {rows} rows is no sample")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
    low, high = k, k + rows - n
    while low < high:
        middle = (low + high) // 2
        if p_value_greater(k, n, middle, rows) > alpha:
            high = middle
        else:
            low = middle + 1
    return low


def _log_ways(n: float, k: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(gammaln(n + 1) - gammaln(np.asarray(k) + 1.0) - gammaln(n - np.asarray(k) + 1.0))
