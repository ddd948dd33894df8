"""Which small training runs tell most of what each source is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import DataError, UsageError
from assay.feasibility.acquisition_fit import parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SIZES = 4
FACTOR = 2.0
MOSTLY = 0.9
# Fewer rows than this in the smallest run tell of the start of a curve, which goes on otherwise.
SMALLEST = 25


@dataclass(frozen=True)
class Design:
    """Training runs to make.

    Attributes
    ----------
    sources : tuple of str
    runs : tuple of dict of str to int
        Rows of each source, the smaller runs first.
    """

    sources: tuple[str, ...]
    runs: tuple[dict[str, int], ...]

    @property
    def sizes(self) -> list[int]:
        """Training rows of a run of each size."""
        return sorted({sum(run.values()) for run in self.runs})

    @property
    def rows(self) -> int:
        """Training rows of all runs together."""
        return sum(sum(run.values()) for run in self.runs)


def mixes(sources: int) -> NDArray[np.float64]:
    """Shares of the sources in each mix, shape (mixes, sources).

    A source is nine tenths of one mix; of each two sources one is two thirds and the other one third of what is not left to the
    rest, both ways; and all are even in one. That is K + K (K - 1) + 1 mixes, one more than the law has skills. No source is ever
    left out, since the loss without one that is needed says nothing of the others (a simplex lattice, drawn towards its middle).

    References
    ----------
    Scheffe, H. "Experiments with mixtures." JRSS B 1958.
    """
    if sources == 1:
        return np.ones((1, 1))
    found = [np.where(np.arange(sources) == place, MOSTLY, (1 - MOSTLY) / (sources - 1)) for place in range(sources)]
    rest = (1 - MOSTLY) / (sources - 2) if sources > 2 else 0.0
    pair = MOSTLY if sources > 2 else 1.0
    for one in range(sources):
        for other in range(sources):
            if one != other:
                mix = np.full(sources, rest)
                mix[one], mix[other] = pair * 2 / 3, pair / 3
                found.append(mix)
    return np.array([*found, np.full(sources, 1 / sources)])


def design(owned: Mapping[str, int], largest: int | None = None) -> Design:
    """Plan training runs of four or more sizes, each twice the last, over all mixes.

    Parameters
    ----------
    owned : mapping of str to int
        Labeled rows of each source that are there to train on.
    largest : int, optional
        Rows of the largest runs; by default as many as the scarcest source allows.

    Raises
    ------
    UsageError
        If ``largest`` asks for more than there is.
    DataError
        If a source has too few rows for the smallest runs.
    """
    names = tuple(owned)
    if not names:
        raise UsageError("there is no source to plan for")
    shares = mixes(len(names))
    have = np.array([owned[name] for name in names], dtype=np.float64)
    allowed = int(np.floor((have / shares.max(axis=0)).min()))
    if largest is not None and largest > allowed:
        scarcest = names[int(np.argmin(have / shares.max(axis=0)))]
        raise UsageError(
            f"runs of {largest:,} rows need up to {int(np.ceil(largest * shares.max())):,} of one source, and {scarcest!r} has "
            f"{owned[scarcest]:,}: plan at most {allowed:,}"
        )
    top = allowed if largest is None else largest
    # One size more than determines the law, so that the largest is forecast from the others.
    count = max(SIZES, 1 - (-2 * parameters(len(names)) // len(shares)))
    if top < SMALLEST * FACTOR ** (count - 1):
        needed = int(np.ceil(SMALLEST * FACTOR ** (count - 1) * shares.max()))
        scarcest = names[int(np.argmin(have))]
        raise DataError(
            f"{count} sizes, each twice the last, begin below {SMALLEST} rows with runs of at most {top:,}: {needed:,} rows of each "
            f"source will do, and {scarcest!r} has {owned[scarcest]:,}"
        )
    runs = []
    for step in reversed(range(count)):
        for mix in shares:
            rows = np.floor(top / FACTOR**step * mix + 1e-9).astype(int)
            runs.append(dict(zip(names, (int(each) for each in rows), strict=True)))
    return Design(names, tuple(runs))


def mixes_of_money(sources: int) -> NDArray[np.float64]:
    """Shares over the whole simplex of two or three sources, for a chart; shape (mixes, sources)."""
    steps = 24 if sources == 2 else 12
    grid = np.indices((steps + 1,) * (sources - 1)).reshape(sources - 1, -1).T
    grid = grid[grid.sum(axis=1) <= steps]
    return np.column_stack([grid, steps - grid.sum(axis=1)]) / steps
