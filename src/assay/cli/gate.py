"""``assay gate``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import ci, options
from assay.cli.check import run_and_emit


@click.group(invoke_without_command=True)
@options.project_option
@options.with_option
@options.output_options
@click.option(
    "--report",
    type=click.Choice(ci.REPORTS),
    help="For a code host: files in assay-report/, and github or gitlab a comment where a token allows one.",
)
@click.pass_context
def gate(
    context: click.Context,
    project_path: Path | None,
    overrides: tuple[str, ...],
    format_: str,
    output: Path | None,
    report: str | None,
) -> None:
    """May I merge, or ship, this model? Alone the same as `assay check stage:gate`."""
    if context.invoked_subcommand is None:
        run_and_emit("stage:gate", project_path, overrides, format_, output, report)
