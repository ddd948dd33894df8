"""A model that can be asked, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from assay.data import fingerprint, table
from assay.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from assay.checks.dataset import Dataset
    from assay.core.guarantee import Assumption
    from assay.tracking.formats import LoadedModel


@dataclass(frozen=True)
class Predictions:
    """Predicted labels, shape (n,), or probabilities of class 1; with the probabilities of ``positive`` where known."""

    values: np.ndarray
    scores: np.ndarray | None = None
    positive: Any = None
    assumption: Assumption | None = None


@dataclass(frozen=True)
class Predictor:
    """A model that can be asked: a registered version, a table of predictions, or code that has answered already.

    ``identified`` says which model stands for the old one, where a record does.
    """

    title: str
    identity: str
    version: Any = None
    content: bytes | None = None
    given: Predictions | None = None
    confined: Callable[[Dataset], Predictions] | None = None
    identified: Assumption | None = None

    def predict(self, dataset: Dataset) -> Predictions:
        """Answer for every row of a dataset; probabilities are those of the class that it declares to be ``positive``.

        Raises
        ------
        ModelError
            If the number of predictions is not the number of rows.
        """
        said, positive = self._said(dataset), dataset.declared.positive
        if positive is None or said.positive == positive:
            return said
        # A model that knows its positive class has two.
        scores = said.scores if said.scores is None or said.positive is None else 1 - said.scores
        return replace(said, scores=scores, positive=positive)

    def _said(self, dataset: Dataset) -> Predictions:
        if self.given is not None:
            if len(self.given.values) != len(dataset.frame):
                raise ModelError(
                    f"{self.title}: {len(self.given.values)} predictions for the {len(dataset.frame)} rows of "
                    f"{dataset.name!r}; give one for each row, in the same order"
                )
            return self.given
        if dataset.terms is not None and self.confined is not None:
            return self.confined(dataset)
        assert self.content is not None
        return answers(load(self.content), dataset.frame)


@lru_cache(maxsize=4)
def load(content: bytes) -> LoadedModel:
    """Load a stored model; one process judges the same few again and again."""
    # Loading a model loads scikit-learn, which checks of data alone need not wait for.
    from assay.tracking.formats import load as load_model

    return load_model(content)


def answers(model: LoadedModel, frame: pd.DataFrame) -> Predictions:
    """Ask a model about the rows of a frame, which may have more columns than the model takes.

    Raises
    ------
    DataError
        If a column that the model takes is missing or of another type.
    """
    wanted = [column for column in model.signature["inputs"] if column in frame.columns]
    labels, probabilities = model.answer(frame[wanted])
    if model.classes is None or len(model.classes) != 2 or probabilities is None:
        return Predictions(labels)
    return Predictions(labels, probabilities[:, 1], model.classes[1])


def joined(frame: pd.DataFrame, column: str, side: str, dataset: Dataset | None) -> np.ndarray:
    """Predictions in the order of the rows: by the id that the dataset declares, where the predictions have it too."""
    values = frame[column]
    name = dataset.declared.id if dataset is not None else None
    if dataset is None or name is None or name not in frame:
        plain: np.ndarray = values.to_numpy()
        return plain
    again = frame[name].duplicated()
    if again.any():
        raise ModelError(f"predictions of model {side!r}: two rows have the {name} {frame[name][again].iloc[0]}")
    wanted = dataset.frame[name]
    missing = ~wanted.isin(frame[name])
    if missing.any():
        raise ModelError(
            f"predictions of model {side!r}: none for the {name} {wanted[missing].iloc[0]} of {dataset.name!r} "
            f"({int(missing.sum())} missing in all)"
        )
    joined: np.ndarray = values.set_axis(frame[name]).loc[wanted].to_numpy()
    return joined


def given(title: str, said: Predictions) -> Predictor:
    """A model that is its predictions: it is told from others by them, in their order."""
    ordered = pd.DataFrame({"row": range(len(said.values)), "prediction": said.values})
    return Predictor(title, fingerprint(table(ordered)), given=said)
