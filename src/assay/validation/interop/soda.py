"""Checks of Soda, in its language of checks (SodaCL), about one table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from assay.errors import DataError
from assay.validation import limits
from assay.validation.interop.comparing import NUMBER, Ends, bounded, compared, measure, whole
from assay.validation.interop.drafting import Draft, literal, quoted
from assay.validation.interop.reading import Reader, Unmapped, load_yaml, shown
from assay.validation.relations import Fresh, Relation

if TYPE_CHECKING:
    from assay.validation.schema import Schema

_MEASURES = {
    "avg": "Mean", "min": "Minimum", "max": "Maximum", "sum": "Sum", "stddev_pop": "StandardDeviation",
    "min_length": "MinLength", "max_length": "MaxLength",
}  # fmt: skip
_TYPES = (
    (r"(big|small|tiny)?int(eger)?(2|4|8|64)?", "integer"),
    (r"float\d*|double( precision)?|real|numeric.*|decimal.*|number.*", "number"),
    (r"(var)?char.*|character varying.*|text|string", "string"),
    (r"bool(ean)?", "boolean"),
    (r"date", "date"),
    (r"timestamp.*|datetime", "timestamp"),
)
_FORMATS = {
    "email": "email",
    "uuid": "uuid",
    "url": "url",
    "ip v4 address": "ipv4",
    "credit card number": "credit_card",
}
# What a check may say of the values that it holds to be valid.
_VALID = ("values", "min", "max", "length", "min length", "max length", "format", "regex")
# Which of them are one limit here.
_LIMIT = {"min": "range", "max": "range", "min length": "length", "max length": "length"}
_CHECK = re.compile(r"(?P<what>[a-z_]+)\s*(?:\((?P<columns>[^)]*)\))?\s*(?P<rest>.*)", re.DOTALL)
_FOREIGN = re.compile(r"values in \((?P<columns>[^)]*)\) must exist in (?P<table>\S+) \((?P<others>[^)]*)\)")
_SHARES = {"missing_percent": "missing", "invalid_percent": "invalid", "duplicate_percent": "duplicate"}
_COUNTS = {"missing_count": "missing", "invalid_count": "invalid", "duplicate_count": "duplicate"}


def read(text: str, path: str) -> tuple[Schema, list[Unmapped]]:
    """Import the checks of one table. A number of rows above 0 is no share of them, and is reported.

    Raises
    ------
    DataError
        If it is not YAML, or has checks of several tables or of none.
    """
    draft = Draft()
    top = draft.reader(load_yaml(text, path))
    tables = [key for key in top.fields if key.startswith("checks for ")]
    if len(tables) != 1:
        raise DataError(f"{path} has checks of {len(tables)} tables: leave those of the one that the schema is for")
    checks = top.value(tables[0])
    draft.top["name"] = tables[0].removeprefix("checks for ").partition(" [")[0]
    if not isinstance(checks, list):
        draft.report.append(Unmapped(tables[0], shown(checks), "expected a list of checks"))
        checks = []
    for place, item in enumerate(checks):
        at = f"checks[{place}]"
        if not _check(draft, item, at):
            draft.report.append(Unmapped(at, shown(item), "assay knows no such check"))
    top.close("not about the rows of one table")
    return draft.finish()


def _check(draft: Draft, item: Any, at: str) -> bool:
    """Read one check; tell whether it was understood."""
    given: Any = {}
    if isinstance(item, str):
        said = item
    elif isinstance(item, dict) and len(item) == 1:
        ((said, given),) = ((str(key), value) for key, value in item.items())
        given = {str(key): value for key, value in given.items()} if isinstance(given, dict) else {}
    else:
        return False
    rule = Reader(given, at, draft.report)
    rule.ignore("name", "attributes", "identity", "title", "samples limit")
    if said == "schema":
        return _columns(draft, rule)
    if said == "failed rows":
        condition = rule.text("fail condition")
        if condition is None or rule.fields:
            return False
        draft.relations.append(Relation(sql=f"NOT ({condition})"))
        return True
    if found := _FOREIGN.fullmatch(said):
        own = tuple(name.strip() for name in found["columns"].split(","))
        others = ",".join(name.strip() for name in found["others"].split(","))
        draft.relations.append(Relation(foreign_key=own, references=f"{found['table']}:{others}"))
        rule.close()
        return True
    where = rule.text("filter")
    compares = said
    if rule.has("fail") or rule.has("warn"):
        # What only warns is no limit; what fails is one, turned round.
        compares = rule.text("fail") or ""
        ends = _unless(compares)
        rule.refuse("warn", "whether a rule warns or blocks is said in assay.toml")
    else:
        said, ends = _head(said)
    found = _CHECK.fullmatch(said.strip())
    if found is None or found["rest"] or ends is None:
        return False
    if found["what"] in _SHARES and "%" not in compares:
        # A percentage is written with or without its sign.
        low, high = ends
        ends = None if low is None else low / 100, None if high is None else high / 100
    names = [name.strip().strip('"') for name in (found["columns"] or "").split(",") if name.strip()]
    return _judged(draft, found["what"], names, ends, where, rule)


def _head(said: str) -> tuple[str, Ends | None]:
    """Split a check into what is measured and what is allowed."""
    found = re.search(rf"\s*((?:>=|<=|>|<|=|!=)\s*{NUMBER}\s*[%a-z]*|between\s+.*)$", said)
    if found is None:
        return said, None
    if re.match(r"freshness\s*\(", said):
        age = re.fullmatch(r"<=?\s*(\d+)\s*([dhm])", found[1])
        return said[: found.start()], None if age is None else (None, float(age[1]) / _HOURS[age[2]])
    return said[: found.start()], compared(found[1])


_HOURS = {"d": 1 / 24, "h": 1, "m": 60}


def _unless(said: str) -> Ends | None:
    """Turn ``when < 5``, for which a check fails, into what is allowed."""
    found = re.fullmatch(rf"when\s*(>=|<=|>|<|!=)\s*({NUMBER}\s*%?)", said)
    if found is None:
        return None
    turned = {">=": "<", "<=": ">", ">": "<=", "<": ">=", "!=": "="}[found[1]]
    return compared(f"{turned} {found[2]}")


def _judged(draft: Draft, what: str, names: list[str], ends: Ends, where: str | None, rule: Reader) -> bool:
    """Read a check of a number of the table."""
    for name in names:
        draft.column(name)
    if what == "row_count" and not names:
        if where is None:
            draft.rows_between(*whole(ends))
        else:
            bounded(draft, measure("Size"), whole(ends), where)
    elif what in _MEASURES and len(names) == 1:
        bounded(draft, measure(_MEASURES[what], names[0]), ends, where)
    elif what == "distinct_count" and len(names) == 1:
        bounded(draft, measure("CountDistinct", names), whole(ends), where)
    elif (
        what == "freshness" and len(names) == 1 and where is None and ends[1] is not None and "fresh" not in draft.rows
    ):
        minutes = round(ends[1] * 60)
        draft.rows["fresh"] = Fresh(column=names[0], within=f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m")
    elif what in _SHARES | _COUNTS:
        return _broken(draft, what, names, ends, where, rule)
    else:
        return False
    rule.close()
    return True


def _broken(draft: Draft, what: str, names: list[str], ends: Ends, where: str | None, rule: Reader) -> bool:
    """Read a check of the rows that are missing, invalid or there twice."""
    low, high = ends
    counted = what in _COUNTS
    if not names or high is None or (low or 0) > 0 or (counted and high >= 1):
        return False
    at_most = 0.0 if counted else round(high, 12)
    kind = (_SHARES | _COUNTS)[what]
    if at_most >= 1:
        return False
    if kind == "duplicate":
        there = [f"{quoted(name)} IS NOT NULL" for name in names]
        if len(names) == 1 and where is None:
            draft.limit(names[0], "duplicates", limits.Duplicates(at_most=at_most), rule.place)
        else:
            kept = " AND ".join([*there, *([f"({where})"] if where else [])])
            draft.relations.append(Relation(key=tuple(names), where=kept, at_most=at_most))
        rule.close()
        return True
    if len(names) > 1 or where is not None:
        return False
    if kind == "missing":
        words = rule.value("missing values")
        texts = [word for word in words or () if isinstance(word, (str, int, float)) and not isinstance(word, bool)]
        if texts:
            members = ", ".join(literal(word) for word in texts)
            sql = f"{quoted(names[0])} IS NOT NULL AND {quoted(names[0])} NOT IN ({members})"
            draft.relations.append(Relation(sql=sql, at_most=at_most))
        else:
            draft.limit(names[0], "nulls", limits.Nulls(at_most=at_most), rule.place)
        rule.close()
        return True
    limits_asked = {_LIMIT.get(key, key) for key in _VALID if rule.has(f"valid {key}")}
    if not limits_asked or (at_most and len(limits_asked) > 1):
        # A share of rows that may break any of several limits is no share for each.
        return False
    _valid(draft, rule, names[0], at_most)
    rule.close()
    return True


def _valid(draft: Draft, rule: Reader, name: str, at_most: float) -> None:
    draft.one_of(rule, "valid values", name, at_most)
    low, high = rule.bound("valid min"), rule.bound("valid max")
    if low is not None or high is not None:
        draft.limit(name, "range", limits.Range(min=low, max=high, at_most=at_most), rule.place)
    exact, least, most = (rule.whole(f"valid {key}") for key in ("length", "min length", "max length"))
    if exact is not None or least is not None or most is not None:
        least, most = (exact, exact) if exact is not None else (least, most)
        draft.limit(name, "length", limits.Length(min=least, max=most, at_most=at_most), rule.place)
    regex, form = rule.text("valid regex"), rule.text("valid format")
    if regex is not None:
        draft.pattern(name, regex, rule.at("valid regex"), whole=False, at_most=at_most)
    if form in _FORMATS:
        limit = limits.Formatted(kind=_FORMATS[form], at_most=at_most)  # type: ignore[arg-type]
        draft.limit(name, "format", limit, rule.at("valid format"))
    elif form is not None:
        rule.unmapped("valid format", form, "assay knows no such format")


def _columns(draft: Draft, rule: Reader) -> bool:
    """Read a check of the columns that there are; what only warns is reported."""
    rule.refuse("warn", "whether a rule warns or blocks is said in assay.toml")
    fails = rule.reader("fail")
    if fails is not None:
        for name in fails.values("when required column missing") or ():
            draft.column(name)
        types = fails.reader("when wrong column type")
        for name in list(types.fields) if types is not None else ():
            assert types is not None
            said = types.text(name)
            kind = next((kind for form, kind in _TYPES if said and re.fullmatch(form, said.strip().lower())), None)
            if kind is not None:
                draft.column(name, type=kind)
            elif said is not None:
                types.unmapped(name, said, "assay has no such type")
        fails.close()
    rule.close()
    return True
