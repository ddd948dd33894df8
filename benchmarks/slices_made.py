"""Tables of the shapes that the paper of SliceLine gives times for, made by chance: codes, and the error of each row."""

from __future__ import annotations

from typing import Any

import numpy as np

Made = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def uniform(rows: int, columns: int = 14, values: int = 10, lift: float = 4.0) -> Made:
    """Codes of one frequency; a tenth of the rows is wrong, and ``lift`` times as many where x0 = 1 and x1 = 2."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, values, size=(rows, columns))
    rate = np.where((codes[:, 0] == 1) & (codes[:, 1] == 2), 0.1 * lift, 0.1)
    return codes, (rng.random(rows) < rate).astype(float)


def noise(rows: int, seed: int) -> Made:
    """Six columns of four values, and errors that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, size=(rows, 6)), (rng.random(rows) < 0.1).astype(float)


def adult() -> Made:
    """32,561 rows, 14 columns with 162 values, correlated, two of them nearly constant; errors of a classifier."""
    rng = np.random.default_rng(0)
    rows = 32_561
    latent = rng.normal(size=(rows, 3))
    columns = []
    for place, values in enumerate((10, 9, 10, 16, 10, 7, 15, 6, 5, 2, 10, 10, 10, 42)):
        if place in (10, 11):
            columns.append(np.where(rng.random(rows) < 0.92, 0, rng.integers(1, values, rows)))
            continue
        share = 1 / np.arange(1, values + 1) ** (0.3 if values == 10 else 1.2)
        columns.append(_cut(latent @ rng.normal(size=3) + rng.normal(size=rows), share))
    rate = 1 / (1 + np.exp(-(latent[:, 0] - 2.4 + 0.5 * (columns[5] == 0))))
    return np.stack(columns, axis=1), (rng.random(rows) < rate).astype(float)


def covtype() -> Made:
    """581,012 rows: 10 correlated numbers in 10 bins of one width, and 4 + 40 yes-or-no columns of two categories."""
    rng = np.random.default_rng(0)
    rows = 581_012
    latent = rng.normal(size=(rows, 4))
    numbers = latent @ rng.normal(size=(4, 10)) + 0.8 * rng.normal(size=(rows, 10))
    low, high = numbers.min(axis=0), numbers.max(axis=0)
    area = rng.choice(4, rows, p=[0.45, 0.05, 0.44, 0.06])
    share = 1 / np.arange(1, 41) ** 1.1
    follows = np.clip(((latent[:, 0] + 3) * 6.5).astype(int), 0, 39)
    soil = np.where(rng.random(rows) < 0.5, rng.choice(40, rows, p=share / share.sum()), follows)
    codes = [np.minimum(((numbers - low) / (high - low) * 10).astype(int), 9)]
    codes += [area[:, None] == np.arange(4), soil[:, None] == np.arange(40)]
    rate = 1 / (1 + np.exp(1.1 - 0.7 * latent[:, 0] + 0.5 * (area == 2) - 0.9 * (soil < 4) * (latent[:, 1] > 0)))
    return np.concatenate(codes, axis=1).astype(int), (rng.random(rows) < rate).astype(float)


def kdd98() -> Made:
    """95,412 rows and 469 columns with about 8,400 values, nearly all of a hundredth of the rows or more, as in the paper.

    Every second column follows ten latents; the error is the squared error of a donation that one row in twenty makes.
    """
    rng = np.random.default_rng(0)
    rows = 95_412
    latent = rng.normal(size=(rows, 10))
    columns = []
    for place in range(469):
        share = rng.gamma(6, 1, size=int(rng.integers(8, 28)))
        columns.append(_cut((place % 2) * (latent @ rng.normal(size=10)) + rng.normal(size=rows), share))
    gives = rng.random(rows) < 0.05 * np.exp(0.3 * latent[:, 0] - 0.045)
    amount = np.where(gives, np.exp(2.5 + 0.6 * rng.normal(size=rows) + 0.2 * latent[:, 1]), 0.0)
    return np.stack(columns, axis=1), (amount - amount.mean() * np.exp(0.2 * latent[:, 2])) ** 2


def _cut(numbers: np.ndarray[Any, Any], share: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Cut numbers into codes of given shares of the rows, by rank."""
    rank = np.argsort(np.argsort(numbers)) / numbers.size
    return np.searchsorted(np.cumsum(share / share.sum())[:-1], rank)
