"""``assay explain``."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import click

from assay.cli import options


@click.command()
@click.argument("what", required=False, metavar="[CODE|VERDICT]")
@options.project_option
def explain(what: str | None, project_path: Path | None) -> None:
    """Say what a code or a verdict means, why it matters, when it misleads and how to replay it.

    Without an argument, list all codes.
    """
    from assay.checks import registry

    if what is None:
        for rule in registry.RULES:
            click.echo(f"{rule.code}  {rule.stage:<11}  {rule.title}")
        return
    known = {rule.code for rule in registry.RULES}
    # FEA101 in small letters could be the beginning of a verdict's id; it is more often the code.
    if what.upper() in known or (re.fullmatch(r"[A-Za-z]{3}\d{3}", what) and not re.fullmatch(r"[0-9a-f]{6}", what)):
        _explain_code(what)
        return
    project = options.open_project(project_path)
    verdict = project.verdict(what)
    options.emit([verdict], options.context(project, [verdict]), "full", None)
    click.echo("")
    _explain_code(verdict.code)
    click.echo(f"\nreplay      assay check {verdict.check}    (same inputs give the same verdict and spend nothing)")
    for name, value in verdict.evidence.fingerprints.items():
        click.echo(f"{'':<12}{name}: {value[:16]}")


def _explain_code(code: str) -> None:
    from assay.checks import registry

    rule = registry.get(code)
    click.echo(f"{rule.code}  {rule.title}")
    for name, text in (
        ("what", rule.what),
        ("why", rule.why),
        ("misleads", rule.misleads),
        ("guarantee", rule.guarantee),
        ("source", rule.source),
    ):
        lines = textwrap.wrap(text, 92)
        click.echo(f"{name:<12}{lines[0]}")
        for line in lines[1:]:
            click.echo(f"{'':<12}{line}")
