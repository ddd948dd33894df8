"""Frictionless Table Schema, alone or inside a resource or a package of one table, as JSON or YAML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from assay.errors import DataError
from assay.validation import limits
from assay.validation.interop import leaving
from assay.validation.interop.drafting import Draft
from assay.validation.interop.reading import Reader, Unmapped, load_json, load_yaml
from assay.validation.relations import Relation

if TYPE_CHECKING:
    from assay.validation.schema import Schema

_TYPES = {
    "integer": "integer",
    "year": "integer",
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamp",
    "time": "time",
    "any": "any",
    "object": "struct",
    "array": "list",
}
_KINDS: dict[str, Literal["email", "url", "uuid"]] = {"email": "email", "uri": "url", "uuid": "uuid"}
# Whether every column must be there, and whether others may come.
_MATCHES = {
    "exact": (True, False),
    "equal": (True, False),
    "subset": (True, True),
    "superset": (False, False),
    "partial": (False, True),
}
_WORDS = ("$schema", "title", "description", "example", "rdfType", "profile", "name", "homepage", "licenses", "version")


def read(text: str, path: str) -> tuple[Schema, list[Unmapped]]:
    """Import a Table Schema, or the one in a resource or a package.

    Raises
    ------
    DataError
        If it is neither JSON nor YAML, or a package of several tables.
    """
    draft = Draft()
    found = load_json(text, path) if text.lstrip().startswith("{") else load_yaml(text, path)
    top = draft.reader(found)
    if top.has("resources"):
        tables = top.readers("resources")
        top.ignore("id", "created", "sources", "contributors", "keywords", *_WORDS)
        top.close()
        if len(tables) != 1:
            raise DataError(f"{path} is a package of {len(tables)} tables: give the resource or the schema of one")
        top = tables[0]
    if top.has("schema"):
        name = top.text("name")
        draft.top["name"] = name or ""
        schema = top.reader("schema")
        about = ("path", "data", "dialect", "encoding", "format", "mediatype", "scheme", "type", "bytes", "hash")
        top.ignore(*about, *_WORDS, "sources")
        top.close()
        if schema is None:
            raise DataError(f"{path}: the resource's schema is another file: give that one")
        top = schema
    match = top.value("fieldsMatch") or "exact"
    if isinstance(match, list) and len(match) == 1:
        match = match[0]
    if not isinstance(match, str) or match not in _MATCHES:
        top.unmapped("fieldsMatch", match, f"expected one of {', '.join(_MATCHES)}")
        match = "subset"
    required, new = _MATCHES[match]
    if not new:
        draft.rows["new_columns"] = False
    if match == "exact" and "fieldsMatch" in found:
        top.unmapped("fieldsMatch", match, "the order of columns is not carried over")
    if match == "partial":
        top.unmapped("fieldsMatch", match, "that one column at least is there")
    for field in top.readers("fields"):
        _field(draft, field, required)
    _keys(draft, top)
    blanks = top.value("missingValues")
    if blanks not in (None, [""]):
        top.unmapped("missingValues", blanks, "say at reading what stands for a missing value")
    top.ignore(*_WORDS)
    top.close()
    return draft.finish()


def _field(draft: Draft, field: Reader, required: bool) -> None:
    name = field.text("name")
    if name is None:
        field.close("a field without a name")
        return
    said = field.value("type") or "string"
    kind = _TYPES.get(said) if isinstance(said, str) else None
    if kind is None:
        field.unmapped("type", said, "assay has no such type")
    column = draft.column(name, type=kind or "any", required=required)
    form = field.text("format")
    if form in _KINDS:
        draft.limit(name, "format", limits.Formatted(kind=_KINDS[form]), field.at("format"))
    elif form not in (None, "default"):
        field.unmapped("format", form, "how a text is read, which a table of types has behind it")
    if field.has("description"):
        column["because"] = field.text("description") or ""
    rules = field.reader("constraints")
    if rules is not None:
        if rules.flag("required"):
            column["nulls"] = "never"
        if rules.flag("unique"):
            column["unique"] = True
        low, high = rules.bound("minimum"), rules.bound("maximum")
        if low is not None or high is not None:
            draft.limit(name, "range", limits.Range(min=low, max=high), rules.at("minimum"))
        for key, below in (("exclusiveMinimum", False), ("exclusiveMaximum", True)):
            end = rules.bound(key)
            if end is not None:
                draft.above(name, end, rules.at(key), below=below)
        short, long = rules.whole("minLength"), rules.whole("maxLength")
        if short is not None or long is not None:
            draft.limit(name, "length", limits.Length(min=short, max=long), rules.at("minLength"))
        regex = rules.text("pattern")
        if regex is not None:
            draft.pattern(name, regex, rules.at("pattern"), whole=True)
        draft.one_of(rules, "enum", name)
        rules.close()
    field.ignore(*_WORDS)
    field.close()


def _keys(draft: Draft, top: Reader) -> None:
    key = _names(top, "primaryKey")
    if key:
        draft.relations.append(Relation(key=key))
    for names in top.value("uniqueKeys") or ():
        if isinstance(names, list) and len(names) == 1 and names[0] in draft.columns:
            draft.column(names[0])["unique"] = True
        else:
            top.unmapped("uniqueKeys", names, "a key of several columns that may be missing")
    for foreign in top.readers("foreignKeys"):
        fields, target = _names(foreign, "fields"), foreign.reader("reference")
        if not fields or target is None:
            foreign.close()
            continue
        table, columns = target.text("resource") or "", _names(target, "fields")
        target.close()
        foreign.close()
        if table and columns:
            draft.relations.append(Relation(foreign_key=fields, references=f"{table}:{','.join(columns)}"))
        else:
            foreign.unmapped("reference", {"resource": table, "fields": columns}, "a reference to the table itself")


def _names(reader: Reader, key: str) -> tuple[str, ...]:
    if isinstance(reader.fields.get(key), str):
        return (reader.text(key) or "",)
    return reader.values(key) or ()


def write(schema: Schema) -> tuple[str, list[Unmapped]]:
    """Export a Table Schema, as JSON."""
    report: list[Unmapped] = []
    fields: list[dict[str, Any]] = []
    columns = leaving.columns_of(schema, report)
    every = all(column.required for column in schema.columns.values())
    none = bool(schema.columns) and not any(column.required for column in schema.columns.values())
    for name, column in columns:
        said = column.value("type")
        kinds = {kind: said for said, kind in reversed(_TYPES.items())}
        field: dict[str, Any] = {"name": name, "type": "any"}
        if said == "any":
            pass
        elif said in kinds:
            field["type"] = kinds[said]
        else:
            column.unmapped("type", said, leaving.NO_WORDS)
        if not every and not none:
            column.refuse("required", "a Table Schema asks for all columns or for none")
        column.ignore("required")
        rules: dict[str, Any] = {}
        if leaving.strict(column, "nulls") is not None:
            rules["required"] = True
        if column.flag("unique"):
            rules["unique"] = True
        for family, renamed in (("range", ("minimum", "maximum")), ("length", ("minLength", "maxLength"))):
            ends = leaving.strict(column, family) or {}
            rules |= {
                new: ends[end] for end, new in zip(("min", "max"), renamed, strict=True) if ends.get(end) is not None
            }
        pattern = leaving.strict(column, "pattern")
        if pattern is not None:
            rules["pattern"] = pattern["regex"]
        categories = leaving.strict(column, "categories")
        if categories is not None:
            rules["enum"] = categories["values"]
        form = column.fields.get("format")
        if form is not None:
            written = {kind: form for form, kind in _KINDS.items()}.get(form["kind"])
            if written is not None and leaving.strict(column, "format") is not None:
                field["format"] = written
        if column.has("because"):
            field["description"] = column.value("because")
        leaving.close(column)
        fields.append(field | ({"constraints": rules} if rules else {}))
    rest = leaving.rest_of(schema, report)
    new = True
    rows = rest.reader("rows")
    if rows is not None:
        new = rows.flag("new_columns", True)
        leaving.close(rows)
    match = "equal" if not new else "subset"
    if none:
        match = "superset" if not new else "partial"
    found: dict[str, Any] = {"fields": fields, "fieldsMatch": match}
    kept = []
    for relation in rest.value("relations") or ():
        if set(relation) == {"key"} and "primaryKey" not in found:
            found["primaryKey"] = relation["key"]
        elif set(relation) == {"foreign_key", "references"} and ":" in relation["references"]:
            table, _, names = relation["references"].rpartition(":")
            found.setdefault("foreignKeys", []).append(
                {"fields": relation["foreign_key"], "reference": {"resource": table, "fields": names.split(",")}}
            )
        else:
            kept.append(relation)
    for relation in kept:
        rest.unmapped("relations", relation, leaving.NO_WORDS)
    leaving.close(rest)
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n", report
