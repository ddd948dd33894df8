"""A schema as a class with typed fields: read from one, and written as one."""

from __future__ import annotations

import keyword
import re
import types
import typing
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Union, get_args, get_origin

import msgspec

from assay.core.nearest import did_you_mean
from assay.errors import DataError
from assay.validation.column import Column
from assay.validation.schema import Schema, inconsistencies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TYPES: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    date: "date",
    datetime: "timestamp",
    time: "time",
    list: "list",
    dict: "struct",
    bytes: "bytes",
    Any: "any",
}
_WORDS = {word: "Any" if kind is Any else kind.__name__ for kind, word in _TYPES.items()}
# Kinds of column that Python has no type for.
_OTHER = "other"


class Field:
    """What a field's type does not say: the keys of a column of the schema file, written as Python.

    Parameters
    ----------
    name : str, optional
        Name of the column, where it is no name of Python or is a path (``"items.[]"``).
    **limits
        As :class:`assay.validation.column.Column` has them: ``range={"min": 0}``, ``unique=True``.

    Examples
    --------
    >>> Field(range={"min": 0}, because="a price")
    Field(range={'min': 0}, because='a price')
    """

    def __init__(self, name: str | None = None, **limits: Any) -> None:
        self.name, self.limits = name, limits

    def __repr__(self) -> str:
        named = {"name": self.name} if self.name is not None else {}
        said = {**named, **{key: msgspec.to_builtins(value) for key, value in self.limits.items()}}
        return f"Field({', '.join(f'{key}={value!r}' for key, value in said.items())})"


def from_class(cls: type) -> Schema:
    """Read a schema from a class with typed fields: a plain class, a dataclass, a msgspec or attrs class, a pydantic model.

    A field is a column. ``str``, ``int``, ``float``, ``bool``, ``date``, ``datetime``, ``time``, ``list``, ``dict`` and ``Any``
    are its type; ``list[str]`` types the elements too, and a class of such fields is a struct. No value may be missing
    but where the type is ``... | None``. Everything else stands in ``Annotated[type, Field(...)]``, in the words of the
    schema file, and what is about the table as a whole in ``__assay__``.

    Parameters
    ----------
    cls : class

    Returns
    -------
    Schema
        :meth:`Schema.to_python` writes such a class.

    Raises
    ------
    DataError
        If there is no field, a type stands for no kind of column, or a key or value is none of the schema file's; names
        the class and the field.

    Examples
    --------
    >>> from typing import Annotated
    >>> class Orders:
    ...     __assay__ = {"relations": [{"sql": "paid <= amount"}]}
    ...     number: Annotated[str, Field(unique=True)]
    ...     amount: Annotated[float, Field(range={"min": 0, "max": 1e6, "at_most": 0.001})]
    ...     paid: Annotated[float | None, Field(nulls={"at_most": 0.02})]
    >>> schema = from_class(Orders)
    >>> schema.columns["number"].nulls, schema.columns["paid"].nulls.at_most, schema.relations[0].sql
    ('never', 0.02, 'paid <= amount')
    """
    plain = dict(getattr(cls, "__assay__", {}))
    if "columns" in plain:
        raise DataError(f"{cls.__name__}.__assay__ has columns: write them as fields of the class")
    columns = dict(_fields(cls, cls.__name__, ""))
    if not columns and not plain:
        raise DataError(f"{cls.__name__} has no typed field: write one for each column, such as amount: float")
    try:
        found = msgspec.convert({"name": cls.__name__, **msgspec.to_builtins(plain)}, Schema)
    except msgspec.ValidationError as problem:
        raise DataError(f"{cls.__name__}.__assay__: {problem}") from problem
    schema = msgspec.structs.replace(found, columns=columns)
    for place, message in inconsistencies(schema):
        raise DataError(f"{cls.__name__}: {'.'.join(map(str, place))}: {message}")
    return schema


def _fields(cls: type, owner: str, path: str) -> Iterator[tuple[str, Column]]:
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except NameError as problem:
        raise DataError(f"{owner}: a type cannot be found: {problem}; import it where the class is") from problem
    for field, hint in hints.items():
        if get_origin(hint) is not ClassVar and hint is not ClassVar and not field.startswith("__"):
            yield from _columns(hint, f"{owner}.{field}", path, field)


