"""What holds for every format: nothing is lost on the way in, nor on the way out."""

from __future__ import annotations

import copy
import datetime
import json
import os
from importlib import import_module
from pathlib import Path

import jsonschema
import msgspec
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import DataError, UsageError
from assay.validation import Schema, limits, validate
from assay.validation.column import Column
from assay.validation.interop import FORMATS, READ_ONLY, export_schema, from_pandera, import_schema
from assay.validation.relations import Fresh, Metric, Relation, Rows, Slice

# pandera imports pyspark.pandas where it is there, and that makes pyarrow forget time zones from then on.
os.environ.pop("PYARROW_IGNORE_TIMEZONE", None)
HERE = Path(__file__).parent
FIXTURES = {
    "tfdv": "schema.pbtxt",
    "json-schema": "table.json",
    "frictionless": "table.frictionless.yaml",
    "pandera": "table.pandera.yaml",
    "great-expectations": "suite.json",
    "dbt": "schema.dbt.yml",
    "odcs": "contract.odcs.yaml",
    "soda": "checks.soda.yml",
    "dqdl": "rules.dqdl",
}
LOADERS = ("parse", "load_json", "load_yaml")
# Words for people and plumbing, which say nothing about the data.
WORDS = {
    "tfdv": set(),
    "json-schema": {"$schema"},
    "frictionless": {"path"},
    "pandera": {"schema_type", "api", "title", "error"},
    "great-expectations": {"meta", "result_format"},
    "dbt": {"version"},
    "odcs": {"apiVersion", "kind", "id", "version", "status", "physicalType"},
    "soda": {"name"},
    "dqdl": set(),
}
# Lines that say what is so without them.
REDUNDANT = {
    ("feature", 0, "presence", "min_count"),
    ("feature", 3, "in_environment"),
    ("type",),
    ("models", 0, "description"),
    ("schema", "fields", 2, "type"),
    ("columns", "share", "in_range", "include_min"),
    ("columns", "code", "str_length", "exact_value"),
    ("expectations", 1, "kwargs", "exact_match"),
    ("expectations", 1, "kwargs", "column_set", 2),  # Another expectation names it.
    ("schema", 0, "properties", 3, "quality", 0, "type"),  # A rule of the library.
    *(("expectations", i, "type") for i in (17, 18, 19)),  # Reported with and without.
}

names = st.text("abc _é", min_size=1, max_size=4)
shares = st.sampled_from([0.0, 0.0, 0.01, 0.25])
numbers = st.integers(-1000, 1000)
small = st.integers(1, 9)


def maybe(strategy):
    return st.none() | strategy


