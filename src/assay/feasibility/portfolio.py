"""The classifiers that a study tries, and how long it goes on."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assay.stats.neighbors import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

# Boosting takes minutes on more values times classes than this.
MAX_VALUES = 2_000_000
NEIGHBORS = 15


@dataclass(frozen=True)
class Tried:
    """One classifier on one representation.

    Attributes
    ----------
    name, representation : str
    model : fitted classifier
    said : ndarray of int, shape (held-out rows,)
        Codes of the classes that it predicts.
    wrong : ndarray of bool, shape (held-out rows,)
    seconds : float
    """

    name: str
    representation: str
    model: Any
    said: NDArray[np.int64]
    wrong: NDArray[np.bool_]
    seconds: float

    @property
    def title(self) -> str:
        """Name for people."""
        return self.name if self.representation == "columns" else f"{self.name} on {self.representation}"


class Neighbors(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The vote of the nearest training rows, by exact search; ties go to the first class."""

    def __init__(self, k: int = NEIGHBORS) -> None:
        self.k = k

    def fit(self, X: Any, y: Any) -> Neighbors:
        """Keep the rows."""
        self.classes_, self.codes_ = np.unique(y, return_inverse=True)
        self.rows_ = np.asarray(X)
        return self

    def predict(self, X: Any) -> Any:
        """Vote."""
        near = nearest(np.asarray(X), self.rows_, min(self.k, len(self.rows_)))[1]
        votes = np.stack([(self.codes_[near] == code).sum(axis=1) for code in range(self.classes_.size)])
        return self.classes_[votes.argmax(axis=0)]


def usual(values: int, seed: int) -> dict[str, Any]:
    """Classifiers that are tried when none are named; ``values`` is rows times features times classes."""
    found: dict[str, Any] = {
        "most common class": DummyClassifier(strategy="most_frequent"),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        f"{NEIGHBORS} nearest neighbors": Neighbors(),
    }
    if values <= MAX_VALUES:
        found["gradient boosting"] = HistGradientBoostingClassifier(random_state=seed, early_stopping=False)
    return found


def portfolio(seed: int) -> dict[str, Any]:
    """Further ones for ``candidates="auto"``, in the order in which they are tried while there is time."""
    found: dict[str, Any] = {
        "weak logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200)),
        "5 nearest neighbors": Neighbors(5),
        "51 nearest neighbors": Neighbors(51),
        "gradient boosting": HistGradientBoostingClassifier(random_state=seed, early_stopping=False),
        "slow gradient boosting": HistGradientBoostingClassifier(
            learning_rate=0.03, max_iter=400, l2_regularization=1.0, random_state=seed, early_stopping=False
        ),
        "random trees": ExtraTreesClassifier(300, min_samples_leaf=2, random_state=seed),
    }
    if find_spec("flaml") is not None:
        from flaml import AutoML  # type: ignore[import-not-found, unused-ignore]

        found["FLAML"] = AutoML(task="classification", time_budget=30, verbose=0, seed=seed)
    return found


def attempt(
    models: Mapping[str, Any],
    representations: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    labels: tuple[NDArray[np.int64], NDArray[np.int64]],
    *,
    until: float | None = None,
    progress: Callable[[str], None] = lambda _: None,
    log: Callable[[Tried], None] = lambda _: None,
) -> list[Tried]:
    """Fit each classifier on each representation, and keep its held-out errors.

    Which are tried must not hang on held-out labels, since each is counted by the correction for their number. The time
    until which one goes on does not.

    Parameters
    ----------
    models : mapping of str to scikit-learn classifier
        Cloned.
    representations : mapping of str to (training, held-out) features
    labels : tuple of (training, held-out) codes
    until : float, optional
        ``time.monotonic()`` after which no other is begun.
    progress, log : callable
    """
    found: list[Tried] = []
    for name, model in models.items():
        for place, (train, test) in representations.items():
            if until is not None and time.monotonic() >= until:
                return found
            progress(f"{name} on {place}")
            started = time.monotonic()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a classifier that has not converged is judged as it is
                fitted = clone(model).fit(train, labels[0])
                said = np.asarray(fitted.predict(test))
            found.append(Tried(name, place, fitted, said, said != labels[1], time.monotonic() - started))
            log(found[-1])
    return found
