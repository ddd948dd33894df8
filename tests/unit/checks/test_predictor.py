"""What a model says, as the checks ask it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from assay.checks.predictor import Predictions, given


def test_probabilities_follow_the_class_that_is_declared_positive():

    said = Predictions(np.array(["a", "b", "b"]), np.array([0.1, 0.8, 0.9]), "b")
    model = given("x", said)

    def asked(positive):
        declared = SimpleNamespace(positive=positive)
        return model.predict(SimpleNamespace(frame=range(3), declared=declared, name="test"))

    assert asked(None) is said
    assert asked("b") is said
    assert asked("a").positive == "a"
    assert asked("a").scores.tolist() == pytest.approx([0.9, 0.2, 0.1])
