r"""The generalized Henze-Penrose estimator: edges of the minimal spanning tree that join two classes.

Let E be the number of edges of the Euclidean minimal spanning tree of n rows whose ends have different labels. For
densities f_c with shares p_c, E / n tends to the sum over pairs of classes of 2 p_a p_b times the integral of
f_a f_b / sum_c p_c f_c, that is to 1 - sum_c E[eta_c^2]: the limit of one nearest neighbor's error, from all rows at once.

References
----------
Friedman, J. H. and Rafsky, L. C. "Multivariate generalizations of the Wald-Wolfowitz and Smirnov two-sample tests."
Annals of Statistics 7(4), 1979. Henze, N. and Penrose, M. D. "On the multivariate runs test." Annals of Statistics 27(1),
1999. Sekeh, S. Y., Oselio, B. and Hero, A. O. "Learning to bound the multi-class Bayes error." IEEE Transactions on Signal
Processing 68, 2020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.feasibility.estimates import Estimate
from assay.feasibility.inequalities import cover_hart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.feasibility.estimates import Sample

# The distances of all pairs are held at once: 64 MB.
MAX_ROWS = 4_000


def tree_edges(sample: Sample) -> Estimate:
    """Give the share of edges between classes, and the Cover-Hart number below it; at most 4,000 rows, drawn at random."""
    rows, labels = np.concatenate([sample.train, sample.test]), np.concatenate([sample.train_y, sample.test_y])
    if len(rows) > MAX_ROWS:
        chosen = np.random.default_rng(sample.seed).choice(len(rows), MAX_ROWS, replace=False)
        rows, labels = rows[chosen], labels[chosen]
    ends = spanning_tree_edges(rows, sample.metric)
    differing = float(np.sum(labels[ends[:, 0]] != labels[ends[:, 1]]) / len(rows))
    return Estimate("GHP", cover_hart(differing, sample.classes), differing, None, {"rows": len(rows)})


def spanning_tree_edges(rows: NDArray[Any], metric: str = "euclidean") -> NDArray[np.intp]:
    """Give the edges of a minimal spanning tree, shape (rows - 1, 2), by Prim's algorithm.

    Distances are compared in single precision: of edges that are equally long to seven digits any may be taken.
    """
    moved = rows - np.median(rows.astype(np.float64), axis=0) if metric == "euclidean" else rows.astype(np.float64)
    if metric == "cosine":
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        moved = np.divide(moved, lengths, out=np.zeros_like(moved), where=lengths > 0)
    single = moved.astype(np.float32)
    lengths = np.square(single).sum(axis=1)
    squares = lengths[:, None] + lengths[None] - 2 * (single @ single.T)
    count = len(rows)
    edges = np.empty((count - 1, 2), dtype=np.intp)
    nearest, parent = squares[0].copy(), np.zeros(count, dtype=np.intp)
    nearest[0] = np.inf
    outside = np.ones(count, dtype=bool)
    outside[0] = False
    for place in range(count - 1):
        new = int(nearest.argmin())
        edges[place] = parent[new], new
        outside[new] = False
        nearest[new] = np.inf
        closer = outside & (squares[new] < nearest)
        nearest[closer] = squares[new, closer]
        parent[closer] = new
    return edges
