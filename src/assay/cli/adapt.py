"""``assay adapt``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import options
from assay.errors import ExitCode


@click.command()
@click.argument("model", required=False, default="")
@options.project_option
@options.output_options
def adapt(model: str, project_path: Path | None, format_: str, output: Path | None) -> None:
    """Retrain on recent data, gate the candidate on newer data, promote or refuse."""
    from assay.adaptation.retrain import adapt as retrain

    options.require_place(output)
    project = options.open_project(project_path)
    found = retrain(project, model, progress=lambda words: click.echo(f"{words} ...", err=True))
    refused = ExitCode.FAILED if found.verdicts[0].failed else ExitCode.INCONCLUSIVE
    code = ExitCode.OK if found.promoted else refused
    options.emit(found.verdicts, options.context(project, found.verdicts, exit_code=int(code)), format_, output)
    options.leave(code)
