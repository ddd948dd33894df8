"""The help of every verb: each option says what it is, and each example is a command that there is."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from assay.cli.main import VERBS, cli

if TYPE_CHECKING:
    from loan_project import Assay


def commands(
    command: click.Command = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every verb, and the verbs below it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


ALL = dict(commands())


def examples() -> list[str]:
    lines = [line.strip() for command in ALL.values() for line in (command.epilog or "").splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_says_what_it_is(path: tuple[str, ...]) -> None:
    command = ALL[path]
    assert command.help
    silent = [option.opts for option in command.params if isinstance(option, click.Option) and not option.help]
    assert silent == []


@pytest.mark.parametrize("line", examples())
def test_every_example_is_a_command(line: str) -> None:
    first, *words = shlex.split(line)
    assert first == "assay"
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, line
        command = found
    # A command remembers the names of its help from the first context that it meets.
    command.make_context("assay", words, parent=click.Context(cli, **cli.context_settings))  # type: ignore[arg-type]


def test_the_help_fits_and_names_the_verbs_below_a_verb(
    assay: Assay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(examples()) > 10
    monkeypatch.setenv("COLUMNS", "80")
    for path in ALL:
        said = assay(*path, "--help")
        assert said.code == 0
        assert max(map(len, said.out.splitlines())) <= 80, path
    for verb, (_, line) in VERBS.items():
        if ": " in line and isinstance(ALL[verb,], click.Group):
            told = line.partition(": ")[2].rstrip(".").split(", ")
            assert set(told) <= set(ALL[verb,].list_commands(click.Context(ALL[verb,]))), verb  # type: ignore[attr-defined]
