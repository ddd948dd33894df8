"""``find_slices`` on tables of all kinds, and on bad input."""

from __future__ import annotations

import doctest
import importlib
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from assay.data import mask
from assay.debugging import clearing, false_alarms, features, find_slices, misses, wrong_alarms
from assay.debugging.lattice import Coded
from assay.errors import DataError, UsageError

MODULES = [
    "clearing",
    "contrast",
    "features",
    "lattice",
    "losses",
    "objective",
    "predicate",
    "search",
    "slice_report",
    "slices",
    "verdicts",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"assay.debugging.{name}")).failed == 0


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = 6000
    frame = pd.DataFrame(
        {
            "hour": rng.integers(5, 24, rows),
            "carrier": rng.choice(["EV", "UA", "DL", "O'H"], rows),
            "temp": rng.normal(10, 8, rows).round(1),
            "scheduled": pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 364 * 24 * 60, rows), unit="min"),
            "holiday": rng.random(rows) < 0.1,
        }
    )
    frame.loc[rng.random(rows) < 0.2, "temp"] = np.nan
    frame.loc[rng.random(rows) < 0.05, "carrier"] = None
    return frame


def wrong(frame: pd.DataFrame, bad: Any, seed: int = 1) -> np.ndarray[Any, Any]:
    return (np.random.default_rng(seed).random(len(frame)) < np.where(bad, 0.5, 0.1)).astype(float)


def test_predicates_select_the_rows_that_were_counted(flights: pd.DataFrame) -> None:
    errors = wrong(flights, flights.temp.isna() | (flights.scheduled < "2013-03-01"))
    report = find_slices(flights, errors, k=25, score_weight=0.99, max_level=2, ranges=True, min_support=0.005)
    assert len(report) == 25
    for found in report:
        inside = mask(flights, str(found))
        assert inside.sum() == found.size
        assert errors[inside].mean() == pytest.approx(found.mean_error)
        assert errors[~inside].mean() == pytest.approx(found.rest_error)
        assert found.lift == pytest.approx(found.mean_error / found.rest_error)
    said = " ".join(map(str, report))
    assert "IS NULL" in said
    assert "TIMESTAMP" in said


@pytest.mark.parametrize(
    ("bad", "sql"),
    [
        (lambda f: f.carrier == "O'H", "carrier = 'O''H'"),
        (lambda f: f.carrier.isna(), "carrier IS NULL"),
        (lambda f: f.temp.isna() & (f.carrier == "EV"), "carrier = 'EV' AND temp IS NULL"),
        (lambda f: f.hour.between(9, 11), "hour >= 9 AND hour < 12"),
        (lambda f: f.holiday, "holiday = TRUE"),
        (lambda f: f.scheduled >= "2013-11-25", None),
    ],
)
def test_planted_slices_are_found(flights: pd.DataFrame, bad: Any, sql: str | None) -> None:
    errors = wrong(flights, bad(flights))
    level = 1 if sql is None else sql.count("AND") - sql.count("<") + 1
    [found] = find_slices(flights, errors, ranges=True, bins=20, max_level=level, rank="lcb", k=1)
    assert str(found) == sql if sql else found.predicates[0].low is not None
    [found] = find_slices(flights, errors, ranges=True, bins=20, max_level=level, score_weight=0.99, k=1)
    assert found.mean_error > 0.35


def test_words(flights: pd.DataFrame) -> None:
    errors = wrong(flights, flights.hour.between(17, 20) & (flights.carrier == "EV"))
    [found] = find_slices(flights, errors, ranges=True, bins=20, k=1, max_level=2, rank="lcb")
    assert found.words == "hour in 17-20 and carrier is EV"
    assert "hour in 17-20 and carrier is EV: " in str(
        find_slices(flights, errors, ranges=True, bins=20, k=1, max_level=2, rank="lcb")
    )


