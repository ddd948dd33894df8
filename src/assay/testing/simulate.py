"""Data for simulation: losses that cluster by unit, units of unequal size, streams that drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


def unit_sizes(
    rng: np.random.Generator, units: int, *, mean: float, spread: float = 0.0, largest: int | None = None
) -> Ints:
    """Draw sizes of units: log-normal around ``mean`` rows, at least 1.

    Parameters
    ----------
    rng : numpy.random.Generator
    units : int
    mean : float
        Median number of rows.
    spread : float
        Standard deviation of the logarithm; 0 gives equal sizes.
    largest : int, optional
        Larger sizes are cut to it.
    """
    sizes = np.maximum(np.rint(mean * np.exp(spread * rng.standard_normal(units))), 1)
    return np.minimum(sizes, np.inf if largest is None else largest).astype(np.int64)


def clustered_binary(rng: np.random.Generator, sizes: ArrayLike, *, mean: ArrayLike, icc: float) -> Ints:
    """Draw the number of ones in each unit: beta-binomial with intraclass correlation ``icc``.

    Parameters
    ----------
    rng : numpy.random.Generator
    sizes : array of int, shape (units,)
    mean : float or array of float, shape (units,), in (0, 1)
        Rate of each unit; let it depend on the sizes to tie loss to size.
    icc : float, in [0, 1)
        0 gives independent rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> clustered_binary(rng, [100, 100, 100, 100], mean=0.3, icc=0.2).tolist()
    [26, 8, 16, 0]
    """
    rows = np.asarray(sizes, dtype=np.int64)
    rates = np.broadcast_to(np.asarray(mean, dtype=np.float64), rows.shape)
    if not 0 <= icc < 1:
        raise ValueError(f"icc must lie in [0, 1), got {icc}")
    if icc > 0:
        strength = 1 / icc - 1
        rates = rng.beta(rates * strength, (1 - rates) * strength)
    return rng.binomial(rows, rates).astype(np.int64)


def bounded(rng: np.random.Generator, n: int, *, mean: float, sd: float) -> Floats:
    """Draw independent losses in [0, 1] from the beta law with this mean and standard deviation."""
    strength = mean * (1 - mean) / sd**2 - 1
    if not strength > 0:
        raise ValueError(f"sd must be below sqrt(mean (1 - mean)), got {sd}")
    return rng.beta(mean * strength, (1 - mean) * strength, size=n)


def drifting_errors(rng: np.random.Generator, length: int, *, before: float, after: float, change: int) -> Floats:
    """Draw a stream of 0/1 errors whose rate moves from ``before`` to ``after`` at index ``change``."""
    rates = np.where(np.arange(length) < change, before, after)
    return (rng.random(length) < rates).astype(np.float64)
