"""Replays of suggested rules on the next batches: no more false alarms than predicted, faults found, mutants caught."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from assay.stats import binomial
from assay.stats.multiplicity import e_bh
from assay.testing import coverage
from assay.validation import suggest
from assay.validation.prediction import alarm_probability, log_evidence_below

N, M, ALPHA = 400, 400, 0.05


def replay(rng, limit_of, kind, batches=20):
    """Draw a reference, set a limit, and count alarms of batches that are like the reference."""
    if kind == "rate":
        k, outside = int(rng.binomial(N, 0.02)), 0.02
    else:
        reference = rng.exponential(size=N)
        k, outside = 1, np.exp(-reference.max()) + 1 - np.exp(-reference.min())
    limit = limit_of(k, N)
    first = binomial.critical(M, limit, ALPHA)
    alarms = int((rng.binomial(M, outside, size=batches) >= first).sum())
    return alarms, batches * alarm_probability(k, N, M, limit, ALPHA)


def close(k, n):
    # So close to the rate seen that alarms come often, which is what a prediction must foretell.
    return (k + 1) / n


@pytest.mark.parametrize("kind", ["rate", "range"])
def test_alarms_stay_within_what_was_predicted(kind):
    rng = np.random.default_rng(1)
    runs = np.array([replay(rng, close, kind) for _ in range(1500)])
    seen, predicted = runs.mean(axis=0)
    error = runs[:, 0].std() / np.sqrt(len(runs))
    assert seen > 0.5
    assert seen <= predicted + 3 * error
    # And they are no scare: a prediction of ten times as many would be as useless.
    assert predicted < 2.5 * seen


@pytest.mark.parametrize("kind", ["rate", "range"])
def test_a_prediction_from_the_rate_seen_alone_is_caught(kind):
    rng = np.random.default_rng(1)
    seen = predicted = 0.0
    for _ in range(1500):
        alarms, _ = replay(rng, close, kind)
        seen += alarms
    for k in rng.binomial(N, 0.02, size=1500) if kind == "rate" else np.ones(1500, dtype=int):
        first = binomial.critical(M, close(k, N), ALPHA)
        predicted += 20 * float(1 - np.mean(rng.binomial(M, k / N, size=400) < first))
    assert seen > 1.2 * predicted


def rate_of_true_rejections(rng, level, evidence=log_evidence_below, true=15):
    """Fifteen candidates are spurious, at the very edge; give the share of false ones among those chosen."""
    counts = rng.binomial(3000, np.r_[np.full(15, 0.005), np.zeros(true)])
    chosen = e_bh(np.exp([evidence(int(k), 3000, 0.005) for k in counts]), level)
    return chosen[:15].sum() / max(1, chosen.sum()), chosen[15:].mean() if true else 0.0


def test_spurious_rules_are_rare_and_true_ones_found():
    rng = np.random.default_rng(2)
    shares = np.array([rate_of_true_rejections(rng, 0.05) for _ in range(600)])
    assert shares[:, 0].mean() <= 0.05
    assert shares[:, 1].mean() > 0.9


def test_evidence_for_the_best_rate_instead_of_a_mixture_is_caught():
    def best(k, n, limit):
        p = min(k / n, limit)
        return (k * np.log(p / limit) if k else 0.0) + (n - k) * np.log((1 - p) / (1 - limit))

    def edge(k, n, limit):
        # Judged as if every rule had been the only candidate.
        return best(k, n, limit) + np.log(15)

    rng = np.random.default_rng(3)
    shares = np.array([rate_of_true_rejections(rng, 0.05, edge, true=0)[0] for _ in range(300)])
    assert binomial.p_value_greater(int((shares > 0).sum()), 300, 0.05) < 1e-3


def table(rng, n, *, late=0.0, prefix="N"):
    zips = rng.integers(0, 150, n)
    start = rng.integers(0, 10_000, n).astype(float)
    length = rng.exponential(3_000, n)
    length[rng.random(n) < late] *= -1
    return pa.table(
        {
            "code": [f"{prefix}{i:05d}" for i in rng.integers(0, 99_999, n)],
            "zip": [f"{z:05d}" for z in zips],
            "city": [f"c{z // 7}" for z in zips],
            "begin": start,
            "end": start + length,
            "taken": np.where(rng.random(n) < 0.03, np.nan, length),
        }
    )


def broken(schema, batch):
    """Hold a batch against the accepted limits by the exact test, each at its share."""
    columns = {name: np.array(batch[name].to_pylist(), dtype=object) for name in batch.column_names}
    rows = batch.num_rows
    counts = {}
    for name, column in schema.columns.items():
        values = columns[name]
        if column.nulls:
            counts["nulls", name] = (sum(v is None or v != v for v in values), column.nulls.at_most)
        if column.range:
            lo, hi = column.range.min, column.range.max
            counts["range", name] = (sum(v == v and not lo <= v <= hi for v in values), column.range.at_most)
        if column.pattern:
            import re

            counts["pattern", name] = (
                sum(not re.match(column.pattern.regex, v) for v in values),
                column.pattern.at_most,
            )
    for relation in schema.relations:
        if relation.sql == '"begin" <= "end"':
            counts["order", "end"] = (int((columns["begin"] > columns["end"]).sum()), relation.at_most)
    return {key for key, (k, limit) in counts.items() if binomial.p_value_greater(k, rows, limit) <= 0.00274 / 30}


def test_a_hundred_next_batches_keep_what_was_suggested():
    rng = np.random.default_rng(4)
    found = suggest(table(rng, 4000), batch_rows=500)
    assert {"pattern:code", "order:begin<=end", "determines:zip->city"} <= {one.name for one in found}
    schema = found.accept()
    predicted = 100 / 365 * sum(one.predicted for one in found if one.kind != "never")
    alarms = sum(bool(broken(schema, table(rng, 500))) for _ in range(100))
    assert binomial.p_value_greater(alarms, 100, min(1.0, predicted / 100)) > 1e-3
    # Faults are found.
    assert ("pattern", "code") in broken(schema, table(rng, 500, prefix="X-"))
    assert ("order", "end") in broken(schema, table(rng, 500, late=0.05))


def test_e_value_is_one_in_expectation_at_the_edge():
    n, limit = 800, 0.01
    k = np.arange(n + 1)
    from scipy import stats

    expectation = np.sum(stats.binom.pmf(k, n, limit) * np.exp([log_evidence_below(int(i), n, limit) for i in k]))
    assert expectation == pytest.approx(1.0, abs=1e-6)

    def errs(run):
        return log_evidence_below(int(run.binomial(n, 0.012)), n, limit) >= np.log(20)

    coverage.assert_error_below(errs, 0.05, runs=500, seed=5)
