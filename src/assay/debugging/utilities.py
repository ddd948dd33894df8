"""What a coalition of training rows is worth: sums over validation rows of gains of their nearest neighbors.

Only such sums have values that can be computed exactly in little time. The gain is what one neighbor with a given label adds
to the utility, at one validation row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from assay.core.nearest import did_you_mean
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

Utility = Literal["accuracy", "balanced_accuracy", "fairness", "squared_error"]


@dataclass(frozen=True)
class Gains:
    """Gains of neighbors at validation rows.

    Attributes
    ----------
    of : callable
        From places of training rows, nearest first, and the place of a validation row, to their gains.
    means : str
        What the utility is, in words; ``{call}`` stands for "the nearest row calls" or "the 5 nearest rows call", and
        ``{labels}`` for their labels.
    """

    of: Callable[[Places, int], Floats]
    means: str


def gains_of(
    utility: Utility, labels: Any, asked: Any, sensitive: Any = None, called: Callable[[], Floats] | None = None
) -> Gains:
    """Build the gains of a utility.

    Parameters
    ----------
    utility : str
    labels, asked : array, shape (rows,)
        Of training and validation rows.
    sensitive : array, optional
        Of validation rows; for fairness.
    called : callable, optional
        Gives for each validation row the share of its neighbors, among all training rows, with its own label; for
        fairness.

    Raises
    ------
    DataError
        If the utility is unknown, or does not fit the labels.
    """
    if utility not in get_args(Utility):
        raise DataError(f"utility {utility!r}: {did_you_mean(str(utility), get_args(Utility), 'utilities')}")
    if (sensitive is None) == (utility == "fairness"):
        raise DataError(
            'utility "fairness" needs sensitive, the group of each validation row'
            if sensitive is None
            else f'sensitive is for utility "fairness", not {utility!r}: leave it out'
        )
    if utility == "squared_error":
        return _squared_error(labels, asked)
    codes, names = pd.factorize(np.r_[np.asarray(labels, dtype=object), np.asarray(asked, dtype=object)], sort=False)
    ours, theirs = codes[: len(labels)], codes[len(labels) :]
    if utility == "accuracy":
        weights = np.full(theirs.size, 1 / theirs.size)
        means = "share of validation rows that {call} right"
    elif utility == "balanced_accuracy":
        sizes = np.bincount(theirs, minlength=len(names))
        weights = 1 / (np.count_nonzero(sizes) * sizes[theirs])
        means = "mean over the classes of the share of validation rows that {call} right"
    else:
        weights, means = _fairness(theirs, names, np.asarray(sensitive, dtype=object), called)
    return Gains(lambda near, at: np.where(ours[near] == theirs[at], weights[at], 0.0), means)


def _squared_error(labels: Any, asked: Any) -> Gains:
    ours, theirs = np.asarray(labels), np.asarray(asked)
    if any(each.dtype.kind not in "biuf" for each in (ours, theirs)):
        raise DataError('utility "squared_error" needs labels that are numbers; for classes use "accuracy"')
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    constant = (ours.mean() - theirs) ** 2
    return Gains(
        lambda near, at: (constant[at] - (ours[near] - theirs[at]) ** 2) / theirs.size,
        "mean fall of the squared error from always predicting the mean label to predicting {labels}",
    )


def _fairness(
    theirs: Places, names: Any, sensitive: NDArray[Any], called: Callable[[], Floats] | None
) -> tuple[Floats, str]:
    r"""Weigh validation rows so that their gains sum to less the widest gap between two groups.

    The gap is that of equalized odds: for a class c, the share of the rows of c that are called c. Which class and groups
    it is, and its sign, is settled by all training rows, so that the utility stays a sum.
    """
    if sensitive.shape != theirs.shape:
        raise DataError(f"sensitive must have one entry for each of the {theirs.size} validation rows")
    groups, values = pd.factorize(sensitive, use_na_sentinel=False)
    if len(values) < 2:
        raise DataError(f"sensitive holds one value alone, {values[0]!r}: fairness compares two groups or more")
    assert called is not None
    right = called()
    best: tuple[float, Any] = (-1.0, None)
    for c in range(len(names)):
        rates = {
            g: float(right[inside].mean())
            for g in range(len(values))
            if (inside := (theirs == c) & (groups == g)).any()
        }
        if len(rates) > 1:
            # Where all rates are equal, still two groups.
            high, low = max(rates, key=lambda g: rates[g]), min(reversed(rates), key=lambda g: rates[g])
            if rates[high] - rates[low] > best[0]:
                best = rates[high] - rates[low], (c, high, low)
    if best[1] is None:
        raise DataError("no class has validation rows of two sensitive groups, so that no gap can be seen")
    c, high, low = best[1]
    weights = np.zeros(theirs.size)
    for group, sign in ((high, -1.0), (low, 1.0)):
        inside = (theirs == c) & (groups == group)
        weights[inside] = sign / inside.sum()
    return weights, (
        f"less the gap between rows of {values[high]} and {values[low]} in how many of class {names[c]} {{call}} so"
    )
