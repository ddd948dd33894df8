"""``assay schema``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli import options
from assay.errors import UsageError, shown

if TYPE_CHECKING:
    from assay.validation import Edit, Schema
    from assay.validation.interop import Unmapped


@click.group(cls=options.Verbs)
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
        raise UsageError(f"{shown(project.path)}: no dataset is declared; say which in [datasets.train]")
    target = output or project.root / project.file.project.schema
    if target.exists() and not force:
        raise UsageError(f"{target} is there already: a person may have reviewed it; --force replaces it")
    opened = Inputs(project, {}).dataset(name)
    declared = opened.declared
    found = infer_schema(opened.table, name=name, unit=declared.unit)
    options.write(target, found.to_toml())


@schema.command()
@options.project_option
@click.option(
    "--as",
    "as_",
    type=click.Choice(["text", "toml", "python"]),
    default="text",
    show_default=True,
    help="How to show it.",
)
def show(project_path: Path | None, as_: str) -> None:
    """Show the project's schema: a line for each rule, or as a file, or as a Python class."""
    from assay.core.strict_toml import read
    from assay.validation import Schema
    from assay.validation.showing import lines

    path = _schema_path(project_path)
    found = Schema.from_toml(read(path), str(path))
    if as_ == "text":
        options.say("\n".join(lines(found)))
    else:
        click.echo(found.to_toml() if as_ == "toml" else found.to_python(), nl=False)


@schema.command()
@click.argument("edits", nargs=-1, metavar="[KEY=VALUE...]")
@options.project_option
@click.option("--dataset", metavar="NAME", help="Propose the edits that would accept what is found in this dataset.")
@click.option("--accept", multiple=True, metavar="CODE:COLUMN", help="Accept this proposal, without a question.")
def edit(edits: tuple[str, ...], project_path: Path | None, dataset: str | None, accept: tuple[str, ...]) -> None:
    """Set keys of the project's schema file; comments are kept.

    A key is dotted, as in columns.origin.nulls.at_most=0.05; an entry of a list is named by its number from 0. With --dataset
    the keys are those that would accept the rows of a dataset, one by one. What changes is shown; a file that could not be
    read afterwards is not written.
    """
    from assay.core.strict_toml import read
    from assay.validation import Edit, Schema, apply_edits
    from assay.validation.changes import changes

    if bool(edits) == bool(dataset) or (accept and not dataset):
        raise UsageError("say what to set: KEY=VALUE, or --dataset NAME for proposals (with --accept CODE:COLUMN)")
    path = _schema_path(project_path)
    before = read(path)
    known = Schema.from_toml(before, str(path))
    chosen = _chosen(known, dataset, accept, project_path) if dataset else [Edit.parse(each) for each in edits]
    after = apply_edits(before, chosen, str(path))
    found = changes(known, Schema.from_toml(after, str(path)))
    if found or not dataset:
        options.say("\n".join(found) or "nothing changes")
    if found:
        options.write(path, after)


def _schema_path(project_path: Path | None) -> Path:
    project = options.open_project(project_path)
    return project.root / project.file.project.schema


def _chosen(known: Schema, dataset: str, accept: tuple[str, ...], project_path: Path | None) -> list[Edit]:
    """Let a person choose among the edits that would accept what a dataset holds."""
    from assay.checks.proposals import proposals

    offered = proposals(options.open_project(project_path), known, dataset)
    if not offered:
        options.say(f"nothing fails in {dataset}: there is nothing to accept")
        return []
    unknown = sorted(set(accept) - {offer.name for offer in offered})
    if unknown:
        names = ", ".join(offer.name for offer in offered)
        raise UsageError(f"--accept {unknown[0]} is not proposed; proposed are {names}")
    asks = not accept and options.interactive() and sys.stdin.isatty()
    chosen = []
    for offer in offered:
        options.say(f"{offer.name}  {offer.reason}\n    {offer.edit}")
        if offer.name in accept or (asks and click.confirm("    accept?", default=False)):
            chosen.append(offer.edit)
    if not accept and not asks:
        options.say("accept one with --accept CODE:COLUMN")
    return chosen


@schema.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
def diff(old: Path, new: Path) -> None:
    """Tell what two schema files say differently, whatever their order and comments."""
    from assay.core.strict_toml import read
    from assay.validation import Schema
    from assay.validation.changes import changes

    one, two = (Schema.from_toml(read(path), str(path)) for path in (old, new))
    options.say("\n".join(changes(one, two)) or "they say the same")


@schema.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "format_", help="By default told by the file's name and content.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("schema.toml"),
    show_default=True,
    help="Where to write it.",
)
@click.option("--force", is_flag=True, help="Replace a schema that is there.")
def import_(file: Path, format_: str | None, output: Path, force: bool) -> None:
    """Import the schema of another tool; what assay has no words for is told, line by line."""
    from assay.validation.interop import import_schema

    if output.exists() and not force:
        raise UsageError(f"{output} is there already: a person may have reviewed it; --force replaces it")
    found, report = import_schema(file, format_)
    options.write(output, found.to_toml())
    options.say(f"{len(found.columns)} columns, {len(found.relations)} relations, {len(found.metrics)} metrics")
    _tell(report, "imported")


@schema.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("schema.toml"))
@click.option("--format", "format_", required=True, help="frictionless, json-schema or tfdv.")
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