def test_all_kinds_of_table_are_one(flights: pd.DataFrame) -> None:
    errors = wrong(flights, flights.hour > 20)
    want = [str(each) for each in find_slices(flights, errors)]
    assert want
    for table in (pl.from_pandas(flights), pa.Table.from_pandas(flights), {c: flights[c] for c in flights}):
        assert [str(each) for each in find_slices(table, errors)] == want
    shuffled = np.random.default_rng(3).permutation(len(flights))
    assert [str(each) for each in find_slices(flights.iloc[shuffled], errors[shuffled])] == want


def test_whole_numbers_in_an_array_are_codes() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 70, size=(4000, 3))
    errors = np.where(codes[:, 1] == 41, 1.0, 0.1)
    assert str(find_slices(codes, errors, k=1)[0]) == "x1 = 41"
    assert find_slices(codes.astype(float), errors, k=1)[0].predicates[0].ranged


def test_a_value_that_fills_bins_gets_one_of_its_own() -> None:
    rng = np.random.default_rng(0)
    gain = np.where(rng.random(5000) < 0.95, 0.0, rng.exponential(1000, 5000))
    found = find_slices({"gain": gain}, (gain > 0).astype(float), k=1)
    assert gain[mask(pa.table({"gain": gain}), str(found[0]))].min() > 0
    assert found[0].size == (gain > 0).sum()


def test_bins_of_the_same_width(flights: pd.DataFrame) -> None:
    errors = wrong(flights, flights.temp > 30)
    report = find_slices(flights[["temp"]], errors, binning="width", bins=4, k=9, score_weight=1.0, min_support=1)
    step = (flights.temp.max() - flights.temp.min()) / 4
    assert report[0].predicates[0].low == pytest.approx(flights.temp.max() - step)
    with pytest.raises(DataError, match="column 'temp' has infinite values"):
        find_slices({"temp": np.append(np.arange(50.0), np.inf)}, np.ones(51), binning="width")


def test_weights_count_as_rows(flights: pd.DataFrame) -> None:
    errors = wrong(flights, flights.hour > 20)
    weights = np.random.default_rng(2).integers(0, 4, len(flights))
    copies = np.repeat(np.arange(len(flights)), weights)
    weighed = find_slices(flights, errors, weights=weights, bins=None, max_level=2)
    copied = find_slices(flights.iloc[copies], errors[copies], bins=None, max_level=2)
    assert [str(a) for a in weighed] == [str(b) for b in copied]
    assert [a.score for a in weighed] == pytest.approx([b.score for b in copied])


def test_where_it_got_worse(flights: pd.DataFrame) -> None:
    old = wrong(flights, flights.carrier == "UA")
    new = wrong(flights, (flights.carrier == "UA") | (flights.hour == 9), seed=2)
    assert (
        str(find_slices(flights, new, errors_old=old, bins=None, k=1, score_weight=0.99, max_level=1)[0]) == "hour = 9"
    )
    assert str(find_slices(flights, new, errors_old=old, bins=None, k=1, rank="lcb", max_level=1)[0]) == "hour = 9"


def test_metrics_of_some_rows(flights: pd.DataFrame) -> None:
    rng = np.random.default_rng(4)
    y = rng.random(len(flights)) < 0.3
    weak = (flights.carrier == "DL").to_numpy()
    predicted = np.where(
        y, rng.random(len(y)) < np.where(weak, 0.4, 0.8), rng.random(len(y)) < np.where(weak, 0.05, 0.1)
    )
    [found] = find_slices(flights, misses(y, predicted), k=1)
    assert str(found) == "carrier = 'DL'"
    assert found.size == (weak & y).sum()
    assert "DL" not in str(find_slices(flights, false_alarms(y, predicted), k=1, max_level=1, score_weight=1.0)[0])
    assert float(wrong_alarms(y, predicted).mean()) == pytest.approx((predicted & ~y).sum() / predicted.sum())
    with pytest.raises(DataError, match="no row has the label 'late'"):
        misses(y, predicted, positive="late")