def _columns(hint: Any, place: str, path: str, field: str) -> Iterator[tuple[str, Column]]:
    """Give the column of a field, and those inside it."""
    hint, said = _unwrapped(hint)
    hint, can_miss = _optional(hint)
    if said is None:
        # Annotated may stand inside of the union too.
        hint, said = _unwrapped(hint)
    limits = dict(said.limits) if said is not None else {}
    name = path + (said.name if said is not None and said.name is not None else field)
    kind = _OTHER if limits.get("type") == _OTHER else None
    limits = {key: value for key, value in limits.items() if kind is None or key != "type"}
    known = [key for key in Column.__struct_fields__ if key != "type"]
    unknown = next((key for key in limits if key not in known), None)
    if unknown is not None:
        raise DataError(f"{place}: Field has no key {unknown!r}; {did_you_mean(unknown, known, 'keys')}")
    origin, inner = get_origin(hint) or hint, get_args(hint)
    is_struct = isinstance(origin, type) and origin not in _TYPES and bool(getattr(origin, "__annotations__", None))
    kind = kind or ("struct" if is_struct else _TYPES.get(origin))
    if kind is None:
        words = ", ".join(_WORDS.values())
        raise DataError(f"{place}: {hint!r} is no type of a column: write {words} or a class of fields")
    if not can_miss and kind != "any" and "nulls" not in limits:
        limits["nulls"] = "never"
    try:
        yield name, msgspec.convert({"type": kind, **msgspec.to_builtins(limits)}, Column)
    except msgspec.ValidationError as problem:
        raise DataError(f"{place}: {problem}") from problem
    if is_struct:
        yield from _fields(origin, place, f"{name}.")
    elif kind == "list" and inner:
        yield from _columns(Union[inner[0], None], place, f"{name}.", "[]")  # noqa: UP007, a value at run time


def _unwrapped(hint: Any) -> tuple[Any, Field | None]:
    if get_origin(hint) is not Annotated:
        return hint, None
    inner, *said = get_args(hint)
    return inner, next((each for each in said if isinstance(each, Field)), None)


def _optional(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint, False
    rest = [each for each in get_args(hint) if each is not type(None)]
    return (rest[0] if len(rest) == 1 else hint), len(rest) < len(get_args(hint))


def to_python(schema: Schema) -> str:
    """Write a schema as a class; see :meth:`Schema.to_python`."""
    plain = msgspec.to_builtins(schema)
    columns = plain.pop("columns", {})
    plain.pop("version", None)
    words = re.findall(r"[A-Za-z0-9]+", schema.name)
    title = "".join(word[:1].upper() + word[1:] for word in words)
    title = title if title.isidentifier() and not keyword.iskeyword(title) else "Batch"
    if schema.name == title:
        plain.pop("name", None)
    else:
        plain["name"] = schema.name
    body, taken = [], set[str]()
    for path, column_ in schema.columns.items():
        body.append(f"    {_field(path, column_, dict(columns[path]), taken)}")
    imports = [f"from datetime import {', '.join(used)}"] if (used := _dates(schema)) else []
    imports.append(f"from typing import {'Annotated, Any' if any('Any' in line for line in body) else 'Annotated'}")
    head = ["# What the data should look like: assay.validation.from_class reads it.", *imports, ""]
    head += ["from assay.validation import Field", "", "", f"class {title}:"]
    if plain:
        head.append("    __assay__ = {")
        head += [f"        {key!r}: {value!r}," for key, value in plain.items()]
        head.append("    }")
    return "\n".join([*head, *(body or ([] if plain else ["    pass"]))]) + "\n"


def _field(path: str, column_: Column, plain: dict[str, Any], taken: set[str]) -> str:
    kind = plain.pop("type")
    word = _WORDS.get(kind, "Any")
    field = re.sub(r"\W+", "_", path).strip("_") or "column"
    field = f"c_{field}" if field[0].isdigit() or keyword.iskeyword(field) else field
    while field in taken or field.startswith("__"):
        field = f"{field.strip('_')}_"
    taken.add(field)
    said: dict[str, Any] = {} if field == path else {"name": path}
    if kind not in _WORDS:
        said["type"] = kind
    if kind != "any" and column_.nulls == "never":
        plain.pop("nulls")
    elif kind != "any":
        word = f"{word} | None"
    said |= plain
    listed = ", ".join(f"{key}={value!r}" for key, value in said.items())
    return f"{field}: Annotated[{word}, Field({listed})]" if listed else f"{field}: {word}"


def _dates(schema: Schema) -> list[str]:
    used = {
        _WORDS[column_.type] for column_ in schema.columns.values() if column_.type in ("date", "timestamp", "time")
    }
    return sorted(used)
