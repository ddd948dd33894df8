"""Every kind of rule, against what plain Python says of the same rows."""

from __future__ import annotations

import datetime as dt
import math
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import DataError, UsageError
from assay.validation import Schema, apply_edits, failing_rows, infer, proposed_edits, row_results, validate

NAN, INF = math.nan, math.inf


def schema_of(text, **_):
    return Schema.from_toml("version = 1\n" + text)


def only(verdicts, code):
    [found] = [verdict for verdict in verdicts if verdict.code == code]
    return found


TABLE = pa.table(
    {
        "n": pa.array([1.0, NAN, INF, None, -3.0, 7.0]),
        "i": pa.array([1, 2, 2, None, 5, 60]),
        "s": pa.array(["ab", "", "abcdef", None, "x@example.org", "12"]),
        "d": pa.array([dt.date(2026, 1, day) if day else None for day in (1, 2, 3, 0, 5, 31)]),
        "l": pa.array([[1], [], [1, 2, 3], None, [2, 2], [-9]]),
        "o": pa.array(
            [{"z": "1", "q": [{"p": 1}]}, {"z": None, "q": []}, None, {"z": "77", "q": [{"p": -1}]}]
            + [{"z": "2", "q": None}] * 2
        ),
        "a.b": pa.array([1, 1, 1, 1, 1, 2]),
    }
)
# The limit, its code, and the rows (from 0) that break it.
CASES = [
    ("n", "number", 'nulls = "never"', "VAL102", [1, 3]),
    ("n", "number", 'nan = "never"', "VAL110", [1]),
    ("n", "number", 'infinite = "never"', "VAL111", [2]),
    ("n", "number", "range = { min = 0 }", "VAL103", [4]),
    ("n", "number", "range = { max = 6 }", "VAL103", [2, 5]),
    ("n", "number", "tails = { low = 0, high = 8 }", "VAL105", [2, 4]),
    ("i", "integer", "range = { min = 2, max = 5 }", "VAL103", [0, 5]),
    ("i", "integer", 'categories = { values = ["1", "2"] }', "VAL104", [4, 5]),
    ("i", "integer", "unique = true", "VAL118", [1, 2]),
    ("i", "integer", "duplicates = { at_most = 0.1 }", "VAL118", [1, 2]),
    ("d", "date", 'range = { min = "2026-01-02", max = "2026-01-05" }', "VAL103", [0, 5]),
    ("s", "string", "length = { min = 2, max = 5 }", "VAL112", [1, 2, 4]),
    ("s", "string", 'pattern = { regex = "[a-c]*" }', "VAL113", [2, 4, 5]),
    ("s", "string", 'format = { kind = "email" }', "VAL114", [0, 1, 2, 5]),
    ("s", "string", 'parses = { to = "integer" }', "VAL115", [0, 1, 2, 4]),
    ("s", "string", 'parses = { to = "number" }', "VAL115", [0, 1, 2, 4]),
    ("l", "list", "values = { min = 1, max = 2 }", "VAL116", [1, 2]),
    ("l", "list", "shape = [1]", "VAL117", [1, 2, 4]),
    ("l.[]", "integer", "range = { min = 0 }", "VAL103", [5]),
    ("o.z", "string", 'nulls = "never"', "VAL102", [1, 2]),
    ("o.z", "string", "length = { max = 1 }", "VAL112", [3]),
    ("o.q.[].p", "integer", "range = { min = 0 }", "VAL103", [3]),
    ("a.b", "integer", "range = { max = 1 }", "VAL103", [5]),
]


@pytest.mark.parametrize(("path", "kind", "limit", "code", "rows"), CASES, ids=[f"{c[0]} {c[2]}" for c in CASES])
def test_each_limit_finds_the_rows_that_break_it(path, kind, limit, code, rows):
    schema = schema_of(f'[columns."{path}"]\ntype = "{kind}"\n{limit}\n')
    table = TABLE.append_column("row", pa.array(range(len(TABLE))))
    verdicts = validate(table, schema)
    verdict = only([v for v in verdicts if v.code != "VAL101"], code)
    assert verdict.failed
    assert verdict.subject == path
    assert (verdict.guarantee.kind, verdict.guarantee.error) == ("exact", 0.0)
    assert verdict.evidence.statistic["broken"] == len(rows)
    assert verdict.evidence.statistic["alpha_spent"] == 0.0
    found = failing_rows(table, schema, verdict).to_pyarrow()
    assert found.column_names == table.column_names
    assert sorted(found["row"].to_pylist()) == rows
    judged = row_results(table, schema)
    [name] = judged.rules
    assert [r["row"] for r in judged.table.order_by("row").to_pyarrow().to_pylist() if not r[name]] == rows
    assert sorted(judged.invalid.row.to_pyarrow().to_pylist()) == rows
    assert len(judged.valid.to_pyarrow()) + len(rows) == len(table)
    # The proposed edit accepts what was found, and nothing less does.
    accepted = apply_edits(schema.to_toml(), proposed_edits(verdicts))
    assert not any(v.failed for v in validate(table, Schema.from_toml(accepted)))


