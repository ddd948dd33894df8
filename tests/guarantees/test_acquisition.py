"""What a mix that was bought by a fitted law costs, on sources whose best mix is known.

Each source shows one part of twenty features well and the rest poorly, and a model is least squares on the rows drawn. The excess
loss of a mix n is then trace((sum_k n_k M_k)^-1) for many rows, and that of a training run its exact value given the features.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from assay.feasibility import fit_scaling, scaling
from assay.feasibility.acquisition_design import design
from assay.testing.coverage import assert_power_above

FEATURES, WEAK, NOISE, DRAWS = 20, 0.05, 0.002, 2


def world(rng, sources, turned):
    """Second moments of each source, shape (sources, features, features)."""
    found = []
    for source in range(sources):
        spread = np.full(FEATURES, WEAK)
        spread[source * FEATURES // sources : (source + 1) * FEATURES // sources] = 1
        basis = np.linalg.qr(rng.standard_normal((FEATURES, FEATURES)))[0] if turned else np.eye(FEATURES)
        found.append(basis * spread @ basis.T)
    return np.array(found)


def trained(rng, moments, counts):
    """Loss of one training run: the floor is 1."""
    roots = np.linalg.cholesky(moments)
    excess = 0.0
    for _ in range(DRAWS):
        rows = [rng.standard_normal((count, FEATURES)) @ root.T for count, root in zip(counts, roots, strict=True)]
        features = np.concatenate(rows)
        excess += np.trace(np.linalg.inv(features.T @ features)) / DRAWS
    return (1 + excess) * np.exp(NOISE * rng.standard_normal())


def regret(rng, sources=2, turned=False, owned=900):
    """Excess loss of the mix that a law buys, over the least that the money buys, less 1."""
    moments = world(rng, sources, turned)
    names = [f"source {number}" for number in range(sources)]
    planned = design(dict.fromkeys(names, owned))
    law = fit_scaling([(run, trained(rng, moments, run.values())) for run in planned.runs])
    prices = np.exp(rng.uniform(0, np.log(4), sources))
    budget = 6000 * prices.mean()
    mix = law.best_mix(budget, dict(zip(names, prices, strict=True)))

    def excess(counts):
        return float(np.trace(np.linalg.inv(np.einsum("k,kij->ij", np.asarray(counts, dtype=float), moments))))

    cuts = np.linspace(0.01, 0.99, 30 if sources == 3 else 100)
    parts = [(*part, 1 - sum(part)) for part in product(cuts, repeat=sources - 1) if sum(part) < 0.995]
    least = min(excess(np.array(part) * budget / prices) for part in parts)
    return excess(list(mix.buy.values())) / least - 1


def test_the_mix_that_is_bought_costs_at_most_a_hundredth():
    assert_power_above(lambda rng: regret(rng) <= 0.01, 0.4, runs=8, seed=1)


def test_a_law_of_one_skill_is_caught(monkeypatch):
    """It buys the source that teaches most for the money, and too little of the other."""
    monkeypatch.setattr(scaling, "terms_of", lambda *_: 1)
    with pytest.raises(AssertionError, match="promised power"):
        assert_power_above(lambda rng: regret(rng) <= 0.01, 0.4, runs=8, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize(("sources", "turned"), [(2, True), (3, False), (3, True)])
def test_more_sources_and_sources_that_do_not_commute(sources, turned):
    """With prices up to four times apart."""
    assert_power_above(lambda rng: regret(rng, sources, turned) <= 0.01, 0.4, runs=14, seed=2)
