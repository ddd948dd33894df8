"""``assay acquire``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli import options
from assay.core.layout import columns, screen_width

if TYPE_CHECKING:
    from collections.abc import Callable


@click.group(cls=options.Verbs)
def acquire() -> None:
    """Which data to buy: small training runs on mixes of the sources, and the mix that they advise."""


@acquire.command()
@options.project_option
def plan(project_path: Path | None) -> None:
    """Show the training runs that tell what each source is worth."""
    from assay.checks.acquire import open_acquisition

    ready = open_acquisition(options.open_project(project_path))
    planned, there = ready.planned, sum(record is not None for record in ready.done())
    sizes = planned.sizes
    options.say(
        f"{len(planned.runs)} runs of {sizes[0]:,} to {sizes[-1]:,} rows, {planned.rows:,} in all; {there} are on record",
        f"{ready.train} trains, the {ready.loss} loss on {ready.judge.name} ({len(ready.judge.frame):,} rows) judges",
    )
    head = [(*planned.sources, "done")]
    rows = [
        (*(f"{run[name]:,}" for name in planned.sources), "yes" if record is not None else "")
        for run, record in zip(planned.runs, ready.done(), strict=True)
    ]
    options.say(*columns([*head, *rows], screen_width(), right=set(range(len(planned.sources))), head=True))
    if there < len(planned.runs):
        options.say("next: assay acquire run")


@acquire.command()
@options.project_option
def run(project_path: Path | None) -> None:
    """Make the planned runs; stopped, it goes on where it was."""
    from assay.checks.acquire import train_planned

    project = options.open_project(project_path)
    made, there = _watched(lambda tell: train_planned(project, progress=tell))
    options.say(f"{made} runs made, {there} were there", "next: assay acquire advise --budget MONEY")


@acquire.command()
@click.option(
    "--budget",
    type=click.FloatRange(0, min_open=True),
    required=True,
    help="What may be spent, in the unit of the prices.",
)
@options.project_option
@options.output_options
def advise(budget: float, project_path: Path | None, format_: str, output: Path | None) -> None:
    """Tell which rows to buy, and what the loss would be: an estimate, with how its last forecast missed."""
    from assay.checks.acquire import advise as ask

    options.require_place(output)
    project = options.open_project(project_path)
    verdicts = [ask(project, budget)]
    if format_ == "auto":
        format_ = "full"
    options.emit(verdicts, options.context(project, verdicts, exit_code=0), format_, output)


def _watched(work: Callable[[Callable[[int, int, str], None]], tuple[int, int]]) -> tuple[int, int]:
    if not options.interactive():
        return work(lambda done, total, words: None)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("training")
        return work(lambda done, total, words: bar.update(task, completed=done, total=total, description=words))