RELATIONS = [
    ('sql = "i < 10"', "VAL120", [5]),
    ('sql = "i < 10"\nwhere = "n < 0"', "VAL120", []),
    ('sum = ["i", "n"]\nequals = 2\nwithin = 0.5', "VAL121", [2, 5]),
    ('sum = ["i", "i"]\nequals = "a.b"', "VAL121", [0, 1, 2, 4, 5]),
    ('key = ["i", "a.b"]', "VAL122", [1, 2, 3]),
    ('determines = [["a.b"], ["i"]]', "VAL123", [0, 1, 2, 3, 4]),
    ('determines = [["i"], ["s"]]', "VAL123", [1, 2]),
    ('determines = [["i"], ["a.b"]]', "VAL123", []),
    ('foreign_key = ["i"]\nreferences = "known:id"', "VAL124", [4, 5]),
]


@pytest.mark.parametrize(("relation", "code", "rows"), RELATIONS, ids=[r[0] for r in RELATIONS])
def test_each_relation_finds_the_rows_that_break_it(relation, code, rows):
    schema = schema_of(f"[[relations]]\n{relation}\n")
    table = TABLE.append_column("row", pa.array(range(len(TABLE))))
    known = {"known": pa.table({"id": [1, 1, 2]})}
    verdict = only(validate(table, schema, references=known), code)
    assert verdict.failed == bool(rows)
    assert verdict.evidence.statistic["broken"] == len(rows)
    found = failing_rows(table, schema, verdict, references=known).to_pyarrow()
    assert sorted(found["row"].to_pylist()) == rows


def test_a_key_is_unique_among_the_rows_it_speaks_of():
    table = pa.table({"id": [1, 1, 2], "old": [True, False, False]})
    whole, part = (schema_of(f'[[relations]]\nkey = ["id"]\n{where}') for where in ("", 'where = "NOT old"\n'))
    assert only(validate(table, whole), "VAL122").failed
    assert only(validate(table, part), "VAL122").passed
    assert failing_rows(table, part, only(validate(table, part), "VAL122")).count().execute() == 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(width=32), st.just(NAN)), min_size=1, max_size=30),
    st.floats(-100, 100),
    st.floats(0, 100),
)
def test_counts_are_those_of_numpy(values, low, width):
    high = low + width
    text = '[columns.x]\ntype = "number"\nnulls = "never"\nnan = "never"\ninfinite = "never"\nunique = true\n'
    text += f"range = {{ min = {low!r}, max = {high!r} }}\n"
    found = {
        v.code: v.evidence.statistic.get("broken")
        for v in validate(pa.table({"x": pa.array(values, pa.float64())}), schema_of(text))
    }
    x = np.array([NAN if v is None else v for v in values])
    present = x[~np.isnan(x)]
    _, counts = np.unique(present, return_counts=True)
    assert found["VAL102"] == np.isnan(x).sum()
    assert found["VAL110"] == sum(v is not None and math.isnan(v) for v in values)
    assert found["VAL111"] == np.isinf(x).sum()
    assert found["VAL103"] == ((present < low) | (present > high)).sum()
    assert found["VAL118"] == counts[counts > 1].sum()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(alphabet="ab1- \n", max_size=5), min_size=1, max_size=20))
def test_texts_are_those_of_python(values):
    schema = schema_of('[columns.x]\ntype = "string"\nlength = { min = 1, max = 3 }\npattern = { regex = "a+|b" }\n')
    found = {v.code: v.evidence.statistic.get("broken") for v in validate(pa.table({"x": values}), schema)}
    assert found["VAL112"] == sum(not 1 <= len(value) <= 3 for value in values)
    assert found["VAL113"] == sum(re.fullmatch("a+|b", value) is None for value in values)


