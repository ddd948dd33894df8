"""What runs in the environment of PyPI's sliceline, which has no assay."""

from __future__ import annotations

import numpy as np
from sliceline.slicefinder import Slicefinder

import slices_made
from measure import cpu, peak


def found(rows: str) -> tuple[float, float, list[float]]:
    """Give CPU milliseconds of a first call, megabytes beyond those before it, and the scores of the best slices."""
    codes, errors = slices_made.uniform(int(rows))
    finder = Slicefinder(alpha=0.95, k=5, max_l=3, min_sup=int(rows) // 100, verbose=False)
    before = peak()
    spent = cpu(lambda: finder.fit(codes, errors), runs=1)
    return spent, peak() - before, scores(finder, codes, errors, 0.95)


def adult(level: str) -> tuple[float, float, list[float]]:
    """The same for the table that is shaped like Adult."""
    codes, errors = slices_made.adult()
    finder = Slicefinder(alpha=0.95, k=10, max_l=int(level), min_sup=326, verbose=False)
    before = peak()
    spent = cpu(lambda: finder.fit(codes, errors), runs=1)
    return spent, peak() - before, scores(finder, codes, errors, 0.95)


def noisy(runs: str, weight: str) -> int:
    """Count tables of noise in which a slice is reported."""
    told = 0
    for seed in range(int(runs)):
        codes, errors = slices_made.noise(2000, seed)
        finder = Slicefinder(alpha=float(weight), k=10, max_l=3, min_sup=40, verbose=False).fit(codes, errors)
        told += len(finder.top_slices_) > 0
    return told


def scores(finder: Slicefinder, codes: np.ndarray, errors: np.ndarray, weight: float) -> list[float]:
    """Score the reported slices by SliceLine's formula."""
    found = []
    for conditions in finder.top_slices_:
        inside = np.ones(len(errors), dtype=bool)
        for column, value in enumerate(conditions):
            if value is not None:
                inside &= codes[:, column] == value
        error = errors[inside].mean() / errors.mean() - 1
        found.append(float(weight * error - (1 - weight) * (len(errors) / inside.sum() - 1)))
    return sorted(found, reverse=True)
