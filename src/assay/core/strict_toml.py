"""Reading TOML into typed structs, strictly.

A key that the type does not have is an error that names the line and the nearest key that it does have: a misspelled
``blocking`` that is silently ignored is a gate that is silently open.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from assay.core.nearest import did_you_mean
from assay.errors import ProjectError, UsageError, shown

T = TypeVar("T")
Place = tuple[str | int, ...]
_MAPPINGS = (dict, Mapping)
_NONE: Mapping[str, str] = MappingProxyType({})


def read(path: Path) -> str:
    """Return a file's text.

    Raises
    ------
    ProjectError
        If it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8: save it as UTF-8"
        raise ProjectError(f"{shown(path)}: cannot be read: {why}") from problem


def decode(
    text: str,
    path: Path | str,
    expected: type[T],
    *,
    error: type[UsageError] = ProjectError,
    prefix: tuple[str, ...] = (),
    inconsistencies: Callable[[T], Iterable[tuple[Place, str]]] = lambda _: (),
    examples: Mapping[str, str] = _NONE,
) -> T:
    """Decode TOML text into a struct.

    Parameters
    ----------
    text : str
        The TOML.
    path : Path or str
        Where it came from, for messages.
    expected : type
        A ``msgspec.Struct`` with ``forbid_unknown_fields``.
    error : type
        What to raise.
    prefix : tuple of str
        The table that holds the content: ``("tool", "assay")``.
    inconsistencies : callable
        Given the struct, yields what types cannot express: the place of each fault and what is wrong.
    examples : mapping of str to str
        For keys that must be there, the line that would add one.

    Raises
    ------
    UsageError
        As ``error`` says; one line that names file, line, table and key, and the way out.
    """
    try:
        content: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise error(f"{shown(path)}: not valid TOML: {problem}") from problem
    for name in prefix:
        content = content.get(name, {})

    def refusal(place: Place, message: str) -> UsageError:
        line = line_of(text, (*prefix, *place))
        problem = error(message)
        problem.place = f"{shown(path)}{f':{line}' if line else ''}"
        return problem

    unknown = _first_unknown(content, expected, ())
    if unknown:
        place, known = unknown
        advice = did_you_mean(str(place[-1]), known, "known keys")
        raise refusal(place, f"unknown key {str(place[-1])!r} in {_table_name(place[:-1])}; {advice}")
    try:
        decoded = msgspec.convert(content, expected)
    except msgspec.ValidationError as problem:
        message, _, where = str(problem).partition(" - at ")
        place = _exact(content, expected, _parse_place(where.strip("`")))
        lacking = re.fullmatch(r"Object missing required field `(.+)`", message)
        if lacking:
            line = examples.get(lacking[1], f"{lacking[1]} = ...")
            inside = f" to {_table_name(place)}" if place else ""
            raise refusal(place, f"{_table_name(place)} has no {lacking[1]!r}; add {line}{inside}") from problem
        label = f"{_table_name(place[:-1])} {place[-1]}: " if place else ""
        allowed = _allowed(expected, place)
        if allowed and message.startswith("Invalid enum value"):
            value = message.removeprefix("Invalid enum value ").strip("'")
            message = f"{value!r} is not one of {', '.join(map(repr, allowed))}"
        else:
            message = f"{message[0].lower()}{message[1:].replace('`', chr(39))}"
        raise refusal(place, label + message) from problem
    for place, message in inconsistencies(decoded):
        raise refusal(place, message)
    return decoded


