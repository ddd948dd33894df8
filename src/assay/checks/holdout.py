"""The units that judged an adapted model, kept with its run."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pandas as pd

from assay.tracking.run_record import get_run

if TYPE_CHECKING:
    from assay.checks.project import Project

HOLDOUT = "holdout.parquet"


def holdout_of(project: Project, version: Any) -> pd.DataFrame | None:
    """Return the units that judged a version when it was adapted, or ``None`` for one that was not."""
    if version.run_id is None:
        return None
    digest = get_run(project.store, version.run_id).artifacts.get(HOLDOUT)
    return None if digest is None else pd.read_parquet(io.BytesIO(project.store.artifacts.get(digest)))
