"""A stored model answers as the fitted one did, and nothing but data is ever loaded."""

from __future__ import annotations

import functools
import io
import os
import pickle
import subprocess
import sys
import warnings
import zipfile
from typing import TYPE_CHECKING

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from assay.errors import DataError, ModelError
from assay.tracking import trust
from assay.tracking.formats import load, save

if TYPE_CHECKING:
    from collections.abc import Iterator

RNG = np.random.default_rng(7)
ROWS = 300
FRAME = pd.DataFrame(
    {
        "delay": RNG.normal(size=ROWS),
        "hour": RNG.integers(0, 24, ROWS),
        "origin": pd.Series(RNG.choice(["EWR", "JFK", "LGA"], ROWS)),
        "holiday": RNG.random(ROWS) > 0.9,
    }
)
LATE = ((FRAME["delay"] + FRAME["hour"] / 12) > 1).to_numpy().astype(int)
NUMBERS = FRAME[["delay", "hour"]]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    # Many threads on a busy machine make small trees a thousand times slower.
    with threadpool_limits(1):
        yield


def columns(encoder: object) -> ColumnTransformer:
    return ColumnTransformer(
        [("numbers", StandardScaler(), ["delay", "hour"]), ("names", encoder, ["origin"])], remainder="passthrough"
    )


def ordinal() -> OrdinalEncoder:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def pipeline() -> object:
    model = make_pipeline(columns(OneHotEncoder(handle_unknown="ignore")), LogisticRegression())
    return model.fit(FRAME, LATE)


MODELS = {
    "logistic": (make_pipeline(columns(OneHotEncoder(handle_unknown="ignore")), LogisticRegression()), FRAME),
    "boosting": (make_pipeline(columns(ordinal()), HistGradientBoostingClassifier(max_iter=5)), FRAME),
    "categorical positions": (
        make_pipeline(columns(ordinal()), HistGradientBoostingClassifier(max_iter=5, categorical_features=[2])),
        FRAME,
    ),
    "categorical dtype": (
        HistGradientBoostingClassifier(max_iter=5),
        FRAME.assign(origin=FRAME["origin"].astype("category")),
    ),
    "forest": (RandomForestClassifier(5, random_state=0), NUMBERS),
    "gradient boosting": (GradientBoostingClassifier(n_estimators=5), NUMBERS),
    "matrix": (LogisticRegression(), NUMBERS.to_numpy()),
}


@pytest.mark.parametrize("name", MODELS)
def test_answers_as_the_fitted_model_does(name: str) -> None:
    model, rows = MODELS[name]
    model.fit(rows, LATE)
    loaded = load(save(model, rows).content)
    assert np.array_equal(loaded.predict(rows), model.predict(rows))
    assert np.allclose(loaded.predict_proba(rows), model.predict_proba(rows), rtol=1e-12)
    predicted, probability = loaded.answer(rows)
    assert np.array_equal(predicted, model.predict(rows))
    assert probability is not None
    assert np.allclose(probability, model.predict_proba(rows), rtol=1e-12)
    assert loaded.classes == [0, 1]


