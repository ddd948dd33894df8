"""``assay models``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from assay.cli import options
from assay.errors import ExitCode, UsageError


@click.group(cls=options.Verbs)
def models() -> None:
    """Models, their versions and aliases."""


@models.command("list")
@options.project_option
def list_(project_path: Path | None) -> None:
    """List every version of every model, with its aliases."""
    from assay.tracking.registry import Registry

    project = options.open_project(project_path)
    names = Registry(project.store).names() if project.has_store else []
    if not names:
        options.say("no model yet: `with assay.run() as run: run.log_model(...)` stores one")
        return
    registry = Registry(project.store)
    for name in names:
        aliases: dict[int, list[str]] = {}
        for alias, version in registry.aliases(name).items():
            aliases.setdefault(version, []).append(alias)
        for entry in registry.versions(name):
            when = datetime.fromtimestamp(entry.created / 1000, UTC).strftime("%Y-%m-%d %H:%M")
            words = ", ".join(sorted(aliases.get(entry.version, [])))
            options.say(f"{name}/{entry.version:<4} {when}  {entry.format:<8} {entry.digest[:12]}  {words}")


@models.command()
@click.argument("reference", metavar="NAME[@ALIAS|/VERSION]")
@options.project_option
def show(reference: str, project_path: Path | None) -> None:
    """Show one version: where it came from, what it takes and gives."""
    from assay.tracking.registry import Registry

    entry = Registry(options.open_project(project_path).records).get(reference)
    options.say(f"{entry.name}/{entry.version}")
    options.say(f"  run      {entry.run_id or '-'}")
    options.say(f"  format   {entry.format}")
    options.say(f"  digest   {entry.digest}")
    options.say(f"  inputs   {', '.join(f'{k}: {v}' for k, v in entry.signature.get('inputs', {}).items())}")
    options.say(f"  output   {entry.signature.get('output', '')}")


@models.command()
@click.argument("model", metavar="NAME[@ALIAS|/VERSION]")
@click.option("--to", "alias", default="champion", show_default=True, help="The alias to move.")
@click.option("--override", default="", metavar="REASON", help="Move it although the gate refuses; kept for ever.")
@options.project_option
@options.with_option
@options.output_options
def promote(
    model: str,
    alias: str,
    override: str,
    project_path: Path | None,
    overrides: tuple[str, ...],
    format_: str,
    output: Path | None,
) -> None:
    """Gate a version (the candidate by default) and move an alias to it when every blocking check passes."""
    from assay.checks.outcome import exit_code
    from assay.checks.promote import promote as move

    options.require_place(output)
    name, side = _split(model)
    project = options.open_project(project_path)
    promotion = move(
        project, name, side=side, alias=alias, override=override, datasets=options.parse_overrides(overrides, project)
    )
    code = ExitCode.OK if promotion.moved else exit_code(promotion.verdicts) or ExitCode.INCONCLUSIVE
    frame = options.context(project, promotion.verdicts, exit_code=int(code))
    options.emit(promotion.verdicts, frame, format_, output)
    if promotion.moved:
        before = f", before it {name}/{promotion.before}" if promotion.before else ""
        click.echo(f"promoted: {name}@{alias} is {name}/{promotion.version}{before}", err=True)
        return
    click.echo(f"refused: {name}@{alias} stays as it was; --override REASON is recorded for ever", err=True)
    options.leave(code)


@models.command()
@click.argument("model", metavar="NAME")
@click.argument("predictions", metavar="FILE")
@click.option("--on", "dataset", default="", metavar="DATASET", help="The test set; the declared one by default.")
@options.project_option
def score(model: str, predictions: str, dataset: str, project_path: Path | None) -> None:
    """Enter what the model that passed last predicts on another test set, so that candidates are compared with it."""
    from assay.checks.champions import score as enter

    project = options.open_project(project_path)
    source = predictions if "://" in predictions else str(Path(predictions).resolve())
    options.say(f"entered: {enter(project, model, source, dataset)}")


@models.command()
@click.argument("model", metavar="NAME")
@click.option("--alias", default="champion", show_default=True, help="The alias to move back.")
@options.project_option
def rollback(model: str, alias: str, project_path: Path | None) -> None:
    """Move an alias back to the version that it pointed to before."""
    from assay.store import records
    from assay.store.aliases import AliasMove
    from assay.tracking.registry import Registry

    project = options.open_project(project_path)
    registry = Registry(project.records)
    now = registry.alias(model, alias)
    before = registry.previous(model, alias)
    if now is None or before is None:
        raise UsageError(f"{model}@{alias} has no earlier version to go back to")
    move = AliasMove(model, alias, before, now.revision, detail={"rollback": f"{now.version}"})
    records.record(project.store, verdicts=[], cache_key=None, alias=move)
    options.say(f"rolled back: {model}@{alias} is {model}/{before}, before it {model}/{now.version}")


def _split(reference: str) -> tuple[str, str]:
    """Read ``flights``, ``flights@candidate`` or ``flights/3``."""
    for mark in ("@", "/"):
        name, found, side = reference.partition(mark)
        if found and name and side:
            return name, side
    return reference, "candidate"
