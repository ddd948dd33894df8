"""``assay schema``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import options
from assay.errors import UsageError


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
