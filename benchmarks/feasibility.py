"""The nearest of 20,000 points to each of 4,000, exact, 512 features in single precision; all engines on all cores."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import pairwise_distances_argmin
from sklearn.neighbors import NearestNeighbors

import peers
from assay.stats.neighbors import nearest
from measure import Row, cpu, named

POINTS, QUERIES, FEATURES = 20_000, 4_000, 512


def compare() -> Iterator[Row]:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((POINTS, FEATURES), dtype=np.float32)
    queries = rng.standard_normal((QUERIES, FEATURES), dtype=np.float32)
    found = nearest(queries, points)[1][:, 0]
    ours = cpu(lambda: nearest(queries, points))
    theirs = pairwise_distances_argmin(queries, points)
    yield Row(
        "1 neighbor",
        ours,
        f"{named('scikit-learn')} pairwise_distances_argmin",
        cpu(lambda: pairwise_distances_argmin(queries, points)),
        "ms",
        f"same neighbor of {np.mean(theirs == found):.2%}",
    )
    brute = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(points)
    yield Row(
        "1 neighbor",
        ours,
        f"{named('scikit-learn')} NearestNeighbors, brute",
        cpu(lambda: brute.kneighbors(queries)),
        "ms",
    )
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "points.npy", points)
        np.save(Path(folder) / "queries.npy", queries)
        try:
            spent, same = peers.call("faiss-cpu", "feasibility_faiss", "nearest", folder)
        except peers.UnavailableError as problem:
            yield Row("1 neighbor", ours, peers.named("faiss-cpu"), None, "ms", str(problem))
        else:
            note = f"same neighbor of {np.mean(np.asarray(same) == found):.2%}"
            yield Row("1 neighbor", ours, f"{peers.named('faiss-cpu')} IndexFlatL2", spent, "ms", note)
    ten = cpu(lambda: nearest(queries, points, 10))
    tenth = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(points)
    yield Row(
        "10 neighbors",
        ten,
        f"{named('scikit-learn')} NearestNeighbors, brute",
        cpu(lambda: tenth.kneighbors(queries)),
        "ms",
    )
    start = time.perf_counter()
    nearest(queries, points)
    yield Row("1 neighbor, on the clock", 1000 * (time.perf_counter() - start), "", None, "ms")
    same = np.repeat(points[:50], 40, axis=0)
    yield Row(
        "1 neighbor, 2,000 points of which 50 differ",
        cpu(lambda: nearest(queries, same)),
        f"{named('scikit-learn')} pairwise_distances_argmin",
        cpu(lambda: pairwise_distances_argmin(queries, same)),
        "ms",
        "copies are looked at in double precision",
    )
