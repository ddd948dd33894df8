"""The Bayes error from the votes of nearest neighbors, one or k, on held-out rows.

References
----------
Cover, T. M. and Hart, P. E. "Nearest neighbor pattern classification." IEEE Transactions on Information Theory 13(1),
1967.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.feasibility.estimates import Estimate
from assay.feasibility.inequalities import vote_lower

if TYPE_CHECKING:
    from assay.feasibility.estimates import Codes, Floats, Sample

SIZES = (1, 3, 5, 7, 9, 15, 25, 35, 51, 75, 101)


def one_neighbor(sample: Sample) -> Estimate:
    """Give the error of one nearest neighbor, and the Cover-Hart number below it."""
    return _estimate("1NN", sample, 1)


def k_neighbors(sample: Sample) -> Estimate:
    """Give the error of the vote of k nearest neighbors, k being that with the least error among the training rows.

    The k is chosen by leaving out one training row at a time, and judged on rows that took no part in the choice.
    """
    sizes = [k for k in SIZES if k <= sample.most]
    errors = vote_errors(sample.among[1], sample.train_y, sizes, sample.classes)
    return _estimate("kNN", sample, sizes[int(np.argmin(errors))])


def vote_errors(labels: Codes, truth: Codes, sizes: list[int], classes: int) -> Floats:
    """Give the share of rows that the vote of the first k labels gets wrong, for each k of ``sizes``, ascending.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, neighbors)
        Nearest first.
    truth : ndarray of int, shape (rows,)
    """
    counts = np.zeros((len(labels), classes), dtype=np.int32)
    rows = np.arange(len(labels))
    errors, done = [], 0
    for k in sizes:
        for column in labels.T[done:k]:
            counts[rows, column] += 1
        done = k
        errors.append(float(np.mean(counts.argmax(axis=1) != truth)))
    return np.array(errors)


def _estimate(method: str, sample: Sample, k: int) -> Estimate:
    error = float(vote_errors(sample.held_out, sample.test_y, [k], sample.classes)[0])
    return Estimate(method, vote_lower(error, sample.classes, k), error, error, {"k": k})
