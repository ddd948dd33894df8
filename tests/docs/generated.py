"""Pages that are made from the code, and outputs that pages show.

``python tests/docs/generated.py`` writes both anew; a shortened output is left to a person.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.testing import CliRunner
from documents import ROOT, agrees, follow

from assay.checks.registry import RULES
from assay.cli.main import VERBS, cli
from assay.report.json import verdict_schema

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE = ROOT / "docs" / "reference"
HOW_TO = ROOT / "docs" / "how-to"
FOLLOWED = (
    ROOT / "README.md",
    ROOT / "docs" / "tutorial.md",
    HOW_TO / "gate.md",
    HOW_TO / "acquire.md",
    HOW_TO / "custody.md",
    HOW_TO / "label.md",
)
WIDTH = 80
_QUESTIONS = {
    "feasibility": "Is it worth starting?",
    "data": "Is my data fit?",
    "gate": "May I merge this model?",
    "serving": "May I ship it?",
    "monitor": "Is it still right?",
    "adapt": "Retrain or not?",
}


def help_of(*words: str) -> str:
    """What a command says of itself, 80 columns wide."""
    done = CliRunner().invoke(cli, [*words, "--help"], prog_name="assay", terminal_width=WIDTH)
    assert done.exit_code == 0, done.output
    return "\n".join(line.rstrip() for line in done.output.rstrip().splitlines())


def cli_page() -> str:
    """Every command with its help."""
    parts = ["# Commands\n", _fence(help_of())]
    context = click.Context(cli)
    for verb in VERBS:
        parts.append(f"## assay {verb}\n\n{_fence(help_of(verb))}")
        command = cli.get_command(context, verb)
        if isinstance(command, click.Group):
            parts += [f"### assay {verb} {name}\n\n{_fence(help_of(verb, name))}" for name in command.commands]
    return "\n".join(parts)


def codes_page() -> str:
    """Every code with what it means and when it misleads."""
    parts = [
        "# Codes\n",
        "Three letters for the area, three digits for the rule; a code is never used for anything else.\n",
        '`use = "VAL1"` selects all codes that begin so. `assay explain CODE` prints what stands here.\n',
        "| code | question | what |\n|---|---|---|",
        *(f"| [`{r.code}`](#{r.code.lower()}) | {_QUESTIONS.get(r.stage, r.stage)} | {r.title} |" for r in RULES),
        "",
    ]
    for rule in RULES:
        parts += [f"## {rule.code}", f"\n**{rule.title}.** {rule.what}\n"]
        parts += [f"- *Why*: {rule.why}", f"- *When it misleads*: {rule.misleads}"]
        parts += [f"- *Guarantee*: {rule.guarantee}", f"- *Source*: {rule.source}\n"]
    return "\n".join(parts)


def schema_page() -> str:
    """JSON Schema of one verdict."""
    return json.dumps(verdict_schema(), indent=2, ensure_ascii=False) + "\n"


def _fence(text: str) -> str:
    return f"```text\n{text}\n```\n"


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "codes.md": codes_page,
    "verdict.schema.json": schema_page,
}


def refresh(document: Path) -> None:
    """Write what the commands of a document print now, where it is shown in full."""
    text = document.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "cancer"
        folder.mkdir()
        for answer in follow(document, folder):
            line, shown = answer.command.line, answer.command.shown
            if shown is None or agrees(shown, answer.printed):
                continue
            if "...\n" in shown:
                click.echo(f"{document.name}: shortened by hand, look at it: {line}")
            printed = answer.printed.rstrip().replace(place, "/home/you")
            text = text.replace(f"$ {line}\n{shown}", f"$ {line}\n{printed}\n", 1)
    document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for page in FOLLOWED:
        refresh(page)
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")
