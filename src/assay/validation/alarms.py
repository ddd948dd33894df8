r"""When a share of rows is too large to be chance: three exact tests, one for each kind of row.

Every test gives one p-value a rule; :func:`assay.stats.multiplicity.holm` joins them.

- :func:`against_limits`: rows are independent. H0: the batch's rate is at most the limit. P(Bin(m, limit) >= k).
- :func:`units_against_limits`: units are independent. H0 as before, for the rate over units; an e-value by betting on
  (broken rows - limit x rows) of each unit, p = min(1, 1 / e) by Markov.
- :func:`units_against_units`: H0: the units of the batch are exchangeable with those of the reference. The batch's rate
  less the rest's, against random choices of as many units: p = (1 + choices that reach it) / (1 + choices).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay.stats import binomial, clustered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.validation.rules import Counts

    Floats = NDArray[np.float64]

CHOICES = 4_999
# More units than this on a side are thinned at random: the test stays exact, and has power to spare.
MOST_UNITS = 1_000


class Found(NamedTuple):
    """One entry a rule: the rate seen, its p-value and how small a p-value could have been."""

    rates: Floats
    p_values: Floats
    smallest: Floats


def against_limits(counts: Counts, limits: Floats) -> Found:
    """Test each rate against its limit, rows being independent."""
    broken, rows = counts.broken.sum(axis=0), int(counts.sizes.sum())
    p_values = np.array([binomial.p_value_greater(int(k), rows, p0) for k, p0 in zip(broken, limits, strict=True)])
    smallest = np.where(limits > 0, limits, 0.0) ** rows
    return Found(broken / rows, p_values, smallest)


def units_against_limits(counts: Counts, limits: Floats) -> Found:
    """Test each rate against its limit, units being independent."""
    rates = counts.broken.sum(axis=0) / counts.sizes.sum()
    p_values, smallest = np.ones(limits.size), np.zeros(limits.size)
    for j, limit in enumerate(limits):
        if limit <= 0:
            p_values[j] = 0.0 if rates[j] > 0 else 1.0
        elif limit < 1:
            smallest[j] = _as_p(clustered.e_value_greater(counts.sizes, counts.sizes, limit))
            if rates[j] > limit:
                p_values[j] = _as_p(clustered.e_value_greater(counts.broken[:, j], counts.sizes, limit))
        else:
            smallest[j] = 1.0
    return Found(rates, p_values, smallest)


def units_against_units(batch: Counts, reference: Counts, limits: Floats, seed: int) -> Found:
    """Test whether the batch's units break rules more than units of the reference do.

    A rate within its limit counts as no evidence (p = 1), which keeps shifts too small to matter quiet and only ever
    raises a p-value.
    """
    rng = np.random.default_rng(seed)
    rates = batch.broken.sum(axis=0) / batch.sizes.sum()
    broken, sizes, chosen = [], [], 0
    for side in (batch, reference):
        kept = rng.choice(side.sizes.size, min(side.sizes.size, MOST_UNITS), replace=False)
        broken.append(side.broken[kept].astype(np.float64))
        sizes.append(side.sizes[kept].astype(np.float64))
        chosen = chosen or kept.size
    values, rows = np.concatenate(broken), np.concatenate(sizes)
    total, everything = values.sum(axis=0), rows.sum()

    def excess(inside: Floats, held: Floats) -> Floats:
        difference: Floats = inside / held[:, None] - (total - inside) / (everything - held)[:, None]
        return difference

    observed = excess(values[None, :chosen].sum(axis=1), rows[None, :chosen].sum(axis=1))[0]
    reached = np.zeros(limits.size)
    step = max(1, 4_000_000 // rows.size)
    for start in range(0, CHOICES, step):
        some = min(step, CHOICES - start)
        picked = np.zeros((some, rows.size))
        order = rng.random((some, rows.size)).argpartition(min(chosen, rows.size - 1), axis=1)[:, :chosen]
        np.put_along_axis(picked, order, 1.0, axis=1)
        # A choice that ties must count, whatever the rounding of its sums.
        reached += (excess(picked @ values, picked @ rows) >= observed - 1e-12).sum(axis=0)
    p_values = np.where(rates > limits, (1 + reached) / (1 + CHOICES), 1.0)
    ways = _choices(rows.size, chosen)
    return Found(rates, p_values, np.full(limits.size, max(1 / (1 + CHOICES), 1 / ways)))


def _choices(units: int, chosen: int) -> float:
    ways = 1.0
    for i in range(min(chosen, units - chosen)):
        ways *= (units - i) / (i + 1)
        if ways > 1e9:
            break
    return ways


def _as_p(e_value: float) -> float:
    return min(1.0, 1.0 / e_value) if e_value > 0 else 1.0
