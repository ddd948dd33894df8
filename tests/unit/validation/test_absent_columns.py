"""What speaks of a column that the table may lack is skipped, and says so."""

from __future__ import annotations

import pyarrow as pa
import pytest

from assay.errors import DataError
from assay.validation import Schema, row_results, validate

SCHEMA = """version = 1
environments = ["train", "serve"]
[columns.a]
type = "number"
nulls = { at_most = 0.5 }
[columns.b]
type = "number"
required = false
[columns.label]
type = "number"
in_environment = ["train"]
[[relations]]
sql = "a <= b"
[[relations]]
sql = "a > 0"
where = "label = 1"
[[relations]]
sum = ["a", "b"]
equals = 3
[[relations]]
key = ["a", "b"]
[[relations]]
determines = [["a"], ["label"]]
[[relations]]
sql = "a >= 0"
[[metrics]]
measure = "Mean(\\"b\\")"
min = 0
[[metrics]]
measure = "Mean(\\"a\\")"
min = 0
[[slices]]
where = "b > 0"
[[slices]]
by = ["label"]
"""


def test_relations_metrics_and_slices_on_absent_columns_are_skipped() -> None:
    table = pa.table({"a": [1.0, 2.0]})
    verdicts = validate(table, Schema.from_toml(SCHEMA), environment="serve")
    told = {verdict.subject: verdict for verdict in verdicts if verdict.code not in ("VAL101", "VAL102")}
    skipped = {name: verdict.reason for name, verdict in told.items() if verdict.status == "skipped"}
    assert set(told) - set(skipped) == {"a >= 0", 'Mean("a")'}
    assert skipped["a <= b"] == "it speaks of b, which the table does not have: see VAL101"
    assert skipped["a > 0"] == "it speaks of label, which the table does not have: see VAL101"
    assert skipped['Mean("b")'] == 'Mean("b"): the batch has no column b'
    slices = {verdict.subject: verdict for verdict in verdicts if verdict.code == "VAL102"}
    assert slices["a"].passed
    assert slices["a | b > 0"].status == slices["a | label"].status == "skipped"
    assert row_results(table, Schema.from_toml(SCHEMA), environment="serve").valid.count().to_pyarrow().as_py() == 2


def test_a_column_that_the_schema_does_not_know_is_an_error_still() -> None:
    with pytest.raises(DataError, match="names the unknown column 'c'"):
        validate(pa.table({"a": [1.0]}), Schema.from_toml(SCHEMA + '[[relations]]\nsql = "a < c"\n'))


def test_serving_data_are_held_against_training_data_from_either_side() -> None:
    schema = Schema.from_toml('version = 1\n[columns.x]\ntype = "boolean"\nskew = { tolerance = 0.05 }\n')
    train, serve = pa.table({"x": [True, False] * 1000}), pa.table({"x": [True] * 2000})
    [one] = [v for v in validate(train, schema, serving=serve) if v.code == "VAL202"]
    [two] = [v for v in validate(serve, schema, training=train) if v.code == "VAL202"]
    assert one.failed
    assert two.failed
    assert (one.evidence.estimate, one.reason) == (two.evidence.estimate, two.reason)
    [none] = [v for v in validate(train, schema) if v.code == "VAL202"]
    assert none.status == "skipped"
    with pytest.raises(ValueError, match="both given"):
        validate(train, schema, serving=serve, training=train)


def test_drift_of_too_few_units_is_skipped_and_the_other_rules_are_asked() -> None:
    schema = Schema.from_toml(
        'version = 1\nunit = "day"\n[columns.x]\ntype = "boolean"\nnulls = "never"\ndrift = { tolerance = 0.05 }\n'
    )
    reference = pa.table({"x": [True, False] * 100, "day": [f"d{i % 40}" for i in range(200)]})
    batch = pa.table({"x": [True, None, False], "day": ["e", "e", "e"]})
    told = {(v.code, v.subject): v for v in validate(batch, schema, reference=reference)}
    assert told["VAL102", "x"].failed
    assert told["VAL201", "x"].status == "skipped"
    assert "too few different day" in told["VAL201", "x"].reason