columns = st.builds(
    Column,
    type=st.sampled_from(["integer", "number", "string", "boolean", "date", "timestamp", "time", "any", "list", "struct", "other"]),
    required=st.booleans(),
    in_environment=st.sampled_from([(), ("train",)]),
    not_in_environment=st.sampled_from([(), ("serve",)]),
    stage=st.sampled_from(["production", "beta", "debug"]),
    nulls=maybe(st.just("never") | st.builds(limits.Nulls, shares)),
    nan=maybe(st.just("never")),
    infinite=maybe(st.just("never")),
    range=maybe(st.builds(limits.Range, min=maybe(numbers), max=maybe(numbers), at_most=shares)),
    tails=maybe(st.just(limits.Tails(low=0, high=1))),
    categories=maybe(st.builds(limits.Categories, values=st.sampled_from([("a", "b"), ("",), ('"', "1")]), at_most=shares)),
    length=maybe(st.builds(limits.Length, min=maybe(small), max=maybe(small), at_most=shares)),
    pattern=maybe(st.builds(limits.Pattern, regex=st.sampled_from(["a+", "a|b", "[A-Z]{2}"]), at_most=shares)),
    format=maybe(st.builds(limits.Formatted, kind=st.sampled_from(["email", "uuid", "credit_card"]), at_most=shares)),
    parses=maybe(st.builds(limits.Parses, to=st.just("date"), at_most=shares)),
    values=maybe(st.builds(limits.Values, min=small, max=maybe(st.integers(9, 12)))),
    shape=st.sampled_from([(), (3, 2)]),
    unique=st.booleans(),
    duplicates=maybe(st.builds(limits.Duplicates, shares)),
    distinct=maybe(st.builds(limits.Distinct, min=small, max=maybe(st.integers(9, 12)))),
    drift=maybe(st.builds(limits.Drift, tolerance=shares, metric=maybe(st.sampled_from(["l_infinity", "wasserstein"])))),
    skew=maybe(st.builds(limits.Drift, tolerance=shares, metric=st.just("jensen_shannon"))),
    owner=st.sampled_from(["", "ann"]),
    because=st.sampled_from(["", "it is so"]),
)  # fmt: skip
schemas = st.builds(
    Schema,
    columns=st.dictionaries(names, columns, max_size=3),
    name=st.sampled_from(["", "orders"]),
    environments=st.just(("train", "serve")),
    rows=maybe(st.builds(Rows, min=maybe(small), max=maybe(small), ratio_min=maybe(st.just(0.5)), new_columns=st.booleans())),
    relations=st.lists(
        st.sampled_from(
            [
                Relation(sql="a < b"),
                Relation(sql="a < b", at_most=0.1, name="order"),
                Relation(key=("a", "b")),
                Relation(key=("c",), where="a > 1"),
                Relation(foreign_key=("a",), references="other:id"),
                Relation(sum=("a", "b"), equals="c"),
            ]
        ),
        max_size=2,
        unique=True,
    ).map(tuple),
    metrics=st.sampled_from([(), (Metric(measure='Mean("a")', min=1.0),)]),
    slices=st.sampled_from([(), (Slice(where="a > 1"),)]),
)  # fmt: skip


def effects(schema: Schema) -> dict[str, object]:
    """What a schema asks, key by key; environments by where a column is expected, "never" as a limit of 0."""
    found: dict[str, object] = {}
    for name, column in schema.columns.items():
        plain = msgspec.to_builtins(column)
        for key in ("nulls", "nan", "infinite"):
            if plain.get(key) == "never":
                plain[key] = {}
        plain["environments"] = [
            e for e in schema.environments
            if (e in column.in_environment or not column.in_environment) and e not in column.not_in_environment
        ]  # fmt: skip
        plain.pop("in_environment", None)
        plain.pop("not_in_environment", None)
        plain.setdefault("required", True)
        plain = {
            k: {i: j for i, j in v.items() if i != "at_most" or j} if isinstance(v, dict) else v
            for k, v in plain.items()
        }
        found |= {f"columns.{name}.{key}": value for key, value in plain.items()}
    plain = msgspec.to_builtins(schema)
    found |= {f"rows.{key}": value for key, value in plain.get("rows", {}).items()}
    for key in ("relations", "metrics", "slices"):
        found |= {f"{key}:{item}": item for item in plain.get(key, ())}
    return found


@pytest.mark.parametrize("format_", [name for name in FORMATS if name not in READ_ONLY])
@settings(max_examples=100, deadline=None)
@given(schemas)
def test_what_is_exported_comes_back_and_what_is_not_is_reported(format_: str, schema: Schema) -> None:
    module = import_module(f"assay.validation.interop.{FORMATS[format_]}")
    text, report = module.write(schema)
    places = {line.place for line in report}
    back, unread = module.read(text, "file")
    assert not [line for line in unread if "order of columns" not in line.why and "one column at least" not in line.why]
    had = effects(back)
    for key, value in effects(schema).items():
        place = key.replace(".environments", ".in_environment")
        other = key.replace(".environments", ".not_in_environment")
        group = key.partition(":")[0]
        if places & {key, place, other, group} or (place != key and "environments" in places):
            continue
        if had.get(key) != value:
            assert known_gain(key, value), (key, value, had.get(key), text)


