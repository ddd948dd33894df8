"""The reference says what the code says."""

from __future__ import annotations

import re
import shlex
from typing import Any

import click
import msgspec
import pytest
from documents import ROOT, blocks, commands, shell_lines
from generated import PAGES, REFERENCE

import assay
from assay import core
from assay.cli.main import VERBS, cli
from assay.core import project as project_file

EVERY_PAGE = [ROOT / "README.md", ROOT / "examples/flights/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TABLES = {
    "[project]": project_file.ProjectTable,
    "[budget]": project_file.BudgetTable,
    "[datasets.NAME]": project_file.DatasetTable,
    "[acquire]": project_file.AcquireTable,
    "[acquire.sources.NAME]": project_file.SourceTable,
    "[models.NAME]": project_file.ModelTable,
    "[models.NAME.adapt]": project_file.AdaptTable,
    "[[checks]]": project_file.CheckTable,
    "[owner]": project_file.OwnerTable,
    "[[waivers]]": core.Waiver,
}


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_as_generated(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "run: python tests/docs/generated.py"


def rows_of(page: str, title: str) -> dict[str, list[str]]:
    """Cells of the table under a title, by the first cell; a row may speak of several keys."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    section = re.split(r"^#+ ", text.split(f" {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {key: cells for cells in lines for key in re.findall(r"`(\w+)`", cells[0])}


@pytest.mark.parametrize("title", TABLES)
def test_every_key_of_the_project_file_is_documented(title: str) -> None:
    rows = rows_of("project-file.md", f"`{title}`")
    fields = {field.name: field for field in msgspec.structs.fields(TABLES[title])}
    assert rows.keys() == fields.keys()
    for name, field in fields.items():
        told = rows[name][2].strip()
        if field.default is msgspec.NODEFAULT:
            assert told == "required", name
        elif field.default is None:
            assert told in ("none", "from the code"), name
        elif not isinstance(field.default, msgspec.Struct):
            assert told == f"`{in_toml(field.default)}`", name


def in_toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return f'"{value}"' if isinstance(value, str) else str(value)


def test_the_page_knows_every_table() -> None:
    assert set(msgspec.structs.asdict(project_file.ProjectFile(project=project_file.ProjectTable("x")))) == {
        title.strip("[]").partition(".")[0] for title in [*TABLES, "[slices]"]
    }


@pytest.mark.parametrize("struct", [core.Verdict, core.Guarantee, core.Evidence, core.Action])
def test_every_field_of_a_verdict_is_documented(struct: type[msgspec.Struct]) -> None:
    documented = set(rows_of("verdict.md", struct.__name__)) - {"id"}
    assert documented == {field.name for field in msgspec.structs.fields(struct)}


def test_every_public_name_is_in_the_python_reference() -> None:
    told = re.findall(r"^::: (\S+)", (REFERENCE / "python.md").read_text(encoding="utf-8"), re.MULTILINE)
    rooms = [name for name in assay.__all__ if hasattr(getattr(assay, name), "__path__")]
    public = [f"assay.{name}" for name in assay.__all__ if name not in rooms]
    public += [f"assay.{room}.{name}" for room in rooms for name in getattr(assay, room).__all__]
    assert sorted(told) == sorted(public)


def test_every_command_shown_anywhere_exists() -> None:
    lines = [line for page in EVERY_PAGE for line in shell_lines(page)]
    shown = [
        part for line in lines for part in re.findall(r'(?:[^|>&"]|"[^"]*")+', line) if part.split()[:1] == ["assay"]
    ]
    assert {part.split()[1] for part in shown} > {"check", "gate", "monitor", "serve"}
    for part in shown:
        words = [word for word in shlex.split(part)[1:] if word not in ("--help", "--version")]
        command: click.Command = cli
        context = click.Context(cli)
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(context, words[0])
            assert found is not None, part
            command, words = found, words[1:]
        if not isinstance(command, click.Group):
            command.make_context("assay", words)


def test_every_project_file_shown_anywhere_is_in_order() -> None:
    shown = [
        (page, block.text)
        for page in EVERY_PAGE
        for block in blocks(page)
        if block.language == "toml" and block.title in ("", "assay.toml")
    ]
    assert len(shown) >= 6
    for page, text in shown:
        whole = text if "project" in text.split("[[", 1)[0] else f'[project]\nname = "x"\n{text}'
        assert project_file.parse(whole, page.with_suffix(".toml")).datasets


def test_pages_speak_of_every_verb() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"assay {verb}" in text for verb in VERBS if verb != "labels")
    assert "assay labels import" in text
    assert all(len(commands(block)) for page in EVERY_PAGE for block in blocks(page) if block.language == "sh")
