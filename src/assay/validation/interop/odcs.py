"""The Open Data Contract Standard, version 3: one table of a contract, with its quality rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.errors import DataError
from assay.validation import limits
from assay.validation.interop.comparing import bounded, ends_of, measure, whole
from assay.validation.interop.drafting import Draft, literal, quoted, share_of
from assay.validation.interop.reading import Reader, Unmapped, load_yaml, shown
from assay.validation.relations import Relation

if TYPE_CHECKING:
    from assay.validation.interop.comparing import Ends
    from assay.validation.schema import Schema

_TYPES = {
    "string": "string", "integer": "integer", "number": "number", "boolean": "boolean", "date": "date",
    "timestamp": "timestamp", "time": "time", "array": "list", "object": "struct",
}  # fmt: skip
_FORMATS = {"email": "email", "uuid": "uuid", "uri": "url", "ipv4": "ipv4"}
# Words for people and for other tools, which say nothing about rows.
_TOP = (
    "apiVersion", "kind", "id", "version", "status", "tenant", "domain", "dataProduct", "description", "tags",
    "servers", "price", "team", "roles", "support", "slaDefaultElement", "authoritativeDefinitions", "contractCreatedTs",
    "customProperties",
)  # fmt: skip
_WORDS = (
    "id", "physicalName", "physicalType", "description", "businessName", "tags", "authoritativeDefinitions",
    "customProperties", "dataGranularityDescription", "examples", "classification", "encryptedName", "criticalDataElement",
    "partitioned", "partitionKeyPosition", "transformSourceObjects", "transformLogic", "transformDescription", "logicalType",
)  # fmt: skip
_QUALITY = (
    "id", "name", "description", "dimension", "businessImpact", "severity", "method", "schedule", "scheduler", "tags",
    "authoritativeDefinitions", "customProperties",
)  # fmt: skip
_OPERATORS = {
    "mustBe": "=", "mustBeGreaterThan": ">", "mustBeGreaterOrEqualTo": ">=", "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "<=",
}  # fmt: skip
_COUNTED = {
    "nullValues": "nulls", "missingValues": "nulls", "invalidValues": "invalid", "duplicateValues": "duplicates",
    "duplicateCount": "duplicates", "validValues": "valid", "rowCount": "rows",
}  # fmt: skip


def read(text: str, path: str) -> tuple[Schema, list[Unmapped]]:
    """Import a contract about one table. Of quality rules those of the library are read, and SQL that counts rows.

    Raises
    ------
    DataError
        If it is not YAML, or is about several tables or none.
    """
    draft = Draft()
    top = draft.reader(load_yaml(text, path))
    tables = top.readers("schema")
    if len(tables) != 1:
        raise DataError(f"{path} is about {len(tables)} tables: leave the one that the schema is for")
    table = tables[0]
    draft.top["name"] = table.text("name") or ""
    keys: dict[str, int] = {}
    for column in table.readers("properties"):
        _column(draft, column, "", keys)
    if keys:
        draft.relations.append(Relation(key=tuple(sorted(keys, key=lambda name: keys[name]))))
    for rule in table.readers("quality"):
        _quality(draft, rule, None)
    table.ignore(*_WORDS)
    table.close()
    for promise in top.readers("slaProperties", "property"):
        promise.report.append(Unmapped(promise.place, shown(promise.fields), "a promise about service, and no rule"))
    top.ignore("name", *_TOP)
    top.close()
    return draft.finish()


def _column(draft: Draft, reader: Reader, parent: str, keys: dict[str, int], *, items: bool = False) -> None:
    said = "[]" if items else reader.text("name")
    if said is None:
        reader.close("a property without a name")
        return
    name = f"{parent}.{said}" if parent else said
    type_ = reader.text("logicalType")
    kind = _TYPES.get(type_ or "")
    if type_ is not None and kind is None:
        reader.unmapped("logicalType", type_, "assay has no such type")
    column = draft.column(name, type=kind or "any")
    column["because"] = reader.text("description") or ""
    if reader.flag("required"):
        column["nulls"] = "never"
    if reader.flag("unique"):
        column["unique"] = True
    place = reader.number("primaryKeyPosition")
    if reader.flag("primaryKey"):
        keys[name] = int(place) if place is not None and place > 0 else 1 + len(keys)
    options = reader.reader("logicalTypeOptions")
    if options is not None:
        _options(draft, options, name)
    for rule in reader.readers("quality"):
        _quality(draft, rule, name)
    for inner in reader.readers("properties"):
        _column(draft, inner, name, {})
    element = reader.reader("items")
    if element is not None:
        element.ignore("name")
        _column(draft, element, name, {}, items=True)
    reader.ignore(*_WORDS)
    reader.close()


def _options(draft: Draft, options: Reader, name: str) -> None:
    for key, below in (("minimum", False), ("maximum", True)):
        if options.has(key):
            end: Any = options.bound(key)
            if end is not None:
                draft.limit(name, "range", limits.Range(**{"max" if below else "min": end}), options.at(key))
    for key, below in (("exclusiveMinimum", False), ("exclusiveMaximum", True)):
        end = options.bound(key) if options.has(key) and not isinstance(options.fields[key], bool) else None
        if end is not None:
            draft.above(name, end, options.at(key), below=below)
    if options.has("minLength") or options.has("maxLength"):
        limit = limits.Length(min=options.whole("minLength"), max=options.whole("maxLength"))
        draft.limit(name, "length", limit, options.at("length"))
    if options.has("minItems") or options.has("maxItems"):
        many = limits.Values(min=options.whole("minItems") or 0, max=options.whole("maxItems"))
        draft.limit(name, "values", many, options.at("items"))
    pattern = options.text("pattern")
    if pattern is not None:
        draft.pattern(name, pattern, options.at("pattern"), whole=False)
    form = options.text("format")
    if form in _FORMATS:
        draft.limit(name, "format", limits.Formatted(kind=_FORMATS[form]), options.at("format"))  # type: ignore[arg-type]
    elif form is not None:
        options.unmapped("format", form, "assay knows no such format")
    options.close()


def _quality(draft: Draft, rule: Reader, name: str | None) -> None:
    """Read one rule of a column, or of the table (``name`` is None)."""
    said = dict(rule.fields)
    kind = rule.text("type") or "library"
    what = rule.text("metric") or rule.text("rule")
    unit = rule.text("unit") or "rows"
    ends = _ends(rule)
    rule.ignore(*_QUALITY)
    if kind == "library" and what in _COUNTED and ends is not None:
        understood = _library(draft, rule, name, _COUNTED[what], ends, percent=unit == "percent")
    elif kind == "sql" and ends is not None and rule.has("query"):
        query = (rule.text("query") or "").replace("{object}", "rows").replace("${table}", "rows")
        query = query.replace("{property}", quoted(name or "")).replace("${column}", quoted(name or ""))
        bounded(draft, measure("CustomSql", query), ends)
        understood = True
    else:
        understood = False
    if understood:
        rule.close()
        return
    rule.report.append(Unmapped(rule.place, shown(said), "assay knows no such rule"))


def _ends(rule: Reader) -> Ends | None:
    """Take the operator: the least and the greatest number that it allows; ``None`` if there is none, or two."""
    found = [key for key in (*_OPERATORS, "mustBeBetween") if rule.has(key)]
    if len(found) != 1:
        return None
    if found[0] == "mustBeBetween":
        pair = rule.fields["mustBeBetween"]
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(end) in (int, float) for end in pair)):
            return None
        rule.ignore("mustBeBetween")
        return float(pair[0]), float(pair[1])
    value = rule.number(found[0])
    return None if value is None else ends_of(_OPERATORS[found[0]], value)


def _library(draft: Draft, rule: Reader, name: str | None, what: str, ends: Ends, *, percent: bool) -> bool:
    """Read a rule of the library; tell whether it has a counterpart. A number of rows above 0 is no share of them."""
    if what == "rows":
        draft.rows_between(*whole(ends))
        return True
    arguments = rule.reader("arguments")
    where = arguments or Reader({}, rule.at("arguments"), rule.report)
    low, high = ends
    names = [name] if name is not None else list(where.values("properties") or ())
    if what == "valid":
        # So many rows are valid: all of them, or a share.
        if not percent or low is None or high not in (None, 100.0):
            return False
        at_most = share_of(low / 100)
    elif high is None or (low or 0) > 0 or (not percent and high >= 1):
        return False
    else:
        at_most = round(high / 100, 12) if percent else 0.0
    if not names or at_most >= 1:
        return False
    if what == "duplicates":
        if len(names) == 1:
            draft.limit(names[0], "duplicates", limits.Duplicates(at_most=at_most), rule.place)
        else:
            there = " AND ".join(f"{quoted(each)} IS NOT NULL" for each in names)
            draft.relations.append(Relation(key=tuple(names), where=there, at_most=at_most))
    elif len(names) > 1 or (what != "nulls" and not _says_what_is_valid(where, rule, at_most)):
        return False
    elif what == "nulls":
        _missing(draft, where, names[0], at_most, rule.place)
    else:
        _valid(draft, where, rule, names[0], at_most)
    where.close()
    return True


def _says_what_is_valid(where: Reader, rule: Reader, at_most: float) -> bool:
    """Whether a rule names the valid values or their pattern; with a share, one of the two, which cannot share it."""
    said = (where.has("validValues") or rule.has("validValues")) + where.has("pattern")
    return said == 1 or (said == 2 and not at_most)


def _missing(draft: Draft, where: Reader, name: str, at_most: float, place: str) -> None:
    words: Any = where.value("missingValues")
    texts = [word for word in words or () if isinstance(word, (str, int, float)) and not isinstance(word, bool)]
    if texts:
        members = ", ".join(literal(word) for word in texts)
        sql = f"{quoted(name)} IS NOT NULL AND {quoted(name)} NOT IN ({members})"
        draft.relations.append(Relation(sql=sql, at_most=at_most))
    else:
        draft.limit(name, "nulls", limits.Nulls(at_most=at_most), place)


def _valid(draft: Draft, where: Reader, rule: Reader, name: str, at_most: float) -> None:
    source = where if where.has("validValues") else rule
    if source.has("validValues"):
        draft.one_of(source, "validValues", name, at_most)
    pattern = where.text("pattern")
    if pattern is not None:
        draft.pattern(name, pattern, where.at("pattern"), whole=False, at_most=at_most)
