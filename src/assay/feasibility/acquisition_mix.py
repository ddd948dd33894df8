"""The purchase that makes a fitted loss least, under a budget.

For an exponent of at least 1 the excess loss is quasi-convex in the rows: its logarithm, (1 - a) log n + log sum_i exp(-log(s_i
. n)), is a sum of convex functions. Below 1 the first part is concave, and the search starts from several purchases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.feasibility.acquisition_fit import Laws

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Market:
    """What can be bought.

    Attributes
    ----------
    prices : ndarray of float, shape (sources,)
        Of one row.
    stock : ndarray of float, shape (sources,)
        Most rows; can be infinite.
    owned : ndarray of float, shape (sources,)
        Rows that are there already.
    """

    prices: Floats
    stock: Floats
    owned: Floats

    def most(self, budget: float) -> Floats:
        """Rows of each source that the budget or the stock allows."""
        return np.minimum(self.stock, budget / self.prices)


def best_purchase(laws: Laws, budget: float, market: Market, near: Floats | None = None) -> Floats:
    """Find the rows to buy that make the excess loss of one law least.

    Parameters
    ----------
    laws : Laws with one row
    budget : float
    market : Market
    near : ndarray of float, shape (sources,), optional
        Rows to start from instead of several purchases.

    Returns
    -------
    ndarray of float, shape (sources,)
    """
    most = market.most(budget)
    spent_at_most = most * market.prices / budget
    exponent, skills, scale = float(laws.exponent[0]), laws.skills[0], laws.scale
    rows_of = budget / market.prices / scale
    owned = market.owned / scale

    def log_excess(part: Floats) -> tuple[float, Floats]:
        rows = owned + part * rows_of
        total, taught = rows.sum(), skills @ rows
        left = 1 / np.maximum(taught, 1e-300)
        value = (1 - exponent) * np.log(total) + np.log(left.sum())
        slope = (1 - exponent) / total - np.square(left) @ skills / left.sum()
        return float(value), slope * rows_of

    starts = _starts(spent_at_most) if near is None else np.array([near * market.prices / budget])
    best, least = starts[0], np.inf
    for start in starts:
        found = minimize(
            log_excess,
            np.clip(start, 1e-9, spent_at_most),
            jac=True,
            method="SLSQP",
            bounds=[(0.0, float(each)) for each in spent_at_most],
            constraints={"type": "ineq", "fun": lambda part: 1 - part.sum(), "jac": lambda part: -np.ones(part.size)},
            options={"maxiter": 200, "ftol": 1e-10},
        ).x
        for part in (found, start):
            inside = np.clip(part, 0, spent_at_most)
            inside /= max(1.0, inside.sum())
            if not (owned + inside * rows_of).sum() > 0:
                continue
            value = log_excess(inside)[0]
            if value < least:
                best, least = inside, value
    return np.asarray(best * budget / market.prices)


def whole_rows(rows: Floats, budget: float, market: Market) -> NDArray[np.int64]:
    """Round to whole rows that can be bought: down, then up where money is left, the largest part of a row first."""
    exact = np.minimum(rows, market.stock) + 1e-6
    whole = np.minimum(np.floor(exact), np.floor(market.stock))
    while whole @ market.prices > budget:  # by the last digit
        whole[np.argmax(whole)] -= 1
    for place in np.argsort(whole - exact):
        after = whole + (np.arange(rows.size) == place)
        if (
            after[place] <= market.stock[place]
            and exact[place] - whole[place] > 1e-5
            and after @ market.prices <= budget
        ):
            whole = after
    return np.asarray(whole, dtype=np.int64)


def _starts(spent_at_most: Floats) -> Floats:
    """An even purchase, and for each source one that is mostly of it; all of the budget, or all of the stock."""
    count = spent_at_most.size
    wanted = np.vstack([np.full(count, 1 / count), 0.9 * np.eye(count) + 0.1 / count])
    for _ in range(count):  # what the stock of a source does not take goes to the others
        wanted = np.minimum(wanted, spent_at_most)
        left, room = 1 - wanted.sum(axis=1, keepdims=True), spent_at_most - wanted
        wanted += np.maximum(left, 0) * room / np.maximum(room.sum(axis=1, keepdims=True), 1e-300)
    return np.asarray(np.minimum(wanted, spent_at_most))