def known_gain(key: str, value: object) -> bool:
    """Limits that say nothing: they need no words."""
    return value in ({}, False, []) and not key.endswith((".nulls", ".nan", ".infinite", ".required", "s.new_columns"))


@pytest.mark.parametrize("format_", FORMATS)
def test_each_line_of_the_source_is_in_the_schema_or_the_report(format_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(f"assay.validation.interop.{FORMATS[format_]}")
    text = (HERE / FIXTURES[format_]).read_text()
    loader = next(name for name in reversed(LOADERS) if hasattr(module, name))
    source = getattr(module, loader)(text, "file")
    whole = read_source(module, loader, source, monkeypatch)
    silent = []
    for path in leaves(source):
        changed = copy.deepcopy(source)
        remove(changed, path)
        if (
            read_source(module, loader, changed, monkeypatch) == whole
            and not set(path) & WORDS[format_]
            and path not in REDUNDANT
        ):
            silent.append(path)
    assert not silent


def read_source(module, loader, source, monkeypatch):
    monkeypatch.setattr(module, loader, lambda *_: copy.deepcopy(source))
    try:
        schema, report = module.read("", "file")
    except DataError as problem:
        return str(problem)
    return schema.to_toml(), {(line.line, line.why) for line in report}


def leaves(value, path=()):
    if isinstance(value, (dict, list)) and value:
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[key], (*path, key))
    else:
        yield path


def remove(source, path):
    for key in path[:-1]:
        source = source[key]
    del source[path[-1]]


@pytest.mark.parametrize("format_", FORMATS)
def test_the_format_is_told_by_the_file(format_: str) -> None:
    path = HERE / FIXTURES[format_]
    assert import_schema(path)[0] == import_schema(path, format_)[0]


def test_the_schema_of_each_format() -> None:
    schema, report = import_schema(HERE / "schema.pbtxt")
    company = schema.columns["company"]
    assert company.nulls == limits.Nulls(at_most=0.1)
    assert company.categories == limits.Categories(values=("Blue Ärrow", "Taxi\n"), at_most=0.01)
    assert company.skew == limits.Drift(tolerance=0.01, metric="l_infinity")
    assert company.distinct == limits.Distinct(min=2, max=5)
    assert schema.columns["fare"].nulls == "never"
    assert schema.columns["fare"].range == limits.Range(min=0, max=1000.0)
    assert schema.columns["stops"].values == limits.Values(min=1, max=8)
    assert schema.columns["stops.[]"].range == limits.Range(min=1, max=77)
    assert not schema.columns["paid"].expected("SERVING")
    assert schema.columns["photo"].stage == "debug"
    assert schema.rows == Rows(min=100, ratio_min=0.5, ratio_max=2.0)
    assert {line.place for line in report} >= {"weighted_feature", "feature[photo].image_domain"}

    schema, report = import_schema(HERE / "table.json")
    assert schema.columns["id"].range == limits.Range(min=1)
    assert schema.columns["id"].nulls == "never"
    assert schema.columns["note"].nulls is None
    assert schema.columns["country"].categories == limits.Categories(values=("DE", "FR"))
    assert schema.columns["email"].format == limits.Formatted(kind="email")
    assert not schema.columns["email"].required
    assert schema.columns["paid_at"].type == "timestamp"
    assert {relation.sql for relation in schema.relations} == {'"amount" < 10.5', '"level" IN (1, 2, 3)'}
    assert {line.place for line in report} == {
        "properties.amount.multipleOf", "properties.host.format", "properties.tags.uniqueItems",
        "properties.tags.items.pattern", "properties.mixed.oneOf", "dependentRequired",
    }  # fmt: skip

    schema, report = import_schema(HERE / "table.frictionless.yaml")
    assert schema.columns["when"].range == limits.Range(min="2020-01-01", max="2030-01-01")
    assert schema.columns["mail"].unique
    assert schema.relations[1:] == (
        Relation(key=("id",)), Relation(foreign_key=("customer",), references="customers:id"),
    )  # fmt: skip
    assert schema.rows == Rows(new_columns=False)
    assert {line.place for line in report} == {
        "schema.fields[rate].constraints.jsonSchema", "schema.fields[place].type", "schema.uniqueKeys",
        "schema.missingValues",
    }  # fmt: skip


