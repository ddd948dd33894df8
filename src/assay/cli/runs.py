"""``assay runs``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from assay.cli import options
from assay.core.layout import columns, screen_width


@click.group(cls=options.Verbs)
def runs() -> None:
    """Which runs there were, with what they logged."""


@runs.command("list")
@options.project_option
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Newest runs to show.")
def list_(project_path: Path | None, limit: int) -> None:
    """List the newest runs."""
    from assay.tracking.run_record import list_runs

    project = options.open_project(project_path)
    found = list_runs(project.store, limit=limit) if project.has_store else []
    if not found:
        options.say("no run yet: `with assay.run() as run:` records one")
    rows = []
    for entry in found:
        when = datetime.fromtimestamp(entry.started / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        metrics = "  ".join(f"{name} {value:.4g}" for name, value in sorted(entry.metrics.items())[:4])
        rows.append((entry.id[:12], when, entry.status, entry.name, metrics))
    options.say(*columns(rows, screen_width()))


@runs.command()
@click.argument("identity", metavar="RUN")
@options.project_option
def show(identity: str, project_path: Path | None) -> None:
    """Show what one run logged."""
    from assay.tracking.run_record import get_run

    entry = get_run(options.open_project(project_path).records, identity)
    options.say(f"{entry.id}  {entry.name}  {entry.status}")
    for title, content in (("params", entry.params), ("metrics", entry.metrics), ("tags", entry.tags)):
        if content:
            options.say(title)
            for name, value in sorted(content.items()):
                options.say(f"  {name:<28} {value}")
    if entry.artifacts:
        options.say("artifacts")
        for name, content_digest in sorted(entry.artifacts.items()):
            options.say(f"  {name:<28} {content_digest[:12]}")


@runs.command()
@click.argument("left", metavar="RUN")
@click.argument("right", metavar="RUN")
@options.project_option
def compare(left: str, right: str, project_path: Path | None) -> None:
    """Show where two runs differ."""
    from assay.tracking.run_record import get_run

    store = options.open_project(project_path).records
    one, other = get_run(store, left), get_run(store, right)
    same = True
    for title, a, b in (("params", one.params, other.params), ("metrics", one.metrics, other.metrics)):
        for name in sorted(a.keys() | b.keys()):
            if a.get(name) != b.get(name):
                same = False
                options.say(f"{title:<8} {name:<24} {a.get(name, '-')!s:>16} {b.get(name, '-')!s:>16}")
    if same:
        options.say("no difference in params or metrics")
