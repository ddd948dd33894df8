"""Is the new model better, and how many labels does it take to say so? d = .1, n - o > 0 +/- .01, error 1e-4 over 32 candidates.

Mean labels of one candidate over 200 runs, beside the plan of Ease.ML/CI (MLSys 2019: Bennett's inequality, ln 4, on disagreements alone, at
1e-4 / 32), the exact test of a fixed size, and Wald's sequential ratio without a cap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from assay.gate import Sequential
from assay.stats import sequential
from measure import Row, cpu

DIFFER, TOLERANCE, ALPHA, STEPS, RUNS, POOL = 0.1, 0.01, 1e-4, 32, 200, 40_000
CLAIM = f"n - o > 0 +/- {TOLERANCE}"


def compare() -> Iterator[Row]:
    level = ALPHA / STEPS
    u = TOLERANCE / DIFFER
    paper = math.ceil((math.log(4) - math.log(level)) / ((1 + u) * math.log1p(u) - u))
    exact = sequential.labels_at_cap(0.0, 2 * TOLERANCE, round(DIFFER * POOL), POOL, level, 1 - level)
    assert exact is not None
    for gain in (-0.04, -0.02, 0.0, 0.01, 0.02, 0.04, 0.06):
        runs = [_labels(gain, seed) for seed in range(RUNS)]
        ours = float(np.mean([labels for labels, _ in runs]))
        said = {status: sum(one == status for _, one in runs) for status in ("pass", "fail", "inconclusive")}
        words = ", ".join(f"{count} {status}" for status, count in said.items() if count)
        yield Row(f"labels, gain {gain:+g}", ours, "Ease.ML/CI 2019, from its formula", paper, "labels", words)
        yield Row(f"labels, gain {gain:+g}", ours, "exact test of a fixed size", exact, "labels")
        if gain != TOLERANCE:
            yield Row(f"labels, gain {gain:+g}", ours, "Wald's ratio, no cap", _wald(gain, level), "labels")
    labels, new, old = _pool(0.02, 0)
    yield Row("update after one label", _update(labels, new, old), "", None, "ms", f"{POOL:,} rows; next() too")


def _pool(gain: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng((3, seed))
    labels = rng.integers(0, 2, POOL)
    kind = rng.choice(3, POOL, p=[(DIFFER + gain) / 2, (DIFFER - gain) / 2, 1 - DIFFER])
    return labels, np.where(kind == 1, 1 - labels, labels), np.where(kind == 0, 1 - labels, labels)


def _labels(gain: float, seed: int) -> tuple[int, str]:
    labels, new, old = _pool(gain, seed)
    gate = Sequential(CLAIM, new=new, old=old, reliability=1 - ALPHA, steps=STEPS)
    rows = np.flatnonzero(new != old)
    verdict = gate.update(rows, labels[rows])
    return gate.labelled, verdict.status


def _wald(gain: float, level: float) -> float:
    """Mean labels of the likelihood ratio of 1/2 + e/d against 1/2, with the limits 1/level and level."""
    rng = np.random.default_rng(4)
    hoped = 0.5 + TOLERANCE / DIFFER
    taken = []
    for _ in range(RUNS):
        wins = rng.random(20_000) < 0.5 + gain / DIFFER / 2
        path = np.abs(np.cumsum(np.where(wins, math.log(2 * hoped), math.log(2 - 2 * hoped))))
        taken.append(int(np.argmax(path >= -math.log(level))) + 1)
    return float(np.mean(taken))


def _update(labels: np.ndarray, new: np.ndarray, old: np.ndarray) -> float:
    gate = Sequential(CLAIM, new=new, old=old, reliability=1 - ALPHA, steps=STEPS)
    count = 300

    def work() -> None:
        for _ in range(count):
            rows = gate.next()
            gate.update(rows, labels[rows])

    return cpu(work, runs=1) / count
