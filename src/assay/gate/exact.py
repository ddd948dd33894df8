"""Sample sizes of the exact tests: binomial, trinomial, and conditional on the disagreements.

* One share of rows (accuracy, error, recall, precision; an F1 score through the share that it grows with): the exact
  binomial test, :func:`assay.stats.binomial.rows_needed`. Nothing is unknown but the share itself, in which both tails
  are monotone.
* A difference of two accuracies: the trinomial test with disagreement of at most p, the worst case over the rate
  proven in :mod:`assay.stats.trinomial`. p comes from a clause ``d < p`` (if d >= p that clause has to err for the
  condition to pass), from the caller, or is 1.
* Labels for one commit, when only rows on which predictions changed are labelled: of m such rows Bin(m, (1 + v/d) / 2)
  are wins, with v the difference and d the rate of change. With A = 0 that is 1/2 under the null whatever d is. Otherwise
  the null (1 + A/d) / 2 needs a bound on d, from below for A > 0, from above for A < 0 (there p itself serves unless A +
  2e < 0). It comes from unlabelled rows, at a thousandth of each error, and so many of these are asked for that
  the bound costs 1% more labels at d = p. At a smaller d as many labels tell more: a win or loss at rate d, replaced
  by a fair coin with probability 1 - d/p, is one at rate p. So does a row that neither model gets right, which is such a
  coin: a tie of the trinomial test at rate 1 over the m labels.
* Anything else (``n - 1.1*o``, losses, means): decided by bets, whose sample size has no closed form. The size is that
  of the best bound that is proven, Hoeffding's or Bennett's, one tail, on the value of a whole row.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.errors import ClaimError
from assay.gate import bennett, hoeffding
from assay.gate.targets import Size, rounded
from assay.stats import binomial, trinomial

if TYPE_CHECKING:
    from assay.gate.targets import Target

# Share of each error for the bound on d, and what that bound may add to the labels.
_SHARE = 1e-3
_DEARER = 1.01


def size(target: Target, *, at_least: int = 1) -> Size:
    """Size a clause by the exact test that decides it.

    Parameters
    ----------
    target : Target
    at_least : int
        Look from this many rows on: the contract holds in a sawtooth, and all clauses share the rows.
    """
    form = target.form
    if target.rates is not None:
        return _share(target, at_least)
    if form is not None and form.paired:
        return _difference(target, at_least)
    return _bounded(target, at_least)


def ceiling(target: Target) -> int:
    """Give the rows at which the one-tailed bounds of Hoeffding and Bennett prove the contract."""
    found = [hoeffding.one_tail(target)]
    if (sharper := bennett.one_tail(target)) is not None:
        found.append(sharper)
    return min(found)


def _share(target: Target, at_least: int) -> Size:
    rates, form = target.rates, target.form
    assert rates is not None
    assert form is not None
    null, alternative = rates
    if null >= 1:
        raise ClaimError(f"{str(target.clause)!r} can never be refuted: choose a limit inside (0, 1), or mode fp-free")
    n = binomial.rows_needed(null, alternative, target.alpha, target.miss, at_least=at_least)
    n, notes = _reachable(target, n, at_least)
    source = "Clopper and Pearson, Biometrika 26(4), 1934"
    if form.free:
        return Size("exact binomial", source, {}, {}, n, notes)
    if form.score:
        notes.append("judged by the share of true positives among these rows")
    return Size("exact binomial", source, {form.rows: n}, {form.rows: n}, 0, notes)


def _difference(target: Target, at_least: int) -> Size:
    form = target.form
    assert form is not None
    scale, p = abs(form.paired), 1.0 if target.disagreement is None else target.disagreement
    null, alternative = round(target.null / scale, 15), round(target.alternative / scale, 15)
    source = "trinomial tail, worst case proven; McNemar, Psychometrika 12(2), 1947"
    if null >= p:
        raise ClaimError(
            f"{str(target.clause)!r} can never be shown while at most {p:g} of the predictions change: a difference is "
            "no larger than that; allow more changes, or ask for less"
        )
    if null < -p:
        note = f"shown by the bound of {p:g} on changed predictions alone: no label is needed"
        return Size("exact trinomial", source, {}, {}, 0, [note])
    aim = min(alternative, p)
    n = trinomial.rows_needed(null, aim, p, target.alpha, target.miss, at_least=at_least)
    n, notes = _reachable(target, n, at_least) if aim < alternative else (n, [])
    labels, pool = disagreements(null, aim, p, target.alpha, target.miss)
    if labels >= (changed := changed_among(n, p)):
        # Where no difference lies twice the tolerance away, the trinomial test may need fewer.
        labels, pool = changed, 0
        notes += [f"for one commit all that changed among {n:,} rows, about {changed:,} at most"] if p < 1 else []
    if pool:
        notes.append(
            f"for one commit {labels:,} of the changed rows, if {pool:,} unlabelled rows bound their share; "
            f"with {n:,} unlabelled rows all that changed, about {changed_among(n, p):,} at most"
        )
    return Size("exact trinomial", source, {form.rows: n}, {form.rows: labels}, pool, notes)


def changed_among(rows: int, rate: float) -> int:
    """Give how many of some rows are expected to change."""
    return rounded(rows * rate)


def disagreements(null: float, alternative: float, rate: float, alpha: float, miss: float) -> tuple[int, int]:
    """Give how many changed rows to label for one commit, and from how many unlabelled rows to bound their rate.

    The contract is that of the target, at rate d = ``rate``; the derivation is at the top of this module.

    Parameters
    ----------
    null, alternative : float, -rate <= null < alternative <= rate
    rate : float, in (0, 1]
    alpha, miss : float, in (0, 1/2)

    Returns
    -------
    labels, unlabelled : int
        The latter is 0 where no bound is needed.

    Examples
    --------
    >>> disagreements(0.0, 0.02, 0.1, 1e-4 / 32, 1e-4 / 32)
    (2014, 0)
    """
    shares = (1 + null / rate) / 2, min((1 + alternative / rate) / 2, 1.0)
    if null == 0 or rate == 1 or null < 0 <= alternative:
        return binomial.rows_needed(*shares, alpha, miss), 0
    sure = -math.log(_SHARE * alpha), -math.log(_SHARE * miss)
    alpha, miss = (1 - _SHARE) * alpha, (1 - _SHARE) * miss

    def labels(slack: float) -> int:
        bound = rate * (1 - slack) if null > 0 else min(rate * (1 + slack), 1.0)
        share = (1 + null / bound) / 2
        return binomial.rows_needed(share, shares[1], alpha, miss) if share < shares[1] else 2**62

    most = math.ceil(_DEARER * labels(0.0)) + 1
    low, high = 0.0, (1 - null / alternative if null > 0 else 1.0) / 2
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if labels(middle) <= most else (low, middle)
    slack = low or high
    bound = rate * (1 - slack if null > 0 else 1 + slack)
    return labels(slack), 0 if bound >= 1 else _told_apart(bound, rate, *sure)


def _told_apart(one: float, other: float, nats_one: float, nats_other: float) -> int:
    """Give rows that tell two rates apart by Chernoff's bound of either tail; the exact bound on a rate is sharper."""
    near_one, near_other = one, other
    for _ in range(60):
        middle = (near_one + near_other) / 2
        if nats_one * _divergence(middle, other) > nats_other * _divergence(middle, one):
            near_one = middle
        else:
            near_other = middle
    return math.ceil(nats_other / _divergence(near_one, other))


def _divergence(p: float, q: float) -> float:
    """Kullback-Leibler divergence of one coin from another."""
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def _bounded(target: Target, at_least: int) -> Size:
    n = max(ceiling(target), at_least)
    by = "Bennett" if n < hoeffding.one_tail(target) else "Hoeffding"
    note = (
        f"decided by bets, which have no closed sample size: this is {by}'s bound on the value of a whole row, one tail"
    )
    if target.free:
        return Size(by, hoeffding.SOURCE, {}, {}, n, [note])
    labels = target.everywhere(n)
    return Size(by, bennett.SOURCE if by == "Bennett" else hoeffding.SOURCE, labels, labels, 0, [note])


def _reachable(target: Target, n: int, at_least: int) -> tuple[int, list[str]]:
    """Cut a size that no value could need: where no value lies twice the tolerance away, (T2) holds at every size."""
    most = max(ceiling(target), at_least)
    if n <= most:
        return n, []
    return most, [
        "no value lies twice the tolerance beyond the limit, and with so few rows none can be shown to pass it"
    ]
