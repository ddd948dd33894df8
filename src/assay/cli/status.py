"""``assay status``."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import click

from assay.cli import options
from assay.core.layout import command_lines
from assay.core.plain import plain
from assay.errors import shown
from assay.report.context import BudgetLine

WIDTH = 100
"""Columns where no terminal says otherwise; from here on, ids are shown."""
ID_WIDTH = 12


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
    from assay.report.words import budget_words, priced, prompt

    width = shutil.get_terminal_size((WIDTH, 24)).columns
    options.say(f"{project.name} ({shown(project.path)})\n")
    asked = max(len(answer.question) for answer in found.answers)
    # Ids stand in a column of their own where there is room for one.
    room = width - asked - 4 - (ID_WIDTH + 2 if width >= WIDTH else 0)
    for answer in found.answers:
        rows = textwrap.wrap(plain(answer.answer), room, break_long_words=False, break_on_hyphens=False) or [""]
        line = f"  {answer.question:<{asked}}  {rows[0]}"
        if answer.verdict and width >= WIDTH:
            line = f"{line:<{width - ID_WIDTH}}{answer.verdict}"
        click.echo("\n".join([line, *(" " * (asked + 4) + row for row in rows[1:])]))
    if found.budgets:
        click.echo("\nbudgets")
        for budget in found.budgets:
            line = budget_words(BudgetLine(budget.name, budget.spent, budget.limit, budget.unit))
            options.say(f"  {plain(line)}")
    if found.actions:
        click.echo("\nnext")
        for number, action in enumerate(found.actions, 1):
            lead = f"  {number}. "
            rows = textwrap.wrap(plain(priced(action)), width, initial_indent=lead, subsequent_indent=" " * len(lead))
            sign, command = prompt(action.command), plain(action.command)
            if command and len(rows) == 1 and len(rows[0]) + 2 + len(sign) + len(command) <= width:
                rows = [f"{rows[0]}  {sign}{command}"]
            elif command:
                parts = command_lines(command, width - len(lead) - len(sign), shell=sign == "$ ")
                rows += [" " * len(lead) + (" " * len(sign) if n else sign) + part for n, part in enumerate(parts)]
            click.echo("\n".join(rows))
