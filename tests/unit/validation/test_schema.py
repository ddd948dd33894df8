from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import DataError
from assay.validation import Schema
from assay.validation.schema import Categories, Column, Nulls, Range, Reference, Tails

shares = st.floats(0, 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(codec="utf-8"), max_size=8)
columns = st.builds(
    Column,
    type=st.sampled_from(["integer", "number", "string", "boolean", "date", "timestamp", "time", "other"]),
    required=st.booleans(),
    nulls=st.none() | st.builds(Nulls, shares),
    range=st.none() | st.builds(Range, numbers, numbers, shares),
    tails=st.none() | st.builds(Tails, numbers, numbers, shares),
    categories=st.none() | st.builds(Categories, st.lists(text, max_size=4).map(tuple), shares),
)
references = st.builds(
    Reference, rows=st.integers(0, 10**9), error=shares, unit=st.none() | text, units=st.none() | st.integers(0, 99)
)


@settings(max_examples=150, deadline=None)
@given(
    st.builds(Schema, columns=st.dictionaries(text, columns, max_size=4), name=text, reference=st.none() | references)
)
def test_the_file_keeps_everything(schema):
    assert Schema.from_toml(schema.to_toml()) == schema


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
        ('"integer"', '"int"', "s.toml:4: [columns.delay] type: invalid enum value 'int'"),
        ("at_most = 0.1 }\n\n", "at_most = 10 }\n\n", "s.toml:5: columns.delay.nulls.at_most is 10"),
        ('columns.origin]\ntype = "s', 'columns."a.b"]\ntype = "x', "s.toml:8: [columns.a.b] type: invalid enum"),
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
    assert schema.columns["delay"] == Column(type="integer", nulls=Nulls(0.1))
    assert schema.reference is None
