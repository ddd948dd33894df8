"""``assay profile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli import options
from assay.core.layout import screen_width

if TYPE_CHECKING:
    from assay.validation import Profile


@click.command(epilog=options.examples("assay profile train.csv", "assay profile train --columns amount,late"))
@click.argument("source", metavar="FILE|FOLDER|GLOB|DATASET")
@options.project_option
@click.option("--columns", metavar="A,B,...", help="Only these columns.")
@click.option("--by", metavar="A,B,...", help="A profile for each value of these columns, too.")
@click.option("--weight", metavar="COLUMN", help="Count each row by this column.")
@click.option("--label", metavar="COLUMN", help="Lift and mutual information with this column.")
@click.option("--compare", "other", metavar="OTHER", help="Put another table, or a saved profile, beside it.")
@click.option("--engine", metavar="duckdb|spark|URL", default="duckdb", help="What reads SOURCE; a URL has tables.")
@click.option("--save", type=click.Path(path_type=Path), help="Keep the profile, to be merged or compared later.")
@click.option("--html", type=click.Path(path_type=Path), help="Write one page that stands alone and can be searched.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def profile(
    source: str,
    project_path: Path | None,
    columns: str | None,
    by: str | None,
    weight: str | None,
    label: str | None,
    other: str | None,
    engine: str,
    save: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Look at a table: counts, nulls, distinct values, range, mean, quantiles, top values."""
    import msgspec

    from assay.validation.profile_compare import side_by_side

    options.require_place(save)
    options.require_place(html)
    how = {"columns": _names(columns), "by": _names(by), "weight": weight, "label": label}
    found = _look(source, project_path, engine, how)
    if save is not None:
        found.save(save)
        click.echo(f"wrote {save}", err=True)
    beside = None if other is None else _look(other, project_path, engine, how)
    if html is not None:
        from assay import __version__
        from assay.report.portrait import portrait_html
        from assay.validation.profile_portrait import portrait

        both = (found,) if beside is None else (found, beside)
        options.write(html, portrait_html(portrait(*both), __version__))
    elif beside is not None:
        click.echo(side_by_side(found, beside, screen_width()))
    elif as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        width = screen_width()
        click.echo(found.to_text(width))
        for name, part in found.slices.items():
            click.echo(f"\n{name}\n{part.to_text(width)}")


def _names(text: str | None) -> list[str] | None:
    return [name.strip() for name in text.split(",")] if text else None


def _look(source: str, project_path: Path | None, engine: str, how: dict[str, Any]) -> Profile:
    """Profile a table with a bar for whoever waits, or read the profile that was saved of one."""
    from assay.validation import Profile, profile_store
    from assay.validation import profile as look

    if profile_store.is_profile(Path(source)):
        return Profile.load(source)
    table: Any = resolve(source, project_path)[0]
    if engine != "duckdb":
        from assay.data.engines import Engine

        table = Engine(engine).table(source)
    if not options.interactive():
        return look(table, **how)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"reading {source}", total=1.0)
        return look(table, **how, progress=lambda share: bar.update(task, completed=share))


def resolve(source: str, project_path: Path | None) -> tuple[object, str | None]:
    """Give a declared dataset by its name, with its unit, else a file."""
    from assay.core import project as project_file

    place = project_path or Path.cwd()
    path = place if place.is_file() else project_file.find(place)
    if path is not None and not Path(source).exists():
        project = options.open_project(path)
        if source in project.file.datasets:
            from assay.checks.inputs import Inputs

            dataset = Inputs(project, {}).dataset(source)
            return dataset.table, dataset.declared.unit
    return source, None
