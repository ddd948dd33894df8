"""A whole study: its five outcomes, what each rests on, and what it refuses."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from assay.errors import DataError, UsageError
from assay.feasibility import outcome, portfolio, study


def gaussians(rows: int = 2000, distance: float = 2.0, features: int = 2, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, size=rows)
    X = rng.normal(size=(rows, features))
    X[:, 0] += distance * y
    return X, y


@pytest.fixture(scope="module")
def rows():
    return gaussians()  # the Bayes error is .1587


def test_a_target_that_a_classifier_surely_reaches_is_achieved(rows):
    found = study(*rows, target_accuracy=0.8)
    assert (found.outcome, found.verdict.status, found.verdict.code) == ("ACHIEVED", "pass", "FEA201")
    assert found.verdict.guarantee.kind == "exact"
    assert found.witness is not None
    assert found.verdict.evidence.upper <= 0.2
    assert float(found.witness.wrong.mean()) == pytest.approx(found.verdict.evidence.estimate)
    assert found.actions == ()


def test_a_notebook_and_a_terminal_show_the_ladder_and_the_forecast(rows):
    found = study(*rows, target_accuracy=0.85)
    series = found.verdict.evidence.series
    assert series["training_rows"][-1] == round(found.forecast.farthest)
    assert [error for error in series["error"] if error is not None] == pytest.approx(found.forecast.errors)
    assert (series["forecast"][-1], series["forecast_lower"][-1], series["forecast_upper"][-1]) == pytest.approx(
        found.forecast.predict(found.forecast.farthest)
    )
    shown, written = found._repr_html_(), str(found)
    assert "<svg" in shown
    assert "training rows" in shown
    assert "&lt;script" in replace(found, statements=("<script",))._repr_html_()
    assert "chance" in written
    assert "10,000 rows" in written
    assert all(len(line) <= 80 for line in written.splitlines() if "====" in line)


def test_second_labels_certify_that_a_target_is_unrealistic(rows):
    labels = np.random.default_rng(1).random((1000, 2)) < 0.16
    found = study(*rows, target_error=0.1, repeat_labels=labels)
    assert (found.outcome, found.verdict.status) == ("UNREALISTIC", "fail")
    assert {each.status for each in found.verdict.guarantee.assumptions} == {"declared"}
    assert [each.rests for each in found.statements if each.side == "lower"] == ["certified"]


def test_a_table_of_few_distinct_rows_certifies_it_without_second_labels():
    rng = np.random.default_rng(2)
    X = rng.integers(0, 4, size=(6000, 2)).astype(float)
    y = rng.random(6000) < np.where(X.sum(axis=1) % 2, 0.7, 0.3)
    assert study(X, y, target_accuracy=0.8).outcome == "UNREALISTIC"
    assert study(X, y, target_accuracy=0.66).outcome == "ACHIEVED"


def test_rows_that_an_encoder_makes_alike_certify_nothing():
    """Free text is no feature of the classifiers here, and could tell what the other column does not."""
    rng = np.random.default_rng(2)
    y = (rng.random(6000) < 0.3).astype(int)
    note = np.array([f"{'late' if late else 'fine'} {place}" for place, late in enumerate(y)], dtype=object)
    columns = {"group": rng.integers(0, 3, 6000).astype(float), "note": note}
    found = study(columns, y, target_accuracy=0.9)
    assert found.outcome != "UNREALISTIC"
    assert not [each for each in found.statements if each.rests == "certified" and each.side == "lower"]
    without = study({"group": columns["group"]}, y, target_accuracy=0.9)
    assert without.outcome == "UNREALISTIC"
    assert "on these columns" in without.verdict.reason


def test_a_target_beyond_the_rows_is_undecided_and_says_what_would_decide(rows):
    found = study(*rows, target_accuracy=0.9)
    assert (found.outcome, found.verdict.status) == ("UNDECIDED", "inconclusive")
    assert any("labelled a second time" in action.title and action.labels for action in found.actions)
    assert all(action.effect for action in found.actions)


def test_a_curve_that_falls_towards_the_target_is_likely_achievable():
    X, y = gaussians(4000, distance=3.3, features=200, seed=3)  # the Bayes error is .05
    found = study(X, y, target_error=0.065, candidates={"logistic": LogisticRegression(max_iter=500)})
    assert found.outcome == "LIKELY ACHIEVABLE"
    assert found.verdict.status == "inconclusive"
    assert found.forecast is not None
    assert found.forecast.required is not None


def test_noise_that_is_declared_makes_a_target_unlikely_on_labels_as_written(rows):
    found = study(*rows, target_error=0.1, noise=0.3, measured_on="written")
    assert found.outcome == "LIKELY UNREALISTIC"
    assert "wrong as declared" in found.verdict.reason
    clean = study(*rows, target_error=0.17, noise=0.1, measured_on="clean")
    assert clean.outcome == "ACHIEVED"
    assert any("declared" in each.text for each in clean.verdict.guarantee.assumptions)
    with pytest.raises(UsageError, match="measured_on='written'"):
        study(*rows, target_error=0.1, noise=0.3)
    with pytest.raises(UsageError, match="give noise"):
        study(*rows, target_error=0.1, measured_on="clean")


def test_a_majority_is_no_evidence():
    X, y = gaussians(2000, distance=0.0)
    y = (np.random.default_rng(4).random(2000) < 0.05).astype(int)
    found = study(X, y, target_accuracy=0.9)
    assert found.outcome == "UNDECIDED"
    assert "most common answer" in found.verdict.reason


def test_rows_that_cluster_decide_nothing_until_the_unit_is_declared():
    rng = np.random.default_rng(5)
    customer = np.repeat(np.arange(100), 20)
    X = rng.normal(size=(2000, 2))
    y = (rng.random(100) < 0.5)[customer].astype(int)
    found = study({"a": X[:, 0], "b": X[:, 1], "customer_id": customer}, y, target_accuracy=0.3)
    assert found.verdict.guarantee.kind == "none"
    assert found.actions[0].title == 'declare unit = "customer_id"'
    assert not found.resting_on("certified")


def test_several_embeddings_are_read_side_by_side(rows, tmp_path: Path):
    X, y = rows
    calls = tmp_path / "calls"

    def first(given):
        calls.write_text(f"{calls.read_text() if calls.exists() else ''}{len(given)} ")
        return given[:, :1]

    embeddings = {"array": X, "first": first, "scaled": StandardScaler()}
    found = study(X, y, target_accuracy=0.8, embeddings=embeddings, cache=tmp_path / "kept")
    assert {each.representation for each in found.tried} == set(embeddings)
    assert (
        study(X, y, target_accuracy=0.8, embeddings=embeddings, cache=tmp_path / "kept").outcome
        == found.outcome
        == "ACHIEVED"
    )
    assert calls.read_text() == "2000 "
    X2 = X.copy()
    X2[0, 0] += 1
    study(X2, y, target_accuracy=0.8, embeddings=embeddings, cache=tmp_path / "kept")
    assert calls.read_text() == "2000 2000 "


def test_without_a_target_it_states_and_decides_nothing(rows):
    found = study(*rows)
    assert (found.outcome, found.verdict.guarantee.kind) == ("UNDECIDED", "estimate")
    assert found.resting_on("certified")


def test_the_portfolio_goes_on_until_its_time_is_over(rows, monkeypatch):
    tried, clock = [], itertools.count()
    monkeypatch.setattr(portfolio, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    monkeypatch.setattr(outcome, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    found = study(*rows, target_accuracy=0.8, candidates="auto", seconds=14, log=lambda each: tried.append(each.title))
    assert tried == [each.title for each in found.tried]
    assert 4 < len(tried) < 10
    # Nothing is begun when there is no time left.
    assert len(study(*rows, target_accuracy=0.8, candidates="auto", seconds=0.0).tried) == 4


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"target_accuracy": 0.9, "target_error": 0.1}, "not both"),
        ({"target_accuracy": 1.0}, r"target_accuracy must lie in \(0, 1\)"),
        ({"candidates": {}}, "candidates is empty"),
        ({"embeddings": {}}, "embeddings is empty"),
        ({"embeddings": {"a": np.zeros((3, 2))}}, "'a' must have one row for each row of X"),
        ({"embeddings": "encoder-of-no-name"}, "sentence-transformers is not installed|encoder-of-no-name"),
        ({"embeddings": "missing.onnx"}, "there is no file"),
        ({"embeddings": {"a": np.full((2000, 2), np.nan)}}, "missing or infinite, in its row 0"),
        ({"noise": 1.5, "measured_on": "clean"}, r"noise must lie in \[0, 1\)"),
        ({"repeat_labels": np.zeros((10, 1))}, "two columns or more"),
    ],
)
def test_what_it_cannot_use_is_refused_in_one_line(rows, more, words):
    with pytest.raises((UsageError, DataError), match=words):
        study(*rows, **({"target_accuracy": 0.8} | more if "target_error" not in more else more))