def test_the_schemas_of_pandera_great_expectations_and_dbt() -> None:
    schema, report = import_schema(HERE / "table.pandera.yaml")
    assert schema.columns["id"].range == limits.Range(min=1)
    assert schema.columns["id"].unique
    assert schema.columns["amount"].nulls is None
    assert schema.columns["country"].nulls == "never"
    assert schema.columns["country"].categories == limits.Categories(values=("DE", "FR"))
    assert schema.columns["code"].length == limits.Length(min=2, max=5)
    assert schema.columns["code"].pattern == limits.Pattern(regex="(?:[A-Z])(?s:.*)")
    assert schema.columns["when"].range == limits.Range(min="2020-01-01")
    assert {relation.sql for relation in schema.relations} >= {'"amount" < 10.5', '"share" < 1'}
    assert {line.place for line in report} == {
        "columns.code.str_startswith", "columns.level.dtype", "columns.level.notin.raise_warning",
        "columns.^x_.*$.dtype", "checks", "index", "ordered",
    }  # fmt: skip

    schema, report = import_schema(HERE / "suite.json")
    a = schema.columns["a"]
    assert (a.nulls, a.range) == (limits.Nulls(at_most=0.05), limits.Range(min=0, max=9, at_most=0.01))
    assert schema.columns["id"].type == "integer"
    assert schema.columns["t"].pattern == limits.Pattern(regex="[a-z]+", at_most=0.1)
    assert schema.rows == Rows(min=10, max=1000, new_columns=False)
    assert schema.metrics == (Metric(measure='Mean("a")', min=1.0, max=5.0),)
    assert Relation(sql='"a" >= "b"') in schema.relations
    assert Relation(sum=("a", "b"), equals=100.0) in schema.relations
    assert [line.place.partition(".")[2] for line in report] == [
        "expect_column_kl_divergence_to_be_less_than",
        "expect_column_values_to_be_between",
        "expect_column_stdev_to_be_between",
    ]
    schema, report = import_schema(HERE / "schema.dbt.yml")
    assert schema.columns["id"] == Column(type="integer", nulls="never", unique=True)
    assert schema.columns["status"].categories == limits.Categories(values=("open", "paid"))
    assert schema.relations == (
        Relation(foreign_key=("customer",), references="customers:id"),
        Relation(sql='"amount" > 0'), Relation(sql='"amount" < 10'), Relation(sql="amount >= 0"),
    )  # fmt: skip
    assert {line.why for line in report} == {
        "assay knows no such constraint", "a rule on some rows only", "assay knows no such test",
    }  # fmt: skip
    with pytest.raises(UsageError, match="imported, and not exported"):
        export_schema(schema, "pandera")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pbtxt", "feature {\n name: \n}", "line 3"),
        ("a.pbtxt", "feature {", "} is missing"),
        ("a.pbtxt", "feature { name: 'a' } $", "line 1"),
        ("a.pbtxt", "a {" * 200, "deeper than 100"),
        ("a.json", '{"properties": ', "no JSON"),
        ("a.json", '{"properties": ' + "[" * 100_000, "no JSON"),
        ("a.yaml", "fields: !!python/object/apply:os.system [ls]", "no YAML"),
        ("a.yaml", "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
            f"{c}: &{c} [{','.join(['*' + chr(ord(c) - 1)] * 10)}]\n" for c in "bcdefghij") + "fields: *j", "500000 values"),
        ("a.yaml", "fields: &x [*x]", "100 levels"),
        ("a.txt", "hello", "--format"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UsageError, match=said):
        import_schema(path)


