"""Schemas of other tools, read and written. What one side has no words for is reported, never dropped."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from assay.core.nearest import did_you_mean
from assay.errors import DataError, UsageError
from assay.validation.interop.pandera import from_pandera
from assay.validation.interop.reading import LARGEST, Unmapped

if TYPE_CHECKING:
    from assay.validation.schema import Schema

# Format to the module that reads and writes it.
FORMATS = {
    "tfdv": "tfdv",
    "json-schema": "json_schema",
    "frictionless": "frictionless",
    "pandera": "pandera",
    "great-expectations": "great_expectations",
    "dbt": "dbt",
    "odcs": "odcs",
    "soda": "soda",
    "dqdl": "dqdl",
}

# Formats that are read alone.
READ_ONLY = ("pandera", "great-expectations", "dbt", "odcs", "soda", "dqdl")

__all__ = ["FORMATS", "READ_ONLY", "Unmapped", "export_schema", "from_pandera", "import_schema"]


def import_schema(source: str | Path, format: str | None = None) -> tuple[Schema, list[Unmapped]]:  # noqa: A002
    """Read the schema of another tool from a file. No code of the file is run.

    Parameters
    ----------
    source : str or Path
        A file of at most 10 MB.
    format : str, optional
        One of :data:`FORMATS`; by default told by the file's name and content.

    Returns
    -------
    schema : Schema
    report : list of Unmapped
        Every constraint of the source is in the schema or in here.

    Raises
    ------
    DataError
        If the file cannot be read, is too large, or is not of the format.
    UsageError
        If there is no such format, or none can be told.
    """
    path = Path(source)
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path} is larger than {LARGEST // 10**6} MB: that is no schema")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise DataError(f"{path}: cannot be read: {problem}") from problem
    name = format or told_by(path.name, text)
    if name is None:
        raise UsageError(f"{path}: its format is not clear; say --format, one of {', '.join(FORMATS)}")
    schema, report = import_module(f"{__name__}.{_module(name)}").read(text, str(path))
    return schema, report


def export_schema(schema: Schema, format: str) -> tuple[str, list[Unmapped]]:  # noqa: A002
    """Write a schema for another tool.

    Parameters
    ----------
    schema : Schema
    format : str
        One of :data:`FORMATS` that is not in :data:`READ_ONLY`.

    Returns
    -------
    text : str
        Content of the file.
    report : list of Unmapped
        What of the schema is not in the text.

    Raises
    ------
    UsageError
        If there is no such format, or it is imported alone.
    """
    module = _module(format)
    if format in READ_ONLY:
        written = ", ".join(name for name in FORMATS if name not in READ_ONLY)
        raise UsageError(f"{format} is imported, and not exported; exported are {written}")
    text, report = import_module(f"{__name__}.{module}").write(schema)
    return text, report


def told_by(name: str, text: str) -> str | None:
    """Tell a format by a file's name and content; ``None`` if it is not clear."""
    if name.endswith((".pbtxt", ".textproto", ".prototxt")):
        return "tfdv"
    head = text[:100_000]
    if name.endswith(".dqdl") or re.match(r"(\s|#[^\n]*\n)*(Rules|Analyzers)\s*=\s*\[", head):
        return "dqdl"
    if re.search(r"^kind:\s*DataContract\b", head, re.MULTILINE):
        return "odcs"
    if re.search(r"^checks for \S", head, re.MULTILINE):
        return "soda"
    if '"expectations"' in head:
        return "great-expectations"
    if re.search(r'^schema_type:|"schema_type"', head, re.MULTILINE):
        return "pandera"
    if re.search(r"^(models|sources|seeds|snapshots):", head, re.MULTILINE):
        return "dbt"
    if re.search(r'"(fields|resources)"|^\s*fields\s*:', head, re.MULTILINE):
        return "frictionless"
    if '"properties"' in head or '"$schema"' in head:
        return "json-schema"
    return None


def _module(name: str) -> str:
    if name not in FORMATS:
        raise UsageError(f"there is no format {name!r}; {did_you_mean(name, FORMATS, 'formats')}")
    return FORMATS[name]
