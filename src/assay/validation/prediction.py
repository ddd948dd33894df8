r"""How often a rule will raise a false alarm, from what the reference showed.

A rule "at most `limit` of the rows break it" alarms on a batch of m rows when the exact binomial test of its counts
rejects: from c = critical(m, limit, alpha) breaking rows on. The reference had k of n.

**What k of n say of the rate.** Three kinds of rule, one distribution, Beta(k + 1, n - k):

- A threshold is an order statistic of the reference (a range, a tail): the share of a continuous distribution that
  lies outside it *is* Beta(k + 1, n - k), where k is the number of reference values outside, plus one for each end
  (Wilks 1941). Then the predicted probability below is exact, over the draw of reference and batch.
- k of n independent rows broke a rule that was fixed beforehand: Beta(k + 1, n - k) is the distribution whose
  quantiles are the upper Clopper-Pearson bounds. For a fixed c let G(p) = P(Bin(m, p) >= c), which rises with p. With
  U(k, g) the bound of level g, P(U(k, g) >= p) >= g, so E[integral of G(U(k, g)) dg] >= integral of G(p) g dg
  = G(p) / 2: on average over references, no less than half of the truth is predicted. In practice it errs upwards.
- A set of categories, or a pattern, was learned from one half of the rows, and k of the n in the other half broke it:
  as before, given the first half.

**Predicted alarms.** P(X >= c) for X ~ BetaBinomial(m; k + 1, n - k), times the batches of a year.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from assay.stats import binomial

BATCHES_PER_YEAR = {"hourly": 8760.0, "daily": 365.0, "weekly": 52.0, "monthly": 12.0}


def alarm_probability(k: int, n: int, rows: int, limit: float, alpha: float) -> float:
    """Predict the probability that a batch without a fault raises an alarm.

    Parameters
    ----------
    k, n : int
        Reference rows that broke the rule, and those that could have; 0 <= k <= n, n >= 1.
    rows : int
        Of the batch.
    limit : float in [0, 1]
        Share of rows that the rule allows.
    alpha : float in (0, 1)
        Level of the test of this rule.

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> round(alarm_probability(0, 1000, 1000, 0.0, 0.01), 3)
    0.5
    >>> alarm_probability(0, 1000, 1000, 0.02, 0.01) < 1e-4
    True
    """
    if limit >= 1:
        return 0.0
    first = 1 if limit <= 0 else binomial.critical(rows, limit, alpha)
    if first > rows:
        return 0.0
    if k >= n:
        return 1.0
    a, b = k + 1.0, float(n - k)
    # The largest counts add nothing that could be seen.
    spread = math.sqrt(rows * a * b * (a + b + rows) / ((a + b) ** 2 * (a + b + 1)))
    last = min(rows, max(first, math.ceil(rows * a / (a + b))) + math.ceil(40 * spread) + 200)
    x = np.arange(first, last + 1, dtype=np.float64)
    ways = special.gammaln(rows + 1) - special.gammaln(x + 1) - special.gammaln(rows - x + 1)
    chances = np.exp(ways + special.betaln(x + a, rows - x + b) - special.betaln(a, b))
    return float(min(1.0, chances.sum()))


def log_evidence_below(k: int, n: int, limit: float) -> float:
    r"""Give the logarithm of an e-value against "the rate is at least `limit`", from k of n independent rows.

    The likelihood ratio of rates below the limit, mixed uniformly, to the limit itself:

    .. math:: e = \frac1L \int_0^L (p / L)^k ((1 - p) / (1 - L))^{n - k} dp.

    For each p < L the ratio falls as k rises, and Bin(n, q) rises with q, so E[e] <= 1 for every rate q >= L.

    Examples
    --------
    >>> log_evidence_below(0, 1000, 0.01) > 5, log_evidence_below(20, 1000, 0.01) < 0
    (True, True)
    """
    inside = special.betainc(k + 1, n - k + 1, limit)
    if inside <= 0:
        return -math.inf
    mixed = special.betaln(k + 1, n - k + 1) + math.log(inside)
    return float(mixed - (k + 1) * math.log(limit) - (n - k) * math.log1p(-limit))
