"""``assay check``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import options


@click.command()
@click.argument("selection", nargs=-1)
@options.project_option
@options.with_option
@options.output_options
def check(
    selection: tuple[str, ...], project_path: Path | None, overrides: tuple[str, ...], format_: str, output: Path | None
) -> None:
    """Run checks and commit their verdicts.

    SELECTION are ids, codes (VAL1), stage:data, dataset:live, model:NAME or tag:nightly; all checks without one.
    """
    run_and_emit(" ".join(selection), project_path, overrides, format_, output)


def run_and_emit(
    selection: str, project_path: Path | None, overrides: tuple[str, ...], format_: str, output: Path | None
) -> None:
    """Run a selection, show it, and leave with its exit code."""
    project = options.open_project(project_path)
    sources = options.parse_overrides(overrides)
    from assay.checks.run import run_checks

    if options.interactive():
        from rich.console import Console

        console = Console(stderr=True)
        with console.status("opening") as line:
            run = run_checks(project, selection, sources, progress=lambda name: line.update(f"checking {name}"))
    else:
        run = run_checks(project, selection, sources)
    frame = options.context(project, run.results, seconds=run.seconds)
    options.emit(run.results, frame, format_, output)
    if not run.results:
        click.echo(f"nothing selected by {selection!r}: `assay check` runs every check", err=True)
    options.leave(run.exit_code)
