r"""Predictions of k nearest neighbors over all ways to fill in what is missing, counted without listing them.

Each training row has candidates, one of which it is; a world is a choice for each row, and all worlds have the same weight.
In a world the k nearest rows vote, and of labels with equally many votes the first wins. Sort the candidates of all rows by their
distance to a query. The k-th nearest row of a world is one candidate, the boundary; the other rows are inside with as
many of their candidates as come before it. So the chance that c rows of a label are inside is a coefficient of

.. math:: \prod_i \left(1 - p_i + p_i z\right),

with :math:`p_i` the share of row i's candidates before the boundary, and the counts of the labels are independent. Sums over
boundaries and counts give the chance of each label in polynomial time.

References
----------
Karlaš, B. et al. "Nearest neighbor classifiers over incomplete information: from certain answers to certain predictions."
PVLDB 14(3), 2020. Algorithm SS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]


@dataclass(frozen=True)
class Answer:
    """What is known of one prediction.

    Attributes
    ----------
    chances : ndarray of float64, shape (labels,)
        Share of the worlds in which each label is predicted.
    possible : ndarray of bool, shape (labels,)
        Whether there is such a world; exact, however small its share.
    """

    chances: Floats
    possible: NDArray[np.bool_]


class Boundaries:
    """The candidates that can be the k-th nearest, and who is inside each.

    Parameters
    ----------
    rows : ndarray of int, shape (candidates,)
        Training row of each candidate, nearest candidate first.
    labels : ndarray of int, shape (training rows,)
        From 0 to number - 1.
    number : int
        Of labels.
    k : int, from 1 to the number of training rows
    """

    def __init__(self, rows: Places, labels: Places, number: int, k: int) -> None:
        self.k, self.number = k, number
        counts = np.bincount(rows)
        last = np.empty(counts.size, dtype=np.intp)
        last[rows] = np.arange(rows.size)  # The last of equal indices stays.
        # Behind the k-th row that is inside for certain no candidate is among the k nearest.
        end = int(np.partition(last, k - 1)[k - 1]) + 1
        self.rows = rows[:end]
        #: Training rows with a candidate there, by label.
        self.near = np.unique(self.rows)
        self.near = self.near[np.argsort(labels[self.near], kind="stable")]
        self.labels = labels[self.near]
        place = np.full(counts.size, -1)
        place[self.near] = np.arange(self.near.size)
        self.own = place[self.rows]
        self.sizes = counts[self.near]
        before = np.zeros((end, self.near.size), dtype=np.int64)
        before[np.arange(1, end), self.own[:-1]] = 1
        np.cumsum(before, axis=0, out=before)
        before[np.arange(end), self.own] = 0  # The boundary's own row is there by itself.
        self.before = before
        self.weight = 1.0 / self.sizes[self.own]
        self._own_label = self.labels[self.own]

    def possible(self) -> NDArray[np.bool_]:
        """Tell for each label whether a world predicts it; in whole numbers.

        A label wins at a boundary if its votes can be so many that those which must go elsewhere fit below them. More
        votes leave fewer for others and more room to each, so the most that it can have decides.
        """
        own = self._own_label[:, None] == np.arange(self.number)
        least, most = own.astype(np.int64), own.astype(np.int64)
        for label in range(self.number):
            of_label = self.labels == label
            least[:, label] += np.sum(self.before[:, of_label] == self.sizes[of_label], axis=1)
            most[:, label] += np.sum(self.before[:, of_label] > 0, axis=1)
        found = np.zeros(self.number, dtype=bool)
        for label in range(self.number):
            others = np.arange(self.number) != label
            must = least[:, others].sum(axis=1)
            votes = np.minimum(most[:, label], self.k - must)
            # An earlier label wins a tie.
            room = votes[:, None] - (np.arange(self.number) < label)[others]
            fits = (votes >= least[:, label]) & (least[:, others] <= room).all(axis=1)
            fits &= self.k - votes <= np.minimum(most[:, others], room).sum(axis=1)
            found[label] = fits.any()
        return found

    def chances(self) -> Floats:
        """Give the share of the worlds that predicts each label."""
        inside = [self._inside(self.labels == label)[-1] for label in range(self.number)]
        won = self._won([self._with_own(each, label) for label, each in enumerate(inside)])
        return np.asarray(self.weight @ won)

    def given(self, rows: Places) -> list[tuple[Places, Floats]]:
        """Give the chances if a training row were one of its candidates, for each of them.

        Parameters
        ----------
        rows : ndarray of int
            Training rows that have a candidate before the last boundary.

        Returns
        -------
        list of (ranks, chances)
            For each row where its candidates are among the boundaries, ascending, with chances of shape (ranks + 1, labels);
            the last line is of its candidates behind them all.
        """
        full, sides = [], []
        for label in range(self.number):
            forward = self._inside(self.labels == label)
            backward = self._inside(self.labels == label, reverse=True)
            full.append(self._with_own(forward[-1], label))
            sides.append((forward, backward))
        won = self._won(full)
        place = {int(row): at for at, row in enumerate(self.near)}
        places = np.array([place[row] for row in rows.tolist()], dtype=np.intp)
        found: dict[int, tuple[Places, Floats]] = {}
        for label, (forward, backward) in enumerate(sides):
            chosen = places[self.labels[places] == label]
            step = chosen - np.searchsorted(self.labels, label)
            rest = self._with_own(_product(forward[step], backward[len(backward) - 2 - step]), label)
            shifted = np.zeros_like(rest)
            shifted[..., 1:] = rest[..., :-1]
            out, in_ = (
                self._won([with_row if other == label else each for other, each in enumerate(full)])
                for with_row in (rest, shifted)
            )
            each = np.where(self.own == chosen[:, None], 0.0, self.weight)[..., None]
            shape = chosen.size, self.own.size + 1, self.number
            outside, inward = np.zeros(shape), np.zeros(shape)
            np.cumsum(each * out, axis=1, out=outside[:, 1:])
            np.cumsum((each * in_)[:, ::-1], axis=1, out=inward[:, 1:])
            for line, at in enumerate(chosen.tolist()):
                ranks = np.flatnonzero(self.own == at)
                # Of a candidate: outside of nearer boundaries, the boundary itself, inside of those behind.
                chances = outside[line, ranks] + won[ranks] + inward[line, ::-1][ranks]
                found[at] = ranks, np.r_[chances, outside[line, -1:]]
        return [found[at] for at in places.tolist()]

    def _inside(self, chosen: NDArray[np.bool_], *, reverse: bool = False) -> Floats:
        """Give for the first 0, 1, ... of some rows the chances that 0 to k of them are inside each boundary."""
        share = self.before[:, chosen] / self.sizes[chosen]
        if reverse:
            share = share[:, ::-1]
        found = np.zeros((share.shape[1] + 1, share.shape[0], self.k + 1))
        found[0, :, 0] = 1.0
        for at in range(share.shape[1]):
            p = share[:, at, None]
            found[at + 1] = found[at] * (1 - p)
            found[at + 1, :, 1:] += found[at, :, :-1] * p
        return found

    def _with_own(self, inside: Floats, label: int) -> Floats:
        """Add the boundary itself to the votes of its label."""
        more = inside.copy()
        own = self._own_label == label
        more[..., own, 1:], more[..., own, 0] = inside[..., own, :-1], 0.0
        return more

    def _won(self, votes: list[Floats]) -> Floats:
        """Give the chance that each label has the most of k votes, from those that it has 0 to k votes."""
        shape = np.broadcast_shapes(*(each.shape[:-1] for each in votes))
        won = np.zeros((*shape, self.number))
        for label in range(self.number):
            for count in range(1, self.k + 1):
                others = np.zeros((*shape, self.k + 1))
                others[..., 0] = 1.0
                for other in range(self.number):
                    if other != label:
                        most = count - (other < label)
                        others = _product(others, votes[other][..., : most + 1])
                won[..., label] += votes[label][..., count] * others[..., self.k - count]
        return won


def answer(rows: Places, labels: Places, number: int, k: int) -> tuple[Answer, Boundaries]:
    """Say what is known of the prediction for one query; parameters are those of :class:`Boundaries`."""
    boundaries = Boundaries(rows, labels, number, k)
    possible = boundaries.possible()
    # A certain prediction needs no counting.
    chances = possible.astype(np.float64) if possible.sum() == 1 else boundaries.chances()
    return Answer(chances, possible), boundaries


def _product(left: Floats, right: Floats) -> Floats:
    """Multiply polynomials, whose coefficients are on the last axis, up to the degree of the left ones."""
    found = np.zeros_like(left)
    for degree in range(right.shape[-1]):
        found[..., degree:] += left[..., : left.shape[-1] - degree] * right[..., degree, None]
    return found
