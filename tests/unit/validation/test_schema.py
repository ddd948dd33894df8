from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import DataError
from assay.validation import Schema, limits
from assay.validation.column import Column
from assay.validation.relations import Fresh, Metric, Relation, Rows, Slice
from assay.validation.schema import Reference

shares = st.floats(0, 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
numbers = floats | st.integers(-(2**63), 2**63 - 1)
text = st.text(st.characters(codec="utf-8"), max_size=8)
texts = st.lists(text, max_size=3).map(tuple)
whole = st.integers(0, 10**9)
environments = st.sets(st.sampled_from(["train", "serve"])).map(tuple)


def maybe(strategy):
    return st.none() | strategy


never = st.just("never")
columns = st.builds(
    Column,
    type=st.sampled_from(["integer", "number", "string", "boolean", "date", "timestamp", "time", "other"]),
    required=st.booleans(),
    in_environment=environments,
    not_in_environment=environments,
    stage=st.sampled_from(["planned", "production", "deprecated"]),
    nulls=maybe(never | st.builds(limits.Nulls, shares.filter(bool))),
    infinite=maybe(never | st.builds(limits.Infinite, shares.filter(bool))),
    range=maybe(st.builds(limits.Range, min=maybe(numbers), max=maybe(numbers | text), at_most=shares)),
    tails=maybe(st.builds(limits.Tails, low=floats, high=floats, at_most=shares)),
    categories=maybe(st.builds(limits.Categories, values=texts, at_most=shares)),
    length=maybe(st.builds(limits.Length, min=maybe(whole), max=maybe(whole), at_most=shares)),
    pattern=maybe(st.builds(limits.Pattern, regex=text, at_most=shares)),
    format=maybe(st.builds(limits.Formatted, kind=st.sampled_from(["email", "uuid"]), at_most=shares)),
    parses=maybe(st.builds(limits.Parses, to=st.just("date"), format=maybe(text), at_most=shares)),
    values=maybe(st.builds(limits.Values, min=whole, max=maybe(whole), at_most=shares)),
    shape=st.lists(whole, max_size=3).map(tuple),
    unique=st.booleans(),
    duplicates=maybe(st.builds(limits.Duplicates, shares)),
    distinct=maybe(st.builds(limits.Distinct, min=whole, max=maybe(whole))),
    drift=maybe(st.builds(limits.Drift, tolerance=shares, metric=maybe(st.just("wasserstein")))),
    owner=text,
)
relations = st.one_of(
    st.builds(Relation, sql=text.filter(bool), where=maybe(text), at_most=shares),
    st.builds(Relation, sum=texts.filter(bool), equals=text | st.floats(0, 1), within=shares),
    st.builds(Relation, key=texts.filter(bool), name=text),
    st.builds(Relation, determines=st.tuples(texts, texts), because=text),
    st.builds(Relation, foreign_key=texts.filter(bool), references=text.filter(bool)),
)
schemas = st.builds(
    Schema,
    columns=st.dictionaries(text, columns, max_size=3),
    name=text,
    unit=maybe(text),
    environments=st.just(("train", "serve")),
    rows=maybe(
        st.builds(
            Rows, min=maybe(whole), new_columns=st.booleans(), fresh=maybe(st.builds(Fresh, column=text, within=text))
        )
    ),
    relations=st.lists(relations, max_size=2).map(tuple),
    metrics=st.lists(st.builds(Metric, measure=text, min=maybe(shares)), max_size=2).map(tuple),
    slices=st.lists(st.builds(Slice, by=texts.filter(bool), min_rows=whole), max_size=2).map(tuple),
    reference=maybe(st.builds(Reference, rows=whole, error=shares, unit=maybe(text), units=maybe(whole))),
)


@settings(max_examples=150, deadline=None)
@given(schemas)
def test_the_file_keeps_everything(schema):
    assert Schema.from_toml(schema.to_toml()) == schema


def test_the_word_never_is_a_limit_of_none():
    column = Schema.from_toml('[columns.x]\ntype = "number"\nnulls = "never"\nrange = { min = 0 }\n').columns["x"]
    assert column.limit("nulls") == limits.Nulls(0.0)
    assert column.limit("range").never
    assert column.limit("nan") is None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('[columns.x]\ntype = "number"\nin_environment = ["srve"]', "s.toml:4: columns.x.in_environment names 'srve'"),
        (
            "[[relations]]\nat_most = 0.1",
            "a relation needs one of sql, sum, key, determines, foreign_key; none is given",
        ),
        ('[[relations]]\nsql = "a < b"\nkey = ["a"]', "sql and key is given"),
        ('[[relations]]\nsum = ["a"]', "s.toml:3: a sum needs equals"),
        ('[[relations]]\ndetermines = [["a"]]', "determines needs two lists"),
        ('[[relations]]\nforeign_key = ["a"]', "a foreign key needs references"),
        ('[[relations]]\nsql = "a < b"\nat_most = 2', "s.toml:4: relations.0.at_most is 2"),
        ("[[slices]]\nmin_rows = 3", "a slice needs one of where and by"),
    ],
)
def test_rules_that_make_no_sense(written, said):
    with pytest.raises(DataError) as caught:
        Schema.from_toml('environments = ["train", "serve"]\n' + written, "s.toml")
    assert said in str(caught.value)


FILE = """version = 1

[columns.delay]
type = "integer"
nulls = { at_most = 0.1 }

[columns.origin]
type = "string"
categories = { values = ["EWR"], at_most = 0.1 }
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("nulls =", "null =", "s.toml:5: unknown key 'null' in [columns.delay]; did you mean 'nulls'?"),
        ("values =", "value =", "s.toml:9: unknown key 'value' in [columns.origin.categories]; did you mean 'values'?"),
        ("version = 1", "verson = 1", "s.toml:1: unknown key 'verson' in the file; did you mean 'version'?"),
        ('"integer"', '"int"', "s.toml:4: [columns.delay] type: 'int' is not one of 'integer'"),
        ("at_most = 0.1 }\n\n", "at_most = 10 }\n\n", "s.toml:5: columns.delay.nulls.at_most is 10"),
        (
            'columns.origin]\ntype = "s',
            'columns."a.b"]\ntype = "x',
            "s.toml:8: [columns.a.b] type: 'xtring' is not one of",
        ),
        ("version = 1", "version = 9", "upgrade assay"),
        ("[columns.delay]", "[columns.delay", "s.toml: not valid TOML"),
    ],
)
def test_mistakes_are_named_with_their_line(old, new, said):
    with pytest.raises(DataError) as caught:
        Schema.from_toml(FILE.replace(old, new, 1), "s.toml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_written_by_hand():
    schema = Schema.from_toml(FILE)
    assert schema.columns["delay"] == Column(type="integer", nulls=limits.Nulls(0.1))
    assert schema.reference is None
