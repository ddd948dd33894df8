"""``assay check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli import ci, options
from assay.errors import shown

if TYPE_CHECKING:
    from assay.checks.outcome import CheckRun
    from assay.checks.project import Project


@click.command(
    epilog=options.examples("assay check", "assay check stage:data", "assay check --with live=today.parquet")
)
@click.argument("selection", nargs=-1)
@options.project_option
@options.with_option
@click.option(
    "--engine",
    metavar="duckdb|spark|URL",
    default="duckdb",
    help="What opens and counts the datasets of data checks; with a URL their sources are names of tables.",
)
@options.output_options
def check(
    selection: tuple[str, ...],
    project_path: Path | None,
    overrides: tuple[str, ...],
    engine: str,
    format_: str,
    output: Path | None,
) -> None:
    """Run checks and commit their verdicts.

    SELECTION are ids, codes (VAL1), stage:data, dataset:live, model:NAME or tag:nightly; all checks without one.
    """
    run_and_emit(" ".join(selection), project_path, overrides, format_, output, engine=engine)


def run_and_emit(
    selection: str,
    project_path: Path | None,
    overrides: tuple[str, ...],
    format_: str,
    output: Path | None,
    report: str | None = None,
    *,
    engine: str = "duckdb",
) -> None:
    """Run a selection, show it, report it where a host is named, and leave with its exit code."""
    options.require_place(output)
    project = options.open_project(project_path)
    comment = None
    if report in ci.HOSTS:
        ci.require_folder(project)
        if format_ == "auto":
            # The log is for people; a file that is asked for without a format is the comment.
            format_, comment, output = "concise", output, None
    sources = options.parse_overrides(overrides, project, engine)
    from assay.checks.run import owner_addresses

    try:
        run = _run(project, selection, sources, engine)
    except Exception as problem:
        if report in ci.HOSTS:
            ci.publish_refusal(report, project, problem)
        raise
    frame = ci.frame_of(project, run, report)
    options.emit(run.results, frame, report if report and report not in ci.HOSTS else format_, output)
    if report in ci.HOSTS:
        ci.publish(report, project, run, frame, format_, comment)
    if owner_addresses(project) and project.has_store:
        from assay.server.notify import deliver

        deliver(project)
    # A person who sees both streams has read it among the verdicts.
    for why in () if options.watched() and format_ in options.WORDS and output is None else run.unpaid:
        click.echo(f"error: {why}", err=True)
    if not run.results:
        click.echo(_nothing(project, selection), err=True)
    options.leave(run.exit_code)


def _run(project: Project, selection: str, sources: dict[str, str], engine: str) -> CheckRun:
    from assay.checks.run import run_checks

    if not options.interactive():
        return run_checks(project, selection, sources, engine=engine)
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("opening") as line:
        return run_checks(
            project, selection, sources, engine=engine, progress=lambda name: line.update(f"checking {name}")
        )


def _nothing(project: Project, selection: str) -> str:
    names = ", ".join(check.name for check in project.file.checks)
    if not names:
        return f"{shown(project.path)} declares no checks: add [[checks]], see `assay explain` for the codes"
    return f"nothing selected by {selection!r}: declare a check of that kind, or select from {names}"
