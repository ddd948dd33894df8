"""``assay testset``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from assay.cli import options
from assay.core.project import Disclosure, place_of
from assay.errors import ExitCode, ProjectError, UsageError

if TYPE_CHECKING:
    from assay.checks.project import Project


@click.group(cls=options.Verbs)
def testset() -> None:
    """A labelled test set in the judge's custody."""


@testset.command()
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Where to write the private key.")
def keygen(output: Path) -> None:
    """Make the judge's pair of keys: the private one into a file, the public one to stdout.

    The file is readable by you alone, and refused in a git checkout. CI gets its content as the secret
    ASSAY_JUDGE_KEY, or its place as ASSAY_JUDGE_KEY_FILE.
    """
    from assay.gate.custody import make_key

    click.echo(make_key(output))
    click.echo(f"wrote {output}: keep it from developers, and keep a copy: without it a sealed set is lost", err=True)


@testset.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "recipients", multiple=True, required=True, metavar="PUBLIC-KEY", help="May be given twice.")
@click.option("--output", type=click.Path(path_type=Path), help="Default: FILE with the ending .sealed.")
@click.option("--label", help="Column of the label. Default: as the project file declares it.")
@click.option("--hide", multiple=True, metavar="COLUMN", help="A further column that no model may see.")
@click.option(
    "--disclose",
    type=click.Choice(get_args(Disclosure)),
    help="The most that may be shown of an answer. Default: as the project file declares it, else verdict.",
)
@options.project_option
def seal(
    file: Path,
    recipients: tuple[str, ...],
    output: Path | None,
    label: str | None,
    hide: tuple[str, ...],
    disclose: Disclosure | None,
    project_path: Path | None,
) -> None:
    """Encrypt a labelled table to the judge's key; the result may lie in the repository.

    What the project file says when a gate opens it can narrow these terms, but not widen them.
    """
    from assay.data import table, to_arrow
    from assay.gate import custody

    place = output or file.with_suffix(".sealed")
    options.require_place(place)
    if custody.is_sealed(file):
        raise UsageError(f"{file} is sealed already; open it first to seal it to another key")
    opened = to_arrow(table(file))
    project = _project(project_path)
    if project is not None and label is None:
        label, ignored = _declared(project, file, opened.column_names)
        hide = (*hide, *ignored)
    level: Disclosure = disclose or (project.file.budget.disclose if project is not None else "verdict")
    content = custody.seal(opened, recipients, label=label, hidden=hide, disclose=level)
    options.write(place, content)
    options.say(
        f"sealed {opened.num_rows:,} rows for {len(recipients)} key{'s' if len(recipients) > 1 else ''}: "
        f"label {label or 'not named'}, disclose {level}"
    )
    if label is None:
        click.echo(
            "no label named: predictions in files can be judged, but no code may see the rows (--label)", err=True
        )


@testset.command("open")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="A .parquet, .csv or .arrow file.")
def open_(file: Path, output: Path) -> None:
    """Decrypt a sealed table, labels and all, with the key in ASSAY_JUDGE_KEY or ASSAY_JUDGE_KEY_FILE."""
    import io

    import pyarrow.feather
    import pyarrow.parquet

    from assay.data.delimited import csv_of
    from assay.gate import custody

    writers = {
        ".parquet": pyarrow.parquet.write_table,
        ".csv": lambda table, place: place.write(csv_of(table)),
        ".arrow": pyarrow.feather.write_feather,
    }
    if output.suffix not in writers:
        raise UsageError(f"{output}: cannot be written as {output.suffix or 'nothing'}: use {', '.join(writers)}")
    options.require_place(output)
    try:
        sealed = file.read_bytes()
    except OSError as problem:
        raise UsageError(f"{file}: cannot be read: {problem.strerror}") from problem
    opened, terms = custody.unseal(sealed, custody.judge_key(), str(file))
    content = io.BytesIO()
    writers[output.suffix](opened, content)
    options.write(output, content.getvalue())
    options.say(f"opened {opened.num_rows:,} rows: label {terms.label or 'not named'}, disclose {terms.disclose}")


@testset.command()
@click.argument("name", required=False)
@options.project_option
@click.option("--json", "as_json", is_flag=True, help="As JSON, one test set a line.")
def status(name: str | None, project_path: Path | None, as_json: bool) -> None:
    """What each test set has answered, what it has left, and when it retires.

    NAME is that of the project file, or the first digits of a key. The exit code is 4 when nothing is left of it.
    """
    from assay.checks import testsets

    project = options.open_project(project_path)
    known: list[testsets.Meter] = []
    if project.has_store:
        project.store.sync()
        known = testsets.meters(project.store) if name is None else [testsets.find(project.store, name)]
    elif name is not None:
        testsets.find(project.records, name)
    if as_json:
        import msgspec

        for meter in known:
            click.echo(msgspec.json.encode(meter))
    else:
        for meter in known:
            options.say(f"{meter.name} ({meter.key[:12]}): {meter}")
        if not known:
            options.say("no test set has answered yet")
    if name is not None and known[0].state != "open":
        options.leave(ExitCode.INCONCLUSIVE)


@testset.command()
@click.argument("name")
@click.option("--reason", required=True, help="Stays in the ledger.")
@options.project_option
def retire(name: str, reason: str, project_path: Path | None) -> None:
    """Take a test set out of use: no gate is answered on its rows any more."""
    from assay.checks import testsets

    store = options.open_project(project_path).records
    store.sync()
    meter = testsets.find(store, name)
    if meter.state in ("retired", "released"):
        raise UsageError(f"test set {meter.name} ({meter.key[:12]}) is {meter.state} already")
    testsets.close(store, meter.key, "retired", reason)
    options.say(f"retired {meter.name} ({meter.key[:12]}) after {meter.answers} of {meter.queries} answers")


@testset.command()
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="A folder to be made.")
@options.project_option
def release(name: str, output: Path, project_path: Path | None) -> None:
    """Hand a used-up test set to developers, with what its verdicts can be checked by.

    NAME is that of the dataset. The folder gets the rows with their labels, the predictions of every model that was judged, and the openings of
    what the ledger was given before each evaluation. No gate is answered on these rows any more.
    """
    from assay.checks.commitment import release as release_set
    from assay.checks.inputs import Inputs

    options.require_place(output)
    project = options.open_project(project_path)
    project.records.sync()
    meter = release_set(project, Inputs(project, {}).dataset(name, judge=True), name, output)
    options.say(f"released {meter.name} ({meter.key[:12]}) to {output}: {meter.answers} answers can be checked")


def _project(path: Path | None) -> Project | None:
    try:
        return options.open_project(path)
    except UsageError as problem:
        # A set can be sealed where there is no project; a project file that is there has to be in order.
        if path is not None or isinstance(problem, ProjectError):
            raise
        return None


def _declared(project: Project, file: Path, columns: list[str]) -> tuple[str | None, tuple[str, ...]]:
    """What the project file says of the table: its label, and the columns that are no features."""
    tables = [d for d in project.file.datasets.values() if d.label in columns]
    own = [d for d in tables if (place := place_of(d.source)) and (project.root / place).resolve() == file.resolve()]
    found = own or [d for d in tables if d.role == "test"]
    if len({d.label for d in found}) != 1:
        return None, ()
    ignored = {column for d in found for column in d.ignore if column in columns}
    return found[0].label, tuple(sorted(ignored))
