from __future__ import annotations

import datetime
import doctest
import math

import numpy as np
import pyarrow as pa
import pytest

import assay
from assay.errors import DataError, UsageError
from assay.validation import row_skew, skew

NAN = float("nan")


def by_subject(verdicts):
    return {verdict.subject: verdict for verdict in verdicts}


def test_examples_run():
    assert doctest.testmod(row_skew).failed == 0


def test_the_function_stays_the_function_once_its_module_is_loaded():
    assert callable(assay.validation.skew)


def test_missing_values_and_infinities_are_equal_to_themselves_alone():
    x = [1.0, None, NAN, math.inf, 0.0, None]
    y = [1.0, None, NAN, math.inf, None, NAN]
    train, serve = ({"id": range(6), "x": values} for values in (x, y))
    verdict = by_subject(skew(pa.table(train), pa.table(serve), on=["id"]))["x"]
    # NaN and NULL are both a missing number.
    assert verdict.evidence.statistic["differ"] == 1
    assert verdict.evidence.series == {"id": [4], "train": [0.0], "serve": [None]}


def test_numbers_are_equal_to_the_digits_that_are_asked_for():
    x = np.array([1.0, 1.0, 1.0, 1e6])
    train = pa.table({"id": range(4), "x": x})
    serve = pa.table({"id": range(4), "x": x + np.array([0.004, -0.004, 0.006, 1.0])})
    assert by_subject(skew(train, serve, on=["id"]))["x"].evidence.statistic["differ"] == 4
    assert by_subject(skew(train, serve, on=["id"], digits=2))["x"].evidence.statistic["differ"] == 2
    assert by_subject(skew(train, serve, on=["id"], digits=-1))["x"].passed


def test_joins_by_several_keys_of_every_kind():
    day = [datetime.date(2013, 1, d) for d in (1, 1, 2, 2)]
    train = pa.table({"day": day, "carrier": ["a", "b", "a", None], "x": [1, 2, 3, 4], "y": [True, True, False, None]})
    serve = pa.table(
        {"carrier": ["b", "a", "c", "a"], "day": day, "x": [2.0, 1.0, 0.0, 9.0], "y": [True, True, None, None]}
    )
    found = by_subject(skew(train, serve, on=["day", "carrier"]))
    assert found["keys"].evidence.statistic == {
        "joined": 3,
        "only_in_training": 0,
        "only_in_serving": 1,
        "training_without_key": 1,
        "serving_without_key": 0,
    }
    assert found["x"].evidence.series == {"day": ["2013-01-02"], "carrier": ["a"], "train": [3], "serve": [9.0]}
    assert found["y"].evidence.statistic["differ"] == 1


def test_what_cannot_be_compared_is_skipped_and_said():
    train = pa.table({"id": [1, 2], "label": [0, 1], "x": ["1", "2"], "tags": [[1], [2]], "z": [1, 2]})
    serve = pa.table({"id": [1, 2], "x": [1, 2], "tags": [[1], [3]], "z": [5, 6], "score": [0.1, 0.2]})
    found = by_subject(skew(train, serve, on=["id"], ignore=["z"]))
    assert {name: verdict.status for name, verdict in found.items()} == {
        "keys": "pass", "label": "skipped", "x": "skipped", "tags": "skipped",
    }  # fmt: skip
    assert "VAL101" in found["x"].reason


def test_no_row_in_common_is_told_and_decides_nothing():
    found = by_subject(skew(pa.table({"id": [1], "x": [1]}), pa.table({"id": [2], "x": [1]}), on=["id"], tolerance=0.1))
    assert found["keys"].failed
    assert found["x"].status == "skipped"


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"on": []}, UsageError, "on: name"),
        ({"on": ["key"]}, DataError, "no column 'key'"),
        ({"on": ["twice"]}, DataError, r"3 rows with twice = 7"),
        ({"on": ["text"]}, DataError, "key 'text' is string in training and integer in serving"),
        ({"ignore": ["nothing"]}, DataError, "no column 'nothing'"),
        ({"tolerance": 1.0}, UsageError, "tolerance"),
        ({"alpha": 0}, UsageError, "alpha"),
        ({"unit": "who"}, DataError, "no column 'who'"),
    ],
)
def test_refuses_what_it_cannot_judge(change, error, said):
    train = pa.table({"id": [1, 2, 3], "twice": [7, 7, 7], "text": ["a", "b", "c"]})
    serve = pa.table({"id": [1, 2, 3], "twice": [1, 2, 3], "text": [1, 2, 3]})
    with pytest.raises(error, match=said):
        skew(train, serve, **({"on": ["id"]} | change))


def sides(rows, share, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    moved = rng.random(rows) < share
    day = np.datetime64("2013-01-01") + np.arange(rows) // 100
    return (
        pa.table({"row": np.arange(rows), "day": day, "x": x, "y": x}),
        pa.table({"row": np.arange(rows), "x": x, "y": x + moved}),
    )


def test_a_tolerance_is_tested_three_ways():
    for share, status in ((0.002, "pass"), (0.02, "inconclusive"), (0.05, "fail")):
        train, serve = sides(4000, share)
        found = by_subject(skew(train, serve, on=["row"], ignore=["day"], tolerance=0.02))
        assert found["y"].status == status
        assert found["x"].passed
        assert found["y"].guarantee.error == 0.05


def test_rows_that_differ_by_day_need_the_unit():
    train, serve = sides(8000, 0.0)
    y = serve["y"].to_numpy() + (np.arange(8000) // 100 % 4 == 0)
    serve = serve.set_column(2, "y", pa.array(y))
    found = by_subject(skew(train, serve, on=["row"], ignore=["day"], tolerance=0.02))
    assert found["y"].inconclusive
    assert found["y"].guarantee.kind == "none"
    assert by_subject(skew(train, serve, on=["row"], ignore=["day"], tolerance=0.02, unit="day"))["y"].failed


def test_the_order_of_rows_and_columns_changes_nothing():
    train, serve = sides(500, 0.1)
    order = np.random.default_rng(1).permutation(500)
    told = [v.reason for v in skew(train, serve, on=["row"])]
    assert [
        v.reason for v in skew(train.take(order), serve.select(["y", "row", "x"]).take(order[::-1]), on=["row"])
    ] == told
