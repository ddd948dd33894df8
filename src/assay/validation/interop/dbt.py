"""dbt's ``schema.yml``: the data tests and contract of one model, source table or seed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from assay.errors import DataError
from assay.validation import limits
from assay.validation.interop.drafting import Draft
from assay.validation.interop.reading import Reader, Unmapped, load_yaml
from assay.validation.relations import Relation

if TYPE_CHECKING:
    from assay.validation.schema import Schema

_TYPES = (
    (r"(big|small|tiny)?int(eger)?(2|4|8|64)?", "integer"),
    (r"float\d*|double( precision)?|real|numeric.*|decimal.*|number.*", "number"),
    (r"(var)?char.*|text|string", "string"),
    (r"bool(ean)?", "boolean"),
    (r"date", "date"),
    (r"timestamp.*|datetime", "timestamp"),
    (r"time", "time"),
)
_WORDS = ("docs", "meta", "tags", "quote", "label", "database", "schema", "identifier", "loader", "group", "access")


def read(text: str, path: str) -> tuple[Schema, list[Unmapped]]:
    """Import the tests of a file about one table. Expressions in Jinja are kept as text, and never run.

    Raises
    ------
    DataError
        If it is not YAML, or is about several tables.
    """
    draft = Draft()
    top = draft.reader(load_yaml(text, path))
    tables = [table for key in ("models", "seeds", "snapshots") for table in top.readers(key)]
    for source in top.readers("sources"):
        tables += source.readers("tables")
        source.ignore("name", "description", *_WORDS)
        source.close("of the whole source")
    top.ignore("version")
    top.close()
    if len(tables) != 1:
        raise DataError(f"{path} is about {len(tables)} tables: leave the one that the schema is for")
    table = tables[0]
    draft.top["name"] = table.text("name") or ""
    table.ignore("description")
    for column in table.readers("columns"):
        _column(draft, column)
    for name, rule in _tests(table):
        _of_table(draft, rule, name)
    table.ignore(*_WORDS)
    table.close()
    return draft.finish()


def _column(draft: Draft, reader: Reader) -> None:
    name = reader.text("name")
    if name is None:
        reader.close("a column without a name")
        return
    said = reader.text("data_type")
    kind = next((kind for form, kind in _TYPES if said and re.fullmatch(form, said.strip().lower())), None)
    if said is not None and kind is None:
        reader.unmapped("data_type", said, "assay has no such type")
    column = draft.column(name, type=kind or "any")
    column["because"] = reader.text("description") or ""
    for constraint in reader.readers("constraints", "type"):
        said = constraint.text("type")
        if said == "not_null":
            column["nulls"] = "never"
        elif said == "unique":
            column["unique"] = True
        elif said == "primary_key":
            draft.relations.append(Relation(key=(name,)))
        else:
            constraint.unmapped("type", said, "assay knows no such constraint")
        constraint.ignore("name", "warn_unenforced", "warn_unsupported")
        constraint.close()
    for test, rule in _tests(reader):
        if _some_rows(rule, test):
            continue
        if test == "not_null":
            column["nulls"] = "never"
        elif test == "unique":
            column["unique"] = True
        elif test == "accepted_values":
            rule.ignore("quote")
            draft.one_of(rule, "values", name)
        elif test == "relationships" and rule.has("to") and rule.has("field"):
            table, field = rule.text("to") or "", rule.text("field")
            found = re.search(r"(?:ref|source)\(\s*(?:['\"][^'\"]*['\"]\s*,\s*)?['\"]([^'\"]+)['\"]\s*\)", table)
            draft.relations.append(
                Relation(foreign_key=(name,), references=f"{found.group(1) if found else table}:{field}")
            )
        elif test == "dbt_utils.accepted_range":
            _between(draft, rule, name, inclusive=rule.flag("inclusive", True))
        elif test == "dbt_utils.not_empty_string":
            draft.limit(name, "length", limits.Length(min=1), rule.place)
        elif test == "dbt_expectations.expect_column_values_to_be_between" and not rule.has("strictly"):
            _between(draft, rule, name, inclusive=True)
        else:
            _unknown(draft, rule, test)
            continue
        rule.close()
    reader.ignore(*_WORDS)
    reader.close()


def _of_table(draft: Draft, rule: Reader, test: str) -> None:
    if _some_rows(rule, test):
        return
    if test == "dbt_utils.expression_is_true" and rule.has("expression") and "{" not in str(rule.fields["expression"]):
        draft.relations.append(Relation(sql=rule.text("expression")))
    elif test == "dbt_utils.unique_combination_of_columns" and rule.has("combination_of_columns"):
        draft.relations.append(Relation(key=rule.values("combination_of_columns") or ()))
        rule.unmapped("combination_of_columns", "missing values", "a key has none here, and may have some there")
    else:
        _unknown(draft, rule, test)
        return
    rule.close()


def _between(draft: Draft, rule: Reader, name: str, *, inclusive: bool) -> None:
    for key, below in (("min_value", False), ("max_value", True)):
        end: Any = rule.bound(key)
        if isinstance(end, str):
            rule.unmapped(key, end, "an expression, and no number")
        elif end is not None and inclusive:
            draft.limit(name, "range", limits.Range(**{"max" if below else "min": end}), rule.at(key))
        elif end is not None:
            draft.above(name, end, rule.at(key), below=below)


def _tests(reader: Reader) -> list[tuple[str, Reader]]:
    """List the tests of a column or a table: a name, or a mapping of one name to arguments."""
    found = []
    for key in ("tests", "data_tests"):
        for i, item in enumerate(reader.value(key) or ()):
            place = f"{reader.at(key)}[{i}]"
            if isinstance(item, str):
                found.append((item, Reader({}, f"{place}.{item}", reader.report)))
            elif isinstance(item, dict) and len(item) == 1:
                ((name, given),) = item.items()
                fields = {str(k): v for k, v in given.items()} if isinstance(given, dict) else {}
                inner = fields.pop("arguments", None)
                fields |= {str(k): v for k, v in inner.items()} if isinstance(inner, dict) else {}
                found.append((str(name), Reader(fields, f"{place}.{name}", reader.report)))
            else:
                reader.report.append(Unmapped(place, str(item)[:120], "expected one test"))
    for _, rule in found:
        rule.ignore("name", "description", "tags", "meta")
    return found


def _some_rows(rule: Reader, test: str) -> bool:
    config = rule.fields.get("config")
    if rule.has("where") or (isinstance(config, dict) and "where" in config):
        rule.report.append(Unmapped(rule.place, f"{test} {rule.fields}"[:120], "a rule on some rows only"))
        return True
    return False


def _unknown(draft: Draft, rule: Reader, test: str) -> None:
    draft.report.append(Unmapped(rule.place, f"{test} {rule.fields or ''}".strip()[:120], "assay knows no such test"))
