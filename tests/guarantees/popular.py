"""Rules by which popular tools call a column changed, with their defaults, written anew from their definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import spatial, stats

from assay.validation.distances import Buckets, jensen_shannon

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Values = NDArray[Any]


def _counts(reference: Values, current: Values) -> tuple[Values, Values]:
    keys, place = np.unique(np.concatenate([reference, current]), return_inverse=True)
    n = reference.size
    return np.bincount(place[:n], minlength=keys.size), np.bincount(place[n:], minlength=keys.size)


def js_distance(reference: Values, current: Values) -> bool:
    """Square root of the Jensen-Shannon divergence in nats, at least 0.1: Evidently, texts, over 1,000 rows."""
    return bool(spatial.distance.jensenshannon(*_counts(reference, current)) >= 0.1)


def chi_square(reference: Values, current: Values) -> bool:
    """One-sample chi-square, the reference taken for the truth, p < 0.05: Evidently, texts, up to 1,000 rows."""
    p, q = _counts(reference, current)
    known = p > 0
    expected = p[known] * q[known].sum() / p[known].sum()
    return bool(stats.chisquare(q[known], expected).pvalue < 0.05) if known.sum() > 1 else False


def wasserstein(reference: Values, current: Values) -> bool:
    """Wasserstein distance over the standard deviation, at least 0.1: Evidently, numbers, over 1,000 rows."""
    scale = max(float(np.std(reference)), 0.001)
    return bool(stats.wasserstein_distance(reference, current) / scale >= 0.1)


def psi(reference: Values, current: Values) -> bool:
    """Population stability index over tenths of the reference, above 0.1."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, 11)[1:-1]))
    p, q = (np.bincount(np.searchsorted(edges, x), minlength=edges.size + 1) / x.size for x in (reference, current))
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return bool(((q - p) * np.log(q / p)).sum() > 0.1)


def tfdv(reference: Values, current: Values) -> bool:
    """Jensen-Shannon divergence of ten equal-width buckets a side, above 0.08: TensorFlow Data Validation, numbers."""
    sides = []
    for x in (reference, current):
        if x.min() == x.max():
            sides.append(Buckets([x.min()], [x.max()], [x.size]))
            continue
        counts, edges = np.histogram(x, 10)
        sides.append(Buckets(edges[:-1], edges[1:], counts))
    return jensen_shannon(*sides) > 0.08


def ranges(reference: Values, current: Values) -> bool:
    """A value outside of the range that was seen: pandera's inferred schema."""
    return bool(current.min() < reference.min() or current.max() > reference.max())


def domain(reference: Values, current: Values) -> bool:
    """A text that was not seen: TensorFlow Data Validation's inferred schema."""
    return bool(np.setdiff1d(current, reference).size)


def completeness(reference: Values, current: Values) -> bool:
    """Completeness below the lower end of a 95% interval, rounded down to two places: Deequ's suggestion."""
    seen = 1 - float(np.mean(reference))
    if not 0.2 < seen < 1:
        return False
    low = np.floor(100 * (seen - 1.959964 * np.sqrt(seen * (1 - seen) / reference.size))) / 100
    return bool(1 - float(np.mean(current)) < low)


NUMBERS: dict[str, Callable[[Values, Values], bool]] = {
    "Wasserstein / sd >= 0.1 (Evidently)": wasserstein,
    "PSI > 0.1": psi,
    "JS > 0.08 (TFDV)": tfdv,
    "range that was seen (pandera)": ranges,
}
TEXTS: dict[str, Callable[[Values, Values], bool]] = {
    "JS distance >= 0.1 (Evidently)": js_distance,
    "chi-square p < 0.05 (Evidently)": chi_square,
    "texts that were seen (TFDV)": domain,
}
MISSING: dict[str, Callable[[Values, Values], bool]] = {"completeness (Deequ)": completeness}