def test_unknown_formats_and_large_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'tfdv'"):
        export_schema(Schema(), "tfd")
    large = tmp_path / "large.json"
    large.write_text(" " * 10_000_001)
    with pytest.raises(DataError, match="larger than 10 MB"):
        import_schema(large)


def test_an_exported_json_schema_judges_rows_as_the_schema_does() -> None:
    schema = Schema(
        columns={
            "n": Column(type="integer", nulls="never", range=limits.Range(min=1, max=3)),
            "s": Column(type="string", pattern=limits.Pattern(regex="a|b")),
        },
        rows=Rows(new_columns=False),
    )
    text, report = export_schema(schema, "json-schema")
    assert not report
    judge = jsonschema.Draft202012Validator(json.loads(text))
    assert judge.is_valid({"n": 1, "s": "a"})
    assert judge.is_valid({"n": 3, "s": None})
    for row in ({"n": 0, "s": "a"}, {"n": None, "s": "a"}, {"n": 1, "s": "ab"}, {"n": 1}, {"n": 1, "s": "a", "x": 1}):
        assert not judge.is_valid(row)


def test_the_schemas_of_odcs_soda_and_dqdl() -> None:
    odcs, lost = import_schema(HERE / FIXTURES["odcs"])
    assert odcs.rows == Rows(min=11)
    assert odcs.columns["mail"].nulls == limits.Nulls(at_most=0.05)
    assert odcs.columns["country"].categories == limits.Categories(values=("DE", "FR"))
    assert odcs.columns["items"].values == limits.Values(min=1)
    assert odcs.columns["items.[].sku"].nulls == "never"
    assert odcs.relations == (
        Relation(sql='"amount" < 1000'),
        Relation(sql='"amount" IS NOT NULL AND "amount" NOT IN (-1, -99)'),
        Relation(key=("code", "id")),
        Relation(key=("code", "country"), where='"code" IS NOT NULL AND "country" IS NOT NULL'),
    )
    assert [each.line.split(",")[0] for each in lost] == [
        "0.01", '{"metric": "nullValues"', '{"type": "text"', "money", '{"type": "custom"', '{"property": "latency"'
    ]  # fmt: skip

    soda, lost = import_schema(HERE / FIXTURES["soda"])
    assert soda.name == "orders"
    assert soda.rows == Rows(min=11, fresh=Fresh(column="paid", within="24h"))
    assert soda.columns["note"].nulls == limits.Nulls(at_most=0.1)
    assert soda.columns["mail"].format == limits.Formatted(kind="email", at_most=0.02)
    assert soda.columns["code"].length == limits.Length(min=2, max=5)
    assert Metric(measure='MinLength("code")', min=2.0) in soda.metrics
    assert Relation(sql="NOT (tax > amount)") in soda.relations
    assert len(lost) == 8

    dqdl, lost = import_schema(HERE / FIXTURES["dqdl"])
    assert dqdl.rows == Rows(min=2, max=99_999, fresh=Fresh(column="paid", within="24h"))
    assert dqdl.columns["country"].categories == limits.Categories(values=("DE", "FR", "it's"))
    assert Relation(sql='"amount" >= 0', at_most=0.01) in dqdl.relations
    assert Relation(sql='"vat" > 0') in dqdl.relations
    assert Metric(measure='CustomSql("select count(*) from rows where tax > amount")', min=0.0, max=0.0) in dqdl.metrics
    assert [each.place for each in lost] == [*(f"Rules[{i}]" for i in range(30, 35)), "Analyzers[0]", "Analyzers[1]"]


