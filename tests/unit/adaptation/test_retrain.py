"""A champion whose world turns over is replaced once by what was retrained, judged on days that came later."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from assay.adaptation.retrain import adapt
from assay.checks.holdout import holdout_of
from assay.checks.project import Project, load
from assay.checks.promote import promote
from assay.errors import ModelError, ProjectError
from assay.store import records
from assay.store.events import LabelLog, PredictionLog
from assay.store.ledger import Ledger
from assay.tracking.registry import Registry
from assay.tracking.run_record import get_run
from assay.tracking.runs import run

ROWS = 20
START = datetime(2024, 1, 1)
TOML = """
[project]
name = "tides"

[datasets.train]
role = "train"
source = "train.parquet"
label = "high"
unit = "day"

[datasets.test]
role = "test"
source = "test.parquet"
label = "high"
unit = "day"

[datasets.live]
role = "live"
source = "live.parquet"
label = "high"
unit = "day"
id = "nr"

[models.tides]
train = "tide_training:train"
adapt = { looks = [4, 12] }

[[checks]]
id = "better"
claim = "brier(new) - brier(old) < 0"
datasets = ["test"]
blocking = true
"""
TRAINING = """
from sklearn.linear_model import LogisticRegression


def train(frame):
    return LogisticRegression().fit(frame[["moon"]], frame["high"])


def nothing(frame):
    return None


def breaks(frame):
    return frame["no such column"]
