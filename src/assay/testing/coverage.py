"""Measure how often a method errs, and hold it to its promise.

A run is a function of a random generator that simulates data under the method's own assumptions and says whether
the promise was broken (or, for power, whether the method decided). Each run has its own generator, derived from
the seed and its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.stats import binomial

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class ErrorRate:
    """How often a run came out true.

    Attributes
    ----------
    errors, runs : int
    rate : float
        errors / runs.
    lower, upper : float
        One-sided exact bounds of the true rate, each wrong with probability at most ``level``.
    level : float
    """

    errors: int
    runs: int
    rate: float
    lower: float
    upper: float
    level: float


def error_rate(run: Callable[[np.random.Generator], bool], *, runs: int, seed: int, level: float = 0.001) -> ErrorRate:
    """Count how often ``run`` comes out true.

    Examples
    --------
    >>> error_rate(lambda rng: rng.random() < 0.05, runs=1000, seed=0).errors
    57
    """
    if runs < 1:
        raise ValueError(f"runs must be at least 1, got {runs}")
    generators = (np.random.default_rng((seed, number)) for number in range(runs))
    errors = sum(bool(run(generator)) for generator in generators)
    lower, upper = binomial.lower(errors, runs, level), binomial.upper(errors, runs, level)
    return ErrorRate(errors, runs, errors / runs, lower, upper, level)


def assert_error_below(
    run: Callable[[np.random.Generator], bool],
    promised: float,
    *,
    runs: int,
    seed: int,
    level: float = 0.001,
) -> ErrorRate:
    """Fail if the errors refute the promise "wrong with probability at most ``promised``".

    A method that keeps its promise fails with probability at most ``level`` (exact binomial test). A broken one
    passes if ``runs`` is too small to tell, so show that a mutant fails.

    Returns
    -------
    ErrorRate

    Raises
    ------
    AssertionError
        With the count, if its exact p-value is at most ``level``.
    """
    found = error_rate(run, runs=runs, seed=seed, level=level)
    p_value = binomial.p_value_greater(found.errors, runs, promised)
    if p_value <= level:
        raise AssertionError(
            f"promised to err in at most {promised:.3g} of runs, erred in {found.errors} of {runs} "
            f"({found.rate:.3g}; p = {p_value:.1e})"
        )
    return found


def assert_power_above(
    run: Callable[[np.random.Generator], bool],
    floor: float,
    *,
    runs: int,
    seed: int,
    level: float = 0.001,
) -> ErrorRate:
    """Fail unless the runs prove that ``run`` comes out true with probability above ``floor``.

    Here the burden of proof is on the method: at probability ``floor`` or less it passes with probability at most
    ``level``.

    Returns
    -------
    ErrorRate

    Raises
    ------
    AssertionError
        With the count, if the exact p-value against "at most ``floor``" is above ``level``.
    """
    found = error_rate(run, runs=runs, seed=seed, level=level)
    p_value = binomial.p_value_greater(found.errors, runs, floor)
    if p_value > level:
        raise AssertionError(
            f"promised power above {floor:.3g}, decided in {found.errors} of {runs} runs "
            f"({found.rate:.3g}; at least {found.lower:.3g})"
        )
    return found
