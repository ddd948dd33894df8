"""What a served model predicted, joined with what turned out to be true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from assay.data import to_arrow
from assay.store.events import answered, outcomes

if TYPE_CHECKING:
    from assay.checks.inputs import Inputs

PREDICTION, SCORE, VERSION, LABEL, ARRIVED = "_prediction", "_score", "_version", "_label", "_arrived"


@dataclass(frozen=True)
class Stream:
    """Labelled predictions in the order in which their labels arrived.

    ``frame`` has the columns of the live dataset, and ``_prediction``, ``_score``, ``_version`` and ``_label``.
    """

    frame: pd.DataFrame

    def of_version(self, version: int) -> pd.DataFrame:
        """Rows that one version of the model predicted."""
        return self.frame[self.frame[VERSION] == str(version)]


def read_stream(inputs: Inputs, model: str) -> Stream:
    """Join the prediction log, the label log and, where one is declared, the live dataset (by its id).

    The live dataset knows what the model was not told: the unit, the time, columns that slices speak of. Without one,
    the features in the log and the time of the prediction have to do.
    """
    project = inputs.project
    if not answered(project.log_root, model):
        return Stream(pd.DataFrame(columns=[PREDICTION, SCORE, VERSION, LABEL]))
    facts = {"prediction": PREDICTION, "score": SCORE, "version": VERSION, "label": LABEL, "label_time": ARRIVED}
    live = project.dataset_of_role("live")
    declared = project.dataset(live) if live else None
    if live and declared and declared.id:
        joined = outcomes(project.log_root, model=model, features=False)
        known = to_arrow(inputs.dataset(live).table).to_pandas()
        said = joined.select(["id", *facts]).to_pandas().rename(columns=facts | {"id": declared.id})
        frame = said.merge(known, on=declared.id, how="left", sort=False)
    else:
        frame = outcomes(project.log_root, model=model).to_pandas().rename(columns=facts)
    order = [ARRIVED] + ([declared.timestamp] if declared and declared.timestamp else [])
    frame = frame.sort_values(order, kind="stable", ignore_index=True).drop(columns=[ARRIVED])
    return Stream(frame)
