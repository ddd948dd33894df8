"""``assay fuzz``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli import options
from assay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.core.verdict import Verdict
    from assay.validation.schema import Schema


@click.command()
@click.argument("function", metavar="MODULE:FUNCTION")
@click.option("--schema", "schema_path", type=click.Path(path_type=Path), help="Default: the project's schema file.")
@click.option("--serve", metavar="MODULE:FUNCTION", help="What answers in production; it has to give the same.")
@click.option("--environment", metavar="NAME", help="Only columns that are expected there.")
@click.option("--trials", type=click.IntRange(min=1), default=300, show_default=True, help="Independent random tables.")
@click.option("--oracles", metavar="A,B,...", help="Default: all but idempotence and latency:SECONDS.")
@click.option(
    "--alpha",
    help="Error probability of the bound that is printed.",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
)
@click.option("--seed", help="The same seed draws the same tables.", type=int, default=0, show_default=True)
@options.project_option
@options.output_options
def fuzz(
    function: str,
    schema_path: Path | None,
    serve: str | None,
    environment: str | None,
    trials: int,
    oracles: str | None,
    alpha: float,
    seed: int,
    project_path: Path | None,
    format_: str,
    output: Path | None,
) -> None:
    """Run a function on tables that the schema permits: legal, rare and boundary ones.

    FUNCTION takes a pandas frame; its module is looked for in the working directory. What it fails on is made small,
    kept in tests/assay-fuzz, and tried first the next time.
    """
    from assay.checks.code import load_function

    options.require_place(output)
    schema = _schema(schema_path, project_path)
    subject = load_function(function, Path.cwd())
    other = load_function(serve, Path.cwd()) if serve else None

    def run(progress: Callable[[int, int], None]) -> list[Verdict]:
        from assay.validation import fuzz as hold

        return hold(
            subject,
            schema,
            oracles=oracles.split(",") if oracles is not None else None,
            trials=trials,
            alpha=alpha,
            seed=seed,
            serve=other,
            environment=environment,
            name=function,
            blocking=True,
            progress=progress,
        )

    verdicts = _watched(run)
    from assay import __version__
    from assay.checks.outcome import exit_code
    from assay.report.context import ReportContext

    code = exit_code(verdicts)
    seconds = max((verdict.evidence.seconds for verdict in verdicts), default=0.0)
    frame = ReportContext(project=function, version=__version__, exit_code=int(code), seconds=seconds, recorded=False)
    options.emit(verdicts, frame, format_, output)
    options.leave(code)


def _watched(run: Callable[[Callable[[int, int], None]], list[Verdict]]) -> list[Verdict]:
    if not options.interactive():
        return run(lambda done, total: None)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("fuzzing")
        return run(lambda done, total: bar.update(task, completed=done, total=total))


def _schema(path: Path | None, project_path: Path | None) -> Schema:
    from assay.core import project as project_file
    from assay.core.strict_toml import read
    from assay.validation import Schema

    if path is None:
        place = project_path or Path.cwd()
        found = place if place.is_file() else project_file.find(place)
        if found is not None:
            project = options.open_project(found)
            path = project.root / project.file.project.schema
        else:
            path = Path("schema.toml")
    if not path.is_file():
        raise UsageError(f"{path} is not there: write it with `assay schema infer`, or name one with --schema")
    return Schema.from_toml(read(path), str(path))
