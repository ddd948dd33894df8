"""Verbs that ask one question: the checks of one stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from assay.cli import options
from assay.cli.check import run_and_emit

if TYPE_CHECKING:
    from pathlib import Path


def _question(name: str, stage: str, doc: str) -> click.Command:
    @click.command(name, help=doc)
    @options.project_option
    @options.with_option
    @options.output_options
    def command(project_path: Path | None, overrides: tuple[str, ...], format_: str, output: Path | None) -> None:
        run_and_emit(f"stage:{stage}", project_path, overrides, format_, output)

    return command


feasibility = _question("feasibility", "feasibility", "Is it worth starting? Same as `assay check stage:feasibility`.")
monitor = _question("monitor", "monitor", "Is it still right? Same as `assay check stage:monitor`.")
