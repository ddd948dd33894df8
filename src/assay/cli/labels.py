"""``assay labels``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import options
from assay.errors import DataError


@click.group()
def labels() -> None:
    """Labels that arrive after the predictions."""


@labels.command("import")
@click.argument("source", metavar="FILE")
@click.option("--id", "id_column", help="Column with the ids. Default: the live dataset's id.")
@click.option("--label", "label_column", help="Column with the labels. Default: the live dataset's label.")
@options.project_option
def import_(source: str, id_column: str | None, label_column: str | None, project_path: Path | None) -> None:
    """Add labels from a table to the log, where monitors join them to predictions by id."""
    from assay.data import columns_present, require_rows, table, to_arrow
    from assay.store.events import LabelLog

    project = options.open_project(project_path)
    live = project.dataset_of_role("live")
    declared = project.dataset(live) if live else None
    id_column = id_column or (declared.id if declared else None)
    label_column = label_column or (declared.label if declared else None)
    if not id_column or not label_column:
        raise DataError(f"{source}: say which columns hold ids and labels: --id COLUMN --label COLUMN")
    opened = table(source)
    require_rows(opened, source)
    columns_present(opened, [id_column, label_column], source)
    rows = to_arrow(opened.select(id_column, label_column))
    if rows[label_column].null_count:
        raise DataError(f"{source}: {rows[label_column].null_count} rows have no {label_column!r}; leave them out")
    LabelLog(project.log_root).append(rows[id_column], rows[label_column])
    click.echo(f"{len(rows):,} labels imported")