def test_calibration(flights: pd.DataFrame) -> None:
    rng = np.random.default_rng(5)
    p = rng.random(len(flights)) * 0.4
    y = rng.random(len(flights)) < p + 0.3 * (flights.carrier == "EV")
    assert str(find_slices(flights, y, errors_old=p, k=1)[0]) == "carrier = 'EV'"


def test_no_errors_and_no_slices() -> None:
    report = find_slices({"a": ["x", "y"] * 50}, np.zeros(100))
    assert len(report) == 0
    assert "no slice of 32 rows or more" in str(report)
    assert not len(find_slices({"a": [None] * 100}, np.ones(100)))


@pytest.mark.parametrize(
    ("change", "problem", "words"),
    [
        ({"errors": [1.0, 0.0]}, DataError, "one entry for each of the 3 rows"),
        ({"errors": [1.0, -1.0, 0.0]}, DataError, "row 1 has -1.0"),
        ({"errors": [1.0, np.nan, 0.0]}, DataError, "row 1 has nan"),
        ({"errors": ["a", "b", "c"]}, DataError, "must be numbers"),
        ({"weights": [1.0, 1.0, np.inf]}, DataError, "row 2 has inf"),
        ({"weights": [0.0, 0.0, 0.0]}, DataError, "no row counts"),
        ({"errors_old": [1.0]}, DataError, "errors_old must have one entry"),
        ({"X": {}}, DataError, "no columns"),
        ({"X": 3}, DataError, "must be a table"),
        ({"X": np.zeros(3)}, DataError, "two dimensions"),
        ({"X": {"a": [1, 2, 3], "b": [1]}}, DataError, "column 'b'"),
        ({"k": 0}, UsageError, "k must be"),
        ({"score_weight": 0.0}, UsageError, "score_weight"),
        ({"min_support": 0}, UsageError, "min_support"),
        ({"max_level": 0}, UsageError, "None is for no limit"),
        ({"bins": 1}, UsageError, "bins"),
        ({"binning": "kmeans"}, UsageError, "binning"),
        ({"rank": "lift"}, UsageError, "rank"),
        ({"alpha": 1.0}, UsageError, "alpha"),
    ],
)
def test_bad_input(change: dict[str, Any], problem: type[Exception], words: str) -> None:
    arguments: dict[str, Any] = {"X": {"a": [1, 2, 3]}, "errors": [0.0, 1.0, 0.0]} | change
    with pytest.raises(problem, match=words):
        find_slices(arguments.pop("X"), arguments.pop("errors"), **arguments)


def test_times_of_python() -> None:
    days = [datetime(2024, 1, 1 + day % 20) for day in range(400)]
    errors = np.array([day % 20 == 7 for day in range(400)], dtype=float)
    found = find_slices({"day": days}, errors, bins=None, k=1, min_support=5)
    assert str(found[0]) == "day = TIMESTAMP '2024-01-08 00:00:00'"


def test_what_is_certain_is_said(flights: pd.DataFrame) -> None:
    errors = wrong(flights, (flights.carrier == "EV") & flights.holiday)
    report = find_slices(flights[["carrier", "hour", "holiday"]], errors)
    found = report[0]
    assert str(found) == "carrier = 'EV' AND holiday = TRUE"
    assert found in report.confirmed
    assert found.interval is not None
    assert 1 < found.interval[0] < 5 < found.interval[1]
    assert found.p_value < 0.05
    assert 0.1 < found.shrunk_error < found.mean_error
    assert "wrong against" in str(report)
    assert f"certain above {found.interval[0]:.3g}x" in str(report)
    assert report.status == "CLEARED"
    assert report.cleared is not None
    assert report.cleared > found.lift
    assert report.guarantee.kind == "exact"
    assert report.guarantee.error == 0.05


