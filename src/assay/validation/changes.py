"""What two schemas say differently, key by key; the order of keys and comments are no difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from assay.validation.schema import toml_key, toml_value

if TYPE_CHECKING:
    from assay.validation.schema import Schema


def changes(old: Schema, new: Schema) -> list[str]:
    """List what differs, one line a key: ``+`` came, ``-`` went, ``~`` changed.

    Examples
    --------
    >>> from assay.validation import Schema
    >>> one = Schema.from_toml('version = 1\\n[columns.a]\\ntype = "integer"\\nnulls = { at_most = 0.1 }')
    >>> two = Schema.from_toml('version = 1\\n[columns.a]\\ntype = "integer"\\nnulls = { at_most = 0.2 }\\nunique = true')
    >>> print("\\n".join(changes(one, two)))
    ~ columns.a.nulls.at_most: 0.1 -> 0.2
    + columns.a.unique = true
    """
    before, after = (_flat(msgspec.to_builtins(schema), ()) for schema in (old, new))
    lines = []
    for key in dict.fromkeys([*before, *after]):
        if key not in after:
            lines.append(f"- {key} = {before[key]}")
        elif key not in before:
            lines.append(f"+ {key} = {after[key]}")
        elif before[key] != after[key]:
            lines.append(f"~ {key}: {before[key]} -> {after[key]}")
    return lines


def _flat(value: Any, path: tuple[str, ...]) -> dict[str, str]:
    if isinstance(value, Mapping) and value:
        return {
            key: said for name, inner in value.items() for key, said in _flat(inner, (*path, toml_key(name))).items()
        }
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, Mapping) for item in value):
        # Rules in a list have no order: each is told by what it says.
        return {f"{'.'.join(path)} {toml_value(dict(item))}": "there" for item in value}
    return {".".join(path): toml_value(value)}
