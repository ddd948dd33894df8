"""Every slice there is, by group-by: slow, and plain enough to be believed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np


def slices(
    codes: np.ndarray[Any, Any],
    values: np.ndarray[Any, Any],
    weights: np.ndarray[Any, Any],
    score: Callable[[float, float], float],
    *,
    support: float,
    max_level: int,
    ordered: tuple[int, ...] = (),
) -> list[tuple[float, float, tuple[tuple[int, int, int], ...]]]:
    """Give (score, size, conditions) of each slice with a positive score, best first."""
    columns = codes.shape[1]
    domains = codes.max(axis=0) + 1
    conditions = []
    for column in range(columns):
        own = [(column, code, code) for code in range(domains[column])]
        bins = ordered[column] if ordered else 0
        own += [
            (column, low, high)
            for low in range(bins)
            for high in range(low + 1, bins)
            if high - low + 1 < domains[column]
        ]
        conditions.append(own)
    masks = {
        each: (codes[:, each[0]] >= each[1]) & (codes[:, each[0]] <= each[2]) for own in conditions for each in own
    }
    found = []
    for level in range(1, min(max_level, columns) + 1):
        for chosen in itertools.combinations(range(columns), level):
            for each in itertools.product(*(conditions[column] for column in chosen)):
                inside = np.logical_and.reduce([masks[condition] for condition in each])
                size = float(weights[inside].sum())
                if size < support or not inside.any():
                    continue
                reached = score(size, float((weights * values)[inside].sum()))
                if reached > 1e-10:
                    found.append((reached, size, each))
    return sorted(found, key=lambda each: (-round(each[0], 10), len(each[2]), each[2]))
