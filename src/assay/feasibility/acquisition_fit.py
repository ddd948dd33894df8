r"""Fit the loss of a model to the rows of each source that it was trained on.

With n rows, a share q_k of them from source k, the loss is

    L(n, q) = floor + n^-a sum_i 1 / (sum_k s_ik q_k),        a, floor, s_ik > 0,

with a term ("skill") for each source, and where there are many runs one more for each two sources. For least squares with noise variance v and second moments M_k of the features of source
k the excess loss on test moments M is v/n tr(M (sum_k q_k M_k)^-1), the criterion of V-optimal design; where the M_k commute,
this is the sum above with a = 1 and s_ik the i-th eigenvalue of M_k over v times that of M. A skill that no bought source
teaches makes its term grow without bound, so that no source that is needed is left out.

All fits are least squares in log L by the method of Levenberg and Marquardt, many at once: restarts and refits are rows of one
array.

References
----------
Hashimoto, T. "Model performance scaling with multiple data sources." ICML 2021. Pukelsheim, F. "Optimal Design of Experiments."
Wiley 1993. Marquardt, D. W. "An algorithm for least-squares estimation of nonlinear parameters." SIAM J. Appl. Math. 1963.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls
from scipy.special import expit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SLOWEST, FASTEST = 0.02, 2.0  # exponents, as those of a learning curve
RESTARTS = 24
STEPS = 150
PATIENCE = 8  # steps without a gain, while the damping grows
# Pull of each number towards the middle of its range: too weak to be seen in a fit, enough to end a walk along a flat valley.
PULL = 1e-4
MOST_WEIGHT = 400.0  # of a squared residual, in those of the average run
REACH = 30.0  # of log skills about the middle; what lies beyond teaches nothing, or leaves nothing to learn


@dataclass(frozen=True)
class Laws:
    """Fitted laws, one a row.

    Attributes
    ----------
    exponent, floor : ndarray of float, shape (laws,)
    skills : ndarray of float, shape (laws, terms, sources)
        For totals in units of ``scale`` rows.
    scale : float
    """

    exponent: Floats
    floor: Floats
    skills: Floats
    scale: float

    def __getitem__(self, rows: slice) -> Laws:
        return Laws(self.exponent[rows], self.floor[rows], self.skills[rows], self.scale)

    def excess(self, counts: Floats) -> Floats:
        """What is above the floor, shape (laws, mixes), for rows of each source, shape (mixes, sources)."""
        total = counts.sum(axis=1) / self.scale
        taught = np.einsum("bik,rk->bri", self.skills, counts / self.scale)
        with np.errstate(divide="ignore"):
            return np.asarray(total ** (1 - self.exponent[:, None]) * (1 / taught).sum(axis=2))


@dataclass(frozen=True)
class Observed:
    """Runs: rows of each source, shape (runs, sources), and losses and the weights of their residuals, shape (runs,)."""

    counts: Floats
    losses: Floats
    weights: Floats

    @property
    def totals(self) -> Floats:
        """Training rows of each run."""
        return np.asarray(self.counts.sum(axis=1))

    def of(self, which: NDArray[np.bool_]) -> Observed:
        """Some of the runs."""
        return Observed(self.counts[which], self.losses[which], self.weights[which])


def parameters(sources: int, floor: float | None = None) -> int:
    """Numbers that the smallest law has: exponent and floor, and what a row of each source teaches of each of its skills."""
    return sources * sources + (2 if floor is None else 1)


def terms_of(runs: int, sources: int, floor: float | None) -> int:
    """Skills of a law: one a source and one for each two, as far as there are two runs a number."""
    most = (runs // 2 - (2 if floor is None else 1)) // sources
    return max(sources, min(sources * (sources + 1) // 2, most))


def fit_weighted(runs: Observed, *, floor: float | None, terms: int, seed: int) -> tuple[Laws, Floats, Observed]:
    """Fit once, read off how the noise falls with the rows, and fit again with weights.

    A small run draws its rows by chance, so that its excess loss has an error in proportion to itself; the rows on which losses
    are measured add another that is the same for all. The variance of a log loss is thus c + d (excess / loss)^2, c and d >= 0,
    which is fitted to the squared residuals (the two-step estimator of a variance function; Davidian and Carroll, JASA 1987).
    """
    found, _ = fit(runs, floor=floor, terms=terms, seed=seed)
    excess = found.excess(runs.counts)[0]
    loss = found.floor[0] + excess
    share = np.square(excess / loss)
    squares = np.square(np.log(runs.losses / loss))
    both, _ = nnls(np.column_stack([np.ones_like(share), share]), squares)
    variance = both[0] + both[1] * share
    weights = (
        np.sqrt(variance.mean() / np.maximum(variance, variance.mean() / MOST_WEIGHT))
        if variance.any()
        else runs.weights
    )
    weighted = Observed(runs.counts, runs.losses, weights)
    return *fit(weighted, floor=floor, terms=terms, seed=seed), weighted


def fit(runs: Observed, *, floor: float | None, terms: int, seed: int) -> tuple[Laws, Floats]:
    """Fit one law from many starts.

    Parameters
    ----------
    runs : Observed
    floor : float or None
        The floor where it is known.
    terms : int
    seed : int

    Returns
    -------
    tuple of (Laws with one row, ndarray of float of shape (parameters,))
        The law, and the numbers behind it to start refits from.
    """
    sources = runs.counts.shape[1]
    problem = _Problem(runs, floor, terms)
    rng = np.random.default_rng(seed)
    starts = np.zeros((RESTARTS, problem.size))
    starts[:, 0] = rng.normal(0, 1, RESTARTS)
    if floor is None:
        starts[:, 1] = rng.normal(0, 2, RESTARTS)
    starts[:, problem.free :] = problem.middle + rng.normal(0, 1.5, (RESTARTS, terms * sources))
    found, cost = _descend(problem, starts, np.log(runs.losses)[None] * runs.weights)
    best = found[np.argmin(cost)]
    return problem.laws(best[None]), best


def refit(runs: Observed, start: Floats, logs: Floats, *, floor: float | None, terms: int, seed: int) -> Laws:
    """Fit a law to each row of ``logs``, log losses of shape (refits, runs), from the fit and from beside it."""
    problem = _Problem(runs, floor, terms)
    rng = np.random.default_rng(seed)
    count = len(logs)
    beside = start + rng.normal(0, 0.7, (count, start.size))
    found, cost = _descend(
        problem, np.concatenate([np.tile(start, (count, 1)), beside]), np.tile(logs * runs.weights, (2, 1))
    )
    better = cost[count:] < cost[:count]
    return problem.laws(np.where(better[:, None], found[count:], found[:count]))


def leverages(runs: Observed, start: Floats, *, floor: float | None, terms: int) -> Floats:
    """Diagonal of the hat matrix of the linearized fit, shape (runs,)."""
    _, jacobian = _Problem(runs, floor, terms).evaluate(start[None])
    left = np.linalg.svd(jacobian[0], full_matrices=False)
    kept = 1e-8 * left.S[0] < left.S
    return np.asarray(np.square(left.U[:, kept]).sum(axis=1))


class _Problem:
    """The numbers of a fit: exponent and floor through a sigmoid, which keeps them in range, then log skills."""

    def __init__(self, runs: Observed, floor: float | None, terms: int) -> None:
        self.totals = runs.totals
        self.scale = float(np.exp(np.log(self.totals).mean()))
        self.shares = runs.counts / self.totals[:, None]
        self.logs = np.log(self.totals / self.scale)
        self.floor, self.terms, self.weights = floor, terms, runs.weights
        self.least = float(runs.losses.min())
        self.free = 2 if floor is None else 1
        self.size = self.free + terms * runs.counts.shape[1]
        above = float(np.median(runs.losses)) - (0.5 * self.least if floor is None else floor)
        self.middle = float(np.log(terms / max(above, 1e-6 * self.least)))

    def _parts(self, values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        part = expit(values[:, 0])
        if self.floor is None:
            of_least = expit(values[:, 1])
            floor = self.least * of_least
        else:
            of_least, floor = np.zeros(len(values)), np.full(len(values), self.floor)
        logs = np.clip(values[:, self.free :], self.middle - REACH, self.middle + REACH)
        return part, of_least, floor, np.exp(logs).reshape(len(values), self.terms, -1)

    def laws(self, values: Floats) -> Laws:
        part, _, floor, skills = self._parts(values)
        return Laws(SLOWEST + (FASTEST - SLOWEST) * part, floor, skills, self.scale)

    def evaluate(self, values: Floats) -> tuple[Floats, Floats]:
        """Weighted log losses, shape (fits, runs), and their derivatives, shape (fits, runs, numbers)."""
        part, of_least, floor, skills = self._parts(values)
        exponent = SLOWEST + (FASTEST - SLOWEST) * part
        terms = 1 / np.einsum("bik,rk->bri", skills, self.shares)
        falls = np.exp(-exponent[:, None] * self.logs)
        above = falls * terms.sum(axis=2)
        loss = floor[:, None] + above
        slopes = np.empty((*loss.shape, self.size))
        slopes[:, :, 0] = -above * self.logs * ((FASTEST - SLOWEST) * part * (1 - part))[:, None]
        if self.floor is None:
            slopes[:, :, 1] = (floor * (1 - of_least))[:, None]
        of_skills = -falls[:, :, None, None] * np.square(terms)[..., None] * skills[:, None] * self.shares[:, None]
        slopes[:, :, self.free :] = of_skills.reshape(*loss.shape, -1)
        return np.log(loss) * self.weights, slopes * (self.weights / loss)[..., None]


def _descend(problem: _Problem, starts: Floats, logs: Floats) -> tuple[Floats, Floats]:
    """Levenberg and Marquardt from each start; returns the numbers and the cost of each."""
    found, damping = starts.copy(), np.full(len(starts), 1e-2)
    pulled = np.full(problem.size, PULL**2)
    home = np.r_[np.zeros(problem.free), np.full(problem.size - problem.free, problem.middle)]

    def cost_of(values: Floats, said: Floats) -> Floats:
        return np.asarray(np.square(said - logs).sum(axis=1) + (pulled * np.square(values - home)).sum(axis=1))

    said, slopes = problem.evaluate(found)
    cost = cost_of(found, said)
    diagonal = np.arange(problem.size)
    still = 0
    for _ in range(STEPS):
        slope = np.einsum("brp,br->bp", slopes, said - logs) + pulled * (found - home)
        square = np.einsum("brp,brq->bpq", slopes, slopes)
        square[:, diagonal, diagonal] += pulled
        square[:, diagonal, diagonal] *= 1 + damping[:, None]
        step = np.clip(np.linalg.solve(square, slope[..., None])[..., 0], -3, 3)
        tried = found - step
        said_there, slopes_there = problem.evaluate(tried)
        there = cost_of(tried, said_there)
        better = there < cost
        gained = np.where(better, (cost - there) / np.maximum(cost, 1e-300), 0)
        found[better], said[better], slopes[better] = tried[better], said_there[better], slopes_there[better]
        cost = np.where(better, there, cost)
        damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-10, 1e10)
        still = still + 1 if np.all(gained < 1e-7) else 0
        if still == PATIENCE:
            break
    return found, cost
