from __future__ import annotations

import numpy as np
import pytest

from assay.testing import simulate


def test_sizes() -> None:
    rng = np.random.default_rng(0)
    assert simulate.unit_sizes(rng, 3, mean=40).tolist() == [40, 40, 40]
    sizes = simulate.unit_sizes(rng, 4000, mean=100, spread=0.7, largest=500)
    assert np.median(sizes) == pytest.approx(100, rel=0.05)
    assert sizes.max() == 500
    assert sizes.min() >= 1


@pytest.mark.parametrize("icc", [0.0, 0.1, 0.5])
def test_clustered_binary_has_its_mean_and_correlation(icc: float) -> None:
    rng = np.random.default_rng(1)
    totals = simulate.clustered_binary(rng, np.full(20_000, 20), mean=0.3, icc=icc)
    assert totals.mean() / 20 == pytest.approx(0.3, abs=0.01)
    assert totals.var() == pytest.approx(20 * 0.21 * (1 + 19 * icc), rel=0.05)


def test_rates_may_follow_the_sizes() -> None:
    sizes = np.array([10] * 5000 + [100] * 5000)
    totals = simulate.clustered_binary(np.random.default_rng(2), sizes, mean=np.where(sizes > 50, 0.6, 0.1), icc=0.1)
    assert totals[:5000].sum() / sizes[:5000].sum() == pytest.approx(0.1, abs=0.01)
    assert totals[5000:].sum() / sizes[5000:].sum() == pytest.approx(0.6, abs=0.01)


def test_bounded_and_drifting() -> None:
    rng = np.random.default_rng(3)
    x = simulate.bounded(rng, 50_000, mean=0.1, sd=0.05)
    assert (x.mean(), x.std()) == pytest.approx((0.1, 0.05), rel=0.03)
    errors = simulate.drifting_errors(rng, 40_000, before=0.1, after=0.4, change=20_000)
    assert errors[:20_000].mean() == pytest.approx(0.1, abs=0.01)
    assert errors[20_000:].mean() == pytest.approx(0.4, abs=0.015)


def test_impossible_requests_are_refused() -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(ValueError, match="icc"):
        simulate.clustered_binary(rng, [3], mean=0.3, icc=1.0)
    with pytest.raises(ValueError, match="sd"):
        simulate.bounded(rng, 5, mean=0.1, sd=0.5)
