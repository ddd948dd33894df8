"""Conditions as DuckDB's SQL and as Ibis expressions say the same of every row; what a verdict proposes to run, runs."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from assay.data import table as open_table
from assay.errors import DataError
from assay.validation import Schema, validate
from assay.validation.limits import Categories, Formatted, Infinite, Length, NotANumber, Nulls, Pattern, Range, Tails
from assay.validation.relations import Relation
from assay.validation.rules import PLAIN, Rule, applies, count, count_expressions

NUMBERS = [None, 0.0, -0.0, 0.1, 0.30000000000000004, 1e15, 1e300, -5e-324, math.nan, math.inf, -math.inf, 22.5]
TABLE = pa.table(
    {
        "real": pa.array(NUMBERS, pa.float64()),
        "single": pa.array(NUMBERS, pa.float32()),
        "whole": pa.array([None, 0, 1, -1, 22, 23, 2**62, -(2**62), 5, 6, 7, 8], pa.int64()),
        "money": pa.array([None, *(Decimal(i) / 4 for i in range(11))], pa.decimal128(10, 2)),
        "text": pa.array([None, "", "a", "A", "1", "it's", "ä", "a\nb", "x" * 20, "true", "1.0", "22"]),
        "truth": pa.array([None, True, False] * 4),
        "unit": pa.array(["u", "v", "w"] * 4),
    }
)
ENDS = st.one_of(st.none(), st.integers(-30, 30), st.floats(allow_nan=False), st.sampled_from([0.1, 22.5, 1e15]))
LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "nulls": st.just(Nulls(0.1)),
    "nan": st.just(NotANumber(0.1)),
    "infinite": st.just(Infinite(0.1)),
    "range": st.builds(Range, min=ENDS, max=ENDS),
    "tails": st.builds(Tails, low=st.floats(allow_nan=False), high=st.floats(allow_nan=False)),
    "categories": st.builds(
        Categories, values=st.lists(st.sampled_from(["a", "it's", "1", "true", "22", ""])).map(tuple)
    ),
    "pattern": st.builds(Pattern, regex=st.sampled_from(["a", "[a-z]*", ".*", "a.b", "x|it's"])),
    "format": st.builds(Formatted, kind=st.sampled_from(["email", "uuid"])),
    "sql": st.builds(Relation, sql=st.sampled_from(["whole > 0", "real >= single", "text <> 'a' OR truth", "NULL"])),
    "length": st.builds(Length, min=st.none() | st.integers(0, 9), max=st.none() | st.integers(0, 30)),
}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_sql_counts_what_expressions_count(data: st.DataObject) -> None:
    opened = open_table(TABLE)
    families = data.draw(st.lists(st.sampled_from(PLAIN), min_size=1, max_size=4))
    of = data.draw(st.sampled_from(["", "truth", "money > 1 OR text = ''"]))
    rules = [Rule(c, f, 0.1, (), of, data.draw(LIMITS[f])) for f in families for c in TABLE.column_names]
    rules = [rule for rule in rules if applies(opened, rule)]
    unit = data.draw(st.sampled_from([None, "unit"]))
    where = data.draw(st.sampled_from(["", "whole > 0", "truth"]))
    plain, slow = (way(opened, rules, unit, where=where) for way in (count, count_expressions))
    assert plain.sizes.tolist() == slow.sizes.tolist()
    assert plain.broken.tolist() == slow.broken.tolist()


@pytest.mark.parametrize(
    ("column", "limit", "rows"),
    [
        (pa.array([1e15], pa.float32()), Range(min=999999986991105.0), 1),  # The nearest float32 is ...104.
        (pa.array([2.0**24], pa.float32()), Range(min=2**24 + 1), 1),
        (pa.array([0.1], pa.float32()), Range(max=0.1), 1),  # As a float32 it is above 0.1 by 1.5e-9.
        (pa.array([0.1], pa.float32()), Tails(low=0.0, high=0.1), 1),
        (pa.array([0.1], pa.float64()), Range(max=0.1), 0),
        (pa.array([Decimal(2**53 + 1)], pa.decimal128(20, 2)), Range(max=2**53), 1),
        (pa.array([2**53 + 1], pa.int64()), Range(max=2**53), 1),
    ],
)
def test_values_are_compared_with_limits_unrounded(column, limit, rows) -> None:
    opened = open_table(pa.table({"x": column}))
    rule = [Rule("x", "tails" if isinstance(limit, Tails) else "range", 0.1, (), "", limit)]
    assert count(opened, rule).broken.tolist() == count_expressions(opened, rule).broken.tolist() == [[rows]]


def test_a_row_without_a_unit_is_told() -> None:
    lost = open_table(pa.table({"x": [1.0, 2.0], "unit": ["u", None]}))
    with pytest.raises(DataError, match="some rows have no unit"):
        count(lost, [Rule("x", "nulls", 0.1, (), "", Nulls(0.1))], "unit")


SCHEMA = Schema.from_toml(
    """version = 1
[columns.a]
type = "number"
nulls = "never"
range = { min = 0, max = 0.30000000000000004 }
nan = "never"
[columns."the text"]
type = "string"
categories = { values = ["x", "it's"] }
length = { max = 3 }
pattern = { regex = "[a-z']+" }
format = { kind = "email" }
unique = true
[columns.day]
type = "date"
range = { min = "2024-01-01" }
[columns.list]
type = "list"
values = { max = 1 }
[[relations]]
sql = "a <= 0.2"
where = "day > DATE '2024-01-02'"
[[relations]]
sum = ["a", "a"]
equals = 0.2
within = 0.01
"""
)


def test_the_sql_of_every_verdict_finds_the_rows_that_it_counted(tmp_path, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    rows = 200
    numbers = rng.normal(0.2, 0.2, rows)
    numbers[:5] = np.nan
    days = [datetime.date(2023, 12, 28) + datetime.timedelta(days=int(i)) for i in rng.integers(0, 9, rows)]
    texts = rng.choice(["x", "it's", "yyyy", "a@b.org", "ü"], rows).tolist()
    lists = [[1] * int(n) for n in rng.integers(0, 4, rows)]
    path = tmp_path / "it's new.parquet"
    parquet.write_table(pa.table({"a": numbers, "the text": texts, "day": days, "list": lists}), path)
    monkeypatch.chdir(tmp_path)
    seen = set()
    for verdict in validate(path.name, SCHEMA):
        asked = [action.command for action in verdict.actions if action.command.startswith("SELECT")]
        if verdict.failed and "broken" in verdict.evidence.statistic:
            assert asked, verdict.name
            assert len(duckdb.sql(asked[0]).fetchall()) == verdict.evidence.statistic["broken"], asked[0]
            seen.add(verdict.code)
    assert len(seen) == 11


def test_no_sql_is_proposed_for_a_table_without_a_name() -> None:
    verdicts = validate(
        pa.table({"a": [-1.0], "the text": ["x"], "day": [datetime.date(2024, 1, 1)], "list": [[1]]}), SCHEMA
    )
    commands = [action.command for verdict in verdicts for action in verdict.actions]
    assert not any(command.startswith("SELECT") for command in commands)
    assert "assay.validation.failing_rows(table, schema, verdict)" in commands
