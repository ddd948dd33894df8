"""Is the new model better? 1,000,000 labelled rows, two models; the two clauses with a peer are exact at level .025."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar

from assay.gate import decide
from measure import Row, cpu, named

CONDITION = "n > 0.8 and n - o > 0"


def compare() -> Iterator[Row]:
    yield from _kinds()
    peer = f"{named('scipy')}, {named('statsmodels')}"
    for rows in (10_000, 1_000_000):
        labels, new, old = _models(rows)
        verdict = decide(CONDITION, labels=labels, new=new, old=old, reliability=0.95)
        assert verdict.passed == _by_hand(labels, new, old)
        yield Row(
            f"decide, {rows:,} rows",
            cpu(lambda: decide(CONDITION, labels=labels, new=new, old=old, reliability=0.95), runs=5),  # noqa: B023
            peer,
            cpu(lambda: _by_hand(labels, new, old), runs=5),  # noqa: B023
            "ms",
            "binomtest and exact McNemar by hand: two p-values; same decision",
        )


# One claim for each kind of quantity, alone and by unit.
CLAIMS = {
    "n - o > 0.01": "difference beyond a margin",
    "f1(new) - f1(old) > 0": "difference of F1 scores",
    "brier(new) - brier(old) < 0.01": "difference of losses",
    "mean(cost) < 0.2": "mean of a column",
}


def _kinds() -> Iterator[Row]:
    """What has no peer: each kind of quantity on 1,000,000 rows, and in 50,000 units of 20 rows."""
    labels, new, old = _models(1_000_000)
    rng = np.random.default_rng(4)
    shown = {"new_scores": np.abs(new - rng.uniform(0, 0.4, new.size)), "old_scores": np.abs(old - 0.2)}
    given = {
        "labels": labels,
        "new": new,
        "old": old,
        "reliability": 0.95,
        "columns": {"cost": rng.random(new.size) / 3},
    }
    unit = rng.permutation(new.size) // 20
    for claim, what in CLAIMS.items():
        for by, more in (("rows", {}), ("units", {"unit": unit})):
            terms = {**given, **(shown if "brier" in claim else {}), **more}
            assert decide(claim, **terms).passed
            yield Row(f"{what}, by {by}", cpu(lambda: decide(claim, **terms)), "", None, "ms", claim)  # noqa: B023


def _models(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, rows)
    old = np.where(rng.random(rows) < 0.82, labels, 1 - labels)
    return labels, np.where(rng.random(rows) < 0.10, labels, old), old


def _by_hand(labels: np.ndarray, new: np.ndarray, old: np.ndarray) -> bool:
    right, before = new == labels, old == labels
    gained, lost = int(np.sum(right & ~before)), int(np.sum(before & ~right))
    better = gained > lost and mcnemar([[0, gained], [lost, 0]], exact=True).pvalue <= 0.05
    good = binomtest(int(right.sum()), labels.size, 0.8, alternative="greater")
    return bool(better and good.pvalue <= 0.025)
