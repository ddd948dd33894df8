"""Weights, slices, nested columns, correlation, lift and information, each against another library or by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats
from sklearn.metrics import adjusted_mutual_info_score

from assay.errors import DataError
from assay.validation import profile


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 4000
    x = rng.lognormal(size=n)
    y = np.where(rng.random(n) < 0.2, np.nan, x + rng.normal(size=n))
    late = rng.random(n) < 1 / (1 + np.exp(1 - x))
    carrier = np.where(late & (rng.random(n) < 0.5), "AA", rng.choice(["AA", "UA", "DL"], n))
    return pd.DataFrame({"x": x, "y": y, "carrier": carrier, "late": late, "w": rng.random(n)})


def test_moments_are_those_of_scipy(frame):
    found = profile(frame).columns["x"]
    assert found.skewness == pytest.approx(stats.skew(frame.x), rel=1e-9)
    assert found.kurtosis == pytest.approx(stats.kurtosis(frame.x), rel=1e-9)
    assert found.sum == pytest.approx(frame.x.sum(), rel=1e-12)


def test_correlation_is_over_rows_that_have_both(frame):
    found = profile(frame).correlation
    assert found["x"]["y"] == found["y"]["x"] == pytest.approx(frame.x.corr(frame.y), rel=1e-9)


def test_weights(frame):
    found = profile(frame, weight="w").columns["y"].weighted
    have = frame.dropna()
    mean = np.average(have.y, weights=have.w)
    assert found["rows"] == pytest.approx(frame.w.sum())
    assert found["present"] == pytest.approx(have.w.sum())
    assert found["mean"] == pytest.approx(mean)
    assert found["sd"] == pytest.approx(math.sqrt(np.average((have.y - mean) ** 2, weights=have.w)))
    by_value = have.sort_values("y")
    median = by_value.y.to_numpy()[np.searchsorted(by_value.w.cumsum(), have.w.sum() / 2)]
    assert found["median"] == pytest.approx(median, rel=0.0101)


@pytest.mark.parametrize("bad", [None, -1.0, math.nan])
def test_a_bad_weight_is_named(bad):
    with pytest.raises(DataError, match="1 rows have a weight w"):
        profile(pa.table({"x": [1, 2], "w": pa.array([1.0, bad], pa.float64())}), weight="w")


def test_a_slice_is_the_profile_of_its_rows(frame):
    found = profile(frame, by="carrier").slices
    for carrier, rows in frame.groupby("carrier"):
        alone = profile(rows)
        mine = found[f"carrier={carrier}"]
        assert mine.rows == alone.rows
        for name in ("late", "w"):
            assert mine.columns[name].top == alone.columns[name].top
            assert mine.columns[name].distinct == alone.columns[name].distinct
        assert mine.columns["y"].mean == pytest.approx(rows.y.mean())
        # A statement and an array may round the middle of two values differently.
        assert mine.columns["x"].quantiles == pytest.approx(alone.columns["x"].quantiles, rel=1e-15)


def test_information_is_that_of_scikit_learn(frame):
    found = profile(frame, label="late")
    assert found.information["carrier"] == pytest.approx(
        adjusted_mutual_info_score(frame.late, frame.carrier), rel=1e-6
    )
    bins = found.columns["x"].quantile_histogram
    cells = np.digitize(frame.x, [each.high for each in bins[:-1]], right=True)
    assert found.information["x"] == pytest.approx(adjusted_mutual_info_score(frame.late, cells), rel=1e-6)


def test_lift_by_hand(frame):
    lift = profile(frame, label="late").lift["carrier"]["AA"]["true"]
    both = ((frame.carrier == "AA") & frame.late).mean()
    assert lift == pytest.approx(both / ((frame.carrier == "AA").mean() * frame.late.mean()))


def test_histograms_count_every_value_once(frame):
    found = profile(frame).columns["x"]
    assert sum(each.count for each in found.histogram) == pytest.approx(len(frame))
    assert sum(each.count for each in found.quantile_histogram) == len(frame)
    counts, _ = np.histogram(frame.x, 10)
    assert np.abs(np.array([each.count for each in found.histogram]) - counts).max() < 0.02 * len(frame)
    # Limits stand between buckets that are 2% wide.
    assert all(abs(each.count / len(frame) - 0.1) < 0.03 for each in found.quantile_histogram)


def test_fields_of_structs_and_elements_of_lists_have_columns():
    rows = [
        {"u": {"id": 1, "tags": ["a", "b"]}, "m": [[1, 2], [3]]},
        {"u": {"id": None, "tags": []}, "m": None},
        {"u": None, "m": [[], None, [4, 5, 6]]},
    ]
    found = profile(pa.Table.from_pylist(rows)).columns
    assert set(found) == {"u", "u.id", "u.tags", "u.tags.[]", "m", "m.[]", "m.[].[]"}
    assert (found["u"].present, found["u.id"].present, found["u.tags"].present) == (2, 1, 2)
    assert (found["u.tags"].length_min, found["u.tags"].length_max, found["u.tags"].length_mean) == (0, 2, 1.0)
    assert {each.value for each in found["u.tags.[]"].top} == {"a", "b"}
    assert (found["m"].rows, found["m"].nulls, found["m"].length_max) == (3, 1, 3)
    assert (found["m.[]"].rows, found["m.[]"].nulls, found["m.[]"].length_max) == (5, 1, 3)
    assert (found["m.[].[]"].rows, found["m.[].[]"].sum) == (6, 21.0)


def test_what_texts_look_like():
    texts = {
        "whole": [str(i) for i in range(50)],
        "number": [f"{i}.5" for i in range(50)],
        "day": [f"2013-01-{i:02d}" for i in range(1, 51)],
        "mail": [f"user{i}@example.com" for i in range(50)],
    }
    found = profile(pa.table(texts)).columns
    assert found["whole"].looks_like == {"integer": 1.0, "number": 1.0}
    assert found["number"].looks_like == {"number": 1.0}
    assert found["day"].looks_like == {"date": 0.62}
    assert found["mail"].looks_like == {"e-mail": 1.0}
    many = profile(pa.table({"s": [f"user{i}@example.com" for i in range(5000)] + ["none"] * 9})).columns["s"]
    assert many.looks_like["e-mail"] > 0.99


def test_too_many_slices():
    with pytest.raises(DataError, match="more than 1000 values"):
        profile(pa.table({"x": list(range(1500))}), by="x")
