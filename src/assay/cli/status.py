"""``assay status``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import options


@click.command()
@options.project_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(project_path: Path | None, as_json: bool) -> None:
    """Say where each question stands, what is left of the budgets, and what to do next."""
    project = options.open_project(project_path)
    from assay.guide.status import status as read_status

    found = read_status(project)
    if as_json:
        import msgspec

        content = {
            "project": project.name,
            "answers": found.answers,
            "budgets": found.budgets,
            "actions": found.actions,
            "ledger": found.ledger,
        }
        click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2))
        return
    click.echo(f"{project.name} ({project.path})\n")
    width = max(len(answer.question) for answer in found.answers)
    for answer in found.answers:
        identity = f"  [{answer.verdict}]" if answer.verdict else ""
        click.echo(f"  {answer.question:<{width}}  {answer.answer}{identity}")
    if found.budgets:
        click.echo("\nbudgets")
        for budget in found.budgets:
            click.echo(f"  {budget.name}: {budget.spent:g} of {budget.limit:g} {budget.unit} spent")
    if found.actions:
        click.echo("\nnext")
        for number, action in enumerate(found.actions, 1):
            click.echo(f"  {number}. {action}")
