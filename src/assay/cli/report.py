"""``assay report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli import options

if TYPE_CHECKING:
    from assay.core.comparison import Comparison


@click.group(cls=options.Verbs, invoke_without_command=True)
@options.project_option
@click.option("--html", "kind", flag_value="html", default=True, help="One self-contained page (default).")
@click.option("--md", "kind", flag_value="markdown", help="Markdown for a pull request.")
@click.option("--json", "kind", flag_value="json", help="JSON.")
@click.option("--junit", "kind", flag_value="junit", help="JUnit XML.")
@click.option("--output", type=click.Path(path_type=Path), help="File to write. Default for HTML: assay-report.html.")
@click.pass_context
def report(context: click.Context, project_path: Path | None, kind: str, output: Path | None) -> None:
    """Show the newest verdict of every check; evaluates nothing."""
    if context.invoked_subcommand is not None:
        return
    options.require_place(output)
    project = options.open_project(project_path)
    from assay.guide.status import status
    from assay.report.context import Answer, BudgetLine

    found = status(project)
    frame = options.context(
        project,
        found.verdicts,
        title=f"{project.name}: where every question stands",
        answers=tuple(Answer(a.question, a.answer, a.verdict) for a in found.answers),
        budget=tuple(BudgetLine(b.name, b.spent, b.limit, b.unit) for b in found.budgets),
        next_actions=found.actions,
        ledger=found.ledger,
    )
    if kind == "html" and output is None:
        output = project.root / "assay-report.html"
    options.emit(list(found.verdicts), frame, kind, output)


@report.command()
@click.argument("base", metavar="BASE")
@click.argument("head", metavar="HEAD")
@options.project_option
@click.option("--md", "kind", flag_value="markdown", default=True, help="Markdown for a pull request (default).")
@click.option("--html", "kind", flag_value="html", help="One self-contained page.")
@click.option("--json", "kind", flag_value="json", help="JSON.")
@click.option("--output", type=click.Path(path_type=Path), help="File to write; pictures of Markdown beside it.")
def compare(base: str, head: str, project_path: Path | None, kind: str, output: Path | None) -> None:
    """Put two runs side by side: parameters, metrics, data, slices, verdicts.

    BASE and HEAD are model versions (NAME/3, NAME@champion), runs, or git revisions at which a run is recorded. Asks
    nothing of a test set.
    """
    from assay.checks.compare import compare as find

    options.require_place(output)
    found = find(options.open_project(project_path), base, head)
    if kind == "json":
        import msgspec

        content = msgspec.json.encode(found).decode() + "\n"
    elif kind == "html":
        from assay.report.comparison import comparison_html

        content = comparison_html(found)
    else:
        from assay.report.comparison import comparison_markdown

        content = comparison_markdown(found, {} if output is None else _pictures(found, output))
    if output is None:
        click.echo(content, nl=False)
    else:
        options.write(output, content)


def _pictures(found: Comparison, output: Path) -> dict[str, str]:
    """Draw the charts into a folder beside the file, and return their addresses from there."""
    from assay.report.charts import to_svg
    from assay.report.comparison import comparison_charts

    charts = comparison_charts(found)
    folder = output.with_name(f"{output.stem}-pictures")
    if charts:
        folder.mkdir(exist_ok=True)
    places = {}
    for number, (name, spec) in enumerate(charts.items(), 1):
        options.write(folder / f"{number}.svg", to_svg(spec))
        places[name] = f"{folder.name}/{number}.svg".replace(" ", "%20")
    return places