def _first_unknown(value: Any, expected: Any, place: Place) -> tuple[Place, list[str]] | None:
    """Walk raw TOML beside its type; return the place of the first key that the type does not have."""
    if isinstance(value, dict) and get_origin(expected) in _MAPPINGS:
        for key, inner in value.items():
            deeper = _first_unknown(inner, get_args(expected)[1], (*place, key))
            if deeper:
                return deeper
    elif isinstance(value, dict):
        for option in get_args(expected) or (expected,):
            if isinstance(option, type) and issubclass(option, msgspec.Struct):
                fields = {f.encode_name: f.type for f in msgspec.structs.fields(option)}
                for key, inner in value.items():
                    if key not in fields:
                        return (*place, key), list(fields)
                    deeper = _first_unknown(inner, fields[key], (*place, key))
                    if deeper:
                        return deeper
                return None
    if isinstance(value, list) and get_origin(expected) is tuple:
        for index, inner in enumerate(value):
            deeper = _first_unknown(inner, get_args(expected)[0], (*place, index))
            if deeper:
                return deeper
    return None


def _exact(value: Any, expected: Any, place: Place) -> Place:
    """Put the key at fault where msgspec says ``...``, its word for any key of a mapping."""
    if not place:
        return ()
    key, rest = place[0], place[1:]
    if get_origin(expected) in _MAPPINGS:
        inner = get_args(expected)[1]
        for name, item in value.items():
            try:
                msgspec.convert(item, inner)
            except msgspec.ValidationError:
                return (name, *_exact(item, inner, rest))
    elif isinstance(key, int):
        return (key, *_exact(value[key], get_args(expected)[0], rest))
    elif key in value:
        for option in get_args(expected) or (expected,):
            if isinstance(option, type) and issubclass(option, msgspec.Struct):
                fields = {field.encode_name: field.type for field in msgspec.structs.fields(option)}
                return (key, *_exact(value[key], fields[key], rest))
    return place


def _allowed(expected: Any, place: Place) -> tuple[Any, ...]:
    """List the values that a key may have, where its type lists them."""
    for key in place:
        options = get_args(expected) or (expected,)
        if get_origin(expected) in _MAPPINGS:
            expected = get_args(expected)[1]
        elif isinstance(key, int):
            expected = options[0]
        else:
            fields = {
                field.encode_name: field.type
                for option in options
                if isinstance(option, type) and issubclass(option, msgspec.Struct)
                for field in msgspec.structs.fields(option)
            }
            expected = fields.get(str(key))
    found: list[Any] = []
    for option in (expected, *get_args(expected)):
        if get_origin(option) is Literal:
            found += get_args(option)
    return tuple(found)


def _table_name(place: Place) -> str:
    names = [part for part in place if isinstance(part, str)]
    if not names:
        return "the file"
    return f"[[{'.'.join(names)}]]" if any(isinstance(part, int) for part in place) else f"[{'.'.join(names)}]"


def _parse_place(text: str) -> Place:
    """Turn msgspec's ``$.checks[0].id`` or ``$.datasets[...].role`` into a tuple."""
    parts: list[str | int] = []
    for name, index in re.findall(r"\.(\w+)|\[([^\]]+)\]", text):
        parts.append(name or (int(index) if index.isdigit() else index))
    return tuple(parts)


def line_of(text: str, place: Place) -> int | None:
    """Return the 1-based line where a key, or else the table that should hold it, stands; ``None`` if there is neither."""
    header: list[str | int] = []
    counts: dict[str, int] = {}
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        table = re.match(r"\s*\[(\[?)([^\]]+)\]", line)
        if table:
            name = table.group(2).strip()
            header = [*_parts(name)]
            if table.group(1):
                counts[name] = counts.get(name, -1) + 1
                header.append(counts[name])
            here = tuple(header)
        else:
            key = re.match(r"\s*([^=#]+?)\s*=", line)
            if not key:
                continue
            here = (*header, *_parts(key.group(1)))
        if here == place[: len(here)] and (best is None or len(here) > best[0]):
            best = (len(here), number)
    return best[1] if best else None


def _parts(key: str) -> list[str]:
    """Split a dotted key, in which a quoted part may hold dots of its own."""
    try:
        content: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return [key]
    parts = []
    while isinstance(content, dict):
        [(part, content)] = content.items()
        parts.append(part)
    return parts
