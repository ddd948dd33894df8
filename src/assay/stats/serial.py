r"""Do the values of a series depend on those before them? Exact permutation tests of autocorrelation.

The statistic at lag l is the correlation r_l of x_t and x_(t+l). Under exchangeability any order of the values is equally
likely, so the rank of r_l among those of random orders is a valid p-value: P(p <= a) <= a (Phipson and Smyth 2010). Only
positive correlation counts, which is what makes bad values come in runs. A weekly season shows at lag 7, a trend at lag 1.

Many series of the same batches are dealt anew together, and each is held against the largest correlation of all series
in every deal (Westfall and Young 1993), so that P(any p <= a) <= a whatever their dependence.

References
----------
Wald, A. and Wolfowitz, J. "An exact test for randomness in the non-parametric case based on serial correlation." Annals
of Mathematical Statistics 14(4), 1943. Phipson, B. and Smyth, G. K. "Permutation p-values should never be zero."
Statistical Applications in Genetics and Molecular Biology 9, 2010. Westfall, P. and Young, S. "Resampling-based multiple
testing." Wiley, 1993.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# With fewer pairs a correlation says nothing.
PAIRS = 8


class Serial(NamedTuple):
    """The lag at which a series depends most on itself.

    Attributes
    ----------
    lag : int
    correlation : float
        At that lag; an estimate.
    p_value : float
        Over all lags and series together.
    """

    lag: int
    correlation: float
    p_value: float


def autocorrelation(
    values: ArrayLike,
    lags: Sequence[int] = (1, 7),
    *,
    phases: int = 1,
    permutations: int = 999,
    seed: int = 0,
) -> list[Serial | None]:
    """Test series of the same batches for autocorrelation.

    Guarantee (exact): if the rows of `values` are exchangeable (within each phase, where there are several, and
    independently between them), P(any p-value <= a) <= a.

    Parameters
    ----------
    values : array of float, shape (batches,) or (batches, series)
        In time order.
    lags : sequence of int, at least 1
        Lags with fewer than 8 pairs are left out.
    phases : int, at least 1
        Length of a season that is accounted for: values are centered and dealt anew within each phase of it.
    permutations, seed : int

    Returns
    -------
    list of Serial or None, one a series
        The lag of the smallest p-value; None if the series is constant or too short for any lag.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=(90, 1))
    >>> week = np.tile([5, 5, 5, 5, 5, 0, 0], 13)[:90, None] + noise
    >>> [(found.lag, found.p_value <= 0.01) for found in autocorrelation(np.hstack([noise, week]))]
    [(1, False), (7, True)]
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    phase = np.arange(x.shape[0]) % phases
    centered = np.array(x)
    for each in range(min(phases, x.shape[0])):
        centered[phase == each] -= x[phase == each].mean(axis=0)
    spread = (centered**2).sum(axis=0)
    lively = spread > 1e-12 * np.maximum((x**2).sum(axis=0), 1e-300)
    kept = [lag for lag in lags if x.shape[0] - lag >= PAIRS]
    if not kept or not lively.any():
        return [None] * x.shape[1]
    some = centered[:, lively] / np.sqrt(spread[lively])
    seen = np.array([(some[lag:] * some[:-lag]).sum(axis=0) for lag in kept])
    rng = np.random.default_rng(seed)
    places = [np.flatnonzero(phase == each) for each in range(phases)]
    reached = np.ones(seen.shape)
    for _ in range(permutations):
        order = np.empty(x.shape[0], dtype=np.intp)
        for place in places:
            order[place] = rng.permutation(place)
        dealt = some[order]
        # One bar for all lags of a deal would favor the short ones, which have more pairs.
        largest = np.array([(dealt[lag:] * dealt[:-lag]).sum(axis=0).max() for lag in kept])
        reached += largest[:, None] >= seen - 1e-12
    p_values = np.minimum(1.0, len(kept) * reached / (1 + permutations))
    best = p_values.argmin(axis=0)
    found = iter(
        Serial(kept[lag], float(seen[lag, series]), float(p_values[lag, series]))
        for series, lag in enumerate(best.tolist())
    )
    return [next(found) if alive else None for alive in lively]
