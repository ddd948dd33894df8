"""Several estimators of the Bayes error on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.errors import UsageError
from assay.feasibility import classifiers, estimates, extrapolated, kernel, spanning_tree, spread, votes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from assay.feasibility.estimates import Estimate, Sample

METHODS: dict[str, Callable[[Sample], Estimate]] = {
    "1NN": votes.one_neighbor,
    "kNN": votes.k_neighbors,
    "kNN-extrapolate": extrapolated.limit_of_one_neighbor,
    "1NN-kNN": spread.pair_disagreement,
    "GHP": spanning_tree.tree_edges,
    "KDE": kernel.densities,
    "classifier": classifiers.best_classifier,
}


def bayes_error_estimates(
    X: Any,
    y: Any,
    *,
    test: tuple[Any, Any] | None = None,
    unit: Any = None,
    methods: Iterable[str] | None = None,
    metric: str = "euclidean",
    seed: int = 0,
) -> tuple[Estimate, ...]:
    """Estimate the Bayes error by several methods.

    No guarantee: no number here is a bound, and no two of them need agree. On laws whose Bayes error is known, every
    method's lower number is above it on some. Read them beside the certified limit of
    :func:`assay.feasibility.upper_limit`.

    Parameters
    ----------
    X : array of float, shape (rows, features), or a table
        An array is taken as it is, as an embedding; the columns of a table are encoded and scaled.
    y : array, shape (rows,)
        Classes.
    test : tuple of (X, y), optional
        Held-out rows; by default half of the units.
    unit : str or array, optional
        No unit is in both parts.
    methods : iterable of str, optional
        Of 1NN, kNN, kNN-extrapolate, 1NN-kNN, GHP, KDE, classifier; all by default.
    metric : {"euclidean", "cosine"}
    seed : int

    Returns
    -------
    tuple of Estimate
        In the order asked for.

    Raises
    ------
    DataError, UsageError
        If rows, labels or a method cannot be used.

    Notes
    -----
    At most 40,000 rows are used, 4,000 of them by the spanning tree and by kernels. Cost: half a minute at most at
    40,000 x 512.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, size=4000)
    >>> X = rng.normal(size=(4000, 2)) + 2 * y[:, None] * np.array([1, 0])
    >>> for each in bayes_error_estimates(X, y, methods=["1NN", "GHP"]):  # the Bayes error is .1587
    ...     print(each)
    1NN: 0.1265 to 0.2210 (estimate, no error bound)
    GHP: 0.1272 to 0.2220 (estimate, no error bound)
    """
    asked = list(METHODS) if methods is None else list(methods)
    if unknown := [name for name in asked if name not in METHODS]:
        raise UsageError(f"there is no method {unknown[0]!r}: there are {', '.join(METHODS)}")
    sample = estimates.sample_of(X, y, test=test, unit=unit, metric=metric, seed=seed)
    return tuple(METHODS[name](sample) for name in asked)
