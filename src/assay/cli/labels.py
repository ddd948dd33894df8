"""``assay labels``."""

from __future__ import annotations

from datetime import UTC, datetime
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
@click.option("--time", "time_column", help="Column with the time at which each label became known. Default: now.")
@options.project_option
def import_(
    source: str, id_column: str | None, label_column: str | None, time_column: str | None, project_path: Path | None
) -> None:
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
    named = [id_column, label_column, *([time_column] if time_column else [])]
    columns_present(opened, named, source)
    rows = to_arrow(opened.select(*named))
    if rows[label_column].null_count:
        raise DataError(f"{source}: {rows[label_column].null_count} rows have no {label_column!r}; leave them out")
    arrived = rows[time_column].to_pylist() if time_column else datetime.now(UTC)
    LabelLog(project.log_root).append(rows[id_column], rows[label_column], arrived)
    click.echo(f"{len(rows):,} labels imported")
