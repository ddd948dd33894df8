"""``assay suggest``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import options
from assay.cli.profile import resolve


@click.command(epilog=options.examples("assay suggest train", "assay suggest train.csv --cadence weekly"))
@click.argument("source", metavar="FILE|FOLDER|GLOB|DATASET")
@options.project_option
@click.option("--unit", help="Column of the independent unit; a declared dataset brings its own.")
@click.option(
    "--cadence",
    type=click.Choice(["hourly", "daily", "weekly", "monthly"]),
    default="daily",
    show_default=True,
    help="How often a batch comes.",
)
@click.option("--batch-rows", type=click.IntRange(1), help="Rows of a batch; by default as many as the reference has.")
@click.option(
    "--false-alarms",
    default="1/year",
    show_default=True,
    help="Batches without a fault that may alarm: a number for each day, week, month, quarter or year.",
)
@click.option("--accept", multiple=True, metavar="NAME", help="Write this one; `all` for all but the never rules.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Where to write it; by default the project's schema file."
)
@click.option("--replace", is_flag=True, help="Let what is accepted take the place of rules that the file has.")
def suggest(
    source: str,
    project_path: Path | None,
    unit: str | None,
    cadence: str,
    batch_rows: int | None,
    false_alarms: str,
    accept: tuple[str, ...],
    output: Path | None,
    replace: bool,
) -> None:
    """Suggest rules for the next batches, with the false alarms a year that each will cost.

    What is accepted is put into the schema file: its comments stay, and a rule that it has is never replaced in silence.
    """
    from assay.core.strict_toml import read
    from assay.errors import UsageError
    from assay.validation import Schema
    from assay.validation import suggest as suggest_rules
    from assay.validation.accepting import merge
    from assay.validation.changes import changes

    if not accept and (output is not None or replace):
        raise UsageError("--output and --replace are for what is accepted: add --accept NAME, or --accept all")
    target = (output or _schema_file(project_path)) if accept else None
    table, declared = resolve(source, project_path)
    found = suggest_rules(
        table, unit=unit or declared, cadence=cadence, batch_rows=batch_rows, false_alarms=false_alarms
    )
    if target is None:
        options.say(str(found))
        return
    names = tuple(name for name in accept if name != "all")
    chosen = found.named(*names) if names else []
    if "all" in accept:
        chosen = [*found.named(), *(one for one in chosen if one.kind == "never")]
    if not target.exists():
        options.write(target, found.accept(*(one.name for one in chosen)).to_toml())
        return
    before = read(target)
    after, conflicts = merge(before, chosen, found.types, path=str(target), replace=replace)
    lines = changes(Schema.from_toml(before, str(target)), Schema.from_toml(after, str(target)))
    options.say("\n".join(lines) or "nothing changes")
    for conflict in conflicts:
        click.echo(f"kept: {conflict}", err=True)
    if conflicts:
        click.echo("what the file said is kept; --replace takes the suggestions", err=True)
    if after != before:
        options.write(target, after)


def _schema_file(project_path: Path | None) -> Path:
    from assay.core import project as project_file
    from assay.errors import UsageError

    place = project_path or Path.cwd()
    found = place if place.is_file() else project_file.find(place)
    if found is None:
        raise UsageError("--accept NAME needs --output FILE, where there is no project whose schema file it could be")
    project = options.open_project(found)
    return project.root / project.file.project.schema
