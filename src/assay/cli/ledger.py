"""``assay ledger``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from assay.cli import options
from assay.core.layout import columns, screen_width


@click.group(cls=options.Verbs)
def ledger() -> None:
    """What was spent, on what, and by whom it was decided."""


@ledger.command()
@options.project_option
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Newest entries to show.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, one entry a line.")
def show(project_path: Path | None, limit: int, as_json: bool) -> None:
    """List the newest entries, oldest first, and what each test set has left."""
    from assay.checks.testsets import meters
    from assay.store.ledger import Ledger

    project = options.open_project(project_path)
    entries = []
    if project.has_store:
        project.store.sync()
        entries = Ledger(project.store).entries()[-limit:]
    if as_json:
        import msgspec

        for entry in entries:
            click.echo(msgspec.json.encode(entry))
        return
    if not entries:
        options.say("the ledger is empty: checks and promotions write to it")
    rows = []
    for entry in entries:
        when = datetime.fromtimestamp(entry.created / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        about = " ".join(filter(None, (entry.check_id, entry.verdict_id and f"[{entry.verdict_id}]")))
        rows.append((str(entry.seq), when, entry.state, entry.kind, f"{entry.amount:.4g}", entry.key[:12], about))
    options.say(*columns(rows, screen_width(), right={0}))
    for meter in meters(project.store) if entries else []:
        options.say(f"test set {meter.name} ({meter.key[:12]}): {meter}")


@ledger.command()
@options.project_option
def verify(project_path: Path | None) -> None:
    """Recompute the hash chain, and that of a shared ledger; a changed, deleted or reordered entry is named.

    What entries name beside them (openings of answers, predictions that passed) has to be there and hash right.
    """
    from assay.store.ledger import Ledger

    project = options.open_project(project_path)
    count, where, held = 0, "", 0
    if project.has_store:
        store = project.store
        if store.shared is not None:
            store.shared.sync(store, thorough=True)
            where = f", the same on {store.shared.name}"
        count = Ledger(store).verify()
        held = Ledger(store).verify_artifacts()
    told = "1 object as it was written" if held == 1 else f"{held} objects as they were written"
    objects = f"; {told}" if held else ""
    options.say(f"{count} entries, chain verified{where}{objects}")


@ledger.command()
@click.argument("selection", nargs=-1, required=True)
@options.project_option
@options.with_option
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=60, show_default=True, help="How long.")
@click.option("--release", is_flag=True, help="Give back what was put by, instead.")
def reserve(
    selection: tuple[str, ...], project_path: Path | None, overrides: tuple[str, ...], minutes: float, release: bool
) -> None:
    """Put by what checks will spend on their inputs of now, until their turn comes.

    The same check on the same inputs takes it over, whoever asks. After the minutes it comes back by itself.
    """
    from assay.checks.putting_by import give_back, put_by

    project = options.open_project(project_path)
    if release:
        count = give_back(project, " ".join(selection))
        options.say(f"{count} reservations given back")
        return
    held = put_by(project, " ".join(selection), minutes, options.parse_overrides(overrides, project))
    if not held:
        options.say("nothing to put by: the verdicts are on record, or cost nothing")
    for one in held:
        until = datetime.fromtimestamp(one.expires / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        options.say(f"{one.check}: {one.amount:.4g} {one.kind} of {one.key[:12]} until {until} UTC")
