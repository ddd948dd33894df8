"""pandera's schemas: the YAML or JSON that ``DataFrameSchema.to_yaml`` and ``to_json`` write."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from assay.errors import UsageError
from assay.validation import limits
from assay.validation.interop.drafting import Draft, quoted
from assay.validation.interop.reading import Reader, Unmapped, load_json, load_yaml
from assay.validation.relations import Relation

if TYPE_CHECKING:
    from assay.validation.schema import Schema

_TYPES = (
    (r"u?int\d*", "integer"),
    (r"(float|double|decimal)\d*", "number"),
    (r"(str|string|object)(\[\w+\])?", "string"),
    (r"bool(ean)?", "boolean"),
    (r"date", "date"),
    (r"(datetime|timestamp).*", "timestamp"),
)
_ENDS = {
    "greater_than": (False, True),
    "gt": (False, True),
    "greater_than_or_equal_to": (False, False),
    "ge": (False, False),
    "less_than": (True, True),
    "lt": (True, True),
    "less_than_or_equal_to": (True, False),
    "le": (True, False),
}
_WORDS = ("title", "metadata", "checks", "coerce", "drop_invalid_rows", "report_duplicates")


def from_pandera(schema: Any) -> tuple[Schema, list[Unmapped]]:
    """Read a schema or a model of pandera that is there as an object. None of its checks is run.

    Parameters
    ----------
    schema : pandera.DataFrameSchema or subclass of pandera.DataFrameModel

    Returns
    -------
    schema : Schema
    report : list of Unmapped
        Checks that are Python code, and whatever else has no counterpart.

    Raises
    ------
    UsageError
        If it is neither.

    Examples
    --------
    >>> import pandera.pandas as pa
    >>> schema, report = from_pandera(pa.DataFrameSchema({"age": pa.Column(int, pa.Check.ge(18))}))
    >>> schema.columns["age"].range.min, report
    (18, [])
    """
    if hasattr(schema, "to_schema"):
        schema = schema.to_schema()
    if not hasattr(schema, "to_json"):
        raise UsageError(f"{type(schema).__name__} is no schema of pandera: give a DataFrameSchema or a DataFrameModel")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        text = schema.to_json()
    found, report = read(text, "the schema of pandera")
    for each in said:
        name = re.search(r"Check `(.*)` will be skipped", str(each.message))
        if name is not None:
            report.append(Unmapped("checks", name[1], "a check that is Python code"))
    return found, report


def read(text: str, path: str) -> tuple[Schema, list[Unmapped]]:
    """Import a schema that pandera wrote. Checks that are Python code are not in such a file.

    A column is without missing values unless it is ``nullable``, as pandera has it.

    Raises
    ------
    DataError
        If it is neither YAML nor JSON.
    """
    draft = Draft()
    top = draft.reader(load_json(text, path) if text.lstrip().startswith("{") else load_yaml(text, path))
    draft.top["name"] = top.text("name") or ""
    columns = top.reader("columns")
    if columns is not None:
        for name in list(columns.fields):
            column = columns.reader(name)
            if column is not None:
                _column(draft, column, name)
        columns.close("expected a mapping")
    strict = top.value("strict")
    if strict is True:
        draft.rows["new_columns"] = False
    elif strict:
        top.unmapped("strict", strict, "assay reads a table, and filters none")
    unique = top.values("unique")
    if unique and len(unique) == 1:
        draft.column(unique[0])["unique"] = True
    elif unique:
        there = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in unique)
        draft.relations.append(Relation(key=unique, where=there))
    for key in ("ordered", "coerce", "unique_column_names", "add_missing_columns", "drop_invalid_rows"):
        if not top.fields.get(key):
            top.ignore(key)
    if top.has("checks"):
        top.refuse("checks", "a check of the whole frame")
    top.refuse("index", "a table has no index: make it a column")
    top.ignore("schema_type", "version", "api", "title", "description", "metadata", "report_duplicates")
    top.close()
    return draft.finish()


def _column(draft: Draft, reader: Reader, name: str) -> None:
    if reader.flag("regex"):
        reader.close(f"{name} is a pattern over column names")
        return
    said = reader.text("dtype")
    kind = next((kind for form, kind in _TYPES if re.fullmatch(form, (said or "").lower())), None)
    if said is not None and kind is None:
        reader.unmapped("dtype", said, "assay has no such type")
    column = draft.column(name, type=kind or "any", required=reader.flag("required", True))
    if not reader.flag("nullable"):
        column["nulls"] = "never"
    if reader.flag("unique"):
        column["unique"] = True
    column["because"] = reader.text("description") or ""
    if reader.fields.get("coerce") is True:
        reader.refuse("coerce", "assay reads a table, and changes none")
    for check, found, place in _checks(reader):
        rule = Reader(found, place, draft.report)
        options = rule.reader("options")
        for holder in (rule, options):
            if holder is None:
                continue
            holder.ignore("check_name", "error", "title", "description", "statistics")
            if holder.fields.get("ignore_na") is True:
                holder.ignore("ignore_na")
            if not holder.fields.get("raise_warning"):
                holder.ignore("raise_warning")
            holder.refuse("raise_warning", "whether a rule warns or blocks is said in assay.toml")
        if options is not None:
            options.close()
        _check(draft, rule, check, name)
        rule.close()
    reader.ignore(*_WORDS)
    reader.close("assay knows no such check")


def _checks(reader: Reader) -> list[tuple[str, dict[str, Any], str]]:
    """List checks: keys of the column since 0.30, a mapping or a list under ``checks`` before."""
    listed = reader.value("checks") or {}
    items: list[tuple[str, Any]] = list(listed.items()) if isinstance(listed, dict) else []
    if isinstance(listed, list):
        for item in listed:
            name = (item.get("options") or {}).get("check_name", "") if isinstance(item, dict) else ""
            items.append((str(name), item))
    for key in list(reader.fields):
        if key in _KNOWN:
            items.append((key, reader.value(key)))
    found = []
    for key, value in items:
        fields = {str(k): v for k, v in value.items()} if isinstance(value, dict) else {"value": value}
        found.append((str(key), fields, reader.at(str(key))))
    return found


def _check(draft: Draft, rule: Reader, check: str, name: str) -> None:
    """Read one check; what is not taken is reported by the caller."""
    if check in _ENDS:
        below, open_ = _ENDS[check]
        only = [key for key in ("value", "min_value", "max_value") if rule.has(key)]
        end = rule.bound(only[0]) if len(only) == 1 else None
        if end is not None:
            _end(draft, rule.place, name, end, below, open_)
    elif check in ("in_range", "between"):
        for key, flag, below in (("min_value", "include_min", False), ("max_value", "include_max", True)):
            end, included = rule.bound(key), rule.flag(flag, True)
            if end is not None:
                _end(draft, rule.place, name, end, below, not included)
    elif check in ("isin", "notin"):
        key = next((k for k in ("allowed_values", "forbidden_values", "value", "values") if rule.has(k)), "value")
        (draft.one_of if check == "isin" else draft.none_of)(rule, key, name)
    elif check in ("equal_to", "eq", "not_equal_to", "ne"):
        rule.fields["value"] = [rule.value("value")]
        (draft.one_of if check in ("equal_to", "eq") else draft.none_of)(rule, "value", name)
    elif check == "str_length":
        exact = rule.whole("exact_value")
        low, high = rule.whole("min_value"), rule.whole("max_value")
        low, high = (exact, exact) if exact is not None else (low, high)
        if low is not None or high is not None:
            draft.limit(name, "length", limits.Length(min=low, max=high), rule.place)
    elif check in _TEXTS:
        key = next((k for k in ("pattern", "string", "value") if rule.has(k)), "value")
        text = rule.text(key)
        if text is not None:
            _text(draft, rule.place, name, check, text)


_TEXTS = ("str_matches", "str_contains", "str_startswith", "str_endswith")
_KNOWN = (*_ENDS, "in_range", "between", "isin", "notin", "equal_to", "eq", "not_equal_to", "ne", "str_length", *_TEXTS)


def _text(draft: Draft, place: str, name: str, check: str, text: str) -> None:
    if check == "str_contains":
        draft.pattern(name, text, place, whole=False)
    elif check == "str_matches":  # Python's re.match: from the start, not to the end.
        draft.pattern(name, f"(?:{text})(?s:.*)", place, whole=True)
    else:
        plain = re.escape(text)
        draft.pattern(name, f"{plain}(?s:.*)" if check == "str_startswith" else f"(?s:.*){plain}", place, whole=True)


def _end(draft: Draft, place: str, name: str, end: Any, below: bool, open_: bool) -> None:
    if open_:
        draft.above(name, end, place, below=below)
    else:
        draft.limit(name, "range", limits.Range(**{"max" if below else "min": end}), place)
