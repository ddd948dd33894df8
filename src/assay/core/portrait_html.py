"""A portrait as a piece of HTML that a page and a notebook can hold: no script, and colors of whoever shows it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from assay.core.plain import plain

if TYPE_CHECKING:
    from assay.core.portrait import Bars, ColumnPortrait, Portrait

WIDTH, HEIGHT = 240, 56
STYLE = """
.portrait{--one:var(--accent,#2f7fd1);--two:var(--inconclusive,#c07a00);--rule:var(--line,rgba(128,128,128,.35));
--soft:var(--muted,#7d8590)}
.portrait article{display:grid;grid-template-columns:minmax(120px,1fr) minmax(200px,280px) minmax(260px,2.2fr);
gap:6px 28px;padding:14px 0;border-top:1px solid var(--rule);align-items:start}
.portrait article[hidden]{display:none}
.portrait h3{font-size:14px;font-weight:650;margin:0;overflow-wrap:anywhere}
.portrait p{margin:2px 0 0;font-size:12.5px;color:var(--soft);overflow-wrap:anywhere}
.portrait svg{display:block;width:100%;height:56px}
.portrait .ends{display:flex;justify-content:space-between;font-size:11.5px;font-variant-numeric:tabular-nums}
.portrait rect.one{fill:var(--one);opacity:.8}
.portrait.two rect.one{opacity:.45}
.portrait path.two{fill:none;stroke:var(--two);stroke-width:1.6;vector-effect:non-scaling-stroke}
.portrait rect.hover{fill:transparent}
.portrait svg g:hover rect.hover{fill:currentColor;opacity:.1}
.portrait .values{display:grid;grid-template-columns:minmax(50px,max-content) 1fr max-content;gap:2px 8px;
align-items:center;font-size:12.5px}
.portrait .values>span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;max-width:130px}
.portrait .values i{display:block;height:6px;border-radius:1px;min-width:1px;background:var(--one)}
.portrait .values i+i{margin-top:1px;background:var(--two)}
.portrait .values b{font-weight:400;text-align:right;font-variant-numeric:tabular-nums}
.portrait dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(96px,1fr));gap:6px 18px;margin:0;font-size:13px}
.portrait dt{font-size:11.5px;color:var(--soft);font-weight:400}
.portrait dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.portrait.two dl{grid-template-columns:repeat(auto-fill,minmax(150px,1fr))}
.portrait .moved dd{font-weight:650}
.portrait .key{display:inline-block}
.portrait .key::before{content:"";display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px;
background:var(--one)}
.portrait .key.second::before{background:var(--two)}
@media (max-width:720px){.portrait article{grid-template-columns:minmax(0,1fr)}.portrait svg,.portrait .picture{max-width:420px}
.portrait .picture{max-width:420px}}
"""


def columns_html(portrait: Portrait) -> str:
    """Write a row for each column: its name, its picture, its numbers.

    Returns
    -------
    str
        A ``div`` of class ``portrait`` without :data:`STYLE`, which a page needs once.
    """
    several = " two" if len(portrait.names) > 1 else ""
    return f'<div class="portrait{several}">{"".join(_row(column) for column in portrait.columns)}</div>'


def text(words: str) -> str:
    """Words on one line, escaped for elements and attributes."""
    return escape(plain(words))


def key(portrait: Portrait) -> str:
    """Name the tables, each with its rows and, of two, its color."""
    pairs = zip(portrait.names, portrait.rows, strict=True)
    marks = ["key", "key second"] if len(portrait.names) > 1 else [""]
    return " &nbsp; ".join(
        f'<span class="{mark}">{text(name)}: {rows:,} rows</span>'
        for mark, (name, rows) in zip(marks, pairs, strict=True)
    )


def _row(column: ColumnPortrait) -> str:
    types = list(dict.fromkeys(column.types))
    kind = text(types[0]) if len(types) == 1 else " → ".join(text(each) or "absent" for each in column.types)
    moved = "" if column.moved is None else f"<p>moved {column.moved:.3f}</p>"
    data = f'data-name="{text(column.name.lower())}" data-missing="{column.missing:.6f}" data-moved="{column.moved or 0:.6f}"'
    same = "" if column.differs else " data-same"
    return (
        f"<article {data}{same}><div><h3>{text(column.name)}</h3><p>{kind}</p>{moved}</div>"
        f'<div class="picture">{_bars(column.bars) if column.bars else ""}</div>'
        f"<div>{_facts(column)}</div></article>"
    )


def _facts(column: ColumnPortrait) -> str:
    cells = []
    for fact in column.facts:
        # Of a column that one table lacks there is nothing to compare.
        values = [value for value, kind in zip(fact.values, column.types, strict=True) if kind]
        same = len(set(values)) == 1
        said = text(values[0]) if same else " → ".join(text(value) or "none" for value in values)
        cells.append(f"<div{'' if same else ' class=moved'}><dt>{text(fact.name)}</dt><dd>{said}</dd></div>")
    return f"<dl>{''.join(cells)}</dl>"


def _bars(bars: Bars) -> str:
    note = f"<p>{text(bars.note)}</p>" if bars.note else ""
    if bars.ends is None:
        rows = []
        top = max((share for side in bars.shares for share in side), default=0.0) or 1.0
        for place, name in enumerate(bars.names):
            shares = [side[place] if side else 0.0 for side in bars.shares]
            drawn = "".join(f'<i style="width:{100 * share / top:.1f}%"></i>' for share in shares)
            said = " · ".join(percent(share) for share in shares)
            rows.append(f'<span title="{text(name)}">{text(name)}</span><div>{drawn}</div><b>{said}</b>')
        return f'<div class="values">{"".join(rows)}</div>{note}'
    low, high = bars.ends
    return f'{_histogram(bars)}<p class="ends"><span>{text(low)}</span><span>{text(high)}</span></p>{note}'


def _histogram(bars: Bars) -> str:
    """The first table as filled bars, the second as an outline over them, so that both are seen where they agree."""
    count = len(bars.names)
    top = max((share for side in bars.shares for share in side), default=0.0) or 1.0
    width = WIDTH / count

    def height(share: float) -> float:
        return (HEIGHT - 2) * share / top

    groups = []
    for place, name in enumerate(bars.names):
        shares = [side[place] if side else 0.0 for side in bars.shares]
        said = f"{name}: {', '.join(percent(share) for share in shares)}"
        tall, left = height(shares[0]), place * width
        bar = f'<rect class="one" x="{left + 0.5:.1f}" y="{HEIGHT - tall:.1f}" width="{width - 1:.1f}" height="{tall:.1f}"/>'
        hover = f'<rect class="hover" x="{left:.1f}" width="{width:.1f}" height="{HEIGHT}"/>'
        groups.append(f"<g><title>{text(said)}</title>{bar if tall else ''}{hover}</g>")
    outline = ""
    if len(bars.shares) > 1 and bars.shares[1]:
        steps = "".join(
            f"V{HEIGHT - height(share):.1f}H{(place + 1) * width:.1f}" for place, share in enumerate(bars.shares[1])
        )
        outline = f'<path class="two" d="M0 {HEIGHT}{steps}V{HEIGHT}"/>'
    low, high = bars.ends or ("", "")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{count} bars from {text(low)} to {text(high)}">{"".join(groups)}{outline}</svg>'
    )


def percent(share: float) -> str:
    """Write a share of rows.

    Examples
    --------
    >>> percent(0.0), percent(0.0004), percent(0.1234), percent(1.0)
    ('0%', '<0.1%', '12.3%', '100%')
    """
    return "0%" if share <= 0 else "<0.1%" if share < 0.001 else f"{100 * share:.3g}%"
