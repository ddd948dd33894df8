"""Writing TensorFlow Data Validation's ``schema.pbtxt``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from assay.validation.interop import leaving
from assay.validation.interop.drafting import share_of
from assay.validation.interop.tfdv_words import DISTANCES, STAGES, TYPES

if TYPE_CHECKING:
    from assay.validation.interop.reading import Reader, Unmapped
    from assay.validation.schema import Schema


def write(schema: Schema) -> tuple[str, list[Unmapped]]:
    """Export a schema as TFDV's text format: types, presence, domains, lengths, environments, stages, distances."""
    report: list[Unmapped] = []
    lines = [f"default_environment: {_text(e)}" for e in schema.environments]
    for name, column in leaving.columns_of(schema, report):
        if "." in name:
            column.close("a path inside a column is not written")
            continue
        said = column.value("type")
        written = {kind: key for key, kind in TYPES.items()}.get(said)
        if said == "boolean":
            written = "INT"
            column.unmapped("type", said, "TFDV has no truth values: written as whole numbers 0 and 1")
        lines += ["feature {", f"  name: {_text(name)}"]
        if written:
            lines.append(f"  type: {written}")
        else:
            column.unmapped("type", said, leaving.NO_WORDS)
        nulls = leaving.rated(column, "nulls")
        if nulls is not None and column.fields.get("required", True):
            lines.append(f"  presence {{ min_fraction: {share_of(nulls[1])!r} min_count: 1 }}")
        elif nulls is not None:
            column.unmapped("nulls", {"at_most": nulls[1]}, "TFDV asks for presence of required columns alone")
        elif column.fields.get("required", True):
            lines.append("  presence { min_count: 1 }")
        column.ignore("required")
        lines += _domain_lines(column, said)
        lines += _valency_lines(column, said)
        for key in ("drift", "skew"):
            lines += _comparator_line(column, key)
        distinct = column.value("distinct")
        if distinct is not None:
            high = f" max: {distinct['max']}" if distinct.get("max") is not None else ""
            lines.append(f"  unique_constraints {{ min: {distinct.get('min', 0)}{high} }}")
        inside, outside = column.value("in_environment") or (), column.value("not_in_environment") or ()
        expected = [e for e in schema.environments if (e in inside or not inside) and e not in outside]
        lines += [f"  not_in_environment: {_text(e)}" for e in schema.environments if e not in expected]
        stage = column.value("stage")
        if stage is not None:
            lines.append(f"  lifecycle_stage: { {v: k for k, v in STAGES.items()}[stage] }")
        if column.has("because"):
            lines.append(f"  annotation {{ comment: {_text(column.value('because'))} }}")
        leaving.close(column)
        lines.append("}")
    rest = leaving.rest_of(schema, report)
    rest.ignore("environments")
    lines += _row_lines(rest)
    leaving.close(rest)
    return "\n".join(lines) + "\n", report


def _valency_lines(column: Reader, said: str) -> list[str]:
    """Write how long a list is; ``value_count`` of one value, and a shape of ones, mean a plain value to TFDV."""
    if said in TYPES.values() or said == "boolean":
        for key in ("shape", "values"):
            column.refuse(key, f"a column of type {said} holds no list")
        return []
    lines = []
    shape, values = column.fields.get("shape"), column.fields.get("values")
    if shape and set(shape) != {1}:
        column.ignore("shape")
        lines.append("  shape { " + " ".join(f"dim {{ size: {n} }}" for n in shape) + " }")
    elif (
        values and (values.get("min", 0), values.get("max")) != (1, 1) and leaving.strict(column, "values") is not None
    ):
        high = f" max: {values['max']}" if values.get("max") else ""
        lines.append(f"  value_count {{ min: {values.get('min', 0)}{high} }}")
    if lines:
        column.refuse("distinct", "TFDV counts the values in a list")
    return lines


def _domain_lines(column: Reader, said: str) -> list[str]:
    lines = []
    if said == "string" and column.has("categories"):
        found = leaving.rated(column, "categories")
        assert found is not None
        values = " ".join(f"value: {_text(value)}" for value in found[0]["values"])
        lines.append(f"  string_domain {{ {values} }}")
        if found[1]:
            lines.append(f"  distribution_constraints {{ min_domain_mass: {share_of(found[1])!r} }}")
    if said == "boolean":
        lines.append("  bool_domain { }")
    if said not in ("integer", "number"):
        return lines
    parts = []
    ends = column.fields.get("range")
    if ends and any(isinstance(v, str) for v in (ends.get("min"), ends.get("max"))):
        column.refuse("range", "its ends are texts")
    ends = leaving.strict(column, "range")
    if ends is not None:
        parts += [f"{end}: {ends[end]!r}" for end in ("min", "max") if ends.get(end) is not None]
    if said == "number":
        for family, key in (("nan", "disallow_nan"), ("infinite", "disallow_inf")):
            if leaving.strict(column, family) is not None:
                parts.append(f"{key}: true")
    if parts:
        lines.append(f"  {'int' if said == 'integer' else 'float'}_domain {{ {' '.join(parts)} }}")
    return lines


def _comparator_line(column: Reader, key: str) -> list[str]:
    found = column.fields.get(key)
    if found is None:
        return []
    field = {metric: field for field, metric in DISTANCES.items()}.get(found.get("metric"))
    if field is None:
        column.refuse(key, "TFDV has no such distance")
        return []
    column.ignore(key)
    return [f"  {key}_comparator {{ {field} {{ threshold: {found['tolerance']!r} }} }}"]


def _row_lines(rest: Reader) -> list[str]:
    rows = rest.reader("rows")
    if rows is None:
        return []
    parts = []
    for key, field in (("min", "min_examples_count"), ("max", "max_examples_count")):
        if rows.has(key):
            parts.append(f"{field}: {rows.value(key)}")
    ratio = [
        f"{field}: {rows.value(key)!r}"
        for key, field in (("ratio_min", "min_fraction_threshold"), ("ratio_max", "max_fraction_threshold"))
        if rows.has(key)
    ]
    if ratio:
        parts.append(f"num_examples_drift_comparator {{ {' '.join(ratio)} }}")
    leaving.close(rows)
    return [f"dataset_constraints {{ {' '.join(parts)} }}"] if parts else []


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
