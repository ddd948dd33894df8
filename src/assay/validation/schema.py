"""What a table should look like, in a file that a person reviews."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from assay.core import strict_toml
from assay.core.nearest import did_you_mean
from assay.errors import DataError
from assay.validation.column import FAMILIES, NEVER, Column
from assay.validation.relations import WAYS, Metric, Relation, Rows, Slice

VERSION = 1
_PLAIN = ("version", "name", "unit", "environments")


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the limits come from.

    Parameters
    ----------
    rows : int
        Rows of the reference.
    error : float
        Probability that any limit lies below the reference's true rate plus its tolerance; 0 when ``unit`` is set,
        where limits are the rates seen plus the tolerance, and are taken as reviewed.
    unit : str or None
        Column of the independent unit. Thresholds (range, tails, categories) then come from the units in one half of
        the reference, so that the other half is as new to them as the next batch.
    units : int or None
    """

    rows: int
    error: float = 0.0
    unit: str | None = None
    units: int | None = None


class Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a table should look like: types, limits, relations.

    Parameters
    ----------
    columns : dict of str to Column
    name : str
    unit : str or None
        Column of the independent unit: rows of one unit may depend on each other, those of two may not.
    environments : tuple of str
        Where tables come from: ``("train", "serve")``. A column says in which of them it is expected.
    rows : Rows or None
    relations : tuple of Relation
    metrics : tuple of Metric
    slices : tuple of Slice
    reference : Reference or None
        ``None`` for a schema that a person wrote: its limits are declared.
    version : int
    """

    columns: Mapping[str, Column] = msgspec.field(default_factory=dict)
    name: str = ""
    unit: str | None = None
    environments: tuple[str, ...] = ()
    rows: Rows | None = None
    relations: tuple[Relation, ...] = ()
    metrics: tuple[Metric, ...] = ()
    slices: tuple[Slice, ...] = ()
    reference: Reference | None = None
    version: int = VERSION

    def to_toml(self) -> str:
        """Write the file that a person reviews; :meth:`from_toml` reads it back unchanged."""
        plain = {"version": self.version, **msgspec.to_builtins(self)}
        lines = ["# What the data should look like. Review it, correct it, keep it in version control."]
        lines += ["# at_most is the largest share of rows that may break a rule; without it, no row may."]
        lines += [f"{key} = {toml_value(value)}" for key, value in plain.items() if key in _PLAIN]
        for name in ("reference", "rows"):
            if name in plain:
                lines += ["", f"[{name}]", *toml_table(plain[name])]
        for name, column in self.columns.items():
            lines += ["", f"[columns.{toml_key(name)}]", *toml_table(msgspec.to_builtins(column))]
        for name in ("relations", "metrics", "slices"):
            for item in plain.get(name, ()):
                lines += ["", f"[[{name}]]", *toml_table(item)]
        return "\n".join(lines) + "\n"

    def to_python(self) -> str:
        """Write a module with a class of typed fields, which :func:`assay.validation.from_class` reads back unchanged.

        Examples
        --------
        >>> schema = Schema.from_toml('name = "Orders"\\n[columns.paid]\\ntype = "number"\\nrange = { min = 0 }')
        >>> print(schema.to_python().partition("\\n\\n\\n")[2], end="")
        class Orders:
            paid: Annotated[float | None, Field(range={'min': 0})]
        """
        from assay.validation.from_python import to_python

        return to_python(self)

    @classmethod
    def from_toml(cls, text: str, path: str = "schema.toml") -> Schema:
        """Read a schema file.

        Parameters
        ----------
        text : str
            Content of the file.
        path : str
            Name of the file, for messages.

        Raises
        ------
        DataError
            If it is not TOML, has an unknown key (with the nearest known one), or a wrong value; names the line.
        """
        schema = strict_toml.decode(text, path, cls, error=DataError, inconsistencies=inconsistencies)
        if schema.version > VERSION:
            raise DataError(f"{path} has version {schema.version}, this assay reads up to {VERSION}: upgrade assay")
        return schema


def inconsistencies(schema: Schema) -> Iterator[tuple[strict_toml.Place, str]]:
    """List what is wrong with a schema whose keys and values are each right, and where."""
    for name, column in schema.columns.items():
        for family in FAMILIES:
            limit = column.limit(family)
            if limit is not None:
                yield from _share(limit.at_most, ("columns", name, family, "at_most"))
        for key in ("in_environment", "not_in_environment"):
            for environment in getattr(column, key):
                if environment not in schema.environments:
                    advice = did_you_mean(environment, schema.environments, "declared environments")
                    message = (
                        f"columns.{name}.{key} names {environment!r}, which environments = [...] does not; {advice}"
                    )
                    yield ("columns", name, key), message
    for i, relation in enumerate(schema.relations):
        yield from _share(relation.at_most, ("relations", i, "at_most"))
        ways = [way for way in WAYS if getattr(relation, way)]
        if len(ways) != 1:
            found = " and ".join(ways) or "none"
            yield ("relations", i), f"a relation needs one of {', '.join(WAYS)}; {found} is given"
        if relation.sum and relation.equals is None:
            yield ("relations", i, "sum"), 'a sum needs equals = "column" or a number'
        if relation.determines and len(relation.determines) != 2:
            yield ("relations", i, "determines"), 'determines needs two lists: [["zip"], ["city"]]'
        if relation.foreign_key and not relation.references:
            yield ("relations", i, "foreign_key"), 'a foreign key needs references = "customers.csv:id"'
    for i, part in enumerate(schema.slices):
        if (part.where is None) == (not part.by):
            yield ("slices", i), "a slice needs one of where and by"


def _share(at_most: float, place: strict_toml.Place) -> Iterator[tuple[strict_toml.Place, str]]:
    if not 0 <= at_most <= 1:
        yield place, f"{'.'.join(map(str, place))} is {at_most}: give a share from 0 to 1"


def toml_table(plain: Mapping[str, Any]) -> list[str]:
    """Write the keys of a table of TOML, a line each."""
    # A limit on missing values that says nothing but its default has a word for it.
    return [
        f"{key} = {toml_value('never' if value == {} and key in NEVER else value)}"
        for key, value in plain.items()
        if value is not None
    ]


def toml_key(name: str) -> str:
    """Write a name as a key of TOML."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name)


def toml_value(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, dict):
        # The limit reads last: { values = [...], at_most = 0.01 }.
        order = sorted((key for key in value if value[key] is not None), key=lambda key: key == "at_most")
        return f"{{ {', '.join(f'{key} = {toml_value(value[key])}' for key in order)} }}" if order else "{}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, str):
        # TOML's basic strings are JSON's, but that TOML also asks for DEL to be escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return str(value)


def as_schema(given: Any) -> Schema:
    """Give the schema that a :class:`Schema`, a class of columns or a builder stands for.

    Raises
    ------
    DataError
        If it is none of these.
    """
    if isinstance(given, Schema):
        return given
    if isinstance(given, type):
        from assay.validation.from_python import from_class

        return from_class(given)
    made = getattr(given, "to_schema", None)
    if made is None:
        raise DataError(f"{type(given).__name__} is no schema: give a Schema, a Check or a class of typed fields")
    schema = made()
    assert isinstance(schema, Schema)
    return schema
