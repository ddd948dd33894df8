"""A schema in words: a line for each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from assay.validation.codes import CODES, percent
from assay.validation.rules import rules_of
from assay.validation.schema import toml_value

if TYPE_CHECKING:
    from assay.validation.rules import Rule
    from assay.validation.schema import Schema

_LONGEST = 60


def lines(schema: Schema) -> list[str]:
    """Say what a schema says.

    Examples
    --------
    >>> from assay.validation import Schema
    >>> schema = Schema.from_toml('name = "till"\\n[columns.a]\\ntype = "integer"\\nrange = { min = 0, at_most = 0.01 }')
    >>> print("\\n".join(lines(schema)))
    till: 1 column, limits declared by a person
    a  integer
       VAL103  range { min = 0 }  at most 1% of rows
    """
    source = schema.reference
    origin = "limits declared by a person"
    if source is not None:
        by = f", {source.units:,} {source.unit}" if source.units else ""
        origin = f"limits inferred from {source.rows:,} rows{by}" + (
            f", error {percent(source.error)}" if source.error else ""
        )
    count = len(schema.columns)
    found = [f"{schema.name or 'schema'}: {count} column{'' if count == 1 else 's'}, {origin}"]
    rules = rules_of(schema)
    width = max(map(len, schema.columns), default=0)
    for name, column in schema.columns.items():
        said = [] if column.required else ["may be missing"]
        said += [f"only in {', '.join(column.in_environment)}"] if column.in_environment else []
        said += [f"not in {', '.join(column.not_in_environment)}"] if column.not_in_environment else []
        said += [column.stage] if column.stage != "production" else []
        said += [f"in {column.unit_of_measure}"] if column.unit_of_measure else []
        said += [column.because] if column.because else []
        found.append("  ".join([name.ljust(width), ", ".join([column.type, *said])]))
        found += [f"   {_rule(rule)}" for rule in rules if rule.place[:2] == ("columns", name)]
        for word, code in (("drift", "VAL201"), ("skew", "VAL202"), ("distinct", "VAL119")):
            limit = getattr(column, word)
            if limit is not None:
                found.append(f"   {code}  {word} {_short(toml_value(msgspec.to_builtins(limit)))}")
    found += [f"{_rule(rule)}" for rule in rules if rule.place[0] == "relations"]
    if schema.rows is not None:
        found.append(f"rows {toml_value(msgspec.to_builtins(schema.rows))}")
    found += [f"VAL125  {toml_value(msgspec.to_builtins(metric))}" for metric in schema.metrics]
    found += [f"slice {toml_value(msgspec.to_builtins(part))}" for part in schema.slices]
    return found


def _rule(rule: Rule) -> str:
    limit = "in no row" if rule.limit <= 0 else f"at most {percent(rule.limit)} of rows"
    if rule.place[0] == "relations":
        where = f" where {rule.where}" if rule.where else ""
        return f"{CODES[rule.family]}  {rule.column}{where}  broken {limit}"
    plain = msgspec.to_builtins(rule.spec) if rule.spec is not None else {}
    if isinstance(plain, dict):
        plain = {key: value for key, value in plain.items() if key != "at_most"}
    said = f" {_short(toml_value(plain))}" if plain else ""
    return f"{CODES[rule.family]}  {rule.family}{said}  {limit}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."
