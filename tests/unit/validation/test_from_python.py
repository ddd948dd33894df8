"""A schema as a class of typed fields, and back."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Annotated, Any, ClassVar

import msgspec
import pyarrow as pa
import pytest

from assay.errors import DataError
from assay.validation import Field, Schema, from_class, infer, validate

FULL = """version = 1
name = "the orders"
unit = "customer"
environments = ["train", "serve"]
[reference]
rows = 100
error = 0.01
[rows]
min = 1
fresh = { column = "when", within = "26h" }
[columns.number]
type = "string"
nulls = "never"
unique = true
pattern = { regex = "[A-Z]+\\\\d", at_most = 0.1 }
[columns."unit price"]
type = "number"
nulls = { at_most = 0.02 }
range = { min = 0, max = 1.5, at_most = 0.001 }
drift = { tolerance = 0.05 }
because = "it's \\"said\\""
[columns.class]
type = "any"
[columns.7up]
type = "any"
nulls = "never"
[columns.seen]
type = "boolean"
in_environment = ["train"]
[columns.when]
type = "timestamp"
nulls = "never"
range = { min = "2024-01-01" }
[columns.day]
type = "date"
[columns.clock]
type = "time"
stage = "planned"
[columns.blob]
type = "bytes"
[columns.odd]
type = "other"
[columns.odd2]
type = "other"
nulls = "never"
[columns.items]
type = "list"
values = { min = 1, max = 3 }
[columns."items.[]"]
type = "string"
length = { max = 5 }
[columns.place]
type = "struct"
nulls = {}
[columns."place.zip"]
type = "integer"
nulls = "never"
[[relations]]
sql = "a < b"
at_most = 0.1
[[metrics]]
measure = "Mean(\\"a\\")"
min = 0
[[slices]]
by = ["seen"]
"""


def back(schema: Schema) -> Schema:
    names: dict[str, Any] = {}
    exec(compile(schema.to_python(), "orders.py", "exec", dont_inherit=True), names)
    [found] = [each for each in names.values() if isinstance(each, type) and each.__module__ == "builtins"]
    return from_class(found)


def test_a_schema_comes_back_from_its_class() -> None:
    schema = Schema.from_toml(FULL)
    assert back(schema) == schema
    assert list(back(schema).columns) == list(schema.columns)
    assert back(Schema.from_toml("version = 1\n")) == Schema.from_toml("version = 1\n")
    inferred = infer(pa.table({"a b": [1, 2, 3], "t": ["x", None, "y"]}), name="orders")
    assert back(inferred) == inferred


def test_a_class_is_what_its_toml_says() -> None:
    @dataclasses.dataclass
    class Address:
        zip: Annotated[int, Field(range={"min": 0})]
        street: str | None

    class Orders:
        __assay__: ClassVar = {"unit": "who", "slices": [{"by": ["who"]}]}
        kinds: ClassVar[int] = 3
        who: str
        tags: Annotated[list[str], Field(values={"max": 3})]
        address: Address | None
        when: datetime.datetime
        score: Annotated[float, Field(nulls={"at_most": 0.1})] | None

    globals()["Address"] = Address
    assert from_class(Orders) == Schema.from_toml(
        """name = "Orders"
unit = "who"
[columns.who]
type = "string"
nulls = "never"
[columns.tags]
type = "list"
nulls = "never"
values = { max = 3 }
[columns."tags.[]"]
type = "string"
[columns.address]
type = "struct"
[columns."address.zip"]
type = "integer"
nulls = "never"
range = { min = 0 }
[columns."address.street"]
type = "string"
[columns.when]
type = "timestamp"
nulls = "never"
[columns.score]
type = "number"
nulls = { at_most = 0.1 }
[[slices]]
by = ["who"]
"""
    )


class Prices(msgspec.Struct):
    item: str
    price: Annotated[float, Field(range={"min": 0})]


def test_validate_takes_a_class() -> None:
    table = pa.table({"item": ["a", None], "price": [1.0, -1.0]})
    failed = {(v.code, v.subject) for v in validate(table, Prices) if v.failed}
    assert failed == {("VAL102", "item"), ("VAL103", "price")}


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (Annotated[float, Field(rnage={"min": 0})], "Bad.x: Field has no key 'rnage'; did you mean 'range'"),
        (Annotated[float, Field(range={"least": 0})], "Bad.x: .*least"),
        (Annotated[float, Field(type="string")], "Bad.x: Field has no key 'type'"),
        (complex, "Bad.x: <class 'complex'> is no type of a column: write str, int"),
        (int | str, "Bad.x: .* is no type of a column"),
        ("Nowhere", "Bad: a type cannot be found: name 'Nowhere' is not defined"),
        (Annotated[float, Field(nulls={"at_most": 2})], "Bad: columns.x.nulls.at_most: .*give a share from 0 to 1"),
    ],
)
def test_a_class_that_is_none_is_told(hint: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        from_class(type("Bad", (), {"__annotations__": {"x": hint}}))


def test_a_class_without_fields_or_with_wrong_words_is_told() -> None:
    with pytest.raises(DataError, match="Empty has no typed field"):
        from_class(type("Empty", (), {}))
    with pytest.raises(DataError, match=r"Bad.__assay__: .*unknown field `slice`"):
        from_class(type("Bad", (), {"__assay__": {"slice": []}, "__annotations__": {"x": int}}))
    with pytest.raises(DataError, match="write them as fields"):
        from_class(type("Bad", (), {"__assay__": {"columns": {}}}))
