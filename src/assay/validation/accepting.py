"""Accepted suggestions, put into a schema file that a person has reviewed: comments stay, and so does every rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from assay.validation.column import NEVER, Column
from assay.validation.edits import Edit, apply_edits
from assay.validation.schema import Schema, toml_key, toml_table, toml_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from assay.validation.relations import Relation
    from assay.validation.suggestion import Suggestion


class Merged(NamedTuple):
    """The new text of the file, and the reviewed rules that a suggestion says differently, a line each."""

    text: str
    conflicts: tuple[str, ...]


def merge(
    text: str,
    chosen: Iterable[Suggestion],
    types: Mapping[str, str],
    *,
    path: str = "schema.toml",
    replace: bool = False,
) -> Merged:
    """Put suggestions into the text of a schema file.

    A rule that the file has is left as it is, and told where the suggestion differs; with `replace` the suggestion
    takes its place.

    Parameters
    ----------
    text : str
        Content of the file.
    chosen : iterable of Suggestion
    types : mapping of str to str
        Kind of each column, for those that the file does not know.
    path : str
        Name of the file, for messages.
    replace : bool

    Raises
    ------
    DataError
        If the file cannot be read before or after.

    Examples
    --------
    >>> from assay.validation import Suggestion
    >>> from assay.validation.limits import Nulls
    >>> about = {"kind": "at_most", "rule": "", "n": 9, "k": 0, "bound": 0.1, "error": 0.05, "predicted": 0.0, "basis": ""}
    >>> one = Suggestion(name="nulls:a", column="a", family="nulls", limit=Nulls(0.1), **about)
    >>> merge('[columns.a]  # of the till\\ntype = "integer"\\nnulls = "never"\\n', [one], {}).conflicts
    ('columns.a.nulls is "never"; suggested is { at_most = 0.1 } (nulls:a)',)
    """
    known = Schema.from_toml(text, path)
    edits: list[Edit] = []
    added: list[Relation] = []
    conflicts: list[str] = []
    typed = set(known.columns)
    for one in chosen:
        if one.relation is not None:
            same = [i for i, each in enumerate(known.relations) if _body(each) == _body(one.relation)]
            if not same and one.relation not in added:
                added.append(one.relation)
            elif same and known.relations[same[0]].at_most != one.relation.at_most:
                key = f"relations.{same[0]}.at_most"
                _differ(key, known.relations[same[0]].at_most, one.relation.at_most, one, edits, conflicts, replace)
            continue
        column = known.columns.get(one.column)
        key = f"columns.{toml_key(one.column)}"
        if one.column not in typed:
            typed.add(one.column)
            edits.append(Edit(f"{key}.type", types[one.column]))
        have = getattr(column, one.family, None) if column is not None else None
        wanted = msgspec.to_builtins(one.limit)
        if not have:
            edits.append(Edit(f"{key}.{one.family}", _inline(wanted, one.family)))
        elif msgspec.to_builtins(_limit(column, one.family)) != wanted:
            _differ(f"{key}.{one.family}", msgspec.to_builtins(have), wanted, one, edits, conflicts, replace)
    changed = apply_edits(text, edits, path)
    for relation in added:
        changed = (
            f"{changed.rstrip()}\n\n" + "\n".join(["[[relations]]", *toml_table(msgspec.to_builtins(relation))]) + "\n"
        )
    Schema.from_toml(changed, path)
    return Merged(changed, tuple(conflicts))


def _limit(column: Column | None, family: str) -> Any:
    assert column is not None
    return column.limit(family) if family in NEVER else getattr(column, family)


def _differ(
    key: str, have: Any, wanted: Any, one: Suggestion, edits: list[Edit], conflicts: list[str], replace: bool
) -> None:
    if replace:
        edits.append(Edit(key, _inline(wanted, one.family)))
    else:
        conflicts.append(f"{key} is {toml_value(have)}; suggested is {toml_value(wanted)} ({one.name})")


def _inline(value: Any, family: str) -> Any:
    """Give the value as it is written on one line."""
    import tomlkit

    if value == {} and family in NEVER:
        return "never"
    if not isinstance(value, dict):
        return value
    table = tomlkit.inline_table()
    table.update({key: each for key, each in value.items() if each is not None})
    return table


def _body(relation: Relation) -> Relation:
    """Give what a relation says, whatever its limit, its name and its reason."""
    return msgspec.structs.replace(relation, at_most=0.0, name="", owner="", because="")
