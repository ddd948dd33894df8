"""Clopper-Pearson intervals for 100,000 pairs (k, n); the mean of 1,000,000 values in [0, 1] by betting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import bootstrap
from statsmodels.stats.proportion import proportion_confint

from assay.stats import betting, binomial
from measure import Row, cpu, named

ALPHA = 0.05


def compare() -> Iterator[Row]:
    rng = np.random.default_rng(1)
    n = rng.integers(1, 100_000, 100_000)
    k = rng.binomial(n, rng.random(n.size))
    ours = np.stack(binomial.interval(k, n, ALPHA))
    theirs = np.stack(proportion_confint(k, n, ALPHA, method="beta"))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    yield Row(
        "100,000 intervals",
        cpu(lambda: binomial.interval(k, n, ALPHA)),
        named("statsmodels"),
        cpu(lambda: proportion_confint(k, n, ALPHA, method="beta")),
        "ms",
        "equal to 9 digits",
    )
    one = 37, 1000
    yield Row(
        "1,000 intervals, one a call",
        cpu(lambda: [binomial.interval(*one, ALPHA) for _ in range(1000)]),
        named("statsmodels"),
        cpu(lambda: [proportion_confint(*one, ALPHA, method="beta") for _ in range(1000)]),
        "ms",
    )

    for name, values in (("sd .017", rng.beta(3, 97, 1_000_000)), ("a coin", rng.integers(0, 2, 1_000_000) * 1.0)):
        low, high = betting.interval(values, ALPHA)
        yield Row(f"width, {name}", high - low, "Hoeffding", _hoeffding(values), "", "both exact")
    yield Row(
        "1,000,000 values, a coin",
        cpu(lambda: betting.interval(values, ALPHA)),
        f"{named('numpy')} mean, Hoeffding",
        cpu(lambda: (values.mean(), _hoeffding(values))),
        "ms",
    )
    sample = (rng.beta(3, 97, 10_000),)
    yield Row(
        "10,000 values, sd .017",
        cpu(lambda: betting.interval(sample[0], ALPHA)),
        named("scipy"),
        cpu(lambda: bootstrap(sample, np.mean, n_resamples=2000, method="percentile", rng=1)),
        "ms",
        "bootstrap of 2,000 resamples",
    )
    low, high = betting.interval(sample[0], ALPHA)
    usual = bootstrap(sample, np.mean, n_resamples=2000, method="percentile", rng=1).confidence_interval
    yield Row(
        "width, 10,000 values, sd .017",
        high - low,
        named("scipy"),
        usual.high - usual.low,
        "",
        "coverage only in the limit",
    )


def _hoeffding(values: np.ndarray) -> float:
    return float(np.sqrt(2 * np.log(2 / ALPHA) / values.size))
