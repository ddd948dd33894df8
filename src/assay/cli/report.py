"""``assay report``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import options


@click.command()
@options.project_option
@click.option("--html", "kind", flag_value="html", default=True, help="One self-contained page (default).")
@click.option("--md", "kind", flag_value="markdown", help="Markdown for a pull request.")
@click.option("--json", "kind", flag_value="json", help="JSON.")
@click.option("--junit", "kind", flag_value="junit", help="JUnit XML.")
@click.option("--output", type=click.Path(path_type=Path), help="File to write. Default for HTML: assay-report.html.")
def report(project_path: Path | None, kind: str, output: Path | None) -> None:
    """Show the newest verdict of every check; evaluates nothing."""
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
