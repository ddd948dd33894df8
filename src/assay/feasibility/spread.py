r"""The 1NN-kNN estimator: the limit of one neighbor's error from the spread of labels among k.

If eta is nearly the same over the k rows next to x, x itself among them, two of their labels differ with probability
1 - sum_c eta_c(x)^2, which is what one nearest neighbor errs on in the limit. The share of differing pairs, averaged over
rows, estimates it with less variance than one neighbor does and, as the k rows spread, with more bias.

References
----------
Renggli, C., Rimanic, L., Hollenstein, N. and Zhang, C. "Evaluating Bayes error estimators on real-world datasets with
FeeBee." NeurIPS Datasets and Benchmarks, 2021, section 3; after Devijver, P. A. "A multiclass, k-NN approach to Bayes
risk estimation." Pattern Recognition Letters 3(1), 1985.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.feasibility.estimates import Estimate
from assay.feasibility.inequalities import cover_hart

if TYPE_CHECKING:
    from assay.feasibility.estimates import Sample

NEIGHBORS = 10


def pair_disagreement(sample: Sample) -> Estimate:
    """Give the share of differing pairs among each training row and its nearest, and the Cover-Hart number below it."""
    k = min(NEIGHBORS, sample.most + 1)
    labels = np.column_stack([sample.train_y, sample.among[1][:, : k - 1]])
    counts = np.zeros((len(labels), sample.classes))
    rows = np.arange(len(labels))
    for column in labels.T:
        counts[rows, column] += 1
    differing = float((counts * (k - counts)).sum(axis=1).mean() / (k * (k - 1)))
    return Estimate("1NN-kNN", cover_hart(differing, sample.classes), differing, None, {"k": k})
