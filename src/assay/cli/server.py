"""``assay server``."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from assay.cli import options


@click.group(cls=options.Verbs, invoke_without_command=True)
@options.project_option
@click.option("--host", help="Address to listen at.", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 picks a free one.")
@click.pass_context
def server(context: click.Context, project_path: Path | None, host: str, port: int) -> None:
    """Judge predictions that are sent over HTTP against this project's own test sets.

    POST /api/v1/gate/CHECK with predictions as Parquet, Arrow or JSON, and a token. GET /api/v1/openapi.json
    describes all of it.
    """
    if context.invoked_subcommand is not None:
        context.obj = project_path
        return
    import logging

    from assay.server import auth
    from assay.server.app import serve

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    project = options.open_project(project_path)
    if not auth.tokens(project.store):
        click.echo("no token yet, so nobody can ask: `assay server token add NAME` makes one", err=True)
    if not _loopback(host):
        click.echo("tokens and predictions travel in the clear: put something that speaks TLS in front", err=True)
    serve(project, host, port)


@server.group(cls=options.Verbs)
def token() -> None:
    """Who may ask."""


@token.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["developer", "owner"]),
    default="developer",
    show_default=True,
    help="A developer sees what is disclosed, an owner the numbers too.",
)
@options.project_option
@click.pass_obj
def add(parent: Path | None, name: str, role: Any, project_path: Path | None) -> None:
    """Make a token and print it, once: the store has only its hash."""
    from assay.server import auth

    click.echo(auth.add(options.open_project(project_path or parent).store, name, role))


@token.command("list")
@options.project_option
@click.pass_obj
def list_(parent: Path | None, project_path: Path | None) -> None:
    """List names and roles."""
    from assay.server import auth

    project = options.open_project(project_path or parent)
    for each in auth.tokens(project.store) if project.has_store else ():
        when = datetime.fromtimestamp(each.created / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        options.say(f"{each.name:<24} {each.role:<10} {when}")


@token.command()
@click.argument("name")
@options.project_option
@click.pass_obj
def revoke(parent: Path | None, name: str, project_path: Path | None) -> None:
    """Take a token back, at once and on all servers."""
    from assay.server import auth

    auth.revoke(options.open_project(project_path or parent).records, name)
    options.say(f"revoked {name}")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
