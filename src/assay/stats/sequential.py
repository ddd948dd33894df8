r"""Deciding label by label: bets that may be looked at after every label, and the exact test at their end.

The rows of a pool are put in an order that is fixed before any model is seen, and are labelled in that order. Row t
has the value x_t, and a claim says that E[x] is above a limit A. Where the predictions alone fix x_t (for "new minus
old": wherever the two models agree, x_t = 0) the row needs no label.

**The bets.** Under the hypothesis E[x_t | past] <= A, whatever the law of x, the wealth

    E_t = prod_{s <= t} (1 + l_s (x_s - A)),    l_s >= 0 chosen before x_s is seen,  1 + l_s (x_s - A) >= 0 always,

is a supermartingale that starts at 1, so P(E_t >= 1/a for some t) <= a (Ville, 1939; Waudby-Smith and Ramdas, JRSS B
86(1), 2024, section 4). One may look after every label and stop at will. A weighted mean of several such wealths is one
too. Rows that need no label contribute the known factor 1 - l A (for x = 0), which costs nothing.

For "n - o > 0" x is +1 (a win: only the new model is right), -1 (a loss) or 0, and the factors are 1 + l, 1 - l and 1:
with l = 2 p1 - 1 this is Wald's likelihood ratio of p1 against 1/2 on wins and losses, prod (p1 / .5)^win ((1 - p1) /
.5)^loss, a supermartingale under *every* share of wins of at most 1/2, whatever the share of disagreements that
neither model wins; these cost a label and say nothing. For A != 0 the same bet is placed on all rows, agreements
included, so that no bound on the rate of disagreement is needed: the likelihood ratio on disagreements alone would
need one for pi0 = (1 + A / d) / 2, at a share of the error and with slack (at d = .1 and 20,000 unlabelled rows the
slack costs 29% more labels, the extra variance of betting on all rows 4%).

**Which fraction l.** Without a tolerance: a mixture of l = 2^-j / (largest loss), j = 0 to 12, with weights that fall
by 0.8. With a tolerance the claim names the mean that it hopes for, aim = A + 2e, and 0.7 of the wealth is bet with the
fraction of greatest growth there (:func:`design_fraction`), for a rate of disagreement that is estimated from the rows
before; the mixture keeps 0.3. Mean labels at d = .1, e = .01, A = 0, error 1e-4 / 32, no cap, 400 runs each:

    true n - o                        -.04   -.02      0   +.02   +.04   +.06
    design alone (Wald's ratio)        132    222    655    617    218    129
    mixture alone                       80    191    747    711    183     80
    0.7 design, 0.3 mixture             91    197    674    652    187     83

The last line is used: at most 7% above Wald's ratio where that is best, 10 to 36% below it where models are clearly
good or bad.

**The cap.** Near the middle of the tolerance bets take long, so half of the error is kept for one exact test
(:func:`conditional_test`, or the binomial test) after a number of labels that is fixed before the first of them
(:func:`labels_at_cap`). Union bound: P(bets ever err) + P(that test errs) <= a/2 + a/2.

References
----------
Ville, J. "Étude critique de la notion de collectif." 1939. Wald, A. "Sequential tests of statistical hypotheses."
Annals of Mathematical Statistics 16(2), 1945. Waudby-Smith, I. and Ramdas, A. "Estimating means of bounded random
variables by betting." Journal of the Royal Statistical Society B 86(1), 2024. Berger, R. L. and Boos, D. D. "P values
maximized over a confidence set for the nuisance parameter." JASA 89(427), 1994.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.stats import binomial

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

DESIGN = 0.7
"""Share of the wealth that is bet on the mean that a tolerance names."""
SHARE = 0.05
"""Share of the level of :func:`conditional_test` for each bound of a nuisance parameter."""

_SCALES = 2.0 ** -np.arange(13)
_WEIGHTS = 0.8 ** np.arange(13)
_CHUNK = 1 << 15


class Wealth:
    """Running wealth of bets against "the mean move is at most 0".

    Guarantee (anytime): if E[move_t | past] <= 0 for all t, P(some entry of all paths >= ln(1/a)) <= a (Ville).

    Parameters
    ----------
    loss : float, positive
        No move is below ``-loss``; known before any of them.
    design : bool
        Whether each move comes with a fraction that 0.7 of the wealth is bet with.

    Attributes
    ----------
    log_wealth : float
        Logarithm of the present wealth; 0 at first.

    Examples
    --------
    >>> wealth = Wealth(1.0)
    >>> path = wealth.play([1, 1, -1, 1, 1, 1, 1, 1])
    >>> round(float(np.exp(path[-1])), 2)
    2.58
    """

    def __init__(self, loss: float, *, design: bool = False) -> None:
        if not (math.isfinite(loss) and loss > 0):
            raise ValueError(f"loss must be positive and finite, got {loss}")
        self.loss = loss
        self.log_wealth = 0.0
        self._design = design
        weights = _WEIGHTS / _WEIGHTS.sum()
        if design:
            weights = np.append((1 - DESIGN) * weights, DESIGN)
        self._log_weights = np.log(weights)[:, None]
        self._logs = np.zeros((weights.size, 1))

    def play(self, moves: ArrayLike, fractions: ArrayLike | None = None) -> Floats:
        """Bet on further moves, in their order.

        Parameters
        ----------
        moves : array of float, shape (t,), each at least ``-loss``
        fractions : array of float, shape (t,), optional
            For a design: the bet on each move, at least 0, chosen from what came before it. What exceeds 1 / loss
            is cut to it.

        Returns
        -------
        ndarray of float64, shape (t,)
            Logarithm of the wealth after each move.

        Raises
        ------
        ValueError
            If a move is below ``-loss``, or fractions are missing or not asked for.
        """
        played = np.asarray(moves, dtype=np.float64)
        if (fractions is not None) != self._design:
            raise ValueError("fractions: give one for each move to a design, none without it")
        if played.size and played.min() < -self.loss * (1 + 1e-9):
            raise ValueError(f"moves must be at least {-self.loss:g}, but one is {played.min():g}")
        bet = None if fractions is None else np.minimum(np.asarray(fractions, dtype=np.float64), 1 / self.loss)
        path = np.empty(played.size)
        for start in range(0, played.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            stakes = (_SCALES / self.loss)[:, None] * played[part]
            if bet is not None:
                stakes = np.vstack([stakes, bet[part] * played[part]])
            with np.errstate(divide="ignore"):
                # Rounding may push a total loss a hair below -1.
                steps = np.log1p(np.maximum(stakes, -1.0))
            # Added up one by one, so that the same moves give the same bits however they were handed over.
            logs = np.cumsum(np.hstack([self._logs, steps]), axis=1)[:, 1:]
            weighted = logs + self._log_weights
            highest = weighted.max(axis=0)
            path[part] = highest + np.log(np.exp(weighted - highest).sum(axis=0))
            self._logs = logs[:, -1:]
        if played.size:
            self.log_wealth = float(path[-1])
        return path


def lower(values: ArrayLike, counts: ArrayLike, alpha: float, *, low: float) -> float:
    """Give a lower bound of the mean of a variable of few values that holds at every look.

    Guarantee (anytime): if E[x_t | past] is one number for all t, P(it is below the bound at some look) <= alpha. The
    bound is the largest m against which :class:`Wealth` (a mixture of bets with fixed multiples of 1 / (m - low)) is at
    least 1 / alpha; that wealth falls as m grows (:mod:`assay.stats.bets`), so that a bound above the mean means that
    the wealth against the mean itself is there, which ever happens with probability alpha at most (Ville).

    Parameters
    ----------
    values : array of float, shape (k,), each at least ``low``
    counts : array of int, shape (k,)
        How often each was seen so far.
    alpha : float, in (0, 1)
    low : float
        Least value that there can be.

    Examples
    --------
    >>> round(lower([1, -1, 0], [60, 20, 320], 0.05, low=-1), 4)
    0.0337
    """
    seen = np.asarray(counts, dtype=np.float64)
    points = np.asarray(values, dtype=np.float64)[seen > 0]
    seen = seen[seen > 0]
    if not seen.size or points.max() <= low:
        return low
    # Beyond the mean of what was seen no bet has gained.
    refuted, end = low, float(seen @ points / seen.sum())
    weights, goal = _WEIGHTS / _WEIGHTS.sum(), -math.log(alpha)
    # Four rounds of 24 points find the bound to a 390,000th of the way to the mean.
    for _ in range(4):
        grid = np.linspace(refuted, end, 26)
        inner = grid[1:-1]
        gains = (points[:, None] - inner) / (inner - low)
        with np.errstate(divide="ignore"):
            logs = np.log1p(np.maximum(_SCALES[:, None, None] * gains, -1.0))
        wealth = np.einsum("k,jkm->jm", seen, logs)
        highest = wealth.max(axis=0)
        beaten = np.flatnonzero(highest + np.log(weights @ np.exp(wealth - highest)) >= goal)
        last = int(beaten[-1]) + 1 if beaten.size else 0
        refuted, end = float(grid[last]), float(grid[last + 1])
        if end <= refuted:
            break
    return refuted


def design_fraction(limit: float, aim: float, rate: ArrayLike) -> Floats:
    """Give the bet of greatest growth on wins (+1), losses (-1) and ties (0) if their mean is ``aim``.

    The maximum of E[log(1 + l (x - limit))] over l, in closed form: with z = (1 - A, -1 - A, -A), S their sum and p the
    probabilities ((d + aim) / 2, (d - aim) / 2, 1 - d), the derivative is 0 where c0 + c1 l + c2 l^2 = 0 with
    c0 = sum p z = aim - A, c1 = sum p z (S - z) and c2 = z1 z2 z3. With A = 0 it is aim / d.

    Parameters
    ----------
    limit : float, in (-1, 1)
    aim : float, in (limit, 1]
    rate : float or array of float, in [0, 1]
        Probability d of a win or a loss; taken as at least that which the aim needs.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> round(float(design_fraction(0.0, 0.02, 0.1)), 6)
    0.2
    """
    d = np.clip(np.asarray(rate, dtype=np.float64), min(abs(aim) + 1e-9, 1.0), 1.0)
    win, loss = (d + aim) / 2, (d - aim) / 2
    up, down, tie = 1 - limit, -1 - limit, -limit
    total = up + down + tie
    c0 = aim - limit
    c1 = win * up * (total - up) + loss * down * (total - down) + (1 - d) * tie * (total - tie)
    c2 = up * down * tie
    return np.asarray(2 * c0 / (-c1 + np.sqrt(np.maximum(c1 * c1 - 4 * c2 * c0, 0.0))), dtype=np.float64)


def conditional_test(
    wins: int, losses: int, labelled: int, changed: int, rows: int, limit: float, alpha: float
) -> bool:
    """Test "wins minus losses, a row, is at most ``limit``" from some labelled disagreements; True if rejected.

    Guarantee (exact): P(True) <= alpha under the hypothesis, where ``changed`` of ``rows`` independent rows are
    disagreements, ``labelled`` of these were labelled in random order, and ``labelled`` was fixed without looking at
    a label. Given which rows are disagreements, labels are independent, and given that one of the models won, the
    new one did with probability pi = (1 + m / r) / 2, m = E[x | disagreement] <= limit / q, q the rate of disagreements
    and r the share of these that are won or lost.

    * limit = 0: pi <= 1/2, whatever q and r: the sign test, at alpha.
    * limit < 0: r <= 1, so pi <= (1 + limit / q) / 2, and q is at most its exact upper bound but for 0.05 alpha.
    * limit > 0: q and r are at least their exact lower bounds but for 0.05 alpha each.

    What is left of alpha is the level of the binomial test (Berger and Boos, 1994).

    Parameters
    ----------
    wins, losses : int, at least 0
    labelled : int, at least wins + losses
    changed : int, at least labelled
    rows : int, at least changed
    limit : float, in (-1, 1)
    alpha : float, in (0, 1)

    Examples
    --------
    >>> conditional_test(70, 30, 100, 500, 5000, 0.0, 0.01), conditional_test(52, 48, 100, 500, 5000, 0.0, 0.01)
    (True, False)
    """
    if not 0 <= wins + losses <= labelled <= changed <= rows:
        raise ValueError(
            f"need wins + losses <= labelled <= changed <= rows, got {(wins, losses, labelled, changed, rows)}"
        )
    decided = wins + losses
    pi0, level = _largest_share(labelled, decided, changed, rows, limit, alpha)
    if pi0 >= 1:
        return False
    # With pi0 < 0 the hypothesis needs more disagreements than there are.
    return pi0 < 0 or bool(decided and binomial.p_value_greater(wins, decided, pi0) <= level)


def labels_at_cap(limit: float, aim: float, changed: int, rows: int, alpha: float, power: float) -> int | None:
    """Give after how many labelled disagreements :func:`conditional_test` has the asked power.

    A plan: if the mean is ``aim``, the rate of disagreement is what the predictions show, and every disagreement is won
    by one of the models. ``None`` if no number of labels gives it.

    Parameters
    ----------
    limit, aim : float, in (-1, 1)
        The mean under the hypothesis, and a larger one.
    changed, rows : int
        Disagreements among the rows of the pool.
    alpha, power : float, in (0, 1)

    Examples
    --------
    >>> labels_at_cap(0.0, 0.02, 2000, 20000, 1e-4 / 32, 1 - 1e-4 / 32)
    2014
    """
    if not changed:
        return None
    pi0, level = _largest_share(changed, changed, changed, rows, limit, alpha)
    hoped = min((1 + aim * rows / changed) / 2, 1.0)
    if pi0 >= 1 or hoped <= pi0:
        return None
    return 1 if pi0 <= 0 else binomial.units_needed(hoped, pi0, level, power)


def _largest_share(
    labelled: int, decided: int, changed: int, rows: int, limit: float, alpha: float
) -> tuple[float, float]:
    """Give the largest probability of a win under the hypothesis, and the level that is left."""
    if limit == 0:
        return 0.5, alpha
    if limit < 0:
        rate = float(binomial.upper(changed, rows, SHARE * alpha)) if rows else 1.0
        return (1 + limit / rate) / 2, (1 - SHARE) * alpha
    rate = float(binomial.lower(changed, rows, SHARE * alpha)) if rows else 0.0
    share = float(binomial.lower(decided, labelled, SHARE * alpha)) if labelled else 0.0
    return (1 + limit / (rate * share)) / 2 if rate * share > 0 else 1.0, (1 - 2 * SHARE) * alpha
