r"""Whether a classifier is better than always giving one and the same answer.

An accuracy that one constant answer reaches says nothing of the features: where 98 rows of 100 are of one class, 0.98
is reached without looking at a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.stats import binomial, clustered

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Constants:
    """How classifiers stand against constant answers, on rows that no classifier was fitted on.

    Attributes
    ----------
    common : int
        Code of the most common class.
    share : float
        Its share of the rows: what always answering it reaches.
    p_values : ndarray of float64, shape (classifiers,)
        Against the hypothesis that some constant answer is at least as accurate as the classifier.
    """

    common: int
    share: float
    p_values: NDArray[np.float64]


def against_constants(
    wrong: NDArray[np.bool_],
    truth: NDArray[np.int64],
    classes: int,
    units: NDArray[Any] | None = None,
    predicted: NDArray[np.int64] | None = None,
) -> Constants:
    r"""Test each classifier against every constant answer.

    Guarantee (exact): if some constant answer is at least as accurate as classifier j in the population, then
    P(p_values[j] <= a) <= a. Proof: the hypothesis is the union over the classes k of "always answering k is at least
    as accurate", and the p-value is the largest of those of its parts, so it is at most a only if that of the true part
    is (intersection-union test; Berger, 1982). A part, on independent rows: given the rows on which just one of
    the two is right, each of these is the classifier's with the same probability, at most 1/2 under the hypothesis, so
    the sign test is exact (McNemar, 1947). With units: (1 + [classifier is right] - [label is k]) / 2 lies in [0, 1] and
    has a row-weighted mean of at most 1/2 under the hypothesis; 1/e of the e-value of :mod:`assay.stats.clustered` is a
    p-value (Markov). Where the classifier answers k that number is 1/2 whatever the label, which bounds beforehand how far
    a unit can go. For the best of several classifiers divide a by their number.

    Assumes that rows (units, if given) are independent draws, and that classifiers were fitted without them.

    Parameters
    ----------
    wrong : ndarray of bool, shape (rows, classifiers)
        Held-out errors.
    truth : ndarray of int, shape (rows,)
        Codes of the classes, from 0; at least one row.
    classes : int
    units : ndarray, shape (rows,), optional
    predicted : ndarray of int, shape (rows, classifiers), optional
        What the classifiers answer; with units, the test is much sharper with it.

    Notes
    -----
    The answer that a majority in the training rows suggests may not be the best one, so that all are tested.

    References
    ----------
    McNemar, Q. "Note on the sampling error of the difference between correlated proportions." Psychometrika 12(2),
    1947. Berger, R. L. "Multiparameter hypothesis testing and acceptance sampling." Technometrics 24(4), 1982.

    Examples
    --------
    >>> truth = np.repeat([0, 1], [98, 2])
    >>> found = against_constants(np.column_stack([truth == 1, truth == 2]), truth, 2)
    >>> found.share, found.p_values.tolist()
    (0.98, [1.0, 0.25])
    """
    counts = np.bincount(truth, minlength=classes)
    common = int(np.argmax(counts))
    if units is None:
        # Shape (classes, classifiers): rows of a class on which the classifier is right.
        right = np.array([(~wrong[truth == k]).sum(axis=0) for k in range(classes)])
        gained = right.sum(axis=0) - right
        lost = counts[:, None] - right
        p_values = np.asarray(binomial.p_value_greater(gained, gained + lost, 0.5)).max(axis=0)
    else:
        p_values = np.array(
            [
                max(
                    _by_unit(column, truth == k, units, None if predicted is None else predicted[:, place] == k)
                    for k in range(classes)
                )
                for place, column in enumerate(wrong.T)
            ]
        )
    return Constants(common, float(counts[common] / truth.size), p_values)


def _by_unit(
    wrong: NDArray[np.bool_], rival: NDArray[np.bool_], units: NDArray[Any], same: NDArray[np.bool_] | None
) -> float:
    """Test against a constant answer, which a classifier gives on the rows that are the ``same``."""
    sums = clustered.by_unit((2.0 - wrong - rival) / 2, units)
    limits: dict[str, Any] = {}
    if same is not None:
        least = clustered.by_unit(same / 2, units).totals
        limits = {"least": least, "most": sums.sizes - least}
    return min(1.0, 1 / clustered.e_value_greater(sums.totals, sums.sizes, 0.5, **limits))
