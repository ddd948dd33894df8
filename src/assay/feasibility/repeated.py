r"""What rows that were labelled more than once certify: a limit from below on the Bayes error.

From rows labelled once no method can show that an error is out of reach (Antos, Devroye and Gyorfi, 1999). Let x have class
probabilities eta(x), e(x) = 1 - max_c eta_c(x), and let R = E e(X) be the Bayes error.

*Two labels.* Two labels drawn from eta(x) differ with probability 1 - sum_c eta_c(x)^2. So of q items drawn at random
D ~ Bin(q, p) have two labels that differ, with p = E[1 - sum eta^2] *exactly*: what one nearest neighbor would err with
at distance 0. By the inequality of Cover and Hart R >= h(p) (:mod:`assay.feasibility.inequalities`), and h increases.

*K labels.* Let N_c be their counts. E max_c N_c >= max_c E N_c = K max_c eta_c by Jensen's inequality, so that
E[1 - max N / K] <= e(x), and a limit from below on the mean of 1 - max N / K is one of R.

*The same x again.* The same holds for all rows at once. Let N_xc count the rows with features x and label c, and
F = 1 - sum_x max_c N_xc / m the share of rows that a table learned from these very rows gets wrong on them. Then
E F <= 1 - sum_x max_c E N_xc / m = R. One row more or less moves F by at most 1 / m, so that by McDiarmid's inequality
P(F - E F >= t) <= exp(-2 m t^2), and F - sqrt(log(1 / alpha) / (2 m)) is a limit of R from below. It needs no count of the
cells: where no x is there twice F is 0 and nothing is said, as it must be.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError, UsageError
from assay.feasibility.inequalities import cover_hart
from assay.stats import betting, binomial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray


def audit_labels(disagreements: int, items: int, classes: int, alpha: float = 0.05) -> float:
    """Certify that the Bayes error is at least some number, from a second label of some items.

    Guarantee (exact): P(limit > Bayes error) <= alpha, for any features and any law; proof at the top of this module.
    It is a limit on what anybody can reach who is measured by labels of this kind.

    Assumes that the items are drawn at random, and that given the item both labels are drawn from the same probabilities,
    independent of each other. Where annotators agree more often than that (they talk, or share a habit), the limit is
    lower, and holds all the more; where the second one was chosen to contradict, it does not hold.

    Parameters
    ----------
    disagreements : int, 0 .. items
        Items whose two labels differ.
    items : int, at least 1
    classes : int, at least 2
    alpha : float, in (0, 1)

    Returns
    -------
    float, in [0, (classes - 1) / classes]
        0 where nothing is shown.

    Raises
    ------
    UsageError
        If a number is out of range.

    References
    ----------
    Cover, T. M. and Hart, P. E. "Nearest neighbor pattern classification." IEEE Transactions on Information Theory 13(1),
    1967. Clopper, C. J. and Pearson, E. S. Biometrika 26(4), 1934.

    Examples
    --------
    >>> round(audit_labels(267, 1000, 2, 0.05), 4)
    0.1422
    """
    if not 0 <= disagreements <= items or items < 1:
        raise UsageError(f"disagreements must be 0 to the number of items, got {disagreements} of {items}")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie in (0, 1), got {alpha}")
    return float(cover_hart(binomial.lower(disagreements, items, alpha), classes))


def audit_votes(labels: ArrayLike, classes: int, alpha: float = 0.05) -> float:
    """Certify that the Bayes error is at least some number, from K labels an item.

    Guarantee (exact): P(limit > Bayes error) <= alpha; proof at the top of this module. Two labels an item are counted as
    :func:`audit_labels` does. From three on it is a betting bound on the mean share of labels that are not the most
    common one of their item. The choice hangs on K alone, so it costs nothing.

    Parameters
    ----------
    labels : array, shape (items, K)
        K >= 2 labels of each item, independent of each other given the item.
    classes : int, at least 2
        How many there are, seen or not.
    alpha : float, in (0, 1)

    Returns
    -------
    float, in [0, (classes - 1) / classes]

    Raises
    ------
    DataError
        If there is no second label, or more classes than said.

    References
    ----------
    Waudby-Smith, I. and Ramdas, A. "Estimating means of bounded random variables by betting." JRSS B 86(1), 2024.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.random((500, 9)) < 0.3  # of each item the same, so that the Bayes error is .3
    >>> round(audit_votes(labels, 2), 3)
    0.269
    """
    table = np.asarray(labels)
    if table.ndim != 2 or table.shape[1] < 2 or not table.shape[0]:
        raise DataError(f"labels must have a row for each item and two columns or more, got shape {table.shape}")
    missing = table != table if table.dtype.kind != "O" else np.vectorize(_missing)(table)
    if np.any(missing):
        row = int(np.argmax(np.any(missing, axis=1)))
        raise DataError(f"item {row} lacks a label: leave it out, or label it as often as the others")
    names, codes = np.unique(table.astype(str) if table.dtype.kind == "O" else table, return_inverse=True)
    if names.size > classes:
        raise DataError(f"there are {names.size} classes among the labels, and {classes} were said")
    codes = codes.reshape(table.shape)
    if table.shape[1] == 2:
        return audit_labels(int((codes[:, 0] != codes[:, 1]).sum()), len(codes), classes, alpha)
    most = max_counts(codes, names.size)
    return betting.lower(1 - most / table.shape[1], alpha)


def repeated_rows(cells: ArrayLike, labels: ArrayLike, alpha: float = 0.05) -> float:
    """Certify that the Bayes error is at least some number, from rows whose features are those of other rows.

    Guarantee (exact): P(limit > Bayes error of these features) <= alpha; proof at the top of this module. It is meant for
    tables of few distinct rows, and says nothing where each row is there once. It holds for the features given: with
    another column the Bayes error can be lower.

    Assumes that rows are independent draws. Copies of one record are no draws: take them out first.

    Parameters
    ----------
    cells : array, shape (rows,)
        The same number or text for rows with the same features.
    labels : array, shape (rows,)
    alpha : float, in (0, 1)

    Returns
    -------
    float, in [0, 1]

    References
    ----------
    McDiarmid, C. "On the method of bounded differences." Surveys in Combinatorics, 1989. Published plug-in bounds pay for
    the number of cells (Weissman et al., HP Labs, 2003); a limit from below need not, for the bias is on its side.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> cells = rng.integers(0, 50, 4000)
    >>> labels = rng.random(4000) < np.where(cells % 2, 0.7, 0.2)  # the Bayes error is .25
    >>> round(repeated_rows(cells, labels), 3)
    0.221
    """
    places, named = (np.unique(np.asarray(values), return_inverse=True)[1] for values in (cells, labels))
    if places.size != named.size or not places.size:
        raise DataError(f"cells and labels must have the same number of rows, got {places.size} and {named.size}")
    counts = np.unique(np.column_stack([places.ravel(), named.ravel()]), axis=0, return_counts=True)
    most = np.zeros(int(places.max()) + 1, dtype=np.int64)
    np.maximum.at(most, counts[0][:, 0], counts[1])
    share = 1 - most.sum() / places.size
    return max(0.0, float(share) - math.sqrt(math.log(1 / alpha) / (2 * places.size)))


def cells_of(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Number rows so that two have the same number only if they agree in *all* columns, as they were given.

    Encoded features will not do: where an encoder drops a column or merges values, rows that a model could tell apart
    become one, and a limit of the encoded rows is none of what those columns allow.

    Examples
    --------
    >>> cells_of({"a": np.array(["x", "y", "x"], dtype=object), "b": np.array([1.0, 1.0, 1.0])}).tolist()
    [0, 1, 0]
    """
    codes = []
    for values in columns.values():
        if values.dtype.kind == "O":
            seen: dict[Any, int] = {}
            named = [None if _missing(value) else value if isinstance(value, str) else repr(value) for value in values]
            codes.append(np.array([seen.setdefault(name, len(seen)) for name in named], dtype=np.int64))
        else:
            codes.append(np.unique(values, return_inverse=True)[1].astype(np.int64).ravel())
    return np.unique(np.column_stack(codes), axis=0, return_inverse=True)[1].astype(np.int64).ravel()


def max_counts(codes: Any, classes: int) -> Any:
    """Count the most common label of each item; ``codes`` has shape (items, K)."""
    return np.stack([(codes == label).sum(axis=1) for label in range(classes)]).max(axis=0)


def _missing(value: Any) -> bool:
    return value is None or value != value
