"""``assay plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli import options

if TYPE_CHECKING:
    from assay.checks.planning import Need

_STATES = {"enough": "enough", "short": "too few", "spent": "no answers left", "open": "not known"}


@click.command(epilog=options.examples("assay plan", "assay plan stage:gate"))
@click.argument("selection", nargs=-1)
@options.project_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def plan(selection: tuple[str, ...], project_path: Path | None, as_json: bool) -> None:
    """Labels, error probability and answers that each check needs; what cannot be decided with what is there.

    Nothing is asked and nothing is spent. Exit code 4: a blocking check cannot be decided.
    """
    project = options.open_project(project_path)
    from assay.checks.planning import exit_code, needs

    found = needs(project, " ".join(selection))
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode({"project": project.name, "needs": found}), indent=2))
    else:
        click.echo(_table(found))
        stuck = [need for need in found if need.state in ("short", "spent")]
        blocking = sum(need.blocking for need in stuck)
        options.say(f"{len(found)} planned | {len(stuck)} cannot be decided, {blocking} of them blocking")
    options.leave(int(exit_code(found)))


def _table(needs: list[Need]) -> str:
    """Columns of words and numbers, and what there is to say of a check in a line below it."""
    from assay.core.layout import columns, fit, screen_width
    from assay.core.plain import plain

    head = ("check", "labels", "there", "units", "error", "answers left", "")
    rows = [
        (
            plain(f"{need.check} {need.subject}".strip()),
            _number(need.labels),
            _number(need.rows),
            _number(need.units),
            "-" if need.error is None else f"{need.error:.2g}",
            _number(need.answers_left),
            _STATES[need.state] + ("" if need.blocking else " (does not block)"),
        )
        for need in needs
    ]
    width = screen_width()
    notes = [fit(f"  {plain(need.note)}", width) if need.note else "" for need in needs]
    return "\n".join(columns([head, *rows], width, right=range(1, 6), head=True, notes=["", *notes]))


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