def test_a_part_that_adds_nothing_is_folded_in(flights: pd.DataFrame) -> None:
    errors = wrong(flights, flights.carrier == "EV")
    report = find_slices(flights, errors, score_weight=0.99, k=20)
    assert [str(each) for each in report.confirmed] == ["carrier = 'EV'"]
    inner = [each for each in report if each.part_of is not None]
    assert inner
    assert {str(each.part_of) for each in inner} == {"carrier = 'EV'"}
    assert len(report) == 20
    deeper = np.where(flights.holiday & (flights.carrier == "EV"), 1.0, errors)
    assert len(find_slices(flights, deeper, score_weight=0.99, k=20).confirmed) == 2


def test_rows_of_their_own_confirm(flights: pd.DataFrame) -> None:
    errors = np.random.default_rng(1).exponential(np.where(flights.carrier == "EV", 3.0, 1.0))
    half = np.arange(len(flights)) < 3000
    frame = flights[["carrier", "hour"]]
    report = find_slices(frame[half], errors[half], confirm=(frame[~half], errors[~half]))
    assert str(report.confirmed[0]) == "carrier = 'EV'"
    assert report.status == "UNDETERMINED"
    assert any("no part in the search" in each.text for each in report.guarantee.assumptions)
    unseen = frame[~half].assign(carrier="new")
    assert not find_slices(frame[half], errors[half], confirm={"X": unseen, "errors": errors[~half]}).confirmed
    with pytest.raises(UsageError, match="no place for 'y'"):
        find_slices(frame, errors, confirm={"X": frame, "errors": errors, "y": errors})
    with pytest.raises(UsageError, match=r"\(X, errors\)"):
        find_slices(frame, errors, confirm=frame)
    with pytest.raises(UsageError, match="unit must be given"):
        find_slices(frame, errors, unit=np.arange(len(frame)), confirm=(frame, errors))
    with pytest.raises(DataError, match="no column 'hour' in the rows to confirm with"):
        find_slices(frame, errors, confirm=(frame[["carrier"]], errors))


def test_repeated_groups_without_a_unit_confirm_nothing() -> None:
    rng = np.random.default_rng(0)
    customer = np.repeat(np.arange(200), 20)
    plan = rng.choice(["a", "b", "c"], 200)[customer]
    errors = (rng.random(4000) < rng.beta(0.5, 2, 200)[customer]).astype(float)
    table = {"customer_id": customer, "plan": plan}
    refused = find_slices(table, errors, score_weight=1.0)
    assert not refused.confirmed
    assert "errors cluster by customer_id" in str(refused)
    assert "declare the unit" in refused.bound
    assert refused.guarantee.kind == "none"
    told = find_slices(table, errors, score_weight=1.0, unit="customer_id")
    assert told.columns == ("plan",)
    assert told.guarantee.assumptions[0].text == "customer_ids are independent"
    same = find_slices({"plan": plan}, errors, score_weight=1.0, unit=customer)
    assert [str(each) for each in same] == [str(each) for each in told]


