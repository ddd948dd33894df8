"""``assay slices``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from assay.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.debugging import FoundSlice, SliceReport

# So many slices are searched for each that is shown: most say the same as another.
MOST = 8


@click.command()
@options.project_option
@options.with_option
@click.option("--dataset", default="", help="By default the one with the role 'dev'.")
@click.option("--model", default="", help="By default the only one.")
@click.option("--new", default="", metavar="ALIAS", help="Who is searched; by default the champion.")
@click.option("--compare", default="", metavar="ALIAS", help="Where is the candidate worse than this one?")
@click.option("--within", default="", metavar="PREDICATE", help="Only these rows, in SQL: \"origin = 'EWR'\".")
@click.option("-k", "--slices", "k", type=click.IntRange(1), default=10, show_default=True, help="How many.")
@click.option("--level", type=click.IntRange(1), default=2, show_default=True, help="Most conditions of a slice.")
@click.option("--support", type=float, help="Smallest slice: a share of the rows, or a number; by default a hundredth.")
@click.option(
    "--rank", type=click.Choice(["score", "lcb"]), default="lcb", show_default=True,
    help="By certain extra errors, or by SliceLine's score.",
)  # fmt: skip
@click.option("--chart", type=click.Path(path_type=Path), help="Draw lift against size, as SVG or PNG.")
@click.option("--save", "name", metavar="NAME", help="Declare the first slice, or that of --pick, in the project file.")
@click.option("--pick", type=click.IntRange(1), default=1, show_default=True, help="Which one to save.")
def slices(
    project_path: Path | None,
    overrides: tuple[str, ...],
    dataset: str,
    model: str,
    new: str,
    compare: str,
    within: str,
    k: int,
    level: int,
    support: float | None,
    rank: Literal["score", "lcb"],
    chart: Path | None,
    name: str | None,
    pick: int,
) -> None:
    """Where does it fail? The slices with the most mistakes, and what is certain of them."""
    from assay.checks.slices import save, search
    from assay.errors import UsageError

    if chart is not None and chart.suffix not in (".svg", ".png"):
        raise UsageError(f"{chart}: draw it as .svg or .png")
    options.require_place(chart)
    project = options.open_project(project_path)
    report, alpha = search(
        project,
        dataset=dataset,
        model=model,
        new=new,
        compare=compare,
        within=within,
        overrides=options.parse_overrides(overrides, project),
        k=MOST * k,
        max_level=level,
        min_support=support,
        rank=rank,
    )
    # Certain ones that were found besides are never left out.
    told = [*report.told[:k], *(each for each in report.told[k:] if each.status == "CONFIRMED")]
    for place, each in enumerate(told, 1):
        click.echo(f"{place:>2}. {each.status:<9} {report.sentence(each)}")
    if not told:
        click.echo(f"no slice of {report.support:,.0f} rows or more stands out")
    click.echo(f"\n{report.bound}")
    held = report.guarantee
    click.echo(f"{held.kind}, {held.error:.3g} for {held.scope}" if held.error is not None else f"none: {held.source}")
    for assumption in held.assumptions:
        detail = f": {assumption.detail}" if assumption.detail else ""
        click.echo(f"  assumes that {assumption.text} ({assumption.status}){detail}")
    click.echo(f"searches of these rows: this one has {alpha:.3g} of the error probability", err=True)
    if chart is not None:
        options.write(chart, _drawn(chart.suffix, report, told))
    if name is not None:
        if pick > len(told):
            raise UsageError(f"--pick {pick}: there are {len(told)} slices")
        save(project.path, name, str(told[pick - 1]))
        click.echo(f"{name} = {told[pick - 1]} is now in [slices] of {project.path.name}", err=True)


def _drawn(suffix: str, report: SliceReport, told: Sequence[FoundSlice]) -> str | bytes:
    from assay.report.charts import to_png, to_svg

    spec = report.chart(told)
    return to_svg(spec) if suffix == ".svg" else to_png(spec)
