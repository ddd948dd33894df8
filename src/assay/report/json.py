"""Verdicts as JSON, with the schema that the JSON obeys."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from assay.core.verdict import SCHEMA_VERSION, Status, Verdict
from assay.report.context import ReportContext

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{name}"


def to_json(verdicts: Sequence[Verdict], context: ReportContext | None = None) -> bytes:
    """Encode a report as JSON: the context's fields, a count by status, and every verdict with its id.

    Fields at their default are written too, so that a reader need not know the defaults. The same verdicts and context
    give the same bytes. :func:`report_schema` describes what is written; each verdict in it is read back by
    :meth:`assay.core.Verdict.from_json`.

    Returns
    -------
    bytes
        UTF-8, one line, ended by a newline.

    Examples
    --------
    >>> from assay.report.context import ReportContext
    >>> to_json([], ReportContext(project="flights"))[:45]
    b'{"schema_version":1,"project":"flights","titl'
    """
    counts = Counter(verdict.status for verdict in verdicts)
    report = {
        "schema_version": SCHEMA_VERSION,
        **_whole(context or ReportContext()),
        "summary": {status: counts[status] for status in get_args(Status)},
        "verdicts": [{"id": verdict.id, **_whole(verdict)} for verdict in verdicts],
    }
    return msgspec.json.encode(report) + b"\n"


def verdict_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of one verdict as :func:`to_json` writes it."""
    return _schema("Verdict", "One verdict of assay")


def report_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what :func:`to_json` writes."""
    return _schema("Report", "A report of assay")


def _schema(name: str, title: str) -> dict[str, Any]:
    _, parts = msgspec.json.schema_components([Verdict, ReportContext], ref_template=_REF)
    for part in parts.values():
        if "description" in part:
            part["description"] = part["description"].split("\n")[0]
    verdict = parts["Verdict"]
    identity = {"type": "string", "pattern": "^[0-9a-f]{12}$", "description": "Depends on all but the time taken."}
    verdict["properties"] = {"id": identity, **verdict["properties"]}
    verdict["required"] = ["id", *verdict["required"]]
    frame = parts.pop("ReportContext")
    count = {"type": "integer", "minimum": 0}
    statuses = get_args(Status)
    parts["Report"] = {
        "type": "object",
        "description": "Verdicts of one run, and what is said beside them.",
        "properties": {
            "schema_version": {"type": "integer", "const": SCHEMA_VERSION},
            **frame["properties"],
            "summary": {"type": "object", "properties": dict.fromkeys(statuses, count), "required": list(statuses)},
            "verdicts": {"type": "array", "items": {"$ref": _REF.format(name="Verdict")}},
        },
        "required": ["schema_version", "summary", "verdicts"],
    }
    if name == "Verdict":
        del parts["Report"]
    return {"$schema": _DIALECT, "title": title, "$ref": _REF.format(name=name), "$defs": parts}


def _whole(value: Any) -> Any:
    """A struct as plain values, with the fields that its own encoder omits."""
    if isinstance(value, msgspec.Struct):
        return {field.encode_name: _whole(getattr(value, field.name)) for field in msgspec.structs.fields(value)}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return value
