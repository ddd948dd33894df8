"""``assay init``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli import options
from assay.core.layout import fit, screen_width
from assay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.core.project import ProjectFile

READABLE = (".csv", ".parquet", ".feather", ".arrow", ".tsv", ".csv.gz", ".tsv.gz")
_CONVERTED = (".xlsx", ".xls", ".ods", ".json", ".jsonl", ".ndjson", ".sav", ".dta", ".sas7bdat", ".orc", ".avro")
_ROLES = {
    "train": "the training data",
    "dev": "the data to choose on",
    "test": "the test set",
    "live": "data from operation",
    "pool": "rows without labels",
}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
def init(folder: Path) -> None:
    """Look at the data files in FOLDER and write a commented assay.toml; never overwrites."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    target = folder / "assay.toml"
    if target.exists():
        raise UsageError(f"{target} is there already: edit it, or move it away")
    files = [path for place in (folder, folder / "data") if place.is_dir() for path in _data(place)]
    if not files:
        told = f"{folder.resolve()}: no data here or in data/ (looked for {', '.join(READABLE)})"
        other = next((path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in _CONVERTED), None)
        raise UsageError(f"{told}; save {other} as CSV or Parquet" if other else told)
    from assay.core import project as project_file
    from assay.validation.first_project import draft

    with contextlib.chdir(folder):
        text, guesses = draft([path.relative_to(folder) for path in files])
    guessed = project_file.parse(text, target)
    options.write(target, text)
    for line in text.splitlines():
        if line.startswith(("# left out: ", "# not asked: ")):
            _say(line.removeprefix("# "))
    if len(guessed.datasets) > 1 or guessed.models:
        _say(f"assumed: {_assumed(guessed)}")
    for guess in guesses:
        _say(f"guessed: {guess}")
    if not any(dataset.label for dataset in guessed.datasets.values()):
        _say("found no label: name its column")
    _say("next: read it, mend what is wrong, then `assay check`")


def _say(line: str) -> None:
    """Tell a person on as many lines as the screen needs, and a log on one."""
    click.echo(fit(line, screen_width()) if sys.stderr.isatty() else line, err=True)


def _data(place: Path) -> Iterator[Path]:
    """Data files of a folder, and folders in it that hold Parquet alone."""
    for path in sorted(place.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.is_file() and path.name.lower().endswith(READABLE):
            yield path
        elif path.is_dir():
            held = [inner for inner in path.iterdir() if inner.is_file() and not inner.name.startswith((".", "_"))]
            if held and all(inner.suffix.lower() == ".parquet" for inner in held):
                yield path


def _assumed(guessed: ProjectFile) -> str:
    """What every file was taken for, in one line."""
    from assay.core.project import place_of

    tables = [f"{place_of(dataset.source)} is {_ROLES[dataset.role]}" for dataset in guessed.datasets.values()]
    models = [str(place_of(model.predictions)) for model in guessed.models.values()]
    judged = next((place_of(dataset.source) for dataset in guessed.datasets.values() if dataset.role == "test"), "")
    told = f"; {' and '.join(models)} hold{'s' if len(models) == 1 else ''} predictions for {judged}" if models else ""
    return ", ".join(tables) + told
