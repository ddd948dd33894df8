"""FeeBee's protocol on real data: labels drawn by lot in growing shares, and how far estimates leave the band that is left.

With a share rho of labels drawn by lot in both parts, the Bayes error lies in [rho g, s + rho (g - s)] for g = (C - 1) / C and s an
error that is known to be within reach. The score is the mean distance outside the band times 2 C / (C - 1).

Renggli, C., Rimanic, L., Hollenstein, N. and Zhang, C. "Evaluating Bayes error estimators on real-world datasets with FeeBee."
NeurIPS Datasets and Benchmarks, 2021.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from assay.feasibility.estimates import Sample
from assay.feasibility.side_by_side import METHODS

SETS = {"digits": (load_digits, 0.012), "breast cancer": (load_breast_cancer, 0.026)}
LEVELS = (0.0, 0.3, 0.6, 1.0)


def scores(method, load, reach, seeds=2):
    X, y = load(return_X_y=True)
    X = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
    classes, outside = int(y.max()) + 1, []
    chance = (classes - 1) / classes
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(y))
        half = len(y) // 2
        for rho in LEVELS:
            noisy = np.where(rng.random(len(y)) < rho, rng.integers(0, classes, size=len(y)), y)
            train, test = order[:half], order[half:]
            found = METHODS[method](Sample(X[train], X[test], noisy[train], noisy[test], classes, seed=seed))
            low, high = rho * chance, reach + rho * (chance - reach)
            outside.append([max(0.0, low - value, value - high) for value in (found.upper, found.lower)])
    return np.mean(outside, axis=0) * 2 / chance


@pytest.mark.slow
@pytest.mark.parametrize("data", SETS)
def test_estimates_follow_the_noise(data):
    for method in ("1NN", "kNN", "1NN-kNN", "GHP"):
        upper, lower = scores(method, *SETS[data])
        assert upper < 0.45, method
        assert lower < 0.45, method
    # The vote of many is nearer from above than one neighbor, which pays for the noise twice.
    assert scores("kNN", *SETS[data])[0] < scores("1NN", *SETS[data])[0]
