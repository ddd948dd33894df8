"""When a count of wins leaves a corridor: error and labels of a test that stops as soon as it has decided.

Labels are independent and won with probability p. After every ``every`` labels the wins W are looked at: the test
rejects if W >= upper, gives up if W <= lower, and after the last label rejects if W >= last. The chance of each end is a sum
over paths, computed by carrying the law of W over the looks (dynamic programming). A path with w wins of m labels has
probability p^w (1 - p)^(m - w), so one pass, at a p near those that matter, serves all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# Wins of one stretch further than this many standard deviations from their mean are left out: 1e-30.
_REACH = 12


@dataclass(frozen=True)
class Stopped:
    """The ends of a test that stops when it has decided.

    Attributes
    ----------
    labels, wins : ndarray of int, shape (ends,)
        At each end: labels taken, and wins among them.
    rejects : ndarray of bool, shape (ends,)
    log_paths : ndarray of float64, shape (ends,)
        Logarithm of the number of paths to it.
    """

    labels: NDArray[np.int_]
    wins: NDArray[np.int_]
    rejects: NDArray[np.bool_]
    log_paths: Floats

    def chances(self, p: float) -> Floats:
        """Give the probability of each end when a label is won with probability ``p``."""
        logs = self.log_paths + special.xlogy(self.wins, p) + special.xlog1py(self.labels - self.wins, -p)
        return np.asarray(np.exp(logs))

    def rejected(self, p: float) -> float:
        """Give the probability of a rejection."""
        return float(self.chances(p)[self.rejects].sum())

    def mean(self, p: float) -> float:
        """Give the mean number of labels."""
        return float(self.chances(p) @ self.labels)

    def quantile(self, p: float, share: float) -> int:
        """Give the smallest number of labels that is enough with probability ``share``."""
        order = np.argsort(self.labels, kind="stable")
        reached = np.cumsum(self.chances(p)[order])
        place = min(int(np.searchsorted(reached, share - 1e-12)), order.size - 1)
        return int(self.labels[order][place])


def stopped(upper: ArrayLike, lower: ArrayLike, last: int, every: int, labels: int, near: float = 0.5) -> Stopped:
    """Follow the wins through their corridor.

    Parameters
    ----------
    upper, lower : array of float, shape (looks,)
        Bounds after ``every``, ``2 * every`` ... labels, the last look being at ``labels``.
    last : int
        At the last look the test rejects from so many wins on, whatever the bounds.
    every : int, at least 1
    labels : int, at least 1
        The most labels; looks = ceil(labels / every).
    near : float, in (0, 1)
        A probability of a win between those that will be asked about.

    Returns
    -------
    Stopped

    Raises
    ------
    ValueError
        If the bounds are not one for each look.

    Examples
    --------
    >>> ends = stopped([np.inf, np.inf], [-np.inf, -np.inf], last=2, every=1, labels=2)
    >>> round(ends.rejected(0.5), 6), ends.mean(0.5)
    (0.25, 2.0)
    """
    tops, bottoms = np.asarray(upper, dtype=np.float64), np.asarray(lower, dtype=np.float64)
    looks = math.ceil(labels / every)
    if tops.shape != (looks,) or bottoms.shape != (looks,):
        raise ValueError(f"upper and lower must have one bound for each of {looks} looks")
    first, law, done = 0, np.ones(1), 0
    ends: list[tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.bool_], Floats]] = []
    kernels: dict[int, tuple[int, Floats]] = {}
    for look in range(looks):
        step = min(every, labels - done)
        done += step
        if step not in kernels:
            kernels[step] = _kernel(step, near)
        low, kernel = kernels[step]
        law = np.convolve(law, kernel)
        first += low
        wins = first + np.arange(law.size)
        if look == looks - 1:
            out, up = np.ones(law.size, dtype=np.bool_), wins >= last
        else:
            up = wins >= tops[look]
            out = up | (wins <= bottoms[look])
        here = out & (law > 0)
        if here.any():
            logs = np.log(law[here]) - wins[here] * math.log(near) - (done - wins[here]) * math.log1p(-near)
            ends.append((np.full(logs.size, done), wins[here], up[here], logs))
        inside = np.flatnonzero(~out & (law > 0))
        if not inside.size:
            break
        first, law = int(wins[inside[0]]), np.where(out, 0.0, law)[inside[0] : inside[-1] + 1]
    labels_, wins_, rejects, logs = (np.concatenate(parts) for parts in zip(*ends, strict=True))
    return Stopped(labels_, wins_, rejects, logs)


def _kernel(step: int, p: float) -> tuple[int, Floats]:
    """Give the law of the wins of a stretch, and its first value."""
    reach = _REACH * math.sqrt(step * p * (1 - p)) + 8
    low, high = max(0, math.floor(step * p - reach)), min(step, math.ceil(step * p + reach))
    wins = np.arange(low, high + 1)
    logs = special.gammaln(step + 1) - special.gammaln(wins + 1) - special.gammaln(step - wins + 1)
    return low, np.exp(logs + wins * math.log(p) + (step - wins) * math.log1p(-p))
