r"""How the error falls with more training rows, and how many more a target would take.

The curve is R(n) = a + c n^-gamma with 0 <= a <= g, c >= 0 and gamma in [.02, 2], fitted by weighted least squares. Its
level at ten times the rows is usable; its limit a is not identified from such a range (in simulations with ten features
fits of a ranged from .00 to .25 where it is .22). So no forecast goes beyond ten times the largest size, and none speaks
of the limit.

References
----------
Cortes, C., Jackel, L. D., Solla, S. A., Vapnik, V. and Denker, J. S. "Learning curves: asymptotic values and rate of
convergence." NeurIPS 1993. Mahmood, R. et al. "How much more data do I need? Estimating requirements for downstream tasks."
CVPR 2022.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats
from sklearn.isotonic import IsotonicRegression

from assay.errors import DataError, UsageError
from assay.stats.neighbors import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from assay.feasibility.estimates import Sample

    Floats = NDArray[np.float64]

FARTHEST = 10
ENDS = 0.02, 2.0
GAMMAS = np.geomspace(*ENDS, 60)
REPLICATES = 1000
# Smallest training set of a curve of neighbors, and most sets of one size.
SMALLEST, MOST_DRAWS = 16, 64
# Weight of the common variance, in draws; deviations below this share of the error are none that matter.
SHRINK, MATERIAL = 4, 0.04


@dataclass(frozen=True)
class Forecast:
    """A curve that was fitted, and what it says up to ten times the rows it was fitted on.

    Attributes
    ----------
    sizes, errors, fitted : tuple of float
        The curve as it was seen, and as it was fitted.
    target : float or None
    required : int or None
        Rows at which the curve reaches the target; None beyond ten times the largest size.
    interval : tuple of (float, float)
        Of the rows required; the upper end can be infinite. An interval of replicates, not a certified one.
    level : float
    reason : str
        What ``required`` says, or why there is none.
    """

    sizes: tuple[float, ...]
    errors: tuple[float, ...]
    fitted: tuple[float, ...]
    target: float | None
    required: int | None
    interval: tuple[float, float]
    level: float
    reason: str
    _curves: Floats = field(repr=False)  # shape (1 + replicates, 3): the fit first

    @property
    def farthest(self) -> float:
        """Largest training set that is spoken of."""
        return FARTHEST * max(self.sizes)

    def predict(self, rows: float) -> tuple[float, float, float]:
        """Give the error forecast at a number of training rows, and the ends of its interval.

        Raises
        ------
        UsageError
            Beyond ten times the largest size of the curve.
        """
        self._near(rows)
        found = _values(self._curves, np.array([float(rows)]))[:, 0]
        low, high = _ends(found[1:], self.level)
        return float(found[0]), low, high

    def probability(self, rows: float) -> float:
        """Give the share of replicates that reach the target by a number of training rows: an estimate."""
        self._near(rows)
        if self.target is None:
            raise UsageError("the forecast has no target: give forecast(..., target=...)")
        return float(np.mean(_required(self._curves[1:], self.target) <= rows))

    def _near(self, rows: float) -> None:
        if not 1 <= rows <= self.farthest:
            raise UsageError(
                f"the forecast holds for 1 to {self.farthest:,.0f} training rows, {FARTHEST} times the largest size, "
                f"not for {rows:,.0f}: grow the curve first"
            )


def forecast(
    sizes: ArrayLike,
    errors: Sequence[Any] | NDArray[Any],
    *,
    target: float | None = None,
    rows: int | None = None,
    classes: int = 2,
    level: float = 0.9,
    seed: int = 0,
) -> Forecast:
    """Forecast how an error falls with more training rows, and how many would reach a target.

    An estimate, with no error bound: it supposes that the curve goes on as it has. It never says that a target is out of
    reach, which no curve shows.

    Parameters
    ----------
    sizes : array of float, shape (sizes,)
        Training rows, four sizes or more.
    errors : sequence, one entry for each size
        The error there; or the errors of several training sets of that size that share no rows.
    target : float, in (0, 1), optional
        An error. To read the curve of one nearest neighbor for a Bayes error t, give ``cover_hart_error(t, classes)``.
    rows : int, optional
        Held-out rows on which each error was measured. Without it the noise is judged by the scatter about the curve.
    classes : int
    level : float, in (0, 1)
        Of the intervals.
    seed : int

    Returns
    -------
    Forecast

    Raises
    ------
    DataError
        If there are fewer than four sizes, or the curve is ill-behaved: it rises, or no curve of this form fits it.
    UsageError
        If an argument is out of range.

    Examples
    --------
    >>> n = [100, 200, 400, 800, 1600]
    >>> found = forecast(n, [0.1 + 2 * size**-0.5 for size in n], target=0.13)
    >>> found.required
    4445
    """
    for name, value in (("target", target), ("level", level)):
        if value is not None and not 0 < value < 1:
            raise UsageError(f"{name} must lie in (0, 1), got {value}")
    if rows is not None and rows < 1:
        raise UsageError(f"rows must be at least 1, got {rows}")
    n, means, draws = _points(sizes, errors)
    spread = _noise(n, means, draws, rows)
    ceiling = (classes - 1) / classes
    # Weights for the fit are those of the noise of the training sets: that of the held-out rows moves all sizes alike.
    weights = 1 / np.maximum(spread.own, 1e-4) ** 2
    fit = _fit(n, means[None], weights, ceiling)
    for reach in (1.1, 1.005):  # the grid is coarse for a curve that has no noise
        fit = _fit(n, means[None], weights, ceiling, np.clip(fit[0, 2] * np.geomspace(1 / reach, reach, 101), *ENDS))
    fitted = _values(fit, n)[0]
    _well_behaved(n, means, fitted, spread, rows is not None or spread.known)
    if not spread.known:
        scatter = math.sqrt(float(np.square(means - fitted).sum()) / max(1, n.size - 3))
        spread = _Noise(np.full(n.size, max(scatter, 1e-9)), spread.common, known=False)
    rng = np.random.default_rng(seed)
    moved = fitted + spread.own * rng.standard_normal((REPLICATES, n.size))
    moved += spread.common * rng.standard_normal((REPLICATES, 1))
    gammas = np.union1d(GAMMAS, np.clip(fit[0, 2] * np.geomspace(1 / 1.1, 1.1, 41), *ENDS))
    curves = np.concatenate([fit, _fit(n, np.clip(moved, 0, 1), weights, ceiling, gammas)])
    required, interval, reason = _asked(curves, target, n, level)
    seen, shown, fine = (tuple(float(value) for value in values) for values in (n, means, fitted))
    return Forecast(seen, shown, fine, target, required, interval, level, reason, curves)


@dataclass(frozen=True)
class Curve:
    """Errors of one nearest neighbor at growing sizes of the training set.

    Attributes
    ----------
    sizes : tuple of int
        Training rows, doubling.
    errors : tuple of tuple of float
        For each size the errors of training sets that share no rows.
    rows : int
        Held-out rows, the same for all.
    classes : int
    """

    sizes: tuple[int, ...]
    errors: tuple[tuple[float, ...], ...]
    rows: int
    classes: int

    @property
    def means(self) -> tuple[float, ...]:
        """Mean error at each size."""
        return tuple(float(np.mean(each)) for each in self.errors)

    def forecast(self, target: float | None = None, *, level: float = 0.9, seed: int = 0) -> Forecast:
        """Fit and read this curve; see :func:`forecast`."""
        return forecast(
            self.sizes, self.errors, target=target, rows=self.rows, classes=self.classes, level=level, seed=seed
        )


def convergence(sample: Sample) -> Curve:
    """Give the error of one nearest neighbor at doubling sizes, each over all training sets that share no rows.

    The nearest of a union is the nearer of two nearest, so that all sizes cost what the largest one does.

    Raises
    ------
    DataError
        If there are fewer than 128 training rows.
    """
    count = len(sample.train)
    if count < 8 * SMALLEST:
        raise DataError(f"{count} training rows are too few for a curve: give {8 * SMALLEST} or more")
    blocks = min(MOST_DRAWS, 1 << int(math.log2(count / SMALLEST)))
    size = count // blocks
    order = np.random.default_rng(sample.seed).permutation(count)[: size * blocks]
    found = np.empty((blocks, len(sample.test)))
    labels = np.empty(found.shape, dtype=np.int64)
    for block, rows in enumerate(order.reshape(blocks, size)):
        distances, indices = nearest(sample.test, sample.train[rows], 1, sample.metric)
        found[block], labels[block] = distances[:, 0], sample.train_y[rows[indices[:, 0]]]
    sizes: list[int] = []
    errors: list[tuple[float, ...]] = []
    while True:
        sizes.append(size)
        errors.append(tuple(float(value) for value in np.mean(labels != sample.test_y, axis=1)))
        if len(found) == 1:
            return Curve(tuple(sizes), tuple(errors), len(sample.test), sample.classes)
        second = found[1::2] < found[::2]
        labels = np.where(second, labels[1::2], labels[::2])
        found = np.where(second, found[1::2], found[::2])
        size *= 2


@dataclass(frozen=True)
class _Noise:
    own: Floats  # standard deviation of each mean over training sets
    common: float  # of all at once, from the held-out rows
    known: bool


def _points(sizes: ArrayLike, errors: Sequence[Any] | NDArray[Any]) -> tuple[Floats, Floats, list[Floats]]:
    n = np.asarray(sizes, dtype=np.float64)
    draws = [np.atleast_1d(np.asarray(each, dtype=np.float64)) for each in errors]
    if n.ndim != 1 or len(draws) != n.size:
        raise DataError(f"errors must have one entry for each of the {n.size} sizes, got {len(draws)}")
    for size, each in zip(n, draws, strict=True):
        if not (size >= 1 and each.ndim == 1 and each.size and np.all((each >= 0) & (each <= 1))):
            raise DataError(f"sizes must be at least 1 and errors in [0, 1], got {each.tolist()} at size {size:g}")
    order = np.argsort(n, kind="stable")
    n, draws = n[order], [draws[place] for place in order]
    if np.any(n[1:] == n[:-1]):
        raise DataError(f"size {n[1:][n[1:] == n[:-1]][0]:g} is there twice: give its errors as one entry")
    if n.size < 4:
        raise DataError(f"{n.size} sizes cannot determine a curve of three numbers: give four or more")
    return n, np.array([each.mean() for each in draws]), draws


def _noise(n: Floats, means: Floats, draws: list[Floats], rows: int | None) -> _Noise:
    middle = float(means[-1])
    common = 0.0 if rows is None else math.sqrt(max(middle * (1 - middle), 1 / rows) / rows)
    counts = np.array([each.size for each in draws])
    if np.any(counts > 1):
        # A few draws say little of their own scatter, one nothing: each variance is drawn towards that of all.
        free = np.maximum(counts - 1, 0)
        sums = np.array([float(np.square(each - each.mean()).sum()) for each in draws])
        own = np.sqrt((sums + SHRINK * sums.sum() / free.sum()) / (free + SHRINK) / counts)
        return _Noise(np.maximum(own, 1e-9), common, known=True)
    if rows is None:
        return _Noise(np.ones(n.size), common, known=False)
    return _Noise(np.sqrt(np.maximum(means * (1 - means), 1 / rows) / rows), common, known=True)


def _fit(n: Floats, errors: Floats, weights: Floats, ceiling: float, gammas: Floats = GAMMAS) -> Floats:
    """Fit each row of ``errors``; the rows of the result are (a, c, gamma).

    For each gamma of a grid the least squares in (a, c) have a closed form, and where it leaves the range, so has the edge.
    """
    best = np.full(len(errors), np.inf)
    found = np.empty((len(errors), 3))
    total = weights.sum()
    for gamma in gammas:
        x = (n / n[0]) ** -gamma
        mean_x, mean_y = (weights @ x) / total, (errors @ weights) / total
        slope = ((errors - mean_y[:, None]) @ (weights * (x - mean_x))) / (weights @ np.square(x - mean_x))
        slope = np.maximum(slope, 0)
        limit = mean_y - slope * mean_x
        for edge, beyond in ((0.0, limit < 0), (ceiling, limit > ceiling)):
            at_edge = np.maximum(((errors - edge) @ (weights * x)) / (weights @ np.square(x)), 0)
            slope, limit = np.where(beyond, at_edge, slope), np.where(beyond, edge, limit)
        loss = np.square(errors - limit[:, None] - slope[:, None] * x) @ weights
        better = loss < best
        best[better] = loss[better]
        found[better] = np.column_stack([limit, slope * n[0] ** gamma, np.full(len(errors), gamma)])[better]
    return found


def _values(curves: Floats, n: Floats) -> Floats:
    limit, scale, gamma = curves.T[:, :, None]
    values: Floats = limit + scale * n[None] ** -gamma
    return values


def _well_behaved(n: Floats, means: Floats, fitted: Floats, noise: _Noise, known: bool) -> None:
    weights = 1 / np.square(noise.own) if known else np.ones(n.size)
    falling = IsotonicRegression(increasing=False).fit_transform(np.log(n), means, sample_weight=weights)
    rising, apart = (float(np.square(means - curve) @ weights) for curve in (falling, fitted))
    if known:
        slight = MATERIAL * float(means.mean())
        rises = rising > stats.chi2.ppf(0.99, n.size - 1) and float(np.max(np.abs(means - falling))) > slight / 2
        unfit = apart > stats.chi2.ppf(0.999, n.size - 3) and float(np.max(np.abs(means - fitted))) > slight
    else:
        reach, level = float(np.ptp(means)), float(means.mean())
        up = float(np.maximum(np.diff(means), 0).sum())
        rises = up > max(reach / 3, 0.05 * level)
        unfit = math.sqrt(apart / n.size) > 0.15 * reach + 0.02 * level
    if rises:
        place = int(np.argmax(np.diff(means)))
        raise DataError(
            f"the curve is ill-behaved: the error rises from {means[place]:.3f} at {n[place]:g} rows to "
            f"{means[place + 1]:.3f} at {n[place + 1]:g}, so that nothing can be read beyond it"
        )
    if unfit:
        place = int(np.argmax(np.abs(means - fitted)))
        raise DataError(
            f"the curve is ill-behaved: no power law fits it, the best is off by {abs(means - fitted)[place]:.3f} at "
            f"{n[place]:g} rows, so that nothing can be read beyond it"
        )


def _required(curves: Floats, target: float) -> Floats:
    limit, scale, gamma = curves.T
    gap = target - limit
    with np.errstate(divide="ignore"):
        logs = np.log(np.maximum(scale, 1e-300)) - np.log(np.maximum(gap, 1e-300))
    found: Floats = np.where(gap <= 0, np.inf, np.exp(np.clip(logs / gamma, 0, 700)))
    return found


def _asked(
    curves: Floats, target: float | None, n: Floats, level: float
) -> tuple[int | None, tuple[float, float], str]:
    if target is None:
        return None, (0.0, math.inf), "no target was given"
    needed = _required(curves, target)
    low, high = _ends(needed[1:], level)
    first, most = float(needed[0]), FARTHEST * float(n[-1])
    wide = f"{level:.0%} interval from {_rows(low, most)} to {_rows(high, most)}"
    if first > most:
        return (
            None,
            (low, high),
            f"cannot tell: not within {most:,.0f} training rows, {FARTHEST} times the largest size; {wide}",
        )
    if high > most:
        wide += "; it has no upper end that the curve can name"
    return math.ceil(first - 1e-6), (low, high), f"reached at about {first:,.0f} training rows; {wide}"


def _rows(rows: float, most: float) -> str:
    return f"{rows:,.0f}" if rows <= most else f"more than {most:,.0f}"


def _ends(values: Floats, level: float) -> tuple[float, float]:
    """Ends of the middle share of values, some of which may be infinite."""
    ordered = np.sort(values)
    cut = int((1 - level) / 2 * ordered.size)
    return float(ordered[cut]), float(ordered[-1 - cut])
