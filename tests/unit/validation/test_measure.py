"""Deequ's analyzers, with the values that its own tests expect."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats
from sklearn.metrics import mutual_info_score

from assay.errors import DataError, UsageError
from assay.validation import (
    CREDIT_CARD,
    EMAIL,
    SOCIAL_SECURITY_NUMBER_US,
    URL,
    Analyzer,
    ApproxCountDistinct,
    ApproxQuantile,
    ApproxQuantiles,
    ColumnCount,
    ColumnExists,
    Completeness,
    Compliance,
    Correlation,
    CountDistinct,
    CustomAggregator,
    CustomSql,
    DatasetMatchAnalyzer,
    DataType,
    Distinctness,
    DuplicateRowCount,
    Entropy,
    ExactQuantile,
    Histogram,
    HistogramBinned,
    InterquartileRange,
    KLLSketch,
    Kurtosis,
    Maximum,
    MaxLength,
    Mean,
    Minimum,
    MinLength,
    MutualInformation,
    PatternMatch,
    Range,
    RatioOfSums,
    Size,
    Skewness,
    StandardDeviation,
    Sum,
    Uniqueness,
    UniqueValueRatio,
    Variance,
    ZerosCount,
    measure,
)

FULL = pa.table({"item": list("1234"), "att1": list("aaab"), "att2": list("cccd")})
MISSING = pa.table(
    {
        "item": [str(i) for i in range(1, 13)],
        "att1": ["a", "b", None, "a", "a", None, None, "b", "a", None, None, None],
        "att2": ["f", "d", "f", None, "f", "d", "d", None, "f", None, "f", "d"],
    }
)
NUMBERS = pa.table({"item": list("123456"), "att1": [1, 2, 3, 4, 5, 6], "att2": [0, 0, 0, 5, 6, 7]})
UNIQUE = pa.table(
    {
        "unique": list("123456"),
        "nonUnique": list("000567"),
        "nonUniqueWithNulls": ["3", "3", "3", None, None, None],
        "uniqueWithNulls": ["1", "2", None, "3", "4", "5"],
        "onlyUniqueWithOtherNonUnique": list("567000"),
    }
)
DISTINCT = pa.table({"att1": ["a", "a", None, "b", "b", "c"], "att2": [None, None, "x", "x", "x", "y"]})
LENGTHS = pa.table({"att1": ["", "a", "bb", "ccc", "dddd"]})
ENTROPY = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))


@pytest.mark.parametrize(
    ("table", "analyzer", "expected"),
    [
        (MISSING, Size(), 12),
        (MISSING, Size(where="att1 = 'a'"), 4),
        (MISSING, ColumnCount(), 3),
        (MISSING, ColumnExists("att1"), 1),
        (MISSING, ColumnExists("nothing"), 0),
        (MISSING, Completeness("att1"), 0.5),
        (MISSING, Completeness("att2"), 0.75),
        (MISSING, Completeness("att2", where="att1 is NOT NULL"), 4 / 6),
        (MISSING, Completeness("att1", where="item IN ('1', '2')"), 1.0),
        (MISSING, Uniqueness("att1"), 0.0),
        (FULL, Uniqueness("att1"), 0.25),
        (FULL, Uniqueness("att2"), 0.25),
        (UNIQUE, Uniqueness("unique"), 1.0),
        (UNIQUE, Uniqueness("uniqueWithNulls"), 1.0),
        (UNIQUE, Uniqueness(["unique", "nonUnique"]), 1.0),
        (UNIQUE, Uniqueness(["unique", "nonUniqueWithNulls"]), 1.0),
        (UNIQUE, Uniqueness(["nonUnique", "onlyUniqueWithOtherNonUnique"]), 1.0),
        (DISTINCT, Distinctness("att1"), 3 / 5),
        (DISTINCT, Distinctness("att2"), 2 / 4),
        (DISTINCT, Distinctness(["att1", "att2"]), 4 / 6),
        (DISTINCT, UniqueValueRatio("att1"), 1 / 3),
        (DISTINCT, CountDistinct("att1"), 3),
        (DISTINCT, DuplicateRowCount(["att1", "att2"]), 4),
        (DISTINCT, DuplicateRowCount(), 4),
        (UNIQUE, CountDistinct("uniqueWithNulls"), 5),
        (UNIQUE, ApproxCountDistinct("uniqueWithNulls"), 5),
        (UNIQUE, ApproxCountDistinct("uniqueWithNulls", where="\"unique\" < '4'"), 2),
        (FULL, Entropy("att1"), ENTROPY),
        (FULL, MutualInformation("att1", "att2"), ENTROPY),
        (FULL, MutualInformation("att1", "att1"), ENTROPY),
        (NUMBERS, Compliance("rule", "att1 > 3"), 3 / 6),
        (NUMBERS, Compliance("rule", "att1 > 2"), 4 / 6),
        (NUMBERS, Compliance("rule", "att2 = 0", where="att1 < 4"), 1.0),
        (NUMBERS, Mean("att1"), 3.5),
        (NUMBERS, Mean("att1", where="item != '6'"), 3.0),
        (NUMBERS, StandardDeviation("att1"), 1.707825127659933),
        (NUMBERS, Variance("att1"), 2.9166666666666665),
        (NUMBERS, Minimum("att1"), 1.0),
        (NUMBERS, Maximum("att1"), 6.0),
        (NUMBERS, Maximum("att1", where="item != '6'"), 5.0),
        (NUMBERS, Range("att1"), 5.0),
        (NUMBERS, Sum("att1"), 21.0),
        (NUMBERS, ZerosCount("att2"), 3),
        (NUMBERS, RatioOfSums("att1", "att2"), 21 / 18),
        (NUMBERS, CustomSql("SELECT max(att1) + 1 FROM rows"), 7),
        (LENGTHS, MinLength("att1"), 0),
        (LENGTHS, MinLength("att1", where="att1 != ''"), 1),
        (LENGTHS, MaxLength("att1"), 4),
        (LENGTHS, MaxLength("att1", where="att1 != 'dddd'"), 3),
        (MISSING, MinLength("att1"), 1),
        (MISSING, MinLength("att1", nulls="empty"), 0),
        (MISSING, Histogram("att1"), {"NullValue": 6, "a": 4, "b": 2}),
        (MISSING, Histogram("att1", max_bins=2), {"NullValue": 6, "a": 4}),
        (
            pa.table({"product": ["F", "C", "F", "E", "E"], "units": [25, 20, 30, 10, 50]}),
            Histogram("product", sum_of="units"),
            {"E": 60.0, "F": 55.0, "C": 20.0},
        ),
        (
            UNIQUE,
            DataType("uniqueWithNulls"),
            {"Unknown": 1, "Fractional": 0, "Integral": 5, "Boolean": 0, "String": 0},
        ),
        (
            pa.table({"att1": ["true", "false", None, "2.0", "-1.5", "-4", "x"]}),
            DataType("att1"),
            {"Unknown": 1, "Fractional": 2, "Integral": 1, "Boolean": 2, "String": 1},
        ),
        (pa.table({"a": [1, 2, 3], "b": [4, 5, 6]}), Correlation("a", "b"), 1.0),
        (NUMBERS, HistogramBinned("att2", edges=[0, 5, 7]), [(0.0, 5.0, 3), (5.0, 7.0, 3)]),
        (NUMBERS, HistogramBinned("att1", bins=1), [(1.0, 6.0, 6)]),
        (pa.table({"a": [5, 5]}), HistogramBinned("a"), [(5.0, 5.0, 2)]),
    ],
)
def test_values(table: pa.Table, analyzer: Analyzer, expected: object) -> None:
    found = measure(table, [analyzer])[analyzer]
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_a_constant_column_has_no_correlation_and_no_information() -> None:
    table = pa.table({"att1": [1, 2, 3], "att2": [0, 0, 0]})
    found = measure(
        table, [Correlation("att1", "att2"), MutualInformation("att1", "att2"), Skewness("att2"), Kurtosis("att2")]
    )
    assert [math.isnan(value) or value for value in found.values()] == [True, 0.0, 0.0, 0.0]


def test_moments_and_quantiles_against_numpy_and_scipy() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.gamma(2, 3, 500) + 1e6, rng.integers(0, 5, 500)
    frame = pd.DataFrame({"x": x, "y": y, "z": y + rng.integers(0, 2, 500)})
    wanted = [
        Skewness("x"), Kurtosis("x"), InterquartileRange("x"), ExactQuantile("x", 0.3), ApproxQuantile("x", 0.9),
        MutualInformation("y", "z"), Correlation("x", "z"), StandardDeviation("x"),
    ]  # fmt: skip
    expected = [
        stats.skew(x), stats.kurtosis(x), stats.iqr(x), np.quantile(x, 0.3), np.quantile(x, 0.9),
        mutual_info_score(frame.y, frame.z), np.corrcoef(x, frame.z)[0, 1], x.std(),
    ]  # fmt: skip
    assert list(measure(frame, wanted).values()) == pytest.approx(expected, rel=1e-6)
    levels = measure(frame, [ApproxQuantiles("x", [0.25, 0.75])])
    assert next(iter(levels.values())) == pytest.approx({0.25: np.quantile(x, 0.25), 0.75: np.quantile(x, 0.75)})
    sketch = next(iter(measure(frame, [KLLSketch("x", 10)]).values()))
    assert [n for _, _, n in sketch.buckets] == np.histogram(x, 10)[0].tolist()
    assert sketch.percentiles == pytest.approx(np.quantile(x, np.arange(1, 100) / 100))


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (EMAIL, ["someone@somewhere.org", "a.b+c@d-e.co.uk"], ["someone@else", "@x.org", "a b@c.org"]),
        (URL, ["http://foo.com/blah_blah", "https://www.example.com/foo/?bar=baz", "ftp://a.b/c"], ["http://", "foo.com", "http:// a.b"]),
        (SOCIAL_SECURITY_NUMBER_US, ["111-05-1130", "665-01-0001"], ["000-05-1130", "666-05-1130", "900-05-1130", "111-00-1130", "111-05-0000"]),
        (CREDIT_CARD, ["378282246310005", "4111 1111 1111 1111", "5555-5555-5555-4444", "30569309025904", "4222222222222"], ["0000 0000 0000 0000", "6011111111111117", "51000000"]),
    ],
)  # fmt: skip
def test_patterns(pattern: str, good: list[str], bad: list[str]) -> None:
    for texts, expected in ((good, 1.0), (bad, 0.0)):
        assert (
            measure(pa.table({"some": texts}), [PatternMatch("some", pattern)])[PatternMatch("some", pattern)]
            == expected
        )


def test_a_pattern_is_looked_for_anywhere_and_a_missing_text_does_not_match() -> None:
    table = pa.table({"some": ["1", "a", None, "b2"]})
    assert measure(table, [PatternMatch("some", r"\d")])[PatternMatch("some", r"\d")] == 0.5


def test_missing_numbers_are_null_and_nan() -> None:
    table = pa.table({"x": [1.0, float("nan"), None, 3.0]})
    found = measure(table, [Completeness("x"), Mean("x"), Maximum("x"), StandardDeviation("x"), Skewness("x")])
    assert list(found.values()) == [0.5, 2.0, 3.0, 1.0, 0.0]


def test_nothing_to_measure_is_none() -> None:
    table = pa.table({"x": pa.array([None, None], pa.float64()), "s": pa.array([None, None], pa.string())})
    wanted = [
        Mean("x"),
        Maximum("x"),
        Skewness("x"),
        MinLength("s"),
        Uniqueness("s"),
        Correlation("x", "x"),
        RatioOfSums("x", "x"),
    ]
    assert set(measure(table, wanted).values()) == {None}
    assert measure(table, [Entropy("s"), CountDistinct("s")]) == {Entropy("s"): 0.0, CountDistinct("s"): 0}
    assert measure(table, [Completeness("x", where="x > 1")])[Completeness("x", where="x > 1")] is None


def test_where_of_the_call_and_of_the_analyzer_both_count() -> None:
    found = measure(
        NUMBERS,
        [Size(), Size(where="att2 = 0"), Uniqueness("att2", where="att1 >= 3"), ColumnCount()],
        where="att1 > 1",
    )
    assert list(found.values()) == [5, 2, 1.0, 3]


def test_an_aggregate_of_ones_own_and_another_table() -> None:
    spread = CustomAggregator("spread", lambda rows: rows.att1.max() - rows.att2.min(), where="att1 < 6")
    other = NUMBERS.slice(0, 3)
    found = measure(NUMBERS, [spread, DatasetMatchAnalyzer(other, "item", "att1")])
    assert list(found.values()) == [5, 0.5]


def test_many_columns_are_measured_together() -> None:
    rng = np.random.default_rng(0)
    table = pa.table({f"c{i}": rng.normal(size=50) for i in range(500)})
    found = measure(table, [kind(f"c{i}") for i in range(500) for kind in (Completeness, Mean, StandardDeviation)])
    assert len(found) == 1500
    assert found[Mean("c499")] == pytest.approx(table["c499"].to_numpy().mean())


@pytest.mark.parametrize(
    ("analyzer", "message"),
    [
        (Mean("att1"), "needs numbers"),
        (PatternMatch("n", "x"), "needs texts"),
        (MinLength("n"), "needs texts"),
        (Skewness("att1"), "needs numbers"),
        (Completeness("atto1"), "did you mean 'att1'"),
        (Compliance("rule", "nothing > 3"), "unknown column 'nothing'"),
        (Compliance("rule", "n >"), "not an SQL expression"),
        (MinLength("att1", nulls="fail"), "1 texts are missing"),
        (CustomSql("SELECT n FROM rows"), "select one number"),
        (CustomSql("DROP TABLE rows"), "not one query"),
        (CustomSql("SELECT nothing FROM rows"), "nothing"),
    ],
)
def test_what_cannot_be_measured_is_refused(analyzer: Analyzer, message: str) -> None:
    table = pa.table({"att1": ["a", None], "n": [1, 2]})
    with pytest.raises(DataError, match=message):
        measure(table, [analyzer])


def test_terms_out_of_range_are_refused() -> None:
    for make in (
        lambda: ApproxQuantile("a", 1.1),
        lambda: ApproxQuantile("a", 0.5, -0.1),
        lambda: Histogram("a", max_bins=1001),
        lambda: HistogramBinned("a", edges=[1, 1]),
        lambda: Uniqueness([]),
        lambda: KLLSketch("a", 101),
    ):
        with pytest.raises(DataError):
            make()
    with pytest.raises(UsageError, match="is no analyzer"):
        measure(FULL, ["Completeness"])  # type: ignore[list-item]


def test_equal_analyzers_are_one() -> None:
    assert len({Uniqueness("a"), Uniqueness(["a"]), Uniqueness(("a",))}) == 1
