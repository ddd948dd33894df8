"""JSON Schema of one row (an object), or of a table (an array of such objects)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from assay.validation import limits
from assay.validation.interop import leaving
from assay.validation.interop.drafting import Draft
from assay.validation.interop.reading import DEEPEST, Reader, Unmapped, load_json

if TYPE_CHECKING:
    from assay.validation.schema import Schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {
    "integer": "integer",
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "array": "list",
    "object": "struct",
}
_TIMES = {"date": "date", "date-time": "timestamp", "time": "time"}
_KINDS: dict[str, Literal["email", "url", "uuid", "ipv4"]] = {
    "email": "email",
    "uri": "url",
    "uuid": "uuid",
    "ipv4": "ipv4",
}
_WORDS = (
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "examples",
    "example",
    "default",
)


def read(text: str, path: str) -> tuple[Schema, list[Unmapped]]:
    """Import a JSON Schema.

    A key of ``required`` is a column that must be there, and without missing values unless ``null`` is one of its
    types. A text of format ``date``, ``date-time`` or ``time`` is a column of that type. References within the file are
    followed, others are reported.

    Raises
    ------
    DataError
        If it is not JSON.
    """
    draft = Draft()
    found = load_json(text, path)
    top = draft.reader(found)
    named = top.fields.get("title")
    if isinstance(named, str):
        draft.top["name"] = named
    _follow(top, found)
    if top.has("items") and not top.has("properties"):
        low, high = top.whole("minItems"), top.whole("maxItems")
        draft.rows_between(low, high)
        top.ignore("type", *_WORDS)
        row = top.reader("items")
        top.close()
        if row is not None:
            _follow(row, found)
            top = row
    _object(draft, top, "", found, 0)
    if top.fields.get("additionalProperties") is False:
        top.ignore("additionalProperties")
        draft.rows["new_columns"] = False
    elif top.fields.get("additionalProperties") is True:
        top.ignore("additionalProperties")
    top.ignore("type", *_WORDS)
    top.close()
    return draft.finish()


def _object(draft: Draft, reader: Reader, parent: str, root: dict[str, Any], depth: int) -> None:
    required = reader.values("required") or ()
    properties = reader.reader("properties")
    if properties is not None:
        for name in list(properties.fields):
            if isinstance(properties.fields[name], bool):
                properties.refuse(name, "a schema that is only true or false")
                continue
            column = properties.reader(name)
            if column is not None:
                _column(draft, column, f"{parent}{name}", name in required, root, depth + 1)
        properties.close("expected a mapping")
    for name in required:
        if f"{parent}{name}" not in draft.columns:
            draft.column(f"{parent}{name}")


def _column(draft: Draft, reader: Reader, name: str, required: bool, root: dict[str, Any], depth: int) -> None:
    if depth > DEEPEST // 4:
        reader.close("a reference to itself")
        return
    _follow(reader, root)
    nullable = _nullable(reader)
    said = reader.value("type")
    types = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    nullable = nullable or "null" in types or said is None
    types = [t for t in types if t != "null"]
    kind = "any"
    if len(types) == 1 and types[0] in _TYPES:
        kind = _TYPES[types[0]]
    elif types:
        reader.unmapped("type", said, "a column has one type")
    form = reader.text("format")
    if kind == "string" and form in _TIMES:
        kind = _TIMES[form]
    elif form in _KINDS:
        draft.limit(name, "format", limits.Formatted(kind=_KINDS[form]), reader.at("format"))
    elif form is not None:
        reader.unmapped("format", form, "assay knows no such format")
    column = draft.column(name, type=kind, required=required)
    if required and not nullable:
        column["nulls"] = "never"
    _values(draft, reader, name)
    if reader.has("description"):
        column["because"] = reader.text("description") or ""
    if types == ["array"]:
        low, high = reader.whole("minItems"), reader.whole("maxItems")
        if low is not None or high is not None:
            column["values"] = limits.Values(min=low or 0, max=high)
        items = reader.reader("items")
        if items is not None:
            _column(draft, items, f"{name}.[]", False, root, depth + 1)
    if types == ["object"]:
        _object(draft, reader, f"{name}.", root, depth)
    reader.ignore(*_WORDS)
    reader.close()


def _values(draft: Draft, reader: Reader, name: str) -> None:
    low, high = reader.number("minimum"), reader.number("maximum")
    if low is not None or high is not None:
        draft.limit(name, "range", limits.Range(min=low, max=high), reader.at("minimum"))
    for key, below in (("exclusiveMinimum", False), ("exclusiveMaximum", True)):
        if isinstance(reader.fields.get(key), bool):
            reader.refuse(key, "true or false is of draft 4: give the number")
        end = reader.number(key)
        if end is not None:
            draft.above(name, end, reader.at(key), below=below)
    short, long = reader.whole("minLength"), reader.whole("maxLength")
    if short is not None or long is not None:
        draft.limit(name, "length", limits.Length(min=short, max=long), reader.at("minLength"))
    regex = reader.text("pattern")
    if regex is not None:
        draft.pattern(name, regex, reader.at("pattern"), whole=False)
    if reader.has("const"):
        reader.fields.setdefault("enum", [reader.value("const")])
    draft.one_of(reader, "enum", name)


def _nullable(reader: Reader) -> bool:
    """Resolve the choice between one schema and null, as pydantic writes what may be missing."""
    for key in ("anyOf", "oneOf"):
        choices = reader.fields.get(key)
        if isinstance(choices, list) and {"type": "null"} in choices and len(choices) == 2:
            other = next((c for c in choices if c != {"type": "null"}), None)
            if isinstance(other, dict) and not set(other) & set(reader.fields):
                reader.ignore(key)
                reader.fields.update(other)
                return True
    return False


def _follow(reader: Reader, root: dict[str, Any]) -> None:
    for _ in range(DEEPEST):
        target = reader.fields.get("$ref")
        if not isinstance(target, str) or not target.startswith("#/"):
            return
        found: Any = root
        for part in target[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, dict) or set(found) & (set(reader.fields) - {"$ref", *_WORDS}):
            return
        reader.fields.pop("$ref")
        reader.fields = {**found, **reader.fields}


def write(schema: Schema) -> tuple[str, list[Unmapped]]:
    """Export a JSON Schema of one row, in the dialect of 2020-12."""
    report: list[Unmapped] = []
    properties: dict[str, Any] = {}
    required = []
    for name, column in leaving.columns_of(schema, report):
        said = column.value("type")
        found: dict[str, Any] = {}
        if said in _TYPES.values():
            found["type"] = {kind: name for name, kind in _TYPES.items()}[said]
        elif said in _TIMES.values():
            found |= {"type": "string", "format": {kind: form for form, kind in _TIMES.items()}[said]}
        elif said != "any":
            column.unmapped("type", said, leaving.NO_WORDS)
        never = leaving.strict(column, "nulls") is not None
        if column.fields.get("required", True):
            required.append(name)
            if not never and "type" in found:
                found["type"] = [found["type"], "null"]
            elif never and "type" not in found:
                column.unmapped("nulls", "never", "a column of any type may be null")
        elif never:
            column.unmapped("nulls", "never", "a key that may be left out may be null")
        column.ignore("required")
        if not (column.fields.get("range") and _times(column)):
            ends = leaving.strict(column, "range") or {}
            found |= {
                new: ends[old] for old, new in (("min", "minimum"), ("max", "maximum")) if ends.get(old) is not None
            }
        length = leaving.strict(column, "length") or {}
        found |= {f"{end}Length": length[end] for end in ("min", "max") if length.get(end) is not None}
        if said == "list":
            values = leaving.strict(column, "values") or {}
            found |= {f"{end}Items": values[end] for end in ("min", "max") if values.get(end)}
        pattern = leaving.strict(column, "pattern")
        if pattern is not None:
            found["pattern"] = f"^(?:{pattern['regex']})$"
        categories = leaving.strict(column, "categories")
        if categories is not None:
            found["enum"] = [*categories["values"], *([] if never else [None])]
        kind = leaving.strict(column, "format")
        if kind is not None:
            form = {kind: form for form, kind in _KINDS.items()}.get(kind["kind"])
            if form is None or "format" in found:
                column.unmapped("format", kind, leaving.NO_WORDS)
            else:
                found["format"] = form
        if column.has("because"):
            found["description"] = column.value("because")
        leaving.close(column)
        properties[name] = found
    written: dict[str, Any] = {"$schema": DIALECT, "type": "object"}
    rest = leaving.rest_of(schema, report)
    if rest.has("name"):
        written["title"] = rest.value("name")
    written |= {"properties": properties, "required": required}
    rows = rest.reader("rows")
    if rows is not None:
        if not rows.flag("new_columns", True):
            written["additionalProperties"] = False
        leaving.close(rows)
    leaving.close(rest)
    return json.dumps(written, indent=2, ensure_ascii=False) + "\n", report


def _times(column: Reader) -> bool:
    ends = column.fields["range"]
    if any(isinstance(ends.get(end), str) for end in ("min", "max")):
        column.refuse("range", "its ends are texts")
        return True
    return False
