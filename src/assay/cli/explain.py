"""``assay explain``."""

from __future__ import annotations

import re
import shlex
import shutil
import textwrap
from pathlib import Path

import click

from assay.cli import options

WIDTH = 104
"""Columns at most: longer lines are hard to read."""
INDENT = 12


@click.command(epilog=options.examples("assay explain", "assay explain VAL1", "assay explain GAT101"))
@click.argument("what", default="", metavar="[CODE|VERDICT]")
@options.project_option
def explain(what: str, project_path: Path | None) -> None:
    """Say what a code or a verdict means, why it matters, when it misleads and how to replay it.

    Without an argument, list all codes; with the beginning of some (VAL1), list these.
    """
    from assay.checks import registry

    # Small letters and digits can be the beginning of a verdict's id: fea1 is one, FEA1 a family of codes, and fea101
    # is more often the code.
    asked = what.upper()
    meant = what == asked or not re.fullmatch(r"[0-9a-f]+", what)
    family = [rule for rule in registry.RULES if rule.code.startswith(asked) and (meant or rule.code == asked)]
    if len(family) > 1:
        for rule in family:
            options.say(f"{rule.code}  {rule.stage:<11}  {rule.title}")
        return
    if family or (meant and re.fullmatch(r"[A-Z]{3}\d{3}", asked)):
        _explain_code(family[0].code if family else asked)
        return
    project = options.open_project(project_path)
    verdict = project.verdict(what)
    options.emit([verdict], options.context(project, [verdict]), "full", None)
    options.say("")
    _explain_code(verdict.code)
    where = f" --project {shlex.quote(str(project_path))}" if project_path else ""
    options.say(f"\n{'replay':<{INDENT}}assay check {shlex.quote(verdict.check)}{where}")
    _entry("", "the same inputs give the same verdict and spend nothing")
    for name, value in verdict.evidence.fingerprints.items():
        options.say(f"{'':<{INDENT}}{name}: {value[:16]}")


def _explain_code(code: str) -> None:
    from assay.checks import registry

    rule = registry.get(code)
    options.say(f"{rule.code}  {rule.title}")
    for name, text in (
        ("what", rule.what),
        ("why", rule.why),
        ("misleads", rule.misleads),
        ("guarantee", rule.guarantee),
        ("source", rule.source),
    ):
        _entry(name, text)


def _entry(name: str, text: str) -> None:
    """A name, and beside it text that is wrapped where the screen ends."""
    columns = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
    for place, line in enumerate(textwrap.wrap(text, max(20, columns - INDENT))):
        options.say(f"{name if place == 0 else '':<{INDENT}}{line}")
