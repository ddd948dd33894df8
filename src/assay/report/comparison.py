"""Two runs side by side, as Markdown for a pull request and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.core.evidence import Evidence
from assay.report.charts import difference_chart, steps_chart
from assay.report.elements import number as shown_number
from assay.report.elements import text
from assay.report.figures import decimals, figures, percent, scalar
from assay.report.figures import number as written
from assay.report.html import page
from assay.report.markdown import code, escape
from assay.report.section import figure
from assay.report.words import many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from assay.core.comparison import Comparison, DataChange, Measured, Side
    from assay.core.verdict import Verdict
    from assay.report.charts import Spec

NUMBER = "number"
TEXT = "text"
Table = tuple[str, Sequence[tuple[str, str]], Sequence[Sequence[str]], str]
"""Title, columns with their kind, rows, and a sentence below."""


def comparison_markdown(found: Comparison, pictures: Mapping[str, str] | None = None) -> str:
    """Write a comparison as GitHub-flavored Markdown.

    Parameters
    ----------
    found : Comparison
    pictures : mapping of str to str, optional
        Address of each picture of :func:`comparison_charts` that has one.

    Returns
    -------
    str
        Headings, tables, and the pictures under the tables that they belong to.
    """
    out = [f"<!-- assay:compare:{escape(found.project)} -->", f"### {escape(_title(found))}"]
    out += ["", _markdown_table(*_sides(found))]
    for title, columns, rows, below in _tables(found):
        out += ["", f"#### {escape(title)}", ""]
        out += [_markdown_table(columns, rows)] if rows else []
        out += ["", escape(below)] if below else []
    for name, place in (pictures or {}).items():
        out += ["", f"![{escape(name)}]({place})"]
    return "\n".join(out) + "\n"


def comparison_html(found: Comparison) -> str:
    """Write a comparison as one page that stands alone, as :func:`assay.report.to_html` does."""
    columns, rows = _sides(found)
    body = [
        f'<header><p class="kicker">{text(found.project)}</p><h1>{text(_title(found))}</h1></header>',
        f"<section>{_html_table(columns, rows)}</section>",
    ]
    for title, columns, rows, below in _tables(found):
        table = _html_table(columns, rows) if rows else ""
        hint = f'<p class="hint">{text(below)}</p>' if below else ""
        drawn = "".join(figure(spec, name, "") for name, (place, spec) in _charts(found).items() if place == title)
        body.append(f"<section><h2>{text(title)}</h2>{drawn}{table}{hint}</section>")
    return page(_title(found), body)


def comparison_charts(found: Comparison) -> dict[str, Spec]:
    """Charts by name: differences with their intervals, and each metric that was logged in steps."""
    return {name: spec for name, (_, spec) in _charts(found).items()}


MEASURES = "Measured on the same rows"
METRICS = "Metrics"


def _charts(found: Comparison) -> dict[str, tuple[str, Spec]]:
    drawn: dict[str, tuple[str, Spec]] = {}
    for name in dict.fromkeys(measure.name for measure in found.measures):
        rows = [
            (
                measure.slice or "all rows",
                measure.difference.estimate,
                measure.difference.lower,
                measure.difference.upper,
            )
            for measure in found.measures
            if measure.name == name
        ]
        whole = [
            (label, e, low, high)
            for label, e, low, high in rows
            if e is not None and low is not None and high is not None
        ]
        spec = difference_chart(whole, f"{name}: head less base")
        if spec is not None:
            drawn[f"{name}, head less base"] = (MEASURES, spec)
    for metric in found.metrics:
        if metric.base_steps or metric.head_steps:
            spec = steps_chart(metric.name, (("base", metric.base_steps), ("head", metric.head_steps)))
            if spec is not None:
                drawn[f"{metric.name} by step"] = (METRICS, spec)
    return drawn


def _title(found: Comparison) -> str:
    return f"{found.head.asked} compared with {found.base.asked}"


def _sides(found: Comparison) -> tuple[Sequence[tuple[str, str]], Sequence[Sequence[str]]]:
    def cells(what: str, of: Callable[[Side], str]) -> list[str]:
        return [what, of(found.base), of(found.head)]

    rows = [
        cells("run", lambda side: f"{side.name} ({side.run[:12]})"),
        cells("model", lambda side: side.model or "none registered"),
        cells(
            "commit",
            lambda side: side.commit[:12] + (", files differ" if side.dirty else "") if side.commit else "none",
        ),
        cells("started", lambda side: side.started.replace("T", " ").replace("+00:00", " UTC")),
    ]
    return [("", TEXT), ("base", TEXT), ("head", TEXT)], rows


def _tables(found: Comparison) -> Iterable[Table]:
    changed = [[change.name, change.base or "none", change.head or "none"] for change in found.params]
    same = f"{many(found.same_params, 'parameter')} alike" if found.same_params else ""
    yield (
        "Parameters",
        [("", TEXT), ("base", TEXT), ("head", TEXT)],
        changed,
        same if changed else same or "none logged",
    )
    yield (
        METRICS,
        [("", TEXT), ("base", NUMBER), ("head", NUMBER), ("difference", NUMBER)],
        [[m.name, scalar(m.base), scalar(m.head), _difference(m.base, m.head)] for m in found.metrics],
        "As the runs logged them: numbers without an error bound." if found.metrics else "none logged",
    )
    if found.measures:
        level, rows = percent(found.measures[0].level), found.measures[0].rows
        units = f", {found.measures[0].units:,} independent units" if found.measures[0].units is not None else ""
        yield (
            f"{MEASURES}",
            [
                ("", TEXT),
                ("slice", TEXT),
                ("rows", NUMBER),
                ("base", NUMBER),
                ("head", NUMBER),
                ("head less base", NUMBER),
            ],
            [
                [
                    m.name,
                    m.slice or "all",
                    f"{m.rows:,}",
                    _measured(m.base),
                    _measured(m.head),
                    _measured(m.difference, sign=True),
                ]
                for m in found.measures
            ],
            f"Dataset {found.dataset}, {many(rows, 'row')}{units}. Exact {level} intervals, in each column over the slices of a "
            "measure together; they hold if the models were neither trained nor chosen on these rows, and are no verdicts."
            + "".join(
                f" {note[:1].upper()}{note[1:]}." for note in dict.fromkeys(m.note for m in found.measures if m.note)
            ),
        )
    for change in found.data:
        yield _data(change)
    sides = (found.base_verdicts, found.head_verdicts)
    old, new = ({(v.name, str(v.claim)): v for v in verdicts} for verdicts in sides)
    if old or new:
        yield (
            "Recorded verdicts of the gate",
            [("check", TEXT), ("claim", TEXT), ("base", TEXT), ("head", TEXT)],
            [[*key, _said(old.get(key)), _said(new.get(key))] for key in old | new],
            "Nothing was asked of a test set for this report.",
        )
    if found.packages:
        yield (
            "Packages",
            [("", TEXT), ("base", TEXT), ("head", TEXT)],
            [[change.name, change.base or "not loaded", change.head or "not loaded"] for change in found.packages],
            "",
        )
    if found.notes:
        yield "Not compared", [], [], "; ".join(found.notes)


def _data(change: DataChange) -> Table:
    versions = " to ".join((content or "none")[:12] for content in (change.base, change.head))
    facts = [f"content {versions}" if change.base != change.head else f"content {versions.partition(' ')[0]}"]
    if change.base_rows is not None and change.head_rows is not None and change.base != change.head:
        facts.append(f"{change.base_rows:,} rows to {change.head_rows:,}")
    for word, columns in (("new columns", change.added), ("columns gone", change.removed), ("retyped", change.retyped)):
        if columns:
            facts.append(f"{word}: {', '.join(columns)}")
    if change.note:
        facts.append(change.note)
    return (
        f"Data: {change.name}",
        [("column", TEXT), ("what", TEXT), ("base", TEXT), ("head", TEXT), ("shift", NUMBER)],
        [[s.column, s.what, s.base, s.head, f"{s.size:.3g}{' sd' if s.what == 'mean' else ''}"] for s in change.shifts],
        "; ".join(facts),
    )


def _difference(base: float | None, head: float | None) -> str:
    return "" if base is None or head is None else f"{head - base:+.4g}"


def _measured(value: Measured, *, sign: bool = False) -> str:
    if value.estimate is None:
        return ""
    digits = max(3, decimals(Evidence(estimate=value.estimate, lower=value.lower, upper=value.upper)))
    estimate = written(value.estimate, digits, sign=sign)
    if value.lower is None or value.upper is None:
        return estimate
    return f"{estimate} [{written(value.lower, digits, sign=sign)}, {written(value.upper, digits, sign=sign)}]"


def _said(verdict: Verdict | None) -> str:
    if verdict is None:
        return "not asked"
    measured = figures(verdict).measured
    return f"{verdict.status}: {measured}" if measured else verdict.status


def _markdown_table(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    head = f"| {' | '.join(escape(name) for name, _ in columns)} |"
    rule = f"|{'|'.join('---:' if kind == NUMBER else '---' for _, kind in columns)}|"
    body = [
        f"| {' | '.join(code(cell) if place == 0 and cell else escape(cell) for place, cell in enumerate(row))} |"
        for row in rows
    ]
    return "\n".join([head, rule, *body])


def _html_table(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    kinds = [' class="number"' if kind == NUMBER else "" for _, kind in columns]
    head = "".join(f'<th scope="col"{kind}>{text(name)}</th>' for (name, _), kind in zip(columns, kinds, strict=True))
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{text(cell)}</th>'
            if place == 0
            else f"<td{kinds[place]}>{shown_number(cell) if kinds[place] else text(cell)}</td>"
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
