r"""The Bayes error of densities that are estimated by kernels.

With the same Gaussian kernel of width h in all classes, p_c f_c(x) is proportional to the sum of
exp(-|x - x_i|^2 / (2 h^2)) over the training rows of class c. The plug-in estimate is the mean of 1 - max_c of these
shares over rows that are held out; the error is that of the classifier which answers the largest.

The width is that with the largest likelihood of the training labels, each training row being left out of its own density.

References
----------
Rosenblatt, M. "Remarks on some nonparametric estimates of a density function." Annals of Mathematical Statistics 27(3),
1956. Fukunaga, K. and Hummels, D. M. "Bayes error estimation using Parzen and k-NN procedures." IEEE Transactions on
Pattern Analysis and Machine Intelligence 9(5), 1987.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from assay.feasibility.estimates import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.feasibility.estimates import Codes, Floats, Sample

MAX_ROWS = 2_000
# In units of the median distance to the nearest other row.
WIDTHS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
# No label is given a probability of 0 in the likelihood.
LEAST = 1e-3


def densities(sample: Sample) -> Estimate:
    """Give the plug-in estimate and the held-out error; at most 2,000 rows in each part, drawn at random."""
    rng = np.random.default_rng(sample.seed)
    train, train_y = _few(sample.train, sample.train_y, rng)
    test, test_y = _few(sample.test, sample.test_y, rng)
    if sample.metric == "cosine":
        train, test = _scaled(train), _scaled(test)
    among, across = _squares(train, train), _squares(test, train)
    np.fill_diagonal(among, np.inf)
    apart = among.min(axis=1)
    unit = float(np.median(apart[apart > 0])) if np.any(apart > 0) else 1.0
    likelihoods = []
    for width in WIDTHS:
        own = shares(among, train_y, sample.classes, width**2 * unit)[np.arange(len(train)), train_y]
        likelihoods.append(float(np.log(own + LEAST).mean()))
    width = WIDTHS[int(np.argmax(likelihoods))]
    found = shares(across, train_y, sample.classes, width**2 * unit)
    plug_in = 1 - float(found.max(axis=1).mean())
    error = float(np.mean(found.argmax(axis=1) != test_y))
    settings = {"width": width * unit**0.5, "plug_in": plug_in, "rows": len(train)}
    return Estimate("KDE", min(plug_in, error), max(plug_in, error), error, settings)


def shares(squares: Floats, labels: Codes, classes: int, variance: float) -> Floats:
    """Give the class probabilities at rows with these squared distances to the training rows."""
    exponents = squares / (-2 * variance)
    sums = np.full((len(squares), classes), -np.inf)
    for code in range(classes):
        if np.any(labels == code):
            sums[:, code] = special.logsumexp(exponents[:, labels == code], axis=1)
    largest = sums.max(axis=1, keepdims=True)
    weights = np.exp(sums - np.where(np.isfinite(largest), largest, 0))
    total = weights.sum(axis=1, keepdims=True)
    found: Floats = np.divide(weights, total, out=np.full_like(weights, 1 / classes), where=total > 0)
    return found


def _squares(left: Floats, right: Floats) -> Floats:
    middle = right.mean(axis=0)
    a, b = left - middle, right - middle
    found: Floats = np.maximum(np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None] - 2 * a @ b.T, 0)
    return found


def _few(rows: Floats, labels: Codes, rng: np.random.Generator) -> tuple[Floats, Codes]:
    chosen: NDArray[np.intp] = np.arange(len(rows))
    if len(rows) > MAX_ROWS:
        chosen = rng.choice(len(rows), MAX_ROWS, replace=False)
    return rows[chosen].astype(np.float64), labels[chosen]


def _scaled(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled
