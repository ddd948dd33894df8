"""What two columns have to do with each other: sums of products, and rows counted by the cells of both."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING

from assay.validation.profile_query import plain_text
from assay.validation.profile_state import VALUES, Comoments

if TYPE_CHECKING:
    from assay.validation.profile_query import Query, Slices, Source

PRODUCTS = 500
"""Expressions of one statement."""
CORRELATED = 16
"""Numeric columns up to which every pair is measured; of more, each one with the label."""
CLASSES = 50
"""Values of a label that are cells of their own; a number with more goes by its power of two."""


def correlated(source: Source, label: str | None) -> list[tuple[str, str]]:
    """Name the pairs of numeric columns that are measured."""
    numbers = numeric(source)
    if len(numbers) <= CORRELATED:
        return list(combinations(numbers, 2))
    return [(x, label) for x in numbers if label in numbers and label is not None and x != label]


def numeric(source: Source) -> list[str]:
    """Name the columns that have moments."""
    return [name for name, (_, kind) in source.columns.items() if kind.is_numeric() and not kind.is_boolean()]


def comoments(query: Query, slices: Slices, source: Source, pairs: list[tuple[str, str]]) -> None:
    """Sum products of pairs of columns, over the rows that have both."""
    numbers = numeric(source)
    full = {
        name
        for name in numbers
        if all(name in each and each[name].moments.n == each[name].counts["rows"] for each in slices.states.values())
    }
    terms = {name: f"c{i}" for i, name in enumerate(numbers)}
    inner = ", ".join(
        f"{query.parts(source.columns[name][1], source.columns[name][0], name)['_term']} AS {alias}"
        for name, alias in terms.items()
    )
    side = "" if query.by is None else f"{query.slice()} AS s, "
    for start in range(0, len(pairs), PRODUCTS // 6):
        some = pairs[start : start + PRODUCTS // 6]
        asked: dict[str, int] = {}
        for a, b in some:
            for text in _products(terms[a], terms[b], a in full, b in full):
                asked.setdefault(text, len(asked))
        rows = query.ask(
            f"SELECT {'NULL' if query.by is None else 's'}, {', '.join(asked)} "
            f"FROM (SELECT {side}{inner} FROM {source.rows}) AS p{query.group()}"
        )
        for slice_, *values in rows:
            where = slices.where(slice_)
            for a, b in some:
                texts = _products(terms[a], terms[b], a in full, b in full)
                n, *sums = (float(values[asked[text]] or 0) for text in texts)
                shifts = (query.shifts.get(a, 0.0), query.shifts.get(b, 0.0))
                slices.pairs.setdefault(where, {})[a, b] = Comoments.of_sums(shifts, int(n), *sums)


def _products(x: str, y: str, x_full: bool, y_full: bool) -> tuple[str, ...]:
    """Number and sums over the rows that have both; a column that has every row needs no condition."""
    if_y = "{}" if y_full else f"CASE WHEN {y} IS NOT NULL THEN {{}} END"
    if_x = "{}" if x_full else f"CASE WHEN {x} IS NOT NULL THEN {{}} END"
    several = [if_y.format(x), if_x.format(y), if_y.format(f"{x} * {x}"), if_x.format(f"{y} * {y}")]
    number = f"COUNT({y if x_full else x if y_full else f'{x} * {y}'})"
    return (number, *(f"SUM({each})" for each in several), f"SUM({x} * {y})")


def joint(query: Query, slices: Slices, source: Source, name: str, label: str) -> None:
    """Count rows by the cell of a column and that of the label."""
    if name == label:
        return
    x, y = (_cell(query, slices, source, each, CLASSES if each == label else VALUES) for each in (name, label))
    if x is None or y is None:
        return
    sides = [f"{sql} AS {alias}{i}" for alias, cell in (("x", x), ("y", y)) for i, sql in enumerate(cell[0])]
    found = query.ask(
        f"SELECT {query.slice()}, {', '.join(sides)}, COUNT(*) FROM {source.rows} "
        f"WHERE ({x[1]}) AND ({y[1]}){query.group(*range(2, 2 + len(sides)))}"
    )
    width = len(x[0])
    for slice_, *values, count in found:
        state = slices.of(slice_, name, source.columns[name][1])
        pair = tuple(
            plain_text(side[0]) if len(side) == 1 else json.dumps([int(part or 0) for part in side])
            for side in (values[:width], values[width:])
        )
        state.joint[pair[0], pair[1]] = int(count)


def _cell(query: Query, slices: Slices, source: Source, name: str, most: int) -> tuple[list[str], str] | None:
    """SQL of what a value counts as, and of when it counts: itself if its values are few, else its bucket."""
    sql, kind = source.columns[name]
    parts = query.parts(kind, sql, name)
    states = [state[name] for state in slices.states.values() if name in state]
    if "_value" in parts and all(not state.cut and len(state.values) <= most for state in states):
        return [parts["_value"]], f"{parts['_value']} IS NOT NULL"
    if "_key" in parts:
        return [parts["_sign"], parts["_octave" if most == CLASSES else "_key"]], parts["_finite"]
    return None
