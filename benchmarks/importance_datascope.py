"""What runs in the environment of DataScope, which has no assay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from datascope.importance.shapley import ShapleyImportance
from datascope.importance.utility import SklearnModelAccuracy
from datascope.utility import Provenance
from sklearn.neighbors import KNeighborsClassifier

from measure import cpu


def values(folder: str) -> tuple[float, list[float], float]:
    """Give CPU milliseconds, the values, and what having no rows is worth."""
    held = np.load(Path(folder) / "rows.npz")
    X, y, X_val, y_val, group = (held[name] for name in ("X", "y", "X_val", "y_val", "group"))
    utility = SklearnModelAccuracy(KNeighborsClassifier(1))
    provenance = Provenance(units=len(X)) if len(np.unique(group)) == len(X) else Provenance(data=group)
    found: list[float] = []

    def score() -> None:
        found[:] = (
            ShapleyImportance(method="neighbor", utility=utility).fit(X, y, provenance=provenance).score(X_val, y_val)
        )

    spent = cpu(score, runs=1)
    return spent, [float(each) for each in found], float(np.mean(utility.elementwise_null_score(X, y, X_val, y_val)))
