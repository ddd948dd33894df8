"""TensorFlow Data Validation's ``schema.pbtxt``, without TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from assay.validation import limits
from assay.validation.interop.drafting import Draft, quoted, share_of
from assay.validation.interop.pbtxt import parse
from assay.validation.interop.reading import Reader, Unmapped
from assay.validation.interop.tfdv_words import DISTANCES, STAGES, TYPES
from assay.validation.interop.tfdv_writing import write
from assay.validation.relations import Metric, Relation

if TYPE_CHECKING:
    from assay.validation.schema import Schema

_NUMBERS = {1: "BYTES", 2: "INT", 3: "FLOAT", 4: "STRUCT"}
__all__ = ["read", "write"]

_PARSED: dict[str, Literal["integer", "number"]] = {"int_domain": "integer", "float_domain": "number"}
_MARK_ONLY = "a tag without a check, in TFDV too"
_FOR_MODELS = "of use to a model's input, and no check of the data"


def read(text: str, path: str) -> tuple[Schema, list[Unmapped]]:
    """Import a schema in protocol buffers' text format.

    Semantics carried over: ``presence`` (a fraction of 1 is `nulls = "never"`, else a limit), valency as the length of
    a list, fixed shapes, domains, ``min_domain_mass`` as the share of unknown values, environments, stages, distinct
    values, comparators as named distances, row counts.

    Raises
    ------
    DataError
        If it is not the text format; names the line.
    """
    draft = Draft()
    top = draft.reader(parse(text, path))
    domains = {}
    for key in ("string_domain", "float_domain", "int_domain"):
        for domain in top.readers(key):
            name = domain.text("name")
            if name is not None:
                domains[name] = (key, domain.fields, domain.place)
            else:
                domain.close("a domain without a name")
    features = top.readers("feature")
    default = _texts(top, "default_environment")
    used = {e for feature in features for key in ("in_environment", "not_in_environment") for e in _peek(feature, key)}
    places = (*default, *sorted(used - set(default)))
    if places:
        draft.top["environments"] = places
    for feature in features:
        _feature(draft, feature, "", domains, default, places)
    for name, (key, fields, place) in domains.items():
        if place:  # A feature that uses it takes its place away.
            Reader(fields, place, draft.report).close(f"no feature uses the {key} {name}")
    _rows(draft, top)
    top.refuse("represent_variable_length_as_ragged", _FOR_MODELS)
    top.refuse("tensor_representation_group", _FOR_MODELS)
    top.close()
    return draft.finish()


def _feature(
    draft: Draft,
    feature: Reader,
    parent: str,
    domains: dict[str, Any],
    default: tuple[str, ...],
    places: tuple[str, ...],
) -> None:
    own = feature.text("name")
    if own is None:
        feature.close("a feature without a name")
        return
    name = f"{parent}{own}"
    said = feature.value("type")
    said = _NUMBERS.get(said, said) if isinstance(said, int) else said
    if said not in (None, *TYPES, "TYPE_UNKNOWN"):
        feature.unmapped("type", said, "expected INT, FLOAT, BYTES or STRUCT")
    column = draft.column(name, type=TYPES.get(said, "any"))
    _presence(draft, feature, name)
    item = _valency(draft, feature, name)
    if item != name:
        draft.column(item, type=column["type"], required=False)
        column["type"] = "list"
    _domain(draft, feature, item, domains, str(said))
    for key in ("drift", "skew"):
        _comparator(feature, f"{key}_comparator", column, key)
    distinct = feature.reader("unique_constraints")
    if distinct is not None:
        draft.column(item)["distinct"] = limits.Distinct(min=distinct.whole("min") or 0, max=distinct.whole("max"))
        distinct.close()
    stage = feature.value("lifecycle_stage")
    if stage in STAGES:
        column["stage"] = STAGES[stage]
    elif stage not in (None, "UNKNOWN_STAGE"):
        feature.unmapped("lifecycle_stage", stage, "assay has no such stage")
    if feature.flag("deprecated"):
        column["stage"] = "deprecated"
    _environments(feature, column, default, places)
    note = feature.reader("annotation")
    if note is not None:
        comments = _texts(note, "comment")
        if comments:
            column["because"] = " ".join(comments)
        note.close("a tag, and no check")
    struct = feature.reader("struct_domain")
    if struct is not None:
        for field in struct.readers("feature"):
            _feature(draft, field, f"{item}.", domains, (), ())
        struct.close()
    feature.close()


def _presence(draft: Draft, feature: Reader, name: str) -> None:
    column = draft.column(name, required=False)
    presence = feature.reader("presence")
    if presence is None:
        return
    fraction, least = presence.share("min_fraction"), presence.whole("min_count")
    if fraction:
        column["nulls"] = "never" if fraction == 1 else limits.Nulls(at_most=share_of(fraction))
    if fraction or least:
        column["required"] = True
    if least and (fraction != 1 or least > 1):
        draft.metrics.append(Metric(measure="Size()", min=least, where=f"{quoted(name)} IS NOT NULL"))
    presence.close()


def _valency(draft: Draft, feature: Reader, name: str) -> str:
    """Read how many values a row has, and return the path of one value."""
    column = draft.column(name)
    shape = feature.reader("shape")
    if shape is not None:
        sizes = []
        for dim in shape.readers("dim"):
            sizes.append(dim.whole("size") or 0)
            dim.ignore("name")
            dim.close()
        shape.close()
        if not sizes or all(size == 1 for size in sizes):
            return name
        column["shape"] = tuple(sizes)
        return name + ".[]" * len(sizes)
    count = feature.reader("value_count")
    if count is not None:
        low, high = count.whole("min"), count.whole("max")
        count.close()
        if (low, high) == (1, 1):
            return name
        column["values"] = limits.Values(min=low or 0, max=high or None)
        return f"{name}.[]"
    nested = feature.reader("value_counts")
    if nested is None:
        return name
    path = name
    for level in nested.readers("value_count"):
        low, high = level.whole("min"), level.whole("max")
        level.close()
        draft.column(path)["values"] = limits.Values(min=low or 0, max=high or None)
        path += ".[]"
        draft.column(path, type="list", required=False)
    nested.close()
    return path


def _domain(draft: Draft, feature: Reader, name: str, domains: dict[str, Any], said: str) -> None:
    at_most = 0.0
    mass = feature.reader("distribution_constraints")
    if mass is not None:
        share = mass.share("min_domain_mass")
        at_most = 0.0 if share is None else share_of(share)
        mass.close()
    shared = feature.text("domain")
    if shared is not None:
        if shared not in domains:
            feature.unmapped("domain", shared, "the schema has no such domain")
        else:
            key, fields, _ = domains[shared]
            feature.fields[key] = dict(fields)
            domains[shared] = (key, fields, "")
    text = feature.reader("string_domain")
    if text is not None:
        values = _texts(text, "value")
        text.ignore("name")
        text.refuse("is_categorical", "how to count values, and no limit on them")
        text.close()
        draft.limit(name, "categories", limits.Categories(values=values, at_most=at_most), text.place)
    elif at_most:
        feature.unmapped("distribution_constraints", {"min_domain_mass": 1 - at_most}, "there is no string domain")
    for key, to in _PARSED.items():
        domain = feature.reader(key)
        if domain is None:
            continue
        if said == "BYTES":
            draft.limit(name, "parses", limits.Parses(to=to), domain.place)
            for end in ("min", "max"):
                domain.refuse(end, "a limit on numbers that are held as texts")
        low, high = domain.number("min"), domain.number("max")
        if low is not None or high is not None:
            draft.limit(name, "range", limits.Range(min=low, max=high), domain.place)
        for flag, family in (("disallow_nan", "nan"), ("disallow_inf", "infinite")):
            if domain.flag(flag):
                draft.column(name)[family] = "never"
        domain.ignore("name")
        domain.close("how to count or embed values, and no limit on them")
    truth = feature.reader("bool_domain")
    if truth is not None:
        pair = tuple(v for v in (truth.text("true_value"), truth.text("false_value")) if v is not None)
        if said == "BYTES":
            draft.limit(name, "categories", limits.Categories(values=pair or ("true", "false")), truth.place)
        elif said == "INT":
            draft.limit(name, "range", limits.Range(min=0, max=1), truth.place)
        else:
            draft.relations.append(Relation(sql=f"{quoted(name)} IN (0, 1)"))
        truth.close()
    for key in ("url_domain", "mid_domain", "time_domain", "time_of_day_domain"):
        feature.refuse(key, _MARK_ONLY)
    for key in ("natural_language_domain", "image_domain"):
        feature.refuse(key, "assay does not read the meaning of texts, nor images")


def _comparator(feature: Reader, key: str, column: dict[str, Any], name: str) -> None:
    found = feature.reader(key)
    if found is None:
        return
    for field, metric in DISTANCES.items():
        part = found.reader(field)
        if part is None:
            continue
        threshold = part.number("threshold")
        part.refuse("source", "assay bins by the reference alone")
        part.close()
        if threshold is None:
            continue
        if name in column:
            part.unmapped("threshold", threshold, f"a column has one limit on {name}")
        else:
            column[name] = limits.Drift(tolerance=float(threshold), metric=metric)
    found.close()


def _environments(feature: Reader, column: dict[str, Any], default: tuple[str, ...], places: tuple[str, ...]) -> None:
    added, barred = _texts(feature, "in_environment"), _texts(feature, "not_in_environment")
    if not places:
        if added or barred:
            feature.unmapped("in_environment", [*added, *barred], "of a field of a struct")
        return
    expected = tuple(e for e in places if (e in default or e in added) and e not in barred)
    if expected == places:
        return
    if (barred and tuple(e for e in places if e not in barred) == expected) or not expected:
        column["not_in_environment"] = barred if expected else places
    else:
        column["in_environment"] = expected


def _rows(draft: Draft, top: Reader) -> None:
    found = top.reader("dataset_constraints")
    if found is None:
        return
    draft.rows_between(found.whole("min_examples_count"), found.whole("max_examples_count"))
    ratio = found.reader("num_examples_drift_comparator")
    if ratio is not None:
        for key, name in (("min_fraction_threshold", "ratio_min"), ("max_fraction_threshold", "ratio_max")):
            value = ratio.number(key)
            if value is not None:
                draft.rows[name] = float(value)
        ratio.close()
    found.refuse("num_examples_version_comparator", "assay knows no versions of one batch")
    found.close()


def _peek(feature: Reader, key: str) -> tuple[str, ...]:
    found = feature.fields.get(key)
    items = found if isinstance(found, list) else [found]
    return tuple(item for item in items if isinstance(item, str))


def _texts(reader: Reader, key: str) -> tuple[str, ...]:
    found = reader.value(key)
    items = found if isinstance(found, list) else [] if found is None else [found]
    for item in items:
        if not isinstance(item, str):
            reader.unmapped(key, item, "expected a text")
    return tuple(dict.fromkeys(item for item in items if isinstance(item, str)))