@pytest.mark.parametrize("format_", ["odcs", "soda", "dqdl"])
def test_what_is_imported_judges_rows(format_: str) -> None:
    schema, _ = import_schema(HERE / FIXTURES[format_])
    day = datetime.datetime(2024, 5, 1, 12)
    rows = {
        "id": list(range(1, 21)), "code": [f"{a}{b}" for a in "ABCDE" for b in ("AA", "BB", "CC", "DD")],
        "mail": [f"a{i}@b.org" for i in range(20)], "email": ["a@b.org"] * 20, "country": ["DE", "FR"] * 10, "note": ["x"] * 20,
        "amount": [float(i) for i in range(1, 21)], "tax": [i / 2 for i in range(1, 21)], "size": [1, 2] * 10,
        "paid": [day] * 20, "vat": [1.0] * 20, "region": ["r"] * 20, "shop": ["s"] * 20,
        "items": [[{"sku": "a"}]] * 20,
    }  # fmt: skip
    keep = [name for name in rows if format_ != "dqdl" or name not in ("mail", "region", "shop", "items")]
    relations = tuple(each for each in schema.relations if not each.foreign_key)
    metrics = tuple(
        each for each in schema.metrics if each.measure not in ("ColumnCount()", 'UniqueValueRatio(["code"])')
    )
    asked = msgspec.structs.replace(
        schema, relations=relations, metrics=metrics,
        columns={name: column for name, column in schema.columns.items() if name.partition(".")[0] in keep},
    )  # fmt: skip
    good = pa.table({name: rows[name] for name in keep})
    found = [verdict for verdict in validate(good, asked, now=day) if verdict.failed]
    assert not found, [(verdict.name, verdict.reason) for verdict in found]
    bad = good.set_column(good.column_names.index("country"), "country", pa.array(["XX"] * 20))
    assert any(verdict.failed and "country" in verdict.name for verdict in validate(bad, asked, now=day))


@pytest.mark.parametrize("text", ['Rules = [ IsComplete "a"', "Rules", "Analyzers = [ RowCount ]", 'IsComplete "a"'])
def test_what_is_no_ruleset_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "rules.dqdl").write_text(text)
    with pytest.raises(DataError, match="is no DQDL"):
        import_schema(tmp_path / "rules.dqdl")


@pytest.mark.parametrize(
    ("kind", "given", "wanted"),
    [
        ("column_proportion_of_non_null_values_to_be_between", {"column": "a", "min_value": 0.9},
         Metric(measure='Completeness("a")', min=0.9)),
        ("column_quantile_values_to_be_between",
         {"column": "a", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[1, None]]}},
         Metric(measure='ExactQuantile("a", 0.5)', min=1.0)),
        ("column_distinct_values_to_be_in_set", {"column": "a", "value_set": [1, 2]}, Relation(sql='"a" IN (1, 2)')),
        ("column_values_to_match_regex_list", {"column": "a", "regex_list": ["^x", "y"], "mostly": 0.9},
         Relation(sql="regexp_matches(\"a\", '^x') OR regexp_matches(\"a\", 'y')", at_most=0.1)),
        ("column_values_to_not_match_regex_list", {"column": "a", "regex_list": ["x", "y"]},
         Relation(sql="NOT regexp_matches(\"a\", 'x') AND NOT regexp_matches(\"a\", 'y')")),
        ("column_values_to_match_like_pattern", {"column": "a", "like_pattern": "x%"}, Relation(sql="\"a\" LIKE 'x%'")),
        ("column_values_to_not_match_like_pattern", {"column": "a", "like_pattern": "x%"},
         Relation(sql="\"a\" NOT LIKE 'x%'")),
        ("select_column_values_to_be_unique_within_record", {"column_list": ["a", "b", "c"]},
         Relation(sql='"a" <> "b" AND "a" <> "c" AND "b" <> "c"')),
        ("column_pair_values_to_be_in_set", {"column_A": "a", "column_B": "b", "value_pairs_set": [[1, "x"], [2, "y"]]},
         Relation(sql="(\"a\", \"b\") IN ((1, 'x'), (2, 'y'))")),
    ],
)  # fmt: skip
def test_each_expectation_has_its_counterpart_whole_or_is_told(kind, given, wanted, tmp_path: Path) -> None:
    def imported(kwargs):
        suite = {"expectations": [{"type": f"expect_{kind}", "kwargs": kwargs}]}
        (tmp_path / "suite.json").write_text(json.dumps(suite))
        return import_schema(tmp_path / "suite.json")

    schema, report = imported(given)
    assert (*schema.relations, *schema.metrics) == (wanted,)
    assert not report
    for key in given:
        less, told = imported({name: value for name, value in given.items() if name != key})
        assert (less, told) != (schema, report), key
    assert len(imported(given | {"row_condition": "b > 1"})[1]) == 1


