"""``assay schema``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli import options
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.validation.interop import Unmapped


@click.group()
def schema() -> None:
    """Write down what the data look like, for a person to review."""


@schema.command()
@click.argument("dataset", required=False)
@options.project_option
@click.option("--output", type=click.Path(path_type=Path), help="Default: the project's schema file.")
@click.option("--force", is_flag=True, help="Replace a schema that is there.")
def infer(dataset: str | None, project_path: Path | None, output: Path | None, force: bool) -> None:
    """Infer a schema from a dataset (the training set by default)."""
    from assay.checks.inputs import Inputs
    from assay.validation import infer as infer_schema

    project = options.open_project(project_path)
    name = dataset or project.dataset_of_role("train", "test", "live")
    if name is None:
        raise UsageError(f"{project.path}: no dataset is declared; say which in [datasets.train]")
    target = output or project.root / project.file.project.schema
    if target.exists() and not force:
        raise UsageError(f"{target} is there already: a person may have reviewed it; --force replaces it")
    opened = Inputs(project, {}).dataset(name)
    declared = opened.declared
    found = infer_schema(opened.table, name=name, unit=declared.unit)
    options.write(target, found.to_toml())


@schema.command()
@click.argument("edits", nargs=-1, required=True, metavar="KEY=VALUE...")
@options.project_option
def edit(edits: tuple[str, ...], project_path: Path | None) -> None:
    """Set keys of the project's schema file; comments are kept.

    A key is dotted, as in columns.origin.nulls.at_most=0.05; an entry of a list is named by its number from 0. What changes is
    shown; a file that could not be read afterwards is not written.
    """
    from assay.core.strict_toml import read
    from assay.validation import Edit, Schema, apply_edits
    from assay.validation.changes import changes

    project = options.open_project(project_path)
    path = project.root / project.file.project.schema
    before = read(path)
    after = apply_edits(before, [Edit.parse(each) for each in edits], str(path))
    found = changes(Schema.from_toml(before, str(path)), Schema.from_toml(after, str(path)))
    click.echo("\n".join(found) or "nothing changes")
    if found:
        options.write(path, after)


@schema.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
def diff(old: Path, new: Path) -> None:
    """Tell what two schema files say differently, whatever their order and comments."""
    from assay.core.strict_toml import read
    from assay.validation import Schema
    from assay.validation.changes import changes

    one, two = (Schema.from_toml(read(path), str(path)) for path in (old, new))
    click.echo("\n".join(changes(one, two)) or "they say the same")


@schema.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "format_", help="By default told by the file's name and content.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("schema.toml"), show_default=True)
@click.option("--force", is_flag=True, help="Replace a schema that is there.")
def import_(file: Path, format_: str | None, output: Path, force: bool) -> None:
    """Import the schema of another tool; what assay has no words for is told, line by line."""
    from assay.validation.interop import import_schema

    if output.exists() and not force:
        raise UsageError(f"{output} is there already: a person may have reviewed it; --force replaces it")
    found, report = import_schema(file, format_)
    options.write(output, found.to_toml())
    click.echo(f"{len(found.columns)} columns, {len(found.relations)} relations, {len(found.metrics)} metrics")
    _tell(report, "imported")


@schema.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("schema.toml"))
@click.option("--format", "format_", required=True)
@click.option("--output", type=click.Path(path_type=Path), help="By default stdout.")
def export(file: Path, format_: str, output: Path | None) -> None:
    """Export a schema for another tool; what that tool has no words for is told on stderr."""
    from assay.core import strict_toml
    from assay.validation.interop import export_schema
    from assay.validation.schema import Schema

    text, report = export_schema(Schema.from_toml(strict_toml.read(file), str(file)), format_)
    if output is None:
        click.echo(text, nl=False)
    else:
        options.write(output, text)
    _tell(report, "exported")


def _tell(report: list[Unmapped], done: str) -> None:
    if report:
        click.echo(f"{len(report)} {'line was' if len(report) == 1 else 'lines were'} not {done}:", err=True)
    for line in report:
        click.echo(f"  {line}", err=True)
