"""``assay labels``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli import options
from assay.core.layout import columns, screen_width
from assay.errors import DataError, UsageError

if TYPE_CHECKING:
    from assay.checks.project import Project
    from assay.debugging.confident_learning import FilterBy, RankBy

FILTERS = (
    "prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given",
    "low_normalized_margin", "low_self_confidence",
)  # fmt: skip
RANKS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")


@click.group(cls=options.Verbs)
def labels() -> None:
    """Which rows to label next, which labels are wrong, and labels that arrive after the predictions."""


@labels.command()
@click.option("--check", "check_id", required=True, metavar="ID", help="A gate check with method = 'sequential'.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Most rows to hand out.")
@click.option("--output", type=click.Path(path_type=Path), help="Write here instead of to stdout.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["csv", "label-studio"]),
    default="csv",
    show_default=True,
    help="A table with an empty column for the label, or tasks for Label Studio.",
)
@options.project_option
def suggest(check_id: str, limit: int, output: Path | None, format_: str, project_path: Path | None) -> None:
    """Hand out the next rows to label, in the order that was fixed before the models were seen.

    A row is paid for once, out of [budget] labels; asked again before its label is there, it is handed out again.
    """
    options.require_place(output)
    project = options.open_project(project_path)
    from assay.checks.suggest import suggest as next_rows

    found = next_rows(project, check_id, limit)
    if not len(found.rows):
        click.echo(f"{check_id}: nothing to label: {found.reason}", err=True)
        return
    if format_ == "csv":
        content = found.rows.to_csv(index=False)
    else:
        from assay.labeling import label_studio

        known = found.rows.drop(columns=[found.label])
        content = label_studio.tasks(known.to_dict("records")) + "\n"
    if output is None:
        click.echo(content, nl=False)
    else:
        options.write(output, content)
    rows = len(found.rows)
    click.echo(f"{rows:,} rows handed out, {found.bought:,} of them new and paid for", err=True)
    fewer = f"; --limit {found.expected} would hand out no more" if found.expected and found.expected < rows else ""
    click.echo(f"labels still needed to decide: {found.needed}{fewer}", err=True)
    click.echo(f"budget: {found.spent:,.0f} of {found.limit:,} labels bought", err=True)


@labels.command("import")
@click.argument("source", metavar="FILE")
@click.option("--check", "check_id", metavar="ID", help="For the rows that this check asked for.")
@click.option("--id", "id_column", help="Column with the ids. Default: the dataset's id.")
@click.option("--label", "label_column", help="Column with the labels. Default: the dataset's label.")
@click.option("--time", "time_column", help="Column with the time at which each label became known. Default: now.")
@options.project_option
def import_(
    source: str,
    check_id: str | None,
    id_column: str | None,
    label_column: str | None,
    time_column: str | None,
    project_path: Path | None,
) -> None:
    """Add labels from a table, or from what Label Studio exports.

    With --check they are for rows that `assay labels suggest` handed out, and the gate reads them; rows that are still
    empty are left out. Without it they go to the log, where monitors join them to predictions by id, unless the
    project has no live dataset, or the file is from Label Studio.
    """
    project = options.open_project(project_path)
    if check_id or _is_asked_for(project, source):
        if time_column:
            raise UsageError("--time: labels of a gate check have no time; leave it out")
        from assay.checks.suggest import take_back

        took = take_back(project, check_id or "", source, id_column, label_column)
        options.say(f"{took.added:,} labels imported ({took.known:,} known before, {took.empty:,} rows still empty)")
        return
    _to_log(project, source, id_column, label_column, time_column)


@labels.command(
    epilog=options.examples(
        "assay labels audit",
        "assay labels audit --sample 60 --sheet sheet.csv",
        "assay labels audit --answers sheet.csv --precision 0.5",
    )
)
@options.project_option
@options.with_option
@click.option("--dataset", default="", help="Whose labels; by default those of the one with the role 'train'.")
@click.option(
    "--filter",
    "filter_by",
    type=click.Choice(FILTERS),
    default=FILTERS[0],
    show_default=True,
    metavar="NAME",
    help="Which rows are flagged: " + ", ".join(FILTERS) + ".",
)
@click.option(
    "--rank",
    "rank_by",
    type=click.Choice(RANKS),
    metavar="NAME",
    default=RANKS[0],
    show_default=True,
    help="In which order: " + ", ".join(RANKS) + ".",
)
@click.option("--show", type=click.IntRange(1), default=10, show_default=True, help="How many.")
@click.option("--save", type=click.Path(path_type=Path), help="Write all flagged rows, as CSV.")
@click.option("--sample", type=click.IntRange(1), default=60, show_default=True, help="Rows that --sheet hands out.")
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    help="Write a random sample of the flags here, with a column to fill in.",
)
@click.option(
    "--answers",
    type=click.Path(path_type=Path),
    help="A sheet that was filled in: yes or no for each row.",
)
@click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Share of the flags that must be right.",
)
def audit(
    project_path: Path | None,
    overrides: tuple[str, ...],
    dataset: str,
    filter_by: FilterBy,
    rank_by: RankBy,
    show: int,
    save: Path | None,
    sample: int,
    sheet: Path | None,
    answers: Path | None,
    precision: float,
) -> None:
    """Which labels are probably wrong? The least sure come first.

    Flags are an estimate. --sheet hands out a random sample of them; filled in by a person, it certifies with --answers which share
    of the flags is right.
    """
    from assay.checks import label_audit

    if answers is not None and sheet is not None:
        raise UsageError("--sheet hands out what --answers takes back: give one of them")
    options.require_place(save)
    options.require_place(sheet)
    project = options.open_project(project_path)
    sources = options.parse_overrides(overrides, project)
    given = label_audit.answered(answers) if answers is not None else None
    flagged = label_audit.flag(project, dataset=dataset, filter_by=filter_by, rank_by=rank_by, overrides=sources)
    found = flagged.found
    if save is not None:
        options.write(save, flagged.sheet(found.rows).to_csv(index=False))
    if given is not None:
        verdicts = label_audit.audit(project, flagged, given, precision)
        frame = options.context(project, verdicts)
        options.emit(verdicts, frame, "auto", None)
        options.leave(frame.exit_code or 0)
        return
    shown = flagged.sheet(found.rows[:show]).astype(str)
    if len(shown):
        cells = [tuple(shown.columns), *shown.itertuples(index=False, name=None)]
        for line in columns(cells, screen_width(), right={0}, head=True):
            click.echo(line)
    flags = int(found.flagged.sum())
    options.say(
        "",
        f"{flags:,} of {found.flagged.size:,} labels of {flagged.rows.name} flagged, by {flagged.model} out of sample",
        f"{found.guarantee}: {found.guarantee.source}",
    )
    if sheet is not None:
        drawn = flagged.sheet(found.sample(sample, seed=flagged.seed)).drop(columns="sure").assign(wrong="")
        options.write(sheet, drawn.to_csv(index=False))
        click.echo(
            f"{len(drawn):,} flagged rows drawn at random: write yes or no under wrong in {sheet}, then "
            f"assay labels audit --answers {sheet}",
            err=True,
        )


def _is_asked_for(project: Project, source: str) -> bool:
    """Whether only a gate check can have asked for these labels."""
    sequential = any(check.method == "sequential" for check in project.file.checks)
    return sequential and (project.dataset_of_role("live") is None or Path(source).suffix.lower() == ".json")


def _to_log(
    project: Project, source: str, id_column: str | None, label_column: str | None, time_column: str | None
) -> None:
    from assay.data import columns_present, require_rows, table, to_arrow
    from assay.store.events import LabelLog

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
    arrived: Any = rows[time_column].to_pylist() if time_column else datetime.now(UTC)
    LabelLog(project.log_root).append(rows[id_column], rows[label_column], arrived)
    options.say(f"{len(rows):,} labels imported")