def test_of_two_models_a_rise_is_confirmed(flights: pd.DataFrame) -> None:
    old = wrong(flights, flights.carrier == "UA")
    new = wrong(flights, (flights.carrier == "UA") | (flights.hour == 9), seed=2)
    report = find_slices(flights, new, errors_old=old, bins=None, rank="lcb", max_level=1)
    assert [str(each) for each in report.confirmed] == ["hour = 9"]
    low, high = report.confirmed[0].interval or (0, 0)
    assert 0 < low < 0.4 < high + 0.1
    assert "points more error" in str(report)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"unit": "b"}, "no column 'b' to take as the unit"),
        ({"unit": "a"}, "no column but the unit"),
        ({"unit": [1, 2]}, "unit must have one entry"),
        ({"unit": [1.0, np.nan, 2.0]}, "row 1 has no unit"),
    ],
)
def test_bad_units(change: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        find_slices({"a": [1, 2, 3]}, [0.0, 1.0, 0.0], **change)


def test_large_lattices_are_not_cleared() -> None:
    rng = np.random.default_rng(0)
    report = find_slices(rng.integers(0, 2, size=(300, 16)), rng.random(300) < 0.2, max_level=None, min_support=100)
    assert report.status == "CLEARED"
    report = find_slices(rng.integers(0, 2, size=(300, 22)), rng.random(300) < 0.2, max_level=8, min_support=100)
    assert report.status == "UNDETERMINED"
    assert "no bound on all slices" in str(report)


@pytest.mark.parametrize("weighted", [False, True])
def test_slices_that_are_not_looked_into_have_no_larger_bound(monkeypatch: pytest.MonkeyPatch, weighted: bool) -> None:
    looked = []

    def most(seed: int) -> float:
        rng = np.random.default_rng(seed)
        rows = int(rng.integers(100, 1500))
        codes = rng.integers(0, rng.integers(2, 5), size=(rows, 5)).astype(np.uint8)
        values = (rng.random(rows) < rng.uniform(0.02, 0.5)).astype(float)
        values[(codes[:, 0] == 1) & (codes[:, 1] == 1)] = rng.random() < 0.5
        weights = rng.random(rows) + 0.5 if weighted else None
        spread = clearing.Spread.of(values, weights, 1.0, float(rng.uniform(10, rows / 20 + 11)))
        found = clearing.bounds(
            Coded(codes, codes.max(axis=0).astype(int) + 1, np.zeros(5, int)), values, weights=weights,
            independent=1.0 if weights is None else float(weights.max()), max_level=4, alpha=0.05, spread=spread,
        )  # fmt: skip
        looked.append(found.complete < 4)
        return found.most

    pruned = [most(seed) for seed in range(25)]
    assert any(looked)
    see = clearing.Bounds.see

    def everywhere(self: clearing.Bounds, counts: Any) -> Any:
        return np.where(
            see(self, counts) > -np.inf, np.inf, np.where(counts.size >= self.spread.support, np.inf, -np.inf)
        )

    monkeypatch.setattr(clearing.Bounds, "see", everywhere)
    assert [most(seed) for seed in range(25)] == pruned


def test_whole_numbers_are_looked_up_as_they_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for dtype, bins in ((np.int8, 5), (np.uint8, 300), (np.int64, 10)):
        values = rng.integers(-100 if dtype != np.uint8 else 0, 120, size=9000).astype(dtype)
        table = features.Feature.learn("x", values, bins, "quantile")
        codes = table.encode(values)
        monkeypatch.setattr(features, "_near", lambda known: None)
        plain = features.Feature.learn("x", values, bins, "quantile")
        assert np.array_equal(codes, plain.encode(values))
        assert np.array_equal(table.labels, plain.labels)
        assert np.array_equal(table.edges, plain.edges)
        monkeypatch.undo()


def test_a_notebook_shows_sentences_and_the_chart() -> None:
    rng = np.random.default_rng(0)
    X = {"who<>": rng.choice(["a", "b", "c"], 3000), "x": rng.integers(0, 5, 3000)}
    report = find_slices(X, rng.random(3000) < np.where(X["who<>"] == "a", 0.4, 0.1), rank="lcb")
    shown = report._repr_html_()
    assert "<li>CONFIRMED who&lt;&gt; is a: 4" in shown
    assert "CLEARED: no slice" in shown
    assert "<svg" in shown
    assert "times the error of the other rows" in shown
    drawn = report.chart(report.confirmed)["data"]["values"]
    assert [each["size"] for each in drawn] == [each.size for each in report.confirmed]
    none = find_slices(X, np.zeros(3000))
    assert "<svg" not in none._repr_html_()
    assert "UNDETERMINED" in none._repr_html_() or "CLEARED" in none._repr_html_()
