"""``assay suggest``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import options
from assay.cli.profile import resolve


@click.command()
@click.argument("source", metavar="FILE|FOLDER|GLOB|DATASET")
@options.project_option
@click.option("--unit", help="Column of the independent unit; a declared dataset brings its own.")
@click.option(
    "--cadence", type=click.Choice(["hourly", "daily", "weekly", "monthly"]), default="daily", show_default=True
)
@click.option("--batch-rows", type=click.IntRange(1), help="Rows of a batch; by default as many as the reference has.")
@click.option("--false-alarms", default="1/year", show_default=True, help="Batches without a fault that may alarm.")
@click.option("--accept", multiple=True, metavar="NAME", help="Write this one; `all` for all but the never rules.")
@click.option("--output", type=click.Path(path_type=Path), help="Where to write what is accepted.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def suggest(
    source: str,
    project_path: Path | None,
    unit: str | None,
    cadence: str,
    batch_rows: int | None,
    false_alarms: str,
    accept: tuple[str, ...],
    output: Path | None,
    force: bool,
) -> None:
    """Suggest rules for the next batches, with the false alarms a year that each will cost."""
    from assay.errors import UsageError
    from assay.validation import suggest as suggest_rules

    if bool(accept) != (output is not None):
        raise UsageError("--accept NAME and --output FILE go together: what is accepted is written")
    if output is not None and output.exists() and not force:
        raise UsageError(f"{output} is there already: a person may have reviewed it; --force replaces it")
    table, declared = resolve(source, project_path)
    found = suggest_rules(
        table, unit=unit or declared, cadence=cadence, batch_rows=batch_rows, false_alarms=false_alarms
    )
    if output is None:
        click.echo(str(found))
        return
    names = tuple(name for name in accept if name != "all")
    schema = found.accept(schema=found.accept(*names) if names else None) if "all" in accept else found.accept(*names)
    options.write(output, schema.to_toml())
