from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import UsageError
from assay.validation import Schema, profile, suggest
from assay.validation.suggesting import allowed
from assay.validation.text_patterns import pattern_of

RNG = np.random.default_rng(0)
N = 2000
ZIP = RNG.integers(0, 200, N)
ORDERS = pa.table(
    {
        "order_id": np.arange(N),
        "customer": RNG.integers(0, 50, N),
        "mail": [f"user{i}@shop{i % 7}.org" for i in range(N)],
        "zip": [f"{z:05d}" for z in ZIP],
        "city": [f"c{z // 9}" for z in ZIP],
        "net": (net := RNG.integers(1, 500, N)),
        "tax": (tax := RNG.integers(1, 90, N)),
        "gross": net + tax,
    }
)


@pytest.fixture(scope="module")
def found():
    return suggest(ORDERS, references={"customers": pa.table({"id": np.arange(50), "n": np.zeros(50)})})


def test_what_the_rows_say_is_suggested(found):
    names = {one.name for one in found}
    assert {
        "never-null:order_id", "unique:order_id", "format:mail", "pattern:zip", "categories:city", "range:net",
        "drift:net", "order:net<=gross", "sum:net+tax=gross", "determines:zip->city", "foreign-key:customer->customers.id",
    } <= names  # fmt: skip
    assert not any(name.startswith("order:") and "order_id" in name.partition("<=")[2] for name in names)
    assert "determines:city->zip" not in names


def test_never_only_where_a_name_vouches(found):
    assert {one.column for one in found if one.kind == "never"} == {"order_id"}
    one = next(one for one in found if one.name == "never-null:order_id")
    assert "the data alone foretell 1.8e+02" in one.basis


def test_the_table_says_rule_evidence_bound_and_alarms(found):
    text = str(found)
    assert "for daily batches of 2,000 rows, checked at alpha = 0.00274" in text
    assert "zip determines city in all but" in text
    assert "0 of 1,000 rows break it, at most" in text
    assert "false alarms a year are predicted" in text


def test_what_is_accepted_is_a_schema_that_reads_back(found):
    schema = found.accept("pattern:zip", "sum:net+tax=gross", "unique:order_id")
    assert Schema.from_toml(schema.to_toml()) == schema
    assert schema.columns["order_id"].unique
    assert schema.columns["zip"].pattern.regex == "^[0-9]{5}$"
    assert [relation.equals for relation in schema.relations] == ["gross"]
    # Without names all but the rules without exception.
    everything = found.accept()
    assert not everything.columns["order_id"].unique
    assert everything.columns["net"].drift is not None
    with pytest.raises(UsageError, match="did you mean 'pattern:zip'"):
        found.accept("patern:zip")


def test_rows_that_depend_on_each_other_foretell_nothing():
    days = np.repeat(np.arange(40), 50)
    level = np.repeat(np.random.default_rng(1).normal(size=40), 50)
    table = pa.table({"date": days, "temperature": level + np.random.default_rng(2).normal(size=2000) / 3})
    unaware = suggest(table)
    assert all(one.predicted is None for one in unaware if one.kind != "never")
    assert "rows cluster by date" in next(one.basis for one in unaware if one.name == "nulls:temperature")
    aware = suggest(table, unit="date")
    assert "rows of one date depend on each other" in str(aware)
    assert aware.accept().unit == "date"


def test_nested_columns_are_no_hindrance():
    rows = [{"u": {"id": i, "tags": ["a"]}, "m": [[1, 2]], "s": f"v{i % 4}"} for i in range(400)]
    assert list(suggest(pa.Table.from_pylist(rows)))


def test_a_profile_says_what_it_cannot_suggest():
    found = suggest(profile(ORDERS))
    assert {"nulls:net", "range:net", "categories:city"} <= {one.name for one in found}
    assert "Left out: patterns of texts and rules over several columns" in str(found)


@pytest.mark.parametrize(("given", "yearly"), [("1/year", 1), ("2 / month", 24), (0.5, 0.5), ("1/day", 365)])
def test_false_alarms_are_read(given, yearly):
    assert allowed(given) == yearly


@pytest.mark.parametrize("given", ["0/year", "one", "1/fortnight", "-1", "1..2/year"])
def test_false_alarms_that_make_no_sense(given):
    with pytest.raises(UsageError, match='write "1/year"'):
        allowed(given)


def test_cadence_is_known():
    with pytest.raises(UsageError, match="cadence: 'yearly' is none of hourly, daily"):
        suggest(ORDERS, cadence="yearly")


@pytest.mark.parametrize(
    ("values", "pattern"),
    [
        (["2024-01-05", "2023-12-31"], r"^[0-9]{4}\-[0-9]{2}\-[0-9]{2}$"),
        (["a.b", "cc.d"], r"^[a-z]{1,2}\.[a-z]$"),
        (["", ""], "^$"),
        (["a", "1", "B", "-", "a1", "1a"], None),
    ],
)
def test_patterns(values, pattern):
    assert pattern_of(values * 5) == pattern
