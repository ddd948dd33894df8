"""What texts look like: a pattern that one half of the rows proposes and the other half confirms."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.validation import limits
from assay.validation.analyzers import EMAIL, URL
from assay.validation.profile_measures import md5
from assay.validation.profiling import TOP
from assay.validation.suggestion import LIMIT, Suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis

    from assay.validation.profiling import ColumnProfile, Profile

# Rows that are read to learn a pattern; more teach nothing.
ROWS = 20_000
LEAST = 200
# A pattern that fewer rows of the first half follow is none.
COVERED = 0.99
# Alternatives in a pattern that a person can still read.
_SHAPES = 3
_FORMATS: dict[limits.Format, str] = {
    "email": EMAIL,
    "url": URL,
    "uuid": r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "ipv4": r"^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)$",
}
_CLASSES = (("A", "[A-Z]"), ("a", "[a-z]"), ("9", "[0-9]"))


def text_rules(table: ibis.Table, facts: Profile, seed: int) -> list[Suggestion]:
    """Suggest lengths, formats and patterns of the text columns that are no small set of categories."""
    found: list[Suggestion] = []
    for name, column in facts.outer.items():
        if column.kind != "string" or (column.distinct_exact and len(column.top) < TOP) or column.present < LEAST:
            continue
        values = _read(table, name, column, seed)
        first, second = values[: len(values) // 2], values[len(values) // 2 :]
        if len(second) < LEAST // 2:
            continue
        found += _lengths(name, first, second)
        found += _looks(name, first, second)
    return found


def pattern_of(values: Sequence[str]) -> str | None:
    """Induce a regular expression from texts, or ``None`` if they have no common look.

    Runs of capitals, small letters and digits become classes with the lengths seen; other characters stand for
    themselves. At most three shapes that cover 99% of the texts make a pattern.

    Examples
    --------
    >>> pattern_of(["N14228", "N24211", "N619AA", "N804JB"] * 10)
    '^([A-Z][0-9]{5}|[A-Z][0-9]{3}[A-Z]{2})$'
    """
    shapes: dict[str, list[list[int]]] = {}
    for value in values:
        shape, runs = _shape(value)
        shapes.setdefault(shape, []).append(runs)
    common = Counter({shape: len(each) for shape, each in shapes.items()}).most_common(_SHAPES)
    kept: list[str] = []
    covered = 0
    for shape, count in common:
        kept.append(shape)
        covered += count
        if covered >= COVERED * len(values):
            break
    else:
        return None
    parts = [_expression(shape, np.array(shapes[shape])) for shape in kept]
    return f"^{parts[0]}$" if len(parts) == 1 else f"^({'|'.join(parts)})$"


def _shape(value: str) -> tuple[str, list[int]]:
    shape, runs = [], []
    for match in re.finditer(r"[A-Z]+|[a-z]+|[0-9]+|.", value, re.DOTALL):
        text = match.group()
        plain = text[0]
        kind = (
            "A" if "A" <= plain <= "Z" else "a" if "a" <= plain <= "z" else "9" if "0" <= plain <= "9" else "\\" + plain
        )
        shape.append(kind)
        if len(kind) == 1:
            runs.append(len(text))
    return "".join(shape), runs


def _expression(shape: str, runs: np.ndarray) -> str:
    classes = dict(_CLASSES)
    out, place, at = [], 0, 0
    while at < len(shape):
        if shape[at] == "\\":
            out.append(re.escape(shape[at + 1]))
            at += 2
            continue
        low, high = int(runs[:, place].min()), int(runs[:, place].max())
        out.append(classes[shape[at]] + ("" if high == 1 else f"{{{low}}}" if low == high else f"{{{low},{high}}}"))
        place += 1
        at += 1
    return "".join(out)


def _read(table: ibis.Table, name: str, column: ColumnProfile, seed: int) -> list[str]:
    texts = table.select(value=table[name]).filter(lambda t: t.value.notnull())
    if column.present > ROWS:
        # A digest of the text knows nothing of its look; equal texts stay or go together.
        bound = f"{int(0xFFFFFF * ROWS / column.present):06x}"
        texts = texts.filter(md5(texts.value).substr(0, 6) < bound)
    values: list[Any] = sorted(texts.to_pyarrow()["value"].to_pylist())
    order = np.random.default_rng([seed, len(values)]).permutation(len(values))
    return [values[i] for i in order]


def _lengths(name: str, first: list[str], second: list[str]) -> list[Suggestion]:
    sizes = [len(value) for value in first]
    low, high = min(sizes), max(sizes)
    k = sum(not low <= len(value) <= high for value in second)
    return [
        _suggestion(name, "length", f"have {low} to {high} characters", second, k, limits.Length, min=low, max=high)
    ]


def _looks(name: str, first: list[str], second: list[str]) -> list[Suggestion]:
    for kind, regex in _FORMATS.items():
        known = re.compile(regex)
        if sum(bool(known.match(value)) for value in first) >= COVERED * len(first):
            k = sum(not known.match(value) for value in second)
            return [_suggestion(name, "format", f"are each one {kind}", second, k, limits.Formatted, kind=kind)]
    regex_found = pattern_of(first)
    if regex_found is None:
        return []
    induced = re.compile(regex_found)
    k = sum(not induced.match(value) for value in second)
    return [_suggestion(name, "pattern", f"match {regex_found}", second, k, limits.Pattern, regex=regex_found)]


def _suggestion(
    name: str, family: str, says: str, second: list[str], k: int, make: type[limits.Limit], **parts: Any
) -> Suggestion:
    return Suggestion(
        name=f"{family}:{name}",
        kind="at_most",
        rule=f"all but {LIMIT} of {name} {says}",
        n=len(second),
        k=k,
        bound=None,
        error=0.0,
        predicted=None,
        basis="learned from the other half",
        column=name,
        family=family,
        limit=make(**parts),
    )
