"""Find the slices on which a model fails most: SliceLine's score, weight .95, slices of 1% of the rows, up to three conditions.

The search alone beside PyPI's `sliceline`, which judges nothing; "with verdicts" is all of `find_slices`. Each case runs in a process of its own;
memory is what it takes beyond the most that making the table took. Tables are made by chance (`slices_made.py`); those like Adult, Covtype and KDD98 have their shapes and
not their rows. The paper's times (SIGMOD 2021) are those of the real tables, by the clock, on 112 threads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import peers
import slices_made
from assay.debugging import find_slices
from assay.debugging.lattice import Coded
from assay.debugging.objective import Score
from assay.debugging.search import search
from measure import Row, cpu, environment, peak

PEER = "sliceline"
PAPER = "paper, 112 threads"
NOISE_RUNS = 100


def compare() -> Iterator[Row]:
    ours, memory, best = _apart("searched", "uniform", "50000", "3", "5")
    try:
        theirs, taken, scores = peers.call(PEER, "slices_sliceline", "found", "50000")
        same = "same scores" if np.allclose(best, scores, atol=1e-6) else f"scores {scores} against {best}"
        yield Row("50,000 x 14 x 10 values", ours, peers.named(PEER), theirs, "ms", same)
        yield Row("50,000 x 14 x 10 values, memory", memory, peers.named(PEER), taken, "MB")
    except peers.UnavailableError as problem:
        yield Row("50,000 x 14 x 10 values", ours, peers.named(PEER), None, "ms", str(problem))
    for rows in (125_000, 250_000, 500_000, 1_000_000):
        spent, memory, _ = _apart("searched", "uniform", str(rows), "3", "5")
        yield Row(f"{rows:,} x 14 x 10 values", spent, "", None, "ms", f"{memory:.0f} MB")
    for rows in (50_000, 1_000_000):
        spent, memory, _ = _apart("judged", "uniform", str(rows), "3", "5")
        yield Row(f"{rows:,} x 14 x 10 values, with verdicts", spent, "", None, "ms", f"{memory:.0f} MB")
    ours, memory, best = _apart("searched", "adult", "", "3", "10")
    try:
        theirs, taken, scores = peers.call(PEER, "slices_sliceline", "adult", "3")
        same = "same scores" if np.allclose(best, scores[:10], atol=1e-6) else f"scores {scores} against {best}"
        yield Row("like Adult", ours, peers.named(PEER), theirs, "ms", same)
        yield Row("like Adult, memory", memory, peers.named(PEER), taken, "MB")
    except peers.UnavailableError as problem:
        yield Row("like Adult", ours, peers.named(PEER), None, "ms", str(problem))
    yield Row("like Adult", ours, PAPER, 5200, "ms", "5.2 to 6.0 s")
    yield Row("like Adult, any number of conditions", _apart("searched", "adult", "", "14", "10")[0], PAPER, None, "ms")
    for name, words, seconds, note in (
        ("covtype", "like Covtype, 581,012 x 54", 136, "136 to 140 s"),
        ("kdd98", "like KDD98, 95,412 x 469", 695, "695 to 743 s"),
    ):
        spent, memory, _ = _apart("searched", name, "", "3", "10")
        yield Row(words, spent, PAPER, 1000 * seconds, "ms", f"{note}; assay: CPU of one thread, {memory:.0f} MB")
    for weight in (0.95, 0.99):
        told = sum(
            bool(find_slices(*slices_made.noise(2000, seed), score_weight=weight, min_support=40).confirmed)
            for seed in range(NOISE_RUNS)
        )
        try:
            theirs = peers.call(PEER, "slices_sliceline", "noisy", str(NOISE_RUNS), str(weight))
        except peers.UnavailableError:
            theirs = None
        words = f"tables of noise with a slice, weight {weight}"
        yield Row(words, told, peers.named(PEER), theirs, f"of {NOISE_RUNS}", "assay: with a CONFIRMED one")


def searched(name: str, rows: str, level: str, k: str) -> tuple[float, float, list[float]]:
    """Search a table; gives CPU milliseconds, megabytes beyond the table, and the best scores."""
    codes, errors = getattr(slices_made, name)(*([int(rows)] if rows else []))
    # The same table as a user has it, in bytes where they do.
    coded = Coded(codes.astype(np.uint8), codes.max(axis=0) + 1, np.zeros(codes.shape[1], dtype=int))
    del codes
    objective = Score(errors.size, errors.mean(), errors.mean(), 0.95)
    found: list[Any] = []

    def work() -> None:
        found[:] = search(coded, errors, objective, k=int(k), support=errors.size // 100, max_level=int(level))

    before = peak()
    spent = cpu(work, runs=1)
    return spent, peak() - before, [each.score for each in found]


def judged(name: str, rows: str, level: str, k: str) -> tuple[float, float, list[float]]:
    """The same, with verdicts, from whole numbers of 64 bits."""
    codes, errors = getattr(slices_made, name)(*([int(rows)] if rows else []))
    found: list[Any] = []

    def work() -> None:
        found[:] = find_slices(codes, errors, k=int(k), min_support=errors.size // 100, max_level=int(level))

    before = peak()
    spent = cpu(work, runs=1)
    return spent, peak() - before, [each.score for each in found]


def _apart(function: str, *arguments: str) -> tuple[float, float, list[float]]:
    """Run a function of this file in a process of its own."""
    code = f"import json, sys, slices; print(json.dumps(slices.{function}(*sys.argv[1:])))"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=Path(__file__).parent, env=environment(), check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    spent, memory, scores = json.loads(done.stdout.splitlines()[-1])
    return spent, memory, scores
