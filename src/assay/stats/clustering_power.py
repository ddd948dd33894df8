"""How strong a clustering the test for it would find: by simulation, an estimate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

# Simulations of what the test would find, different values in them, and by how much more than the power asked for is
# found in them: the search ends where chance first lets it.
_RUNS, _LEVELS, _MARGIN = 200, 8, 0.05
# Beyond so many units times values half the simulations do.
_MANY = 50_000
# Units whose rows are all alike cannot be drawn.
_MOST_ALIKE = 0.999
# Rows apart from the most common value below which their number moves the threshold.
_FEW_EVENTS = 100


def detectable_correlation(
    values: Floats, codes: Codes, dealt: Floats, level: float, rng: np.random.Generator, power: float = 0.8
) -> float:
    r"""Give the smallest intraclass correlation that the test finds at a level with some power; 1 if not even that.

    An estimate. The search begins where the values are normal: there the ratio of the mean squares between and within
    units is 1 + m rho / (1 - rho) times an F variable with (units - 1, rows - units) degrees of freedom (Searle,
    Casella and McCulloch, Variance Components, 1992, section 3.6; m is the typical size of a unit), so that

    .. math:: 1 + m \rho / (1 - \rho) = F_{1 - level} / F_{1 - power}.

    Rare events are far harder to see. So it goes on by simulation: each unit has its own distribution, drawn from the
    Dirichlet law around that of all values (for two values, the beta-binomial law), with the precision 1 / rho - 1 at
    which two rows of a unit have the correlation rho. More than 8 different values are brought to 8.
    """
    whole_sizes = np.bincount(codes)
    sizes = whole_sizes.astype(np.float64)
    units, rows = sizes.size, codes.size
    typical = (rows - float(sizes @ sizes) / rows) / (units - 1)
    high, low = special.fdtri(units - 1, rows - units, [1 - level, 1 - power])
    odds = max(float(high / low) - 1.0, 0.0) / typical
    values = values - values.mean()
    spread = float(values @ values)
    if spread <= 0:
        return math.inf
    # The test rejects above this share of the sum of squares.
    rank = max(1, int(level * (1 + dealt.size) + 1e-9))
    usual = float(np.sort(dealt)[-rank]) / spread
    different, times = _brought_together(values)
    runs = _RUNS if units * different.size < _MANY else _RUNS // 2
    common = int(times.argmax())
    different = different - different[common]
    rare = np.repeat(np.delete(different, common), np.delete(times, common))
    if rare.size <= 1:
        return math.inf
    known: dict[int, float] = {}

    def least(events: int) -> float:
        """Give that share where so few rows have another value than the common one; it moves with their number."""
        if not 0 < events <= min(_FEW_EVENTS, rows // 4):
            return usual if events else math.inf
        events -= events % max(1, events // 10)
        if events not in known:
            places = np.array([rng.choice(codes, events, replace=False) for _ in range(dealt.size)])
            chosen = rng.choice(rare, places.shape)
            deals = np.arange(dealt.size)
            cells, cell = np.unique((places + units * deals[:, None]).ravel(), return_inverse=True)
            squares = np.bincount(cell, chosen.ravel()) ** 2 / sizes[cells % units]
            off = chosen.sum(axis=1) ** 2 / rows
            between = np.bincount(cells // units, squares, dealt.size) - off
            known[events] = float(np.sort(between / ((chosen**2).sum(axis=1) - off))[-rank])
        return known[events]

    # Where other tests share the level, the threshold lies higher than this one alone would have it.
    stricter = max(1.0, usual / max(least(rare.size), 1e-12))
    # How often other values occur at all is known from these rows alone: one standard error less often.
    shares = times / rows * (1 - 1 / math.sqrt(rare.size))
    shares[common] += 1 - shares.sum()

    def found(correlation: float) -> bool:
        misses = 0
        for _ in range(runs):
            own = rng.dirichlet(shares * (1.0 / correlation - 1.0), units)
            counts = rng.multinomial(whole_sizes, own)
            totals = counts @ different
            off = float(totals.sum()) ** 2 / rows
            between = float(np.einsum("i,i,i", totals, totals, 1.0 / sizes)) - off
            whole = float((counts @ different**2).sum()) - off
            reached = stricter * least(int(rows - counts[:, common].sum()))
            # A tie is no finding, and where all came out alike only rounding is left.
            misses += between * (1 - 1e-9) <= reached * max(whole, 1e-9 * spread)
            if misses > (1.0 - power - _MARGIN) * runs:
                return False
        return True

    # Where the margin lets it pass.
    correlation = 1.1 * odds / (1.0 + odds)
    while correlation < _MOST_ALIKE:
        if found(correlation):
            return correlation
        correlation *= 1.25
    return 1.0 if found(_MOST_ALIKE) else math.inf


def _brought_together(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Give the different values and how often each occurs, at most 8: neighbors share one, but for those far out."""
    different, times = np.unique(values, return_counts=True)
    if different.size <= _LEVELS:
        return different, times
    away = times * np.abs(different - np.median(values))
    place = np.cumsum(times / times.sum() + away / away.sum())
    group = np.minimum((place * (_LEVELS / 2) * (1 - 1e-9)).astype(np.intp), _LEVELS - 1)
    _, group = np.unique(group, return_inverse=True)
    rows = np.bincount(group, times)
    return np.bincount(group, times * different) / rows, rows.astype(np.int64)
