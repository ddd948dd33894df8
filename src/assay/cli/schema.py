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