def test_environments_and_stages_say_what_is_checked():
    text = 'environments = ["train", "serve"]\n[columns.x]\ntype = "integer"\n'
    text += '[columns.label]\ntype = "integer"\nnulls = "never"\nin_environment = ["train"]\n'
    text += '[columns.soon]\ntype = "integer"\nstage = "planned"\n'
    schema = schema_of(text)
    serve = pa.table({"x": [1]})
    assert {v.subject for v in validate(serve, schema, environment="serve")} == {"x"}
    assert [v.subject for v in validate(serve, schema, environment="train") if v.failed] == ["label"]
    with pytest.raises(ValueError, match="environment is 'test'; the schema has train, serve"):
        validate(serve, schema, environment="test")


def test_the_table_as_a_whole():
    text = "[rows]\nmin = 3\nmax = 4\nratio_min = 0.5\nratio_max = 2\ncolumns_max = 1\nnew_columns = false\n"
    text += 'fresh = { column = "t", within = "26h" }\n[columns.t]\ntype = "timestamp"\n'
    schema = schema_of(text)
    start = dt.datetime(2026, 1, 1)
    table = pa.table({"t": [start, start], "x": [1, 2]})
    now = dt.datetime(2026, 1, 2, 3)
    verdicts = validate(table, schema, reference=pa.table({"t": [start]}), now=now)
    assert [(v.code, v.subject, v.status) for v in verdicts[1:]] == [
        ("VAL106", "new columns", "fail"),
        ("VAL107", "rows", "fail"),
        ("VAL107", "ratio", "pass"),
        ("VAL108", "columns", "fail"),
        ("VAL109", "t", "fail"),
    ]
    assert "27.0 hours old; the schema says 26h" in verdicts[-1].reason
    assert validate(table, schema, now=start)[-1].passed
    accepted = Schema.from_toml(
        apply_edits(text if text.startswith("version") else "version = 1\n" + text, proposed_edits(verdicts))
    )
    assert not any(v.failed for v in validate(table, accepted, reference=pa.table({"t": [start]}), now=now))
    with pytest.raises(DataError, match=r'write "26h"'):
        validate(table, schema_of('[rows]\nfresh = { column = "t", within = "soon" }\n'))


def test_metrics_and_different_values_are_facts_and_sketches_are_estimates():
    text = '[columns.x]\ntype = "integer"\ndistinct = { min = 4 }\n'
    text += "[[metrics]]\nmeasure = 'Mean(\"x\")'\nmin = 0\nmax = 2\n"
    text += "[[metrics]]\nmeasure = 'ApproxQuantile(\"x\", 0.5)'\nmax = 1\n"
    text += "[[metrics]]\nmeasure = 'Mean(\"x\")'\nwhere = 'x > 100'\nmin = 0\n"
    table = pa.table({"x": [1, 2, 6]})
    verdicts = validate(table, schema_of(text), blocking=True)
    assert only(verdicts, "VAL119").failed
    mean, sketch, nothing = (v for v in verdicts if v.code == "VAL125")
    assert (mean.status, mean.guarantee.kind, mean.evidence.estimate) == ("fail", "exact", 3.0)
    assert (sketch.status, sketch.guarantee.kind, sketch.blocking) == ("fail", "estimate", False)
    assert nothing.status == "skipped"
    accepted = apply_edits("version = 1\n" + text, proposed_edits(verdicts))
    assert not any(v.failed for v in validate(table, Schema.from_toml(accepted)))
    for wrong in ("Meen('x')", "__import__('os')", "Mean(x)", "1", "Mean("):
        with pytest.raises(DataError, match="is no analyzer"):
            validate(table, schema_of(f'[[metrics]]\nmeasure = "{wrong}"\nmin = 0\n'))


