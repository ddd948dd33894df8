"""Two profiles side by side, as numbers: no verdict."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from assay.core.layout import columns, fit

if TYPE_CHECKING:
    from assay.validation.profiling import ColumnProfile, Profile


def side_by_side(one: Profile, two: Profile, width: int = sys.maxsize) -> str:
    """Put what two profiles say of each column into one line, where it differs.

    Nothing here has an error bound: whether a column has moved by more than chance is what
    :func:`assay.validation.compare` says.
    """
    lines = [f"{one.name}: {one.rows:,} rows  ->  {two.name}: {two.rows:,} rows"]
    body: list[tuple[str, ...]] = [("column", "missing", "distinct", "mean", "median", "most frequent")]
    same = 0
    for name in dict.fromkeys([*one.columns, *two.columns]):
        a, b = one.columns.get(name), two.columns.get(name)
        if a is None or b is None:
            body.append((name[:24], "only in the " + ("second" if a is None else "first"), "", "", "", ""))
            continue
        cells = [_pair(x, y) for x, y in zip(_cells(a), _cells(b), strict=True)]
        if a.kind != b.kind:
            cells[0] = f"{a.type} -> {b.type}"
        if any("->" in cell for cell in cells):
            body.append((name[:24], *cells))
        else:
            same += 1
    if len(body) > 1:
        lines += columns(body, width, head=True)
    if same:
        lines.append(f"{same} column{'s' if same > 1 else ''} with the same numbers")
    lines.append("Numbers without a verdict: assay check stage:data tests what may differ.")
    return fit("\n".join(lines), width)


def _cells(column: ColumnProfile) -> tuple[str, ...]:
    median = column.quantiles.get("0.5")
    return (
        f"{100 * column.nulls / column.rows:.2g}%" if column.rows else "",
        "" if column.distinct is None else f"{'' if column.distinct_exact else '~'}{column.distinct:,}",
        "" if column.mean is None else f"{column.mean:.4g}",
        "" if median is None else f"{median:.4g}",
        f"{column.top[0].value[:16]} {100 * column.top[0].count / column.rows:.2g}%" if column.top else "",
    )


def _pair(one: str, two: str) -> str:
    return one if one == two else f"{one or 'none'} -> {two or 'none'}"