def test_a_list_of_types_is_one_type_or_told(tmp_path: Path) -> None:
    for types, kind in [(["int64", "bigint"], "integer"), (["int64", "str"], "any"), (["INT64", "odd"], "any")]:
        given = {"column": "a", "type_list": types}
        suite = {"expectations": [{"type": "expect_column_values_to_be_in_type_list", "kwargs": given}]}
        (tmp_path / "suite.json").write_text(json.dumps(suite))
        schema, report = import_schema(tmp_path / "suite.json")
        assert (schema.columns["a"].type, len(report)) == (kind, kind == "any")


def test_a_schema_of_pandera_is_read_as_an_object_and_its_code_is_told() -> None:
    class Orders(pandera.DataFrameModel):
        amount: float = pandera.Field(ge=0, le=10)
        code: str = pandera.Field(isin=["a", "b"], nullable=True)

        @pandera.check("amount")
        def even(cls, amount):  # noqa: N805
            raise AssertionError("no check is run")

        class Config:
            strict = True

    checks = [pandera.Check(lambda _: None, name="wide"), pandera.Check(lambda _: None, name="wide")]
    schema, report = from_pandera(Orders)
    assert schema.columns["amount"] == Column(type="number", nulls="never", range=limits.Range(min=0, max=10))
    assert schema.columns["code"].categories == limits.Categories(values=("a", "b"))
    assert schema.rows == Rows(new_columns=False)
    assert [(line.line, line.why) for line in report] == [("even", "a check that is Python code")]
    assert len(from_pandera(pandera.DataFrameSchema({"a": pandera.Column(int)}, checks=checks))[1]) == 2
    with pytest.raises(UsageError, match="no schema of pandera"):
        from_pandera({"a": int})


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        # The sign of a percentage is that of the comparison, not one in a filter.
        ("a.yml", "checks for t:\n  - duplicate_percent(a) < 0.5:\n      filter: b like 'x%'\n", 0),
        # One share for two limits is not that share for each.
        ("a.yml", "checks for t:\n  - invalid_percent(a) < 5%:\n      valid regex: x\n      valid max length: 3\n", 1),
        ("a.yml", "checks for t:\n  - invalid_count(a) = 0:\n      valid regex: x\n      valid max length: 3\n", 0),
        # What is valid is not said.
        ("a.yaml", ("kind: DataContract\nschema: [{name: t, properties: [{name: a, quality: "
         "[{metric: invalidValues, mustBe: 0}]}]}]\n"), 1),
        # Half of a composite would be another rule.
        ("a.dqdl", 'Rules = [ DataFreshness "a" <= 1 days, (RowCount > 3) and (DataFreshness "b" <= 2 days) ]', 1),
        ("a.json", ('{"expectations": [{"type": "expect_column_quantile_values_to_be_between", "kwargs": {"column": "a", '
         '"quantile_ranges": {"quantiles": [0.5], "value_ranges": [1]}}}]}'), 1),
    ],
)  # fmt: skip
def test_no_limit_is_looser_than_its_rule_and_none_is_lost(name: str, text: str, told: int, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    schema, report = import_schema(tmp_path / name)
    assert len(report) == told
    assert all(relation.at_most <= 0.005 for relation in schema.relations)
    assert schema.rows is None or schema.rows.min is None
