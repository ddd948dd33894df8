"""What a table should look like, in a file that a person reviews."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from assay.core import strict_toml
from assay.errors import DataError
from assay.validation.profiling import Kind

VERSION = 1


class Nulls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limit on the share of rows without a value (NULL or NaN)."""

    at_most: float


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limit on the share of rows below ``min`` or above ``max``."""

    min: float
    max: float
    at_most: float


class Tails(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limit on the share of rows below ``low`` or above ``high``, the 1% and 99% quantiles of the reference.

    A change of unit (kilometers for miles) can keep every value inside the range; it cannot keep 98% of them between
    these two.
    """

    low: float
    high: float
    at_most: float


class Categories(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limit on the share of rows whose text is not among ``values``."""

    values: tuple[str, ...]
    at_most: float


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column: its type and the limits on its values."""

    type: Kind
    required: bool = True
    nulls: Nulls | None = None
    range: Range | None = None
    tails: Tails | None = None
    categories: Categories | None = None


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


class Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Types and limits of every column of a table.

    Parameters
    ----------
    columns : dict of str to Column
    name : str
    reference : Reference or None
        ``None`` for a schema that a person wrote: its limits are declared.
    version : int
    """

    columns: Mapping[str, Column] = msgspec.field(default_factory=dict)
    name: str = ""
    reference: Reference | None = None
    version: int = VERSION

    def to_toml(self) -> str:
        """Write the file that a person reviews; :meth:`from_toml` reads it back unchanged."""
        lines = [
            "# What the data should look like. Inferred by assay: review it, correct it, keep it in version control."
        ]
        lines += [
            "# at_most is the largest share of rows that may break the rule before assay asks whether it is chance."
        ]
        lines += [f"version = {self.version}"]
        if self.name:
            lines += [f"name = {_toml(self.name)}"]
        if self.reference is not None:
            lines += ["", "[reference]", *(f"{k} = {_toml(v)}" for k, v in _items(self.reference))]
        for name, column in self.columns.items():
            lines += ["", f"[columns.{toml_key(name)}]"]
            for key, value in _items(column):
                if isinstance(value, dict):
                    inner = ", ".join(f"{k} = {_toml(v)}" for k, v in value.items())
                    lines += [f"{key} = {{ {inner} }}"]
                else:
                    lines += [f"{key} = {_toml(value)}"]
        return "\n".join(lines) + "\n"

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
        schema = strict_toml.decode(text, path, cls, error=DataError, inconsistencies=_inconsistencies)
        if schema.version > VERSION:
            raise DataError(f"{path} has version {schema.version}, this assay reads up to {VERSION}: upgrade assay")
        return schema


def _inconsistencies(schema: Schema) -> Iterator[tuple[strict_toml.Place, str]]:
    for name, column in schema.columns.items():
        for family in ("nulls", "range", "tails", "categories"):
            rule = getattr(column, family)
            if rule is not None and not 0 <= rule.at_most <= 1:
                message = f"columns.{name}.{family}.at_most is {rule.at_most}: give a share from 0 to 1"
                yield ("columns", name, family, "at_most"), message


def _items(struct: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    for key, value in msgspec.to_builtins(struct).items():
        if value is not None:
            yield key, value


def toml_key(name: str) -> str:
    """Write a name as a key of TOML."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        # TOML's basic strings are JSON's, but that TOML also asks for DEL to be escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return str(value)