"""


def days(first: int, count: int, *, turned: bool) -> pd.DataFrame:
    """Days of 20 rows in which ``high`` follows the moon, or its opposite."""
    rng = np.random.default_rng(first)
    day = np.repeat(np.arange(first, first + count), ROWS)
    moon = rng.normal(size=day.size)
    high = ((moon > 0) != turned).astype(int)
    frame = pd.DataFrame({"day": [f"d{d:03d}" for d in day], "moon": moon, "high": high})
    return frame.assign(nr=[f"{d}-{place}" for place, d in enumerate(frame["day"])])


class Tides:
    """A project whose champion knows the old world, and its log."""

    def __init__(self, folder: Path, toml: str = TOML) -> None:
        self.folder = folder
        (folder / "assay.toml").write_text(toml)
        (folder / "tide_training.py").write_text(TRAINING)
        self.old = days(0, 10, turned=False)
        self.old.to_parquet(folder / "train.parquet")
        days(10, 10, turned=False).to_parquet(folder / "test.parquet")
        self.live = days(20, 0, turned=False)
        with run("first", store=self.project.store) as record:
            model = LogisticRegression().fit(self.old[["moon"]], self.old["high"])
            record.log_model(model, name="tides", example=self.old[["moon"]].head(5))
        move = records.AliasMove("tides", "champion", 1, 0, detail={"why": "the first"})
        records.record(self.project.store, verdicts=[], cache_key=None, alias=move)
        self.model = model

    @property
    def project(self) -> Project:
        return load(self.folder)

    def pass_days(self, count: int, *, turned: bool) -> None:
        """Serve days with the first champion; their labels come at once."""
        first = 20 + self.live["day"].nunique()
        fresh = days(first, count, turned=turned)
        self.live = pd.concat([self.live, fresh], ignore_index=True)
        self.live.drop(columns="high").to_parquet(self.folder / "live.parquet")
        times = [START + timedelta(days=int(day[1:])) for day in fresh["day"]]
        PredictionLog(self.project.log_root).append(
            pa.table(
                {
                    "id": fresh["nr"].tolist(),
                    "time": pa.array(times, pa.timestamp("us")),
                    "model": ["tides"] * len(fresh),
                    "version": ["1"] * len(fresh),
                    "prediction": self.model.predict(fresh[["moon"]]),
                    "score": self.model.predict_proba(fresh[["moon"]])[:, 1],
                }
            )
        )
        LabelLog(self.project.log_root).append(
            fresh["nr"].tolist(), fresh["high"].to_numpy(), [time + timedelta(days=1) for time in times]
        )

    @property
    def champion(self) -> int:
        state = Registry(self.project.store).alias("tides", "champion")
        assert state is not None
        return state.version

    @property
    def versions(self) -> int:
        return len(Registry(self.project.store).versions("tides"))


@pytest.fixture
def tides(tmp_path: Path) -> Tides:
    return Tides(tmp_path)


def window(toml: str, days: int) -> str:
    return toml.replace("looks = [4, 12]", f"looks = [4, 12], window = {days}")


def test_the_whole_story(tmp_path: Path) -> None:
    tides = Tides(tmp_path, window(TOML, 6))
    tides.pass_days(6, turned=True)
    said: list[str] = []
    first = adapt(tides.project, "tides", progress=said.append)
    assert (first.version, first.promoted) == (2, False)
    assert any("training on 6 units, 120 rows" in words for words in said)
    (verdict,) = first.verdicts
    assert verdict.inconclusive
    assert "0 of 4 units" in verdict.reason
    assert verdict.actions[0].units == 4

    tides.pass_days(3, turned=True)
    waiting = adapt(tides.project)
    assert (waiting.version, waiting.promoted, tides.versions) == (2, False, 2)
    assert "3 of 4 units" in waiting.verdicts[0].reason

    tides.pass_days(1, turned=True)
    looked = adapt(tides.project)
    assert not looked.promoted, "four days cannot show it at this error probability"
    assert looked.verdicts[0].evidence.units == 4
    assert looked.verdicts[0].actions[0].units == 8

    tides.pass_days(8, turned=True)
    judged = adapt(tides.project)
    assert judged.promoted, judged.verdicts[0].reason
    assert judged.verdicts[0].passed
    assert tides.champion == 2
    assert tides.versions == 2
    # Only days that came after the training judged, and each look paid half of the error probability.
    gate = judged.verdicts[1]
    assert gate.check == "better"
    assert gate.evidence.units == 12
    assert gate.evidence.statistic["alpha_per_test"] == pytest.approx(0.025)
    assert str(gate.guarantee) == "exact, 5% any false pass over 2 looks"
    store = tides.project.store
    assert Ledger(store).spent("alpha", "tides/2:better") == pytest.approx(0.05)
    assert Ledger(store).spent("answers", "tides/2") == 2
    kept = holdout_of(tides.project, Registry(store).get("tides/2"))
    assert kept is not None
    assert sorted(kept["day"].unique()) == [f"d{day:03d}" for day in range(26, 38)]
    # The new champion has answered nothing yet, so that there is nothing to adapt it on.
    with pytest.raises(ProjectError, match="no labelled prediction of tides/2 yet"):
        adapt(tides.project)


def test_days_that_trained_it_never_judge_it(tides: Tides) -> None:
    tides.pass_days(30, turned=True)
    first = adapt(tides.project)
    assert len(first.verdicts) == 1
    assert first.verdicts[0].evidence.units == 0
    version = Registry(tides.project.store).get("tides/2")
    assert version.run_id is not None
    assert get_run(tides.project.store, version.run_id).params["units"] in (40, "40")


def test_a_champion_has_its_units_even_if_the_process_dies_as_it_takes_over(
    tides: Tides, monkeypatch: pytest.MonkeyPatch
) -> None:
    tides.pass_days(6, turned=True)
    adapt(tides.project)
    tides.pass_days(12, turned=True)

    def killed(*arguments: Any, **more: Any) -> None:
        promote(*arguments, **(more | {"override": "the test"}))
        raise SystemExit

    monkeypatch.setattr("assay.adaptation.retrain.promote", killed)
    with pytest.raises(SystemExit):
        adapt(tides.project)
    assert tides.champion == 2
    kept = holdout_of(tides.project, Registry(tides.project.store).get("tides/2"))
    assert kept is not None
    assert sorted(kept["day"].unique()) == [f"d{day:03d}" for day in range(26, 30)]


def test_a_look_judges_the_planned_number_of_units_however_many_came(tmp_path: Path) -> None:
    tides = Tides(tmp_path, window(TOML, 6))
    tides.pass_days(6, turned=True)
    adapt(tides.project)
    tides.pass_days(9, turned=True)
    first = adapt(tides.project).verdicts
    assert [verdict.evidence.units for verdict in first] == [4, 4]
    assert first[0].actions[0].title == "wait for 3 more labelled units"
    tides.pass_days(5, turned=True)
    assert [verdict.evidence.units for verdict in adapt(tides.project).verdicts[:2]] == [12, 12]


def test_after_the_last_look_an_undecided_candidate_is_dropped(tides: Tides) -> None:
    tides.pass_days(5, turned=False)
    adapt(tides.project)
    tides.pass_days(4, turned=False)
    assert adapt(tides.project).verdicts[0].actions[0].units == 8
    tides.pass_days(8, turned=False)
    last = adapt(tides.project)
    assert not last.promoted
    assert last.version == 2
    assert "new candidate" in last.verdicts[0].actions[0].title
    again = adapt(tides.project)
    assert again.version == 3
    assert "0 of 4 units" in again.verdicts[0].reason
    assert tides.champion == 1
    assert Ledger(tides.project.store).verify() > 0


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ("tide_training:train", "tide_nowhere:train", ModelError, "tide_nowhere.*cannot be imported"),
        ("tide_training:train", "tide_training:trian", ModelError, "no function 'trian'"),
        ("tide_training:train", "tide_training:nothing", ModelError, "NoneType, which has no predict"),
        ("tide_training:train", "tide_training:breaks", ModelError, "tide_training:breaks failed: KeyError"),
        ('train = "tide_training:train"\n', "", ProjectError, "needs train ="),
        ('unit = "day"\n', "", ProjectError, "needs unit and label"),
    ],
)
def test_what_cannot_be_adapted_is_named(tides: Tides, old: str, new: str, error: type[Exception], words: str) -> None:
    tides.pass_days(5, turned=True)
    (tides.folder / "assay.toml").write_text(TOML.replace(old, new))
    with pytest.raises(error, match=words):
        adapt(tides.project, "tides")
    assert tides.versions == 1


def test_without_predictions_there_is_nothing_to_adapt_on(tides: Tides) -> None:
    with pytest.raises(ProjectError, match="assay labels import"):
        adapt(tides.project)


def test_without_a_champion_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "assay.toml").write_text(TOML)
    with pytest.raises(ProjectError, match="assay models promote tides"):
        adapt(load(tmp_path))
    assert not (tmp_path / ".assay").exists()


def test_a_unit_that_trained_the_candidate_does_not_judge_it(tides: Tides) -> None:
    tides.pass_days(6, turned=True)
    adapt(tides.project)
    version = Registry(tides.project.store).versions("tides")[-1]
    assert version.run_id is not None
    record = get_run(tides.project.store, version.run_id)
    known = msgspec.json.decode(tides.project.store.artifacts.get(record.artifacts["units.json"]), type=list[str])
    # The first training set is part of what it was trained on, and its units may be served again.
    assert {*tides.old["day"], *tides.live["day"]} == set(known)
