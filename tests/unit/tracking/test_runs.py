"""A run is on record from its start to its end."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from assay.data import fingerprint, table
from assay.errors import ModelError, StoreError, UsageError
from assay.store import Store
from assay.tracking import Registry, Run, circumstances, trace
from assay.tracking.runs import get_run, list_runs, metric_history, resume, run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    with Store.open(root=tmp_path) as opened:
        yield opened


def test_a_run_that_ends_well(store: Store) -> None:
    with run("first", experiment="delays", store=store) as record:
        assert get_run(store, record.id).status == "RUNNING"
        record.log_params({"depth": 3, "rate": 0.1})
        record.log_param("depth", "3")
        record.log_metric("error", np.float64(0.25))
        record.log_metrics({"error": 0.2, "brier": 0.1}, step=1)
        record.set_tag("note", "a try")
        record.set_tag("note", "a good try")
    found = get_run(store, record.id[:8])
    assert (found.name, found.experiment, found.status, found.error) == ("first", "delays", "FINISHED", None)
    assert found.params == {"depth": "3", "rate": "0.1"}
    assert found.metrics == {"error": 0.2, "brier": 0.1}
    assert found.tags == {"note": "a good try"}
    assert found.started <= found.ended
    assert found.environment["packages"]["numpy"] == np.__version__
    assert [(point.step, point.value) for point in metric_history(store, record.id, "error")] == [(0, 0.25), (1, 0.2)]


def test_a_run_that_fails_says_why_and_lets_it_pass(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), run(store=store) as record:
        record.log_metric("error", 1 / 0)
    found = get_run(store, record.id)
    assert (found.status, found.error) == ("FAILED", "ZeroDivisionError: division by zero")
    assert found.ended is not None
    assert found.name.startswith("default-")


def test_a_parameter_has_one_value(store: Store) -> None:
    with run(store=store) as record:
        record.log_param("depth", 3)
        with pytest.raises(UsageError, match="parameter 'depth' of this run is '3' and cannot become '4'"):
            record.log_params({"rate": 1, "depth": 4})
    assert get_run(store, record.id).params == {"depth": "3"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308, 0.1])
def test_metrics_are_exact(store: Store, value: float) -> None:
    with run(store=store) as record:
        record.log_metric("m", value)
    for back in (get_run(store, record.id).metrics["m"], metric_history(store, record.id, "m")[0].value):
        assert (math.isnan(back) and math.isnan(value)) or (back == value and str(back) == str(value))


def test_the_latest_metric_is_of_the_highest_step(store: Store) -> None:
    with run(store=store) as record:
        for step, value in ((2, 0.2), (5, 0.5), (3, 0.3)):
            record.log_metric("m", value, step=step)
    assert get_run(store, record.id).metrics == {"m": 0.5}
    assert [point.step for point in metric_history(store, record.id, "m")] == [2, 3, 5]


def test_a_metric_sent_twice_is_there_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.tracking.runs.now", lambda: 1_700_000_000_000)
    with run(store=store) as record:
        for _ in range(2):
            record.log_metric("m", math.nan)
    assert len(metric_history(store, record.id, "m")) == 1


def test_artifacts(store: Store, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("old")
    with run(store=store) as record:
        record.log_artifact(b"png", "plots/roc.png")
        record.log_artifact(tmp_path / "notes.txt")
        (tmp_path / "notes.txt").write_text("new")
        digest = record.log_artifact(str(tmp_path / "notes.txt"))
        for name in ("../up", "/root", "a\\b", ""):
            with pytest.raises(UsageError, match="give a relative path"):
                record.log_artifact(b"x", name)
    found = get_run(store, record.id).artifacts
    assert set(found) == {"plots/roc.png", "notes.txt"}
    assert found["notes.txt"] == digest
    assert store.artifacts.get(digest) == b"new"


def test_datasets_by_content(store: Store) -> None:
    frame = pd.DataFrame({"hour": [1, 2, 3]})
    with run(store=store) as record:
        version = record.log_dataset("train", frame)
        record.log_dataset("train", version)
        record.log_dataset("judge", "ab" * 32, role="test", rows=7)
    with run(store=store) as other:
        other.log_dataset("train", frame)
    assert version == fingerprint(table(frame))
    assert get_run(store, record.id).inputs == [("judge", "ab" * 32, "test"), ("train", version, "train")]
    assert get_run(store, other.id).inputs == [("train", version, "train")]


def test_a_model_leads_back_to_its_run_and_data(store: Store) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"hour": rng.normal(size=40), "distance": rng.normal(size=40)})
    with run(store=store) as record:
        data = record.log_dataset("train", frame)
        model = LogisticRegression().fit(frame, frame["hour"] > 0)
        version = record.log_model(model, name="flights", example=frame.head())
    assert (version.name, version.version, version.run_id) == ("flights", 1, record.id)
    assert Registry(store).get("flights") == version
    behind = {(edge.source_kind, edge.source_id) for edge in trace(store, "model_version", "flights/1")}
    assert behind == {("run", record.id), ("dataset", data), ("artifact", version.digest)}


def test_a_model_that_needs_a_pickle_is_refused(store: Store) -> None:
    with run(store=store) as record, pytest.raises(ModelError):
        record.log_model(object(), name="flights", example=pd.DataFrame({"a": [1]}))
    assert Registry(store).versions("flights") == []


def test_resumed_it_keeps_its_end(store: Store) -> None:
    with run(store=store) as record:
        pass
    before = get_run(store, record.id)
    with resume(store, record.id) as again:
        again.set_tag("looks", 1)
        again.log_artifact(b"[]", "units.json")
    after = get_run(store, record.id)
    assert (after.status, after.ended, after.tags) == ("FINISHED", before.ended, {"looks": "1"})
    assert list(after.artifacts) == ["units.json"]
    with pytest.raises(StoreError, match="no run 'feed'"), resume(store, "feed"):
        pass


def test_runs_are_listed_newest_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        monkeypatch.setattr("assay.tracking.runs.now", lambda number=number: 1000 + number)
        with run(f"run {number}", experiment="a" if number else "b", store=store):
            pass
    assert [found.name for found in list_runs(store)] == ["run 2", "run 1", "run 0"]
    assert [found.name for found in list_runs(store, limit=1)] == ["run 2"]
    assert [found.name for found in list_runs(store, experiment="b")] == ["run 0"]
    assert list_runs(store, experiment="c") == []


def test_ids_that_mean_no_run(store: Store) -> None:
    for name in ("", "%", "xyz"):
        with pytest.raises(StoreError, match="is not the id of a run"):
            get_run(store, name)
    for _ in range(17):
        with run(store=store):
            pass
    first = {}
    for found in list_runs(store):
        first.setdefault(found.id[0], []).append(found.id)
    twice = next(digit for digit, ids in first.items() if len(ids) > 1)
    with pytest.raises(StoreError, match="give more digits"):
        get_run(store, twice)


@pytest.mark.parametrize("key", ["", "k" * 251, 3])
def test_names_that_a_key_cannot_have(store: Store, key: object) -> None:
    with run(store=store) as record:
        for ask in (record.log_param, record.log_metric, record.set_tag):
            with pytest.raises(UsageError, match="its name is text of 1 to 250 characters"):
                ask(key, 1)
    with pytest.raises(UsageError, match="its name has 1 to 500 characters"), run(store=store, experiment=""):
        pass


@pytest.mark.parametrize("name", ["assay.toml", "pyproject.toml"])
def test_the_store_is_that_of_the_project_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("ASSAY_STORE", raising=False)
    (tmp_path / name).write_text('[tool.assay.project]\nname = "a"\n')
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    with run() as record:
        assert record.store.root == tmp_path
    with Store.open(root=tmp_path, create=False) as store:
        assert get_run(store, record.id).status == "FINISHED"


def test_without_a_project_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_STORE", raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    with run() as record:
        assert isinstance(record, Run)
    assert (tmp_path / ".assay" / "store.db").is_file()


def test_the_environment_can_name_another_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_STORE", f"sqlite:///{tmp_path}/other.db")
    monkeypatch.chdir(tmp_path)
    with run():
        pass
    assert (tmp_path / "other.db").is_file()


def test_a_project_gives_its_store(store: Store) -> None:
    class Project:
        pass

    project = Project()
    project.store = store
    with run(project=project) as record:
        pass
    assert get_run(store, record.id).status == "FINISHED"


def test_the_commit_and_whether_files_differ(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *settings, *words], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "train.py").write_text("1")
    git("add", ".")
    git("commit", "-qm", "first")
    with Store.open(root=tmp_path) as store:
        with run(store=store) as clean:
            pass
        (tmp_path / "train.py").write_text("2")
        with run(store=store) as changed:
            pass
        assert (get_run(store, clean.id).commit, get_run(store, clean.id).dirty) == (git("rev-parse", "HEAD"), False)
        assert get_run(store, changed.id).dirty is True


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert circumstances.commit(tmp_path) == (None, None)
    monkeypatch.setenv("PATH", "")
    assert circumstances.commit(tmp_path) == (None, None)


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(circumstances.getpass, "getuser", nobody)
    assert circumstances.user() == ""
