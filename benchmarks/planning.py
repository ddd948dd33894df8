"""How many labels does a condition need? Labels against the paper's methods, and CPU time of the paper's whole table."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.stats import binom
from statsmodels.stats.power import normal_sample_size_one_tail

from assay.gate import plan
from assay.stats import binomial
from measure import Row, cpu, named

PAPER = "Ease.ML/CI's formulas"
CELLS = [
    (f"{form} +/- {tolerance}", reliability, adaptivity)
    for reliability in (0.99, 0.999, 0.9999, 0.99999)
    for tolerance in (0.1, 0.05, 0.025, 0.01)
    for form in ("n > 0.8", "n - o > 0.02")
    for adaptivity in ("none", "full")
]
PAIRED = "n - o > 0 +/- 0.01 and d < 0.1"


def compare() -> Iterator[Row]:
    for method in ("hoeffding", "bennett", "exact", "sequential"):
        spent = cpu(lambda: table(method), runs=1)  # noqa: B023
        yield Row(f"64 cells of the paper's table, {method}", spent, "", None, "ms", "reliability x tolerance x form")
    for text, adaptivity in (("n > 0.9 +/- 0.01", "none"), ("n > 0.5 +/- 0.01", "full")):
        found = plan(text, reliability=0.9999, steps=32, adaptivity=adaptivity)
        yield Row(f"{text}, {adaptivity}", found.labels, f"{PAPER}: Hoeffding", found.paper["hoeffding"], "labels")
    for adaptivity in ("none", "full"):
        found = plan(PAIRED, reliability=0.9999, steps=32, adaptivity=adaptivity)
        yield Row(f"{PAIRED}, {adaptivity}", found.labels, f"{PAPER}: Bennett", found.paper["bennett"], "labels")
        theirs = plan(PAIRED, reliability=0.9999, steps=32, adaptivity=adaptivity, method="bennett")
        yield Row(
            "the same, one commit", found.labels_per_commit, f"{PAPER}: Bennett", theirs.labels_per_commit, "labels",
            "changed rows alone",
        )  # fmt: skip
    cheapest = plan(PAIRED, reliability=0.9999, steps=32, adaptivity="full")
    yield Row(
        "the same, 32 commits, cheapest way", cheapest.ways()[0].labels, f"{PAPER}: Bennett", cheapest.paper["bennett"],
        "labels", f"{cheapest.ways()[0].name}; expected at the edges of the tolerance",
    )  # fmt: skip
    level = 0.01 / 32
    assert by_hand(0.9, 0.92, level) == binomial.rows_needed(0.9, 0.92, level, level) == 9554
    yield Row(
        "smallest n of the exact binomial test, 0.9 against 0.92",
        cpu(lambda: binomial.rows_needed(0.9, 0.92, level, level)),
        f"{named('scipy')}, by hand",
        cpu(lambda: by_hand(0.9, 0.92, level)),
        "ms",
        "same n; by hand: every n up to it",
    )
    normal = math.ceil(
        normal_sample_size_one_tail(0.02, 1 - level, level, std_null=0.3, std_alternative=math.sqrt(0.92 * 0.08))
    )
    yield Row(
        "the same, rows", 9554, f"{named('statsmodels')}, normal approximation", normal, "rows",
        f"at {normal:,} rows the exact test misses {missed(normal, level) / level:.2g} times what was asked",
    )  # fmt: skip


def table(method: str) -> None:
    for text, reliability, adaptivity in CELLS:
        plan(text, reliability=reliability, steps=32, adaptivity=adaptivity, method=method)


def by_hand(p0: float, p1: float, level: float) -> int:
    """Try each n: the critical count by the quantile, then the power."""
    for start in range(1, 100_000, 2000):
        n = np.arange(start, start + 2000)
        critical = binom.isf(level, n, p0) + 1
        good = binom.cdf(critical - 1, n, p1) <= level
        if good.any():
            return int(n[np.argmax(good)])
    raise AssertionError("no n")


def missed(n: int, level: float) -> float:
    return float(binom.cdf(binom.isf(level, n, 0.9), n, 0.92))
