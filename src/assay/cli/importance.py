"""``assay importance``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from assay.cli import options
from assay.core.layout import columns, screen_width

if TYPE_CHECKING:
    from assay.checks.importance import Valued


@click.command(
    epilog=options.examples(
        "assay importance", "assay importance --group supplier", "assay importance -k 5 --save values.csv"
    )
)
@options.project_option
@options.with_option
@click.option("--dataset", default="", help="What is valued; by default the one with the role 'train'.")
@click.option(
    "--validation", default="", help="What it is judged by; by default the one with the role 'dev', else a fifth."
)
@click.option("--model", default="", metavar="NAME", help="Prepare rows as this registered model does.")
@click.option(
    "--group", "groups", multiple=True, metavar="COLUMN", help="Value these in place of rows; twice after a join."
)
@click.option(
    "--utility", type=click.Choice(["accuracy", "balanced_accuracy", "fairness", "squared_error"]), help="What counts.",
)  # fmt: skip
@click.option("--sensitive", default="", metavar="COLUMN", help="Groups that fairness compares.")
@click.option(
    "-k", "--neighbors", "k", type=click.IntRange(1), default=1, show_default=True, help="Neighbors that vote."
)
@click.option("--show", type=click.IntRange(1), default=10, show_default=True, help="How many.")
@click.option(
    "--at-most",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Validation rows; of more some are drawn.",
)
@click.option("--chart", type=click.Path(path_type=Path), help="Draw what is shown, as SVG or PNG.")
@click.option("--save", type=click.Path(path_type=Path), help="Write all values, as CSV.")
def importance(
    project_path: Path | None,
    overrides: tuple[str, ...],
    dataset: str,
    validation: str,
    model: str,
    groups: tuple[str, ...],
    utility: Literal["accuracy", "balanced_accuracy", "fairness", "squared_error"] | None,
    sensitive: str,
    k: int,
    show: int,
    at_most: int,
    chart: Path | None,
    save: Path | None,
) -> None:
    """Which training rows, groups or sources help a model, and which harm it? The lowest values come first."""
    from assay.checks.importance import value
    from assay.errors import UsageError

    if chart is not None and chart.suffix not in (".svg", ".png"):
        raise UsageError(f"{chart}: draw it as .svg or .png")
    if len(groups) > 2:
        raise UsageError(f"--group {groups[2]}: give one column, or two that were joined")
    options.require_place(chart)
    options.require_place(save)
    project = options.open_project(project_path)
    valued = value(
        project, dataset=dataset, validation=validation, model=model, groups=groups, utility=utility, sensitive=sensitive, k=k,
        at_most=at_most, overrides=options.parse_overrides(overrides, project),
    )  # fmt: skip
    found = valued.found
    shown = found.shown(show)
    for line in columns(_cells(valued, shown), screen_width(), right={1} if found.by_row else {1, 2, 3}, head=True):
        click.echo(line)
    held = found.guarantee
    options.say("", found.summary, found.advice, f"{held.kind} for the {held.scope}")
    for assumption in held.assumptions:
        options.say(f"  assumes that {assumption.text} ({assumption.status}): {assumption.detail}")
    click.echo("; ".join(valued.told), err=True)
    if chart is not None:
        options.write(chart, _drawn(chart.suffix, valued, shown))
    if save is not None:
        options.write(save, _table(valued))


def _cells(valued: Valued, shown: list[int]) -> list[tuple[str, ...]]:
    """What is shown of each: of rows their columns too, as far as the screen is wide."""
    found, frame = valued.found, valued.train
    if not found.by_row:
        return found.table(shown)
    head = (found.what, "value", *map(str, frame))
    cells = [(str(frame.index[at]), f"{found.values[at]:+.3g}", *map(str, frame.iloc[at].tolist())) for at in shown]
    return [head, *cells]


def _drawn(suffix: str, valued: Valued, shown: list[int]) -> str | bytes:
    from assay.core.evidence import Evidence
    from assay.report.charts import bar_chart, to_png, to_svg

    found, places = valued.found, valued.train.index
    names = [f"row {places[at]}" if found.by_row else found.name(at) for at in shown]
    series: dict[str, list[Any]] = {found.what: names, "value": [float(found.values[at]) for at in shown]}
    spec = bar_chart(Evidence(series=series, measure="value"))
    if spec is None:
        from assay.errors import UsageError

        raise UsageError("--chart: one value makes no chart")
    return to_svg(spec) if suffix == ".svg" else to_png(spec)


def _table(valued: Valued) -> str:
    import pandas as pd

    found = valued.found
    order = found.ranking
    if found.by_row:
        names: dict[str, Any] = {"row": valued.train.index[order]}
    elif isinstance(found.names[0], tuple):
        names = {"column": [found.names[at][0] for at in order], "group": [found.names[at][1] for at in order]}
    else:
        names = {found.what: [found.names[at] for at in order]}
    table = pd.DataFrame({**names, "value": found.values[order]})
    if not found.by_row:
        table = table.assign(rows=found.rows[order], value_a_row=found.value_a_row[order])
    return str(table.to_csv(index=False))
