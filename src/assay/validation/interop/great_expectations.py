"""Great Expectations' suites, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from assay.validation import limits
from assay.validation.interop.drafting import Draft, literal, quoted, re2_problem, searched, share_of
from assay.validation.interop.reading import Reader, Unmapped, load_json
from assay.validation.relations import Metric, Relation

if TYPE_CHECKING:
    from assay.validation.schema import Schema

_TYPES = {
    "integer": ("int", "int64", "int32", "integer", "bigint", "long", "integertype", "longtype", "int_"),
    "number": ("float", "float64", "float32", "double", "decimal", "numeric", "doubletype", "floattype", "float_"),
    "string": ("str", "string", "object", "varchar", "text", "stringtype", "char"),
    "boolean": ("bool", "boolean", "booleantype", "bool_"),
    "date": ("date", "datetype"),
    "timestamp": ("timestamp", "datetime", "datetime64[ns]", "timestamptype", "datetime64"),
}
_MEASURES = {
    "min": "Minimum({0})",
    "max": "Maximum({0})",
    "mean": "Mean({0})",
    "sum": "Sum({0})",
    "median": "ExactQuantile({0}, 0.5)",
    "proportion_of_unique_values": "Distinctness([{0}])",
    "proportion_of_non_null_values": "Completeness({0})",
}
# How a report is made, and no limit on the data.
_PLUMBING = ("result_format", "include_config", "catch_exceptions", "batch_id", "auto", "profiler_config")


def read(text: str, path: str) -> tuple[Schema, list[Unmapped]]:
    """Import a suite of expectations, of the format before 1.0 or since.

    ``mostly`` of x is a limit of 1 - x. Great Expectations counts it among the values that are there, assay among all
    rows: where values are missing, assay's limit is the looser one.

    Raises
    ------
    DataError
        If it is not JSON.
    """
    draft = Draft()
    top = draft.reader(load_json(text, path))
    draft.top["name"] = top.text("expectation_suite_name") or top.text("name") or ""
    for i, item in enumerate(top.readers("expectations", "id")):
        said = item.text("expectation_type") or item.text("type") or ""
        item.ignore("meta", "id", "description", "notes", "expectation_context", "rendered_content")
        found = item.reader("kwargs")
        item.close("whether a rule warns or blocks is said in assay.toml")
        rule = Reader(found.fields if found is not None else {}, f"expectations[{i}].{said}", draft.report)
        rule.ignore(*_PLUMBING)
        if rule.has("row_condition") or not (_table(draft, rule, said) or _column(draft, rule, said)):
            draft.report.append(Unmapped(rule.place, json.dumps(rule.fields, default=str)[:120], _why(rule)))
            continue
        rule.ignore("condition_parser")
        rule.close()
    top.ignore("meta", "ge_cloud_id", "data_asset_type", "id", "notes", "suite_parameters", "evaluation_parameters")
    top.close()
    return draft.finish()


def _why(rule: Reader) -> str:
    return "a rule on some rows only" if rule.has("row_condition") else "assay knows no such expectation"


def _table(draft: Draft, rule: Reader, said: str) -> bool:
    """Read an expectation about the table or several columns; tell whether it was one."""
    if said == "expect_table_row_count_to_be_between":
        draft.rows_between(rule.whole("min_value"), rule.whole("max_value"))
    elif said == "expect_table_row_count_to_equal":
        rows = rule.whole("value")
        draft.rows_between(rows, rows)
    elif said in ("expect_table_column_count_to_be_between", "expect_table_column_count_to_equal"):
        exact = rule.whole("value")
        for key, end in (("columns_min", rule.whole("min_value")), ("columns_max", rule.whole("max_value"))):
            if (exact if end is None else end) is not None:
                draft.rows[key] = exact if end is None else end
    elif said in ("expect_table_columns_to_match_set", "expect_table_columns_to_match_ordered_list"):
        ordered = said.endswith("list")
        for name in rule.values("column_list" if ordered else "column_set") or ():
            draft.column(name)
        if ordered or rule.flag("exact_match", True):
            draft.rows["new_columns"] = False
        if ordered:
            draft.report.append(Unmapped(rule.place, "ordered", "the order of columns is not carried over"))
    elif said == "expect_compound_columns_to_be_unique" and rule.has("column_list"):
        names = rule.values("column_list") or ()
        there = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in names)
        draft.relations.append(Relation(key=names, where=there, at_most=_at_most(rule)))
    elif said == "expect_multicolumn_sum_to_equal" and rule.has("column_list") and rule.has("sum_total"):
        total = rule.number("sum_total")
        if total is not None:
            names = rule.values("column_list") or ()
            draft.relations.append(Relation(sum=names, equals=float(total), at_most=_at_most(rule)))
    elif said in (
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_A_to_be_greater_than_B",
        "expect_column_pair_values_to_be_equal",
    ):
        one, two = rule.text("column_A"), rule.text("column_B")
        sign = "=" if said.endswith("equal") else ">=" if rule.flag("or_equal") else ">"
        if one is not None and two is not None:
            sql = f"{quoted(one)} {sign} {quoted(two)}"
            draft.relations.append(Relation(sql=sql, at_most=_at_most(rule)))
    elif said == "expect_select_column_values_to_be_unique_within_record" and rule.has("column_list"):
        rule.ignore("ignore_row_if")
        sides = [quoted(name) for name in rule.values("column_list") or ()]
        pairs = [f"{one} <> {two}" for place, one in enumerate(sides) for two in sides[place + 1 :]]
        draft.relations.append(Relation(sql=" AND ".join(pairs), at_most=_at_most(rule)))
    elif said == "expect_column_pair_values_to_be_in_set" and _pairs(rule):
        one, two = (quoted(str(rule.text(key))) for key in ("column_A", "column_B"))
        members = ", ".join(f"({literal(a)}, {literal(b)})" for a, b in rule.value("value_pairs_set"))
        draft.relations.append(Relation(sql=f"({one}, {two}) IN ({members})", at_most=_at_most(rule)))
    else:
        return False
    return True


def _pairs(rule: Reader) -> bool:
    """Whether a rule holds two columns, and pairs of plain values."""
    found = rule.fields.get("value_pairs_set")
    named = all(isinstance(rule.fields.get(key), str) for key in ("column_A", "column_B"))
    return (
        named
        and isinstance(found, list)
        and bool(found)
        and all(
            isinstance(pair, list) and len(pair) == 2 and all(type(value) in (str, int, float) for value in pair)
            for pair in found
        )
    )


def _column(draft: Draft, rule: Reader, said: str) -> bool:
    """Read an expectation about a column; tell whether it was one."""
    name = rule.fields.get("column")
    if not isinstance(name, str) or not said.startswith("expect_column_"):
        return False
    what = said.removeprefix("expect_column_")
    measured = what.removesuffix("_to_be_between")
    if what not in (*_VALUES, "quantile_values_to_be_between") and measured not in _MEASURES:
        return False
    rule.ignore("column")
    draft.column(name)
    if measured in _MEASURES:
        low, high = rule.number("min_value"), rule.number("max_value")
        for flag in ("strict_min", "strict_max"):
            if not rule.fields.get(flag):
                rule.ignore(flag)
        if low is not None or high is not None:
            where = f"{quoted(name)} IS NOT NULL" if measured == "proportion_of_unique_values" else None
            measure = _MEASURES[measured].format(json.dumps(name, ensure_ascii=False))
            ends = [None if end is None else float(end) for end in (low, high)]
            draft.metrics.append(Metric(measure=measure, min=ends[0], max=ends[1], where=where))
        return True
    if what == "quantile_values_to_be_between":
        _quantiles(draft, rule, name)
    elif what != "to_exist":
        _values(draft, rule, name, what)
    return True


def _quantiles(draft: Draft, rule: Reader, name: str) -> None:
    given = rule.reader("quantile_ranges")
    shares: Any = given.value("quantiles") if given is not None else None
    ends: Any = given.value("value_ranges") if given is not None else None
    rule.ignore("allow_relative_error")
    numbers = (int, float)
    fits = isinstance(shares, list) and isinstance(ends, list) and len(shares) == len(ends)
    fits = fits and all(isinstance(share, numbers) and 0 <= share <= 1 for share in shares)
    fits = fits and all(
        isinstance(pair, list) and len(pair) == 2 and all(end is None or isinstance(end, numbers) for end in pair)
        for pair in ends
    )
    if not fits:
        rule.unmapped("quantile_ranges", [shares, ends], "expected as many ranges as quantiles, each of two ends")
        return
    for share, (low, high) in zip(shares, ends, strict=True):
        measure = f"ExactQuantile({json.dumps(name, ensure_ascii=False)}, {float(share)!r})"
        bounds = [None if end is None else float(end) for end in (low, high)]
        draft.metrics.append(Metric(measure=measure, min=bounds[0], max=bounds[1]))


_VALUES = (
    "to_exist",
    "unique_value_count_to_be_between",
    "values_to_not_be_null",
    "values_to_be_null",
    "values_to_be_unique",
    "values_to_be_in_set",
    "values_to_not_be_in_set",
    "values_to_be_between",
    "value_lengths_to_be_between",
    "value_lengths_to_equal",
    "values_to_match_regex",
    "values_to_not_match_regex",
    "values_to_match_strftime_format",
    "values_to_be_of_type",
    "values_to_be_in_type_list",
    "distinct_values_to_be_in_set",
    "values_to_match_regex_list",
    "values_to_not_match_regex_list",
    "values_to_match_like_pattern",
    "values_to_not_match_like_pattern",
)


def _values(draft: Draft, rule: Reader, name: str, what: str) -> None:
    at_most = _at_most(rule)
    if what == "unique_value_count_to_be_between":
        draft.column(name)["distinct"] = limits.Distinct(min=rule.whole("min_value") or 0, max=rule.whole("max_value"))
    elif what == "values_to_not_be_null":
        draft.limit(name, "nulls", limits.Nulls(at_most=at_most), rule.place)
    elif what == "values_to_be_null":
        draft.relations.append(Relation(sql=f"{quoted(name)} IS NULL", at_most=at_most))
    elif what == "values_to_be_unique":
        draft.limit(name, "duplicates", limits.Duplicates(at_most=at_most), rule.place)
    elif what in ("values_to_be_in_set", "distinct_values_to_be_in_set"):
        draft.one_of(rule, "value_set", name, at_most)
    elif what == "values_to_not_be_in_set":
        draft.none_of(rule, "value_set", name, at_most)
    elif what == "values_to_be_between":
        low, high = rule.bound("min_value"), rule.bound("max_value")
        open_low, open_high = rule.flag("strict_min"), rule.flag("strict_max")
        parts = [] if low is None else [f"{quoted(name)} {'>' if open_low else '>='} {literal(low)}"]
        parts += [] if high is None else [f"{quoted(name)} {'<' if open_high else '<='} {literal(high)}"]
        if open_low or open_high:
            draft.relations.append(Relation(sql=" AND ".join(parts), at_most=at_most))
        elif parts:
            draft.limit(name, "range", limits.Range(min=low, max=high, at_most=at_most), rule.place)
    elif what in ("value_lengths_to_be_between", "value_lengths_to_equal"):
        exact = rule.whole("value")
        low, high = rule.whole("min_value"), rule.whole("max_value")
        low, high = (exact, exact) if exact is not None else (low, high)
        draft.limit(name, "length", limits.Length(min=low, max=high, at_most=at_most), rule.place)
    elif what in ("values_to_match_regex", "values_to_not_match_regex"):
        regex = rule.text("regex")
        if regex is not None and what == "values_to_match_regex":
            draft.pattern(name, regex, rule.at("regex"), whole=False, at_most=at_most)
        elif regex is not None:
            problem = re2_problem(searched(regex))
            if problem:
                rule.unmapped("regex", regex, problem)
            else:
                sql = f"NOT regexp_matches({quoted(name)}, {literal(regex)})"
                draft.relations.append(Relation(sql=sql, at_most=at_most))
    elif what in ("values_to_match_regex_list", "values_to_not_match_regex_list"):
        _regexes(draft, rule, name, at_most, wanted=what == "values_to_match_regex_list")
    elif what in ("values_to_match_like_pattern", "values_to_not_match_like_pattern"):
        like = rule.text("like_pattern")
        if like is not None:
            negated = "NOT " if "not" in what else ""
            draft.relations.append(Relation(sql=f"{quoted(name)} {negated}LIKE {literal(like)}", at_most=at_most))
    elif what == "values_to_match_strftime_format":
        form = rule.text("strftime_format")
        if form is not None:
            draft.limit(name, "parses", limits.Parses(to="timestamp", format=form, at_most=at_most), rule.place)
    elif what == "values_to_be_in_type_list":
        listed = rule.values("type_list") or ()
        kinds = {kind for kind, words in _TYPES.items() for each in listed if each.lower() in words}
        known = all(any(each.lower() in words for words in _TYPES.values()) for each in listed)
        if len(kinds) == 1 and known:
            draft.column(name)["type"] = kinds.pop()
        elif listed:
            rule.unmapped("type_list", listed, "assay gives a column one type")
    elif what == "values_to_be_of_type":
        said = rule.text("type_")
        kind = next((kind for kind, words in _TYPES.items() if (said or "").lower() in words), None)
        if kind is not None:
            draft.column(name)["type"] = kind
        elif said is not None:
            rule.unmapped("type_", said, "assay has no such type")


def _regexes(draft: Draft, rule: Reader, name: str, at_most: float, *, wanted: bool) -> None:
    """Read a list of patterns, of which any (or all) has to be found, or none may be."""
    listed = rule.values("regex_list") or ()
    how = (rule.text("match_on") or "any") if wanted else "all"
    problem = next((problem for each in listed if (problem := re2_problem(searched(each)))), "")
    if problem or not listed:
        rule.unmapped("regex_list", listed, problem or "expected a list of patterns")
        return
    parts = [f"{'' if wanted else 'NOT '}regexp_matches({quoted(name)}, {literal(each)})" for each in listed]
    draft.relations.append(Relation(sql=(" OR " if how == "any" else " AND ").join(parts), at_most=at_most))


def _at_most(rule: Reader) -> float:
    mostly = rule.share("mostly")
    return 0.0 if mostly is None else share_of(mostly)
