"""What a served model predicted, joined with what turned out to be true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from assay.data import to_arrow
from assay.store.events import outcomes

if TYPE_CHECKING:
    import pandas as pd

    from assay.checks.inputs import Inputs

PREDICTION, SCORE, VERSION, LABEL = "_prediction", "_score", "_version", "_label"


@dataclass(frozen=True)
class Stream:
    """Labelled predictions in the order in which their labels arrived.

    ``frame`` has the columns of the live dataset, and ``_prediction``, ``_score``, ``_version`` and ``_label``.
    """

    frame: pd.DataFrame
    unlabelled: int

    def of_version(self, version: int) -> pd.DataFrame:
        """Rows that one version of the model predicted."""
        return self.frame[self.frame[VERSION] == str(version)]


def read_stream(inputs: Inputs, model: str) -> Stream:
    """Join the prediction log, the label log and, where one is declared, the live dataset (by its id).

    The live dataset knows what the model was not told: the unit, the time, columns that slices speak of. Without one,
    the features in the log and the time of the prediction have to do.
    """
    project = inputs.project
    joined = outcomes(project.log_root, model=model)
    unlabelled = int(pc.sum(pc.is_null(joined["label"])).as_py() or 0)
    joined = joined.filter(pc.is_valid(joined["label"]))
    facts = ["prediction", "score", "version", "label"]
    renamed = dict(zip(facts, (PREDICTION, SCORE, VERSION, LABEL), strict=True))
    live = project.dataset_of_role("live")
    if live is None or project.dataset(live).id is None or not len(joined):
        frame = joined.to_pandas().rename(columns=renamed)
        return Stream(frame, unlabelled)
    key = project.dataset(live).id
    known = to_arrow(inputs.dataset(live).table)
    joined = joined.select(["id", *facts]).rename_columns(["id", *renamed.values()])
    frame = joined.to_pandas().merge(known.to_pandas(), left_on="id", right_on=key, how="left", sort=False)
    return Stream(frame, unlabelled)
