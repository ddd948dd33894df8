"""Verbs that ask one question: the checks of one stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from assay.cli import options
from assay.cli.check import run_and_emit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assay.core.verdict import Verdict


def _question(name: str, stage: str, doc: str) -> click.Command:
    @click.command(name, help=doc)
    @options.project_option
    @options.with_option
    @options.output_options
    def command(project_path: Path | None, overrides: tuple[str, ...], format_: str, output: Path | None) -> None:
        run_and_emit(f"stage:{stage}", project_path, overrides, format_, output)

    return command


@click.command()
@click.option("--target", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="Accuracy wanted, 0 to 1.")
@click.option("--deep", is_flag=True, help="Try a portfolio of models, each kept as a run.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    help="With --deep: begin no other model after so long.",
)
@click.option("--leakage", "secret", metavar="COLUMN", help="How much of this column the features tell, for certain.")
@options.project_option
@options.with_option
@options.output_options
def feasibility(
    target: float | None,
    deep: bool,
    seconds: float,
    secret: str | None,
    project_path: Path | None,
    overrides: tuple[str, ...],
    format_: str,
    output: Path | None,
) -> None:
    """Is it worth starting? The checks of stage:feasibility, or a whole study for a target.

    With --target or --deep the training set is studied: what is certain, what is likely, and what to do next. With
    --leakage attacks try to tell a column, such as a protected attribute, from the features of a model.
    """
    if secret is not None and (target is not None or deep):
        raise click.UsageError("--leakage is a question of its own: leave out --target and --deep")
    if secret is None and target is None and not deep:
        run_and_emit("stage:feasibility", project_path, overrides, format_, output)
        return
    options.require_place(output)
    project = options.open_project(project_path)
    sources = options.parse_overrides(overrides, project)
    if secret is not None:
        from assay.checks.leakage import ask

        column = secret
        verdicts = _with_progress(lambda tell: ask(project, column, overrides=sources, progress=tell))
    else:
        from assay.checks.deep_study import deep_study

        verdicts = _with_progress(
            lambda tell: deep_study(project, target, seconds=seconds if deep else 0.0, overrides=sources, progress=tell)
        )
    frame = options.context(project, verdicts)
    options.emit(verdicts, frame, format_, output)
    options.leave(frame.exit_code or 0)


def _with_progress(work: Callable[[Callable[[str], None]], list[Verdict]]) -> list[Verdict]:
    if not options.interactive():
        return work(lambda _: None)
    from rich.console import Console

    with Console(stderr=True).status("opening") as line:
        return work(line.update)


monitor = _question("monitor", "monitor", "Is it still right? Same as `assay check stage:monitor`.")
