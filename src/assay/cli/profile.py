"""``assay profile``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import options


@click.command()
@click.argument("source", metavar="FILE|FOLDER|GLOB|DATASET")
@options.project_option
@click.option("--columns", metavar="A,B,...", help="Only these columns.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def profile(source: str, project_path: Path | None, columns: str | None, as_json: bool) -> None:
    """Look at a table: counts, nulls, distinct values, range, mean, quantiles, top values."""
    import msgspec

    from assay.validation import profile as look

    names = columns.split(",") if columns else None
    found = look(resolve(source, project_path)[0], columns=names)
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2) if as_json else str(found))


def resolve(source: str, project_path: Path | None) -> tuple[object, str | None]:
    """Give a declared dataset by its name, with its unit, else a file."""
    from assay.core import project as project_file

    place = project_path or Path.cwd()
    path = place if place.is_file() else project_file.find(place)
    if path is not None and not Path(source).exists():
        project = options.open_project(path)
        if source in project.file.datasets:
            from assay.checks.inputs import Inputs

            dataset = Inputs(project, {}).dataset(source)
            return dataset.table, dataset.declared.unit
    return source, None
