"""Skew limits of the schema, held by a project's live datasets: what a server logged among them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

import assay
from assay.store.events import PredictionLog


def test_the_prediction_log_is_held_against_the_training_data(tmp_path) -> None:
    rng = np.random.default_rng(0)
    train = pd.DataFrame(
        {"x": rng.normal(size=4000), "kind": rng.choice(["a", "b"], 4000), "late": rng.integers(0, 2, 4000)}
    )
    train.to_parquet(tmp_path / "train.parquet")
    log = PredictionLog(tmp_path / ".assay" / "log")
    served = pd.DataFrame({"x": rng.normal(1.0, 1.0, 2000), "kind": rng.choice(["a", "b"], 2000)})
    answers = {
        "id": [str(i) for i in range(2000)],
        "time": [datetime(2026, 1, 1)] * 2000,
        "model": ["flights"] * 2000,
        "version": ["1"] * 2000,
        "prediction": [0.0] * 2000,
    }
    log.append(pa.table({**answers, **{name: served[name].to_numpy() for name in served}}))
    (tmp_path / "schema.toml").write_text(
        'version = 1\nenvironments = ["train", "serve"]\n'
        '[columns.x]\ntype = "number"\nskew = { tolerance = 0.05 }\n'
        '[columns.kind]\ntype = "string"\nskew = { tolerance = 0.05 }\n'
        '[columns.late]\ntype = "integer"\nin_environment = ["train"]\n'
    )
    (tmp_path / "assay.toml").write_text(
        '[project]\nname = "p"\nschema = "schema.toml"\n'
        '[datasets.train]\nrole = "train"\nsource = "train.parquet"\n'
        '[datasets.served]\nrole = "live"\nsource = ".assay/log/model=flights"\n'
        '[[checks]]\nid = "data"\nuse = "VAL1"\nenvironment = "serve"\ndatasets = ["served"]\n'
    )
    run = assay.load(tmp_path).check("data")
    skew = {verdict.subject: verdict.status for verdict in run.verdicts.values() if verdict.code == "VAL202"}
    assert skew["x"] == "fail"
    assert skew["kind"] != "fail"
    assert skew["kind"] != "skipped"
