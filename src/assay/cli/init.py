"""``assay init``."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from assay.cli import options
from assay.errors import UsageError

READABLE = (".csv", ".parquet", ".feather", ".arrow", ".tsv")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
def init(folder: Path) -> None:
    """Look at the data files in FOLDER and write a commented assay.toml; never overwrites."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    target = folder / "assay.toml"
    if target.exists():
        raise UsageError(f"{target} is there already: edit it, or move it away")
    found = [p for place in (folder, folder / "data") if place.is_dir() for p in sorted(place.iterdir())]
    files = [path for path in found if path.suffix.lower() in READABLE and path.is_file()]
    if not files:
        raise UsageError(f"{folder.resolve()}: no data here or in data/ (looked for {', '.join(READABLE)})")
    from assay.core import project as project_file
    from assay.validation.first_project import describe_project

    with contextlib.chdir(folder):
        text = describe_project([path.relative_to(folder) for path in files])
    guessed = project_file.parse(text, target)
    options.write(target, text)
    label = next((dataset.label for dataset in guessed.datasets.values() if dataset.label), None)
    click.echo(f"guessed: the label is {label!r}" if label else "found no label: name its column", err=True)
    click.echo("next: read it, mend what is wrong, then `assay check`", err=True)
