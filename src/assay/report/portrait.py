"""A table, or two side by side, as one page that stands alone and can be searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core.portrait_html import STYLE, columns_html, key
from assay.report.elements import text
from assay.report.html import page

if TYPE_CHECKING:
    from assay.core.portrait import Portrait


def portrait_html(portrait: Portrait, version: str = "") -> str:
    """Write one self-contained page: a row for each column with its picture and its numbers, and a box that filters.

    The page makes no request and tells everything without JavaScript but the filter and the order.

    Parameters
    ----------
    portrait : Portrait
    version : str
        Of assay, for the line at the top.

    Returns
    -------
    str
        HTML, about 3 kB a column.
    """
    two = len(portrait.names) > 1
    title = " and ".join(portrait.names)
    facts = [f"{len(portrait.columns):,} columns", f"assay {version}" if version else ""]
    hint = (
        "Bars are shares of the rows that have a value: filled of the first table, outlined of the second. "
        '"Moved" is the total variation distance between the cells drawn, missing being one: a number without an error '
        "bound. assay check stage:data tests what may differ."
        if two
        else "Bars are shares of the rows that have a value."
    )
    hint += (
        " Bars of numbers are counted in buckets 2% wide, or one by one where there are at most 1,000 whole numbers."
    )
    head = (
        f'<header><p class="kicker">{text(" · ".join(fact for fact in facts if fact))}</p>'
        f'<h1>{text(title)}</h1><p class="portrait">{key(portrait)}</p></header>'
    )
    body = [
        f"<style>{STYLE}</style>",
        head,
        f'<section class="columns">{_controls(two=two)}{columns_html(portrait)}<p class="hint">{text(hint)}</p></section>',
        *(_part(name, part) for name, part in portrait.parts.items()),
    ]
    return page(title, body)


def _controls(*, two: bool) -> str:
    orders = [("", "as in the table"), ("name", "by name"), ("missing", "most missing first")]
    orders += [("moved", "most moved first")] if two else []
    options = "".join(f'<option value="{value}">{words}</option>' for value, words in orders)
    differ = '<label><input type="checkbox" class="differ"> only what differs</label>' if two else ""
    return (
        '<form class="filter" hidden><input type="search" placeholder="Filter columns" aria-label="Filter columns">'
        f'<select aria-label="Order">{options}</select>{differ}<output></output></form>'
    )


def _part(name: str, part: Portrait) -> str:
    rows = " and ".join(f"{rows:,}" for rows in part.rows)
    return f"<details><summary>{text(name)}: {rows} rows</summary>{columns_html(part)}</details>"