def test_rates_are_tested_and_asked_again_in_slices():
    rng = np.random.default_rng(0)
    rows = 4000
    shop = rng.choice(["north", "south", "tiny"], rows, p=[0.5, 0.495, 0.005])
    late = rng.random(rows) < np.where(shop == "north", 0.2, 0.0)
    table = pa.table({"shop": shop, "x": pa.array(np.where(late, NAN, 1.0))})
    text = '[columns.x]\ntype = "number"\nnulls = { at_most = 0.12 }\n[[slices]]\nby = ["shop"]\nmin_rows = 5\n'
    text += '[[slices]]\nname = "far"\nwhere = "shop = \'nowhere\'"\n'
    schema = schema_of(text)
    verdicts = {v.subject: v for v in validate(table, schema) if v.code == "VAL102"}
    assert {s: v.status for s, v in verdicts.items()} == {
        "x": "pass",
        "x | shop = north": "fail",
        "x | shop = south": "pass",
        "x | shop = tiny": "pass",
        "x | far": "skipped",
    }
    north = verdicts["x | shop = north"]
    assert north.evidence.statistic["tests"] == 4
    found = failing_rows(table, schema, north).to_pyarrow()
    assert set(found["shop"].to_pylist()) == {"north"}
    assert len(found) == late.sum()
    many = validate(table, schema, fdr=0.1)
    assert (
        only([v for v in many if v.subject == "x"], "VAL102").guarantee.scope
        == "share of false alarms, all columns together"
    )
    with pytest.raises(DataError, match="more than 200 parts"):
        validate(
            pa.table({"x": [1.0] * 201, "shop": list(range(201))}),
            schema_of(text.replace("min_rows = 5", "min_rows = 1")),
        )


def test_a_rate_of_the_rows_that_a_relation_speaks_of():
    table = pa.table({"old": [True] * 50 + [False] * 950, "x": [1] * 20 + [0] * 980})
    schema = schema_of('[[relations]]\nsql = "x = 0"\nwhere = "old"\nat_most = 0.05\n')
    verdict = only(validate(table, schema), "VAL120")
    assert verdict.failed
    assert (verdict.evidence.n, verdict.evidence.estimate) == (50, 0.4)
    assert len(failing_rows(table, schema, verdict).to_pyarrow()) == 20


def test_drift_and_skew_share_alpha_with_the_rates():
    rng = np.random.default_rng(0)
    before = pa.table({"c": rng.choice(["a", "b"], 20_000, p=[0.5, 0.5]), "x": rng.normal(size=20_000)})
    after = pa.table({"c": rng.choice(["a", "b"], 8000, p=[0.8, 0.2]), "x": rng.normal(size=8000)})
    text = '[columns.c]\ntype = "string"\nnulls = { at_most = 0.1 }\ndrift = {}\nskew = { tolerance = 0.1 }\n'
    text += '[columns.x]\ntype = "number"\ndrift = { tolerance = 0.1, metric = "wasserstein" }\n'
    schema = schema_of(text)
    verdicts = {(v.subject, v.code): v for v in validate(after, schema, reference=before, serving=before)}
    drift, skew, named = verdicts["c", "VAL201"], verdicts["c", "VAL202"], verdicts["x", "VAL203"]
    assert drift.failed
    assert skew.failed
    assert (named.status, named.guarantee.kind) == ("pass", "estimate")
    assert verdicts["c", "VAL102"].guarantee.error == pytest.approx(0.05 / 3)
    assert drift.guarantee.error == pytest.approx(0.05 / 3)
    assert "drift tolerance" in drift.guarantee.scope
    without = {(v.subject, v.code): v.status for v in validate(after, schema)}
    assert without["c", "VAL201"] == without["c", "VAL202"] == "skipped"
    # Swapped, the same rows moved the other way.
    assert drift.reason.startswith("rows with c in a went from 49.8% to 79.5%: up by at least")
    accepted = Schema.from_toml(apply_edits("version = 1\n" + text, proposed_edits(verdicts.values())))
    again = validate(after, accepted, reference=before, serving=before)
    assert not any(v.failed for v in again)


def test_what_is_about_no_rows_has_no_failing_rows():
    schema = schema_of('[columns.x]\ntype = "integer"\n')
    [verdict, *_] = validate(pa.table({"y": [1]}), schema)
    with pytest.raises(UsageError, match="is about no rows"):
        failing_rows(pa.table({"y": [1]}), schema, verdict)


@pytest.mark.slow
def test_a_wide_table_is_validated_in_a_few_queries():
    rng = np.random.default_rng(0)
    table = pa.table({f"c{i}": rng.normal(size=300) for i in range(500)})
    verdicts = validate(table, infer(table))
    assert not any(v.failed for v in verdicts)
    assert len(verdicts) == 2000
