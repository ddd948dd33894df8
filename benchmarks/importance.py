"""Shapley values of training rows for the nearest neighbor beside DataScope's, on the same rows and in the same run. "Largest difference" is that
of any value, after the constant that DataScope gives to having no rows at all is taken out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import peers
from assay.debugging import importance
from measure import Row, cpu

CASES = (
    ("1,000 rows, 200 for validation", 1000, 200, 0),
    ("20,000 rows", 20_000, 200, 0),
    ("20,000 rows of 100 groups", 20_000, 200, 100),
)
FEATURES = 50


def compare() -> Iterator[Row]:
    rng = np.random.default_rng(0)
    for words, rows, asked, groups in CASES:
        X, X_val = rng.normal(size=(rows, FEATURES)), rng.normal(size=(asked, FEATURES))
        y, y_val = (X[:, 0] + X[:, 1] > 0).astype(int), (X_val[:, 0] + X_val[:, 1] > 0).astype(int)
        group = rng.permutation(np.arange(rows) % groups) if groups else None
        ours = cpu(lambda: importance(None, X, y, X_val, y_val, groups=group), runs=2)  # noqa: B023
        found = importance(None, X, y, X_val, y_val, groups=group)
        values = found.values[np.argsort(found.names)]
        with tempfile.TemporaryDirectory() as folder:
            np.savez(
                Path(folder) / "rows.npz",
                X=X,
                y=y,
                X_val=X_val,
                y_val=y_val,
                group=np.arange(rows) if group is None else group,
            )
            try:
                spent, theirs, none = peers.call("datascope", "importance_datascope", "values", folder)
            except peers.UnavailableError as problem:
                yield Row(words, ours, peers.named("datascope"), None, "ms", str(problem))
            else:
                apart = np.abs(np.asarray(theirs) + none / values.size - values).max()
                yield Row(words, ours, peers.named("datascope"), spent, "ms", f"largest difference {apart:.1e}")