def test_no_warning_when_the_frame_fits() -> None:
    loaded = load(save(pipeline(), FRAME).content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(loaded.predict(FRAME)) == len(FRAME)


def test_same_model_gives_same_bytes_in_another_process(tmp_path: object) -> None:
    script = (
        "import numpy as np\nfrom sklearn.ensemble import HistGradientBoostingRegressor as H\n"
        "from assay.tracking.formats import save\n"
        "x = np.random.default_rng(0).normal(size=(200, 3))\n"
        "print(save(H(max_iter=4, random_state=0).fit(x, x[:, 0]), x).digest)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=environment | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


def test_signature_says_what_the_model_takes() -> None:
    model, rows = MODELS["categorical dtype"]
    package = save(model.fit(rows, LATE), rows)
    assert package.format == "skops"
    assert package.signature == {
        "inputs": {"delay": "float", "hour": "int", "origin": "category", "holiday": "bool"},
        "output": "int",
        "classes": [0, 1],
        "container": "frame",
        "categories": {"origin": ["EWR", "JFK", "LGA"]},
    }
    assert list(load(package.content).signature["inputs"]) == list(rows.columns)


def test_takes_tables_of_every_form() -> None:
    model = pipeline()
    loaded = load(save(model, FRAME).content)
    expected = model.predict(FRAME)
    shuffled = FRAME[["holiday", "origin", "hour", "delay"]]
    for rows in (
        shuffled,
        pl.from_pandas(FRAME),
        pa.Table.from_pandas(FRAME, preserve_index=False),
        FRAME.to_dict("list"),
        FRAME.astype({"origin": "object"}),
        FRAME.astype({"origin": "category"}),
        FRAME.astype({"hour": float}),
        FRAME.astype({"hour": "Int64", "delay": "Float64"}),
    ):
        assert np.array_equal(loaded.predict(rows), expected)


def test_regression_and_text_classes() -> None:
    loaded = load(save(HistGradientBoostingRegressor(max_iter=3).fit(NUMBERS, FRAME["delay"]), NUMBERS).content)
    assert loaded.signature["output"] == "float"
    assert loaded.classes is None
    assert not hasattr(loaded, "predict_proba")
    assert loaded.answer(NUMBERS)[1] is None
    named = np.where(LATE == 1, "late", "on time")
    loaded = load(save(LogisticRegression().fit(NUMBERS, named), NUMBERS).content)
    assert loaded.signature["output"] == "str"
    assert loaded.classes == ["late", "on time"]
    assert set(loaded.predict(NUMBERS)) == {"late", "on time"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="hour"), "column 'hour' is missing: the model takes delay, hour, origin, holiday"),
        (lambda f: f.assign(id=1), "column 'id' is not in the signature"),
        (lambda f: f.assign(hour="ten"), "column 'hour' must be int, got"),
        (lambda f: f.assign(hour=f["hour"] + 0.5), "column 'hour' must be int, got .*.5 in row 0"),
        (lambda f: f.assign(delay=True), "column 'delay' must be float, got bool"),
        (lambda f: f.assign(origin=1), "column 'origin' must be str, got int64"),
        (lambda f: f.assign(holiday=[None] + [True] * (len(f) - 1)), "column 'holiday' misses a truth value in row 0"),
        (lambda f: f.assign(origin=["EWR", 3] * (len(f) // 2)), "column 'origin' mixes types"),
        (lambda f: f.assign(delay=np.nan), "the model refused the rows: Input X contains NaN"),
        (lambda f: f.iloc[:0], "no rows were given"),
        (lambda f: {"delay": [1.0], "hour": [1, 2]}, "the columns differ in length: 1, 2"),
        (lambda f: f.to_numpy()[0], "rows must be a table or a matrix, got an array of 1 dimensions"),
        (lambda f: f.to_numpy()[:, :3], "the matrix has 3 columns, the model takes 4"),
        (lambda f: "rows", "rows must be a table or a matrix, got str"),
    ],
)
def test_refuses_rows_that_do_not_fit(change: object, message: str) -> None:
    loaded = load(save(pipeline(), FRAME).content)
    with pytest.raises(DataError, match=message):
        loaded.predict(change(FRAME))  # type: ignore[operator]


def test_missing_numbers_reach_a_model_that_takes_them() -> None:
    model = HistGradientBoostingClassifier(max_iter=3).fit(NUMBERS, LATE)
    loaded = load(save(model, NUMBERS).content)
    holes = {"delay": [None, 1.0], "hour": [None, 3]}
    assert np.array_equal(loaded.predict(holes), model.predict(pd.DataFrame(holes, dtype=float)))


def test_example_must_be_what_the_model_was_trained_on() -> None:
    model = pipeline()
    with pytest.raises(DataError, match="has column 'late', which the model was not trained on"):
        save(model, FRAME.assign(late=LATE))
    with pytest.raises(DataError, match="lacks column 'hour'"):
        save(model, FRAME.drop(columns="hour"))
    rows = NUMBERS.assign(when=pd.Timestamp("2013-01-01"))
    dated = make_pipeline(ColumnTransformer([("keep", "passthrough", ["hour"])]), Ridge()).fit(rows, LATE)
    with pytest.raises(DataError, match="column 'when' has type timestamp"):
        save(dated, rows)


class Custom(BaseEstimator):
    def fit(self, X: object, y: object) -> Custom:
        self.n_features_in_ = 2
        return self

    def predict(self, X: object) -> np.ndarray:
        return np.zeros(len(X))  # type: ignore[arg-type]


def shout(values: object) -> object:
    return values


def test_types_outside_the_list_are_named_with_the_way_out() -> None:
    with pytest.raises(ModelError, match=r"types outside the allow-list: .*Custom; build it from .* module:callable"):
        save(Custom().fit(None, None), NUMBERS)
    with pytest.raises(ModelError, match=r"allow-list: .*shout"):
        save(make_pipeline(FunctionTransformer(shout), LogisticRegression()).fit(NUMBERS, LATE), NUMBERS)
    with pytest.raises(ModelError, match=r"allow-list: .*KDTree.*algorithm=\"brute\""):
        save(KNeighborsClassifier().fit(NUMBERS, LATE), NUMBERS)
    brute = KNeighborsClassifier(algorithm="brute").fit(NUMBERS, LATE)
    assert np.array_equal(load(save(brute, NUMBERS).content).predict(NUMBERS), brute.predict(NUMBERS))
    calls = make_pipeline(FunctionTransformer(functools.partial(shout)), Ridge()).fit(NUMBERS, LATE)
    with pytest.raises(ModelError, match=r"allow-list: .*shout"):
        save(calls, NUMBERS)


def test_a_model_without_a_stable_answer_is_refused() -> None:
    with pytest.raises(ModelError, match="no longer gives its saved answer: predict is"):
        save(DummyClassifier(strategy="uniform").fit(NUMBERS, LATE), NUMBERS)
    with pytest.raises(ModelError, match="StandardScaler has no predict"):
        save(StandardScaler().fit(NUMBERS), NUMBERS)


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.putenv, ("ASSAY_PICKLE_RAN", "1"))


@pytest.mark.parametrize("packed", ["pickle", "joblib", "compressed"])
def test_pickle_needs_the_flag(packed: str) -> None:
    model = LogisticRegression().fit(NUMBERS, LATE)
    buffer = io.BytesIO()
    if packed == "pickle":
        pickle.dump(model, buffer)
    else:
        joblib.dump(model, buffer, compress=3 if packed == "compressed" else 0)
    content = buffer.getvalue()
    with pytest.raises(ModelError, match=r"runs any code that its author put in it.*allow_pickle=True"):
        load(content)
    loaded = load(content, allow_pickle=True)
    assert loaded.format == "pickle"
    assert np.array_equal(loaded.predict(NUMBERS), model.predict(NUMBERS))
    with pytest.raises(DataError, match="column 'hour' is missing"):
        loaded.predict(NUMBERS[["delay"]])


def test_refusing_a_pickle_does_not_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(joblib, "load", lambda *_: calls.append("ran"))
    with pytest.raises(ModelError):
        load(pickle.dumps(Bomb()))
    assert calls == []
    with pytest.raises(ModelError, match="the pickle holds a NoneType"):
        load(pickle.dumps(Bomb()), allow_pickle=True)
    assert calls == ["ran"]


def test_unknown_and_damaged_files_are_said_to_be_so() -> None:
    content = save(pipeline(), FRAME).content
    with pytest.raises(ModelError, match="neither a model package nor a pickle"):
        load(b"hello")
    with pytest.raises(ModelError, match="neither"):
        load(b"")
    with pytest.raises(ModelError, match="damaged"):
        load(content[: len(content) // 2])
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    with pytest.raises(ModelError, match="damaged"):
        load(flipped)
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    with pytest.raises(ModelError, match=r"without package.json"):
        load(empty.getvalue())
    with pytest.raises(ModelError, match=r"damaged: .*model\.skops"):
        load(repack(content, drop="model.skops"))


def repack(content: bytes, drop: str = "", **replaced: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            if name != drop:
                new.writestr(name, replaced.get(name.partition(".")[0], old.read(name)))
    return buffer.getvalue()


def test_a_changed_answer_is_found() -> None:
    one = save(LogisticRegression().fit(NUMBERS, LATE), NUMBERS).content
    other = save(LogisticRegression(C=0.5).fit(NUMBERS, LATE), NUMBERS).content
    with zipfile.ZipFile(io.BytesIO(other)) as archive:
        swapped = repack(one, model=archive.read("model.skops"))
    with pytest.raises(ModelError, match=r"no longer gives its saved answer: predict is 1 in row .*, was 0"):
        load(swapped)
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        older = archive.read("package.json").replace(b'"scikit-learn": "', b'"scikit-learn": "0.')
    with pytest.raises(ModelError, match=r"\(installed: scikit-learn .*, was 0\."):
        load(repack(swapped, package=older))


def test_a_package_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = save(pipeline(), FRAME).content
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("schema.json", b" " * 10**6)
    small = repack(content, model=inner.getvalue())
    assert len(small) < 100_000
    monkeypatch.setattr("assay.tracking.archive.UNPACKED_LIMIT", 200_000)
    with pytest.raises(ModelError, match="unpacks to more than"):
        load(small)
    monkeypatch.setattr("assay.tracking.archive.UNPACKED_LIMIT", 1000)
    with pytest.raises(ModelError, match="unpacks to more than"):
        load(content)


def broken_histogram(field: str, value: int) -> object:
    model = HistGradientBoostingClassifier(max_iter=2).fit(NUMBERS, LATE)
    model._predictors[1][0].nodes[field][0] = value
    return model


@pytest.mark.parametrize(("field", "value"), [("left", 10**6), ("right", 0), ("feature_idx", 2), ("feature_idx", -1)])
def test_nodes_out_of_range_are_refused_before_they_are_walked(field: str, value: int) -> None:
    with pytest.raises(ModelError, match="HistGradientBoostingClassifier has a tree node out of range"):
        trust.check_nodes(make_pipeline(StandardScaler(), broken_histogram(field, value)))


def test_trees_wider_than_their_owner_are_refused() -> None:
    wide = NUMBERS.assign(third=0.0)
    for model in (
        RandomForestClassifier(2),
        GradientBoostingClassifier(n_estimators=2),
        IsolationForest(n_estimators=2),
    ):
        model.fit(wide, LATE)
        trust.check_nodes(model)
        model.n_features_in_ = 2
        if isinstance(model, IsolationForest):
            model.estimators_features_ = [np.arange(2)] * 2
        with pytest.raises(ModelError, match="out of range"):
            trust.check_nodes(model)
