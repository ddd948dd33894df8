"""Labels of a test that stops when it has decided: Wald's ratio with an exact test at its end.

Labels come in an order that is fixed before the models are seen; for a difference of accuracies only rows whose predictions
changed are labelled. With pi0 and pi1 the chance of a win at the null and at the alternative, after each label

* the test rejects once prod (pi1/pi0)^win ((1-pi1)/(1-pi0))^loss >= 2/alpha: a supermartingale under every pi <= pi0, so
  that ever happens with probability alpha/2 at most (Ville, 1939; Wald, 1945);
* it gives up once the inverse ratio, a supermartingale under every pi >= pi1, is at least 2/miss;
* after the labels at which the exact binomial test tells pi0 from pi1 with errors alpha/2 and miss/2, that test ends it.

Both errors hold by a union bound over the two halves. The last number is the worst case. Mean and 95 % come from
:mod:`assay.stats.stopping`, exact for the test that looks at every label, or, beyond 2,500 labels, at every 128th part
of them: looking at each stops no later.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import ClaimError
from assay.gate import exact
from assay.gate.targets import Expected, Size
from assay.stats import binomial, stopping

if TYPE_CHECKING:
    from assay.gate.targets import Target

SOURCE = "Wald, Annals of Mathematical Statistics 16(2), 1945; Ville, 1939"
_EACH, _LOOKS = 2500, 128
# Truths to tell the price of, in tolerances from the null.
_TRUTHS = (-2, 0, 1, 2, 4)


def size(target: Target, *, at_least: int = 1) -> Size:
    """Size a clause that is one share of rows or one difference of accuracies; others as :mod:`assay.gate.exact`."""
    form, rates = target.form, target.rates
    if form is None or target.free or not (rates or form.paired):
        found = exact.size(target, at_least=at_least)
        found.notes.append("label by label no size is known beforehand: this is that of all labels at once")
        return found
    if rates is not None:
        if rates[0] >= 1 or rates[0] <= 0:
            raise ClaimError(f"{str(target.clause)!r} has no sequential test: choose a limit inside (0, 1)")
        null, alternative, pool, notes = *rates, 0, []
    else:
        fixed = exact.size(target)
        if not fixed.labels:
            return fixed
        p = 1.0 if target.disagreement is None else target.disagreement
        a, b = target.null / abs(form.paired), min(target.alternative / abs(form.paired), p)
        null, alternative, pool = (1 + a / p) / 2, (1 + b / p) / 2, fixed.unlabelled
        notes = [f"at {p:g} changed predictions; labels are those that changed, in the order fixed beforehand"]
        if a:
            notes.append(f"as if the share of changed predictions were known; {pool:,} unlabelled rows bound it")
    cap = binomial.rows_needed(null, alternative, target.alpha / 2, target.miss / 2)
    expected = []
    # Against an alternative of 1 the ratio is lost at the first loss: that is the fixed test.
    if alternative < 1:
        ends = corridor(null, alternative, target.nats_alpha + math.log(2), target.nats_miss + math.log(2), cap)
        for steps in _TRUTHS:
            p = null + steps * (alternative - null) / 2
            if 0 <= p <= 1:
                truth = round(target.sign * (target.null + steps * target.tolerance) + target.constant, 12)
                expected.append(
                    Expected(truth, ends.rejected(p), ends.mean(p), ends.quantile(p, 0.95), steps in (0, 2))
                )
    labels = {form.rows: cap}
    return Size("sequential", SOURCE, labels, labels, pool, notes, expected)


def corridor(
    null: float, alternative: float, nats_alpha: float, nats_miss: float, cap: int, *, every: int | None = None
) -> stopping.Stopped:
    """Follow Wald's ratio to its ends.

    Parameters
    ----------
    null, alternative : float, 0 < null < alternative < 1
        Chance of a win.
    nats_alpha, nats_miss : float
        Logarithms of the ratio at which it rejects, and of its inverse at which it gives up.
    cap : int
        The most labels; there the exact test at ``exp(-nats_alpha)`` decides.
    every : int, optional
        How many labels lie between two looks.
    """
    if every is None:
        every = 1 if cap <= _EACH else math.ceil(cap / _LOOKS)
    looks = np.minimum(np.arange(1, math.ceil(cap / every) + 1) * every, cap)
    win, loss = math.log(alternative / null), math.log((1 - alternative) / (1 - null))
    upper = np.ceil((nats_alpha - looks * loss) / (win - loss) - 1e-9)
    lower = np.floor((-nats_miss - looks * loss) / (win - loss) + 1e-9)
    last = binomial.critical(cap, null, math.exp(-nats_alpha))
    return stopping.stopped(upper, lower, last, every, cap, (null + alternative) / 2)
