"""DQDL, the rule language of AWS Glue Data Quality, which is built on Deequ."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assay.errors import DataError
from assay.validation import limits
from assay.validation.interop.comparing import NUMBER, Ends, bounded, compared, measure, whole
from assay.validation.interop.drafting import Draft, literal, quoted, re2_problem, share_of
from assay.validation.interop.reading import Unmapped, shown
from assay.validation.relations import Fresh, Relation

if TYPE_CHECKING:
    from assay.validation.schema import Schema

# Rules about one number of one column.
_MEASURES = {
    "Completeness": "Completeness",
    "Mean": "Mean",
    "Sum": "Sum",
    "StandardDeviation": "StandardDeviation",
}
# Those that Deequ computes over groups of values.
_GROUPED = {
    "Uniqueness": "Uniqueness",
    "UniqueValueRatio": "UniqueValueRatio",
    "DistinctValuesCount": "CountDistinct",
    "Entropy": "Entropy",
}
_TYPES = {
    "integer": "integer", "long": "integer", "double": "number", "float": "number", "decimal": "number",
    "string": "string", "boolean": "boolean", "date": "date", "timestamp": "timestamp",
}  # fmt: skip
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*|[\[\](),]|[^\s"\[\](),#]+')
_THRESHOLD = re.compile(rf"\s+with\s+threshold\s*(>=|>|=)\s*({NUMBER})\s*$", re.IGNORECASE)
_WHERE = re.compile(r'\s+where\s+"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_RULE = re.compile(r'(?P<kind>[A-Za-z]+)(?P<words>(?:\s+"(?:[^"\\]|\\.)*")*)\s*(?P<rest>.*)', re.DOTALL)
_LIST = re.compile(r"(not\s+)?in\s*\[(.*)\]", re.IGNORECASE | re.DOTALL)
_PATTERN = re.compile(r'(not\s+)?matches\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE | re.DOTALL)
_AGE = re.compile(rf"(<=|<)\s*({NUMBER})\s*(minutes?|hours?|days?)", re.IGNORECASE)


def read(text: str, path: str) -> tuple[Schema, list[Unmapped]]:
    """Import a ruleset. A composite of ``and`` is its parts; one of ``or`` is reported.

    Where values are missing, a ``with threshold`` of Glue counts rows as Glue's version does, and assay counts all rows.

    Raises
    ------
    DataError
        If it holds no list of rules.
    """
    draft = Draft()
    top = parse(text, path)
    for section, rules in top.items():
        for place, rule in enumerate(rules):
            at = f"{section}[{place}]"
            if section != "Rules":
                draft.report.append(Unmapped(at, shown(rule), "what is measured and not judged is no rule"))
            elif not _rule(draft, rule, at):
                draft.report.append(Unmapped(at, shown(rule), "assay knows no such rule"))
    return draft.finish()


def parse(text: str, path: str) -> dict[str, list[str]]:
    """Read the lists of a ruleset: each rule as its text, without comments.

    Raises
    ------
    DataError
        If a bracket or a quote is not closed, or there is no list of rules.
    """
    found: dict[str, list[str]] = {}
    tokens = [token for token in _TOKEN.findall(text) if not token.startswith("#")]
    place = 0
    while place < len(tokens):
        if tokens[place + 1 : place + 3] != ["=", "["]:
            raise DataError(f"{path} is no DQDL: expected 'Rules = [', found {shown(tokens[place])!r}")
        name, place, depth = tokens[place], place + 3, 0
        rules: list[list[str]] = [[]]
        while place < len(tokens) and (depth or tokens[place] != "]"):
            token = tokens[place]
            depth += (token in "[(") - (token in "])") if len(token) == 1 else 0
            if token == "," and not depth:
                rules.append([])
            else:
                rules[-1].append(token)
            place += 1
        if place >= len(tokens):
            raise DataError(f"{path} is no DQDL: the list {name} is not closed")
        found.setdefault(name, []).extend(" ".join(rule) for rule in rules if rule)
        place += 1
    if "Rules" not in found:
        raise DataError(f"{path} is no DQDL: it holds no list of Rules")
    return found


def _rule(draft: Draft, text: str, at: str) -> bool:
    """Read one rule, or all parts of a composite; tell whether it was understood, with nothing added if not."""
    parts = _parts(text)
    if parts is not None:
        # All or none: half of a rule would be another one.
        trial = Draft()
        trial.columns = {name: dict(fields) for name, fields in draft.columns.items()}
        trial.rows = dict(draft.rows)
        if not parts or not all(_rule(trial, part, at) for part in parts) or trial.report:
            return False
        return all(_rule(draft, part, at) for part in parts)
    threshold = _THRESHOLD.search(text)
    body = text[: threshold.start()] if threshold else text
    where = _WHERE.search(body)
    if where:
        body = body[: where.start()] + body[where.end() :]
    found = _RULE.fullmatch(body.strip())
    if found is None:
        return False
    words = [_plain(word) for word in re.findall(r'"((?:[^"\\]|\\.)*)"', found["words"])]
    at_most = share_of(float(threshold[2])) if threshold else 0.0
    if not 0 <= at_most < 1:
        return False
    only = _plain(where[1]) if where else None
    kind, rest = found["kind"], found["rest"].strip()
    if kind == "ColumnValues":
        return len(words) == 1 and _values(draft, words[0], rest, at_most, only, at)
    if threshold:
        return False
    return _number(draft, kind, words, rest, only, at) or (only is None and _fact(draft, kind, words, rest))


def _parts(text: str) -> list[str] | None:
    """Split a composite ``(A) and (B)``; ``None`` if it is none, no parts if another word stands between them."""
    text = text.strip()
    if not text.startswith("("):
        return None
    parts: list[str] = []
    depth, start, quote = 0, 0, False
    for place, char in enumerate(text):
        if char == '"' and text[place - 1] != "\\":
            quote = not quote
        if quote:
            continue
        if char == "(":
            if not depth:
                if parts and text[start:place].strip().lower() != "and":
                    return []
                start = place + 1
            depth += 1
        elif char == ")":
            depth -= 1
            if not depth:
                parts.append(text[start:place])
                start = place + 1
    return parts if not text[start:].strip() else []


def _plain(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word)


def _number(draft: Draft, kind: str, words: list[str], rest: str, where: str | None, at: str) -> bool:
    """Read a rule about a number of the table."""
    if kind == "IsComplete" and len(words) == 1 and not rest:
        if where:
            draft.relations.append(Relation(sql=f"{quoted(words[0])} IS NOT NULL", where=where))
        else:
            draft.limit(words[0], "nulls", limits.Nulls(), at)
        return True
    if kind in ("IsUnique", "IsPrimaryKey") and words and not rest:
        there = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in words) if kind == "IsUnique" else ""
        kept = " AND ".join(f"({part})" for part in (there, where) if part) or None
        draft.relations.append(Relation(key=tuple(words), where=kept))
        return True
    ends = compared(rest, open_between=True)
    if ends is None:
        return False
    if kind in _MEASURES and len(words) == 1:
        bounded(draft, measure(_MEASURES[kind], words[0]), ends, where)
    elif kind in _GROUPED and words:
        counted = kind == "DistinctValuesCount"
        bounded(draft, measure(_GROUPED[kind], words), whole(ends) if counted else ends, where)
    elif kind == "ColumnCorrelation" and len(words) == 2:
        bounded(draft, measure("Correlation", *words), ends, where)
    elif kind == "RowCount" and not words and where is None:
        draft.rows_between(*whole(ends))
    elif kind == "RowCount" and not words:
        bounded(draft, measure("Size"), whole(ends), where)
    elif kind == "ColumnLength" and len(words) == 1:
        _lengths(draft, words[0], ends, where)
    elif kind == "CustomSql" and len(words) == 1:
        # The table that Glue calls primary is called rows here.
        bounded(draft, measure("CustomSql", re.sub(r"\bprimary\b", "rows", words[0])), ends, where)
    elif kind == "ColumnCount" and not words and where is None:
        bounded(draft, measure("ColumnCount"), whole(ends))
    else:
        return False
    for word in words if kind != "CustomSql" else ():
        draft.column(word)
    return True


def _lengths(draft: Draft, name: str, ends: Ends, where: str | None) -> None:
    parts = [
        f"length({quoted(name)}) {sign} {end}"
        for sign, end in zip((">=", "<="), whole(ends), strict=True)
        if end is not None
    ]
    draft.relations.append(Relation(sql=" AND ".join(parts), where=where))


def _fact(draft: Draft, kind: str, words: list[str], rest: str) -> bool:
    """Read a rule about the columns that there are, their types, their age, or another table."""
    if kind == "ColumnExists" and len(words) == 1 and not rest:
        draft.column(words[0])
    elif kind == "ColumnDataType" and len(words) == 1:
        said = re.fullmatch(r'=\s*"([A-Za-z]+).*"', rest)
        type_ = _TYPES.get(said[1].lower()) if said else None
        if type_ is None:
            return False
        draft.column(words[0], type=type_)
    elif kind == "DataFreshness" and len(words) == 1 and (age := _AGE.fullmatch(rest)):
        if "fresh" in draft.rows or float(age[2]) != int(float(age[2])):
            return False
        draft.rows["fresh"] = Fresh(column=words[0], within=f"{int(float(age[2]))}{age[3][0].lower()}")
        draft.column(words[0])
    elif kind == "ReferentialIntegrity" and len(words) == 2 and compared(rest) == (1.0, 1.0):
        names = tuple(part.strip() for part in words[0].split(","))
        table, _, others = words[1].partition(".")
        there = others.strip("{} ")
        draft.relations.append(Relation(foreign_key=names, references=f"{table}:{there}"))
    else:
        return False
    return True


def _values(draft: Draft, name: str, rest: str, at_most: float, where: str | None, at: str) -> bool:
    """Read ``ColumnValues``: a comparison, a list, a pattern, and each negated."""
    column = quoted(name)
    listed, pattern = _LIST.fullmatch(rest), _PATTERN.fullmatch(rest)
    if listed:
        members = re.findall(rf'"((?:[^"\\]|\\.)*)"|({NUMBER})', listed[2])
        values = [number or literal(_plain(text)) for text, number in members]
        if not values:
            return False
        sql = f"{column} {'NOT IN' if listed[1] else 'IN'} ({', '.join(values)})"
        if not listed[1] and where is None and all(not number for _, number in members):
            texts = tuple(_plain(text) for text, _ in members)
            draft.limit(name, "categories", limits.Categories(values=texts, at_most=at_most), at)
            return True
    elif pattern:
        regex = _plain(pattern[2]) if '\\"' in pattern[2] else pattern[2]
        if re2_problem(regex):
            return False
        if not pattern[1] and where is None:
            draft.pattern(name, regex, at, whole=True, at_most=at_most)
            return True
        sql = f"{'NOT ' if pattern[1] else ''}regexp_matches({column}, {literal(f'^(?:{regex})$')})"
    else:
        sql = _condition(column, rest)
        if not sql:
            return False
    draft.column(name)
    draft.relations.append(Relation(sql=sql, where=where, at_most=at_most))
    return True


def _condition(column: str, rest: str) -> str:
    """Write a comparison of a column with numbers, dates or texts as SQL; empty if it is none."""
    word = rf'({NUMBER}|"(?:[^"\\]|\\.)*")'
    if found := re.fullmatch(rf"(!=|>=|<=|>|<|=)\s*{word}", rest):
        return f"{column} {'<>' if found[1] == '!=' else found[1]} {_constant(found[2])}"
    if found := re.fullmatch(rf"(not\s+)?between\s+{word}\s+and\s+{word}", rest, re.IGNORECASE):
        inside = f"{column} > {_constant(found[2])} AND {column} < {_constant(found[3])}"
        return f"NOT ({inside})" if found[1] else inside
    return ""


def _constant(word: str) -> str:
    return literal(_plain(word[1:-1])) if word.startswith('"') else word
