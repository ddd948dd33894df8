"""The held-out error of a classifier as a number above the Bayes error; it has nothing to say below."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from assay.feasibility.estimates import Estimate

if TYPE_CHECKING:
    from assay.feasibility.estimates import Sample

# Share of the training rows on which the classifiers are compared.
COMPARED = 0.25
# Boosting takes minutes on more values than this.
MAX_VALUES = 2_000_000


def best_classifier(sample: Sample) -> Estimate:
    """Give the error of the better of logistic regression and gradient boosting, compared on training rows.

    With more than 2,000,000 values times classes it is that of logistic regression.

    An error times .95, or times .8, is sometimes called a lower bound. It is none, and there is none here.
    """
    candidates = {"logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))}
    if sample.train.size * sample.classes <= MAX_VALUES:
        candidates["gradient boosting"] = HistGradientBoostingClassifier(random_state=sample.seed, early_stopping=False)
    if np.unique(sample.train_y).size < 2:
        return Estimate("classifier", reason="the training rows have one class only")
    rng = np.random.default_rng(sample.seed)
    compared = rng.random(len(sample.train)) < COMPARED
    # Threads cost more than they bring to so few rows.
    with threadpool_limits(1), warnings.catch_warnings():
        # A classifier that has not converged is still one, and judged as it is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        name = "logistic regression"
        if len(candidates) > 1 and compared.any() and np.unique(sample.train_y[~compared]).size > 1:
            fitted = {
                each: clone(model).fit(sample.train[~compared], sample.train_y[~compared])
                for each, model in candidates.items()
            }
            name = max(fitted, key=lambda each: fitted[each].score(sample.train[compared], sample.train_y[compared]))
        model = candidates[name].fit(sample.train, sample.train_y)
    error = float(np.mean(model.predict(sample.test) != sample.test_y))
    return Estimate("classifier", None, error, error, {"candidate": name}, "an error says nothing of what is below it")
